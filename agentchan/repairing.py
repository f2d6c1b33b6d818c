"""Where CE and we do not agree on a channel's call: found in CE's reports, and mended by new signals.

A mend is a new signal with an id of its own, counted apart: one that was sent before would be a duplicate that changes
nothing (contract, Idempotency).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from uuid import uuid4

import structlog
from attrs import evolve, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure

from agentchan.api.refusals import Refused, journal_unavailable
from agentchan.core.calls import Call
from agentchan.core.outbox_values import Entry, Mend, Mending
from agentchan.core.repair import Difference, difference
from agentchan.delivering import Delivering
from agentchan.journal.errors import JournalError
from agentchan.journal.writes import CallEnded, CallOpened, SignalAccepted, Write
from agentchan.signal_parts import SignalParts
from agentchan.vocabulary import CallSignal, ChannelReport, Fate, Gone, NewCall

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
        unknown_calls_go: whether such calls get a Gone by themselves (``[signals] unknown_calls``); may be set anew.
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
        self.unknown_calls_go = unknown_calls_go
        self._parts = parts
        self._delivering = delivering
        self._refused_new_calls: dict[str, Entry] = {}
        self._mending: set[str] = set()
        self._on_asked = on_asked
        self._put_off: set[str] = set()
        self._again: IDelayedCall | None = None

    # -- finding -------------------------------------------------------------------------------------------------------

    def reported(self, reports: Sequence[ChannelReport]) -> None:
        """CE has reported these channels on the agent channel, while no signal of theirs was out."""
        outbox = self._delivering.outbox
        for report in reports:
            channel = report.channel
            open_call = self._parts.calls.open_on(channel)
            if not report.state.in_call and open_call is None:
                self.seen(report)
                continue
            if channel in self._mending:
                continue
            found = difference(report, open_call, outbox.pending(channel))
            if found is Difference.HOLDS_ANOTHER and report.call_id is not None:
                self._run(channel, self._holds_another(channel, report.call_id))
            elif found is Difference.HOLDS_NONE and open_call is not None:
                # At once: the channel must not be made ready before CE knows of its call.
                self._parts.channels.hold_back(channel)
                self._run(channel, self._make(Mend(channel, open_call.call_id, Mending.UNKNOWN_TO_CE)))
            else:
                self.seen(report)

    def seen(self, report: ChannelReport) -> None:
        """CE has said what it believes of a channel: one that was stuck may be free."""
        stuck = self.stuck.get(report.channel)
        if stuck is not None and (not report.state.in_call or report.call_id != stuck.call_id):
            del self.stuck[report.channel]
            self._parts.tell("channel-freed", channel=stuck.channel, call_id=stuck.call_id)
        if not report.state.in_call:
            self._refused_new_calls.pop(report.channel, None)

    async def _holds_another(self, channel: str, call_id: str) -> None:
        """CE holds a call that is not open here: one that has ended, one that was replaced, or a stranger."""
        refused = self._refused_new_calls.pop(channel, None)
        call = self._parts.calls.find(channel, call_id)
        if call is None:
            kept = await self._parts.journal.call(channel, call_id)
            ended = kept is not None and kept.ended_at is not None
        else:
            ended = call.ended
        if ended:
            await self._make(Mend(channel, call_id, Mending.ENDED_HERE))
        elif refused is not None:
            await self._make(Mend(channel, call_id, Mending.SUPERSEDED))
        elif self.unknown_calls_go:
            await self._make(Mend(channel, call_id, Mending.UNKNOWN_CALL))
        elif self.stuck.get(channel) is None or self.stuck[channel].call_id != call_id:
            self.stuck[channel] = StuckCall(channel, call_id, self._parts.now())
            self._parts.tell("channel-stuck", level="warning", channel=channel, call_id=call_id)
        if refused is not None:
            self._delivering.returned(refused)

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
        try:
            signal = await self._written(mend, who)
        except JournalError as error:
            raise journal_unavailable(error.reason) from None
        self._delivering.mended(signal, None)
        if not isinstance(signal, Gone):
            raise TypeError(signal)
        return signal

    def _run(self, channel: str, work: Any) -> None:
        """Do something about a channel, once at a time."""
        self._mending.add(channel)

        def over(result: Any) -> Any:
            self._mending.discard(channel)
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

    async def _make(self, mend: Mend) -> None:
        signal = await self._written(mend, "")
        self._delivering.mended(signal, mend.before)

    async def _written(self, mend: Mend, who: str) -> CallSignal:
        """The new signal, on disk."""
        now = self._parts.time_of_day()
        if mend.why is Mending.UNKNOWN_TO_CE:
            signal = await self._new_call_again(mend)
            writes: list[Write] = [
                SignalAccepted(signal, now, repair=True, who=who),
                CallOpened(signal.channel, signal.call_id, signal.started_at, signal.signal_id),
            ]
            await self._parts.journal.record(writes)
            call = self._parts.calls.find(mend.channel, mend.call_id)
            if call is not None:
                call.new_call, call.new_call_fate = signal.signal_id, Fate.PENDING
            self._tell_repair(mend, signal)
            return signal
        call = self._parts.calls.find(mend.channel, mend.call_id)
        token = call.call_token if call is not None else None
        at = now.astimezone()
        gone = Gone(str(uuid4()), self._parts.ivr, mend.channel, mend.call_id, at, mend.why.value, token)
        ended = CallEnded(gone.channel, gone.call_id, now, gone.signal_id)
        await self._parts.journal.record([SignalAccepted(gone, now, repair=True, who=who), ended])
        if call is None:
            call = Call(mend.channel, mend.call_id, self._parts.now())
        call.gone, call.gone_fate = gone.signal_id, Fate.PENDING
        self._parts.calls.ended(call)
        self._tell_repair(mend, gone)
        return gone

    async def _new_call_again(self, mend: Mend) -> NewCall:
        """The NewCall of a call in progress, under a new id."""
        call = self._parts.calls.find(mend.channel, mend.call_id)
        kept = await self._parts.journal.signal(call.new_call or "") if call is not None else None
        if kept is not None and isinstance(kept.signal, NewCall):
            return evolve(kept.signal, signal_id=str(uuid4()))
        call = call or Call(mend.channel, mend.call_id, self._parts.now())
        at = call.started_at or self._parts.local_time()
        return NewCall(str(uuid4()), self._parts.ivr, mend.channel, mend.call_id, at, call.caller, call.called)

    def _tell_repair(self, mend: Mend, signal: CallSignal) -> None:
        self._parts.tell(
            "repair",
            level="warning",
            channel=mend.channel,
            call_id=mend.call_id,
            why=mend.why.value,
            kind="gone" if isinstance(signal, Gone) else "new-call",
            signal_id=signal.signal_id,
        )
