"""The hosts as processes: no test, demo or benchmark leaves one behind, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agentchan.lab.host_process import LabError
from agentchan.lab.pair import Pair

PROGRAM = """
import sys, time
from pathlib import Path
from agentchan.lab.pair import Pair
with Pair(Path(sys.argv[1])) as pair:
    if sys.argv[2] == "frozen":
        pair.freeze("ce2")
    print(*(process.pid for process in pair.processes.values()), flush=True)
    time.sleep(600)
"""


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def wait_gone(pids: list[int]) -> None:
    """Wait until none of these processes is left."""
    deadline = time.monotonic() + 20
    while any(_alive(pid) for pid in pids):
        assert time.monotonic() < deadline, pids
        time.sleep(0.01)


@pytest.mark.parametrize("state", ["running", "frozen"])
def test_killed_parent(tmp_path: Path, state: str) -> None:
    """Hosts end when the program that started them is killed, also if they are frozen."""
    with subprocess.Popen([sys.executable, "-c", PROGRAM, str(tmp_path), state], stdout=subprocess.PIPE) as program:
        assert program.stdout is not None
        pids = [int(pid) for pid in program.stdout.readline().split()]
        assert all(_alive(pid) for pid in pids)
        program.kill()
    wait_gone(pids)


def test_independent_peer() -> None:
    """The hosts share with the rest of the program nothing but the WSDL files in its folder of profiles."""
    program = (
        "import sys, agentchan.lab.host\n"
        "own = {name for name in sys.modules if name.startswith('agentchan') and '.lab' not in name}\n"
        "assert own == {'agentchan', 'agentchan.ce'}, own"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_whatever_state_they_are_in(tmp_path: Path) -> None:
    """After the pair has ended no host is left: killed, frozen or stopped ones included."""
    with Pair(tmp_path) as pair:
        first = [process.pid for process in pair.processes.values()]
        pair.kill("ce1")
        pair.start("ce1")
        pair.stop_host("ce1")
        pair.start("ce1")
        pids = [process.pid for process in pair.processes.values()]
        pair.freeze("ce1")
        pair.freeze("ce2")
    wait_gone([*first, *pids])


def test_host_that_hangs_at_its_end(tmp_path: Path) -> None:
    """A host ends in good order by SIGTERM, and at once by the second one."""
    with Pair(tmp_path, options=["--stopping-time=600"]) as pair:
        process = pair.processes["ce2"]
        os.kill(process.pid, signal.SIGTERM)
        pair.wait_until(lambda: pair.status("ce2")["state"] == "Stopping")
        assert process.running
        os.kill(process.pid, signal.SIGTERM)
        pair.wait_until(lambda: not process.running)
        pair.kill("ce1")


@pytest.mark.parametrize(
    ("option", "complaint"),
    [
        ("--nonsense", "No such option"),
        ("--certificate=/nowhere.pem", "--certificate and --key go together"),
        ("--ivrs-file=/nowhere.json", "No such file"),
        ("--session-timeout=0", "is not in the range"),
    ],
)
def test_wrong_options(tmp_path: Path, option: str, complaint: str) -> None:
    """A host with wrong options does not start, and its log says why."""
    with pytest.raises(LabError, match=r"ce\d did not start; see "), Pair(tmp_path, options=[option]):
        pass
    assert complaint in (tmp_path / "ce1.log").read_text(encoding="utf-8")


def test_port_that_is_taken(tmp_path: Path) -> None:
    """A host whose port is taken says so."""
    with Pair(tmp_path) as pair:
        taken = pair.processes["ce1"].ports["component"]
        command = [sys.executable, "-m", "agentchan.lab.host", "--name=ce3", f"--database={tmp_path / 'other'}"]
        ended = subprocess.run(
            [*command, f"--component-port={taken}"], capture_output=True, text=True, timeout=30, check=False
        )
    assert ended.returncode == 1
    assert "give another port" in ended.stderr


def test_a_primary_that_starts_slowly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long ce1 takes to start, and however soon ce2 takes over from a dead one: at first ce1 is active."""
    slow = tmp_path / "slow-python"
    slow.write_text(
        f'#!/bin/sh\ncase "$*" in *--name=ce1*) sleep 3;; esac\nexec {sys.executable} "$@"\n', encoding="utf-8"
    )
    slow.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(slow))
    with Pair(tmp_path / "pair", ["ivr1-1"], auto_failover_interval=0.2) as pair:
        assert pair.active() == "ce1"
        assert [row["host"] for row in pair.history() if row["event"] == "promoted"] == ["ce1"]
