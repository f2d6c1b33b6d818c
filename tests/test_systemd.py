"""What is said to systemd, and what is taken from it."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentchan.systemd import (
    ListeningSocket,
    Notifier,
    environment_at_start,
    listening_sockets,
    speaks_to_journal,
    watchdog_interval,
)


@pytest.fixture(params=["path", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, Notifier]]:
    """A socket as systemd's, by a path or by an abstract name, and what speaks to it."""
    name = str(tmp_path / "notify") if request.param == "path" else f"@agentchan-{secrets.token_hex(8)}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ours:
        ours.bind(name.replace("@", "\0", 1))
        yield ours, Notifier.from_environment({"NOTIFY_SOCKET": name})


def test_each_message_is_as_systemd_reads_it(systemd: tuple[socket.socket, Notifier]) -> None:
    """One datagram a message, one assignment a line."""
    ours, notifier = systemd
    for done, message in (
        (notifier.ready(), "READY=1"),
        (notifier.ready("following ce1"), "READY=1\nSTATUS=following ce1"),
        (notifier.status("two\nlines\x00"), "STATUS=two lines\x00"),
        (notifier.reloading(12), "RELOADING=1\nMONOTONIC_USEC=12"),
        (notifier.stopping("draining"), "STOPPING=1\nSTATUS=draining"),
        (notifier.extend_timeout(1.5), "EXTEND_TIMEOUT_USEC=1500000"),
        (notifier.watchdog(), "WATCHDOG=1"),
        (notifier.status("é" * 1000), "STATUS=" + "é" * 500),
        (notifier.status("\ud800"), "STATUS=?"),
    ):
        assert done
        assert ours.recv(4096).decode() == message


@pytest.mark.parametrize("address", ["", "/nowhere/at/all", "@agentchan-nobody", "relative", "/" + "x" * 200, "/a\0b"])
def test_without_systemd_nothing_happens(address: str) -> None:
    """A socket that is absent, gone or not one is no error."""
    assert not Notifier.from_environment({"NOTIFY_SOCKET": address}).ready()
    assert not Notifier.from_environment({}).watchdog()


def test_a_full_socket_holds_nobody_up(systemd: tuple[socket.socket, Notifier]) -> None:
    """Messages that systemd does not read are given up, not waited for."""
    _, notifier = systemd
    assert not all(notifier.watchdog() for _ in range(10_000))


@pytest.mark.parametrize(
    ("environ", "interval"),
    [
        ({"WATCHDOG_USEC": "20000000", "WATCHDOG_PID": "7"}, 10.0),
        ({"WATCHDOG_USEC": "20000000"}, 10.0),
        ({"WATCHDOG_USEC": "20000000", "WATCHDOG_PID": "8"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "-5"}, None),
        ({"WATCHDOG_USEC": "²"}, None),
        ({"WATCHDOG_USEC": "9" * 5000}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_fed_twice_as_often_as_asked(environ: dict[str, str], interval: float | None) -> None:
    """Half of systemd's time; nothing where there is no watchdog or it is another process's."""
    assert watchdog_interval(environ, 7) == interval


HANDED_OVER = """
import os, socket, sys
from agentchan.systemd import listening_sockets
environ = {"LISTEN_PID": "7", "LISTEN_FDS": sys.argv[1], "LISTEN_FDNAMES": sys.argv[2]}
for each in listening_sockets(environ, 7):
    print(each.descriptor, each.family.name, each.name, os.get_inheritable(each.descriptor))
"""


def handed_over(descriptors: list[int], count: str, names: str) -> list[str]:
    """What a process finds that was given these descriptors from 3 on."""
    # The shell moves them to where systemd would put them.
    high = [os.dup2(each, 100 + index) for index, each in enumerate(descriptors)]
    moves = " ".join(f"{3 + index}<&{each} {each}<&-" for index, each in enumerate(high))
    try:
        done = subprocess.run(
            ["/bin/bash", "-c", f'exec "$@" {moves}', "bash", sys.executable, "-c", HANDED_OVER, count, names],
            pass_fds=high,
            capture_output=True,
            text=True,
            check=True,
        )
    finally:
        for each in high:
            os.close(each)
    return done.stdout.splitlines()


def test_listening_sockets_are_found_with_their_names() -> None:
    """TCP of both families in order; what does not listen, is no stream or no socket at all is left alone."""
    with (
        socket.create_server(("127.0.0.1", 0)) as four,
        socket.create_server(("::1", 0), family=socket.AF_INET6) as six,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        socket.socket(socket.AF_INET, socket.SOCK_STREAM) as idle,
        Path("/dev/null").open() as nothing,
    ):
        everything = [each.fileno() for each in (four, udp, idle, nothing, six)]
        assert handed_over(everything, "5", "http:a:b:c:") == ["3 AF_INET http False", "7 AF_INET6 unknown False"]
        assert handed_over(everything, "1", "http") == ["3 AF_INET http False"]
        assert handed_over(everything, "9", "") == ["3 AF_INET unknown False", "7 AF_INET6 unknown False"]


IN_TWISTED = """
import os
from twisted.internet import endpoints
from agentchan.systemd import environment_at_start, listening_sockets
environ = environment_at_start()
print("LISTEN_FDS" in os.environ, environ["LISTEN_FDS"])
print([each.name for each in listening_sockets(environ, os.getpid())])
"""


def test_twisted_does_not_hide_the_sockets() -> None:
    """It removes what systemd says of them from its environment when it is imported; the kernel still knows."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        descriptor = held.fileno()
        shell = f'export LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=api; exec "$@" 3<&{descriptor}'
        done = subprocess.run(
            ["/bin/bash", "-c", shell, "bash", sys.executable, "-c", IN_TWISTED],
            pass_fds=[descriptor],
            capture_output=True,
            text=True,
            check=True,
        )
    assert done.stdout.splitlines() == ["False 1", "['api']"]


def test_without_proc_the_environment_is_what_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was set since the start counts, and a file that cannot be read is no fault."""
    monkeypatch.setenv("SET_SINCE", "1")
    assert environment_at_start(tmp_path / "absent") == dict(os.environ)
    (tmp_path / "environ").write_bytes(b"GONE=a=b\0SET_SINCE=0\0\xff=\xff\0broken\0")
    found = environment_at_start(tmp_path / "environ")
    assert (found["GONE"], found["SET_SINCE"], found[os.fsdecode(b"\xff")]) == ("a=b", "1", os.fsdecode(b"\xff"))


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"LISTEN_PID": "8", "LISTEN_FDS": "1"},
        {"LISTEN_FDS": "1"},
        {"LISTEN_PID": "7"},
        {"LISTEN_PID": "7", "LISTEN_FDS": "-1"},
        {"LISTEN_PID": "7", "LISTEN_FDS": "x"},
        {"LISTEN_PID": "7", "LISTEN_FDS": "0"},
    ],
)
def test_sockets_of_others_are_left_alone(environ: dict[str, str]) -> None:
    """Without a count, or meant for another process, there are none."""
    assert listening_sockets(environ, 7) == ()
    assert ListeningSocket(3, socket.AF_INET, "http").name == "http"


def test_the_journal_is_known_by_its_stream(tmp_path: Path) -> None:
    """Only the very file that systemd names is the journal's."""
    with (tmp_path / "a").open("w") as file:
        about = os.fstat(file.fileno())
        environ = {"JOURNAL_STREAM": f"{about.st_dev}:{about.st_ino}"}
        assert speaks_to_journal(environ, file.fileno())
        assert not speaks_to_journal({}, file.fileno())
        assert not speaks_to_journal({"JOURNAL_STREAM": "1:2"}, file.fileno())
    assert not speaks_to_journal(environ, 10_000)
