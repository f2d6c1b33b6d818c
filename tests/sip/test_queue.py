"""How many probes are under way, and whose turn is next; by a clock that the test moves."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from agentchan.core.presence import Evidence
from agentchan.sip.errors import ExchangeFault
from agentchan.sip.location import Target
from agentchan.sip.outcome import Outcome
from agentchan.sip.prober import Prober, Question
from agentchan.sip.transaction import Transaction
from agentchan.sip.uri import SipUri
from tests.sip.samples import REQUEST

TIMEOUT = 0.5


class OneServer:
    """A locator for which everybody is at the same place."""

    def locate(self, _uri: SipUri) -> Deferred[tuple[Target, ...]]:
        """At once."""
        return succeed((Target("udp", "192.0.2.1", 5060),))


class SilentFlows:
    """Ways on which requests go out and nothing comes back; or, with a fault, no ways at all."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.asked: list[str] = []
        self.open: list[Transaction] = []
        self.fault: ExchangeFault | None = None

    def begin(self, _target: Target, uri: SipUri, _t1: float) -> tuple[Transaction, bool]:
        """A request goes out."""
        self.asked.append(uri.host)
        if self.fault is not None:
            raise self.fault
        transaction = Transaction(self.clock, None, self.open.remove)
        self.open.append(transaction)
        transaction.start(REQUEST, lambda _: None)
        return transaction, False

    def close(self) -> None:
        """All of them."""


class QueueTest(SynchronousTestCase):
    """Two at once, where nobody answers."""

    def setUp(self) -> None:
        """Nobody has asked."""
        self.clock = Clock()
        self.flows = SilentFlows(self.clock)
        locator: Any = OneServer()
        flows: Any = self.flows
        self.prober = Prober(self.clock, locator, flows, most_at_once=2)

    def ask(self, name: str, urgent: bool = False) -> Deferred[Outcome]:
        """A question; nothing happens before the clock moves."""
        return self.prober.probe(Question(SipUri.parse(f"sip:{name}"), TIMEOUT), urgent)

    def turns(self) -> None:
        """The reactor turns, and no time passes."""
        self.clock.advance(0.0)

    def test_bounded(self) -> None:
        """So many are under way at once; the others wait in line, those for whom somebody waits before the rest."""
        every = [self.ask(name) for name in ("a", "b", "c", "d")]
        self.turns()
        every += [self.ask("x", urgent=True), self.ask("y", urgent=True)]
        for _ in range(3):
            self.turns()
            self.clock.advance(TIMEOUT)
        assert self.flows.asked == ["a", "b", "x", "y", "c", "d"]
        assert {self.successResultOf(each).evidence for each in every} == {Evidence.FAILS}
        assert (self.flows.open, self.clock.getDelayedCalls()) == ([], [])

    def test_time_begins_with_the_turn(self) -> None:
        """Waiting in line does not shorten a probe."""
        for name in ("a", "b"):
            self.ask(name)
        waiting = self.ask("c")
        self.turns()
        self.clock.advance(TIMEOUT)
        self.turns()
        self.clock.advance(TIMEOUT * 0.9)
        self.assertNoResult(waiting)
        self.clock.advance(TIMEOUT * 0.1)
        assert self.successResultOf(waiting).reason == "udp 192.0.2.1:5060 did not answer within 0.5 s"

    def test_cancelled_in_line(self) -> None:
        """Who does not wait any more is passed over."""
        self.ask("a")
        self.ask("b")
        given_up, urgent = self.ask("c"), self.ask("d", urgent=True)
        self.turns()
        for each in (given_up, urgent):
            each.cancel()
            self.failureResultOf(each, CancelledError)
        self.clock.advance(TIMEOUT)
        assert self.flows.asked == ["d", "a", "b"]

    def test_cancelled_under_way(self) -> None:
        """A probe that nobody waits for is ended, and its place is free."""
        given_up = self.ask("a")
        self.ask("b")
        self.ask("c")
        self.turns()
        given_up.cancel()
        self.failureResultOf(given_up, CancelledError)
        self.turns()
        assert self.flows.asked == ["a", "b", "c"]
        assert len(self.flows.open) == 2

    def test_all_fail_at_once(self) -> None:
        """Of thousands that fail at once each gets its outcome."""
        self.flows.fault = ExchangeFault("no socket", ours=True)
        every = [self.ask(f"a{number}.example") for number in range(3000)]
        self.turns()
        assert {self.successResultOf(each).evidence for each in every} == {Evidence.NOTHING}

    def test_stopping(self) -> None:
        """Stopping leaves no timer, and no outcome."""
        every = [self.ask(name) for name in ("a", "b", "c")]
        self.turns()
        self.prober.stop()
        assert (self.flows.open, self.clock.getDelayedCalls()) == ([], [])
        for each in every:
            self.assertNoResult(each)
