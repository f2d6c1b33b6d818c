"""``agentchan lab demo``: the whole program, with a real daemon."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from agentchan.lab import demo, demo_stage
from agentchan.lab.demo_stage import DemoFailure, Stage
from tests.lab.running import AGENTCHAN


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the demo prints."""
    environ = {**os.environ, "TMPDIR": str(tmp_path_factory.mktemp("demo"))}
    ended = subprocess.run(
        [*AGENTCHAN, "lab", "demo"], capture_output=True, text=True, env=environ, timeout=60, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert list(Path(environ["TMPDIR"]).iterdir()) == []
    return ended.stdout


def test_demo(told: str) -> None:
    """The demo shows a planned switch, a killed host and a frozen one, what each took, and calls that live through."""
    for text in (
        "all 120 channels of ivr1 are ready at ce1",
        "is CE failing over? Yes",
        "all 120 channels are ready at ce2",
        "agentchan's record: ",
        "long-call begins on ivr1-001",
        "long-call on ivr1-001 has lived through it.",
        "signals came meanwhile; agentchan took each within",
        "long-call ends, the last one",
        "it has signed off at ce2",
        "planned switch  ce1 → ce2",
        "killed host     ce2 → ce1",
        "frozen host     ce1 → ce2",
        "exactly once and in order, and no channel is stuck; no readiness reached a host",
    ):
        assert text in told
    assert told.count("has lived through it.") == 3


def test_demo_tells_of_each_signal(told: str) -> None:
    """For every failover there are signals, with how long each one waited; none took longer than its table says."""
    waits = [list(map(_milliseconds, re.findall(r"[\d,]*\d", text))) for text in _told_waits(told)]
    rows = re.findall(r" (\d+) +([\d,]+) ms$", told, re.MULTILINE)
    assert len(waits) == len(rows) == 3
    for signals, (count, longest) in zip(waits, rows, strict=True):
        assert len(signals) == int(count) > 0
        assert max(signals) == _milliseconds(longest)


def _told_waits(told: str) -> list[str]:
    """What is told of NewCall and of Gone in each failover."""
    return re.findall(r"in ms:\n((?: {12} *(?:NewCall|Gone|[\d,]).*\n)+)", told)


def _milliseconds(text: str) -> int:
    return int(text.replace(",", ""))


def test_demo_fits_a_terminal(told: str) -> None:
    """The timeline has 80 columns and, where it is no terminal, no colour; its times do not go backwards."""
    lines = told.splitlines()
    assert max(map(len, lines)) <= 80
    assert "\x1b" not in told
    times = [float(line[:8]) for line in lines if line[8:11] == " s "]
    assert times == sorted(times)
    assert len(times) > 12


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """A day of the test's own, without pauses."""
    monkeypatch.setattr(demo, "PAUSE", 0.0)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return monkeypatch


def test_demo_that_fails(quick: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """If something does not happen as it must, the demo says what; the files are kept if that is wanted."""

    def never(stage: Stage) -> None:
        stage.wait_until(lambda: stage.lab.pair.active() == "ce3", "ce3 is active")

    quick.setattr(demo, "DAY", (demo.morning, never))
    quick.setattr(demo_stage, "PATIENCE", 0.5)
    lines: list[str] = []
    with pytest.raises(DemoFailure, match=r"not within 0 s: ce3 is active"):
        demo.show(lines.append, channels=3, tls=False, keep=True)
    (kept,) = tmp_path.iterdir()
    assert lines[-1].endswith(str(kept))
    assert (kept / "domain.sqlite3").exists()


def _spoiled(stage: Stage) -> None:
    stage.calls.end()
    stage.calls.said.reverse()
    stage.lab.pair.stick("ivr1-003", "ghost")


def _dead(stage: Stage) -> None:
    stage.daemon.kill()
    stage.calls.end()


@pytest.mark.parametrize(
    ("phase", "reason"),
    [
        (_spoiled, "(?s)was applied before .* which was accepted first.*ivr1-003 of ivr1 still holds call ghost"),
        (_dead, "the daemon at .* broke off|daemon is not running"),
    ],
    ids=["spoiled", "dead"],
)
def test_bad_day(quick: pytest.MonkeyPatch, phase: Callable[[Stage], None], reason: str) -> None:
    """A channel that is stuck, signals in another order, or a daemon that dies: the demo does not end well."""
    quick.setattr(demo, "DAY", (demo.morning, phase))
    with pytest.raises(DemoFailure, match=reason):
        demo.show(lambda _line: None, channels=3, tls=False, keep=False)
