"""Calls that cannot be right (configuration, ``[calls]``)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from attrs import evolve
from structlog.testing import capture_logs

from agentchan.config import Calls as CallsSection
from tests.signals.house import House

Make = Callable[..., House]
HOUR = 3600.0


def test_a_call_that_never_ends_is_warned_about_once(house: House) -> None:
    """Past ``max_duration``, for each call once; nothing else happens to it."""
    house.new_call()
    house.clock.advance(2 * HOUR)
    house.new_call("c2", "2")
    house.clock.advance(2 * HOUR)
    house.limits.look()
    assert house.events("call-too-long") == []
    house.clock.advance(1.0)
    for _ in range(2):
        house.limits.look()
    (event,) = house.events("call-too-long")
    assert (event["level"], event["channel"], event["call_id"]) == ("warning", "c1", "1")
    assert event["text"] == "call 1 on c1 is open for more than 4 h"
    assert len(house.calls) == 2


def test_a_call_that_never_ends_gets_its_gone(make: Make) -> None:
    """``on_max = "gone"``."""
    house = make(calls_section=CallsSection(on_max="gone", max_duration=HOUR))
    house.new_call()
    house.clock.advance(HOUR + 1)
    house.limits.look()
    assert house.confirm_all() == ["NewCall 1", "Gone 1 (max-duration)"]
    (event,) = house.events("calls-ended")
    assert (event["calls"], event["outcome"], event["level"]) == (1, "max-duration", "warning")
    house.limits.look()
    assert len(house.events("calls-ended")) == 1


@pytest.mark.parametrize("back_in_time", [True, False])
def test_the_calls_of_a_dead_ivr(make: Make, back_in_time: bool) -> None:
    """They get their Gone when the IVR has been down for ``on_ivr_down_after``, and not if it came back before."""
    house = make(calls_section=CallsSection(on_ivr_down="gone"))
    house.new_call()
    house.new_call("c2", "2")
    house.confirm_all()
    house.limits.ivr_is(down=True)
    house.clock.advance(59.0)
    house.limits.ivr_is(down=True)
    if back_in_time:
        house.limits.ivr_is(down=False)
    house.clock.advance(1.0)
    assert sorted(house.confirm_all()) == ([] if back_in_time else ["Gone 1 (ivr-down)", "Gone 2 (ivr-down)"])


def test_calls_are_kept_by_default(house: House) -> None:
    """``on_ivr_down = "keep"``: a health check that fails ends no call."""
    house.new_call()
    house.limits.ivr_is(down=True)
    house.clock.advance(HOUR)
    house.limits.look()
    assert len(house.calls) == 1


def test_a_call_that_was_told_meanwhile_is_proof_of_life(make: Make) -> None:
    """Whatever the health check says: an IVR that tells of a call lives, and that call stays."""
    house = make(calls_section=CallsSection(on_ivr_down="gone", on_ivr_down_after=0.0))
    house.limits.ivr_is(down=True)
    house.clock.advance(1.0)
    house.new_call()
    house.limits.look()
    assert len(house.calls) == 1


def test_a_journal_that_fails(make: Make) -> None:
    """The next look tries again, for as long as the IVR is down."""
    house = make(calls_section=CallsSection(on_ivr_down="gone"))
    house.new_call()
    house.confirm()
    house.limits.ivr_is(down=True)
    house.journal.fail()
    with capture_logs() as logs:
        house.clock.advance(60.0)
    assert [entry["event"] for entry in logs] == ["calls-not-ended"]
    house.journal.heal()
    house.limits.look()
    assert house.confirm_all() == ["Gone 1 (ivr-down)"]


def test_one_round_at_a_time(make: Make) -> None:
    """A journal that is slow is not given the same calls again and again."""
    house = make(calls_section=CallsSection(on_max="gone", max_duration=HOUR))
    house.new_call()
    house.clock.advance(HOUR + 1)
    house.journal.waits = True
    batches = len(house.journal.handed_over)
    for _ in range(3):
        house.limits.look()
    assert len(house.journal.handed_over) == batches + 1
    house.journal.work()
    house.journal.waits = False
    assert len(house.calls) == 0


def test_a_reload_counts_at_once(make: Make) -> None:
    """An IVR that is down already is judged by the new settings, from when it went down."""
    house = make()
    house.new_call()
    house.confirm()
    house.limits.ivr_is(down=True)
    house.clock.advance(30.0)
    house.limits.settings = evolve(house.limits.settings, on_ivr_down="gone", on_ivr_down_after=40.0)
    house.clock.advance(9.0)
    assert len(house.calls) == 1
    house.clock.advance(1.0)
    assert house.confirm_all() == ["Gone 1 (ivr-down)"]
    house.limits.ivr_is(down=False)
    house.limits.settings = evolve(house.limits.settings, on_ivr_down_after=0.0)
    house.new_call("c2", "2")
    house.clock.advance(1.0)
    assert len(house.calls) == 1


def test_a_call_that_its_own_gone_has_ended_meanwhile(make: Make) -> None:
    """It is left alone: no second Gone, and it is not counted."""
    house = make(calls_section=CallsSection(on_max="gone", max_duration=HOUR))
    house.new_call()
    house.new_call("c2", "2")
    house.clock.advance(HOUR + 1)
    calls = list(house.calls.open())
    house.gone()
    house.limits._end(calls, "max-duration")
    assert house.events("calls-ended")[0]["calls"] == 1
    assert sorted(house.confirm_all()) == ["Gone 1", "Gone 2 (max-duration)", "NewCall 1", "NewCall 2"]
