"""``agentchan lab …`` on a running lab."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from agentchan.cli.lab import lab
from agentchan.lab.history import Row
from agentchan.lab.lab import channels_pattern
from agentchan.lab.names import expand
from agentchan.lab.remote import RunningLab
from agentchan.lab.telling import TELLINGS
from tests.lab.running import Operator, lab_up


@pytest.fixture(scope="module")
def module_operator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """An operator of a running pair without daemon."""
    directory = tmp_path_factory.mktemp("lab")
    with lab_up("--no-daemon", "--channels", "6", "--auto-failover-interval", "never", "--directory", str(directory)):
        yield Operator(directory)


@pytest.fixture
def operator(module_operator: Operator) -> Operator:
    """The same, with both hosts running and ce1 active."""
    for name, host in module_operator.status()["hosts"].items():
        if host["process"] != "running":
            module_operator.type("thaw" if host["process"] == "frozen" else "start", name)
        module_operator.type("behave", name)
    module_operator.type("state", "Running")
    module_operator.type("promote", "ce1")
    return module_operator


def test_status(operator: Operator) -> None:
    """Status shows each host, who is active, and the channels."""
    told = operator.type("status")
    assert "ce1  running  Active   Running" in told
    assert "ce2  running  Standby  Running" in told
    assert "channels: 6 NotReady" in told
    found = operator.status()
    assert found["active"] == "ce1"
    assert found["hosts"]["ce2"]["role"] == "Standby"
    assert found["lab"]["hosts"]["ce1"]["connector"].endswith("/IVRConnector")


def test_switch(operator: Operator) -> None:
    """A planned switch at once, to a named host, and after some seconds of failing over or back."""
    assert operator.type("switch").startswith("ce2 is active, generation ")
    assert operator.type("switch", "--to", "ce2").startswith("ce2 is active, generation ")
    assert operator.type("switch", "--seconds", "30").startswith("No host is active, generation ")
    assert operator.status()["hosts"]["ce1"]["state"] == "FailingBack"


def test_kill_and_start(operator: Operator) -> None:
    """A killed host is dead until it is started; with --promote the other one takes over at once."""
    assert operator.type("kill", "ce1") == "ce1 is dead; 'agentchan lab start ce1' starts it again.\n"
    found = operator.status()
    assert (found["active"], found["hosts"]["ce1"]) == ("ce1", {"process": "dead"})
    assert "the active host does not answer" in operator.type("status")
    assert "ce1 is not running" in operator.type("kill", "ce1", status=1)
    assert "ce1 is not running, so it cannot take over" in operator.type("kill", "ce2", "--promote", status=1)
    operator.type("start", "ce1")
    operator.type("kill", "ce1", "--promote")
    assert operator.status()["active"] == "ce2"
    operator.type("start", "ce1")
    operator.type("stop", "ce1")
    assert operator.last("host-stopped")["host"] == "ce1"


def test_freeze_and_thaw(operator: Operator) -> None:
    """A frozen host is shown as such and goes on when it is thawed."""
    operator.type("freeze", "ce1", "--promote")
    found = operator.status()
    assert (found["active"], found["hosts"]["ce1"]["process"]) == ("ce2", "frozen")
    operator.type("thaw", "ce1")
    assert operator.status()["hosts"]["ce1"]["role"] == "Standby"
    assert operator.last("thawed")["host"] == "ce1"


def test_states(operator: Operator) -> None:
    """The domain, or one host, can be made to say a state."""
    operator.type("state", "emergency")
    assert {host["state"] for host in operator.status()["hosts"].values()} == {"Emergency"}
    operator.type("state", "Running")
    operator.type("state", "Stopping", "--at", "ce1")
    assert operator.status()["hosts"]["ce1"]["state"] == "Stopping"
    assert operator.status()["hosts"]["ce2"]["state"] == "Running"


@pytest.mark.parametrize(
    "words",
    [
        ("slow", "ce1", "0.01", "--operation", "NewCall", "--times", "1", "--when", "after"),
        ("wrong", "ce1", "truncated", "--service", "component", "--times", "1"),
        ("wrong", "ce1", "unavailable", "--applied"),
        ("claim", "ce2", "--role", "Active", "--generation", "99", "--obey"),
        ("cut", "ce1", "--service", "connector"),
        ("heal", "ce1"),
        ("hang-up", "ivr1-001"),
    ],
)
def test_orders_are_taken(operator: Operator, words: tuple[str, ...]) -> None:
    """Every way to disturb a host can be ordered, and says how it is ended."""
    operator.type("stick", "ivr1-001")
    assert words[1] in operator.type(*words)
    operator.type("heal", "ce1")


def test_stuck_channel(operator: Operator) -> None:
    """A channel can be made stuck, busy or in wrap-up, and it is said how to free it."""
    told = operator.type("stick", "ivr1-002", "--call-id", "old", "--wrapup")
    assert told.startswith("ivr1-002 holds the call old. The daemon hears of it when CE next reports the channel:\n")
    assert told.endswith("Then 'agentchan free ivr1-002 --reason …' frees it.\n")
    assert operator.status()["channels"]["Wrapup"] >= 1
    assert "ivr1-003 of ivr1 holds no call" in operator.type("hang-up", "ivr1-003", status=1)


def test_backup_and_generation(operator: Operator) -> None:
    """A backup can be made and restored, and the generation set, as a restored CE would have it."""
    before = operator.status()["generation"]
    backup = operator.type("back-up").strip()
    operator.type("switch")
    operator.type("restore", backup)
    assert operator.status()["generation"] == before
    operator.type("generation", str(before + 10))
    assert operator.status()["generation"] == before + 10


def test_history_and_requests(operator: Operator) -> None:
    """History and requests are told in plain language, a line each, and as JSON."""
    operator.type("switch")
    history = operator.type("history").splitlines()
    assert any("  ce2   ce2 is active in generation " in line for line in history)
    url = operator.status()["lab"]["hosts"]["ce1"]["connector"]
    port = int(url.rpartition(":")[2].partition("/")[0])
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"POST /IVRConnector HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\n\r\n")
        connection.recv(65536)
    told = operator.type("requests")
    assert "→  no valid request" in told
    assert "500 Code InvalidRequest" in told
    assert {"opened", "request", "answered"} <= {
        json.loads(line)["what"] for line in operator.type("requests", "--json").splitlines()
    }


def test_check(operator: Operator) -> None:
    """What must never happen is looked for; here it has not happened."""
    assert operator.type("check") == "Nothing has happened that must not.\n"
    assert json.loads(operator.type("check", "--json")) == {"violations": []}


def test_nobody_understands(operator: Operator) -> None:
    """An order that there is none of is refused, and so is half an order."""
    running = RunningLab.find(operator.directory)
    with pytest.raises(Exception, match="there is no 'dance'; orders are status, "):
        running.order("dance")
    with pytest.raises(Exception, match="hosts are ce1, ce2"):
        running.order("kill", name="ce9")
    with pytest.raises(Exception, match="unexpected keyword argument"):
        running.order("kill", name="ce1", gently=True)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(running.state["control"])
        connection.sendall(b"half an order")
    assert running.order("status")["active"] == "ce1"


def test_only_one_lab_in_a_directory(operator: Operator) -> None:
    """A directory has one lab at a time."""
    result = CliRunner().invoke(lab, ["up", "--no-daemon", "--directory", str(operator.directory)])
    assert result.exit_code == 1
    assert f"a lab runs in {operator.directory} already" in result.output


def test_no_lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a running lab the commands say how to start one, and end with 3."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    result = CliRunner().invoke(lab, ["status"])
    assert (result.exit_code, "start one: agentchan lab up" in result.output) == (3, True)
    (tmp_path / "lab.json").write_text(json.dumps({"pid": 2**22 + 1}), encoding="utf-8")
    assert Operator(tmp_path).type("status", status=3)
    (tmp_path / "lab.json").write_text("{", encoding="utf-8")
    assert Operator(tmp_path).type("status", status=3)


def test_labs_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The only lab in a temporary directory is found; of several it must be said which."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for name in ("a", "b"):
        directory = tmp_path / f"agentchan-lab-{name}"
        directory.mkdir()
        state = {"pid": os.getpid(), "directory": str(directory)}
        (directory / "lab.json").write_text(json.dumps(state), encoding="utf-8")
        if name == "a":
            assert RunningLab.find(None).state["directory"] == str(directory)
    result = CliRunner().invoke(lab, ["status"])
    assert result.exit_code == 1
    assert "2 labs run; say which: --directory" in result.output


def test_no_twisted() -> None:
    """The command line loads no Twisted for the lab, which only its hosts need."""
    modules = ("agentchan.cli.lab", "agentchan.lab.remote", "agentchan.lab.up", "agentchan.lab.demo")
    program = f"import sys\nfor name in {modules}: __import__(name)\nassert 'twisted' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("command", sorted(lab.commands))
def test_help(command: str) -> None:
    """Every command has a help that fits 80 columns, and its first line stands in the list of all."""
    result = CliRunner().invoke(lab, [command, "--help"])
    assert result.exit_code == 0
    assert max(map(len, result.output.splitlines())) <= 80
    assert "..." not in CliRunner().invoke(lab, ["--help"]).output.partition("Run:")[2]


def test_every_event_is_told() -> None:
    """There is plain language for every event that the history's documentation names."""
    documented = str(Row.__doc__).partition("event: ")[2].partition("details:")[0]
    assert {word.strip("`") for word in documented.replace(".", "").replace(",", "").split()} == set(TELLINGS)


@pytest.mark.parametrize(
    ("count", "first", "last"), [(1, "ivr1-001", "ivr1-001"), (12_000, "ivr1-00001", "ivr1-12000")]
)
def test_channel_names(count: int, first: str, last: str) -> None:
    """The lab's channels have names of one length."""
    names = expand([channels_pattern(count)])
    assert (len(names), names[0], names[-1]) == (count, first, last)
