"""What CE has applied of the calls whose ids begin alike, by the lab's own history."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

from attrs import frozen

from agentchan.lab import invariants
from agentchan.lab.database import open_to_read
from agentchan.lab.pair import Pair


@frozen
class Applied:
    """Signals that were applied, repeated ones not counted.

    Attributes:
        count: how many.
        first: when the first one was (monotonic seconds).
        last: when the last one was.
    """

    count: int
    first: float
    last: float

    @property
    def a_second(self) -> float:
        """Signals a second, from the first to the last."""
        return (self.count - 1) / (self.last - self.first)


def applied(pair: Pair, prefix: str) -> Applied:
    """What was applied of the calls whose ids begin with ``prefix``."""
    with closing(open_to_read(pair.database)) as connection:
        row: tuple[int, float, float] = connection.execute(
            "SELECT count(*), ifnull(min(monotonic), 0), ifnull(max(monotonic), 0) FROM history "
            "WHERE event IN ('new-call', 'gone') AND NOT duplicate AND call_id GLOB ?",
            (f"{prefix}*",),
        ).fetchone()
    return Applied(*row)


def applied_meanwhile(pair: Pair, prefix: str, ivr: str) -> Applied:
    """What was applied for an IVR from the first to the last of the calls whose ids begin with ``prefix``."""
    those = applied(pair, prefix)
    with closing(open_to_read(pair.database)) as connection:
        (count,) = connection.execute(
            "SELECT count(*) FROM history WHERE event IN ('new-call', 'gone') AND NOT duplicate AND ivr = ? "
            "AND monotonic BETWEEN ? AND ?",
            (ivr, those.first, those.last),
        ).fetchone()
    return Applied(count, those.first, those.last)


def offences(pair: Pair, signals: Sequence[str]) -> list[str]:
    """What is wrong with how these signals were applied, those of each channel given in order: nothing, one hopes."""
    history = pair.history()
    return [
        *invariants.applied_while_not_active(history),
        *invariants.signals_out_of_order(history, signals),
        *invariants.signals_not_applied_once(history, signals),
    ]
