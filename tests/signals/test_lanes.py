"""The lanes: connections that carry call signals, each one at a time, several side by side."""

from __future__ import annotations

from typing import Any

import pytest
from structlog.testing import capture_logs
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from agentchan.ce.dialer import DialFailed
from agentchan.ce.errors import CannotEncode, ExchangeFailed
from agentchan.ce.http_post import HttpAnswer
from agentchan.ce.lanes import Lanes, LaneTimings
from agentchan.ce.service_url import ServiceUrl
from agentchan.core.backoff import Backoff
from agentchan.core.outbox import Outbox
from agentchan.core.outbox_values import Rules
from agentchan.vocabulary import CallSignal, Meaning, Reply
from tests.core.signals import gone, new_call, told

TIMINGS = LaneTimings(connect=1.0, reply=2.0, backoff=Backoff(1.0, 8.0))
CE1, CE2 = "http://ce1:1/", "http://ce2:1/"


class Wire:
    """One connection, played by the test."""

    def __init__(self, url: str) -> None:
        self.url = ServiceUrl.parse(url)
        self.aborted: str | None = None
        self.closing = False
        self.asked: list[Any] = []
        self._exchange: Deferred[HttpAnswer] | None = None

    @property
    def idle(self) -> bool:
        """As :class:`agentchan.ce.connection.Connection`, which also says the rest."""
        return self._exchange is None and not self.closing and self.aborted is None

    def exchange(self, message: Any) -> Deferred[HttpAnswer]:
        """A signal goes out."""
        assert self.idle
        self.asked.append(message)
        self._exchange = Deferred(self._cancelled)
        return self._exchange

    def _cancelled(self, exchange: Deferred[HttpAnswer]) -> None:
        self._exchange = None
        self.abort("exchange cancelled")
        exchange.errback(ExchangeFailed("exchange cancelled"))

    def abort(self, reason: str) -> None:
        """The end."""
        self.aborted = self.aborted or reason
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.errback(ExchangeFailed(reason))

    def answer(self, meaning: Meaning = Meaning.CONFIRMED) -> None:
        """CE answers."""
        exchange, self._exchange = self._exchange, None
        assert exchange is not None
        exchange.callback(HttpAnswer(200, "text/xml", meaning.value.encode()))

    def fail(self, reason: str = "reset by ce1") -> None:
        """The connection breaks."""
        self.closing = True
        exchange, self._exchange = self._exchange, None
        assert exchange is not None
        exchange.errback(ExchangeFailed(reason))


class Dialler:
    """Makes wires at once, or when the test says so."""

    def __init__(self) -> None:
        self.wires: list[Wire] = []
        self.attempts: list[tuple[str, Deferred[Any]]] = []
        self.at_once = True
        self.cancelled = 0

    def dial(self, url: str, **_: Any) -> Deferred[Any]:
        """An attempt."""
        attempt: Deferred[Any] = Deferred(self._cancel)
        self.attempts.append((url, attempt))
        if self.at_once:
            self.succeed()
        return attempt

    def _cancel(self, attempt: Deferred[Any]) -> None:
        self.cancelled += 1
        self.attempts = [each for each in self.attempts if each[1] is not attempt]
        attempt.errback(DialFailed("connect", "cancelled"))

    def succeed(self) -> Wire:
        """The oldest attempt succeeds."""
        url, attempt = self.attempts.pop(0)
        wire = Wire(url)
        self.wires.append(wire)
        attempt.callback(wire)
        return wire

    def refuse(self) -> None:
        """Every attempt that is under way fails."""
        attempts, self.attempts = self.attempts, []
        for _, attempt in attempts:
            attempt.errback(DialFailed("connect", "ce1:1 refuses connections"))


class PlainCodec:
    """A message is the signal itself; an answer names its meaning."""

    def encode(self, request: Any, url: str) -> Any:
        """As :class:`agentchan.ce.soap.Codec`."""
        if request.call_id == "cannot":
            raise CannotEncode("this profile cannot say it")
        if request.call_id == "broken":
            raise ZeroDivisionError
        return (request.signal_id, url)

    def decode(self, _request: Any, _status: int, _type: str | None, body: bytes) -> Reply:
        """As :class:`agentchan.ce.soap.Codec`."""
        if body == b"retry":
            raise ExchangeFailed("answered with HTTP status 503")
        return Reply(Meaning(body.decode()), active_server="ce2")


class Road:
    """Lanes with all around them."""

    def __init__(self, count: int = 2, rules: Rules | None = None) -> None:
        self.clock = Clock()
        self.dialler = Dialler()
        self.outbox = Outbox(rules or Rules(backoff=Backoff(1.0, 8.0)), lambda _low, high: high)
        self.out: list[str] = []
        self.lanes = Lanes(
            self.clock,
            self.dialler,  # type: ignore[arg-type]  # stands in
            PlainCodec(),
            self.outbox,
            count=count,
            timings=TIMINGS,
            jitter=lambda _low, high: high,
            on_sent=lambda signal: self.out.append(signal.signal_id),
            on_landed=self._landed,
            on_progress=self._progress,
        )
        self.decided: list[str] = []

    def _landed(self, signal: CallSignal) -> None:
        self.out.remove(signal.signal_id)

    def _progress(self) -> None:
        self.decided += told(self.outbox)

    @property
    def wires(self) -> list[Wire]:
        """The connections that live."""
        return [wire for wire in self.dialler.wires if wire.aborted is None and not wire.closing]

    def accept(self, *calls: str) -> None:
        """A NewCall for each; every call is on a channel of its own."""
        for call in calls:
            self.outbox.accepted(new_call(call, f"channel-{call}"))
        self.lanes.advance()


@pytest.fixture
def road() -> Road:
    """Two lanes that lead nowhere yet."""
    return Road()


def test_nothing_goes_out_without_a_host(road: Road) -> None:
    """Signals wait until somebody says where they go; no connection is made before."""
    road.accept("1")
    assert (road.lanes.url, road.dialler.wires) == (None, [])
    road.lanes.serve(CE1)
    assert (road.lanes.url, road.out) == (CE1, ["n:1"])


def test_side_by_side(road: Road) -> None:
    """As many signals at once as there are lanes; each connection carries one at a time, and is used again."""
    road.lanes.serve(CE1)
    road.accept("1", "2", "3")
    assert road.out == ["n:1", "n:2"]
    first, _ = road.wires
    first.answer()
    assert road.out == ["n:2", "n:3"]
    assert [message[0] for message in first.asked] == ["n:1", "n:3"]
    for wire in road.wires:
        wire.answer()
    assert (road.out, len(road.dialler.wires), len(road.outbox)) == ([], 2, 0)
    assert "n:1 confirmed" in road.decided


def test_one_channel_in_order(road: Road) -> None:
    """A channel has one signal out, however many lanes are free."""
    road.lanes.serve(CE1)
    for entry in (new_call("1"), gone("1"), new_call("2")):
        road.outbox.accepted(entry)
    road.lanes.advance()
    order = []
    while road.out:
        order += road.out
        next(wire for wire in road.wires if not wire.idle).answer()
    assert order == ["n:1", "g:1", "n:2"]


def test_a_connection_that_was_closed_meanwhile(road: Road) -> None:
    """The next signal gets another one, without a pause."""
    road.lanes.serve(CE1)
    road.accept("1")
    road.wires[0].answer()
    road.dialler.wires[0].closing = True
    road.accept("2")
    assert road.out == ["n:2"]
    assert len(road.dialler.wires) == 2


@pytest.mark.parametrize("how", ["reset", "503", "late"])
def test_a_lost_reply(road: Road, how: str) -> None:
    """Neither yes nor no: the connection goes, the signal waits and goes again with its id; others do not wait."""
    road.lanes.serve(CE1)
    road.accept("1", "2")
    wire = road.wires[0]
    if how == "reset":
        wire.fail()
    elif how == "503":
        wire.answer(Meaning.RETRY)
    else:
        road.clock.advance(2.0)
    assert "n:1 tried" in road.decided
    assert "n:1" not in road.out
    if how != "late":
        assert road.out == ["n:2"]
        road.wires[0].answer()
    road.clock.advance(1.0)
    assert "n:1" in road.out
    entry = next(entry for entry in road.outbox.pending("channel-1"))
    assert {"reset": "reset by ce1", "503": "503", "late": "no reply within 2 s"}[how] in (entry.last_error or "")


def test_a_deadline_that_passed_is_doubled(road: Road) -> None:
    """For the next try, and once for all that ran into it together; an answer brings the first one back."""
    road.lanes.serve(CE1)
    road.accept("1", "2")
    road.clock.advance(2.0)
    assert road.out == []
    road.clock.advance(1.0)
    assert road.out == ["n:1", "n:2"]
    road.clock.advance(3.9)
    assert len(road.out) == 2
    road.clock.advance(0.1)
    assert road.out == []
    road.clock.advance(2.0)
    road.wires[0].answer()
    road.clock.advance(7.9)
    assert road.out == ["n:2"]
    road.wires[-1].answer()
    road.accept("3")
    road.clock.advance(2.0)
    assert road.out == []


def test_a_reply_that_came_while_we_slept(road: Road) -> None:
    """The machine slept past the deadline: a reply that was there by then is read before it counts as missing (F16)."""
    road.lanes.serve(CE1)
    road.accept("1")
    road.clock.advance(60.0)
    (wire,) = road.wires
    assert wire.aborted is None
    wire.answer()
    assert road.out == []
    assert wire.aborted is None


def test_a_host_that_refuses_connections(road: Road) -> None:
    """The pauses between attempts grow, counted once for all lanes; no signal counts as tried."""
    road.dialler.at_once = False
    road.lanes.serve(CE1)
    road.accept("1", "2", "3")
    pauses = []
    for _ in range(5):
        assert len(road.dialler.attempts) == 2
        road.dialler.refuse()
        assert road.dialler.attempts == []
        before = road.clock.seconds()
        while not road.dialler.attempts:
            road.clock.advance(0.5)
        pauses.append(road.clock.seconds() - before)
    assert pauses == [1.0, 2.0, 4.0, 8.0, 8.0]
    assert (road.decided, road.out) == ([], [])
    road.dialler.at_once = True
    road.dialler.succeed()
    road.dialler.refuse()
    assert len(road.out) == 1


def test_a_host_that_has_just_answered_others(road: Road) -> None:
    """A sign-on ends the pause before the next attempt."""
    road.dialler.at_once = False
    road.lanes.serve(CE1)
    road.accept("1")
    road.dialler.refuse()
    assert road.dialler.attempts == []
    road.lanes.begin_anew()
    assert len(road.dialler.attempts) == 1
    road.dialler.refuse()
    road.clock.advance(1.0)
    assert len(road.dialler.attempts) == 1


def test_another_host(road: Road) -> None:
    """What is out is given up, what is being dialled is not waited for, and all goes to the new host at once."""
    road.lanes.serve(CE1)
    road.accept("1")
    road.dialler.at_once = False
    road.accept("2")
    old = road.wires[0]
    road.lanes.serve(CE1)
    assert old.aborted is None
    road.lanes.serve(CE2)
    assert old.aborted is not None
    assert road.dialler.cancelled == 1
    assert {url for url, _ in road.dialler.attempts} == {CE2}
    road.dialler.succeed()
    road.dialler.succeed()
    assert sorted(road.out) == ["n:1", "n:2"]
    attempts = {entry.id: entry.attempts for call in ("1", "2") for entry in road.outbox.pending(f"channel-{call}")}
    assert attempts == {"n:1": 2, "n:2": 1}


def test_nobody_is_active(road: Road) -> None:
    """What is out is given up; without SignalIds its channel waits for the guard, also at the next host."""
    road = Road(rules=Rules(backoff=Backoff(1.0, 8.0), retry_guard=10.0))
    road.lanes.serve(CE1)
    road.accept("1")
    road.lanes.serve(None)
    assert (road.out, road.lanes.url) == ([], None)
    road.clock.advance(3.0)
    road.lanes.serve(CE2)
    assert road.out == []
    road.clock.advance(7.0)
    assert road.out == ["n:1"]


def test_a_host_that_is_not_active(road: Road) -> None:
    """It is told on, and the signal waits."""
    road.lanes.serve(CE1)
    road.accept("1")
    road.wires[0].answer(Meaning.NOT_ACTIVE)
    assert road.decided == ["n:1 tried", "denied, ce2 is active"]
    assert road.out == []


def test_what_a_profile_cannot_say(road: Road) -> None:
    """It is refused for good, without having been sent; the lane goes on."""
    road.lanes.serve(CE1)
    road.accept("cannot", "2", "3")
    assert road.decided == ["n:cannot refused", "channel-cannot empty"]
    assert road.out == ["n:3", "n:2"] or sorted(road.out) == ["n:2", "n:3"]


def test_a_fault_of_ours(road: Road) -> None:
    """It is logged loudly, and the signal is kept like one whose reply was lost."""
    road.lanes.serve(CE1)
    with capture_logs() as logs:
        road.accept("broken")
    assert ("lane-broken", "error") in [(entry["event"], entry["log_level"]) for entry in logs]
    assert road.outbox.pending("channel-broken")[0].last_error == "internal error: ZeroDivisionError()"
    road.lanes.serve(None)


def test_due_while_all_lanes_are_busy() -> None:
    """A signal whose time has come waits for a lane, and no timer turns in vain meanwhile."""
    road = Road(count=1)
    road.lanes.serve(CE1)
    road.accept("1")
    road.wires[0].fail()
    road.accept("2")
    assert road.out == ["n:2"]
    road.clock.advance(1.5)
    assert [call.getTime() for call in road.clock.getDelayedCalls()] == [2.0]
    road.wires[0].answer()
    assert road.out == ["n:1"]


# Reload.


def test_more_lanes_and_fewer(road: Road) -> None:
    """New ones are used at once; what is under way on one too many goes on, and is its last."""
    road.lanes.serve(CE1)
    road.accept("1", "2", "3")
    road.lanes.resize(3)
    assert road.out == ["n:1", "n:2", "n:3"]
    third = road.wires[2]
    road.lanes.resize(1)
    assert road.out == ["n:1", "n:2", "n:3"]
    third.answer()
    assert third.aborted == "fewer lanes are configured"
    road.accept("4")
    assert "n:4" not in road.out
    road.wires[1].fail()
    assert len(road.wires) == 1
    road.wires[0].answer()
    assert road.out == ["n:4"]
    road.wires[0].answer()
    road.lanes.resize(2)
    road.lanes.resize(1)
    assert len(road.wires) == 1


def test_an_idle_lane_too_many(road: Road) -> None:
    """Its connection is closed."""
    road.lanes.serve(CE1)
    road.accept("1", "2")
    for wire in road.wires:
        wire.answer()
    road.lanes.resize(1)
    assert [wire.aborted for wire in road.dialler.wires] == [None, "fewer lanes are configured"]


def test_new_certificates(road: Road) -> None:
    """Idle connections go at once; one that is in use carries no further signal."""
    road.lanes.serve(CE1)
    road.accept("1", "2")
    road.wires[1].answer()
    road.lanes.redial()
    assert [wire.aborted for wire in road.dialler.wires] == [None, "certificates were loaded anew"]
    road.dialler.wires[0].answer()
    assert road.dialler.wires[0].aborted == "certificates were loaded anew"
    road.accept("3")
    assert len(road.dialler.wires) == 3
    road.wires[0].answer()
    road.accept("4")
    assert len(road.dialler.wires) == 3


# The end.


def stopped(road: Road) -> list[bool]:
    """Whether the lanes have stopped, as of any time."""
    done: list[bool] = []
    road.lanes.stop().addCallback(lambda _: done.append(True))
    return done


def test_the_end_waits_for_replies(road: Road) -> None:
    """What is out may be answered, or is overdue; nothing else goes out."""
    road.lanes.serve(CE1)
    road.accept("1", "2", "3")
    done = stopped(road)
    road.wires[0].answer()
    assert (done, road.out) == ([], ["n:2"])
    road.clock.advance(2.0)
    assert (done, road.out) == ([True], [])
    assert not road.clock.getDelayedCalls()
    assert road.wires == []
    assert len(road.outbox) == 2
    road.lanes.advance()
    road.lanes.serve(CE2)
    assert road.out == []


def test_the_end_at_once(road: Road) -> None:
    """Said again, nothing is waited for."""
    road.lanes.serve(CE1)
    road.accept("1")
    first, second = stopped(road), stopped(road)
    assert (first, second) == ([True], [True])
    assert (road.out, road.wires, len(road.outbox)) == ([], [], 1)


def test_the_end_while_dialling(road: Road) -> None:
    """What was not sent is not waited for."""
    road.dialler.at_once = False
    road.lanes.serve(CE1)
    road.accept("1")
    assert stopped(road) == [True]
    assert (road.dialler.cancelled, len(road.outbox)) == (1, 1)


def test_the_end_of_the_host_ends_the_wait(road: Road) -> None:
    """A host that is given up meanwhile answers nothing any more."""
    road.lanes.serve(CE1)
    road.accept("1")
    done = stopped(road)
    road.lanes.serve(None)
    assert done == [True]


def test_the_end_while_nothing_is_out(road: Road) -> None:
    """Then it is at once, with no timer left."""
    road.lanes.serve(CE1)
    road.accept("1")
    road.wires[0].fail()
    assert stopped(road) == [True]
    assert not road.clock.getDelayedCalls()
