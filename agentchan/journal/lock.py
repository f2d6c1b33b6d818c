"""Keeps a second daemon out of a journal.

The lock is a file of its own beside the journal: SQLite's locks are POSIX locks, which are lost as soon as the process
closes any descriptor of the same file, and an operator may want to look into a live journal with SQLite's own shell.
The kernel drops the lock when the process ends, however it ends.
"""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

from agentchan.journal.errors import JournalInUse


class Lock:
    """An exclusive lock, held until it is released."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    @property
    def held(self) -> bool:
        """Whether this process has it."""
        return self._descriptor is not None

    def take(self) -> None:
        """Take the lock, without waiting.

        Raises:
            JournalInUse: another process has it.
            OSError: the file cannot be made or opened.
        """
        if self.held:
            return
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
            os.close(descriptor)
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                raise
            raise JournalInUse(
                f"{self._path}: process {holder or '(unknown)'} has this journal; stop that daemon first, "
                "or give this one a journal of its own ([journal] path)"
            ) from None
        self._descriptor = descriptor
        self._name_holder(descriptor)

    @staticmethod
    def _name_holder(descriptor: int) -> None:
        """Write who holds the lock; on a full disk the lock holds without."""
        try:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        except OSError:
            return

    def release(self) -> None:
        """Give the lock back; the file stays, since deleting it could delete another's lock."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
