"""Calls that cannot be right: those of a dead IVR, and those that never end (configuration, ``[calls]``)."""

from __future__ import annotations

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
"""Seconds between two looks at the oldest calls."""

IVR_DOWN = "ivr-down"
TOO_LONG = "max-duration"


class CallLimits:
    """Warns about such calls, or ends them.

    Attributes:
        settings: the ``[calls]`` section; may be set anew.
    """

    def __init__(self, parts: SignalParts, accepting: Accepting, settings: CallsSection) -> None:
        self.settings = settings
        self._parts = parts
        self._accepting = accepting
        self._ivr_down: IDelayedCall | None = None

    def look(self) -> None:
        """Look at the oldest calls; to be called every :data:`LOOK_EVERY` seconds."""
        settings = self.settings
        too_long = list(self._parts.calls.older_than(self._parts.now() - settings.max_duration))
        for call in too_long:
            if not call.warned:
                call.warned = True
                hours = settings.max_duration / 3600
                text = f"call {call.call_id} on {call.channel} is open for more than {hours:g} h"
                self._parts.tell(
                    "call-too-long", level="warning", channel=call.channel, call_id=call.call_id, text=text
                )
        if settings.on_max == "gone" and too_long:
            self._end(too_long, TOO_LONG)

    def ivr_is(self, *, down: bool) -> None:
        """The IVR does not answer, or does again."""
        if self._ivr_down is not None and self._ivr_down.active():
            self._ivr_down.cancel()
        self._ivr_down = None
        if down:
            self._ivr_down = self._parts.reactor.callLater(self.settings.on_ivr_down_after, self._still_down)

    def stop(self) -> None:
        """No timer is left behind."""
        self.ivr_is(down=False)

    def _still_down(self) -> None:
        self._ivr_down = None
        if self.settings.on_ivr_down == "gone":
            self._end(list(self._parts.calls.open()), IVR_DOWN)

    def _end(self, calls: list[Call], outcome: str) -> None:
        if calls:
            self._parts.tell("calls-ended", level="warning", calls=len(calls), outcome=outcome)
            Deferred.fromCoroutine(self._accepting.end_all(calls, outcome, "agentchan")).addErrback(self._not_ended)

    def _not_ended(self, failure: Failure) -> Any:
        """The journal fails; they are looked at again."""
        failure.trap(Refused)
        log.warning("calls-not-ended", reason=str(failure.value))
