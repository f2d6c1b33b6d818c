"""Keeps the journal's file: groups of writes in one transaction, outages, recovery. Lives in the journal's thread."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import structlog
from attrs import evolve

from agentchan.journal import failures, opening
from agentchan.journal.errors import JournalError, JournalUnavailable, WriteRefused
from agentchan.journal.facts import Remembered, read_remembered
from agentchan.journal.health import Health, State
from agentchan.journal.housekeeping import BETWEEN_ROUNDS, Housekeeping
from agentchan.journal.lock import Lock
from agentchan.journal.rescue import rescue
from agentchan.journal.signals import Counts, read_counts
from agentchan.journal.statements import apply
from agentchan.journal.writes import Write

log = structlog.get_logger("agentchan.journal")

Answer = TypeVar("Answer")

TRY_AGAIN_AFTER = 1.0
"""Seconds between two tries while the journal cannot be written."""

LOOK_AFTER = 30.0
"""Seconds after which a quiet journal is written to: so a full disk is found before a call meets it."""

_CLOCK = "UPDATE clock SET counted = ?, written = written + 1"
"""Always changes something: SQLite writes nothing to the disk where a row stays as it is."""


class Keeper:
    """One journal file. Everything here blocks; only one thread may use it.

    Args:
        path: the SQLite file.
        wall: tells the time of day, aware.
        monotonic: tells seconds that only ever go forward.
        housekeeping: what is pruned, and when.

    Attributes:
        counting_from: the monotonic second at which the journal's counted time was 0. That time goes on only while a
            daemon runs, from run to run; the ages of signals are measured in it.
        counts: of the signals, after the last commit.
    """

    def __init__(
        self, path: Path, wall: Callable[[], datetime], monotonic: Callable[[], float], housekeeping: Housekeeping
    ) -> None:
        self._path = path
        self._wall = wall
        self._monotonic = monotonic
        self._lock = Lock(path.with_name(path.name + ".lock"))
        self._connection: sqlite3.Connection | None = None
        self._damaged: Path | None = None
        self._counts_on = False
        self._look_at = monotonic()
        self._housekeeping = housekeeping
        self.counting_from = monotonic()
        self.counts = Counts()
        self.health = Health(State.CLOSED, wall())

    @property
    def due_at(self) -> float:
        """When :meth:`tend` is due (monotonic seconds)."""
        return min(self._look_at, self._housekeeping.due_at)

    @property
    def _counted(self) -> float:
        return self._monotonic() - self.counting_from

    # -- the file's life -------------------------------------------------------------------------------------------

    def begin(self) -> Remembered:
        """Open the file and read what earlier runs have left.

        A file that can be read but not written is good enough to begin with; :attr:`health` says so.

        Raises:
            JournalInUse, JournalMisplaced, JournalTooNew: it cannot be used; nothing was changed.
            JournalUnavailable: it can be neither written nor read now; :meth:`tend` tries it again.
        """
        opening.check_place(self._path)
        try:
            return self._begin_as_it_is()
        except BaseException:
            self._close()
            self._lock.release()
            raise

    def _begin_as_it_is(self) -> Remembered:
        try:
            return self._begin_writable()
        except (sqlite3.Error, OSError) as error:
            self._failed(error)
            return self._begin_read_only(error)

    def _begin_writable(self) -> Remembered:
        self._open()
        try:
            return self._remembered()
        except JournalUnavailable:
            if self._connection is None:
                raise
            return self._remembered()  # a damaged file was set aside: what its successor knows

    def _remembered(self) -> Remembered:
        return self.ask(lambda connection: read_remembered(connection, self.counting_from))

    def _begin_read_only(self, cause: Exception) -> Remembered:
        if not self._path.exists():
            return Remembered()  # nothing was ever wanted
        try:
            with closing(opening.open_read_only(self._path)) as connection:
                self._count_on(connection)
                return read_remembered(connection, self.counting_from)
        except sqlite3.Error as error:
            raise JournalUnavailable(f"{failures.describe(self._path, cause)}; nor can it be read ({error})") from error

    def end(self) -> None:
        """Close the file; everything that was written is in it, and the counted time as of now."""
        if self._connection is not None and self.health.state is State.OK:
            try:
                self._write_clock(self._connection)
            except sqlite3.Error as error:
                log.warning("journal-clock-not-written", path=str(self._path), error=str(error))
        self._close()
        self._lock.release()
        self.health = Health(State.CLOSED, self._wall(), set_aside=self.health.set_aside)

    def _open(self) -> sqlite3.Connection:
        """Open the file and prove that it can be written; a damaged one is set aside for a fresh one."""
        self._lock.take()
        try:
            connection = self._open_proven()
        except sqlite3.Error as error:
            if not failures.is_damage(error):
                raise
            self._set_aside(error)
            connection = self._open_proven()
        return connection

    def _open_proven(self) -> sqlite3.Connection:
        connection = opening.open_writable(self._path, self._wall())
        try:
            self._rescue(connection)
            if not self._counts_on:
                self._count_on(connection)
            counts = self._write_clock(connection)
        except sqlite3.Error:
            connection.close()
            raise
        self._connection = connection
        self._worked(counts)
        return connection

    def _close(self) -> None:
        if self._connection is None:
            return
        connection, self._connection = self._connection, None
        try:
            connection.close()
        except sqlite3.Error as error:
            log.warning("journal-close-failed", path=str(self._path), error=str(error))

    def _set_aside(self, error: BaseException) -> None:
        target = opening.set_aside(self._path, self._wall())
        self._close()
        self.health = evolve(self.health, set_aside=target)
        self._damaged = target
        log.critical("journal-damaged", path=str(self._path), set_aside=str(target), error=str(error))

    def _rescue(self, connection: sqlite3.Connection) -> None:
        """Save what can be read of a file that was set aside just now."""
        if self._damaged is not None:
            rescued = rescue(self._damaged, connection)
            log.critical(
                "journal-rescued",
                set_aside=str(self._damaged),
                signals=rescued.signals,
                rows=rescued.rows,
                complete=rescued.complete,
            )
            self._damaged = None

    # -- writing and reading ---------------------------------------------------------------------------------------

    def commit(self, batches: Sequence[Sequence[Write]]) -> list[JournalError | None]:
        """Write batches in one transaction; None for each that is on disk, else why nothing of it was kept.

        A batch that contradicts what is there fails alone.
        """
        try:
            connection = self._writable()
            with opening.transaction(connection):
                connection.execute(_CLOCK, (self._counted,))
                for batch in batches:
                    apply(connection, batch)
                counts = read_counts(connection, self.counting_from)
        except JournalUnavailable as error:
            return [error] * len(batches)
        except Exception as error:  # noqa: BLE001 - one caller's fault must not end the thread that all share
            if failures.is_outage(error):
                return [self._failed(error)] * len(batches)
            if len(batches) == 1:
                return [WriteRefused(f"{type(error).__name__}: {error}")]
            return [self.commit([batch])[0] for batch in batches]
        self._worked(counts)
        self._housekeeping.written(sum(map(len, batches)))
        return [None] * len(batches)

    def ask(self, question: Callable[[sqlite3.Connection], Answer]) -> Answer:
        """Read something.

        Raises:
            JournalUnavailable: it cannot be read now.
        """
        connection = self._writable()
        try:
            return question(connection)
        except (sqlite3.Error, OSError) as error:
            if failures.is_outage(error):
                raise self._failed(error) from error
            raise

    def tend(self, *, busy: bool) -> None:
        """Do what is due besides the jobs: prune, try a journal that fails, write to one that is quiet.

        Args:
            busy: whether jobs are waiting; what can wait then waits.
        """
        now = self._monotonic()
        try:
            if now >= self._look_at:
                connection = self._writable(now=True)
                self._worked(self._write_clock(connection))
            if self._connection is not None and now >= self._housekeeping.due_at:
                self._housekeeping.tidy(self._connection, self._counted, now)
            if self._connection is not None and self._housekeeping.checkpoint_due(busy=busy):
                self._housekeeping.checkpoint(self._connection)
        except JournalUnavailable:
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not end the thread that all share
            self._failed(error)
            self._housekeeping.due_at = now + BETWEEN_ROUNDS

    def _writable(self, *, now: bool = False) -> sqlite3.Connection:
        """The connection, opened anew if an outage had closed it and it is time (or ``now``)."""
        if self._connection is not None:
            return self._connection
        if not now and self._monotonic() < self._look_at:
            raise JournalUnavailable(self.health.reason)
        try:
            opening.check_place(self._path)
            return self._open()
        except (sqlite3.Error, OSError) as error:
            raise self._failed(error) from error
        except JournalError as error:
            raise self._unavailable(error.reason) from error

    # -- how it is -------------------------------------------------------------------------------------------------

    def _count_on(self, connection: sqlite3.Connection) -> None:
        """Count time on from where the last run ended."""
        counted: float = connection.execute("SELECT counted FROM clock").fetchone()[0]
        self.counting_from = self._monotonic() - counted
        self._counts_on = True

    def _write_clock(self, connection: sqlite3.Connection) -> Counts:
        """Write the counted time alone, to the disk: proves that the journal can be written."""
        with opening.transaction(connection):
            connection.execute(_CLOCK, (self._counted,))
            return read_counts(connection, self.counting_from)

    def _worked(self, counts: Counts) -> None:
        """The journal was written to."""
        self.counts = counts
        self._look_at = self._monotonic() + LOOK_AFTER
        if self.health.state is not State.OK:
            if self.health.state is State.FAILING:
                log.info("journal-recovered", path=str(self._path), since=self.health.since.isoformat())
            self.health = Health(State.OK, self._wall(), set_aside=self.health.set_aside)

    def _failed(self, error: BaseException) -> JournalUnavailable:
        """Take note of an outage; returns what callers are told."""
        unavailable = self._unavailable(failures.describe(self._path, error))
        if failures.is_damage(error) and self._connection is not None:
            self._replace(error)
        elif not failures.passes_by_itself(error):
            self._close()
        return unavailable

    def _unavailable(self, reason: str) -> JournalUnavailable:
        self._look_at = self._monotonic() + TRY_AGAIN_AFTER
        if self.health.state is not State.FAILING:
            self.health = evolve(self.health, state=State.FAILING, since=self._wall(), reason=reason)
            log.error("journal-failing", path=str(self._path), reason=reason)
        elif self.health.reason != reason:
            self.health = evolve(self.health, reason=reason)
        return JournalUnavailable(reason)

    def _replace(self, error: BaseException) -> None:
        """Put a fresh journal in the place of one that turned out damaged."""
        try:
            self._set_aside(error)
            self._open()
        except (sqlite3.Error, OSError) as second:
            self._unavailable(failures.describe(self._path, second))
            self._close()
