"""What can be told without CE: the configuration, this machine, the daemon, systemd."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sqlite3
import stat
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agentchan.api.problems import problems
from agentchan.config import ConfigurationError, as_json, load
from agentchan.core.observations import Mark
from agentchan.doctor import machine_checks
from agentchan.doctor.configuration_checks import configuration_findings, faulty
from agentchan.doctor.daemon_checks import ask_daemon, daemon_findings
from agentchan.doctor.findings import Finding, Group, Report, Result, in_order
from agentchan.doctor.machine_checks import kept_marks, machine_findings, may_write
from agentchan.doctor.running import Running
from agentchan.doctor.systemd_checks import UNIT, systemd_findings, unit_of, unit_state
from tests.api.record import STATUS
from tests.ce.certificates import DAY, NOW, issue
from tests.cli.stub import json_answer, stub
from tests.doctor.patients import failures, of, one, patient, written

UID = os.getuid()


@pytest.fixture
def listening() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


# -- findings ---------------------------------------------------------------------------------------------------------


def finding(group: Group, result: Result) -> Finding:
    """One."""
    return Finding(group, "a", result, "text", "remedy" if result is Result.FAILED else "")


def test_a_report() -> None:
    """It counts, it is healthy as long as nothing failed, and it is JSON."""
    found = [finding(Group.MACHINE, Result.PASSED), finding(Group.CONFIGURATION, Result.WARNING)]
    report = Report(in_order(found), 0.12345)
    assert [each.group for each in report.findings] == [Group.CONFIGURATION, Group.MACHINE]
    assert report.healthy
    value = json.loads(json.dumps(report.as_json()))
    assert value["ok"] is True
    assert value["seconds"] == 0.123
    assert value["counts"] == {"passed": 1, "warning": 1, "failed": 0, "skipped": 0}
    assert value["checks"][0] == {
        "group": "Configuration",
        "check": "a",
        "result": "warning",
        "text": "text",
        "remedy": None,
    }
    assert not Report((finding(Group.MACHINE, Result.FAILED),)).healthy


# -- configuration ----------------------------------------------------------------------------------------------------


def test_a_sound_configuration(tmp_path: Path) -> None:
    """Is said to be one, with what it is about."""
    found = configuration_findings(patient(written(tmp_path)), NOW)
    assert failures(found) == []
    assert "IVR ivr1, 3 channels" in one(found, "configuration").text
    assert "profile reference: close_session" in one(found, "profile").text


def test_faults_have_their_lines(tmp_path: Path) -> None:
    """Each is a finding, and what is allowed its remedy."""
    path = written(tmp_path, {"ivr": {"nam": "x"}})
    with pytest.raises(ConfigurationError) as error:
        load(path)
    (found,) = faulty(error.value.faults, "configuration")
    assert found.text.startswith(f"{path}:5: ivr.nam: is no known key")
    assert found.remedy == 'did you mean "name"?'


@pytest.mark.parametrize(
    ("end", "result", "words"),
    [
        (NOW + 100 * DAY, Result.PASSED, "valid until"),
        (NOW + 20 * DAY, Result.WARNING, "it expires on"),
        (NOW - DAY, Result.FAILED, "but it expired on"),
    ],
)
@pytest.mark.parametrize("section", ["tls", "api"])
def test_certificates_of_ours(tmp_path: Path, end: Any, result: Result, words: str, section: str) -> None:
    """Key and certificate belong together, and it has not expired."""
    certificate, key = issue("ivr1", "localhost", not_before=NOW - 90 * DAY, not_after=end).store(tmp_path, "own")
    path = written(tmp_path, {section: {"certificate_file": str(certificate), "key_file": str(key)}})
    check = "client certificate" if section == "tls" else "server certificate"
    found = one(configuration_findings(patient(path), NOW), check)
    assert found.result is result
    assert "belong together" in found.text
    assert words in found.text
    assert bool(found.remedy) is (result is not Result.PASSED)


def test_warnings_are_told(tmp_path: Path) -> None:
    """A secret that everybody may read, with the command that mends it."""
    secret = tmp_path / "token"
    secret.write_text("very secret")
    secret.chmod(0o644)
    found = one(
        configuration_findings(patient(written(tmp_path, {"api": {"token_file": str(secret)}})), NOW), "api.token_file"
    )
    assert found.result is Result.WARNING
    assert found.remedy == f"chmod o= {secret}"


def test_values_that_messages_are_made_of(tmp_path: Path) -> None:
    """A profile may need values of the channels."""
    tables = {
        "ce": {"profile": "minimum", "active_by": "connector-answers"},
        "agent_channel": {"connector_urls": ["http://127.0.0.1:9/C"]},
    }
    found = one(configuration_findings(patient(written(tmp_path, tables)), NOW), "channel values")
    assert found.result is Result.WARNING
    assert "may have a value 'campaign'" in found.text


# -- this machine -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "owner", "expected"),
    [(0o700, True, True), (0o500, True, False), (0o700, False, False), (0o707, False, True), (0o704, False, False)],
)
def test_who_may_write_where(tmp_path: Path, mode: int, owner: bool, expected: bool) -> None:
    """By the permissions of a folder, for any user."""
    if UID != 0:
        pytest.skip("only root can make folders of others")
    folder = tmp_path / "folder"
    folder.mkdir()
    folder.chmod(mode)
    os.chown(folder, 4711 if owner else 4712, 4713)
    assert may_write(folder, 4711) is expected
    assert may_write(folder, 0)


def test_the_journals_folder(tmp_path: Path) -> None:
    """It has to be there, and writable by the daemon's user; what is not is mended by a command."""
    path = written(tmp_path, {"journal": {"path": str(tmp_path / "none/a.sqlite3")}})
    found = one(machine_findings(patient(path), Running(), UID), "journal")
    assert found.result is Result.FAILED
    assert f"install -d -o {machine_checks._user(UID)} -m 0750 {tmp_path}/none" in found.remedy
    (tmp_path / "none").mkdir()
    assert one(machine_findings(patient(path), Running(), UID), "journal").result is Result.PASSED
    (tmp_path / "none").chmod(0o500)
    stranger = one(machine_findings(patient(path), Running(), 4711), "journal")
    assert "cannot be written by 4711" in stranger.text


def test_a_journal_that_everybody_may_read(tmp_path: Path) -> None:
    """Holds callers' numbers."""
    (tmp_path / "a.sqlite3").write_bytes(b"")
    (tmp_path / "a.sqlite3").chmod(0o644)
    found = of(machine_findings(patient(written(tmp_path)), Running(), UID), "journal")
    assert [each.result for each in found] == [Result.PASSED, Result.WARNING]
    assert found[1].remedy == f"chmod o= {tmp_path}/a.sqlite3"


@pytest.mark.parametrize(("free", "result"), [(10, Result.FAILED), (200, Result.WARNING), (5000, Result.PASSED)])
def test_free_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, result: Result) -> None:
    """A journal needs some."""
    usage = SimpleNamespace(total=10_000 << 20, free=free << 20)
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: usage)
    found = one(machine_findings(patient(written(tmp_path)), Running(), UID), "disk")
    assert found.result is result
    assert "of 10,000 are free" in found.text


def test_the_socket(tmp_path: Path) -> None:
    """Its folder before there is one, its permissions afterwards."""
    path = written(tmp_path)
    assert "where the socket is kept" in one(machine_findings(patient(path), Running(), UID), "socket").text
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "a.sock"))
        (tmp_path / "a.sock").chmod(0o660)
        running = Running(is_there=True)
        assert one(machine_findings(patient(path), running, UID), "socket").result is Result.PASSED
        (tmp_path / "a.sock").chmod(0o666)
        found = one(machine_findings(patient(path), running, UID), "socket")
        assert found.text.endswith("has the permissions 0666, not 0660 as configured")


def test_the_tcp_door(tmp_path: Path, listening: int) -> None:
    """It accepts connections while the daemon runs, and is free while it does not."""
    path = written(tmp_path, {"api": {"listen": f"127.0.0.1:{listening}"}})
    running = Running(is_there=True)
    assert one(machine_findings(patient(path), running, UID), "listen").result is Result.PASSED
    taken = one(machine_findings(patient(path), Running(), UID), "listen")
    assert taken.result is Result.WARNING
    assert "another program has that port" in taken.text


def test_a_tcp_door_that_nobody_opens(tmp_path: Path) -> None:
    """Is a failure while the daemon runs."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        path = written(tmp_path, {"api": {"listen": f"127.0.0.1:{reserved.getsockname()[1]}"}})
        running = Running(is_there=True)
        assert one(machine_findings(patient(path), running, UID), "listen").result is Result.FAILED
        assert one(machine_findings(patient(path), Running(), UID), "listen").result is Result.PASSED


@pytest.mark.parametrize(("kept", "result"), [(True, Result.PASSED), (False, Result.WARNING), (None, Result.SKIPPED)])
def test_who_keeps_the_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: bool | None, result: Result
) -> None:
    """As far as the kernel knows."""
    monkeypatch.setattr(machine_checks, "_is_kept", lambda: kept)
    found = of(machine_findings(patient(written(tmp_path)), Running(), UID), "clock")
    assert found[-1].result is result
    assert machine_checks._is_kept() is kept


def test_the_kernel_is_asked() -> None:
    """Whatever it answers here, it answers."""
    assert machine_checks._is_kept() in (True, False, None)


def test_a_machine_that_has_slept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as a virtual one that was frozen."""
    seconds = {time.CLOCK_BOOTTIME: 5000.0, time.CLOCK_MONOTONIC: 1000.0}
    monkeypatch.setattr(time, "clock_gettime", seconds.__getitem__)
    found = of(machine_findings(patient(written(tmp_path)), Running(), UID), "clock")
    assert "asleep or frozen for 4000 s" in found[0].text


def test_marks_that_are_kept(tmp_path: Path) -> None:
    """Read from the journal of a daemon that does not run; one that cannot be read is no failure."""
    path = tmp_path / "a.sqlite3"
    assert kept_marks(path) == ()
    path.write_bytes(b"nonsense" * 100)
    assert kept_marks(path) is None
    path.unlink()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE mark (number INTEGER PRIMARY KEY, domain, generation, host, at)")
        connection.execute("INSERT INTO mark (domain, generation, host) VALUES ('', 6, 'ce1'), ('d', 7, 'ce2')")
    assert kept_marks(path) == (Mark(None, 6, "ce1"), Mark("d", 7, "ce2"))


# -- the daemon -------------------------------------------------------------------------------------------------------


def test_no_daemon(tmp_path: Path) -> None:
    """Is no failure: the doctor comes before the first start, too."""
    sick = patient(written(tmp_path))
    running = ask_daemon(sick.socket)
    assert (running.is_there, running.pid) == (False, None)
    (found,) = daemon_findings(sick, running)
    assert (found.result, found.remedy) == (Result.SKIPPED, "systemctl start agentchan")


def test_a_daemon_that_is_well(tmp_path: Path) -> None:
    """Says so itself; and what is in force is what is in the file."""
    sick = patient(written(tmp_path))
    in_force = as_json(sick.configuration)
    status = {**STATUS, "version": "0.1.0", "problems": []}
    with stub(sick.socket) as daemon:
        daemon.say(json_answer(status), json_answer(in_force))
        running = ask_daemon(sick.socket)
        assert (running.pid, running.uid) == (os.getpid(), UID)
        found = daemon_findings(sick, running)
    assert [each.result for each in found] == [Result.PASSED] * 3
    assert "the agent channel is up to ce1" in one(found, "its own view").text


def test_a_daemon_that_is_not(tmp_path: Path) -> None:
    """Its problems are findings: grave ones failures, with the remedies that status tells."""
    sick = patient(written(tmp_path))
    status = {
        **STATUS,
        "version": "0.0.9",
        "agent_channel": {**STATUS["agent_channel"], "state": "contended"},
        "channels": {**STATUS["channels"], "stuck": 1, "stuck_names": ["ivr1-1"]},
    }
    status.pop("problems", None)
    in_force = as_json(sick.configuration)
    in_force["log"]["level"] = "debug"
    found = daemon_findings(sick, Running(status, in_force, is_there=True))
    assert one(found, "contended").result is Result.FAILED
    assert one(found, "stuck").result is Result.WARNING
    assert one(found, "stuck").remedy == "agentchan free ivr1-1 --reason '…'"
    assert "agentchan 0.0.9 runs, while 0.1.0 is installed" in one(found, "daemon").text
    assert "log.level" in one(found, "configuration in force").text
    codes = {each.check for each in found}
    assert {str(each["code"]) for each in problems(status)} <= codes


def test_a_daemon_that_does_not_answer(tmp_path: Path) -> None:
    """Is there, and that is what is wrong."""
    sick = patient(written(tmp_path))
    with stub(sick.socket) as daemon:
        daemon.say(b"nonsense\r\n\r\n")
        running = ask_daemon(sick.socket)
    assert running.is_there
    (found,) = daemon_findings(sick, running)
    assert found.result is Result.FAILED


# -- systemd ----------------------------------------------------------------------------------------------------------

WELL = {
    "LoadState": "loaded",
    "ActiveState": "active",
    "SubState": "running",
    "UnitFileState": "enabled",
    "Result": "success",
    "NRestarts": "0",
    "StatusText": "agent channel up at ce1",
}


@pytest.mark.parametrize(
    ("state", "result", "words"),
    [
        (None, Result.SKIPPED, "does not run this machine"),
        ({"LoadState": "not-found"}, Result.SKIPPED, f"there is no {UNIT}"),
        ({"LoadState": "masked"}, Result.SKIPPED, "is masked"),
        (WELL, Result.PASSED, "is active (running): agent channel up at ce1"),
        ({**WELL, "ActiveState": "failed", "Result": "watchdog"}, Result.FAILED, "it ended with: watchdog"),
        ({**WELL, "ActiveState": "inactive"}, Result.WARNING, "is inactive"),
    ],
)
def test_a_unit(state: dict[str, str] | None, result: Result, words: str) -> None:
    """What systemd says of it."""
    (found,) = systemd_findings(UNIT, state, Running())
    assert found.result is result
    assert words in found.text


def test_a_unit_that_needs_a_look() -> None:
    """Not enabled, or restarted again and again, or not what runs."""
    found = systemd_findings(UNIT, {**WELL, "UnitFileState": "disabled", "NRestarts": "3"}, Running())
    assert [each.result for each in found] == [Result.PASSED, Result.WARNING, Result.WARNING]
    (other,) = systemd_findings(UNIT, {**WELL, "ActiveState": "inactive"}, Running(is_there=True))
    assert "started otherwise" in other.text


def test_systemd_is_asked(tmp_path: Path) -> None:
    """By its own program, which may hang or be missing."""
    program = tmp_path / "systemctl"
    program.write_text('#!/bin/sh\necho "LoadState=loaded"; echo "StatusText=a=b"; echo "$2" >&2\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    assert unit_state(UNIT, tmp_path, [str(program)]) == {"LoadState": "loaded", "StatusText": "a=b"}
    assert unit_state(UNIT, tmp_path, [str(tmp_path / "none")]) is None
    assert unit_state(UNIT, tmp_path / "none", [str(program)]) is None


def test_which_unit() -> None:
    """That of the process, if it is one of ours."""
    assert unit_of(None) == UNIT
    assert unit_of(os.getpid()) == UNIT
    assert unit_of(2**22 + 1) == UNIT
