"""The disk under the journal: slow, full, or cut from power between a write and its end.

The journal is the real one, SQLite and all; its thread alone is simulated: what is handed over is worked off on the
scheduler, so that the process can be killed before a commit, and between a commit and the moment that anybody hears of
it. Where SQLite was not told to wait for the disk at each commit, a power cut takes what is in its log.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred, succeed

from agentchan.journal.errors import JournalError
from agentchan.journal.facts import Remembered
from agentchan.journal.journal import GROUP, LAZY, Journal
from agentchan.journal.keeper import Keeper
from agentchan.journal.signals import Counts
from agentchan.journal.writes import SignalAccepted, Write
from tests.simulation.process import Process, Reactor

SYNCHRONOUS_FULL = 2
"""SQLite's number for it: each commit is on the disk when it returns."""


@define(eq=False)
class Disk:
    """One disk.

    Attributes:
        full: nothing can be written.
        pace: seconds that a commit takes, from and to.
        kept: SignalIds that were written down and are on the disk.
    """

    path: Path
    full: bool = False
    pace: tuple[float, float] = (0.0005, 0.003)
    kept: set[str] = field(factory=set)


class FullKeeper(Keeper):
    """A keeper whose disk may be full."""

    disk: Disk

    def commit(self, batches: Sequence[Sequence[Write]]) -> list[JournalError | None]:
        """As it does."""
        if self.disk.full and self._connection is not None:
            return [self._failed(_full())] * len(batches)
        outcomes = super().commit(batches)
        for batch, outcome in zip(batches, outcomes, strict=True):
            if outcome is None:
                self.disk.kept.update(write.signal.signal_id for write in batch if isinstance(write, SignalAccepted))
        return outcomes

    def _write_clock(self, connection: sqlite3.Connection) -> Counts:
        if self.disk.full:
            raise _full()
        return super()._write_clock(connection)

    def killed(self, *, power: bool) -> None:
        """The process is no more: nothing is written down that was not, and the lock is free."""
        connection = self._connection
        lost = None
        if power and connection is not None:
            synchronous: int = connection.execute("PRAGMA synchronous").fetchone()[0]
            if synchronous < SYNCHRONOUS_FULL:
                lost = self.disk.path.read_bytes()
        self._close()
        if lost is not None:
            self.disk.path.write_bytes(lost)
        self._lock.release()


def _full() -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("database or disk is full")
    error.sqlite_errorcode = sqlite3.SQLITE_FULL
    error.sqlite_errorname = "SQLITE_FULL"
    return error


class SimulatedJournal(Journal):
    """The journal, whose thread is the scheduler."""

    disk: Disk
    """Set by whoever makes the class of one daemon's journal."""
    _keeper: FullKeeper

    def __init__(self, reactor: Reactor, path: Path, *, wall: Callable[[], datetime], **others: Any) -> None:
        self._turns = reactor
        self._process: Process = reactor.process
        super().__init__(reactor, path, wall=wall, **(others | {"monotonic": reactor.seconds}))
        self._keeper = FullKeeper(path, wall, reactor.seconds, self._housekeeping)
        self._keeper.disk = self.disk
        self._queue: list[Any] = []
        self._busy = False
        self._process.on_end[self._killed] = None

    @property
    def idle(self) -> bool:
        """Whether all that was handed over is done."""
        return not self._busy

    def load(self) -> Remembered:
        """Open it."""
        remembered = self._keeper.begin()
        self.health = self._told = self._keeper.health
        self.counts, self._open = remembered.counts, True
        self._wait()
        return remembered

    def close(self) -> Deferred[None]:
        """Finish what was handed over, then close it."""
        if self._open:
            self._open = False
            self._work()
            self._keeper.end()
            self._process.on_end.pop(self._killed, None)
        return succeed(None)

    def _killed(self) -> None:
        self._open = False
        self._keeper.killed(power=self._process.silent)

    def _hand_over(self, job: Any) -> Deferred[Any]:
        if not self._open or not self._process.effect():
            return super()._hand_over(job) if not self._open else job.settled
        self._queue.append(job)
        if not self._busy:
            self._busy = True
            pause = LAZY if job.lazily else 0.0
            self._turns.callLater(pause + self._process.world.uniform(*self.disk.pace), self._due)
        settled: Deferred[Any] = job.settled
        return settled

    def _due(self) -> None:
        if self._open:
            self._work()
            self._keeper.tend(busy=bool(self._queue))
            self._tell()

    def _work(self) -> None:
        """What was handed over until now goes into one commit; those who wait hear of it in a later turn."""
        group, self._queue = self._queue[:GROUP], self._queue[GROUP:]
        self._busy = bool(self._queue)
        if self._busy:
            self._turns.callLater(self._process.world.uniform(*self.disk.pace), self._due)
        if group:
            self._serve(group)

    def _wait(self) -> None:
        """What is due besides."""
        if self._open:
            due = max(0.5, self._keeper.due_at - self._turns.seconds())
            self._turns.callLater(due, self._tend)

    def _tend(self) -> None:
        if self._open:
            self._keeper.tend(busy=False)
            self._tell()
            self._wait()
