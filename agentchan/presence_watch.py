"""Checks one thing again and again, and counts: the machinery of endpoint checks and of the IVR's own health."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog
from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure

from agentchan.core.backoff import Jitter
from agentchan.core.presence import Evidence, Presence, Thresholds, pause
from agentchan.sip.outcome import Outcome

log = structlog.get_logger("agentchan.presence")

Check = Callable[[bool], Deferred[Outcome]]
"""Makes one check; told whether somebody waits for its outcome."""


@define(eq=False)
class PresenceWatch:
    """The checks of one thing, never two at a time: one is due, or one is under way, or it has been stopped.

    Attributes:
        clock: the reactor's.
        check: makes one check; may be replaced, and what is under way is finished by the old one.
        thresholds: to be replaced at a reload; the counts go on.
        interval: seconds from the beginning of a check to that of the next one while nothing is in doubt.
        on_checked: called after each check with the presence before it.
        presence: what is known.
        last: the newest outcome, None before the first one.
        checked_at: when it came, in the clock's seconds.
    """

    clock: Any
    check: Check
    thresholds: Thresholds
    interval: float
    jitter: Jitter
    on_checked: Callable[[PresenceWatch, Presence], None]
    presence: Presence = field(factory=Presence, init=False)
    last: Outcome | None = field(default=None, init=False)
    checked_at: float = field(default=0.0, init=False)
    _timer: IDelayedCall | None = field(default=None, init=False)
    _under_way: Deferred[Outcome] | None = field(default=None, init=False)
    _began: float = field(default=0.0, init=False)

    def start(self, delay: float) -> None:
        """Check in so many seconds, and go on."""
        self._set_timer(delay)

    def stop(self) -> None:
        """Check no more; what is under way is forgotten."""
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        under_way, self._under_way = self._under_way, None
        if under_way is not None:
            under_way.cancel()

    def check_now(self) -> None:
        """Somebody waits: do not wait for the timer. A check that is under way is soon over anyway."""
        if self._timer is not None:
            self._begin(urgent=True)

    def retime(self, interval: float) -> None:
        """After a reload; the next check comes no later than the new interval says."""
        self.interval = interval
        if self._timer is not None and self._timer.getTime() - self.clock.seconds() > interval:
            self._set_timer(self.jitter(0.0, interval))

    @property
    def reason(self) -> str:
        """The newest outcome in words, with the count while it does not yet decide."""
        if self.last is None:
            return "not checked yet"
        if not self.presence.in_doubt(self.thresholds):
            return self.last.reason
        evidence = self.last.evidence
        count, needed = {
            Evidence.ANSWERS: (self.presence.answers, self.thresholds.rise),
            Evidence.FAILS: (self.presence.failures, self.thresholds.fall),
            Evidence.NOTHING: (self.presence.nothings, self.thresholds.fall),
        }[evidence]
        return f"{self.last.reason} ({count} of {needed} in a row)"

    def _set_timer(self, delay: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.clock.callLater(delay, self._timer_ran_out)

    def _timer_ran_out(self) -> None:
        self._timer = None
        self._begin(urgent=False)

    def _begin(self, *, urgent: bool) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._began = self.clock.seconds()
        under_way = self._under_way = maybeDeferred(self.check, urgent)
        under_way.addErrback(_broken).addCallback(self._ended, under_way)

    def _ended(self, outcome: Outcome, check: Deferred[Outcome]) -> None:
        if self._under_way is not check:  # stopped meanwhile
            return
        self._under_way = None
        now = self.clock.seconds()
        before = self.presence
        self.presence = before.observed(outcome.evidence, now, self.thresholds)
        self.last, self.checked_at = outcome, now
        took = now - self._began
        self._set_timer(pause(self.presence, self.thresholds, interval=self.interval, took=took, jitter=self.jitter))
        self.on_checked(self, before)


def _broken(failure: Failure) -> Outcome:
    """A bug of ours says nothing about what is checked, and must not end the checks."""
    if not failure.check(CancelledError):
        log.error("check-broken", error=repr(failure.value), traceback=failure.getTraceback())
    return Outcome(Evidence.NOTHING, "the check failed by a fault of this program (see its log)")
