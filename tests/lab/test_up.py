"""``agentchan lab up``: the whole program, with a real daemon."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from agentchan.lab.daemon_process import DaemonProcess, toml
from agentchan.lab.host_process import LabError
from tests.lab.running import AGENTCHAN, PATIENCE, Operator, lab_up
from tests.lab.test_processes import wait_gone


def _pids(operator: Operator) -> list[int]:
    found = operator.status()
    return [host["pid"] for host in found["hosts"].values()] + [found["lab"]["daemon"]["pid"]]


def test_daemon_follows(tmp_path: Path) -> None:
    """The daemon signs on, follows a switch, and says so on the socket that 'up' has told of."""
    operator = Operator(tmp_path)
    with lab_up("--directory", str(tmp_path), "--channels", "9", "--auto-failover-interval", "0s", "--port", "0") as up:
        state = operator.status()["lab"]
        for host in ("ce1", "ce2"):
            _wait_ready(operator, host, 9)
            status = json.loads(
                subprocess.check_output([*AGENTCHAN, "--socket", state["daemon"]["socket"], "status", "--json"])
            )
            assert (status["agent_channel"]["state"], status["agent_channel"]["host"]) == ("up", host)
            if host == "ce1":
                operator.type("kill", "ce1")
        assert operator.type("check") == "Nothing has happened that must not.\n"
        address, _, port = state["daemon"]["listen"].partition(":")
        socket.create_connection((address, int(port))).close()
        pids = [host["pid"] for host in operator.status()["hosts"].values() if "pid" in host]
        up.send_signal(signal.SIGINT)
        assert up.wait(60) == 0
    wait_gone([*pids, state["daemon"]["pid"]])
    assert (tmp_path / "domain.sqlite3").exists()
    assert not (tmp_path / "lab.json").exists()


def _wait_ready(operator: Operator, host: str, count: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while (found := operator.status())["active"] != host or found["channels"].get("Ready") != count:
        assert time.monotonic() < deadline, found
        time.sleep(0.02)


def test_tls(tmp_path: Path) -> None:
    """With --tls all is https, and the daemon checks the hosts' certificates."""
    operator = Operator(tmp_path)
    with lab_up("--directory", str(tmp_path), "--channels", "3", "--tls"):
        assert operator.status()["lab"]["hosts"]["ce1"]["component"].startswith("https://localhost:")
        _wait_ready(operator, "ce1", 3)


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left(tmp_path: Path, end: signal.Signals) -> None:
    """However 'up' ends, no process is left; told to end, it ends with 0 and removes its temporary directory."""
    with lab_up(environ={"TMPDIR": str(tmp_path)}) as up:
        (directory,) = tmp_path.glob("agentchan-lab-*")
        pids = _pids(Operator(directory))
        up.send_signal(end)
        assert up.wait(60) == (-end if end is signal.SIGKILL else 0)
    wait_gone(pids)
    assert directory.exists() == (end is signal.SIGKILL)


def test_daemon_that_ends(tmp_path: Path) -> None:
    """If the daemon ends by itself, 'up' says so with its last words, ends all, and ends with 1."""
    with lab_up("--directory", str(tmp_path)) as up:
        pids = _pids(Operator(tmp_path))
        os.kill(pids[-1], signal.SIGKILL)
        _, errors = up.communicate(timeout=60)
    assert up.returncode == 1
    assert "the daemon has ended by itself: " in errors
    wait_gone(pids)


def test_daemon_that_does_not_start(tmp_path: Path) -> None:
    """A daemon that refuses its configuration is an error with its words; a path too long for a socket another."""
    daemon = DaemonProcess(tmp_path, {"ivr": {"name": "ivr1", "colour": "purple"}})
    with pytest.raises(LabError, match=r"(?s)ended with status 78: .*colour"):
        daemon.start()
    assert daemon.stop() == 78
    deep = tmp_path / ("x" * 110)
    deep.mkdir()
    with pytest.raises(LabError, match="too long for a socket"):
        DaemonProcess(deep, {})


def test_configuration() -> None:
    """Tables of texts and lists are written as TOML that means the same."""
    import tomllib  # noqa: PLC0415  here alone

    tables = {"ivr": {"name": 'a "b" \\ é', "channels": ["x", "y"]}, "ce": {"domain": "lab"}}
    assert tomllib.loads(toml(tables)) == tables
