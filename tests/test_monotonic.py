"""The reactor's time only ever goes forward."""

from __future__ import annotations

import time
from typing import Any

import pytest
from twisted.internet.selectreactor import SelectReactor

from agentchan.monotonic import count_monotonically


class _Reactor(SelectReactor):
    """A reactor of our own, which never runs."""

    def installWaker(self) -> None:  # noqa: N802 - Twisted's name
        """It opens no descriptors."""


def test_an_hour_forth_and_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Timers wait for seconds to pass, whatever is done to the time of day."""
    reactor: Any = _Reactor()
    count_monotonically(reactor)
    fired: list[str] = []
    reactor.callLater(0.5, fired.append, "in its time")
    for jump in (3600.0, -3600.0):
        now = time.time() + jump
        monkeypatch.setattr(time, "time", lambda now=now: now)
        reactor.runUntilCurrent()
        assert fired == []
    assert 0.0 < reactor.timeout() <= 0.5
    later = time.monotonic() + 0.5
    monkeypatch.setattr(reactor, "seconds", lambda: later)
    reactor.runUntilCurrent()
    assert fired == ["in its time"]


def test_said_again() -> None:
    """It is nothing, even when there are timers."""
    reactor: Any = _Reactor()
    count_monotonically(reactor)
    timer = reactor.callLater(1.0, lambda: None)
    count_monotonically(reactor)
    assert reactor.seconds is time.monotonic
    timer.cancel()


def test_timers_of_the_other_clock() -> None:
    """Timers that were set on the time of day would be compared with another clock: refused."""
    reactor: Any = _Reactor()
    timer = reactor.callLater(1.0, lambda: None)
    with pytest.raises(RuntimeError, match="on the time of day"):
        count_monotonically(reactor)
    timer.cancel()
