"""What becomes of signals: fates on disk, told, waited for; channels kept back and let go (design, Signals)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from agentchan.core.channel import Wish
from agentchan.core.outbox_values import Rules
from agentchan.core.session_values import Note
from agentchan.vocabulary import ChannelReport, ChannelState, Fate, Gone, Meaning, NewCall, Reply
from tests.signals.house import BACKOFF, House, result

Make = Callable[..., House]
BUSY, READY, NOT_READY = ChannelState.BUSY, ChannelState.READY, ChannelState.NOT_READY


def test_fates_are_written_down_with_all_that_is_known(house: House) -> None:
    """Fate, tries, last error, and who confirmed or refused."""
    house.new_call(signal_id="n1")
    house.lose(house.taken(), "no reply within 2 s")
    house.delivering.writes.flush()
    tried = result(house.journal.signal("n1"))
    assert tried is not None
    assert (tried.fate, tried.attempts, tried.last_error, tried.tried_at) == (
        Fate.PENDING,
        1,
        "no reply within 2 s",
        house.now,
    )
    house.clock.advance(1.0)
    house.confirm()
    house.gone(signal_id="g1")
    house.refuse(message="no such call")
    house.delivering.writes.flush()
    confirmed, refused = result(house.journal.signal("n1")), result(house.journal.signal("g1"))
    assert confirmed is not None
    assert refused is not None
    assert (confirmed.fate, confirmed.attempts, confirmed.last_error, confirmed.host) == (
        Fate.CONFIRMED,
        2,
        None,
        "ce1",
    )
    assert (refused.fate, refused.attempts, refused.last_error, refused.host) == (
        Fate.REFUSED,
        1,
        "no such call",
        "ce1",
    )


def test_fates_are_told(house: House) -> None:
    """Everybody who follows the events hears of each fate, with how long it took; those that need a look, loudly."""
    house.new_call(signal_id="n1")
    house.clock.advance(2.5)
    house.answer(house.taken(), Reply(Meaning.DUPLICATE))
    house.gone(signal_id="g1")
    house.refuse(message="no such call")
    (confirmed,), (refused,) = house.events("signal-confirmed"), house.events("signal-refused")
    assert (confirmed["level"], confirmed["signal_id"], confirmed["waited_ms"]) == ("debug", "n1", 2500.0)
    assert (confirmed["kind"], confirmed["duplicate"], confirmed["error"]) == ("new-call", True, None)
    assert (refused["level"], refused["kind"], refused["error"]) == ("warning", "gone", "no such call")


def test_no_number_of_a_caller_is_told(house: House) -> None:
    """Events name calls and channels, never who called."""
    house.new_call(caller="+493012345678", called="+494087654321")
    house.new_call(call_id="2", caller="+493012345678")
    house.gone(call_id="2")
    house.confirm_all()
    assert "12345678" not in repr(house.told)
    assert "87654321" not in repr(house.told)


def test_fates_that_callers_wait_for(house: House) -> None:
    """They are told as soon as it is known."""
    accepted = house.new_call()
    waiting = house.delivering.awaited.of(accepted.signal_id, 2.0)
    house.confirm()
    assert result(waiting) is Fate.CONFIRMED


def test_memory_and_disk_agree_after_the_journal_has_failed(house: House) -> None:
    """What CE answered while the journal failed is written down when it works again."""
    house.new_call(signal_id="n1")
    house.gone(signal_id="g1")
    house.journal.fail()
    house.confirm(token="t1")
    house.clock.advance(5.0)
    house.journal.heal()
    house.clock.advance(5.0)
    assert house.journal.fates() == {"n1": Fate.CONFIRMED, "g1": Fate.PENDING}
    call = result(house.journal.call("c1", "1"))
    assert call is not None
    assert call.token == "t1"
    house.confirm_all()
    assert house.fate("g1") is Fate.CONFIRMED


# Between signals and readiness (invariant: CE hears of a call before it hears that its channel is ready).


def test_a_channel_is_kept_back_until_ce_knows_its_calls(house: House) -> None:
    """From the moment that a signal is on disk until nothing of the channel is pending."""
    house.signed_on()
    assert house.readiness() == {"c1": True, "c2": True, "c3": True}
    house.new_call()
    house.gone()
    assert house.readiness() == {"c2": True, "c3": True}
    house.confirm()
    assert "c1" not in house.readiness()
    settled = house.settled
    house.confirm()
    assert house.readiness()["c1"] is True
    assert house.settled == settled + 1


def test_what_ce_answers_of_the_channel(house: House) -> None:
    """The state in an answer is CE's newest word of the channel; after a NewCall it is that call which it holds."""
    house.signed_on()
    house.new_call()
    house.confirm(BUSY)
    assert (house.channels["c1"].reported, house.channels["c1"].call_id) == (BUSY, "1")
    house.gone()
    house.confirm(READY)
    assert (house.channels["c1"].reported, house.channels["c1"].call_id) == (READY, None)


def test_a_refused_new_call_keeps_nothing_back(house: House) -> None:
    """Neither its Gone nor the channel's readiness afterwards."""
    house.signed_on()
    house.new_call()
    house.refuse()
    assert house.readiness()["c1"] is True


def test_a_host_that_is_not_active(house: House) -> None:
    """It is told on, with whom it names, and the signal waits for another host."""
    house.new_call()
    house.answer(house.taken(), Reply(Meaning.NOT_ACTIVE, active_server="ce2"))
    assert house.denied == ["ce2"]
    assert house.pending() == ["NewCall 1"]
    house.delivering.serve("http://ce2", "ce2")
    assert house.confirm_all() == ["NewCall 1"]


def test_notes_are_told(house: House) -> None:
    """What the outbox notices people hear of."""
    house.outbox.actions.append(Note("odd", "something odd", alarm=True))
    house.delivering.progress()
    assert house.events("odd") == [{"level": "warning", "text": "something odd"}]


# Expiry.


@pytest.mark.parametrize("served", [True, False])
def test_a_new_call_expires_loudly_and_a_gone_never(make: Make, served: bool) -> None:
    """Also while no host is active; the Gone of an expired NewCall goes on."""
    house = make(rules=Rules(backoff=BACKOFF, new_call_max_age=60.0))
    if not served:
        house.delivering.serve(None, None)
    house.new_call(signal_id="n1")
    house.gone(signal_id="g1")
    house.clock.advance(61.0)
    house.outbox.expire(house.clock.seconds())
    house.delivering.progress()
    assert house.events("signal-expired")[0]["level"] == "warning"
    assert (house.fate("n1"), house.fate("g1")) == (Fate.EXPIRED, Fate.PENDING)
    house.clock.advance(10_000_000.0)
    house.outbox.expire(house.clock.seconds())
    assert house.confirm_all() == ["Gone 1"]


def test_a_jump_of_the_clock_expires_nothing(make: Make) -> None:
    """Age is counted by the monotonic clock, over a restart too."""
    rules = Rules(backoff=BACKOFF, new_call_max_age=60.0)
    house = make(rules=rules)
    house.new_call()
    house.clock.advance(10.0)
    house.wall_jump = 1e6
    house.outbox.expire(house.clock.seconds())
    house = house.restarted(rules=rules)
    house.wall_jump = 1e6
    house.outbox.expire(house.clock.seconds())
    assert house.pending() == ["NewCall 1"]
    house.clock.advance(51.0)
    house.outbox.expire(house.clock.seconds())
    house.delivering.progress()
    assert house.pending() == []
    house.closed()


def test_gone_only(make: Make) -> None:
    """A call that ended before CE heard of it: its Gone alone is sent, and its NewCall counts as discarded."""
    house = make(rules=Rules(backoff=BACKOFF, gone_only=True))
    house.new_call(signal_id="n1")
    house.gone()
    assert house.confirm_all() == ["Gone 1"]
    assert house.fate("n1") is Fate.DISCARDED
    house.new_call("c2", "2")
    house.confirm()
    house.gone("c2", "2")
    assert house.confirm_all() == ["Gone 2"]


# Refused Gones.


def test_a_refused_gone_is_tried_again_at_each_sign_on(house: House) -> None:
    """Until it is confirmed; the channel's other signals do not wait for it."""
    house.gone(signal_id="g1")
    house.refuse()
    house.new_call(call_id="2")
    assert house.confirm_all() == ["NewCall 2"]
    for _ in range(2):
        house.signed_on(ChannelReport("c1", BUSY, "2"))
        assert isinstance(house.refuse(), Gone)
    house.signed_on(ChannelReport("c1", BUSY, "2"))
    assert house.confirm_all() == ["Gone 1"]
    assert house.fate("g1") is Fate.CONFIRMED


def test_a_refused_gone_that_nobody_needs(house: House) -> None:
    """CE reports that it does not hold the call: the Gone is discarded, with the reason."""
    house.gone(signal_id="g1")
    house.refuse()
    house.report("c1", NOT_READY)
    assert house.fate("g1") is Fate.DISCARDED
    assert house.outbox.refused == {}
    kept = result(house.journal.signal("g1"))
    assert kept is not None
    assert kept.last_error == "CE reports that it does not hold the call"


# withhold-gone (profile.md, Rules).


def test_a_gone_is_kept_back_until_the_channel_is_wanted(house: House) -> None:
    """A channel is taken out by keeping back the Gone of its last call; what comes after it goes, and it first."""
    house.new_call()
    house.confirm()
    house.delivering.withhold(["c1", "c2"])
    house.gone()
    house.gone("c3", "3")
    assert house.confirm_all() == ["Gone 3"]
    assert (house.pending(), house.delivering.sendable, len(house.delivering)) == (["Gone 1"], 0, 1)
    house.delivering.withhold(["c2"])
    assert house.delivering.sendable == 1
    assert house.confirm_all() == ["Gone 1"]
    house.delivering.withhold(["c1"])
    house.new_call(call_id="2")
    house.gone(call_id="2")
    house.new_call(call_id="3")
    assert house.delivering.sendable == 3
    assert house.confirm_all() == ["NewCall 2", "Gone 2", "NewCall 3"]


def test_a_withheld_gone_outlives_restarts(house: House) -> None:
    """It is on disk, and kept back again as long as the channel is not wanted."""
    house.delivering.withhold(["c1"])
    house.gone()
    house = house.restarted(load=False)
    house.delivering.withhold(["c1"])
    house.load()
    house.signed_on()
    assert house.confirm_all() == []
    house.delivering.withhold([])
    assert house.confirm_all() == ["Gone 1"]
    house.closed()


# The failover's record, and the end.


def test_what_a_failover_held_up(house: House) -> None:
    """The outbox counts as drained when all that was pending at the sign-on is settled, not what came later."""
    house.gone("c1", "1")
    house.clock.advance(1.0)
    house.signed_on()
    house.clock.advance(1.0)
    house.gone("c2", "2")
    assert house.old_settled == 0
    house.confirm()
    assert (house.old_settled, house.pending("c2")) == (1, ["Gone 2"])
    house.confirm()
    house.signed_on()
    assert house.old_settled == 2


def test_a_sign_on_ends_all_pauses(house: House) -> None:
    """What was put off goes out when a host has answered."""
    house.gone()
    house.lose(house.taken())
    assert house.idle()
    house.signed_on()
    assert house.confirm_all() == ["Gone 1"]


def test_the_end(house: House) -> None:
    """Fates are handed over, and nothing more goes out."""
    house.new_call(signal_id="n1")
    house.confirm()
    assert house.journal.fates()["n1"] is Fate.PENDING
    result(house.delivering.stop())
    assert house.journal.fates()["n1"] is Fate.CONFIRMED
    assert house.lanes.stops == 1


def test_frontend_mode(make: Make) -> None:
    """Without lanes nothing is sent, and the end waits for nothing."""
    house = make(names=())
    house.delivering.lanes = None
    house.delivering.serve("http://ce1", "ce1")
    house.delivering.signed_on()
    house.delivering.advance()
    result(house.delivering.stop())


def test_a_channel_that_was_added_again(house: House) -> None:
    """A channel that a reload takes out and another brings back is still kept back while signals are pending."""
    house.signed_on()
    house.new_call()
    for names in (["c2"], ["c1", "c2"]):
        house.channels.listed(names, Wish(ready=True), house.clock.seconds())
    house.channels.extended([ChannelReport("c1", NOT_READY)], ("c1", "c2"), house.clock.seconds())
    assert "c1" not in house.readiness()
    assert isinstance(house.confirm(BUSY), NewCall)
    assert house.readiness()["c1"] is True
