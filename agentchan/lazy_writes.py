"""What is written down without anybody waiting for it: the fates of signals, their tries, and call tokens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import structlog
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure

from agentchan.journal.errors import JournalError, JournalUnavailable
from agentchan.journal.writes import SignalSettled, SignalTried, Write
from agentchan.vocabulary import Fate

log = structlog.get_logger("agentchan.signals")

TOGETHER = 0.02
"""Seconds that writes wait for company: under load, one batch has those of dozens of signals."""

AGAIN_AFTER = 1.0
"""Seconds until what could not be written is tried again."""


class Recording(Protocol):
    """The journal, as far as it is needed here."""

    def record(self, batch: Sequence[Write], *, lazily: bool = False) -> Deferred[None]:
        """Keep a batch."""


class LazyWrites:
    """Gathers writes, and tries them until they are on disk.

    A fate that is not on disk when the daemon is killed is found out anew: its signal is sent again, with the same id.
    """

    def __init__(self, reactor: Any, journal: Recording) -> None:
        self._reactor = reactor
        self._journal = journal
        self._writes: list[Write] = []
        self._timer: IDelayedCall | None = None
        self._settled = dict.fromkeys(Fate, 0)

    def settled(self, fate: Fate) -> int:
        """How many signals have met this fate, and the journal does not count them yet."""
        return self._settled[fate]

    def add(self, writes: Sequence[Write]) -> None:
        """Write these soon, after all that was given before."""
        self._count(writes, 1)
        self._writes.extend(writes)
        self._set_timer(TOGETHER)

    def flush(self) -> None:
        """Hand over now what there is."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        writes, self._writes = self._writes, []
        if writes:
            self._journal.record(writes, lazily=True).addCallbacks(
                lambda _: self._count(writes, -1), self._not_written, errbackArgs=(writes,)
            )

    def _count(self, writes: Iterable[Write], step: int) -> None:
        for write in writes:
            if isinstance(write, SignalSettled):
                self._settled[write.fate] += step

    def _set_timer(self, seconds: float) -> None:
        if self._timer is None and self._writes:
            self._timer = self._reactor.callLater(seconds, self._due)

    def _due(self) -> None:
        self._timer = None
        self.flush()

    def _not_written(self, failure: Failure, writes: list[Write]) -> None:
        failure.trap(JournalError)
        if failure.check(JournalUnavailable) is None:
            log.error("fates-refused", reason=str(failure.value), writes=len(writes))
            self._count(writes, -1)
            return
        # Tries are told anew by the next one; the rest is kept, however long the journal fails.
        self._writes[:0] = [write for write in writes if not isinstance(write, SignalTried)]
        self._set_timer(AGAIN_AFTER)
