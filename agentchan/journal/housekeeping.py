"""Keeps the journal small: old signals and calls go, in slices, and what was written reaches its place in the file."""

from __future__ import annotations

from math import inf
from sqlite3 import Connection

from attrs import define

from agentchan.journal.opening import transaction

SLICE = 200
"""Rows pruned in one transaction: few enough that a signal which comes meanwhile hardly waits."""

BETWEEN_SLICES = 0.05
"""Seconds between two slices."""

BETWEEN_ROUNDS = 60.0
"""Seconds between two rounds of pruning."""

CHECKPOINT_AFTER = 2000
"""Writes after which SQLite's write-ahead log is brought into the file. Rarely enough to cost little, often enough
that the log stays small and a start after a crash is quick."""

_CHECKPOINT_AT_LAST = 4 * CHECKPOINT_AFTER
"""The same while jobs are waiting."""

_FREE_SHARE = 4
"""The file shrinks when more than one page in so many is free; fewer are soon used again."""

_OLD_CALLS = """
SELECT channel, call_id FROM call
WHERE ended_at IS NOT NULL AND ended_counted < ?
AND NOT EXISTS (SELECT 1 FROM signal WHERE signal_id IN (new_call, gone))
ORDER BY ended_counted LIMIT ?"""
"""Calls stay as long as one of their signals."""

_PRUNABLE = "fate IN ('confirmed', 'discarded', 'expired')"


@define
class Housekeeping:
    """What is to be tidied up, and when.

    Attributes:
        keep: seconds, counted while a daemon runs, that settled signals and ended calls are kept.
        largest: bytes of the file above which settled signals go before their time, the oldest first.
        due_at: when the next slice is due (monotonic seconds).
        pruned: signals pruned in this run.
    """

    keep: float
    largest: int
    due_at: float
    pruned: int = 0
    _position: int = 0
    _unchecked: int = 0

    def written(self, writes: int) -> None:
        """So many writes were committed."""
        self._unchecked += writes

    def checkpoint_due(self, *, busy: bool) -> bool:
        """Whether the log should be brought into the file; it waits for a quiet moment, but not for ever."""
        return self._unchecked >= (_CHECKPOINT_AT_LAST if busy else CHECKPOINT_AFTER)

    def checkpoint(self, connection: Connection) -> None:
        """Bring the log into the file; what does not fit comes next time."""
        self._unchecked = 0
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def tidy(self, connection: Connection, counted: float, now: float) -> None:
        """Do one slice.

        Args:
            connection: to the journal.
            counted: the journal's counted time, in seconds.
            now: monotonic seconds.
        """
        more = self._prune(connection, counted - self.keep) or _shrink(connection)
        self.due_at = now + (BETWEEN_SLICES if more else BETWEEN_ROUNDS)

    def _prune(self, connection: Connection, before: float) -> bool:
        """Prune one slice of signals and calls; returns whether there may be more."""
        limit = inf if _used(connection) > self.largest else before
        rows = connection.execute(
            f"SELECT position, accepted_counted, {_PRUNABLE} FROM signal WHERE position > ? ORDER BY position LIMIT ?",  # noqa: S608 - a constant
            (self._position, SLICE),
        ).fetchall()
        old = [(position, prunable) for position, accepted, prunable in rows if accepted < limit]
        calls = connection.execute(_OLD_CALLS, (before, SLICE)).fetchall()
        signals = [(position,) for position, prunable in old if prunable]
        if signals or calls:
            with transaction(connection):
                connection.executemany("DELETE FROM signal WHERE position = ?", signals)
                connection.executemany("DELETE FROM call WHERE channel = ? AND call_id = ?", calls)
        self.pruned += len(signals)
        self._unchecked += len(signals) + len(calls)
        more = len(old) == SLICE
        self._position = old[-1][0] if more else 0  # the next round begins anew: what was pending may be settled
        return more or len(calls) == SLICE


def _number(connection: Connection, pragma: str) -> int:
    value: int = connection.execute(f"PRAGMA {pragma}").fetchone()[0]
    return value


def _used(connection: Connection) -> int:
    """Bytes of the file that hold something."""
    pages = _number(connection, "page_count") - _number(connection, "freelist_count")
    return pages * _number(connection, "page_size")


def _shrink(connection: Connection) -> bool:
    """Give a slice of free pages back to the file system; returns whether there may be more."""
    if _number(connection, "freelist_count") * _FREE_SHARE <= _number(connection, "page_count"):
        return False
    # "execute" would stop after the first page, since this pragma has rows without columns.
    connection.executescript(f"PRAGMA incremental_vacuum({SLICE})")
    return True
