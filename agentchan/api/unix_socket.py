"""The Unix socket's file: never wider than its mode, never taken from a live daemon, never in the way of a new one."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import stat
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.error import CannotListenError

_CONNECT_TIMEOUT = 1.0
_BACKLOG = 128


class DoorError(Exception):
    """A door cannot be opened; the text names cause and remedy."""


class UnixSocket:
    """One listening Unix socket.

    A lock file beside it (``….lock``, held by flock, which ends with its process however it dies) says whether a daemon
    lives there; process ids would not do, since they come again.

    Args:
        path: of the socket.
        mode: its permissions.
    """

    def __init__(self, path: Path, mode: int) -> None:
        self._path = path
        self._mode = mode
        self._lock: int | None = None
        self._port: Any = None
        self._closed: Deferred[None] | None = None

    def listen(self, reactor: Any, factory: Any) -> None:
        """Make the socket and listen; blocks for the moment that a look at the old one takes.

        Raises:
            DoorError: another daemon is there, or the file cannot be made.
        """
        self._lock = self._locked()
        try:
            self._remove_stale()
            # For this moment every file of this process is made without what the socket must not have; the mode is set
            # exactly afterwards, and before the first connection is accepted.
            before = os.umask(0o777 & ~self._mode)
            try:
                self._port = reactor.listenUNIX(str(self._path), factory, _BACKLOG, self._mode, wantPID=False)
            finally:
                os.umask(before)
        except CannotListenError as error:
            self._unlock()
            raise self._cannot(error.socketError) from None
        except OSError as error:
            self._unlock()
            raise self._cannot(error) from None
        except DoorError:
            self._unlock()
            raise

    def close(self) -> Any:
        """Stop listening and remove the file; returns a Deferred, or None where nothing is open."""
        port, self._port = self._port, None
        if port is None:
            return self._closed
        try:
            # The port wants to remove the file itself, and cannot end if somebody has done so already.
            self._path.touch(0o600)
        except OSError:
            port.stopReading()
            self._unlock()
            return None
        # Only then may another daemon come: it would take this socket for a live one, or lose its own to this end.
        self._closed = maybeDeferred(port.stopListening).addBoth(lambda _: self._unlock())
        return self._closed

    def _locked(self) -> int:
        path = self._path.with_name(self._path.name + ".lock")
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise self._cannot(error) from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            raise self._taken() from None
        return descriptor

    def _unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _remove_stale(self) -> None:
        """Remove the socket of a daemon that has died.

        Raises:
            DoorError: something else is there, or somebody answers.
        """
        try:
            kind = self._path.lstat().st_mode
        except FileNotFoundError:
            return
        if not stat.S_ISSOCK(kind):
            raise DoorError(f"{self._path} is there and is no socket; remove it, or set another [api] socket")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(_CONNECT_TIMEOUT)
            try:
                probe.connect(str(self._path))
            except ConnectionRefusedError:
                self._path.unlink(missing_ok=True)
                return
            except OSError as error:
                if error.errno == errno.ENOENT:
                    return
        raise self._taken()

    def _taken(self) -> DoorError:
        return DoorError(
            f"another agentchan is running with the socket {self._path}: stop it ('systemctl stop agentchan'), "
            "or set another [api] socket for this one"
        )

    def _cannot(self, error: Any) -> DoorError:
        why = getattr(error, "strerror", None) or str(error)
        folder = self._path.parent
        remedy = f"make the folder {folder}" if not folder.is_dir() else f"this user must be able to write in {folder}"
        return DoorError(f"the socket {self._path} cannot be made: {why}; {remedy}, or set another [api] socket")
