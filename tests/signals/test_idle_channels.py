"""Idle channels are freed by a Gone when the link comes up, where a site's CE wants that (profile.md)."""

from __future__ import annotations

from collections.abc import Callable

from structlog.testing import capture_logs
from twisted.internet.defer import Deferred

from agentchan.api.requests import NewCallRequest
from agentchan.vocabulary import Gone
from tests.signals.house import House, result

Make = Callable[..., House]


def test_idle_channels_get_a_gone(house: House) -> None:
    """One each, on disk before it goes; a channel with a call or with anything pending is left alone."""
    house.new_call("c1")
    house.confirm()
    house.gone("c2", "2")
    result(house.idle_channels.free())
    assert (house.pending("c1"), house.pending("c2"), house.pending("c3")) == ([], ["Gone 2"], ["Gone none (sign-on)"])
    house = house.restarted()
    assert house.pending("c3") == ["Gone none (sign-on)"]
    result(house.idle_channels.free())
    assert house.pending("c3") == ["Gone none (sign-on)"]
    house.closed()


def test_the_channels_last_call_is_named(house: House) -> None:
    """With its token, where the site's message has one; the call itself is over as before."""
    house.new_call()
    house.confirm(token="t1")
    told = house.gone().signal_id
    house.confirm()
    result(house.idle_channels.free())
    gone = next(signal for signal in (house.taken() for _ in range(3)) if signal.channel == "c1")
    assert isinstance(gone, Gone)
    assert (gone.call_id, gone.call_token) == ("1", "t1")
    assert house.gone().signal_id == told


def test_a_channel_that_is_not_wanted(house: House) -> None:
    """Its Gone is kept back until it is (withhold-gone)."""
    house.delivering.withhold(["c1"])
    result(house.idle_channels.free())
    assert len(house.confirm_all()) == 2
    house.delivering.withhold([])
    assert house.confirm_all() == ["Gone none (sign-on)"]


def test_a_call_that_begins_meanwhile(house: House) -> None:
    """Whoever comes first goes first; a channel whose call has begun is not idle any more."""
    house.journal.waits = True
    began = Deferred.fromCoroutine(house.accepting.new_call(NewCallRequest("c1", "1", "ivr")))
    freeing = house.idle_channels.free()
    late = Deferred.fromCoroutine(house.accepting.new_call(NewCallRequest("c2", "2", "ivr")))
    while not (began.called and freeing.called and late.called):
        house.journal.work()
    house.journal.waits = False
    assert house.pending("c1") == ["NewCall 1"]
    assert house.pending("c2") == ["Gone none (sign-on)", "NewCall 2"]


def test_a_journal_that_fails(house: House) -> None:
    """It is said; the next sign-on tries it again."""
    house.journal.fail()
    with capture_logs() as logs:
        result(house.idle_channels.free())
    assert [(entry["event"], entry["log_level"]) for entry in logs] == [("channels-not-freed", "warning")]
    assert len(house.delivering) == 0
    house.journal.heal()


def test_many_channels(make: Make) -> None:
    """They are seen to in slices."""
    house = make(names=[f"c{number}" for number in range(250)])
    house.journal.waits = True
    freeing = house.idle_channels.free()
    commits = 0
    while not freeing.called:
        house.journal.work()
        commits += 1
    assert (commits, len(house.delivering)) == (3, 250)
