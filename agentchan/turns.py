"""One at a time, by name: what concerns one channel happens in order, what concerns others beside it."""

from __future__ import annotations

from types import TracebackType

from attrs import frozen
from twisted.internet.defer import DeferredLock


class Turns:
    """The turns of all names; a name that nobody uses costs nothing."""

    def __init__(self) -> None:
        self._locks: dict[str, DeferredLock] = {}

    def of(self, name: str) -> Turn:
        """Inside (``async with``), nobody else has a turn of that name."""
        lock = self._locks.get(name)
        if lock is None:
            lock = self._locks[name] = DeferredLock()
        return Turn(name, lock, self._locks)


@frozen
class Turn:
    """A turn that is wanted, or taken."""

    name: str
    lock: DeferredLock
    locks: dict[str, DeferredLock]

    async def __aenter__(self) -> None:
        await self.lock.acquire()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.lock.release()
        # Whoever had the turn next may be done already, and another may have begun anew.
        if not self.lock.locked and self.locks.get(self.name) is self.lock:
            del self.locks[self.name]
