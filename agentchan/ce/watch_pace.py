"""When and how one URL of the component link is asked: pure decisions, from what became of the questions before.

A question is plain, or held back by the host until something changes (contract, Component Service:
WatchServerStatus). Pauses are made after failures, after polls, and where a host answers too early: roles do not change
that often, and no host may keep us busy.
"""

from __future__ import annotations

from math import inf

from attrs import define, frozen

from agentchan.core.backoff import FLOOR, Backoff, Jitter, patient

PLAIN = "get_status"
HELD = "watch_status"

_MOST_PATIENCE = 4.0
"""A deadline that passed is doubled for the next question, up to so many times the configured one."""

_BURST = 10.0
"""So many questions may follow each other without a pause; in the long run one in ``FLOOR`` seconds at most."""

_HELD_IN_VAIN = 3
"""So many held questions in a row that failed, though the host answered plain ones between them, then it is polled."""

_POLLED_FOR = 60.0
"""Seconds that such a host is polled before a held question is tried again."""


@frozen
class LinkTimings:
    """Durations in seconds (configuration, ``[component_link]``)."""

    timeout: float
    watch_wait: float
    poll_interval: float


@frozen
class Question:
    """What to ask now.

    Attributes:
        duty: ``get_status`` or ``watch_status``.
        wait: seconds that the host may hold the question back.
        deadline: seconds in which the answer must come, the connection included.
    """

    duty: str
    wait: float
    deadline: float


@define
class WatchPace:
    """The pace of the questions to one URL.

    Args:
        duties: which of ``get_status`` and ``watch_status`` the profile maps; at least one.
    """

    duties: frozenset[str]
    jitter: Jitter
    _failures: int = 0
    _timeouts: int = 0
    _credit: float = _BURST
    _counted_at: float = inf
    _held_in_vain: int = 0
    _polled_until: float = -inf
    _freed_at: float = -inf

    def question(self, now: float, timings: LinkTimings, *, known: bool) -> Question:
        """What to ask next; ``known``: the question before was answered."""
        deadline = min(patient(timings.timeout, self._timeouts), timings.timeout * _MOST_PATIENCE)
        if HELD in self.duties and (known or PLAIN not in self.duties) and now >= self._polled_until:
            wait = timings.watch_wait if known else 0.0
            return Question(HELD, wait, deadline + wait)
        return Question(PLAIN, 0.0, deadline)

    def answered(self, question: Question, now: float, took: float, timings: LinkTimings, *, changed: bool) -> float:
        """A question was answered after so many seconds; returns the pause before the next one.

        ``changed``: the answer says something else than the one before.
        """
        self._timeouts = 0
        if HELD in self.duties and question.duty == PLAIN and now >= self._polled_until:
            return self._paced(0.0, now)  # what was wrong before is over when a held question is answered, too
        self._failures = 0
        if question.duty == PLAIN:
            return self._paced(timings.poll_interval - took, now)
        self._held_in_vain = 0
        holds_back = changed or took >= timings.watch_wait / 2
        return self._paced(0.0 if holds_back else timings.poll_interval, now)

    def failed(self, question: Question, now: float, timings: LinkTimings, *, known: bool, overdue: bool) -> float:
        """A question failed; returns the pause before the next one.

        None at all after a first failure, which may have been an idle connection's end; else with backoff. ``known``:
        the question before was answered; ``overdue``: this one failed by its deadline.
        """
        if overdue:
            self._timeouts += 1
        if question.wait:
            self._held_in_vain += 1
            if self._held_in_vain >= _HELD_IN_VAIN and PLAIN in self.duties:
                self._polled_until = now + _POLLED_FOR
        if known and now - self._freed_at >= timings.poll_interval:
            self._freed_at = now
            return self._paced(0.0, now)
        self._failures += 1
        return self._paced(Backoff(FLOOR, max(FLOOR, timings.poll_interval)).delay(self._failures, self.jitter), now)

    def _paced(self, pause: float, now: float) -> float:
        """No less of a pause than the questions that were asked lately allow."""
        earned = max(0.0, now - self._counted_at) / FLOOR
        self._credit, self._counted_at = min(_BURST, self._credit + earned) - 1.0, now
        return max(pause, 0.0 if self._credit >= 0.0 else FLOOR)
