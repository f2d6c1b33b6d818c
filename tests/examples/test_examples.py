"""The examples do what they say, each by its own program, against a real daemon and pair."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.end_to_end.daemons import RunningDaemon, Stage, staged, wait_until

EXAMPLES = Path(__file__).parents[2] / "examples"

PROGRAMS = {
    "curl/call.sh": ["sh", "{}"],
    "curl/call-soap.sh": ["sh", "{}"],
    "python/call_json.py": [sys.executable, "{}"],
    "python/call_soap.py": [sys.executable, "{}"],
}
TRANSFERS = {"curl/transfer.sh": ["sh", "{}"], "python/transfer.py": [sys.executable, "{}"]}


def command(program: list[str], file: str, *arguments: str) -> list[str]:
    """The command that runs an example; the test is skipped where its program is missing."""
    if "curl" in file and shutil.which("curl") is None:
        pytest.skip("curl is not installed (Debian package curl)")
    return [*(each.format(EXAMPLES / file) for each in program), *arguments]


def free_port() -> int:
    """A port that nobody has just now."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A pair and a daemon with a TCP listener, and two endpoints: one where nobody is, one that cannot be known."""
    with staged(tmp_path_factory.mktemp("examples")) as stage:
        port = free_port()
        stage.started(
            tables={
                "api": {"listen": f"127.0.0.1:{port}"},
                "endpoint_check": {"enabled": True, "fall": 1, "timeout": "200ms", "interval": "500ms"},
            }
        )
        os.environ["AGENTCHAN"] = f"http://127.0.0.1:{port}"
        yield stage
        del os.environ["AGENTCHAN"]


@pytest.fixture
def daemon(stage: Stage) -> RunningDaemon:
    """The daemon, with ce1 active and running."""
    stage.rest()
    stage.wait_ready(stage.daemons["agentchan"])
    return stage.daemons["agentchan"]


def signals_at_ce(stage: Stage, call_id: str) -> list[Mapping[str, object]]:
    """What CE has applied of a call; a signal that was sent again is not applied again."""
    rows = [row for row in stage.pair.history() if row["call_id"] == call_id and not row["duplicate"]]
    return [row for row in rows if row["event"] in ("new-call", "gone")]


@pytest.mark.parametrize("file", PROGRAMS)
@pytest.mark.parametrize("end", ["completed", "hung-up"])
def test_a_call_is_told_and_ended(stage: Stage, daemon: RunningDaemon, file: str, end: str) -> None:
    """CE hears of the call and of its end, whether it ends by itself or by a hang-up."""
    call_id = f"{Path(file).stem}-{end}"
    with subprocess.Popen(
        command(PROGRAMS[file], file, "ivr1-01", call_id), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as script:
        wait_until(lambda: stage.pair.channels()["ivr1-01"]["call_id"] == call_id, "CE has heard of the call")
        if end == "completed":
            assert script.stdin is not None
            script.stdin.close()
        else:
            script.send_signal(signal.SIGHUP)
        assert script.wait(30) == 0
    wait_until(lambda: stage.pair.channels()["ivr1-01"]["state"] == "Ready", "the channel is free")
    assert [row["event"] for row in signals_at_ce(stage, call_id)] == ["new-call", "gone"]
    gone = signals_at_ce(stage, call_id)[-1]["details"]
    assert isinstance(gone, dict)
    assert gone["Outcome"] == end
    stage.all_is_well(daemon)


@pytest.mark.parametrize("file", PROGRAMS)
def test_a_call_lives_through_a_failover_and_a_restart(stage: Stage, daemon: RunningDaemon, file: str) -> None:
    """While no host is active, and while the daemon is restarted, the script goes on; CE hears of all in order."""
    call_id = f"{Path(file).stem}-failover"
    with subprocess.Popen(
        command(PROGRAMS[file], file, "ivr1-02", call_id), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as script:
        wait_until(lambda: stage.pair.channels()["ivr1-02"]["call_id"] == call_id, "CE has heard of the call")
        stage.pair.kill("ce1")
        daemon.kill()
        assert script.stdin is not None
        script.stdin.close()  # the call ends just now
        daemon.start()
        assert script.wait(30) == 0
    stage.pair.promote("ce2")
    wait_until(lambda: stage.pair.channels()["ivr1-02"]["state"] == "Ready", "the channel is free")
    assert [row["event"] for row in signals_at_ce(stage, call_id)] == ["new-call", "gone"]
    stage.all_is_well(daemon)


@pytest.mark.parametrize("file", TRANSFERS)
def test_a_transfer_is_decided(stage: Stage, daemon: RunningDaemon, file: str) -> None:
    """Nobody at the endpoint: the default route. Nothing known against it: transfer. CE is moving, or away: wait."""
    assert daemon.running

    def decision(uri: str) -> str:
        return subprocess.run(
            command(TRANSFERS[file], file, uri), capture_output=True, text=True, timeout=30, check=True
        ).stdout.strip()

    nobody = f"sip:nobody@127.0.0.1:{free_port()};transport=tcp"
    wait_until(lambda: decision(nobody) == "default-route", "the endpoint is known to be down")
    assert decision("tel:+4930123456") == "transfer"
    stage.pair.set_state("FailingOver")
    wait_until(lambda: decision(nobody) == "wait", "CE is failing over")
    stage.pair.set_state("Running")
    wait_until(lambda: decision("tel:+4930123456") == "transfer", "it is over")


def test_without_a_daemon_a_transfer_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """No answer at all is unknown."""
    monkeypatch.setenv("AGENTCHAN", f"http://127.0.0.1:{free_port()}")
    for file, program in TRANSFERS.items():
        done = subprocess.run(
            command(program, file, "sip:a@127.0.0.1"), capture_output=True, text=True, timeout=30, check=True
        )
        assert done.stdout.strip() == "wait"


def test_the_dialplan_asks_what_the_daemon_offers() -> None:
    """Without Asterisk at hand: every path and field of the dialplan is one of the API's, and Gone is in ``h``."""
    text = (EXAMPLES / "asterisk/extensions.conf").read_text()
    assert set(re.findall(r"/v1/[a-z-]+", text)) == {
        "/v1/new-call",
        "/v1/gone",
        "/v1/failing-over",
        "/v1/endpoint-available",
    }
    assert set(re.findall(r"[,&?]([a-z_]+)=\$\{", text)) == {
        "channel", "call_id", "caller", "called", "outcome", "uri",
    }  # fmt: skip
    at_hang_up = text[text.index("exten => h,1") : text.index("[transfer]")]
    assert "/v1/gone" in at_hang_up
    for line in text.splitlines():
        assert line.count("(") == line.count(")") or line.startswith(";"), line


def test_each_example_is_listed() -> None:
    """README.md of the examples names every file, and nothing else."""
    listed = set(re.findall(r"\]\(([a-z]+/[a-z_.-]+)\)", (EXAMPLES / "README.md").read_text()))
    there = {str(path.relative_to(EXAMPLES)) for path in EXAMPLES.glob("*/*") if path.suffix != ".pyc"}
    assert listed == {path for path in there if "__pycache__" not in path}
