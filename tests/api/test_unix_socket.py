"""The socket's file: its mode, what was there before, who else wants it."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import TestCase

from agentchan.api.unix_socket import DoorError, UnixSocket


class UnixSocketTests(TestCase):
    """On the real reactor."""

    def setUp(self) -> None:
        """A folder, and the process's umask as most have it."""
        from twisted.internet import reactor  # noqa: PLC0415  a test of the real one

        self.reactor: Any = reactor
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.path = self.folder / "a.sock"
        self.addCleanup(os.umask, os.umask(0))

    def listening(self, mode: int = 0o660) -> UnixSocket:
        """A socket that listens until the test ends."""
        unix = UnixSocket(self.path, mode)
        unix.listen(self.reactor, Factory.forProtocol(Protocol))
        self.addCleanup(unix.close)
        return unix

    def mode(self) -> int:
        """The socket's permissions."""
        return stat.S_IMODE(self.path.stat().st_mode)

    def test_its_mode_is_as_configured(self) -> None:
        """Whatever the umask is; never wider, not even for a moment."""
        seen: list[int] = []
        bind = socket.socket.bind

        def spying(listener: socket.socket, address: Any) -> None:
            bind(listener, address)
            seen.append(self.mode())

        self.patch(socket.socket, "bind", spying)
        for mode, umask in ((0o660, 0), (0o600, 0o22), (0o666, 0o77)):
            os.umask(umask)
            unix = UnixSocket(self.path, mode)
            unix.listen(self.reactor, Factory.forProtocol(Protocol))
            assert self.mode() == mode
            assert seen.pop() & ~mode == 0
            assert os.umask(umask) == umask
            self.path.unlink()
            unix._port.stopReading()
            unix._port.socket.close()
            unix._unlock()

    async def test_it_is_gone_when_it_is_closed(self) -> None:
        """Nobody else may have it before it is really gone; then anybody may."""
        unix = self.listening()
        closed = unix.close()
        with pytest.raises(DoorError, match="another agentchan is running"):
            UnixSocket(self.path, 0o660).listen(self.reactor, Factory.forProtocol(Protocol))
        await closed
        assert not self.path.exists()
        self.listening()
        await unix.close()
        assert self.path.exists()

    async def test_somebody_has_removed_it(self) -> None:
        """It can be closed all the same, even when the whole folder is gone."""
        unix = self.listening()
        self.path.unlink()
        await unix.close()
        other = UnixSocket(self.folder / "b" / "b.sock", 0o660)
        other._path.parent.mkdir()
        other.listen(self.reactor, Factory.forProtocol(Protocol))
        for each in other._path.parent.iterdir():
            each.unlink()
        other._path.parent.rmdir()
        port = other._port
        assert other.close() is None
        port.socket.close()

    def test_one_left_behind_is_taken_over(self) -> None:
        """A daemon that was killed leaves its socket and its lock's file."""
        program = (
            "import fcntl, os, socket, sys\n"
            "lock = os.open(sys.argv[1] + '.lock', os.O_CREAT | os.O_RDWR)\n"
            "fcntl.flock(lock, fcntl.LOCK_EX)\n"
            "listener = socket.socket(socket.AF_UNIX)\n"
            "listener.bind(sys.argv[1])\n"
            "listener.listen()\n"
            "os.kill(os.getpid(), 9)\n"
        )
        subprocess.run([sys.executable, "-c", program, self.path], check=False)
        assert self.path.is_socket()
        self.listening()
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(self.path))

    def test_one_that_lives_is_left_alone(self) -> None:
        """By its lock, or by its answer where the lock's file has been removed; the fault names a remedy."""
        self.listening()
        for _ in range(2):
            with pytest.raises(DoorError, match=r"another agentchan is running .* or set another \[api\] socket"):
                UnixSocket(self.path, 0o660).listen(self.reactor, Factory.forProtocol(Protocol))
            Path(f"{self.path}.lock").unlink(missing_ok=True)
        assert self.path.is_socket()

    def test_a_lock_that_was_wanted_in_vain_is_free_again(self) -> None:
        """A failed attempt keeps nothing."""
        self.path.write_text("mine")
        for _ in range(2):
            with pytest.raises(DoorError, match="is no socket"):
                UnixSocket(self.path, 0o660).listen(self.reactor, Factory.forProtocol(Protocol))
        assert self.path.read_text() == "mine"
        self.path.unlink()
        self.listening()


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("missing/a.sock", "No such file or directory; make the folder"),
        ("file/a.sock", "make the folder"),
    ],
)
def test_where_none_can_be_made(tmp_path: Path, path: str, words: str) -> None:
    """The fault says why, and what to do."""
    (tmp_path / "file").write_text("")
    with pytest.raises(DoorError, match=r"the socket .* cannot be made") as error:
        UnixSocket(tmp_path / path, 0o660).listen(MemoryReactorClock(), Factory.forProtocol(Protocol))
    assert words in str(error.value)


@pytest.mark.parametrize(
    "error",
    [
        CannotListenError(None, b"a.sock", OSError(28, "No space left on device")),
        OSError(28, "No space left on device"),
    ],
)
def test_a_socket_that_cannot_be_bound(tmp_path: Path, error: Exception) -> None:
    """The fault says why; the lock is free again."""

    class Full:
        def listenUNIX(self, *_: object, **__: object) -> None:  # noqa: N802  Twisted's name
            raise error

    for _ in range(2):
        with pytest.raises(DoorError, match="cannot be made: No space left on device; this user must be able to write"):
            UnixSocket(tmp_path / "a.sock", 0o660).listen(Full(), Factory.forProtocol(Protocol))


def test_a_link_is_no_lock(tmp_path: Path) -> None:
    """Somebody else's link does not make the daemon open what it points to."""
    target = tmp_path / "target"
    (tmp_path / "a.sock.lock").symlink_to(target)
    with pytest.raises(DoorError):
        UnixSocket(tmp_path / "a.sock", 0o660).listen(MemoryReactorClock(), Factory.forProtocol(Protocol))
    assert not target.exists()
