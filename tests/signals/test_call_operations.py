"""Signals and calls as an operator and the IVR see them and act on them (interfaces.md 3 and 4)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from agentchan.api.requests import (
    CallsQuery,
    FreeRequest,
    GoneRequest,
    HeldCall,
    NewCallRequest,
    PutCallsRequest,
    SignalRequest,
    SignalsQuery,
)
from agentchan.core.outbox_values import Rules
from agentchan.vocabulary import ChannelState, Fate
from tests.signals.house import BACKOFF, House, refusal, result
from tests.signals.operators import Operations, operations, rows, value

Make = Callable[..., House]
MASKED = "[log]\nmask_numbers = true\n"
GUARD = Rules(backoff=BACKOFF, retry_guard=10.0)
AT = datetime(2026, 11, 24, 11, 0, tzinfo=UTC)


@pytest.fixture
def desk(house: House) -> Operations:
    """The operations of a house."""
    return operations(house)


def why(signal_id: str) -> SignalRequest:
    """A request about a signal."""
    return SignalRequest(signal_id, "because", "operator")


# From the IVR.


def test_answers(house: House, desk: Operations) -> None:
    """The id, the fate, and whether it was said before."""
    first = value(desk.new_call(NewCallRequest("c1", "1", "ivr", signal_id="n1")))
    assert first == {"signal_id": "n1", "fate": "pending", "repeated": False}
    house.confirm()
    again = value(desk.new_call(NewCallRequest("c1", "1", "ivr", wait=5.0)))
    assert again == {"signal_id": "n1", "fate": "confirmed", "repeated": True}
    gone = value(desk.gone(GoneRequest("c1", "ivr", signal_id="g1")))
    assert gone == {"signal_id": "g1", "fate": "pending", "repeated": False}


def test_wait(house: House, desk: Operations) -> None:
    """As soon as CE has confirmed it, or when the time is up; who repeats may wait, too."""
    waiting = desk.new_call(NewCallRequest("c1", "1", "ivr", wait=2.0))
    again = desk.new_call(NewCallRequest("c1", "1", "ivr", wait=2.0))
    short_of_time = desk.new_call(NewCallRequest("c1", "1", "ivr", wait=1.0))
    house.clock.advance(1.5)
    assert value(short_of_time)["fate"] == "pending"
    assert isinstance(waiting, Deferred)
    assert not waiting.called
    house.confirm()
    assert (value(waiting)["fate"], value(again)["fate"]) == ("confirmed", "confirmed")
    refused = desk.gone(GoneRequest("c1", "ivr", wait=2.0))
    house.refuse()
    assert value(refused)["fate"] == "refused"


def test_put_calls(house: House, desk: Operations) -> None:
    """The IVR's own list."""
    house.new_call()
    answer = value(desk.put_calls(PutCallsRequest((HeldCall("c1", "other"),), "ivr")))
    assert [row["call_id"] for row in answer["gone"]] == ["1"]


# Looking.


def test_open_calls(house: House, desk: Operations) -> None:
    """The oldest first, with what CE knows of each."""
    house.new_call("c2", "2", caller="+493012345678", called="+494087654321", started_at=AT, signal_id="n2")
    house.confirm()
    house.clock.advance(60.0)
    house.new_call("c1", "1", signal_id="n1")
    first, second = rows(desk.calls(CallsQuery()))
    assert first == {
        "channel": "c2",
        "call_id": "2",
        "since": "2026-11-24T12:00:00.000Z",
        "started_at": "2026-11-24T11:00:00.000Z",
        "caller": "+493012345678",
        "called": "+494087654321",
        "known_to_ce": True,
        "reported": "unknown",
        "signal_id": "n2",
        "fate": "confirmed",
    }
    assert (second["call_id"], second["known_to_ce"], second["fate"]) == ("1", False, "pending")
    assert [row["call_id"] for row in rows(desk.calls(CallsQuery(older_than=30.0)))] == ["2"]


@pytest.mark.parametrize(
    ("state", "call_id", "known"),
    [
        (ChannelState.BUSY, "1", True),
        (ChannelState.WRAPUP, "1", True),
        (ChannelState.BUSY, None, True),
        (ChannelState.BUSY, "other", False),
        (ChannelState.NOT_READY, None, False),
        (ChannelState.UNKNOWN, None, True),
    ],
)
def test_what_ce_knows(house: House, desk: Operations, state: ChannelState, call_id: str | None, known: bool) -> None:
    """By its report of the channel; where there is none, by what it has confirmed."""
    house.new_call()
    house.confirm()
    house.channels["c1"].report(state, call_id, 0.0)
    (row,) = rows(desk.calls(CallsQuery()))
    assert row["known_to_ce"] is known


def test_a_call_on_a_channel_that_was_removed(make: Make) -> None:
    """It is shown all the same."""
    house = make()
    house.new_call()
    house = house.restarted(names=["c2"])
    (row,) = rows(operations(house).calls(CallsQuery()))
    assert (row["channel"], row["reported"]) == ("c1", "unknown")
    house.closed()


def signals(desk: Operations, **query: Any) -> list[dict[str, Any]]:
    """GET /v1/signals."""
    return rows(desk.signals(SignalsQuery(**query)))


def test_signals(make: Make) -> None:
    """The newest first, by fate, channel or alias, page by page; with the tries that the journal has not heard of."""
    house = make(aliases={"one": "c1"})
    desk = operations(house, '[ivr.aliases]\n"one" = "c1"\n')
    house.new_call(signal_id="n1")
    house.gone(signal_id="g1", outcome="done")
    house.new_call("c2", "2", signal_id="n2")
    house.lose(house.taken(), "reset by ce1")
    newest, gone, new_call = signals(desk)
    assert [row["signal_id"] for row in (newest, gone, new_call)] == ["n2", "g1", "n1"]
    assert new_call == {
        "signal_id": "n1",
        "kind": "new-call",
        "channel": "c1",
        "call_id": "1",
        "fate": "pending",
        "accepted_at": "2026-11-24T12:00:00.000Z",
        "settled_at": None,
        "attempts": 1,
        "last_error": "reset by ce1",
        "repair": False,
    }
    assert (gone["kind"], gone["attempts"]) == ("gone", 0)
    assert [row["signal_id"] for row in signals(desk, channel="one")] == ["g1", "n1"]
    assert [row["signal_id"] for row in signals(desk, before="g1")] == ["n1"]
    assert [row["signal_id"] for row in signals(desk, limit=1)] == ["n2"]
    assert signals(desk, fates=("refused",)) == []


def test_one_signal(house: House, desk: Operations) -> None:
    """Everything that is known of it, with its history and its place in the line."""
    house.new_call(signal_id="n1", caller="+493012345678", started_at=AT)
    house.gone(signal_id="g1", outcome="done")
    house.lose(house.taken(), "reset by ce1")
    house.delivering.writes.flush()
    row = value(desk.signal("g1"))
    assert (row["outcome"], row["place_in_line"], row["who"]) == ("done", 2, "ivr")
    row = value(desk.signal("n1"))
    assert (row["caller"], row["started_at"], row["place_in_line"]) == ("+493012345678", "2026-11-24T11:00:00.000Z", 1)
    assert [step["text"] for step in row["history"]] == [
        "accepted, caused by ivr",
        "tried 1 times in vain, at last: reset by ce1",
    ]
    house.clock.advance(1.0)
    house.confirm()
    house.refuse(message="no such call")
    house.delivering.writes.flush()
    assert value(desk.signal("n1"))["history"][-1]["text"] == "confirmed by ce1"
    assert value(desk.signal("g1"))["history"][-1]["text"] == "refused by ce1: no such call"
    assert refusal(lambda: value(desk.signal("nope"))) == ("unknown-signal", 404)


def test_numbers_are_masked(house: House) -> None:
    """Where the configuration says so, lists show no more than their last digits."""
    desk = operations(house, MASKED)
    house.new_call(signal_id="n1", caller="+493012345678", called="sip:4087654321@pbx")
    (row,) = rows(desk.calls(CallsQuery()))
    shown = value(desk.signal("n1"))
    for each in (row, shown):
        assert (each["caller"], each["called"]) == ("***78", "***21")
    house.new_call("c2", "2")
    assert rows(desk.calls(CallsQuery()))[1]["caller"] is None


def test_the_journal_fails(house: House, desk: Operations) -> None:
    """What only the journal knows cannot be shown: 503."""
    house.new_call(signal_id="n1")
    house.journal.fail()
    for ask in (
        lambda: signals(desk),
        lambda: value(desk.signal("n1")),
        lambda: value(desk.retry(why("n1"))),
        lambda: value(desk.discard(why("n1"))),
    ):
        assert refusal(ask) == ("journal-unavailable", 503)
    assert len(rows(desk.calls(CallsQuery()))) == 1
    house.journal.heal()


# Acting.


@pytest.mark.parametrize("kind", ["refused Gone", "refused NewCall", "expired NewCall"])
@pytest.mark.parametrize("restart", [True, False])
def test_retry(make: Make, kind: str, restart: bool) -> None:
    """It is pending again, on disk too, goes where it was, and is told to who follows the events."""
    rules = Rules(backoff=BACKOFF, new_call_max_age=60.0)
    house = make(rules=rules)
    house.new_call(signal_id="s")
    if kind == "expired NewCall":
        house.clock.advance(61.0)
        house.outbox.expire(house.clock.seconds())
        house.delivering.progress()
    elif kind == "refused NewCall":
        house.refuse()
    else:
        house.confirm()
        house.gone(signal_id="g")
        house.refuse()
    signal_id = "g" if kind == "refused Gone" else "s"
    assert house.fate(signal_id) in (Fate.REFUSED, Fate.EXPIRED)
    house.clock.advance(1.0)
    house.new_call(call_id="later")
    if restart:
        house = house.restarted(rules=rules, load=False)
        result(house.delivering.load(house.remembered.last_position))
    row = value(operations(house).retry(why(signal_id)))
    assert (row["signal_id"], row["fate"], row["settled_at"]) == (signal_id, "pending", None)
    assert house.fate(signal_id) is Fate.PENDING
    assert house.outbox.pending("c1")[0].id == signal_id
    house.clock.advance(1000.0)
    house.outbox.expire(house.clock.seconds())
    assert house.outbox.pending("c1")[0].id == signal_id
    (event,) = house.events("signal-retried")
    assert (event["signal_id"], event["reason"], event["who"]) == (signal_id, "because", "operator")
    house.confirm()
    assert house.fate(signal_id) is Fate.CONFIRMED
    house.closed()


def test_what_is_not_retried(house: House, desk: Operations) -> None:
    """Only refused and expired signals are."""
    house.new_call(signal_id="n1")
    assert refusal(lambda: value(desk.retry(why("n1")))) == ("wrong-fate", 409)
    assert refusal(lambda: value(desk.discard(why("n1")))) == ("wrong-fate", 409)
    house.confirm()
    house.delivering.writes.flush()
    assert refusal(lambda: value(desk.retry(why("n1")))) == ("wrong-fate", 409)
    assert refusal(lambda: value(desk.retry(why("nope")))) == ("unknown-signal", 404)
    assert refusal(lambda: value(desk.discard(why("nope")))) == ("unknown-signal", 404)


def test_two_who_retry_at_once(house: House, desk: Operations) -> None:
    """It goes once."""
    house.gone(signal_id="g1")
    house.refuse()
    house.delivering.writes.flush()
    house.journal.waits = True
    both: list[Any] = [desk.retry(why("g1")), desk.retry(why("g1"))]
    while any(not each.called for each in both):
        house.journal.work()
    house.journal.waits = False
    assert value(both[0])["fate"] == "pending"
    assert refusal(lambda: value(both[1])) == ("wrong-fate", 409)
    assert len(house.outbox.pending("c1")) == 1


def test_unsafe(make: Make) -> None:
    """Where CE knows no SignalIds a Gone that could end a later call is not sent again; on disk it stays refused."""
    house = make(rules=GUARD)
    desk = operations(house)
    house.gone(signal_id="g1")
    house.refuse(message="no such call")
    house.new_call(call_id="2")
    house.delivering.writes.flush()
    assert refusal(lambda: value(desk.retry(why("g1")))) == ("unsafe", 409)
    assert house.fate("g1") is Fate.REFUSED
    kept = result(house.journal.signal("g1"))
    assert kept is not None
    assert kept.last_error == "no such call"
    assert house.pending() == ["NewCall 2"]
    value(desk.discard(why("g1")))
    assert house.fate("g1") is Fate.DISCARDED


def test_a_retry_that_cannot_be_written_down(house: House, desk: Operations) -> None:
    """Nothing is done: memory and disk agree that it is refused."""
    house.gone(signal_id="g1")
    house.refuse()
    house.delivering.writes.flush()
    house.journal.waits = True
    retrying = desk.retry(why("g1"))
    house.journal.work()
    house.journal.fail()
    house.journal.work()
    assert refusal(lambda: value(retrying)) == ("journal-unavailable", 503)
    house.journal.heal()
    house.journal.waits = False
    assert (house.pending(), house.fate("g1")) == ([], Fate.REFUSED)
    assert "g1" in house.outbox.refused


def test_retry_while_the_signals_of_earlier_runs_are_read(house: House) -> None:
    """Its place in the line is not known yet: a moment later."""
    house.gone(signal_id="g1")
    house.refuse()
    house = house.restarted(load=False)
    assert refusal(lambda: value(operations(house).retry(why("g1")))) == ("loading", 503)
    house.closed()


def test_discard(house: House, desk: Operations) -> None:
    """It is given up: not tried at the next sign-on, nor after a restart."""
    house.gone(signal_id="g1")
    house.refuse()
    house.delivering.writes.flush()
    row = value(desk.discard(why("g1")))
    assert (row["fate"], row["last_error"]) == ("discarded", "discarded by operator: because")
    assert house.fate("g1") is Fate.DISCARDED
    assert house.events("signal-discarded")[0]["reason"] == "because"
    house.signed_on()
    assert house.pending() == []
    assert house.gone().fate is Fate.DISCARDED
    house = house.restarted()
    house.signed_on()
    assert house.pending() == []
    house.closed()


def test_free(house: House, desk: Operations) -> None:
    """A stuck channel."""
    house.report("c1", ChannelState.BUSY, "stranger")
    answer = value(desk.free(FreeRequest("c1", "because", "operator")))
    assert (answer["channel"], answer["call_id"]) == ("c1", "stranger")
    assert answer["signal_id"] == house.outbox.pending("c1")[0].id
    (event,) = house.events("channel-free-asked")
    assert (event["reason"], event["who"]) == ("because", "operator")
    assert refusal(lambda: value(desk.free(FreeRequest("c9", "because", "operator")))) == ("unknown-channel", 404)
