"""What the journal remembers of earlier runs: everything that is known before the first network act."""

from __future__ import annotations

from sqlite3 import Connection

from attrs import field, frozen

from agentchan.journal.calls import KeptCall, read_open_calls
from agentchan.journal.generations import from_integer, optional_from_integer
from agentchan.journal.instants import from_microseconds, optional_from_microseconds
from agentchan.journal.signals import Counts, read_counts, read_last_position, read_waiting
from agentchan.journal.writes import DrainBegun, EventHappened, FailoverHappened, MarkRaised, PinSet, ReadinessWanted


@frozen
class Remembered:
    """The facts of earlier runs.

    Attributes:
        readiness: the operators' wishes, by channel name; also those whose time is over (the journal judges nothing).
        marks: the generation marks, the oldest first.
        pin: the pinned host.
        drain: the drain that was not resumed.
        open_calls: every call that has not ended, the oldest first.
        waiting: the channels of which signals are pending.
        last_position: of the newest signal; those up to it were accepted by earlier runs.
        counts: of the signals.
    """

    readiness: tuple[ReadinessWanted, ...] = ()
    marks: tuple[MarkRaised, ...] = ()
    pin: PinSet | None = None
    drain: DrainBegun | None = None
    open_calls: tuple[KeptCall, ...] = ()
    waiting: frozenset[str] = frozenset()
    last_position: int = 0
    counts: Counts = field(factory=Counts)

    @property
    def home(self) -> str | None:
        """The domain of the last sign-on."""
        return self.marks[-1].domain if self.marks else None


@frozen
class KeptEvent:
    """An event with its number, which only ever rises."""

    number: int
    event: EventHappened


def read_remembered(connection: Connection, counting_from: float) -> Remembered:
    """Read all that is known before the first network act.

    Args:
        connection: to the journal.
        counting_from: the monotonic second at which the journal's counted time was 0.
    """
    wishes = connection.execute(
        "SELECT channel, ready, reason, set_at, until, who FROM readiness ORDER BY channel"
    ).fetchall()
    marks = connection.execute("SELECT domain, generation, host, at FROM mark ORDER BY number").fetchall()
    pin = connection.execute("SELECT host, reason, set_at, until, who FROM pin").fetchone()
    drain = connection.execute("SELECT since, reason, until, who FROM drain").fetchone()
    return Remembered(
        readiness=tuple(
            ReadinessWanted(
                channel, bool(ready), reason, from_microseconds(set_at), optional_from_microseconds(until), who
            )
            for channel, ready, reason, set_at, until, who in wishes
        ),
        marks=tuple(
            MarkRaised(domain or None, from_integer(generation), host, from_microseconds(at))
            for domain, generation, host, at in marks
        ),
        pin=None
        if pin is None
        else PinSet(pin[0], pin[1], from_microseconds(pin[2]), optional_from_microseconds(pin[3]), pin[4]),
        drain=None
        if drain is None
        else DrainBegun(from_microseconds(drain[0]), drain[1], optional_from_microseconds(drain[2]), drain[3]),
        open_calls=read_open_calls(connection),
        waiting=read_waiting(connection),
        last_position=read_last_position(connection),
        counts=read_counts(connection, counting_from),
    )


def read_failovers(connection: Connection, limit: int) -> tuple[FailoverHappened, ...]:
    """The newest failovers, the newest first."""
    rows = connection.execute(
        "SELECT at, from_host, to_host, cause, generation, detect, discover, sign_on, restore, drain_outbox, total"
        " FROM failover ORDER BY number DESC LIMIT ?",
        (limit,),
    )
    return tuple(
        FailoverHappened(from_microseconds(at), from_host, to_host, cause, optional_from_integer(generation), *phases)
        for at, from_host, to_host, cause, generation, *phases in rows
    )


def read_events(connection: Connection, limit: int, after: int | None = None) -> tuple[KeptEvent, ...]:
    """Events in the order they happened: the first ``limit`` after a number, or (None) the newest ``limit``."""
    if after is None:
        query = "SELECT * FROM (SELECT * FROM event ORDER BY number DESC LIMIT ?) ORDER BY number"
        rows = connection.execute(query, (limit,))
    else:
        rows = connection.execute("SELECT * FROM event WHERE number > ? ORDER BY number LIMIT ?", (after, limit))
    return tuple(
        KeptEvent(number, EventHappened(from_microseconds(at), name, fields)) for number, at, name, fields in rows
    )
