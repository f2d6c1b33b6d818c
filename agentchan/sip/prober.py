"""Probes SIP endpoints: one OPTIONS question to the servers of a URI, and one outcome within a deadline."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection
from functools import partial
from typing import Any

import structlog
from attrs import define, field, frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure

from agentchan.ce.deadline import Deadline
from agentchan.core.presence import Evidence
from agentchan.sip.errors import ExchangeFault
from agentchan.sip.flows import Flows
from agentchan.sip.location import Locator, Target
from agentchan.sip.message import Answer
from agentchan.sip.outcome import Outcome, judged, unanswered
from agentchan.sip.transaction import Transaction
from agentchan.sip.uri import SipUri

log = structlog.get_logger("agentchan.sip")

_BEGUN_IN_A_TURN = 16
"""Probes that begin in one turn of the reactor: some 3 ms of work."""

_T1_SHARE = 4.0
"""UDP's T1 is this share of the timeout: a request goes out three times before it has passed, at 0, T1 and 3 T1."""

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


_Queue = OrderedDict[Deferred[Outcome], Question]


@define(eq=False)
class Prober:
    """Asks questions, a bounded number at a time.

    Attributes:
        most_at_once: probes that may be under way; each may need a socket.
    """

    reactor: Any
    locator: Locator
    flows: Flows
    most_at_once: int
    _urgent: _Queue = field(factory=OrderedDict, init=False)
    _waiting: _Queue = field(factory=OrderedDict, init=False)
    _under_way: dict[Deferred[Outcome], _Probe] = field(factory=dict, init=False)
    _turn: IDelayedCall | None = field(default=None, init=False)

    def probe(self, question: Question, urgent: bool = False) -> Deferred[Outcome]:
        """Ask.

        Args:
            question: its time begins when its turn comes.
            urgent: whether somebody waits; its turn comes before those for whom nobody does.

        Returns:
            The outcome; it never fails, but it may be cancelled.
        """
        outcome: Deferred[Outcome] = Deferred(self._cancelled)
        (self._urgent if urgent else self._waiting)[outcome] = question
        self._soon()
        return outcome

    def stop(self) -> None:
        """End all probes, without outcomes, and close all sockets."""
        self._urgent.clear()
        self._waiting.clear()
        for probe in self._under_way.values():
            probe.end()
        self._under_way.clear()
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None
        self.flows.close()

    def _soon(self) -> None:
        """Begin what waits in a turn of the reactor of its own."""
        if self._turn is None and (self._urgent or self._waiting) and len(self._under_way) < self.most_at_once:
            self._turn = self.reactor.callLater(0, self._begin)

    def _begin(self) -> None:
        self._turn = None
        for _ in range(min(_BEGUN_IN_A_TURN, self.most_at_once - len(self._under_way))):
            queue = self._urgent or self._waiting
            if not queue:
                return
            outcome, question = queue.popitem(last=False)
            probe = _Probe(self.reactor, self.locator, self.flows, question, partial(self._ended, outcome))
            self._under_way[outcome] = probe
            probe.begin()
        self._soon()

    def _ended(self, outcome: Deferred[Outcome], came_to: Outcome) -> None:
        del self._under_way[outcome]
        self._soon()
        outcome.callback(came_to)

    def _cancelled(self, outcome: Deferred[Outcome]) -> None:
        self._urgent.pop(outcome, None)
        self._waiting.pop(outcome, None)
        probe = self._under_way.pop(outcome, None)
        if probe is not None:
            probe.end()
            self._soon()


class _Probe:
    """One question: the servers in line, each a little after the one before, and at once when that one has failed."""

    def __init__(
        self, reactor: Any, locator: Locator, flows: Flows, question: Question, on_end: Callable[[Outcome], None]
    ) -> None:
        self._on_end = on_end
        self._reactor = reactor
        self._locator = locator
        self._flows = flows
        self._question = question
        self._locating: Deferred[tuple[Target, ...]] | None = None
        self._deadline: Deadline | None = None
        self._stagger: IDelayedCall | None = None
        self._each = 0.0
        self._left: list[Target] = []
        self._asked: dict[Transaction, Target] = {}
        self._failures: list[Outcome] = []
        self._over = False

    def begin(self) -> None:
        """Find the servers."""
        self._deadline = Deadline(self._reactor, self._question.timeout, self._timed_out)
        locating = self._locating = self._locator.locate(self._question.uri)
        locating.addCallbacks(self._located, self._not_located)
        locating.addErrback(self._broken)

    def end(self) -> None:
        """Let everything go."""
        self._over = True
        if self._deadline is not None:
            self._deadline.cancel()
        if self._stagger is not None and self._stagger.active():
            self._stagger.cancel()
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
        self._on_end(outcome)


def _weightiest(failures: list[Outcome]) -> Outcome:
    """Of several servers' failures the one to tell: an answer, else the first that lies not with us."""

    def weight(outcome: Outcome) -> tuple[bool, bool]:
        return outcome.status_code is None, outcome.evidence is Evidence.NOTHING

    return min(failures, key=weight)
