"""Endpoints that behave as a test says, by a clock that it moves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from agentchan.core.presence import Evidence
from agentchan.sip.outcome import Outcome
from agentchan.sip.prober import Question

GOOD = Outcome(Evidence.ANSWERS, "answered 200 OK", 200, 0.004)
REFUSED = Outcome(Evidence.FAILS, "refused the message")
BUSY = Outcome(Evidence.FAILS, "answered 503 Service Unavailable", 503, 0.004)
UNRESOLVED = Outcome(Evidence.NOTHING, "no name server answers")

LATENCY = 0.004
"""Seconds that every answer takes."""

OUTCOMES = {"+": GOOD, "-": REFUSED, "?": UNRESOLVED}


class Probed:
    """Stands for the prober.

    Attributes:
        behave: what a URI answers; None: nothing.
        begun: the probes that have begun: when, what, and whether somebody waited.
        ended: what probes have come to, in line.
        at_once: the most probes of one URI that ever were under way together.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.behave: Callable[[str], Outcome | None] = lambda _uri: GOOD
        self.begun: list[tuple[float, str, bool]] = []
        self.questions: list[Question] = []
        self.ended: list[Outcome] = []
        self.at_once = 0
        self._under_way: Counter[str] = Counter()

    def probe(self, question: Question, urgent: bool = False) -> Deferred[Outcome]:
        """One question."""
        uri = question.uri.text
        self.begun.append((self.clock.seconds(), uri, urgent))
        self.questions.append(question)
        self._under_way[uri] += 1
        self.at_once = max(self.at_once, self._under_way[uri])
        outcome: Deferred[Outcome] = Deferred(lambda _: self._over(uri, timer))
        answer = self.behave(uri)
        if answer is None:
            silent = Outcome(Evidence.FAILS, f"did not answer within {question.timeout:g} s")
            timer = self.clock.callLater(question.timeout, self._conclude, uri, outcome, silent)
        else:
            timer = self.clock.callLater(LATENCY, self._conclude, uri, outcome, answer)
        return outcome

    def times(self, uri: str) -> list[float]:
        """When probes of a URI have begun."""
        return [at for at, probed, _ in self.begun if probed == uri]

    def _conclude(self, uri: str, outcome: Deferred[Outcome], answer: Outcome) -> None:
        self._over(uri, None)
        self.ended.append(answer)
        outcome.callback(answer)

    def _over(self, uri: str, timer: object) -> None:
        self._under_way[uri] -= 1
        if timer is not None:
            timer.cancel()  # type: ignore[attr-defined]


def run(clock: Clock, seconds: float, step: float = 0.01) -> None:
    """Let time pass, in small steps as a reactor does."""
    until = clock.seconds() + seconds
    while clock.seconds() < until - 1e-9:
        clock.advance(min(step, until - clock.seconds()))
