"""One at a time, by name: what concerns one channel happens in order, what concerns others beside it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from twisted.internet.defer import DeferredLock


class Turns:
    """The turns of all names; a name that nobody uses costs nothing."""

    def __init__(self) -> None:
        self._locks: dict[str, DeferredLock] = {}

    @asynccontextmanager
    async def of(self, name: str) -> AsyncIterator[None]:
        """Inside, nobody else has a turn of that name."""
        lock = self._locks.setdefault(name, DeferredLock())
        await lock.acquire()
        try:
            yield
        finally:
            lock.release()
            # Whoever had the turn next may be done already, and another may have begun anew.
            if not lock.locked and self._locks.get(name) is lock:
                del self._locks[name]
