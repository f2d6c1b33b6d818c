"""Where CE and we do not agree on a channel's call: found in CE's reports, and mended by new signals.

A mend is a new signal with an id of its own, counted apart: one that was sent before would be a duplicate that changes
nothing (contract, Idempotency).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import structlog
from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure

from agentchan.api.refusals import Refused, journal_unavailable
from agentchan.core.outbox_values import Entry, Mend, Mending
from agentchan.core.repair import Difference, difference
from agentchan.delivering import Delivering
from agentchan.journal.errors import JournalError
from agentchan.journal.writes import SignalSettled
from agentchan.mends import Mends, NotNeeded
from agentchan.signal_parts import SignalParts
from agentchan.vocabulary import ChannelReport, Fate, Gone

log = structlog.get_logger("agentchan.repairs")

AGAIN_AFTER = 5.0
"""Seconds until a mend that could not be put on disk is tried again."""


@frozen
class StuckCall:
    """A call that CE holds and nobody here knows.

    Attributes:
        since: when that was found (monotonic seconds).
    """

    channel: str
    call_id: str
    since: float


class Repairing:
    """Compares and mends.

    Args:
        on_asked: called when CE is to be asked about a channel.

    Attributes:
        stuck: by channel.
    """

    def __init__(
        self,
        parts: SignalParts,
        delivering: Delivering,
        *,
        unknown_calls_go: bool,
        on_asked: Callable[[], None],
    ) -> None:
        self.stuck: dict[str, StuckCall] = {}
        self._unknown_calls_go = unknown_calls_go
        self._parts = parts
        self._delivering = delivering
        self._mends = Mends(parts)
        self._refused_new_calls: dict[str, Entry] = {}
        self._mending: Counter[str] = Counter()
        self._on_asked = on_asked
        self._put_off: set[str] = set()
        self._again: IDelayedCall | None = None

    @property
    def unknown_calls_go(self) -> bool:
        """Whether calls that nobody here knows get a Gone by themselves (``[signals] unknown_calls``)."""
        return self._unknown_calls_go

    @unknown_calls_go.setter
    def unknown_calls_go(self, go: bool) -> None:
        before, self._unknown_calls_go = self._unknown_calls_go, go
        for stuck in tuple(self.stuck.values()) if go and not before else ():
            self._run(stuck.channel, self._make(Mend(stuck.channel, stuck.call_id, Mending.UNKNOWN_CALL)))

    # -- finding -------------------------------------------------------------------------------------------------------

    def reported(self, reports: Sequence[ChannelReport]) -> None:
        """CE has reported these channels on the agent channel, while no signal of theirs was out."""
        delivering = self._delivering
        delivering.outbox.reported(reports)
        for report in reports:
            channel = report.channel
            open_call = self._parts.calls.open_on(channel)
            if not report.state.in_call and open_call is None:
                self.seen(report)
            elif channel not in self._mending and (delivering.loaded or not delivering.has(channel)):
                self._compare(report)
        if delivering.outbox.actions:
            delivering.progress()

    def _compare(self, report: ChannelReport) -> None:
        channel = report.channel
        open_call = self._parts.calls.open_on(channel)
        found = difference(report, open_call, self._delivering.outbox.pending(channel))
        if found is Difference.HOLDS_ANOTHER and report.call_id is not None:
            self._run(channel, self._holds_another(channel, report.call_id))
        elif found is Difference.HOLDS_NONE and open_call is not None:
            # At once: the channel must not be made ready before CE knows of its call.
            self._parts.channels.hold_back(channel)
            self._run(channel, self._make(Mend(channel, open_call.call_id, Mending.UNKNOWN_TO_CE)))
        else:
            self.seen(report)

    def seen(self, report: ChannelReport) -> None:
        """CE has said what it believes of a channel: one that was stuck may be free, or its call known here by now."""
        stuck = self.stuck.get(report.channel)
        if stuck is not None and not (self._holds(report, stuck) and self._stranger(stuck)):
            del self.stuck[report.channel]
            self._parts.tell("channel-freed", channel=stuck.channel, call_id=stuck.call_id)
        if not report.state.in_call:
            self._refused_new_calls.pop(report.channel, None)

    @staticmethod
    def _holds(report: ChannelReport, stuck: StuckCall) -> bool:
        return report.state.in_call and report.call_id == stuck.call_id

    def _stranger(self, stuck: StuckCall) -> bool:
        """Whether the IVR has not told of the call meanwhile."""
        open_call = self._parts.calls.open_on(stuck.channel)
        return open_call is None or open_call.call_id != stuck.call_id

    async def _holds_another(self, channel: str, call_id: str) -> None:
        """CE holds a call that is not open here: one that has ended, one that was replaced, or a stranger."""
        refused = self._refused_new_calls.pop(channel, None)
        call = await self._mends.call(channel, call_id)
        if call is not None and not call.ended:
            return  # the IVR has told of it meanwhile
        open_call = self._parts.calls.open_on(channel)
        if refused is not None and open_call is not None and open_call.new_call == refused.id:
            await self._replaced(Mend(channel, call_id, Mending.SUPERSEDED), refused)
        elif call is not None:
            await self._make(Mend(channel, call_id, Mending.ENDED_HERE))
        elif self._unknown_calls_go:
            await self._make(Mend(channel, call_id, Mending.UNKNOWN_CALL))
        elif self.stuck.get(channel) is None or self.stuck[channel].call_id != call_id:
            self.stuck[channel] = StuckCall(channel, call_id, self._parts.now())
            self._parts.tell("channel-stuck", level="warning", channel=channel, call_id=call_id)

    async def _replaced(self, mend: Mend, refused: Entry) -> None:
        """CE refused the NewCall of the call in progress since it holds another: that one's Gone, and it once more."""
        if refused.held:
            await self._make(mend)
            return
        refused.held += 1
        async with self._parts.turns.of(mend.channel):
            gone = await self._mends.gone(mend)
            pending = SignalSettled(refused.id, Fate.PENDING, self._parts.time_of_day(), refused.attempts)
            await self._parts.journal.record([pending])
            self._parts.calls.met_fate(mend.channel, refused.signal.call_id, refused.id, Fate.PENDING, None)
            self._delivering.returned(refused, after=gone)

    # -- mending -------------------------------------------------------------------------------------------------------

    def mend(self, mend: Mend) -> None:
        """The outbox needs a new signal before one of its own can go."""
        self._run(mend.channel, self._make(mend))

    def report_wanted(self, channel: str, refused: Entry | None) -> None:
        """CE refused a NewCall and cannot say which call it holds: ask what it believes of the channel."""
        if refused is not None:
            self._refused_new_calls[channel] = refused
        self._parts.channels.tell_again(channel)
        self._on_asked()

    def free(self, channel: str, who: str) -> Deferred[Gone]:
        """Tell CE that the call which it holds on a channel is gone.

        Raises:
            Refused: not-stuck, 409 (at once); journal-unavailable, 503.
        """
        reported = self._parts.channels[channel]
        open_call = self._parts.calls.open_on(channel)
        if not reported.reported.in_call or reported.call_id is None:
            raise Refused("not-stuck", f"CE holds no call on {channel}, as far as it has said; nothing is to be freed")
        if open_call is not None and open_call.call_id == reported.call_id:
            text = f"call {reported.call_id!r} on {channel} is in progress here; end it with 'agentchan gone {channel}'"
            raise Refused("not-stuck", text)
        return Deferred.fromCoroutine(self._freed(Mend(channel, reported.call_id, Mending.FREED), who))

    async def _freed(self, mend: Mend, who: str) -> Gone:
        async with self._parts.turns.of(mend.channel):
            try:
                gone = await self._mends.gone(mend, who)
            except JournalError as error:
                raise journal_unavailable(error.reason) from None
            self._delivering.mended(gone, None)
        return gone

    async def _make(self, mend: Mend) -> None:
        async with self._parts.turns.of(mend.channel):
            try:
                signal = await self._mends.made(mend)
            except NotNeeded:
                if not self._delivering.has(mend.channel):
                    self._parts.channels.let_go(mend.channel)
                return
            self._delivering.mended(signal, mend.before)

    def _run(self, channel: str, work: Coroutine[Any, Any, None]) -> None:
        """Do something about a channel; what CE reports of it meanwhile is not compared."""
        self._mending[channel] += 1

        def over(result: Any) -> Any:
            self._mending[channel] -= 1
            if not self._mending[channel]:
                del self._mending[channel]
            return result

        Deferred.fromCoroutine(work).addBoth(over).addErrback(self._not_mended, channel)

    def _not_mended(self, failure: Failure, channel: str) -> None:
        if failure.check(JournalError) is None:
            log.error("repair-broken", channel=channel, exc_info=failure.value)
        else:
            log.warning("repair-put-off", channel=channel, reason=str(failure.value))
        self._delivering.not_mended(channel)
        self._put_off.add(channel)
        if self._again is None:
            self._again = self._parts.reactor.callLater(AGAIN_AFTER, self._ask_again)

    def _ask_again(self) -> None:
        """CE is asked what it believes of those channels, and what it answers is compared again."""
        self._again = None
        put_off, self._put_off = self._put_off, set()
        for channel in put_off:
            self._parts.channels.tell_again(channel)
        self._on_asked()

    def stop(self) -> None:
        """No timer is left behind."""
        if self._again is not None:
            self._again.cancel()
            self._again = None
