"""Callers who wait for what becomes of a signal."""

from __future__ import annotations

from twisted.internet.task import Clock

from agentchan.awaited_fates import AwaitedFates
from agentchan.vocabulary import Fate


def test_met_in_time_or_not() -> None:
    """Everybody who waits is told at once; who has waited long enough is told that it is pending still."""
    clock = Clock()
    awaited = AwaitedFates(clock)
    told: list[tuple[str, Fate]] = []
    for name, signal_id, patience in (("a", "s1", 2.0), ("b", "s1", 1.0), ("c", "s1", 3.0), ("d", "s2", 1.0)):
        awaited.of(signal_id, patience).addCallback(lambda fate, name=name: told.append((name, fate)))
    clock.advance(1.0)
    assert sorted(told) == [("b", Fate.PENDING), ("d", Fate.PENDING)]
    awaited.met("s2", Fate.CONFIRMED)
    awaited.met("s1", Fate.CONFIRMED)
    assert told[2:] == [("a", Fate.CONFIRMED), ("c", Fate.CONFIRMED)]
    assert not clock.getDelayedCalls()
    assert awaited._waiting == {}
