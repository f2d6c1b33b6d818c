"""``agentchan lab demo``: the whole program, with a real daemon."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from agentchan.lab import demo
from agentchan.lab.demo import DemoFailure, Stage
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
    """The demo shows readiness, a planned switch, a killed host and a frozen one, and what each failover took."""
    for text in (
        "all 120 channels of ivr1 are ready at ce1",
        "is CE failing over? Yes",
        "all 120 channels are ready at ce2",
        "agentchan's record: ",
        "it has signed off at ce2",
        "planned switch  ce1 → ce2",
        "killed host     ce2 → ce1",
        "frozen host     ce1 → ce2",
        "no readiness reached a host that had said",
    ):
        assert text in told


def test_demo_fits_a_terminal(told: str) -> None:
    """The timeline has 80 columns and, where it is no terminal, no colour; its times do not go backwards."""
    lines = told.splitlines()
    assert max(map(len, lines)) <= 80
    assert "\x1b" not in told
    times = [float(line[:8]) for line in lines if line[8:11] == " s "]
    assert times == sorted(times)
    assert len(times) > 12


def test_demo_that_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """If something does not happen as it must, the demo says what; the files are kept if that is wanted."""

    def never(stage: Stage) -> None:
        stage.wait_until(lambda: stage.lab.pair.active() == "ce3", "ce3 is active")

    monkeypatch.setattr(demo, "DAY", (demo.morning, never))
    monkeypatch.setattr(demo, "PATIENCE", 0.5)
    monkeypatch.setattr(demo, "PAUSE", 0.0)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    lines: list[str] = []
    with pytest.raises(DemoFailure, match=r"not within 0 s: ce3 is active"):
        demo.show(lines.append, channels=3, tls=False, keep=True)
    (kept,) = tmp_path.iterdir()
    assert lines[-1].endswith(str(kept))
    assert (kept / "domain.sqlite3").exists()
