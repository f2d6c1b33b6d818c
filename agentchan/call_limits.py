"""Calls that cannot be right: those of a dead IVR, and those that never end (configuration, ``[calls]``)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import structlog
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure

from agentchan.accepting import Accepting
from agentchan.api.refusals import Refused
from agentchan.config import Calls as CallsSection
from agentchan.core.calls import Call
from agentchan.signal_parts import SignalParts

log = structlog.get_logger("agentchan.calls")

LOOK_EVERY = 5.0
"""Seconds between two looks at the calls."""

IVR_DOWN = "ivr-down"
TOO_LONG = "max-duration"
"""The outcomes of their Gones."""


class CallLimits:
    """Warns about such calls, or ends them."""

    def __init__(self, parts: SignalParts, accepting: Accepting, settings: CallsSection) -> None:
        self._settings = settings
        self._parts = parts
        self._accepting = accepting
        self._down_since: float | None = None
        self._timer: IDelayedCall | None = None
        self._ending = False

    @property
    def settings(self) -> CallsSection:
        """The ``[calls]`` section; may be set anew."""
        return self._settings

    @settings.setter
    def settings(self, settings: CallsSection) -> None:
        self._settings = settings
        self._set_timer()

    def ivr_is(self, *, down: bool) -> None:
        """The IVR does not answer, or does again."""
        if not down:
            self._down_since = None
        elif self._down_since is None:
            self._down_since = self._parts.now()
        self._set_timer()

    def look(self) -> None:
        """Look at the calls; to be called every :data:`LOOK_EVERY` seconds."""
        settings, now = self._settings, self._parts.now()
        too_long = list(self._parts.calls.older_than(now - settings.max_duration))
        for call in too_long:
            if not call.warned:
                call.warned = True
                hours = settings.max_duration / 3600
                text = f"call {call.call_id} on {call.channel} is open for more than {hours:g} h"
                self._parts.tell(
                    "call-too-long", level="warning", channel=call.channel, call_id=call.call_id, text=text
                )
        if settings.on_max == "gone":
            self._end(too_long, TOO_LONG)
        down = self._down_since
        if settings.on_ivr_down == "gone" and down is not None and now - down >= settings.on_ivr_down_after:
            # A call that was told since then is proof that the IVR lives, whatever its health check says.
            self._end([call for call in self._parts.calls.open() if call.since <= down], IVR_DOWN)

    def stop(self) -> None:
        """No timer is left behind."""
        self.ivr_is(down=False)

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._down_since is not None and self._settings.on_ivr_down == "gone":
            due = self._down_since + self._settings.on_ivr_down_after
            self._timer = self._parts.reactor.callLater(max(0.0, due - self._parts.now()), self._due)

    def _due(self) -> None:
        self._timer = None
        self.look()

    def _end(self, calls: Sequence[Call], outcome: str) -> None:
        if calls and not self._ending:
            self._ending = True
            Deferred.fromCoroutine(self._end_them(calls, outcome)).addBoth(self._over).addErrback(_not_ended)

    async def _end_them(self, calls: Sequence[Call], outcome: str) -> None:
        ended = await self._accepting.end_all(calls, outcome, "agentchan")
        self._parts.tell("calls-ended", level="warning", calls=len(ended), outcome=outcome)

    def _over(self, result: Any) -> Any:
        self._ending = False
        return result


def _not_ended(failure: Failure) -> None:
    """The journal fails: the next look finds the same calls."""
    failure.trap(Refused)
    log.warning("calls-not-ended", reason=str(failure.value))
