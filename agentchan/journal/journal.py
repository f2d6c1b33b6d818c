"""The journal as the reactor sees it: a thread of its own behind Deferreds.

The reactor's thread never waits for the disk. Everything that is handed over while a commit is under way goes into the
next one, so the busier it is the more signals share one fsync.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Any, Protocol, TypeVar

import structlog
from attrs import define, field
from twisted.internet.defer import Deferred, fail

from agentchan.journal.calls import KeptCall, read_call, read_call_with_token
from agentchan.journal.errors import JournalUnavailable
from agentchan.journal.facts import KeptEvent, Remembered, read_events, read_failovers, read_remembered
from agentchan.journal.health import Health
from agentchan.journal.housekeeping import Housekeeping
from agentchan.journal.keeper import Keeper
from agentchan.journal.signals import Counts, KeptSignal, Reader
from agentchan.journal.writes import FailoverHappened, Write
from agentchan.vocabulary import Fate

log = structlog.get_logger("agentchan.journal")

Answer = TypeVar("Answer")

GROUP = 500
"""Batches in one commit at most: the reactor settles them all in one turn."""

FIRST_TIDYING_AFTER = 10.0
"""Seconds from the start to the first pruning: there is enough to do at first."""

LAZY = 0.05
"""Seconds that a write which nobody waits for may wait for company."""


class CallsFromThreads(Protocol):
    """The reactor, as far as it is needed here."""

    def callFromThread(self, callable: Callable[..., Any], *args: Any, **kwargs: Any) -> None:  # noqa: A002, N802 - Twisted's names
        """Call something soon on the reactor's thread."""


@define(eq=False)
class _Batch:
    """Writes to keep; lazily: it may wait for company."""

    writes: Sequence[Write]
    lazily: bool
    settled: Deferred[Any] = field(factory=Deferred)


@define(eq=False)
class _Question:
    """Something to read."""

    question: Callable[[sqlite3.Connection], Any]
    lazily: bool = False
    settled: Deferred[Any] = field(factory=Deferred)


_Job = _Batch | _Question


class Journal:
    """The journal of one daemon.

    A process must not fork between :meth:`load` and the end: neither threads nor SQLite survive that.

    Args:
        reactor: only its ``callFromThread`` is used.
        path: the SQLite file; its directory must exist.
        wall: tells the time of day, aware; called in the journal's thread.
        monotonic: tells seconds that only ever go forward; called in the journal's thread.
        keep: seconds, counted while a daemon runs, that settled signals and ended calls are kept.
        largest: bytes of the file above which settled signals go before their time, the oldest first.
        on_health: told on the reactor's thread of every change of :attr:`health`.

    Attributes:
        health: whether it can be written, by its newest word.
        counts: of the signals, by its newest word.
    """

    def __init__(
        self,
        reactor: CallsFromThreads,
        path: Path,
        *,
        wall: Callable[[], datetime],
        monotonic: Callable[[], float],
        keep: float = 7 * 86400.0,
        largest: int = 4 * 2**30,
        on_health: Callable[[Health], None] = lambda _: None,
    ) -> None:
        self._reactor = reactor
        self._monotonic = monotonic
        self._housekeeping = Housekeeping(keep, largest, due_at=monotonic() + FIRST_TIDYING_AFTER)
        self._keeper = Keeper(path, wall, monotonic, self._housekeeping)
        self._on_health = on_health
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread: Thread | None = None
        self._open = False
        self._ended: Deferred[None] = Deferred()
        self.health: Health = self._keeper.health
        self._told = self.health
        self.counts = Counts()

    # -- begin and end ---------------------------------------------------------------------------------------------

    def load(self) -> Remembered:
        """Open the journal and read the facts of earlier runs; blocks. To be called once.

        Where the disk can be read but not written this succeeds, and :attr:`health` says what is wrong.

        Raises:
            JournalInUse, JournalMisplaced, JournalTooNew: the daemon cannot run with this journal.
            JournalUnavailable: it can be neither written nor read now. It is tried again all the time, and
                :meth:`remembered` tells the facts when it can be read.
        """
        done = Event()
        outcome: list[Remembered | Exception] = []

        def begin() -> None:
            try:
                outcome.append(self._keeper.begin())
            except JournalUnavailable as error:
                outcome.append(error)
            except Exception as error:  # noqa: BLE001 - raised again in the thread that waits
                outcome.append(error)
                return
            finally:
                self.health = self._told = self._keeper.health
                done.set()
            self._run()

        self._thread = Thread(target=begin, name="journal", daemon=True)
        self._thread.start()
        done.wait()
        remembered = outcome[0]
        self._open = isinstance(remembered, Remembered | JournalUnavailable)
        if isinstance(remembered, Exception):
            if not self._open:
                self._thread.join()
            raise remembered
        self.counts = remembered.counts
        return remembered

    def keep_for(self, keep: float) -> None:
        """Keep settled signals and ended calls so many seconds from now on."""
        self._housekeeping.keep = keep

    def close(self) -> Deferred[None]:
        """Finish everything that was handed over, then close; fires when the file is closed. May be repeated."""
        if self._open:
            self._open = False
            self._jobs.put(None)
        elif self._thread is None and not self._ended.called:
            self._ended.callback(None)
        waiting: Deferred[None] = Deferred()
        self._ended.chainDeferred(waiting)
        return waiting

    def close_now(self) -> None:
        """As :meth:`close`, for when the reactor does not run: blocks until the file is closed."""
        if self._open:
            self._open = False
            self._jobs.put(None)
        if self._thread is not None:
            self._thread.join()

    # -- writing ---------------------------------------------------------------------------------------------------

    def record(self, batch: Sequence[Write], *, lazily: bool = False) -> Deferred[None]:
        """Keep a batch, all of it or nothing; fires when it is on disk (fsync).

        Batches are kept in the order of the calls.

        Args:
            batch: at least one write; must not be changed afterwards.
            lazily: nobody waits for it; it may take up to :data:`LAZY` seconds longer, and costs no fsync of its own
                when others come by.

        Raises (errback):
            JournalUnavailable: nothing of it was kept.
            WriteRefused: it contradicts what is there; nothing of it was kept.
        """
        return self._hand_over(_Batch(tuple(batch), lazily))

    # -- reading ---------------------------------------------------------------------------------------------------

    def remembered(self) -> Deferred[Remembered]:
        """The facts as of now, where :meth:`load` could not read them."""
        return self.ask(lambda connection: read_remembered(connection, self._keeper.counting_from))

    def failovers(self, limit: int = 100) -> Deferred[tuple[FailoverHappened, ...]]:
        """The newest failovers, the newest first; the last thousand are kept."""
        return self.ask(lambda connection: read_failovers(connection, limit))

    def events(self, limit: int = 100, after: int | None = None) -> Deferred[tuple[KeptEvent, ...]]:
        """Events in the order they happened: the first ``limit`` after a number, or (None) the newest ``limit``."""
        return self.ask(lambda connection: read_events(connection, limit, after))

    def pending(self, *, after: int, until: int, limit: int = 1000) -> Deferred[tuple[KeptSignal, ...]]:
        """A page of the pending signals, in order: those whose position is above ``after`` and not above ``until``.

        With ``until`` the ``last_position`` of :class:`Remembered` these are the signals of earlier runs.
        """
        return self.ask(lambda connection: self._reader(connection).pending(after, until, limit))

    def refused_gones(
        self, *, after: int, until: int, limit: int = 1000
    ) -> Deferred[tuple[tuple[KeptSignal, bool], ...]]:
        """As :meth:`pending`, the Gones that CE refused; each with whether a later call was on its channel."""
        return self.ask(lambda connection: self._reader(connection).refused_gones(after, until, limit))

    def signal(self, signal_id: str) -> Deferred[KeptSignal | None]:
        """One signal; None: there is no such signal (any more)."""
        return self.ask(lambda connection: self._reader(connection).one(signal_id))

    def signals(
        self, *, fates: Collection[Fate] = (), channel: str | None = None, before: str | None = None, limit: int = 100
    ) -> Deferred[tuple[KeptSignal, ...]]:
        """The newest signals, the newest first.

        Args:
            fates: only these; empty: every fate.
            channel: only of this channel; None: of all.
            before: only those accepted before this SignalId; None, or one that is not known: from the newest.
            limit: at most so many.
        """
        return self.ask(lambda connection: self._reader(connection).newest(fates, channel, before, limit))

    def call(self, channel: str, call_id: str) -> Deferred[KeptCall | None]:
        """One call, open or ended: was this signal given before? None: the call is not known (any more).

        The answer knows everything that was recorded before this was asked.
        """
        return self.ask(lambda connection: read_call(connection, channel, call_id))

    def call_with_token(self, token: str) -> Deferred[KeptCall | None]:
        """The call whose NewCall CE has answered with this token."""
        return self.ask(lambda connection: read_call_with_token(connection, token))

    def _reader(self, connection: sqlite3.Connection) -> Reader:
        return Reader(connection, self._keeper.counting_from)

    def ask(self, question: Callable[[sqlite3.Connection], Answer]) -> Deferred[Answer]:
        """Run a short reading in the journal's thread; it sees everything that was recorded before.

        Raises (errback):
            JournalUnavailable: it cannot be read now.
        """
        return self._hand_over(_Question(question))

    def _hand_over(self, job: _Job) -> Deferred[Any]:
        if not self._open:
            return fail(JournalUnavailable("the journal is closed"))
        self._jobs.put(job)
        return job.settled

    # -- the thread ------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        ending = False
        while not ending:
            group, ending = self._gather()
            self._serve(group)
            self._keeper.tend(busy=not self._jobs.empty())
            self._tell()
        self._keeper.end()
        self._reactor.callFromThread(self._end)

    def _gather(self) -> tuple[list[_Job], bool]:
        """The next group of jobs, and whether it is the last. Lazy jobs wait for company, the others for nothing."""
        group: list[_Job] = []
        wait = max(0.0, self._keeper.due_at - self._monotonic())
        company_until = None
        while len(group) < GROUP:
            try:
                job = self._jobs.get(timeout=wait) if wait > 0 else self._jobs.get_nowait()
            except Empty:
                break
            if job is None:
                return group, True
            group.append(job)
            if not job.lazily:
                wait, company_until = 0.0, self._monotonic()
            elif company_until is None:
                company_until = self._monotonic() + LAZY
            wait = max(0.0, (company_until or 0.0) - self._monotonic())
        return group, False

    def _serve(self, group: list[_Job]) -> None:
        batches = [job for job in group if isinstance(job, _Batch)]
        if batches:
            outcomes = self._keeper.commit([job.writes for job in batches])
            self._tell()
            self._reactor.callFromThread(self._settle_batches, batches, outcomes, self._keeper.counts)
        questions = [job for job in group if isinstance(job, _Question)]
        if questions:
            answers = [self._answer(job) for job in questions]
            self._tell()
            self._reactor.callFromThread(_settle, questions, answers)

    def _tell(self) -> None:
        """Tell of a change of health, before the callers whose jobs have shown it."""
        if self._told is not self._keeper.health:
            self._told = self._keeper.health
            self._reactor.callFromThread(self._take_health, self._told)

    def _answer(self, job: _Question) -> Any:
        try:
            return self._keeper.ask(job.question)
        except Exception as error:  # noqa: BLE001 - belongs to the caller, whatever it is
            return error

    # -- back on the reactor's thread ------------------------------------------------------------------------------

    def _take_health(self, health: Health) -> None:
        self.health = health
        self._on_health(health)

    def _settle_batches(self, batches: Sequence[_Job], outcomes: Sequence[Any], counts: Counts) -> None:
        self.counts = counts
        _settle(batches, outcomes)

    def _end(self) -> None:
        if self._thread is not None:
            self._thread.join()
        self._take_health(self._keeper.health)
        self._ended.callback(None)


def _settle(jobs: Sequence[_Job], outcomes: Sequence[Any]) -> None:
    for job, outcome in zip(jobs, outcomes, strict=True):
        if isinstance(outcome, Exception):
            job.settled.errback(outcome)
        else:
            job.settled.callback(outcome)
