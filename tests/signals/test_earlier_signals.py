"""The signals of earlier runs come into the outbox again, in order, while the daemon is at work already."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from twisted.internet.defer import Deferred

from agentchan import earlier_signals
from agentchan.core.outbox_values import Rules
from agentchan.journal import JournalUnavailable
from agentchan.journal.writes import SignalSettled
from agentchan.vocabulary import ChannelReport, ChannelState, Fate
from tests.signals.house import BACKOFF, House, result

Make = Callable[..., House]
GUARD = Rules(backoff=BACKOFF, retry_guard=10.0, tells_held_call=False)


def test_pending_signals_go_on(house: House) -> None:
    """With their ids, in their order, with their age and their tries."""
    ids = [house.new_call().signal_id, house.gone().signal_id, house.new_call("c2", "2").signal_id]
    house.lose(house.taken())
    house.clock.advance(7.0)
    house = house.restarted()
    assert [entry.id for entry in (*house.outbox.pending("c1"), *house.outbox.pending("c2"))] == ids
    (first, _) = house.outbox.pending("c1")
    assert (first.accepted_at, first.attempts, first.last_error) == (house.clock.seconds() - 7.0, 1, "reset")
    assert len(house.delivering) == 3
    assert sorted(house.confirm_all()) == ["Gone 1", "NewCall 1", "NewCall 2"]
    house.closed()


def test_new_signals_wait_until_the_earlier_ones_are_here(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """New signals are accepted meanwhile, and go after the earlier ones of their channel."""
    monkeypatch.setattr(earlier_signals, "PAGE", 2)
    for number in range(5):
        house.gone("c1", str(number))
    house = house.restarted(load=False)
    house.new_call("c1", "new")
    house.new_call("c2", "other")
    assert (house.pending(), house.idle(), len(house.delivering)) == ([], True, 7)
    house.load()
    assert house.pending() == [*(f"Gone {number}" for number in range(5)), "NewCall new"]
    assert len(house.delivering) == 7
    house.closed()


def test_nothing_is_sent_before_they_are_here(house: House) -> None:
    """Whoever is active: an older signal of the channel may still be to come."""
    house.gone()
    house = house.restarted(load=False)
    house.delivering.serve("http://ce1", "ce1")
    assert house.lanes.url is None
    house.load()
    assert house.lanes.url == "http://ce1"
    house.closed()


def test_their_channels_are_not_made_ready(house: House) -> None:
    """CE does not hear that a channel is ready before it has been told of its calls, however long they take to load."""
    house.new_call()
    house = house.restarted(load=False)
    house.signed_on()
    assert house.readiness() == {"c2": True, "c3": True}
    house.gone("c3", "3")
    assert house.readiness() == {"c2": True}
    house.load()
    assert house.readiness() == {"c2": True}
    house.confirm_all()
    assert house.readiness() == {"c1": True, "c2": True, "c3": True}
    house.closed()


def test_what_ce_reports_meanwhile_is_no_difference(house: House) -> None:
    """A call whose Gone is not loaded yet is no call that nobody here knows; of other channels it is compared."""
    house.new_call()
    house.new_call("c2", "2")
    house.gone("c2", "2")
    house.confirm_all()
    house.gone()
    house = house.restarted(load=False)
    house.signed_on(ChannelReport("c1", ChannelState.BUSY, "1"), ChannelReport("c2", ChannelState.BUSY, "2"))
    house.load()
    assert sorted(house.confirm_all()) == ["Gone 1", "Gone 2 (ended-here)"]
    house.closed()


def test_a_channel_whose_signals_are_not_there_after_all(house: House) -> None:
    """A channel that was kept back for nothing is let go."""
    house.new_call()
    house = house.restarted(load=False)
    result(house.journal.ask(lambda connection: connection.execute("DELETE FROM signal").rowcount))
    house.signed_on()
    assert "c1" not in house.readiness()
    house.load()
    assert house.readiness()["c1"] is True
    house.closed()


def test_a_journal_that_fails_amid_the_reading(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes on where it was: nothing comes twice."""
    monkeypatch.setattr(earlier_signals, "PAGE", 2)
    for number in range(5):
        house.gone("c1", str(number))
    house = house.restarted(load=False)
    house.journal.waits = True
    loading = Deferred.fromCoroutine(house.delivering.load(house.remembered.last_position))
    house.journal.work()
    house.journal.fail()
    house.journal.work()
    with pytest.raises(JournalUnavailable):
        result(loading)
    assert not house.delivering.loaded
    house.journal.heal()
    house.journal.waits = False
    house.load()
    assert house.pending() == [f"Gone {number}" for number in range(5)]
    house.closed()


def test_signals_of_this_run_are_not_taken_for_earlier_ones(house: House) -> None:
    """Where the facts of earlier runs are read late, signals of this run may be on disk already."""
    house.gone("c1", "old")
    house = house.restarted(load=False)
    house.gone("c1", "new")
    house.remembered = result(house.journal.remembered())
    house.load()
    assert house.pending() == ["Gone old", "Gone new"]
    house.closed()


def test_a_mend_meanwhile(house: House) -> None:
    """It waits like every new signal."""
    house.gone("c2", "2")
    house = house.restarted(load=False)
    house.signed_on(ChannelReport("c1", ChannelState.BUSY, "stranger"))
    freed = result(house.repairing.free("c1", "operator"))
    assert house.pending() == []
    house.load()
    assert [entry.id for entry in house.outbox.pending("c1")] == [freed.signal_id]
    house.closed()


# Gones that CE had refused.


def test_refused_gones_are_tried_again_after_a_restart(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are set aside until a host is there, and then go before what came after them."""
    monkeypatch.setattr(earlier_signals, "PAGE", 1)
    for number in range(3):
        house.new_call("c1", str(number))
        house.confirm()
        house.gone("c1", str(number), signal_id=f"g{number}")
        house.refuse()
        house.clock.advance(1.0)
    house.gone("c2", "never", signal_id="discarded")
    house.refuse()
    assert house.fate("g0") is Fate.REFUSED
    discarded = SignalSettled("discarded", Fate.DISCARDED, house.now, 1)
    result(house.journal.record([discarded]))
    house = house.restarted(load=False)
    result(house.delivering.load(house.remembered.last_position))
    assert house.outbox.refused.keys() == {"g0", "g1", "g2"}
    assert house.idle()
    house.new_call("c1", "new")
    house.delivering.serve("http://ce1", "ce1")
    assert house.pending() == ["Gone 0", "Gone 1", "Gone 2", "NewCall new"]
    house.closed()


@pytest.mark.parametrize(("channel", "tried"), [("c1", False), ("c2", True)])
def test_refused_gones_without_signal_ids(make: Make, channel: str, tried: bool) -> None:
    """Where CE knows no SignalIds they are tried again only while no later call was on the channel."""
    house = make(rules=GUARD)
    house.gone("c1", "1")
    house.refuse()
    house.gone(channel, "2")
    house.clock.advance(20.0)
    house.confirm_all()
    house = house.restarted(rules=GUARD)
    assert house.pending() == (["Gone 1"] if tried else [])
    house.closed()


# Profiles without SignalIds.


def test_the_guard_after_a_restart(make: Make) -> None:
    """Nobody knows what had gone out when the daemon died: the first of each channel waits, and counts as sent once."""
    house = make(rules=GUARD)
    house.new_call()
    house.gone()
    house = house.restarted(rules=GUARD)
    house.signed_on()
    assert [entry.attempts for entry in house.outbox.pending("c1")] == [1, 0]
    assert house.idle()
    house.gone("c2", "2")
    assert house.taken().call_id == "2"
    house.clock.advance(10.0)
    assert house.confirm_all() == ["NewCall 1", "Gone 1"]
    house.closed()


def test_with_signal_ids_nothing_waits(house: House) -> None:
    """CE knows a signal that is sent again."""
    house.new_call()
    house = house.restarted()
    assert house.outbox.pending("c1")[0].attempts == 0
    assert house.confirm_all() == ["NewCall 1"]
    house.closed()


# The failover's record.


def test_a_sign_on_amid_the_reading(house: House) -> None:
    """What the failover held up is all that was accepted before the sign-on, loaded or not."""
    house.gone("c1", "1")
    house.gone("c2", "2")
    house = house.restarted(load=False)
    house.signed_on()
    assert house.old_settled == 0
    house.load()
    house.confirm()
    assert house.old_settled == 0
    house.confirm()
    assert house.old_settled == 1
    house.closed()
