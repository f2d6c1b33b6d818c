"""Takes call signals from the IVR: finds out what each means, puts it on disk, and answers.

Accepted means on disk. A signal that is said again is recognised, and answered with the id it had; nothing is sent
twice. The requests of one channel are taken one after another, those of different channels side by side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

from attrs import evolve, frozen
from twisted.internet.defer import Deferred, FirstError, gatherResults

from agentchan.api.refusals import Refused, UnknownChannel, call_ended, journal_unavailable
from agentchan.api.requests import GoneRequest, NewCallRequest, PutCallsRequest
from agentchan.core.calls import Call
from agentchan.core.outbox_values import Mending
from agentchan.delivering import Delivering
from agentchan.journal.errors import JournalUnavailable, WriteRefused
from agentchan.journal.writes import CallEnded, CallOpened, CallUnheardOf, SignalAccepted, Write
from agentchan.recalling import Recalling
from agentchan.signal_parts import SignalParts
from agentchan.vocabulary import CallSignal, Fate, Gone, NewCall

TOGETHER = 100
"""Calls that are ended side by side, where many end at once: they share commits, and others come between."""

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

    Attributes:
        recalling: what the journal knows of calls.
        turns: of the channels, one at a time.

    Args:
        aliases: what the IVR calls a channel, and CE's name for it.
    """

    def __init__(self, parts: SignalParts, delivering: Delivering, aliases: Mapping[str, str]) -> None:
        self._aliases = aliases
        self._former: dict[str, str] = {}
        self._parts = parts
        self._delivering = delivering
        self.recalling = Recalling(parts)
        self.turns = parts.turns

    # -- what the IVR says ---------------------------------------------------------------------------------------------

    async def new_call(self, request: NewCallRequest) -> Accepted:
        """A call began.

        Raises:
            Refused: unknown-channel 404, call-ended or signal-id-taken 409, journal-unavailable 503.
        """
        channel = self.channel(request.channel)
        async with self.turns.of(channel):
            known = self._parts.calls.find(channel, request.call_id)
            if known is None:
                try:
                    return await self._begin(channel, request)
                except WriteRefused as error:
                    known = await self.recalling.call(channel, request.call_id, request.signal_id, error)
            if known.ended:
                raise call_ended(request.call_id)
            if known.new_call is None:
                raise TypeError(f"call {known.call_id!r} is open without a NewCall")
            return Accepted(known.new_call, known.new_call_fate or Fate.PENDING, known, repeated=True)

    async def gone(self, request: GoneRequest) -> Accepted:
        """A call has ended.

        Raises:
            Refused: unknown-channel 404, no-open-call or signal-id-taken 409, journal-unavailable 503.
        """
        channel = self.channel(request.channel)
        async with self.turns.of(channel):
            call_id = request.call_id or await self._call_meant(channel)
            known = self._parts.calls.find(channel, call_id)
            if known is None or not known.ended:
                try:
                    return await self._end(channel, call_id, request, known)
                except WriteRefused as error:
                    if known is not None:
                        raise await self.recalling.taken(request.signal_id, error) from None
                    known = await self.recalling.call(channel, call_id, request.signal_id, error)
            if known.gone is None:
                raise TypeError(f"call {known.call_id!r} has ended without a Gone")
            return Accepted(known.gone, known.gone_fate or Fate.PENDING, known, repeated=True)

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
        """End these calls, some side by side, whatever the IVR says of them; those that have ended stay as they are.

        Raises:
            Refused: journal-unavailable, 503; then some may have been ended.
        """
        ended: list[Accepted] = []
        for begin in range(0, len(calls), TOGETHER):
            several = [call for call in calls[begin : begin + TOGETHER] if not call.ended]
            requests = [GoneRequest(call.channel, who, call.call_id, outcome) for call in several]
            try:
                ended += await gatherResults(
                    [Deferred.fromCoroutine(self.gone(request)) for request in requests], consumeErrors=True
                )
            except FirstError as error:
                error.subFailure.raiseException()
        return ended

    # -- names ---------------------------------------------------------------------------------------------------------

    def rename(self, aliases: Mapping[str, str]) -> None:
        """Use these aliases from now on; one of before stays good while something is open or pending on its channel."""
        self._former |= self._aliases
        self._aliases = aliases

    def channel(self, name: str) -> str:
        """CE's name of a channel: one that is configured, or of which something is open or pending.

        Raises:
            Refused: unknown-channel, 404.
        """
        channels = self._parts.channels
        channel = name if name in channels else self._aliases.get(name)
        if channel is not None and channel in channels:
            return channels[channel].name
        channel = channel or self._former.get(name, name)
        if self._parts.calls.open_on(channel) is None and not self._delivering.has(channel):
            raise UnknownChannel(name)
        return channel

    async def _call_meant(self, channel: str) -> str:
        """Which call a Gone without a call id ends: the open one; else what CE holds, or the one that ended last."""
        open_call = self._parts.calls.open_on(channel)
        if open_call is not None:
            return open_call.call_id
        if channel in self._parts.channels:
            reported = self._parts.channels[channel]
            if reported.reported.in_call and reported.call_id is not None:
                return reported.call_id
        newest = self._parts.calls.newest_on(channel)
        call_id = newest.call_id if newest is not None else await self.recalling.newest_on(channel)
        if call_id is None:
            text = f"channel {channel!r} has no open call here; say which call has ended: call_id"
            raise Refused("no-open-call", text)
        return call_id

    # -- putting it on disk --------------------------------------------------------------------------------------------

    async def _begin(self, channel: str, request: NewCallRequest) -> Accepted:
        at = self._parts.time_of_day()
        signal = NewCall(
            request.signal_id or str(uuid4()),
            self._parts.ivr,
            channel,
            request.call_id,
            request.started_at or at.astimezone(),
            request.caller,
            request.called,
            request.parameters,
        )
        writes: list[Write] = [
            CallUnheardOf(channel, request.call_id),
            SignalAccepted(signal, at, who=request.who),
            CallOpened(channel, request.call_id, at, signal.signal_id),
        ]
        signals: list[tuple[CallSignal, bool]] = [(signal, False)]
        superseded = self._superseded(channel, request.call_id)
        if superseded is not None:
            gone = self._gone(superseded, Mending.SUPERSEDED.value, at.astimezone())
            writes[:0] = [SignalAccepted(gone, at, repair=True), CallEnded(channel, gone.call_id, at, gone.signal_id)]
        await self._record(writes)
        if superseded is not None:
            superseded.gone, superseded.gone_fate = gone.signal_id, Fate.PENDING
            self._parts.calls.ended(superseded)
            signals.insert(0, (_with_token(gone, superseded), True))
            old = superseded.call_id
            self._parts.tell("call-superseded", level="warning", channel=channel, call_id=old, by=request.call_id)
            self._parts.tell_repair(gone, Mending.SUPERSEDED.value)
        call = Call(
            channel,
            request.call_id,
            self._parts.now(),
            signal.started_at,
            signal.caller,
            signal.called,
            signal.signal_id,
            Fate.PENDING,
        )
        self._parts.calls.began(call)
        self._parts.tell("call-began", level="debug", channel=channel, call_id=call.call_id, signal_id=signal.signal_id)
        self._delivering.accepted(signals)
        return Accepted(signal.signal_id, call.new_call_fate or Fate.PENDING, call)

    def _superseded(self, channel: str, call_id: str) -> Call | None:
        """The call that the IVR must have forgotten to end: a channel has one call at a time."""
        other = self._parts.calls.open_on(channel)
        if other is not None:
            return other if other.call_id != call_id else None
        delivering = self._delivering
        if channel not in self._parts.channels or not delivering.loaded or delivering.outbox.standing_by:
            return None
        reported = self._parts.channels[channel]
        held = reported.call_id
        if not reported.reported.in_call or held is None or held == call_id:
            return None
        if any(entry.signal.call_id == held for entry in delivering.outbox.pending(channel)):
            return None
        return self._parts.calls.find(channel, held) or Call(channel, held, self._parts.now())

    async def _end(self, channel: str, call_id: str, request: GoneRequest, known: Call | None) -> Accepted:
        call = known or Call(channel, call_id, self._parts.now())
        at = self._parts.time_of_day()
        signal = self._gone(
            call, request.outcome, request.ended_at or at.astimezone(), request.signal_id, request.parameters
        )
        writes: list[Write] = [
            SignalAccepted(signal, at, who=request.who),
            CallEnded(channel, call_id, at, signal.signal_id),
        ]
        if known is None:
            writes.insert(0, CallUnheardOf(channel, call_id))
        await self._record(writes)
        call.gone, call.gone_fate = signal.signal_id, Fate.PENDING
        self._parts.calls.ended(call)
        self._parts.tell("call-ended", level="debug", channel=channel, call_id=call_id, signal_id=signal.signal_id)
        self._delivering.accepted([(_with_token(signal, call), False)])
        return Accepted(signal.signal_id, call.gone_fate or Fate.PENDING, call)

    def _gone(
        self, call: Call, outcome: str | None, at: datetime, signal_id: str | None = None, parameters: str = ""
    ) -> Gone:
        name = signal_id or str(uuid4())
        return Gone(name, self._parts.ivr, call.channel, call.call_id, at, outcome, call.call_token, parameters)

    async def _record(self, writes: Sequence[Write]) -> None:
        try:
            await self._parts.journal.record(writes)
        except JournalUnavailable as error:
            raise journal_unavailable(error.reason) from None


def _with_token(gone: Gone, call: Call) -> Gone:
    """The Gone with its call's token, which CE may have given while it was put on disk."""
    return gone if gone.call_token == call.call_token else evolve(gone, call_token=call.call_token)
