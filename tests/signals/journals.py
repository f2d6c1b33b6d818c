"""A real journal without its thread: what is handed over is done at once, or when the test says so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, fail

from agentchan.journal import Journal, JournalError, JournalUnavailable, Remembered
from agentchan.journal.writes import Write
from agentchan.vocabulary import Fate


class _AtOnce:
    """The reactor, as far as a journal needs it."""

    def callFromThread(self, callable: Callable[..., Any], *args: Any, **kwargs: Any) -> None:  # noqa: A002, N802 - Twisted's names
        """There is no other thread."""
        callable(*args, **kwargs)


class HandJournal(Journal):
    """A journal worked by hand.

    Attributes:
        waits: whether jobs wait for :meth:`work`.
        failure: what every job gets while it is set.
        handed_over: the writes of every batch, in order, also of those that failed.
    """

    def __init__(self, path: Path, wall: Callable[[], datetime], monotonic: Callable[[], float]) -> None:
        super().__init__(_AtOnce(), path, wall=wall, monotonic=monotonic)
        self.waits = False
        self.failure: JournalError | None = None
        self.handed_over: list[tuple[Write, ...]] = []
        self._queue: list[Any] = []

    def load(self) -> Remembered:
        """Open it."""
        remembered = self._keeper.begin()
        self.health, self.counts, self._open = self._keeper.health, remembered.counts, True
        return remembered

    def fail(self, reason: str = "the disk is full") -> None:
        """Every job fails from now on."""
        self.failure = JournalUnavailable(reason)

    def heal(self) -> None:
        """No job fails any more."""
        self.failure = None

    def work(self) -> None:
        """Do all that was handed over."""
        queue, self._queue = self._queue, []
        if queue:
            self._serve(queue)

    def close(self) -> Deferred[None]:
        """Close it."""
        self.work()
        self._open = False
        self._keeper.end()
        closed: Deferred[None] = Deferred()
        closed.callback(None)
        return closed

    def _hand_over(self, job: Any) -> Deferred[Any]:
        if hasattr(job, "writes"):
            self.handed_over.append(job.writes)
        if self.failure is not None:
            return fail(self.failure)
        if not self._open:
            return fail(JournalUnavailable("the journal is closed"))
        self._queue.append(job)
        if not self.waits:
            self.work()
        settled: Deferred[Any] = job.settled
        return settled

    def fates(self) -> dict[str, Fate]:
        """The fate of every signal on disk, in order."""
        signals = self._keeper.ask(lambda connection: self._reader(connection).newest((), None, None, 10_000))
        return {kept.signal.signal_id: kept.fate for kept in reversed(signals)}
