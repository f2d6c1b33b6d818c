"""Where CE and we do not agree on a channel's call (design, Agent channel and Signals; issue 3, Repair)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from structlog.testing import capture_logs
from twisted.internet.defer import Deferred

from agentchan.api.requests import GoneRequest, NewCallRequest
from agentchan.core.outbox_values import Rules
from agentchan.repairing import AGAIN_AFTER
from agentchan.vocabulary import ChannelReport, ChannelState, Fate, Gone, Meaning, NewCall, Reply
from tests.signals.house import BACKOFF, House, refusal, result, short

Make = Callable[..., House]
BUSY, WRAPUP, READY, NOT_READY = ChannelState.BUSY, ChannelState.WRAPUP, ChannelState.READY, ChannelState.NOT_READY
MUTE = Rules(backoff=BACKOFF, tells_held_call=False)
"""Of a profile that cannot say which call a channel holds."""


def held(call_id: str | None) -> Reply:
    """CE holds another call on the channel."""
    return Reply(Meaning.CHANNEL_HELD, "another call", call_id=call_id)


# After a sign-on.


@pytest.mark.parametrize("state", [BUSY, WRAPUP])
@pytest.mark.parametrize("restart", [True, False])
def test_a_call_that_ended_here(house: House, state: ChannelState, restart: bool) -> None:
    """A new Gone goes out, under an id of its own; the IVR's Gone keeps the id that the IVR was told."""
    house.new_call()
    told = house.gone().signal_id
    house.confirm_all()
    if restart:
        house = house.restarted()
    house.signed_on(ChannelReport("c1", state, "1"))
    (entry,) = house.outbox.pending("c1")
    assert (short(entry.signal), entry.repair, entry.id != told) == ("Gone 1 (ended-here)", True, True)
    assert [(event["why"], event["level"]) for event in house.events("repair")] == [("ended-here", "warning")]
    assert house.confirm_all() == ["Gone 1 (ended-here)"]
    assert house.gone().signal_id == told
    house = house.restarted()
    assert house.gone().signal_id == told
    assert house.journal.counts.repairs == 1
    house.closed()


def test_a_call_in_progress_that_ce_does_not_know(house: House) -> None:
    """Its NewCall goes first, under a new id and with all that the IVR said; the channel is not made ready before."""
    first = house.new_call(caller="+491", called="+492", parameters='{"A": "<A/>"}')
    original = house.confirm()
    house.signed_on(ChannelReport("c1", NOT_READY))
    assert house.readiness() == {"c2": True, "c3": True}
    again = house.confirm(BUSY)
    assert isinstance(again, NewCall)
    assert isinstance(original, NewCall)
    assert (again.signal_id != original.signal_id, again.caller, again.called) == (True, "+491", "+492")
    assert (again.started_at, again.parameters) == (original.started_at, original.parameters)
    assert house.readiness()["c1"] is True  # said once: it takes effect when the call is gone
    assert house.new_call().signal_id == first.signal_id
    house.signed_on(ChannelReport("c1", BUSY, "1"))
    assert house.pending() == []
    house.signed_on(ChannelReport("c1", READY))
    assert house.pending() == ["NewCall 1"]


def test_a_call_whose_new_call_was_pruned(house: House) -> None:
    """Its NewCall is made of what is known of the call."""
    house.new_call(caller="+491")
    house.confirm()
    house.delivering.writes.flush()
    result(house.journal.ask(lambda connection: connection.execute("DELETE FROM signal").rowcount))
    house.signed_on(ChannelReport("c1", NOT_READY))
    again = house.taken()
    assert isinstance(again, NewCall)
    assert again.caller == "+491"


def test_a_refused_mend_is_not_made_again_and_again(house: House) -> None:
    """CE has refused to know the call: it stays as it is until CE is told of it by the IVR."""
    house.new_call()
    house.confirm()
    house.signed_on(ChannelReport("c1", NOT_READY))
    house.refuse()
    house.signed_on(ChannelReport("c1", NOT_READY))
    assert house.pending() == []


def test_a_call_that_ends_while_its_mend_is_made(house: House) -> None:
    """A NewCall is not made for a call that has ended meanwhile; the channel waits for its Gone alone."""
    house.new_call()
    house.confirm()
    house.journal.waits = True
    gone = Deferred.fromCoroutine(house.accepting.gone(GoneRequest("c1", "ivr", "1")))
    house.signed_on(ChannelReport("c1", NOT_READY))
    while not gone.called or house.repairing._mending:
        house.journal.work()
    house.journal.waits = False
    assert house.pending() == ["Gone 1"]
    house.confirm_all()
    assert house.readiness()["c1"] is True


def test_a_call_that_ended_and_was_confirmed_while_its_mend_waited(house: House) -> None:
    """Then nothing is pending, and the channel is let go."""
    house.new_call()
    house.confirm()
    house.journal.waits = True
    gone = Deferred.fromCoroutine(house.accepting.gone(GoneRequest("c1", "ivr", "1")))
    house.signed_on(ChannelReport("c1", NOT_READY))
    house.delivering.mended, mended = lambda *_: None, house.delivering.mended  # type: ignore[method-assign,assignment]
    advance = house.lanes.advance
    house.lanes.advance = lambda: (advance(), house.confirm_all())  # type: ignore[method-assign,assignment]
    while not gone.called or house.repairing._mending:
        house.journal.work()
        house.clock.advance(0)
    house.lanes.advance = advance  # type: ignore[method-assign]
    house.delivering.mended = mended  # type: ignore[method-assign]
    house.journal.waits = False
    assert house.pending() == []
    assert house.readiness()["c1"] is True


def test_pending_signals_settle_it_themselves(house: House) -> None:
    """A difference that signals which are under way will mend is none."""
    house.new_call("c1")
    house.gone("c1")
    house.new_call("c2", "2")
    house.confirm()
    house.confirm()
    house.gone("c2", "2")
    house.signed_on(ChannelReport("c1", BUSY, "1"), ChannelReport("c2", BUSY, "2"), ChannelReport("c3", READY))
    assert house.events("repair") == []


def test_a_signal_that_was_out_meanwhile(house: House) -> None:
    """What CE reports of a channel says nothing while a signal of it is out; it is compared by a later answer."""
    house.new_call()
    out = house.taken()
    house.signed_on(ChannelReport("c1", NOT_READY), ChannelReport("c2", BUSY, "stranger"))
    assert (house.events("repair"), list(house.repairing.stuck)) == ([], ["c2"])
    house.answer(out, Reply(Meaning.CONFIRMED))
    assert house.events("repair") == []


# Calls that nobody here knows.


def test_a_stranger_is_reported_as_stuck(house: House) -> None:
    """Loudly, once; until CE says that it is gone."""
    house.signed_on(ChannelReport("c1", BUSY, "stranger"))
    house.signed_on(ChannelReport("c1", BUSY, "stranger"))
    assert house.events("channel-stuck") == [{"level": "warning", "channel": "c1", "call_id": "stranger"}]
    assert house.pending() == []
    house.report("c1", NOT_READY)
    assert house.events("channel-freed") == [{"level": "info", "channel": "c1", "call_id": "stranger"}]
    assert house.repairing.stuck == {}


def test_a_stranger_that_the_ivr_tells_of(house: House) -> None:
    """Its NewCall, say of an IVR that found the call again, makes the call known: the channel is stuck no more."""
    house.signed_on(ChannelReport("c1", WRAPUP, "1"))
    house.new_call()
    assert list(house.repairing.stuck) == ["c1"]
    house.confirm(WRAPUP)
    assert house.repairing.stuck == {}
    house.signed_on(ChannelReport("c1", WRAPUP, "1"))
    assert house.repairing.stuck == {}
    assert len(house.events("channel-stuck")) == 1


def test_another_stranger(house: House) -> None:
    """A channel that is stuck with another call now says so."""
    house.report("c1", BUSY, "a")
    house.report("c1", BUSY, "b")
    assert [event["call_id"] for event in house.events("channel-stuck")] == ["a", "b"]


def test_strangers_that_go_by_themselves(make: Make) -> None:
    """``unknown_calls = "gone"``: a Gone is made at once, and for those that were stuck when that was configured."""
    house = make()
    house.report("c1", BUSY, "a")
    house.repairing.unknown_calls_go = True
    house.report("c2", BUSY, "b")
    assert house.confirm_all() == ["Gone a (unknown-call)", "Gone b (unknown-call)"]
    assert house.repairing.stuck == {}


def test_free(house: House) -> None:
    """An operator frees a stuck channel: a Gone for the call that CE holds, with whose wish it was."""
    house.report("c1", BUSY, "stranger")
    gone = result(house.repairing.free("c1", "operator"))
    assert house.confirm_all() == ["Gone stranger (freed)"]
    kept = result(house.journal.signal(gone.signal_id))
    assert kept is not None
    assert (kept.who, kept.repair) == ("operator", True)
    assert house.events("repair")[0]["why"] == "freed"


def test_what_is_not_freed(house: House) -> None:
    """A channel without a call, and one whose call is in progress here; and nothing while the journal fails."""
    assert refusal(lambda: house.repairing.free("c1", "operator")) == ("not-stuck", 409)
    house.new_call()
    house.confirm(BUSY)
    assert refusal(lambda: house.repairing.free("c1", "operator")) == ("not-stuck", 409)
    house.report("c2", BUSY, "stranger")
    house.journal.fail()
    assert refusal(lambda: result(house.repairing.free("c2", "operator"))) == ("journal-unavailable", 503)
    house.journal.heal()
    result(house.repairing.free("c2", "operator"))


def test_free_a_call_that_ended_here(house: House) -> None:
    """A channel whose Gone CE has refused is freed by another."""
    house.new_call()
    house.confirm(BUSY)
    told = house.gone().signal_id
    house.refuse()
    result(house.repairing.free("c1", "operator"))
    assert house.confirm_all() == ["Gone 1 (freed)"]
    assert house.gone().signal_id == told


# ChannelHeld.


def test_channel_held(house: House) -> None:
    """The superseded call's Gone goes first, and is on disk before; then the NewCall again, with the same id."""
    new_call = house.new_call().signal_id
    house.answer(house.taken(), held("old"))
    assert [short(entry.signal) for entry in house.outbox.pending("c1")] == ["Gone old (superseded)", "NewCall 1"]
    gone = house.confirm()
    assert house.fate(gone.signal_id) is Fate.CONFIRMED
    assert house.confirm().signal_id == new_call
    assert house.gone(call_id="old").signal_id == gone.signal_id


def test_channel_held_while_standing_by(house: House) -> None:
    """Signals flow while another instance is signed on; on a channel that holds a call of that one they wait."""
    house.outbox.standing_by = True
    house.new_call()
    house.new_call("c2", "2")
    house.answer(house.taken(), held("its"))
    assert house.confirm_all() == ["NewCall 2"]
    house.clock.advance(1.0)
    house.answer(house.taken(), held("its"))
    assert house.events("repair") == []
    house.outbox.standing_by = False
    house.clock.advance(2.0)
    house.answer(house.taken(), held("its"))
    assert house.confirm_all() == ["Gone its (superseded)", "NewCall 1"]


def test_channel_held_by_a_call_of_an_earlier_run(house: House) -> None:
    """What the journal knows of the call is kept: its own Gone's id stays that which the IVR was told."""
    house.new_call(call_id="old")
    told = house.gone(call_id="old").signal_id
    house.confirm_all()
    house = house.restarted()
    house.new_call(call_id="new")
    house.answer(house.taken(), held("old"))
    house.confirm_all()
    assert house.gone(call_id="old").signal_id == told
    house.closed()


def test_mends_have_their_channels_turn(house: House) -> None:
    """A signal that is being accepted goes to disk and into the outbox before a mend of its channel is made."""
    house.new_call()
    house.journal.waits = True
    later = Deferred.fromCoroutine(house.accepting.gone(GoneRequest("c1", "ivr", "1")))
    house.answer(house.taken(), held("old"))
    assert house.journal._queue[-1].writes[0].signal.call_id == "1"
    while not later.called or house.repairing._mending:
        house.journal.work()
    house.journal.waits = False
    assert house.confirm_all() == ["Gone old (superseded)", "NewCall 1", "Gone 1"]


# Profiles that cannot say which call is held.


def test_a_refused_new_call_asks_what_ce_holds(make: Make) -> None:
    """CE's report of the channel tells: the Gone of the call that it holds goes first, then the NewCall, same id."""
    house = make(rules=MUTE)
    house.signed_on()
    new_call = house.new_call().signal_id
    house.refuse()
    assert (house.asked, house.fate(new_call)) == (2, Fate.REFUSED)
    assert house.channels["c1"].asked_for
    house.report("c1", BUSY, "old")
    assert house.fate(new_call) is Fate.PENDING
    assert house.new_call().fate is Fate.PENDING
    assert house.confirm_all() == ["Gone old (superseded)", "NewCall 1"]
    assert house.fate(new_call) is Fate.CONFIRMED


def test_a_new_call_that_is_refused_again(make: Make) -> None:
    """It is returned once: a CE that refuses it for another reason is not asked for ever."""
    house = make(rules=MUTE)
    house.signed_on()
    house.new_call()
    house.refuse()
    house.report("c1", BUSY, "old")
    house.confirm()
    house.refuse()
    house.report("c1", BUSY, "older")
    assert house.confirm_all() == ["Gone older (superseded)"]


def test_a_refused_new_call_whose_call_is_over(make: Make) -> None:
    """It is not sent after the call's Gone, and what CE holds is a stranger."""
    house = make(rules=MUTE)
    house.signed_on()
    house.new_call()
    house.refuse()
    house.gone()
    house.confirm()
    house.report("c1", BUSY, "old")
    assert house.pending() == []
    assert list(house.repairing.stuck) == ["c1"]


def test_a_refused_new_call_on_an_idle_channel(make: Make) -> None:
    """CE holds nothing there: the refusal had another reason, and stays."""
    house = make(rules=MUTE)
    house.signed_on()
    house.new_call()
    house.refuse()
    house.report("c1", NOT_READY)
    house.report("c1", BUSY, "old")
    assert house.pending() == []
    assert list(house.repairing.stuck) == ["c1"]


def test_held_by_nobody_knows_what(make: Make) -> None:
    """A profile that says that a call is held, but not which: its report is asked for, and the NewCall waits."""
    house = make()
    house.new_call()
    house.answer(house.taken(), held(None))
    assert (house.asked, house.pending()) == (1, ["NewCall 1"])


# The journal fails.


def test_a_mend_that_cannot_be_written_down(house: House) -> None:
    """CE is asked again a little later, and what it answers is compared again."""
    house.new_call()
    house.confirm()
    house.signed_on(ChannelReport("c1", BUSY, "1"))
    house.journal.fail()
    with capture_logs() as logs:
        house.report("c1", NOT_READY)
    assert [entry["event"] for entry in logs] == ["repair-put-off"]
    assert "c1" not in house.readiness()
    house.journal.heal()
    asked = house.asked
    house.clock.advance(AGAIN_AFTER)
    assert house.asked == asked + 1
    assert house.readiness()["c1"] is False  # said only so that CE answers
    house.report("c1", NOT_READY)
    assert house.confirm_all() == ["NewCall 1"]


def test_a_superseding_mend_that_cannot_be_written_down(house: House) -> None:
    """The NewCall that waits for it is sent again after a pause, and finds the same."""
    house.new_call()
    house.journal.fail()
    house.answer(house.taken(), held("old"))
    assert house.idle()
    house.journal.heal()
    for pause in (1.0, 8.0):
        house.clock.advance(pause)
        house.answer(house.taken(), held("old"))
    assert house.confirm_all() == ["Gone old (superseded)", "NewCall 1"]


def test_a_fault_of_ours(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is logged loudly, and CE is asked again all the same."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(house.repairing._mends, "made", broken)
    house.new_call()
    house.confirm()
    with capture_logs() as logs:
        house.report("c1", NOT_READY)
    assert [(entry["event"], entry["log_level"]) for entry in logs] == [("repair-broken", "error")]


def test_what_is_reported_while_a_mend_is_made(house: House) -> None:
    """One mend at a time: the same difference is not mended twice."""
    house.new_call()
    house.confirm()
    house.gone()
    house.confirm()
    house.journal.waits = True
    house.report("c1", BUSY, "1")
    house.report("c1", BUSY, "1")
    while house.repairing._mending:
        house.journal.work()
    house.journal.waits = False
    assert house.pending() == ["Gone 1 (ended-here)"]


def test_a_call_that_the_ivr_tells_of_while_the_journal_is_asked(house: House) -> None:
    """A call that CE knew before us is no stranger."""
    house.journal.waits = True
    house.report("c1", BUSY, "1")
    began = Deferred.fromCoroutine(house.accepting.new_call(NewCallRequest("c1", "1", "ivr")))
    house.journal._queue.reverse()
    while not began.called or house.repairing._mending:
        house.journal.work()
    house.journal.waits = False
    assert house.repairing.stuck == {}
    assert house.pending() == ["NewCall 1"]


def test_a_gone_is_a_gone(house: House) -> None:
    """What frees a channel is a Gone, whatever else."""
    house.report("c1", WRAPUP, "stranger")
    assert isinstance(result(house.repairing.free("c1", "operator")), Gone)
