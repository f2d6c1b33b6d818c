"""When a host may be dialled again: free after a change, with backoff while nothing changes."""

from __future__ import annotations

from attrs import define, field

from agentchan.core.backoff import FLOOR, Backoff, Jitter
from agentchan.core.session_values import Step, Target

REMEMBERED = 16
"""Hosts whose attempts are remembered; a pair has two, and names come from outside."""


@define
class Record:
    """What came of the attempts on a host since its generation rose last.

    Attributes:
        generation: the highest in which it was tried, None if none is known.
        failures: failed attempts in a row.
        next_at: when the next one may begin (monotonic seconds).
        timeouts: how often each step ran into its deadline, by the connector's place in line.
    """

    generation: int | None
    failures: int = 0
    next_at: float = float("-inf")
    timeouts: dict[tuple[int, Step], int] = field(factory=dict)


@define
class Attempts:
    """The memory of attempts, by host.

    The first try after the active host or its generation changed is free; a host that is what it was when it failed
    last has to wait, also if another one was tried in between. A generation only rises: one that falls, or is not
    known for a moment, is no change. A host that was slow says nothing about another one.
    """

    backoff: Backoff
    jitter: Jitter
    _records: dict[str | None, Record] = field(factory=dict)

    def next_at(self, target: Target) -> float:
        """When the target may be dialled (monotonic seconds); in the past if now."""
        record = self._known(target)
        return float("-inf") if record is None else record.next_at

    def began(self, target: Target, now: float) -> None:
        """An attempt on the target begins; given up at once, say since the target changed, it counts, too."""
        record = self._record(target)
        record.next_at = max(record.next_at, now + FLOOR)

    def failed(self, target: Target, now: float, at_least: float = 0.0) -> None:
        """An attempt on the target failed; the next one is no sooner than ``at_least`` seconds from now."""
        record = self._record(target)
        record.failures += 1
        record.next_at = now + max(at_least, self.backoff.delay(record.failures, self.jitter))

    def lasted(self, target: Target) -> None:
        """A sign-on on the target has lasted: what failed before counts no more."""
        self._records.pop(target.host, None)

    def timed_out(self, target: Target, place: int, step: Step) -> None:
        """A step ran into its deadline, with the connector at this place of the target's line."""
        timeouts = self._record(target).timeouts
        timeouts[place, step] = timeouts.get((place, step), 0) + 1

    def timeouts(self, target: Target, place: int, step: Step) -> int:
        """How often the step ran into its deadline since something changed."""
        record = self._known(target)
        return 0 if record is None else record.timeouts.get((place, step), 0)

    def _known(self, target: Target) -> Record | None:
        record = self._records.get(target.host)
        if record is None or target.generation is None:
            return record
        has_risen = record.generation is None or target.generation > record.generation
        return None if has_risen else record

    def _record(self, target: Target) -> Record:
        record = self._known(target) or Record(target.generation)
        self._records.pop(target.host, None)
        self._records[target.host] = record
        while len(self._records) > REMEMBERED:
            del self._records[next(iter(self._records))]
        return record
