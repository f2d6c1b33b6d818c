"""Reading call signals: what is pending, in order, and what became of the others."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from datetime import datetime
from heapq import merge
from itertools import islice
from sqlite3 import Connection
from sys import intern
from typing import Any

from attrs import frozen

from agentchan.journal.instants import from_microseconds, optional_from_microseconds
from agentchan.vocabulary import CallSignal, Fate, Gone, NewCall


@frozen
class KeptSignal:
    """A call signal with all that is known of it.

    Attributes:
        position: its place in the order in which signals were accepted.
        signal: with its parameters, which the IVR gave and no duty maps; a Gone with the ``call_token`` of its call,
            once that is known.
        accepted_at: by the wall clock, for people.
        accepted: when, in the monotonic seconds of this run (of a time before it began where need be): its age is
            counted while a daemon runs, and no jump of the clock changes it.
        attempts: how often it was sent, as far as that was written down.
        tried_at: when it was last known to have been sent in vain.
        settled_at: when it met its fate; None while it is pending.
        host: who confirmed or refused it.
    """

    position: int
    signal: CallSignal
    fate: Fate
    accepted_at: datetime
    accepted: float
    repair: bool
    attempts: int
    tried_at: datetime | None
    last_error: str | None
    settled_at: datetime | None
    host: str | None
    who: str


@frozen
class Counts:
    """How many signals there are.

    Attributes:
        confirmed: ever; the others: still kept with that fate.
        repairs: ever.
        oldest: when the oldest pending signal was accepted, in the monotonic seconds of this run (of a time before it
            began where need be); None while none is pending.
    """

    pending: int = 0
    confirmed: int = 0
    refused: int = 0
    expired: int = 0
    discarded: int = 0
    repairs: int = 0
    oldest: float | None = None


_COLUMNS = (
    "position, signal_id, is_gone, ivr, signal.channel, signal.call_id, happened_at, caller, called, outcome, fate,"
    " accepted_at, accepted_counted, repair, attempts, tried_at, last_error, settled_at,"
    " host, parameters, who, token"
)
_ABOVE_ALL = 2**63 - 1
_FROM = f"SELECT {_COLUMNS} FROM signal LEFT JOIN call USING (channel, call_id)"  # noqa: S608 - constants alone


@frozen
class Reader:
    """Reads signals.

    Attributes:
        connection: to the journal.
        counting_from: the monotonic second at which the journal's counted time was 0.
    """

    connection: Connection
    counting_from: float

    def pending(self, after: int, until: int, limit: int) -> tuple[KeptSignal, ...]:
        """The first pending signals whose position is above ``after`` and not above ``until``, in order."""
        return self._read(
            "fate = 'pending' AND fate <> 'confirmed' AND position > ? AND position <= ? ORDER BY position LIMIT ?",
            after,
            until,
            limit,
        )

    def refused_gones(self, after: int, until: int, limit: int) -> tuple[tuple[KeptSignal, bool], ...]:
        """As :meth:`pending`, the Gones that CE refused; each with whether a later call was on its channel."""
        found = self._read(
            "fate = 'refused' AND fate <> 'confirmed' AND is_gone AND position > ? AND position <= ?"
            " ORDER BY position LIMIT ?",
            after,
            until,
            limit,
        )
        return tuple((kept, self._overtaken(kept)) for kept in found)

    def _overtaken(self, kept: KeptSignal) -> bool:
        """Whether there is a later signal of another call on a signal's channel."""
        later = "SELECT EXISTS (SELECT 1 FROM signal WHERE channel = ? AND position > ? AND call_id <> ?)"
        signal = kept.signal
        return bool(self.connection.execute(later, (signal.channel, kept.position, signal.call_id)).fetchone()[0])

    def one(self, signal_id: str) -> KeptSignal | None:
        """One signal."""
        found = self._read("signal_id = ?", signal_id)
        return found[0] if found else None

    def newest(
        self, fates: Collection[Fate], channel: str | None, before: str | None, limit: int
    ) -> tuple[KeptSignal, ...]:
        """The newest signals, the newest first; the arguments are those of ``Journal.signals``."""
        limits = self._position(before), limit
        if channel is not None:
            wanted = json.dumps([fate.value for fate in fates or Fate])
            return self._read(
                "signal.channel = ? AND +fate IN (SELECT value FROM json_each(?)) AND position < ?"
                " ORDER BY position DESC LIMIT ?",
                channel,
                wanted,
                *limits,
            )
        if not fates:
            return self._read("position < ? ORDER BY position DESC LIMIT ?", *limits)
        # One by one, so that each comes off its index already in order.
        each = [self._of_fate(fate, *limits) for fate in frozenset(fates)]
        return tuple(islice(merge(*each, key=lambda kept: kept.position, reverse=True), limit))

    def _of_fate(self, fate: Fate, below: int, limit: int) -> tuple[KeptSignal, ...]:
        if fate is Fate.CONFIRMED:
            return self._read("+fate = 'confirmed' AND position < ? ORDER BY position DESC LIMIT ?", below, limit)
        return self._read(
            "fate = ? AND fate <> 'confirmed' AND position < ? ORDER BY position DESC LIMIT ?", fate.value, below, limit
        )

    def _position(self, signal_id: str | None) -> int:
        """A signal's position; one above all if there is no such signal."""
        row = self.connection.execute("SELECT position FROM signal WHERE signal_id = ?", (signal_id,)).fetchone()
        return _ABOVE_ALL if row is None else int(row[0])

    def _read(self, condition: str, *values: object) -> tuple[KeptSignal, ...]:
        # A condition that names the index's own ("fate <> 'confirmed'") lets SQLite use that index.
        return _signals(self.connection.execute(f"{_FROM} WHERE {condition}", values), self.counting_from)


def read_counts(connection: Connection, counting_from: float) -> Counts:
    """The counts; ``counting_from`` is the monotonic second at which the journal's counted time was 0."""
    numbers = dict(connection.execute("SELECT name, number FROM tally").fetchall())
    oldest = connection.execute(
        "SELECT accepted_counted FROM signal WHERE fate = 'pending' AND fate <> 'confirmed' ORDER BY position LIMIT 1"
    ).fetchone()
    return Counts(
        pending=numbers["pending"],
        confirmed=numbers["confirmed"],
        refused=numbers["refused"],
        expired=numbers["expired"],
        discarded=numbers["discarded"],
        repairs=numbers["repair"],
        oldest=None if oldest is None else counting_from + oldest[0],
    )


def read_waiting(connection: Connection) -> frozenset[str]:
    """The channels of which signals are pending."""
    rows = connection.execute("SELECT DISTINCT channel FROM signal WHERE fate = 'pending' AND fate <> 'confirmed'")
    return frozenset(channel for (channel,) in rows)


def read_last_position(connection: Connection) -> int:
    """The position of the newest signal; 0 if there never was one."""
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'signal'").fetchone()
    return 0 if row is None else int(row[0])


def _signals(rows: Iterable[tuple[Any, ...]], counting_from: float) -> tuple[KeptSignal, ...]:
    return tuple(_signal(row, counting_from) for row in rows)


def _signal(row: tuple[Any, ...], counting_from: float) -> KeptSignal:
    position, signal_id, is_gone, ivr, channel, call_id, happened_at, caller, called, outcome, *rest = row
    fate, accepted_at, counted, repair, attempts, tried_at, last_error, settled_at, host, parameters, who, token = rest
    at = datetime.fromisoformat(happened_at)
    # A hundred thousand signals share the names of some hundred channels.
    ivr, channel = intern(ivr), intern(channel)
    return KeptSignal(
        position=position,
        signal=Gone(signal_id, ivr, channel, call_id, at, outcome, token, parameters)
        if is_gone
        else NewCall(signal_id, ivr, channel, call_id, at, caller, called, parameters),
        fate=Fate(fate),
        accepted_at=from_microseconds(accepted_at),
        accepted=counting_from + counted,
        repair=bool(repair),
        attempts=attempts,
        tried_at=optional_from_microseconds(tried_at),
        last_error=last_error,
        settled_at=optional_from_microseconds(settled_at),
        host=host,
        who=who,
    )
