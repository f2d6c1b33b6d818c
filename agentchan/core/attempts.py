"""When a host may be dialled again: free after a change, with backoff while nothing changes."""

from __future__ import annotations

from attrs import define, field, frozen

from agentchan.core.backoff import Backoff, Jitter
from agentchan.core.session_values import Step, Target

REMEMBERED = 16
"""Hosts whose attempts are remembered; a pair has two, and names come from outside."""


@frozen
class Failures:
    """Failed attempts in a row on a host that stayed in one generation."""

    generation: int | None
    count: int
    next_at: float


@define
class Attempts:
    """The memory of failed attempts, by host.

    The first try after the active host or its generation changed is free; a host that is what it was when it failed
    last has to wait, also if another one was tried in between.
    """

    backoff: Backoff
    jitter: Jitter
    _failures: dict[str | None, Failures] = field(factory=dict)
    _timeouts: dict[Step, int] = field(factory=dict)

    def next_at(self, target: Target) -> float:
        """When the target may be dialled (monotonic seconds); in the past if now."""
        known = self._failures.get(target.host)
        if known is None or known.generation != target.generation:
            return float("-inf")
        return known.next_at

    def failed(self, target: Target, now: float, at_least: float = 0.0) -> None:
        """An attempt on the target failed; the next one is no sooner than ``at_least`` seconds from now."""
        known = self._failures.pop(target.host, None)
        if known is None or known.generation != target.generation:
            self._timeouts.clear()
            known = Failures(target.generation, 0, now)
        count = known.count + 1
        next_at = now + max(at_least, self.backoff.delay(count, self.jitter))
        self._failures[target.host] = Failures(target.generation, count, next_at)
        while len(self._failures) > REMEMBERED:
            del self._failures[next(iter(self._failures))]

    def lasted(self, target: Target) -> None:
        """A sign-on on the target has lasted: what failed before counts no more."""
        self._failures.pop(target.host, None)
        self._timeouts.clear()

    def timed_out(self, step: Step) -> None:
        """A step ran into its deadline."""
        self._timeouts[step] = self._timeouts.get(step, 0) + 1

    def timeouts(self, step: Step) -> int:
        """How often a step ran into its deadline since something changed."""
        return self._timeouts.get(step, 0)
