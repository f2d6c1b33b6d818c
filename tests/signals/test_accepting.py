"""What the IVR says, what it is answered, and what is on disk by then (interfaces.md 3)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from twisted.internet.defer import Deferred

from agentchan.api.refusals import Refused
from agentchan.api.requests import GoneRequest, HeldCall, NewCallRequest, PutCallsRequest
from agentchan.core import calls as memory
from agentchan.core.channel import Wish
from agentchan.vocabulary import ChannelState, Fate, Gone, Meaning, NewCall
from tests.signals.house import House, refusal, result

Make = Callable[..., House]
BUSY, WRAPUP, READY, NOT_READY = ChannelState.BUSY, ChannelState.WRAPUP, ChannelState.READY, ChannelState.NOT_READY


# Accepted means on disk.


def test_an_answer_waits_for_the_disk(house: House) -> None:
    """Neither is the caller answered nor CE told before the signal is on disk."""
    house.journal.waits = True
    answered: list[object] = []
    accepting = Deferred.fromCoroutine(house.accepting.new_call(NewCallRequest("c1", "1", "ivr")))
    accepting.addCallback(answered.append)
    assert (answered, house.pending(), len(house.calls)) == ([], [], 0)
    house.journal.work()
    assert (len(answered), house.pending(), len(house.calls)) == (1, ["NewCall 1"], 1)


def test_what_is_kept(house: House) -> None:
    """Everything that the IVR gave is on disk and goes to CE; what it left out is filled in."""
    at = datetime(2026, 11, 24, 11, 59, tzinfo=UTC)
    house.new_call(caller="+491", called="+492", started_at=at, signal_id="s1", parameters='{"A": "<A/>"}')
    signal = house.confirm()
    assert signal == NewCall("s1", "ivr1", "c1", "1", at, "+491", "+492", '{"A": "<A/>"}')
    house.gone(outcome="done", ended_at=at, signal_id="s2", parameters='{"B": "<B/>"}')
    assert house.confirm() == Gone("s2", "ivr1", "c1", "1", at, "done", None, '{"B": "<B/>"}')
    house.new_call(call_id="2")
    filled = house.confirm()
    assert isinstance(filled, NewCall)
    assert (filled.started_at, len(filled.signal_id)) == (house.now, 36)
    kept = result(house.journal.signal("s1"))
    assert kept is not None
    assert (kept.signal, kept.who) == (signal, "ivr")


def test_a_gone_without_its_new_call(house: House) -> None:
    """It is accepted and sent."""
    assert house.gone("c1", "never-begun").fate is Fate.PENDING
    assert house.confirm_all() == ["Gone never-begun"]


def test_a_new_call_after_its_gone(house: House) -> None:
    """The call is over: 409, and nothing is sent."""
    house.gone()
    house.confirm_all()
    assert refusal(house.new_call) == ("call-ended", 409)
    assert house.pending() == []


def test_which_call_a_gone_without_call_id_ends(house: House) -> None:
    """The channel's open call; else the one that CE holds there; else the one that ended last: it is said again."""
    assert refusal(lambda: house.gone(call_id=None)) == ("no-open-call", 409)
    house.new_call()
    first = house.gone(call_id=None)
    again = house.gone(call_id=None)
    assert (again.signal_id, again.repeated) == (first.signal_id, True)
    house.channels["c1"].report(BUSY, "7", 0.0)
    assert house.gone(call_id=None).call.call_id == "7"
    house.channels["c1"].report(NOT_READY, None, 0.0)
    restarted = house.restarted()
    assert restarted.gone(call_id=None).call.call_id == "7"
    restarted.closed()


# Repeats.


def test_repeats_get_the_same_id(house: House) -> None:
    """Said again a signal has the id it had, whatever has become of it, and is not sent twice."""
    first = house.new_call()
    again = house.new_call(caller="another", signal_id="another")
    assert (again.signal_id, again.fate, again.repeated) == (first.signal_id, Fate.PENDING, True)
    house.confirm()
    assert house.new_call().fate is Fate.CONFIRMED
    gone = house.gone()
    again = house.gone(outcome="another")
    assert (again.signal_id, again.fate, again.repeated) == (gone.signal_id, Fate.PENDING, True)
    house.refuse()
    assert house.gone().fate is Fate.REFUSED
    assert house.pending() == []


def test_repeats_while_the_first_is_written(house: House) -> None:
    """Two scripts that say the same at once get the same id."""
    house.journal.waits = True
    request = NewCallRequest("c1", "1", "ivr")
    both = [Deferred.fromCoroutine(house.accepting.new_call(request)) for _ in range(2)]
    while any(not each.called for each in both):
        house.journal.work()
    first, second = map(result, both)
    assert (second.signal_id, first.repeated, second.repeated) == (first.signal_id, False, True)
    assert house.pending() == ["NewCall 1"]


@pytest.mark.parametrize("forgotten", ["restart", "memory"])
def test_repeats_of_what_has_left_memory(make: Make, monkeypatch: pytest.MonkeyPatch, forgotten: str) -> None:
    """The journal knows calls that memory does not know any more."""
    monkeypatch.setattr(memory, "REMEMBERED", 1)
    house = make()
    first = house.new_call(), house.gone()
    house.confirm_all()
    for number in range(2, 5):
        house.gone("c2", str(number))
    if forgotten == "restart":
        house = house.restarted()
    assert house.calls.find("c1", "1") is None
    assert refusal(house.new_call) == ("call-ended", 409)
    house.calls._known.clear()
    again = house.gone()
    assert (again.signal_id, again.fate, again.repeated) == (first[1].signal_id, Fate.CONFIRMED, True)
    assert house.pending() == []
    house.closed()


def test_repeats_of_an_open_call_after_a_restart(house: House) -> None:
    """The call goes on with all that was known of it, and its signals keep their ids."""
    first = house.new_call(caller="+491", called="+492")
    house.confirm()
    house.clock.advance(60.0)
    house = house.restarted()
    (call,) = house.calls.open()
    assert (call.caller, call.called, call.told, call.since) == ("+491", "+492", True, house.clock.seconds() - 60.0)
    again = house.new_call()
    assert (again.signal_id, again.fate, again.repeated) == (first.signal_id, Fate.CONFIRMED, True)
    assert house.gone(call_id=None).call is call
    house.closed()


def test_a_call_keeps_its_age_whatever_the_ivr_says_of_its_begin(house: House) -> None:
    """The IVR's clock may be wrong: age is counted from when the call was told."""
    house.new_call(started_at=datetime(2020, 1, 1, tzinfo=UTC))
    house = house.restarted()
    (call,) = house.calls.open()
    assert call.since == house.clock.seconds()
    assert call.started_at == datetime(2020, 1, 1, tzinfo=UTC)
    house.closed()


def test_a_pruned_new_call_counts_as_told(house: House) -> None:
    """Signals are pruned when they are settled; the call that they were of goes on."""
    house.new_call(signal_id="s1")
    house.confirm()
    house.delivering.writes.flush()
    result(house.journal.ask(lambda connection: connection.execute("DELETE FROM signal").rowcount))
    house = house.restarted()
    (call,) = house.calls.open()
    assert call.told
    assert house.new_call().signal_id == "s1"
    house.closed()


# SignalIds that the script gives.


@pytest.mark.parametrize("known", [True, False])
def test_a_signal_id_that_another_signal_has(house: House, known: bool) -> None:
    """It is refused, and nothing of it is kept; the caller is told whose it is."""
    house.new_call(signal_id="mine")
    house.new_call("c2", "2")
    if known:
        with pytest.raises(Refused, match=r"'mine' is that of the NewCall of call '1' on 'c1'") as refused:
            house.gone(signal_id="mine")
    else:
        with pytest.raises(Refused, match=r"'mine' is that of the NewCall of call '1' on 'c1'") as refused:
            house.new_call("c3", "3", signal_id="mine")
    assert (refused.value.code, refused.value.status) == ("signal-id-taken", 409)
    assert len(house.calls) == 2
    assert len(house.journal.fates()) == 2
    assert house.gone().repeated is False


def test_what_the_journal_refuses_for_no_known_reason(house: House) -> None:
    """It is no answer of the API: a fault of ours, which the door logs."""
    result(house.journal.ask(lambda connection: connection.execute("DROP TABLE call").fetchall()))
    with pytest.raises(Exception, match="no such table"):
        house.new_call()
    assert len(house.calls) == 0


# A channel has one call at a time.


def test_a_superseded_call(house: House) -> None:
    """The IVR knows best: the old call's Gone goes first; it is warned about and counted, in one write."""
    old = house.new_call(call_id="old")
    batches = len(house.journal.handed_over)
    house.new_call(call_id="new")
    assert len(house.journal.handed_over) == batches + 1
    assert house.confirm_all() == ["NewCall old", "Gone old (superseded)", "NewCall new"]
    (event,) = house.events("call-superseded")
    assert (event["level"], event["call_id"], event["by"]) == ("warning", "old", "new")
    assert [fields["why"] for fields in house.events("repair")] == ["superseded"]
    assert old.call.ended
    assert [call.call_id for call in house.calls.open()] == ["new"]
    assert house.journal.counts.repairs == 1
    late = house.gone(call_id="old")
    assert (late.repeated, late.signal_id) == (True, old.call.gone)


@pytest.mark.parametrize("state", [BUSY, WRAPUP])
@pytest.mark.parametrize("known", [True, False])
def test_a_call_that_ce_reports(house: House, state: ChannelState, known: bool) -> None:
    """A call that CE holds there is superseded too, whether it ended here or nobody knows it."""
    if known:
        house.new_call(call_id="old")
        house.gone(call_id="old")
        house.confirm_all()
    house.channels["c1"].report(state, "old", 0.0)
    house.new_call(call_id="new")
    assert house.confirm_all() == ["Gone old (superseded)", "NewCall new"]


def test_a_reported_call_whose_gone_is_pending(house: House) -> None:
    """No second Gone is made for it."""
    house.new_call(call_id="old")
    house.confirm()
    house.channels["c1"].report(BUSY, "old", 0.0)
    house.gone(call_id="old")
    house.new_call(call_id="new")
    assert house.pending() == ["Gone old", "NewCall new"]


def test_a_reported_call_of_another_instance(house: House) -> None:
    """While another instance is signed on it may be that one's call: only CE's answer to the NewCall tells."""
    house.outbox.standing_by = True
    house.channels["c1"].report(BUSY, "its", 0.0)
    house.new_call()
    assert house.pending() == ["NewCall 1"]


# Channels.


def test_names_and_aliases(make: Make) -> None:
    """A channel's own name goes before an alias of the same spelling; what is neither is refused."""
    house = make(aliases={"sip:7001@pbx": "c1", "c2": "c3", "lost": "c9"})
    assert house.accepting.channel("sip:7001@pbx") == "c1"
    assert house.accepting.channel("c2") == "c2"
    for name in ("c9", "lost", "C1"):
        assert refusal(lambda name=name: house.new_call(name)) == ("unknown-channel", 404)  # type: ignore[misc]
        assert refusal(lambda name=name: house.gone(name)) == ("unknown-channel", 404)  # type: ignore[misc]


def test_a_channel_that_a_reload_removed(make: Make) -> None:
    """As long as a call is open or a signal pending there, its signals are accepted and sent; then it is unknown."""
    house = make(aliases={"one": "c1"})
    house.new_call("one")
    house.channels.listed(["c2"], Wish(ready=True), house.clock.seconds())
    house.accepting.rename({})
    assert house.new_call("one").repeated
    assert house.gone("one", None).call.call_id == "1"
    assert house.gone("c1").repeated
    assert house.new_call("c1", "2").fate is Fate.PENDING
    assert house.gone("one", "2").fate is Fate.PENDING
    assert house.confirm_all() == ["NewCall 1", "Gone 1", "NewCall 2", "Gone 2"]
    assert refusal(lambda: house.gone("one")) == ("unknown-channel", 404)
    assert refusal(lambda: house.gone("c1")) == ("unknown-channel", 404)


def test_a_removed_channel_after_a_restart(house: House) -> None:
    """What is open or pending there is known again, also before the pending signals have been read."""
    house.new_call("c1")
    house.gone("c2", "2")
    house = house.restarted(names=["c3"], load=False)
    assert house.gone("c1").repeated is False
    assert house.gone("c2", "2").repeated
    house.load()
    assert sorted(house.confirm_all()) == ["Gone 1", "Gone 2", "NewCall 1"]
    house.closed()


def test_frontend_mode(make: Make) -> None:
    """Without channels no signal is taken."""
    house = make(names=())
    assert refusal(house.new_call) == ("unknown-channel", 404)


# The IVR's own list.


def put(house: House, *calls: tuple[str, str]) -> dict[str, object]:
    """PUT /v1/calls."""
    request = PutCallsRequest(tuple(HeldCall(*call) for call in calls), "ivr")
    return dict(result(house.accepting.reconcile(request)))


def test_reconcile(make: Make) -> None:
    """Open calls that are not in the list get a Gone; calls of the list that are not open here are named."""
    house = make(aliases={"one": "c1"})
    for channel in ("c1", "c2", "c3"):
        house.new_call(channel, f"call-{channel}")
    house.confirm_all()
    answer = put(house, ("one", "call-c1"), ("c2", "another"))
    gone = answer.pop("gone")
    assert isinstance(gone, list)
    assert [(row["channel"], row["call_id"]) for row in gone] == [("c2", "call-c2"), ("c3", "call-c3")]
    assert answer == {"open": 1, "unknown": [{"channel": "c2", "call_id": "another"}]}
    assert house.confirm_all() == ["Gone call-c2 (reconciled)", "Gone call-c3 (reconciled)"]
    assert put(house, ("c1", "call-c1"))["gone"] == []
    assert refusal(lambda: put(house, ("c9", "1"))) == ("unknown-channel", 404)
    put(house)
    assert house.confirm_all() == ["Gone call-c1 (reconciled)"]


def test_reconcile_many(make: Make) -> None:
    """Many calls that end together share commits."""
    names = [f"c{number}" for number in range(250)]
    house = make(names=names)
    for name in names:
        house.new_call(name)
    house.journal.waits = True
    over = Deferred.fromCoroutine(house.accepting.reconcile(PutCallsRequest((), "ivr")))
    commits = 0
    while not over.called:
        house.journal.work()
        commits += 1
    assert commits == 3
    assert len(result(over)["gone"]) == 250


def test_reconcile_while_the_journal_fails(house: House) -> None:
    """The list can be given again: those that were not ended are still open."""
    house.new_call("c1")
    house.new_call("c2", "2")
    house.journal.fail()
    assert refusal(lambda: put(house)) == ("journal-unavailable", 503)
    assert len(house.calls) == 2
    house.journal.heal()
    assert len(put(house)["gone"]) == 2  # type: ignore[arg-type]


# The journal fails.


def test_nothing_is_half_done(house: House) -> None:
    """503: no call, no pending signal, no superseded call; said again when the journal works, all is as it should."""
    house.new_call(call_id="old")
    house.confirm()
    house.journal.fail()
    asked: list[Callable[[], object]] = [
        lambda: house.new_call(call_id="new"),
        lambda: house.gone(call_id="old"),
        lambda: house.gone("c2", None),
        lambda: house.new_call("c2", "2", signal_id="s"),
    ]
    for each in asked:
        assert refusal(each) == ("journal-unavailable", 503)
    assert [call.call_id for call in house.calls.open()] == ["old"]
    assert (house.pending(), house.pending("c2")) == ([], [])
    assert house.events("call-superseded") == []
    house.journal.heal()
    house.new_call(call_id="new")
    assert house.confirm_all() == ["Gone old (superseded)", "NewCall new"]


def test_the_journal_fails_while_a_repeat_is_looked_up(house: House) -> None:
    """Whether it is a repeat is not known: 503."""
    house.new_call(signal_id="s1")
    house.gone()
    house.confirm_all()
    house = house.restarted()
    house.journal.waits = True
    asking = Deferred.fromCoroutine(house.accepting.gone(GoneRequest("c1", "ivr", "1")))
    house.journal.work()
    house.journal.fail()
    taking = Deferred.fromCoroutine(house.accepting.new_call(NewCallRequest("c2", "2", "ivr", signal_id="s1")))
    house.journal.heal()
    house.journal.waits = False
    house.journal.work()
    assert refusal(lambda: result(taking)) == ("journal-unavailable", 503)
    assert result(asking).repeated
    house.closed()


# Call tokens.


def test_a_token_for_a_gone_that_comes_later(house: House) -> None:
    """What CE answered to the NewCall goes with the call's Gone, also after a restart."""
    house.new_call()
    house.confirm(token="t1")
    house = house.restarted()
    house.gone()
    signal = house.taken()
    assert isinstance(signal, Gone)
    assert signal.call_token == "t1"
    house.closed()


def test_a_token_that_comes_while_the_gone_waits_or_is_written(house: House) -> None:
    """A Gone that was accepted before CE's answer to the NewCall has the token all the same."""
    house.new_call()
    house.new_call("c2", "2")
    house.gone("c1")
    house.journal.waits = True
    late = Deferred.fromCoroutine(house.accepting.gone(GoneRequest("c2", "ivr", "2")))
    for token in ("t1", "t2"):
        house.confirm(token=token)
    house.journal.work()
    result(late)
    house.journal.waits = False
    gones = [house.taken(), house.taken()]
    assert {signal.channel: getattr(signal, "call_token", None) for signal in gones} == {"c1": "t1", "c2": "t2"}


def test_the_answer_goes_before_the_signal(house: House) -> None:
    """Who gave a signal waits for the answer, CE for nobody: the lanes go on when the answer has been written."""
    advanced: list[Fate] = []
    house.lanes.advance = lambda: advanced.append(Fate.PENDING)  # type: ignore[method-assign]
    assert house.new_call().fate is Fate.PENDING
    assert advanced == []
    house.clock.advance(0)
    assert advanced


def test_a_refused_new_call_leaves_the_call_open(house: House) -> None:
    """The call is in progress whatever CE says; its Gone is sent, and the channel is not kept back."""
    house.new_call()
    house.refuse(Meaning.UNKNOWN_CHANNEL)
    assert len(house.calls) == 1
    assert house.new_call().fate is Fate.REFUSED
    house.gone()
    assert house.confirm_all() == ["Gone 1"]
