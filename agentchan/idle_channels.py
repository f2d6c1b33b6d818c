"""Frees idle channels by a Gone when the link comes up, where a site's CE wants that (profile.md, gone_at_sign_on)."""

from __future__ import annotations

from uuid import uuid4

import structlog
from twisted.internet.defer import Deferred, FirstError, gatherResults
from twisted.python.failure import Failure

from agentchan.delivering import Delivering
from agentchan.journal.errors import JournalError
from agentchan.journal.writes import SignalAccepted
from agentchan.signal_parts import SignalParts
from agentchan.vocabulary import Gone

log = structlog.get_logger("agentchan.signals")

TOGETHER = 100
"""Channels that are seen to side by side: they share commits, and the IVR's own signals come between."""

NO_CALL = "none"
"""The call id of a Gone on a channel of which no call is known, where the site's message has one."""

SIGN_ON = "sign-on"
"""The outcome of such a Gone."""


class IdleChannels:
    """Frees them."""

    def __init__(self, parts: SignalParts, delivering: Delivering) -> None:
        self._parts = parts
        self._delivering = delivering

    def free(self) -> Deferred[None]:
        """The link has come up: every channel that has no call and nothing pending gets a Gone."""
        return Deferred.fromCoroutine(self._free_all()).addErrback(_not_freed)

    async def _free_all(self) -> None:
        names = [channel.name for channel in self._parts.channels.all()]
        for begin in range(0, len(names), TOGETHER):
            several = names[begin : begin + TOGETHER]
            await gatherResults([Deferred.fromCoroutine(self._free(name)) for name in several], consumeErrors=True)

    async def _free(self, channel: str) -> None:
        async with self._parts.turns.of(channel):
            calls = self._parts.calls
            if calls.open_on(channel) is not None or self._delivering.has(channel):
                return
            newest = calls.newest_on(channel)
            now = self._parts.time_of_day()
            gone = Gone(
                str(uuid4()),
                self._parts.ivr,
                channel,
                newest.call_id if newest is not None else NO_CALL,
                now.astimezone(),
                SIGN_ON,
                newest.call_token if newest is not None else None,
            )
            await self._parts.journal.record([SignalAccepted(gone, now, repair=True)])
            self._delivering.mended(gone, None)


def _not_freed(failure: Failure) -> None:
    """The journal fails; the next sign-on tries it again."""
    error = failure.value
    if isinstance(error, FirstError):
        error = error.subFailure.value
    if isinstance(error, JournalError):
        log.warning("channels-not-freed", reason=str(error))
    else:
        log.error("channels-not-freed", exc_info=error)
