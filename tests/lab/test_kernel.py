"""What the kernel is asked about connections."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator

import pytest

from agentchan.lab.denials import GRAIN
from agentchan.lab.kernel import Ends, is_open, peer_is_there, seconds_since_arrival


@pytest.fixture
def sockets() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A caller's and a host's end of a connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        caller = socket.create_connection(server.getsockname())
        host, _ = server.accept()
        with caller, host:
            yield caller, host


def _ends(caller: socket.socket) -> Ends:
    return Ends(caller.getsockname(), caller.getpeername())


def _reset(caller: socket.socket) -> None:
    caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    caller.close()


@pytest.mark.parametrize("hang_up", [socket.socket.close, _reset])
def test_hanging_up(sockets: tuple[socket.socket, socket.socket], hang_up: object) -> None:
    """Both ends show at once that the caller has hung up, however it did; the host need not read for it."""
    caller, host = sockets
    ends = _ends(caller)
    assert is_open(ends)
    assert peer_is_there(host)
    hang_up(caller)  # type: ignore[operator]
    assert is_open(ends) is False
    assert not peer_is_there(host)


def test_host_that_has_gone(sockets: tuple[socket.socket, socket.socket]) -> None:
    """A caller that has not noticed the end of the connection yet does not count as connected."""
    caller, host = sockets
    host.close()
    assert not is_open(_ends(caller))
    assert not peer_is_there(host)


def test_arrival(sockets: tuple[socket.socket, socket.socket]) -> None:
    """The time of arrival does not depend on when the bytes are read."""
    caller, host = sockets
    before = time.monotonic()
    caller.send(b"x")
    after = time.monotonic()
    time.sleep(0.05)
    host.recv(1)
    earliest = time.monotonic() - seconds_since_arrival(host)
    latest = time.monotonic() - seconds_since_arrival(host)
    assert earliest <= after + GRAIN
    assert latest >= before - GRAIN
    host.close()
    assert seconds_since_arrival(host) == 0.0


def test_what_the_kernel_does_not_know() -> None:
    """An end that is no IPv4 address is not known."""
    assert is_open(Ends(("::1", 1), ("::1", 2))) is None
