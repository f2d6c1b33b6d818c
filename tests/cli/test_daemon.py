"""The daemon that is not there, does not answer, or answers something else."""

from __future__ import annotations

import json
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentchan.cli.daemon import Daemon
from agentchan.cli.exchange import BrokenAnswerError, Exchange, connect
from agentchan.cli.failures import Failure
from tests.cli.running import run
from tests.cli.stub import Stub, refusal

READING: list[tuple[str, ...]] = [
    ("status",),
    ("channels",),
    ("calls",),
    ("signals",),
    ("signals", "list"),
    ("signals", "show", "s-1"),
    ("failovers",),
    ("events",),
    ("explain", "ivr1-001"),
    ("explain", "--timing"),
    ("endpoints",),
    ("failing-over",),
    ("endpoint-available", "sip:a@b"),
    ("config", "show", "--running"),
]
ACTING: list[tuple[str, ...]] = [
    ("ready", "--all"),
    ("not-ready", "--all", "--reason", "r"),
    ("drain",),
    ("resume",),
    ("new-call", "ivr1-001", "c"),
    ("gone", "ivr1-001"),
    ("free", "ivr1-001", "--reason", "r"),
    ("follow", "ce1", "--for", "1h", "--reason", "r"),
    ("unfollow",),
    ("forget-generation", "--reason", "r"),
    ("reload",),
    ("signals", "retry", "s-1", "--reason", "r"),
    ("signals", "discard", "s-1", "--reason", "r"),
]


@pytest.mark.parametrize("command", READING + ACTING)
def test_a_daemon_that_is_not_running(tmp_path: Path, command: tuple[str, ...]) -> None:
    """3, with what to do, as text or as JSON; a socket that was left behind is no daemon."""
    left_behind = tmp_path / "left.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(left_behind))
    for path in (tmp_path / "none.sock", left_behind):
        result = run(path, *command)
        assert (result.exit_code, result.stdout) == (3, "")
        assert f"the daemon is not running: nobody answers at {path}" in result.stderr
        assert "systemctl start agentchan" in result.stderr
        as_json = run(path, *command, "--json")
        assert (as_json.exit_code, as_json.stderr) == (3, "")
        error = json.loads(as_json.stdout)["error"]
        assert error["code"] == "not-running"
        assert error["remedies"]


def test_a_socket_that_is_for_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """1, with the group to join."""

    def connect(_: object, __: object) -> None:
        raise PermissionError

    monkeypatch.setattr(socket.socket, "connect", connect)
    result = run(tmp_path / "a.sock", "status")
    assert result.exit_code == 1
    assert "which is for the group" in result.stderr
    assert "usermod -aG" in result.stderr


def test_a_path_that_is_no_socket(tmp_path: Path) -> None:
    """2: somebody has named the wrong file, or too long a one."""
    result = run(tmp_path / ("a" * 200), "status")
    assert result.exit_code == 2
    assert "cannot be used: AF_UNIX path too long" in result.stderr


def test_a_daemon_that_does_not_answer(tmp_path: Path) -> None:
    """4, when the patience is over; also when so many wait already that nobody else may."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "a.sock"))
        listener.listen(0)
        daemon = Daemon(tmp_path / "a.sock")
        with pytest.raises(Failure, match=r"does not answer within 0.05 seconds") as failure:
            daemon.get("/v1/status", patience=0.05)
        assert failure.value.exit_code == 4
        with pytest.raises(Failure, match=r"does not answer within"):
            daemon.get("/v1/status", patience=0.05)


BROKEN = [
    b"",
    b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}xx",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{}\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70000 + b"\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n{}",
    b"HTTP/1.1 x OK\r\n\r\n{}",
    b"SSH-2.0-OpenSSH\r\n\r\n",
    b"\x00\xff\r\n\r\n",
]


@pytest.mark.parametrize("answer", BROKEN)
def test_broken_answers(daemon: Stub, answer: bytes) -> None:
    """4: whether it was done is not known; cause and remedy are told, and no traceback."""
    result = run(daemon.say(answer).path, "status")
    assert result.exit_code == 4
    assert "broke off: " in result.stderr
    assert "try again" in result.stderr


@given(st.binary(max_size=300), st.booleans())
def test_any_answer(tail: bytes, chunked: bool) -> None:
    """Whatever comes, an answer or a known error."""
    ours, theirs = socket.socketpair()
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" if chunked else b""
    with ours, theirs:
        theirs.sendall(head + tail)
        theirs.shutdown(socket.SHUT_WR)
        with Exchange(ours) as exchange, suppress(BrokenAnswerError):
            exchange.ask("GET", "/", None, {})
            assert len(exchange.body(200)) <= 200


def test_answers_without_a_length_and_in_chunks(daemon: Stub) -> None:
    """Both are read to their end."""
    daemon.say(
        b'HTTP/1.0 200 OK\r\n\r\n{"endpoints": []}',
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
        b'5\r\n{"end\r\n0B;x\r\npoints": []\r\n1\r\n}\r\n0\r\n\r\n',
    )
    for _ in range(2):
        assert run(daemon.path, "endpoints").stdout == "No endpoint is watched.\n"


def test_an_answer_that_is_too_large(daemon: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not fill the memory."""
    monkeypatch.setattr("agentchan.cli.daemon._LARGEST", 10)
    result = run(daemon.say({"endpoints": []}).path, "endpoints")
    assert result.exit_code == 4
    assert "more than 10 bytes" in result.stderr


def test_a_daemon_that_answers_before_it_is_asked(tmp_path: Path) -> None:
    """One that is too busy, or ending, may have said so and gone: its words count."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "a.sock"))
        listener.listen()
        exchange = connect(tmp_path / "a.sock", 5.0)
        connection, _ = listener.accept()
        connection.sendall(refusal("too-many-connections", "try again", 503))
        connection.close()
        with exchange:
            exchange.ask("GET", "/v1/status", b"x" * 10_000_000, {})
            assert exchange.status == 503


@pytest.mark.parametrize(
    ("status", "exit_code"), [(400, 2), (403, 1), (404, 1), (409, 1), (413, 1), (415, 2), (422, 78), (500, 4), (503, 1)]
)
def test_refusals(daemon: Stub, status: int, exit_code: int) -> None:
    """The daemon's words, and an exit status by its kind; its faults are told a line each."""
    daemon.say(refusal("some-code", "it says why", status, faults=["a.toml:1: x", "a.toml:2: y"]))
    result = run(daemon.path, "resume")
    assert result.exit_code == exit_code
    assert result.stderr == "agentchan: it says why\n  a.toml:1: x\n  a.toml:2: y\n"
    as_json = run(daemon.path, "resume", "--json")
    assert (as_json.exit_code, as_json.stderr) == (exit_code, "")
    assert json.loads(as_json.stdout)["error"] == {
        "code": "some-code",
        "message": "it says why",
        "remedies": ["a.toml:1: x", "a.toml:2: y"],
    }


@pytest.mark.parametrize("answer", [b"HTTP/1.1 500 X\r\n\r\n<html>", b'HTTP/1.1 404 X\r\n\r\n{"error": 7}'])
def test_refusals_that_are_not_the_daemons(daemon: Stub, answer: bytes) -> None:
    """4, with the status of HTTP."""
    result = run(daemon.say(answer).path, "resume")
    assert result.exit_code == 4
    assert "answered with HTTP status" in result.stderr


def test_a_daemon_of_an_older_version(daemon: Stub) -> None:
    """It does not know a path that this program asks for."""
    result = run(daemon.say(refusal("not-found", "there is nothing at …", 404)).path, "endpoints")
    assert result.exit_code == 1
    assert "does not know this command yet" in result.stderr
    assert "systemctl restart agentchan" in result.stderr


@pytest.mark.parametrize("command", [("failing-over",), ("endpoint-available", "sip:a@b")])
@pytest.mark.parametrize(("status", "exit_code"), [(501, 4), (403, 4), (500, 4), (400, 2)])
def test_no_answer_is_not_no(daemon: Stub, command: tuple[str, ...], status: int, exit_code: int) -> None:
    """A script must not take a daemon that cannot say for one that says no."""
    daemon.say(refusal("not-offered", "this daemon does not offer endpoint checks", status))
    result = run(daemon.path, *command)
    assert result.exit_code == exit_code
    assert "does not offer" in result.stderr
    as_json = run(daemon.path, *command, "--json")
    assert as_json.exit_code == exit_code
    assert json.loads(as_json.stdout)["error"]["code"] == "not-offered"


@pytest.mark.parametrize("command", READING)
def test_what_an_older_daemon_leaves_out_breaks_no_screen(daemon: Stub, command: tuple[str, ...]) -> None:
    """Empty objects, and rows without any field."""
    name = {"channels": "channels", "signals": "signals", "calls": "calls", "failovers": "failovers"}.get(command[0])
    empty: list[Any] = [{}]
    if name:
        empty += [{name: []}, {name: [{}]}]
    for value in [*empty, {"rows": [{}]}, {"endpoints": [{}]}, {"causes": [{}], "remedies": [{}]}, {"history": [{}]}]:
        if command[0] == "channels" and "channels" not in value:
            continue
        result = run(daemon.say(value).path, *command)
        assert result.exception is None or isinstance(result.exception, SystemExit), (value, result.exception)
        assert result.exit_code in (0, 4)


@pytest.mark.parametrize("command", ACTING)
def test_what_an_older_daemon_does_not_say_of_what_it_did(daemon: Stub, command: tuple[str, ...]) -> None:
    """It is done all the same."""
    result = run(daemon.say({}).path, *command)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == 0
    assert result.stdout


@pytest.mark.parametrize("command", ACTING)
def test_what_the_daemon_warns_of(daemon: Stub, command: tuple[str, ...]) -> None:
    """It is done, and told on standard error."""
    if command[0] != "reload":
        result = run(daemon.say({"warning": "it is not on disk"}).path, *command)
        assert result.exit_code == 0
        assert result.stderr == "agentchan: warning: it is not on disk\n"
