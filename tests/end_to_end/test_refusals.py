"""The daemon refuses to start: with which status, and what it says about it."""

from __future__ import annotations

import socket
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentchan.lab.host_process import LabError
from tests.end_to_end.daemons import RunningDaemon, Tables, merged

NOBODY: Tables = {
    "ivr": {"name": "ivr1", "channels": ["ivr1-01"]},
    "component_link": {"urls": ["http://127.0.0.1:1/ComponentService"]},
}


@pytest.fixture(scope="module")
def running(place: Path) -> Iterator[RunningDaemon]:
    """A daemon that runs already."""
    daemon = RunningDaemon(place, NOBODY, "running")
    daemon.start()
    yield daemon
    daemon.kill()


def _refused(daemon: RunningDaemon) -> tuple[int, str]:
    """Start it in vain; returns the exit status and what it said."""
    with pytest.raises(LabError, match="the daemon ended with status"):
        daemon.start()
    return daemon.wait(), daemon.log.read_text(encoding="utf-8")


def test_faulty_configuration(tmp_path: Path) -> None:
    """Every fault of the configuration is listed at once with its line and what is allowed; the status is 78."""
    daemon = RunningDaemon(tmp_path, NOBODY)
    daemon.configuration.write_text(
        '[ivr]\nname = ""\nchanels = ["a"]\n[agent_channel]\nheartbeat_misses = 0\nbackoff_initial = "1m"\n'
        '[component_link]\nurls = ["ftp://ce1/"]\ntimeout = "soon"\n',
        encoding="utf-8",
    )
    status, said = _refused(daemon)
    assert status == 78
    where = f"{daemon.configuration}:"
    lines = [line for line in said.splitlines() if line.startswith(where)]
    assert [line.removeprefix(where).split(": ")[:2] for line in lines] == [
        ["1", "ivr.channels"],
        ["2", "ivr.name"],
        ["3", "ivr.chanels"],
        ["5", "agent_channel.heartbeat_misses"],
        ["6", "agent_channel.backoff_initial"],
        ["8", "component_link.urls[0]"],
        ["9", "component_link.timeout"],
    ]
    assert 'did you mean "channels"' in said
    assert "Traceback" not in said


def test_missing_configuration(tmp_path: Path) -> None:
    """Without its file the status is 78, and the file is named."""
    daemon = RunningDaemon(tmp_path, NOBODY)
    daemon.configuration.unlink()
    status, said = _refused(daemon)
    assert status == 78
    assert str(daemon.configuration) in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("tables", "named"),
    [
        ({"ce": {"profile": "./site/profile.toml"}}, "site/profile.toml"),
        ({"tls": {"ca_file": "/dev/null"}}, "/dev/null"),
    ],
)
def test_files_that_cannot_be_used(tmp_path: Path, tables: Tables, named: str) -> None:
    """A profile or a file of [tls] that cannot be used is a fault of the configuration, too: 78."""
    status, said = _refused(RunningDaemon(tmp_path, merged(NOBODY, tables)))
    assert status == 78
    assert named in said
    assert "Traceback" not in said


def test_journal_of_a_newer_version(tmp_path: Path) -> None:
    """A journal that a newer version has written is left alone: 78, and the file is as it was."""
    daemon = RunningDaemon(tmp_path, NOBODY)
    daemon.start()
    assert daemon.stop() == 0
    journal = tmp_path / "agentchan.sqlite3"
    with sqlite3.connect(journal) as database:
        database.execute("PRAGMA user_version = 9999")
    database.close()
    before = journal.read_bytes()
    status, said = _refused(daemon)
    assert status == 78
    assert "newer" in said
    assert str(journal) in said
    assert journal.read_bytes() == before


def test_journal_that_cannot_be(tmp_path: Path) -> None:
    """A journal's directory that is not there is a fault of the configuration: 78, with the remedy."""
    daemon = RunningDaemon(tmp_path, merged(NOBODY, {"journal": {"path": str(tmp_path / "none" / "j.sqlite3")}}))
    status, said = _refused(daemon)
    assert status == 78
    assert "make it, or change [journal] path" in said


def test_second_daemon(running: RunningDaemon, tmp_path: Path) -> None:
    """A second daemon with the socket or the journal of the first is refused with the remedy; the first one goes on."""
    same_socket = merged(NOBODY, {"api": {"socket": str(running.socket)}})
    status, said = _refused(RunningDaemon(tmp_path, same_socket, "socket"))
    assert status == 1
    assert f"another agentchan is running with the socket {running.socket}" in said
    assert "set another [api] socket" in said
    same_journal = merged(NOBODY, {"journal": {"path": running.tables["journal"]["path"]}})
    status, said = _refused(RunningDaemon(tmp_path, same_journal, "journal"))
    assert status == 1
    assert running.tables["journal"]["path"] in said
    assert running.status()["ivr"] == "ivr1"
    assert running.offences() == []


def test_port_that_is_taken(tmp_path: Path) -> None:
    """A port for IVR scripts that is taken is told with a remedy: 1; once it is free, the daemon starts."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        daemon = RunningDaemon(tmp_path, merged(NOBODY, {"api": {"listen": f"127.0.0.1:{port}"}}))
        status, said = _refused(daemon)
    assert status == 1
    assert f"[api] listen 127.0.0.1:{port} cannot be opened" in said
    daemon.start()
    assert daemon.stop() == 0
