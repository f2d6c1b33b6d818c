"""Takes call signals from the IVR: finds out what each means, puts it on disk, and answers.

Accepted means on disk. A signal that is said again is recognised, and answered with the id it had; nothing is sent
twice. The requests of one channel are taken one after another, those of different channels side by side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

from attrs import frozen
from twisted.internet.defer import Deferred

from agentchan.api.refusals import Refused, call_ended, journal_unavailable, unknown_channel
from agentchan.api.requests import GoneRequest, NewCallRequest, PutCallsRequest
from agentchan.core.calls import Call
from agentchan.core.outbox_values import Mending
from agentchan.delivering import Delivering
from agentchan.journal.calls import KeptCall
from agentchan.journal.errors import JournalError, WriteRefused
from agentchan.journal.writes import CallEnded, CallOpened, CallUnheardOf, SignalAccepted, Write
from agentchan.signal_parts import SignalParts
from agentchan.turns import Turns
from agentchan.vocabulary import CallSignal, Fate, Gone, NewCall

SLICE = 100
"""Calls that are ended in one turn of the reactor, where many end together."""

RECONCILED = "reconciled"


@frozen
class Accepted:
    """What became of a request.

    Attributes:
        signal_id: of the signal, which an earlier request may have made.
        repeated: whether an earlier request made it.
    """

    signal_id: str
    fate: Fate
    call: Call
    repeated: bool = False


class Accepting:
    """Takes call signals.

    Args:
        aliases: what the IVR calls a channel, and CE's name for it; may be set anew.
    """

    def __init__(
        self,
        parts: SignalParts,
        delivering: Delivering,
        aliases: Mapping[str, str],
    ) -> None:
        self.aliases = aliases
        self._parts = parts
        self._delivering = delivering
        self._turns = Turns()

    # -- what the IVR says ---------------------------------------------------------------------------------------------

    async def new_call(self, request: NewCallRequest) -> Accepted:
        """A call began.

        Raises:
            Refused: unknown-channel 404, call-ended or signal-id-taken 409, journal-unavailable 503.
        """
        channel = self.channel(request.channel)
        async with self._turns.of(channel):
            known = self._parts.calls.find(channel, request.call_id)
            if known is None:
                try:
                    return await self._begin(channel, request)
                except WriteRefused:
                    known = await self._recalled(channel, request.call_id, request.signal_id, NewCall)
            if known.ended:
                raise call_ended(request.call_id)
            if known.new_call is None:
                return await self._begin(channel, request, known)
            return Accepted(known.new_call, known.new_call_fate or Fate.PENDING, known, repeated=True)

    async def gone(self, request: GoneRequest) -> Accepted:
        """A call has ended.

        Raises:
            Refused: unknown-channel 404, no-open-call or signal-id-taken 409, journal-unavailable 503.
        """
        channel = self.channel(request.channel)
        async with self._turns.of(channel):
            call_id = request.call_id or self._call_meant(channel)
            known = self._parts.calls.find(channel, call_id)
            if known is None:
                try:
                    return await self._end(channel, call_id, request)
                except WriteRefused:
                    known = await self._recalled(channel, call_id, request.signal_id, Gone)
            if known.ended and known.gone is not None:
                return Accepted(known.gone, known.gone_fate or Fate.PENDING, known, repeated=True)
            return await self._end(channel, call_id, request, known)

    async def reconcile(self, request: PutCallsRequest) -> Mapping[str, Any]:
        """The IVR's own complete list of calls: the others that are open here have ended.

        Raises:
            Refused: unknown-channel 404, journal-unavailable 503; then some may have been ended.
        """
        held = {(self.channel(call.channel), call.call_id) for call in request.calls}
        over = [call for call in self._parts.calls.open() if (call.channel, call.call_id) not in held]
        ended = await self.end_all(over, RECONCILED, request.who)
        open_here = {(call.channel, call.call_id) for call in self._parts.calls.open()}
        unknown = sorted(held - open_here)
        return {
            "open": len(self._parts.calls),
            "gone": [
                {"channel": each.call.channel, "call_id": each.call.call_id, "signal_id": each.signal_id}
                for each in ended
            ],
            "unknown": [{"channel": channel, "call_id": call_id} for channel, call_id in unknown],
        }

    async def end_all(self, calls: Sequence[Call], outcome: str, who: str) -> list[Accepted]:
        """End these calls, in slices, whatever the IVR says of them."""
        ended = []
        for number, call in enumerate(calls):
            if number % SLICE == SLICE - 1:
                await self._breath()
            request = GoneRequest(call.channel, who, call.call_id, outcome)
            ended.append(await self.gone(request))
        return ended

    # -- names ---------------------------------------------------------------------------------------------------------

    def channel(self, name: str) -> str:
        """CE's name of a channel: one that is configured, or of which something is open or pending.

        Raises:
            Refused: unknown-channel, 404.
        """
        channel = name if name in self._parts.channels else self.aliases.get(name, name)
        known = channel in self._parts.channels or self._parts.calls.open_on(channel) is not None
        if not known and channel not in self._delivering.outbox:
            raise unknown_channel(name)
        return channel

    def _call_meant(self, channel: str) -> str:
        """Which call a Gone without a call id ends: the open one; else what CE holds, or the one that ended last."""
        open_call = self._parts.calls.open_on(channel)
        if open_call is not None:
            return open_call.call_id
        if channel in self._parts.channels:
            reported = self._parts.channels[channel]
            if reported.reported.in_call and reported.call_id is not None:
                return reported.call_id
        newest = self._parts.calls.newest_on(channel)
        if newest is not None:
            return newest.call_id
        raise Refused("no-open-call", f"channel {channel!r} has no open call here; say which call has ended: call_id")

    # -- putting it on disk --------------------------------------------------------------------------------------------

    async def _begin(self, channel: str, request: NewCallRequest, known: Call | None = None) -> Accepted:
        now = self._parts.now()
        signals: list[tuple[CallSignal, bool]] = []
        writes: list[Write] = []
        superseded = self._superseded(channel, request.call_id)
        if superseded is not None:
            gone = self._gone(superseded, Mending.SUPERSEDED.value, self._parts.time_of_day())
            signals.append((gone, True))
            writes += [SignalAccepted(gone, self._parts.time_of_day(), repair=True), self._ended(gone)]
        signal = NewCall(
            request.signal_id or str(uuid4()),
            self._parts.ivr,
            channel,
            request.call_id,
            request.started_at or self._parts.local_time(),
            request.caller,
            request.called,
            request.parameters,
        )
        signals.append((signal, False))
        call = known or Call(channel, request.call_id, now)
        writes += [
            *([] if known is not None else [CallUnheardOf(channel, request.call_id)]),
            SignalAccepted(signal, self._parts.time_of_day(), who=request.who),
            CallOpened(channel, request.call_id, signal.started_at, signal.signal_id),
        ]
        await self._record(writes)
        if superseded is not None:
            superseded.gone, superseded.gone_fate = signals[0][0].signal_id, Fate.PENDING
            self._parts.calls.ended(superseded)
            old = superseded.call_id
            self._parts.tell("call-superseded", level="warning", channel=channel, call_id=old, by=call.call_id)
        call.started_at, call.caller, call.called = signal.started_at, signal.caller, signal.called
        call.new_call, call.new_call_fate = signal.signal_id, Fate.PENDING
        self._parts.calls.began(call)
        self._parts.tell("call-began", level="debug", channel=channel, call_id=call.call_id, signal_id=signal.signal_id)
        self._delivering.accepted(signals)
        return Accepted(signal.signal_id, call.new_call_fate or Fate.PENDING, call)

    def _superseded(self, channel: str, call_id: str) -> Call | None:
        """The call that the IVR must have forgotten to end: a channel has one call at a time."""
        other = self._parts.calls.open_on(channel)
        if other is not None and other.call_id != call_id:
            return other
        if other is None and channel in self._parts.channels and not self._delivering.outbox.standing_by:
            reported = self._parts.channels[channel]
            held = reported.call_id
            pending = any(each.signal.call_id == held for each in self._delivering.outbox.pending(channel))
            if reported.reported.in_call and held not in (None, call_id) and not pending:
                return self._parts.calls.find(channel, str(held)) or Call(channel, str(held), self._parts.now())
        return None

    async def _end(self, channel: str, call_id: str, request: GoneRequest, known: Call | None = None) -> Accepted:
        call = known or Call(channel, call_id, self._parts.now())
        at = request.ended_at or self._parts.local_time()
        signal = self._gone(call, request.outcome, at, request.signal_id, request.parameters)
        await self._record(
            [
                *([] if known is not None else [CallUnheardOf(channel, call_id)]),
                SignalAccepted(signal, self._parts.time_of_day(), who=request.who),
                self._ended(signal),
            ]
        )
        call.gone, call.gone_fate = signal.signal_id, Fate.PENDING
        self._parts.calls.ended(call)
        self._parts.tell("call-ended", level="debug", channel=channel, call_id=call_id, signal_id=signal.signal_id)
        self._delivering.accepted([(signal, False)])
        return Accepted(signal.signal_id, call.gone_fate or Fate.PENDING, call)

    def _gone(
        self, call: Call, outcome: str | None, at: datetime, signal_id: str | None = None, parameters: str = ""
    ) -> Gone:
        name = signal_id or str(uuid4())
        return Gone(name, self._parts.ivr, call.channel, call.call_id, at, outcome, call.call_token, parameters)

    def _ended(self, gone: Gone) -> CallEnded:
        return CallEnded(gone.channel, gone.call_id, self._parts.time_of_day(), gone.signal_id)

    async def _record(self, writes: Sequence[Write]) -> None:
        try:
            await self._parts.journal.record(writes)
        except WriteRefused:
            raise
        except JournalError as error:
            raise journal_unavailable(error.reason) from None

    async def _recalled(self, channel: str, call_id: str, signal_id: str | None, kind: type) -> Call:
        """The call that the journal knows already, which is why a signal for it was not kept.

        Raises:
            Refused: it was not kept for another reason: the SignalId is taken.
        """
        try:
            kept = await self._parts.journal.call(channel, call_id)
            if kept is not None:
                call = self.remembered(kept)
                if call.ended:
                    self._parts.calls.ended(call)
                return call
            taken = await self._parts.journal.signal(signal_id or "")
        except JournalError as error:
            raise journal_unavailable(error.reason) from None
        whose = "" if taken is None else f" of call {taken.signal.call_id!r} on {taken.signal.channel!r}"
        what = "NewCall" if kind is NewCall else "Gone"
        raise Refused("signal-id-taken", f"signal_id {signal_id!r} is that{whose}; give this {what} one of its own")

    def remembered(self, kept: KeptCall) -> Call:
        """A call as the journal has it."""
        since = self._parts.now()
        if kept.since is not None:
            since -= max(0.0, self._parts.wall() - kept.since.timestamp())
        return Call(
            channel=self._parts.channel_name(kept.channel),
            call_id=kept.call_id,
            since=since,
            started_at=kept.since,
            new_call=kept.new_call,
            new_call_fate=kept.new_call_fate,
            gone=kept.gone,
            gone_fate=kept.gone_fate,
            ended=kept.ended_at is not None,
            call_token=kept.token,
        )

    def _breath(self) -> Deferred[None]:
        breath: Deferred[None] = Deferred()
        self._parts.reactor.callLater(0, breath.callback, None)
        return breath
