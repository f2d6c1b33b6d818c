"""Whether something answers, by counting: up after ``rise`` good probes in a row, down after ``fall`` bad ones.

A probe that could not be made (no name server answered, this machine had no socket left) is evidence of nothing. It
neither counts nor interrupts a count; but ``fall`` of them in a row make the state unknown, since nobody knows it then.
"""

from __future__ import annotations

from enum import Enum

from attrs import evolve, frozen

from agentchan.core.backoff import Jitter

_OFTENER = 5.0
"""How many times oftener a state in doubt is probed."""

_LEAST_IN_DOUBT = 0.25
"""Seconds: doubt is no reason to probe faster than this, where ``interval`` is longer."""

_EVENNESS = 0.9
"""The least share of the interval between two probes: what was started together drifts apart."""


class Evidence(Enum):
    """What one probe showed."""

    ANSWERS = "answers"
    FAILS = "fails"
    NOTHING = "nothing"
    """It could not be made: for reasons that are not those of what is probed."""


@frozen
class Thresholds:
    """How many probes in a row it takes, each at least one."""

    fall: int
    rise: int


@frozen
class Presence:
    """What is known of something that is probed again and again.

    Attributes:
        available: None as long as nobody knows.
        since: when ``available`` became what it is, in seconds of the clock that the observations came with; None
            before the first one that settled it.
        answers: good probes since the last bad one.
        failures: bad probes since the last good one.
        nothings: probes since the last one that was good or bad.
    """

    available: bool | None = None
    since: float | None = None
    answers: int = 0
    failures: int = 0
    nothings: int = 0

    def observed(self, evidence: Evidence, now: float, thresholds: Thresholds) -> Presence:
        """What is known after one more probe, which ended ``now``."""
        if evidence is Evidence.ANSWERS:
            counted = evolve(self, answers=self.answers + 1, failures=0, nothings=0)
            return _settled(counted, True, now) if counted.answers >= thresholds.rise else counted
        if evidence is Evidence.FAILS:
            counted = evolve(self, answers=0, failures=self.failures + 1, nothings=0)
            return _settled(counted, False, now) if counted.failures >= thresholds.fall else counted
        counted = evolve(self, nothings=self.nothings + 1)
        if counted.nothings < thresholds.fall:
            return counted
        return _settled(evolve(counted, answers=0, failures=0), None, now)

    def in_doubt(self, thresholds: Thresholds) -> bool:
        """Whether the next probe may change something soon; the last one disagreed, or nothing is settled yet."""
        if 0 < self.nothings < thresholds.fall:
            return True
        if self.available is None:
            return self.nothings == 0
        return self.failures > 0 if self.available else self.answers > 0


def _settled(counted: Presence, available: bool | None, now: float) -> Presence:
    """The state, with the time of its beginning."""
    if available is counted.available and counted.since is not None:
        return counted
    return evolve(counted, available=available, since=now)


def pause(presence: Presence, thresholds: Thresholds, *, interval: float, took: float, jitter: Jitter) -> float:
    """Seconds from the end of a probe to the beginning of the next one.

    At most ``interval``, so that what falls silent is down within ``fall`` times (``interval`` + a probe's timeout).

    Args:
        presence: what is known after the probe.
        thresholds: those that it was counted by.
        interval: seconds from the beginning of a probe to that of the next one while nothing is in doubt.
        took: seconds that the probe lasted.
        jitter: a draw between two numbers.
    """
    spacing = interval
    if presence.in_doubt(thresholds):
        spacing = max(interval / _OFTENER, min(interval, _LEAST_IN_DOUBT))
    return max(0.0, jitter(_EVENNESS * spacing, spacing) - took)


def first_pause(count: int, *, interval: float, a_second: float, jitter: Jitter) -> float:
    """Seconds until the first probe of one of ``count`` things that begin to be watched together.

    Few are probed nearly at once; many are spread out, ``a_second`` of them each second, though never longer than the
    interval.
    """
    return jitter(0.0, min(interval, count / a_second))
