"""The outbox: in what order call signals go to CE, and what becomes of each (design, Signals)."""

from __future__ import annotations

import pytest

from agentchan.core.backoff import Backoff
from agentchan.core.outbox import Outbox
from agentchan.core.outbox_values import Decided, Entry, Rules
from agentchan.vocabulary import ChannelReport, ChannelState, Fate, Meaning, Reply
from tests.core.signals import gone, new_call, taken, told

BACKOFF = Backoff(1.0, 8.0)
CONFIRMED = Reply(Meaning.CONFIRMED)


def outbox_of(*entries: Entry, rules: Rules | None = None) -> Outbox:
    """An outbox that has accepted these signals; draws are the widest."""
    outbox = Outbox(rules or Rules(backoff=BACKOFF), lambda _low, high: high)
    for entry in entries:
        outbox.accepted(entry)
    return outbox


def pending(outbox: Outbox, channel: str = "c1") -> list[str]:
    """The ids of what is pending, in order."""
    return [entry.id for entry in outbox.pending(channel)]


def refused_gone(outbox: Outbox, call: str) -> Entry:
    """A Gone that CE has refused."""
    entry = gone(call)
    outbox.accepted(entry)
    outbox.replied(taken(outbox, 0.0), Reply(Meaning.REFUSED), 0.0)
    told(outbox)
    return entry


# Order.


def test_one_channel_in_order() -> None:
    """Signals of one channel go one after another, one in flight, in the order in which they were accepted."""
    outbox = outbox_of(new_call("1"), gone("1"), new_call("2"))
    sent = []
    for _ in range(3):
        signal = taken(outbox, 0.0)
        assert outbox.take(0.0) is None
        assert outbox.in_flight("c1")
        sent.append(signal.signal_id)
        outbox.replied(signal, CONFIRMED, 0.0)
    assert sent == ["n:1", "g:1", "n:2"]
    assert told(outbox) == ["n:1 confirmed", "g:1 confirmed", "n:2 confirmed", "c1 empty"]
    assert len(outbox) == 0
    assert "c1" not in outbox
    assert not outbox.in_flight("c1")
    assert outbox.pending("c1") == ()


def test_channels_know_nothing_of_each_other() -> None:
    """Lanes in parallel: one channel's signal that is out keeps no other channel's back."""
    outbox = outbox_of(new_call("1", "c1"), new_call("2", "c2"), gone("1", "c1"))
    assert {taken(outbox, 0.0).signal_id, taken(outbox, 0.0).signal_id} == {"n:1", "n:2"}
    assert outbox.take(0.0) is None
    assert len(outbox) == 3


def test_a_channel_is_looked_at_once() -> None:
    """However much is pending of a channel, and however often there was a sign-on, a free lane finds it once."""
    outbox = outbox_of(*(new_call(str(number)) for number in range(100)), new_call("x", "c2"))
    for _ in range(100):
        outbox.signed_on(0.0)
    assert len(outbox._sendable) == 2
    assert outbox.channels() == ("c1", "c2")


def test_the_oldest() -> None:
    """The age of the outbox is that of its oldest signal."""
    outbox = outbox_of()
    assert outbox.oldest_at() is None
    outbox.accepted(Entry(new_call("1").signal, 7.0))
    outbox.accepted(Entry(new_call("2", "c2").signal, 5.0))
    assert outbox.oldest_at() == 5.0


# Lost replies.


def test_a_lost_reply_is_neither_yes_nor_no() -> None:
    """The same signal goes again, with the same id, after a pause that doubles; nothing overtakes it."""
    outbox = outbox_of(new_call("1"), gone("1"))
    now, pauses = 0.0, []
    for _ in range(5):
        signal = taken(outbox, now)
        assert signal.signal_id == "n:1"
        outbox.lost(signal, "no reply within 2 s", now)
        assert told(outbox) == ["n:1 tried"]
        assert outbox.take(now) is None
        pauses.append(outbox.deadline() - now)
        now = outbox.deadline()
    assert pauses == [1.0, 2.0, 4.0, 8.0, 8.0]
    (first, _) = outbox.pending("c1")
    assert (first.attempts, first.last_error) == (5, "no reply within 2 s")
    outbox.replied(taken(outbox, now), Reply(Meaning.DUPLICATE), now)
    assert told(outbox) == ["n:1 confirmed"]


def test_a_duplicate_is_a_confirmation() -> None:
    """CE has seen the id before: done, and the decision says so."""
    outbox = outbox_of(new_call("1"))
    outbox.replied(taken(outbox, 0.0), Reply(Meaning.DUPLICATE, call_token="t1"), 0.0)
    decided = outbox.actions[0]
    assert isinstance(decided, Decided)
    assert (decided.duplicate, decided.call_token) == (True, "t1")


def test_late_news_changes_nothing() -> None:
    """A reply, a loss or a return of a signal that is not out is of a connection that was given up."""
    outbox = outbox_of(new_call("1"), gone("1"))
    signal = taken(outbox, 0.0)
    outbox.unsent(signal)
    outbox.replied(signal, CONFIRMED, 0.0)
    outbox.lost(signal, "late", 0.0)
    outbox.unsent(signal)
    outbox.replied(gone("9", "c9").signal, CONFIRMED, 0.0)
    outbox.replied(gone("1").signal, CONFIRMED, 0.0)
    assert told(outbox) == []
    assert pending(outbox) == ["n:1", "g:1"]
    (first, _) = outbox.pending("c1")
    assert first.attempts == 0


def test_unsent_goes_at_once() -> None:
    """A signal that was taken but not sent has no reason to wait."""
    outbox = outbox_of(new_call("1"))
    outbox.unsent(taken(outbox, 0.0))
    assert taken(outbox, 0.0).signal_id == "n:1"


def test_the_outbox_waits_for_nothing_if_nothing_waits() -> None:
    """Without anything put off there is no deadline."""
    assert outbox_of(new_call("1")).deadline() == float("inf")


def test_a_sign_on_ends_all_pauses() -> None:
    """What waited for a host goes out when there is one, and its pauses begin anew."""
    outbox = outbox_of(new_call("1"))
    for now in (0.0, 1.0, 3.0):
        outbox.lost(taken(outbox, now), "no host", now)
    assert outbox.take(3.5) is None
    outbox.signed_on(3.5)
    outbox.lost(taken(outbox, 3.5), "no host", 3.5)
    assert outbox.take(4.4) is None
    assert outbox.take(4.5) is not None


def test_not_active() -> None:
    """A host that says it is not active has applied nothing; who it names is passed on."""
    outbox = outbox_of(gone("1"))
    outbox.replied(taken(outbox, 0.0), Reply(Meaning.NOT_ACTIVE, active_server="ce2"), 0.0)
    assert told(outbox) == ["g:1 tried", "denied, ce2 is active"]
    assert pending(outbox) == ["g:1"]


# Profiles without SignalIds.


def test_retry_guard() -> None:
    """Without SignalIds a lost reply keeps its channel, and no other, waiting for retry_guard; no sign-on ends that."""
    outbox = outbox_of(new_call("1"), new_call("2", "c2"), rules=Rules(backoff=BACKOFF, retry_guard=10.0))
    lost, other = taken(outbox, 0.0), taken(outbox, 0.0)
    outbox.lost(lost, "reset", 0.0)
    outbox.replied(other, CONFIRMED, 0.0)
    outbox.accepted(gone("2", "c2"))
    assert taken(outbox, 0.0).signal_id == "g:2"
    outbox.signed_on(1.0)
    assert outbox.take(9.9) is None
    assert taken(outbox, 10.0).signal_id == "n:1"


def test_retry_guard_after_a_restart() -> None:
    """Nobody knows what had gone out when the daemon died: the first of each channel waits."""
    outbox = outbox_of(rules=Rules(backoff=BACKOFF, retry_guard=10.0))
    entry = new_call("1")
    entry.attempts = 1
    outbox.accepted(entry, not_before=110.0)
    outbox.accepted(gone("1"), not_before=110.0)
    outbox.signed_on(101.0)
    assert outbox.take(109.9) is None
    assert taken(outbox, 110.0).signal_id == "n:1"


@pytest.mark.parametrize("later", [new_call("2"), gone("2")], ids=["NewCall", "Gone"])
@pytest.mark.parametrize("pending_still", [True, False])
def test_a_refused_gone_ends_no_later_call(later: Entry, pending_still: bool) -> None:
    """Without SignalIds a refused Gone is not tried again once another call was on its channel, pending or over."""
    outbox = outbox_of(rules=Rules(backoff=BACKOFF, retry_guard=10.0))
    entry = refused_gone(outbox, "1")
    later = Entry(later.signal, 0.0)
    outbox.accepted(later)
    if not pending_still:
        outbox.replied(taken(outbox, 0.0), CONFIRMED, 0.0)
    outbox.signed_on(0.0)
    assert not outbox.returned(entry)
    assert pending(outbox) == ([later.id] if pending_still else [])
    assert entry.fate is Fate.REFUSED


def test_a_gone_refused_behind_a_later_call() -> None:
    """The later call may have been accepted before the refusal."""
    outbox = outbox_of(gone("1"), new_call("2"), rules=Rules(backoff=BACKOFF, retry_guard=10.0))
    outbox.replied(taken(outbox, 0.0), Reply(Meaning.REFUSED), 0.0)
    outbox.replied(taken(outbox, 0.0), CONFIRMED, 0.0)
    outbox.signed_on(0.0)
    assert pending(outbox) == []


def test_a_refused_gone_without_later_calls_is_tried_again() -> None:
    """Without SignalIds, too, as long as no other call was on the channel; calls of other channels do not matter."""
    outbox = outbox_of(rules=Rules(backoff=BACKOFF, retry_guard=10.0))
    refused_gone(outbox, "1")
    outbox.accepted(new_call("2", "c2"))
    outbox.signed_on(0.0)
    assert pending(outbox) == ["g:1"]


# Channels that hold another call.


def held(call_id: str | None = "old") -> Reply:
    """CE holds another call there."""
    return Reply(Meaning.CHANNEL_HELD, call_id=call_id)


def test_channel_held() -> None:
    """The Gone of the call that CE holds goes first, written down before; then the NewCall again, with the same id."""
    outbox = outbox_of(new_call("1"), gone("1"))
    outbox.replied(taken(outbox, 0.0), held(), 0.0)
    assert told(outbox) == ["n:1 tried", "mend c1 old superseded before n:1"]
    assert outbox.take(0.0) is None
    outbox.mended(gone("old"), "n:1")
    assert [taken_and_confirmed(outbox) for _ in range(3)] == ["g:old", "n:1", "g:1"]


def taken_and_confirmed(outbox: Outbox, now: float = 0.0) -> str:
    """The id of the next signal, which CE confirms."""
    signal = taken(outbox, now)
    outbox.replied(signal, CONFIRMED, now)
    return signal.signal_id


def test_channel_held_by_a_call_whose_gone_is_pending() -> None:
    """No second Gone is made for a call: the one that is pending already goes first."""
    outbox = outbox_of(new_call("1"), gone("1"), gone("old"))
    outbox.replied(taken(outbox, 0.0), held(), 0.0)
    assert told(outbox) == ["n:1 tried"]
    assert [taken_and_confirmed(outbox) for _ in range(3)] == ["g:old", "n:1", "g:1"]
    assert outbox.pending("c1") == ()


def test_channel_held_while_standing_by() -> None:
    """Another instance is signed on: it may be its call, so the signal waits, until it is not."""
    outbox = outbox_of(new_call("1"))
    outbox.standing_by = True
    outbox.replied(taken(outbox, 0.0), held(), 0.0)
    assert told(outbox) == ["n:1 tried"]
    outbox.standing_by = False
    outbox.replied(taken(outbox, 1.0), held(), 1.0)
    assert told(outbox) == ["n:1 tried", "mend c1 old superseded before n:1"]


def test_channel_held_by_nobody_knows_what() -> None:
    """A profile that cannot say which call is held: CE is asked what it believes of the channel."""
    outbox = outbox_of(new_call("1"))
    outbox.replied(taken(outbox, 0.0), held(None), 0.0)
    assert told(outbox) == ["n:1 tried", "report of c1 wanted"]
    assert pending(outbox) == ["n:1"]


def test_channel_held_again_and_again() -> None:
    """A CE that does not free the channel is not sent one mend after the other without a pause."""
    outbox = outbox_of(new_call("1"))
    now, pauses = 0.0, []
    for number in range(4):
        outbox.replied(taken(outbox, now), held(), now)
        assert told(outbox) == ["n:1 tried", "mend c1 old superseded before n:1"]
        outbox.mended(gone(f"old{number}"), "n:1")
        assert taken_and_confirmed(outbox, now) == f"g:old{number}"
        told(outbox)
        outbox.replied(taken(outbox, now), held(), now)
        assert told(outbox) == ["n:1 tried"]
        pauses.append(outbox.deadline() - now)
        now = outbox.deadline()
    assert pauses == [1.0, 2.0, 4.0, 8.0]


def test_channel_held_as_no_answer_of_the_contract() -> None:
    """A Gone that gets it, or a NewCall for its own call, is put off: such an answer ends no call in progress."""
    outbox = outbox_of(gone("1"), new_call("2", "c2"))
    for _ in range(2):
        signal = taken(outbox, 0.0)
        outbox.replied(signal, held(signal.call_id), 0.0)
    assert told(outbox) == ["g:1 tried", "n:2 tried"]


def test_mend_not_written() -> None:
    """A mend that could not be written down is asked for again, after a pause."""
    outbox = outbox_of(new_call("1"))
    outbox.replied(taken(outbox, 0.0), held(), 0.0)
    outbox.not_mended("c1", 0.0)
    outbox.not_mended("c1", 0.0)
    outbox.not_mended("c9", 0.0)
    assert outbox.take(0.5) is None
    outbox.replied(taken(outbox, 1.0), Reply(Meaning.CONFIRMED), 1.0)
    assert told(outbox)[-1] == "c1 empty"


def test_mend_for_a_signal_that_is_gone() -> None:
    """The signal that a mend was made for may have met its fate meanwhile: the mend goes all the same, last."""
    outbox = outbox_of(new_call("1"), gone("1"))
    outbox.replied(taken(outbox, 0.0), held(), 0.0)
    assert outbox.discard("n:1", "c1")
    outbox.mended(gone("old"), "n:1")
    assert pending(outbox) == ["g:1", "g:old"]
    assert taken(outbox, 0.0).signal_id == "g:1"


def test_mend_that_goes_last() -> None:
    """A mend that nothing waits for goes after all others of its channel."""
    outbox = outbox_of(gone("1"))
    outbox.mended(new_call("2"), None)
    assert pending(outbox) == ["g:1", "n:2"]


# Refusals.


@pytest.mark.parametrize("meaning", [Meaning.REFUSED, Meaning.UNKNOWN_CHANNEL, Meaning.UNKNOWN_IVR])
def test_a_refusal_sets_aside_only_that_signal(meaning: Meaning) -> None:
    """A refused NewCall does not keep back its Gone."""
    outbox = outbox_of(new_call("1"), gone("1"))
    outbox.replied(taken(outbox, 0.0), Reply(meaning, "no such thing"), 0.0)
    assert told(outbox) == ["n:1 refused"]
    assert taken(outbox, 0.0).signal_id == "g:1"


def test_a_refused_new_call_where_ce_cannot_say_why() -> None:
    """A profile that cannot say that a channel is held: a refused NewCall asks for the channel's report."""
    outbox = outbox_of(new_call("1"), rules=Rules(tells_held_call=False))
    outbox.replied(taken(outbox, 0.0), Reply(Meaning.REFUSED), 0.0)
    assert told(outbox) == ["report of c1 wanted", "n:1 refused", "c1 empty"]


def test_a_refused_gone_is_tried_again_after_each_sign_on() -> None:
    """It holds up its channel no longer, and goes on until CE has confirmed it."""
    outbox = outbox_of(gone("1"), new_call("2"))
    outbox.replied(taken(outbox, 0.0), Reply(Meaning.REFUSED), 0.0)
    assert told(outbox) == ["g:1 refused"]
    assert taken_and_confirmed(outbox) == "n:2"
    assert told(outbox) == ["n:2 confirmed", "c1 empty"]
    assert list(outbox.refused) == ["g:1"]
    for _ in range(2):
        outbox.signed_on(0.0)
        assert pending(outbox) == ["g:1"]
        outbox.replied(taken(outbox, 0.0), Reply(Meaning.REFUSED), 0.0)
        assert told(outbox) == ["g:1 refused", "c1 empty"]
    outbox.signed_on(0.0)
    assert taken_and_confirmed(outbox) == "g:1"
    assert told(outbox) == ["g:1 confirmed", "c1 empty"]
    assert not outbox.refused


def test_a_gone_that_was_refused_in_an_earlier_run() -> None:
    """It is set aside, and tried after the sign-on."""
    outbox = outbox_of()
    outbox.set_aside(gone("1"))
    assert len(outbox) == 0
    outbox.signed_on(0.0)
    assert pending(outbox) == ["g:1"]


def test_a_fault_that_the_profile_cannot_place() -> None:
    """It is retried until refuse_after, counted from the first such fault, and then refused."""
    outbox = outbox_of(gone("1"), rules=Rules(backoff=Backoff(10.0, 10.0), refuse_after=25.0))
    nonsense = Reply(Meaning.RETRY, "E4711", placed=False)
    for now in (100.0, 110.0, 120.0):
        outbox.replied(taken(outbox, now), nonsense, now)
        assert told(outbox) == ["g:1 tried"]
    outbox.replied(taken(outbox, 130.0), nonsense, 130.0)
    assert told(outbox) == ["g:1 refused", "c1 empty"]


def test_a_gone_that_was_refused_so_is_refused_at_once() -> None:
    """After the next sign-on it does not hold up its channel for refuse_after again; by hand it does."""
    outbox = outbox_of(gone("1"), rules=Rules(backoff=BACKOFF, refuse_after=0.0))
    nonsense = Reply(Meaning.RETRY, placed=False)
    outbox.replied(taken(outbox, 0.0), nonsense, 0.0)
    outbox.rules = Rules(backoff=BACKOFF, refuse_after=600.0)
    told(outbox)
    outbox.signed_on(1.0)
    outbox.replied(taken(outbox, 1.0), nonsense, 1.0)
    assert told(outbox) == ["g:1 refused", "c1 empty"]
    assert outbox.returned(outbox.refused["g:1"])
    outbox.replied(taken(outbox, 1.0), nonsense, 1.0)
    assert told(outbox) == ["g:1 tried"]


def test_a_new_host_may_place_it() -> None:
    """A sign-on begins the count of such faults anew: those of another host, or of long ago, do not count."""
    outbox = outbox_of(gone("1"), rules=Rules(backoff=BACKOFF, refuse_after=600.0))
    nonsense = Reply(Meaning.RETRY, placed=False)
    outbox.replied(taken(outbox, 0.0), nonsense, 0.0)
    outbox.signed_on(1000.0)
    outbox.replied(taken(outbox, 1000.0), nonsense, 1000.0)
    assert told(outbox) == ["g:1 tried", "g:1 tried"]


def test_what_can_be_helped_is_never_refused() -> None:
    """Unavailable, a session that is not known: tried again for ever."""
    outbox = outbox_of(gone("1"), rules=Rules(backoff=BACKOFF, refuse_after=0.0))
    for meaning in (Meaning.RETRY, Meaning.UNKNOWN_SESSION, Meaning.SESSION_ALREADY_OPEN):
        now = max(0.0, outbox.deadline()) if outbox.deadline() < float("inf") else 0.0
        outbox.replied(taken(outbox, now), Reply(meaning), now)
        assert told(outbox) == ["g:1 tried"]


@pytest.mark.parametrize(
    ("report", "over"),
    [
        (ChannelReport("c1", ChannelState.READY), True),
        (ChannelReport("c1", ChannelState.BUSY, "2"), True),
        (ChannelReport("c1", ChannelState.WRAPUP, "1"), False),
        (ChannelReport("c1", ChannelState.UNKNOWN), False),
        (ChannelReport("c2", ChannelState.READY), False),
    ],
)
def test_a_call_that_ce_does_not_hold_needs_no_gone(report: ChannelReport, over: bool) -> None:
    """A Gone goes on until CE has confirmed it or reports that the call is not there."""
    outbox = outbox_of()
    refused_gone(outbox, "1")
    outbox.reported([report])
    assert told(outbox) == (["g:1 discarded"] if over else [])
    assert bool(outbox.refused) is not over


def test_pending_signals_may_change_what_ce_holds() -> None:
    """As long as something of the channel is pending, its report ends nothing."""
    outbox = outbox_of()
    refused_gone(outbox, "1")
    outbox.accepted(new_call("1"))
    outbox.reported([ChannelReport("c1", ChannelState.READY)])
    assert list(outbox.refused) == ["g:1"]


# By hand.


def test_retry_of_a_refused_signal() -> None:
    """It goes where it was, before those that came after it, but not before one that is out, or its own NewCall."""
    outbox = outbox_of()
    entry = refused_gone(outbox, "1")
    entry.accepted_at = 1.5
    for number, call in enumerate("123", 1):
        outbox.accepted(Entry(new_call(call).signal, float(number)))
    out = taken(outbox, 0.0)
    assert outbox.returned(entry)
    assert entry.fate is Fate.PENDING
    assert pending(outbox) == ["n:1", "g:1", "n:2", "n:3"]
    outbox.unsent(out)
    assert outbox.returned(Entry(new_call("0").signal, 0.5))
    assert outbox.returned(Entry(gone("2").signal, 2.5))
    assert pending(outbox) == ["n:0", "n:1", "g:1", "n:2", "g:2", "n:3"]
    assert outbox.returned(Entry(gone("9").signal, 3.0))
    assert pending(outbox)[-2:] == ["g:9", "n:3"]


def test_retry_of_a_new_call_whose_gone_is_pending() -> None:
    """It never goes after its own Gone, unless that is out already."""
    outbox = outbox_of(gone("1"), new_call("2"))
    out = taken(outbox, 0.0)
    assert outbox.returned(Entry(new_call("1").signal, 5.0))
    assert pending(outbox) == ["g:1", "n:2", "n:1"]
    outbox = outbox_of(gone("1"), new_call("2"))
    assert outbox.returned(Entry(new_call("1").signal, 5.0))
    assert pending(outbox) == ["n:1", "g:1", "n:2"]
    assert out.signal_id == "g:1"


def test_discard() -> None:
    """A pending or refused signal may be dropped, one that is out just now may not."""
    outbox = outbox_of()
    refused_gone(outbox, "0")
    outbox.accepted(new_call("1"))
    outbox.accepted(gone("1"))
    taken(outbox, 0.0)
    assert not outbox.discard("n:1", "c1")
    assert not outbox.discard("n:9", "c1")
    assert not outbox.discard("n:9", "c9")
    assert outbox.discard("g:1", "c1")
    assert outbox.discard("g:0", "c1")
    assert told(outbox) == ["g:1 discarded"]
    assert pending(outbox) == ["n:1"]
    assert not outbox.refused


# Age.


def test_new_calls_expire_and_gones_do_not() -> None:
    """A NewCall that CE could not be told of in time expires, with nobody there; its Gone is still news."""
    outbox = outbox_of(new_call("1"), gone("1"), rules=Rules(new_call_max_age=100.0))
    outbox.expire(100.0)
    assert told(outbox) == []
    outbox.expire(100.1)
    assert told(outbox) == ["n:1 expired"]
    assert taken(outbox, 86400.0 * 365).signal_id == "g:1"


def test_an_old_gone_keeps_no_new_call_from_expiring() -> None:
    """However long a Gone has been waiting before it, on another channel."""
    outbox = outbox_of(gone("0", "c2"), new_call("1"), rules=Rules(new_call_max_age=100.0))
    outbox.expire(100.1)
    assert told(outbox) == ["n:1 expired", "c1 empty"]


def test_too_old_when_its_turn_comes() -> None:
    """Nobody has looked meanwhile: it expires instead of being sent."""
    outbox = outbox_of(new_call("1"), new_call("2"), gone("2"), rules=Rules(new_call_max_age=100.0))
    assert taken(outbox, 200.0).signal_id == "g:2"
    assert told(outbox) == ["n:1 expired", "n:2 expired"]


def test_one_that_is_out_has_its_chance() -> None:
    """A NewCall whose reply is waited for does not expire before that has come, and keeps no other from expiring."""
    outbox = outbox_of(new_call("1"), new_call("2", "c2"), rules=Rules(new_call_max_age=100.0))
    out = taken(outbox, 0.0)
    outbox.expire(200.0)
    assert told(outbox) == ["n:2 expired", "c2 empty"]
    outbox.replied(out, CONFIRMED, 200.0)
    assert told(outbox) == ["n:1 confirmed", "c1 empty"]


def test_an_expired_one_that_is_wanted_again_does_not_expire_again() -> None:
    """Whoever wants it again knows its age."""
    outbox = outbox_of(new_call("1"), rules=Rules(new_call_max_age=100.0))
    (entry,) = outbox.pending("c1")
    outbox.expire(200.0)
    assert outbox.returned(entry)
    outbox.expire(300.0)
    assert taken(outbox, 300.0).signal_id == "n:1"


def test_nothing_is_remembered_of_what_is_decided() -> None:
    """A signal that stays for hours does not keep the memory of all that came after it."""
    outbox = outbox_of(new_call("stays", "c0"))
    outbox.lost(taken(outbox, 0.0), "no reply", 0.0)
    for number in range(1000):
        outbox.accepted(new_call(str(number)))
        taken_and_confirmed(outbox)
    assert len(outbox._new_calls) == 1


# Calls that ended before CE heard of them.


def test_gone_only() -> None:
    """With ``ended_call = "gone-only"`` the NewCall of a call that has ended is not sent any more, if it never was."""
    rules = Rules(gone_only=True)
    outbox = outbox_of(new_call("1"), new_call("2"), gone("1"), rules=rules)
    assert told(outbox) == ["n:1 discarded"]
    assert pending(outbox) == ["n:2", "g:1"]
    outbox = outbox_of(new_call("3"), rules=rules)
    outbox.lost(taken(outbox, 0.0), "no reply", 0.0)
    outbox.accepted(gone("3"))
    assert pending(outbox) == ["n:3", "g:3"]
    outbox = outbox_of(new_call("4"), gone("4"), rules=rules)
    assert told(outbox) == ["n:4 discarded"]
    assert pending(outbox) == ["g:4"]


def test_both_are_sent_otherwise() -> None:
    """Old news is still news: a call that lived and died while CE was away is reported, both ends of it."""
    assert pending(outbox_of(new_call("1"), gone("1"))) == ["n:1", "g:1"]


# Readiness by keeping back the Gone.


def test_withheld_gone() -> None:
    """A channel is taken out by keeping back the Gone of its last call; released, it goes."""
    outbox = outbox_of()
    outbox.withheld.add("c1")
    outbox.accepted(new_call("1"))
    outbox.accepted(gone("1"))
    assert taken_and_confirmed(outbox) == "n:1"
    assert outbox.take(0.0) is None
    outbox.release("c1")
    assert taken(outbox, 0.0).signal_id == "g:1"


def test_withheld_until_the_next_call() -> None:
    """If a call comes all the same, CE has to hear of it, and so of the end of the one before."""
    outbox = outbox_of()
    outbox.withheld.add("c1")
    outbox.accepted(gone("1"))
    assert outbox.take(0.0) is None
    outbox.accepted(new_call("2"))
    assert [taken_and_confirmed(outbox) for _ in range(2)] == ["g:1", "n:2"]


# What CE answers besides.


def test_the_state_that_a_signal_answers() -> None:
    """It is passed on, and that of no other channel; after a NewCall it is that call which the channel holds."""
    outbox = outbox_of(new_call("1"), gone("1"), new_call("2"))
    busy = ChannelReport("c1", ChannelState.BUSY)
    outbox.replied(taken(outbox, 0.0), Reply(Meaning.CONFIRMED, reports=(busy, ChannelReport("c2", busy.state))), 0.0)
    outbox.replied(taken(outbox, 0.0), Reply(Meaning.CONFIRMED, reports=(busy,)), 0.0)
    outbox.replied(
        taken(outbox, 0.0), Reply(Meaning.CONFIRMED, reports=(ChannelReport("c1", ChannelState.READY),)), 0.0
    )
    assert told(outbox) == [
        "c1 is Busy 1",
        "n:1 confirmed",
        "c1 is Busy",
        "g:1 confirmed",
        "c1 is Ready",
        "n:2 confirmed",
        "c1 empty",
    ]
