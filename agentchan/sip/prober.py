"""Probes SIP endpoints: one OPTIONS question to the servers of a URI, and one outcome within a deadline."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from functools import partial
from typing import Any

import structlog
from attrs import define, field, frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure

from agentchan.core.presence import Evidence
from agentchan.sip.errors import ExchangeFault
from agentchan.sip.flows import Flows
from agentchan.sip.location import Locator, Target
from agentchan.sip.message import Answer
from agentchan.sip.outcome import Outcome, judged, unanswered
from agentchan.sip.transaction import Transaction
from agentchan.sip.uri import SipUri

log = structlog.get_logger("agentchan.sip")

_MOST_AT_ONCE = 256
"""Probes under way, each with a socket: 2,000 silent endpoints at 5 s and 500 ms need 200. A process has 1,024 sockets
by default, and CE needs some."""

_T1_SHARE = 4.0
"""UDP's T1 is this share of the timeout: four messages go out before it has passed."""

_TRY_ANOTHER_SERVER = 503
"""RFC 3263, 4.3: after this answer the next server is asked."""


@frozen
class Question:
    """What is asked, and how long.

    Attributes:
        timeout: seconds for everything: names, connecting, TLS, and the answer.
        unavailable_codes: SIP status codes that mean that nobody is there.
    """

    uri: SipUri
    timeout: float
    unavailable_codes: Collection[int] = (408, 480, 503)


@define(eq=False)
class Prober:
    """Asks questions, a bounded number at a time."""

    reactor: Any
    locator: Locator
    flows: Flows
    most_at_once: int = _MOST_AT_ONCE
    _waiting: deque[tuple[Question, Deferred[Outcome]]] = field(factory=deque, init=False)
    _under_way: set[_Probe] = field(factory=set, init=False)

    def probe(self, question: Question, *, urgent: bool = False) -> Deferred[Outcome]:
        """Ask.

        Args:
            question: its time begins when its turn comes.
            urgent: whether somebody waits; it is the next one's turn then.

        Returns:
            The outcome; it never fails, but it may be cancelled.
        """
        outcome: Deferred[Outcome] = Deferred()
        if urgent:
            self._waiting.appendleft((question, outcome))
        else:
            self._waiting.append((question, outcome))
        self._next()
        return outcome

    def stop(self) -> None:
        """End all probes, without outcomes, and close all sockets."""
        self._waiting.clear()
        for probe in tuple(self._under_way):
            probe.end()
        self._under_way.clear()
        self.flows.close()

    def _next(self) -> None:
        while self._waiting and len(self._under_way) < self.most_at_once:
            question, outcome = self._waiting.popleft()
            if outcome.called:  # cancelled
                continue
            probe = _Probe(self.reactor, self.locator, self.flows, question)
            self._under_way.add(probe)
            probe.outcome.addCallback(partial(self._ended, probe, outcome))
            probe.begin()

    def _ended(self, probe: _Probe, waiting: Deferred[Outcome], outcome: Outcome) -> None:
        self._under_way.discard(probe)
        if not waiting.called:
            waiting.callback(outcome)
        self._next()


class _Probe:
    """One question: the servers in line, each a little after the one before, and at once when that one has failed.

    Attributes:
        outcome: fires once.
    """

    def __init__(self, reactor: Any, locator: Locator, flows: Flows, question: Question) -> None:
        self.outcome: Deferred[Outcome] = Deferred()
        self._reactor = reactor
        self._locator = locator
        self._flows = flows
        self._question = question
        self._locating: Deferred[tuple[Target, ...]] | None = None
        self._deadline: IDelayedCall | None = None
        self._stagger: IDelayedCall | None = None
        self._each = 0.0
        self._left: list[Target] = []
        self._asked: dict[Transaction, Target] = {}
        self._failures: list[Outcome] = []
        self._over = False

    def begin(self) -> None:
        """Find the servers."""
        self._deadline = self._reactor.callLater(self._question.timeout, self._timed_out)
        locating = self._locating = self._locator.locate(self._question.uri)
        locating.addCallbacks(self._located, self._not_located)
        locating.addErrback(self._broken)

    def end(self) -> None:
        """Let everything go."""
        self._over = True
        for timer in (self._deadline, self._stagger):
            if timer is not None and timer.active():
                timer.cancel()
        if self._locating is not None:
            self._locating.cancel()
        for transaction in tuple(self._asked):
            transaction.outcome.cancel()
        self._asked.clear()

    def _located(self, targets: tuple[Target, ...]) -> None:
        self._locating = None
        if self._over:
            return
        self._left = list(targets)
        self._each = self._question.timeout / len(targets)
        self._ask_next()

    def _not_located(self, failure: Failure) -> None:
        self._locating = None
        if failure.check(CancelledError):
            return
        failure.trap(ExchangeFault)
        self._conclude(unanswered(failure.value))  # type: ignore[arg-type]  # trapped above

    def _ask_next(self) -> None:
        """The next server, beside those that have not answered."""
        if self._stagger is not None and self._stagger.active():
            self._stagger.cancel()
        self._stagger = None
        if self._left:
            self._ask(self._left.pop(0))
        elif not self._asked:
            self._conclude(_weightiest(self._failures))
            return
        if self._left and not self._over and self._stagger is None:
            self._stagger = self._reactor.callLater(self._each, self._ask_next)

    def _ask(self, target: Target, *, again: bool = False) -> None:
        try:
            transaction, served = self._flows.begin(target, self._question.uri, self._question.timeout / _T1_SHARE)
        except ExchangeFault as fault:
            self._failures.append(unanswered(fault))
            self._ask_next()
            return
        self._asked[transaction] = target
        transaction.outcome.addCallbacks(
            partial(self._answered, transaction), partial(self._failed, transaction, served and not again)
        )
        transaction.outcome.addErrback(self._broken)

    def _answered(self, transaction: Transaction, answer: Answer) -> None:
        if self._asked.pop(transaction, None) is None:
            return
        latency = self._reactor.seconds() - (transaction.began or 0.0)
        outcome = judged(answer, latency, self._question.unavailable_codes)
        if answer.code == _TRY_ANOTHER_SERVER and outcome.evidence is Evidence.FAILS:
            self._failures.append(outcome)
            self._ask_next()
        else:
            self._conclude(outcome)

    def _failed(self, transaction: Transaction, kept_too_long: bool, failure: Failure) -> None:
        target = self._asked.pop(transaction, None)
        if target is None or failure.check(CancelledError):
            return
        failure.trap(ExchangeFault)
        if kept_too_long:  # the server has closed an idle connection, which is its right
            self._ask(target, again=True)
            return
        self._failures.append(unanswered(failure.value))  # type: ignore[arg-type]  # trapped above
        self._ask_next()

    def _timed_out(self) -> None:
        self._deadline = None
        within = f"within {self._question.timeout:g} s"
        if self._locating is not None:
            self._conclude(Outcome(Evidence.NOTHING, f"{self._question.uri.place} was not resolved {within}"))
            return
        for transaction, target in self._asked.items():
            if transaction.began is None:
                reason = f"{target.where} did not accept the connection {within}"
            else:
                reason = f"{target.where} did not answer {within}"
            if transaction.note is not None:
                reason += f" ({transaction.note})"
            self._failures.append(Outcome(Evidence.FAILS, reason))
        self._conclude(_weightiest(self._failures))

    def _broken(self, failure: Failure) -> None:
        """A bug of ours says nothing about the endpoint."""
        log.error("probe-broken", error=repr(failure.value), traceback=failure.getTraceback())
        self._conclude(Outcome(Evidence.NOTHING, "the probe failed by a fault of this program (see its log)"))

    def _conclude(self, outcome: Outcome) -> None:
        if self._over:
            return
        self.end()
        self.outcome.callback(outcome)


def _weightiest(failures: list[Outcome]) -> Outcome:
    """Of several servers' failures the one to tell: an answer, else the first that lies not with us."""

    def weight(outcome: Outcome) -> tuple[bool, bool]:
        return outcome.status_code is None, outcome.evidence is Evidence.NOTHING

    return min(failures, key=weight)
