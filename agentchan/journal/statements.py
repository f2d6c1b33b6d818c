"""How each value of :mod:`agentchan.journal.writes` becomes one SQL statement."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from sqlite3 import Connection
from typing import Any

from attrs import frozen

from agentchan.journal import writes
from agentchan.journal.generations import optional_to_integer, to_integer
from agentchan.journal.instants import optional_to_microseconds, to_microseconds
from agentchan.vocabulary import CallSignal, Fate, NewCall


@frozen
class Statement:
    """An SQL statement and what fills it, made of a written value."""

    sql: str
    row: Callable[[Any], tuple[object, ...]]


_FACTS: dict[type, Statement] = {
    writes.ReadinessWanted: Statement(
        "INSERT OR REPLACE INTO readiness (channel, ready, reason, set_at, until, who) VALUES (?, ?, ?, ?, ?, ?)",
        lambda w: (
            w.channel,
            int(w.ready),
            w.reason,
            to_microseconds(w.set_at),
            optional_to_microseconds(w.until),
            w.who,
        ),
    ),
    writes.ReadinessLifted: Statement("DELETE FROM readiness WHERE channel = ?", lambda w: (w.channel,)),
    # A replaced row gets the highest number: the newest mark is that of the home domain.
    writes.MarkRaised: Statement(
        "INSERT OR REPLACE INTO mark (domain, generation, host, at) VALUES (?, ?, ?, ?)",
        lambda w: (w.domain or "", to_integer(w.generation), w.host, to_microseconds(w.at)),
    ),
    writes.MarkFallen: Statement("DELETE FROM mark WHERE domain = ?", lambda w: (w.domain or "",)),
    writes.PinSet: Statement(
        "INSERT OR REPLACE INTO pin (one, host, reason, set_at, until, who) VALUES (1, ?, ?, ?, ?, ?)",
        lambda w: (w.host, w.reason, to_microseconds(w.set_at), optional_to_microseconds(w.until), w.who),
    ),
    writes.PinLifted: Statement("DELETE FROM pin", lambda _: ()),
    writes.DrainBegun: Statement(
        "INSERT OR REPLACE INTO drain (one, since, reason, until, who) VALUES (1, ?, ?, ?, ?)",
        lambda w: (to_microseconds(w.since), w.reason, optional_to_microseconds(w.until), w.who),
    ),
    writes.DrainEnded: Statement("DELETE FROM drain", lambda _: ()),
    writes.FailoverHappened: Statement(
        "INSERT INTO failover (at, from_host, to_host, cause, generation, detect, discover, sign_on, restore,"
        " drain_outbox, total) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        lambda w: (
            to_microseconds(w.at),
            w.from_host,
            w.to_host,
            w.cause,
            optional_to_integer(w.generation),
            w.detect,
            w.discover,
            w.sign_on,
            w.restore,
            w.drain_outbox,
            w.total,
        ),
    ),
    writes.EventHappened: Statement(
        "INSERT INTO event (at, name, fields) VALUES (?, ?, ?)", lambda w: (to_microseconds(w.at), w.name, w.fields)
    ),
}

_SIGNALS: dict[type, Statement] = {
    writes.SignalAccepted: Statement(
        "INSERT INTO signal (signal_id, is_gone, ivr, channel, call_id, happened_at, caller, called, outcome,"
        " parameters, who, repair, accepted_at, accepted_counted)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, (SELECT counted FROM clock))",
        lambda w: (*_signal_row(w.signal), w.signal.parameters, w.who, int(w.repair), to_microseconds(w.accepted_at)),
    ),
    writes.SignalDropped: Statement("DELETE FROM signal WHERE signal_id = ?", lambda w: (w.signal_id,)),
    writes.SignalRewritten: Statement(
        "INSERT INTO signal (signal_id, is_gone, ivr, channel, call_id, happened_at, caller, called, outcome,"
        " parameters, who, repair, accepted_at, attempts, fate, accepted_counted)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', ?, ?, ?, ?, (SELECT counted FROM clock) - ?)",
        lambda w: (
            *_signal_row(w.signal),
            w.signal.parameters,
            int(w.repair),
            to_microseconds(w.accepted_at),
            w.attempts,
            w.fate.value,
            w.age,
        ),
    ),
    writes.SignalTried: Statement(
        "UPDATE signal SET attempts = ?, tried_at = ?, last_error = ? WHERE signal_id = ?",
        lambda w: (w.attempts, to_microseconds(w.at), w.error, w.signal_id),
    ),
    writes.SignalSettled: Statement(
        "UPDATE signal SET fate = ?, attempts = ?, last_error = ?, host = ?, settled_at = ? WHERE signal_id = ?",
        lambda w: (
            w.fate.value,
            w.attempts,
            w.error,
            w.host,
            None if w.fate is Fate.PENDING else to_microseconds(w.at),
            w.signal_id,
        ),
    ),
    writes.CallOpened: Statement(
        "INSERT INTO call (channel, call_id, since, new_call) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE"
        " SET since = excluded.since, new_call = coalesce(excluded.new_call, new_call)",
        lambda w: (w.channel, w.call_id, to_microseconds(w.since), w.signal_id),
    ),
    # Without an ON CONFLICT: a call that is known already refuses the batch.
    writes.CallUnheardOf: Statement(
        "INSERT INTO call (channel, call_id) VALUES (?, ?)", lambda w: (w.channel, w.call_id)
    ),
    writes.CallEnded: Statement(
        "INSERT INTO call (channel, call_id, ended_at, gone, ended_counted)"
        " VALUES (?, ?, ?, ?, (SELECT counted FROM clock)) ON CONFLICT DO UPDATE SET ended_at = excluded.ended_at,"
        " ended_counted = excluded.ended_counted, gone = coalesce(excluded.gone, gone)",
        lambda w: (w.channel, w.call_id, to_microseconds(w.at), w.signal_id),
    ),
    writes.CallTokenLearnt: Statement(
        "UPDATE call SET token = ? WHERE channel = ? AND call_id = ?", lambda w: (w.token, w.channel, w.call_id)
    ),
}

STATEMENTS: dict[type, Statement] = {**_FACTS, **_SIGNALS}


def _signal_row(signal: CallSignal) -> tuple[object, ...]:
    """The columns of a signal's content; its own time keeps its zone, since a site's messages may show it."""
    common = (signal.ivr, signal.channel, signal.call_id)
    if isinstance(signal, NewCall):
        return (signal.signal_id, 0, *common, signal.started_at.isoformat(), signal.caller, signal.called, None)
    return (signal.signal_id, 1, *common, signal.ended_at.isoformat(), None, None, signal.outcome)


def apply(connection: Connection, batch: Sequence[writes.Write]) -> None:
    """Write a batch, in its order, inside the transaction that is open.

    Raises:
        KeyError: a value that is no write.
        sqlite3.Error: what SQLite says of it.
    """
    for kind, run in groupby(batch, type):
        statement = STATEMENTS[kind]
        connection.executemany(statement.sql, map(statement.row, run))
