"""When silence counts."""

from __future__ import annotations

import pytest

from agentchan.core.pulse import LATE, Ask, Pulse
from agentchan.core.session_values import Step, Timings
from agentchan.vocabulary import Heartbeat, SetReadiness


def pulse(session_timeout: float | None = None, *, heartbeat: float = 1.0, misses: int = 2) -> Pulse:
    """Of a session that began at 10."""
    return Pulse(Timings(heartbeat=heartbeat, misses=misses), session_timeout, 10.0)


@pytest.mark.parametrize(("timeout", "interval"), [(None, 1.0), (0.0, 1.0), (30.0, 1.0), (1.5, 0.5)])
def test_interval(timeout: float | None, interval: float) -> None:
    """As configured, but at least three times in the time after which the server forgets the session."""
    assert pulse(timeout).interval == interval


def test_nothing_is_out() -> None:
    """Then nobody can be silent."""
    quiet = pulse()
    assert quiet.due(99.0) == float("inf")
    assert quiet.misses(99.0) == 0
    assert quiet.dead(99.0) is None
    assert not quiet.overslept(99.0)


def test_misses() -> None:
    """Each interval without a byte after the heartbeat is one, and a byte begins them anew."""
    beating = pulse(misses=3)
    beating.sent(Heartbeat("s"), 10.0)
    assert [beating.misses(now) for now in (10.0, 10.9, 11.0, 12.0)] == [0, 0, 1, 2]
    assert beating.due(10.0) == 11.0
    assert beating.due(11.0) == 12.0
    beating.heard(12.5)
    assert beating.misses(12.5) == 0
    assert beating.due(12.5) == 13.5


@pytest.mark.parametrize(("timeout", "whole"), [(None, 3.0), (2.0, 3 * 2.0 / 3), (7.0, 7.0)])
def test_an_answer_that_drips_in(timeout: float | None, whole: float) -> None:
    """It must be whole within the session's timeout, or within what silence would be given if that is longer."""
    beating = pulse(timeout)
    beating.sent(Heartbeat("s"), 10.0)
    now = 10.0
    while now + 0.25 < 10.0 + whole:
        now += 0.25
        beating.heard(now)
        assert beating.dead(now) is None
    assert beating.due(now) == 10.0 + whole
    assert beating.dead(10.0 + whole) is not None


def test_a_reply_has_its_deadline() -> None:
    """No heartbeat is missed while another reply is waited for."""
    asking = pulse()
    asking.sent(SetReadiness("s", ()), 10.0, 15.0, Step.READINESS)
    assert asking.misses(14.9) == 0
    assert asking.dead(14.9) is None
    assert asking.due(14.9) == 15.0
    assert asking.dead(15.0) == "no reply to SetReadiness within 5.0 s"


def test_what_an_answer_answers() -> None:
    """It is given back, once; a probe's answer answers nothing but a probe."""
    asking = pulse()
    request = asking.sent(SetReadiness("s", ()), 10.0, 15.0, Step.READINESS)
    asking.probed(11.0)
    assert asking.in_flight is not None
    answered = asking.answered(12.0)
    assert answered is not None
    assert answered.request is request
    assert asking.heard_at == 12.0
    assert asking.answered(13.0) is None
    asking.sent(Ask(), 13.0)
    asking.probed(14.0)
    assert asking.in_flight is None


@pytest.mark.parametrize(("late", "slept"), [(0.0, False), (LATE, False), (0.5, True), (3600.0, True)])
def test_sleep(late: float, slept: bool) -> None:
    """Who wakes up later than it wanted cannot tell; it waits anew, but only once for each request."""
    beating = pulse()
    beating.sent(Heartbeat("s"), 10.0)
    assert beating.overslept(11.0 + late) is slept
    if slept:
        assert beating.misses(11.0 + late) == 0
        assert beating.due(11.0 + late) == 12.0 + late
        assert not beating.overslept(99999.0)
        assert beating.dead(99999.0) is not None


def test_sleep_over_a_deadline() -> None:
    """A reply gets as much as a heartbeat would, or what is left of its deadline."""
    asking = pulse()
    asking.sent(SetReadiness("s", ()), 10.0, 12.0, Step.READINESS)
    assert asking.overslept(60.0)
    assert asking.due(60.0) == 61.0
    assert asking.dead(60.5) is None
    assert asking.dead(61.0) is not None
