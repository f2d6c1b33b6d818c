"""New signals that mend a difference between CE and us: made, and put on disk."""

from __future__ import annotations

from uuid import uuid4

from attrs import evolve

from agentchan.core.calls import Call
from agentchan.core.outbox_values import Mend, Mending
from agentchan.journal.writes import CallEnded, SignalAccepted
from agentchan.recalling import recalled
from agentchan.signal_parts import SignalParts
from agentchan.vocabulary import CallSignal, Fate, Gone, NewCall


class NotNeeded(Exception):  # noqa: N818 - it names an outcome, not a bug
    """What was to be mended has passed meanwhile."""


class Mends:
    """Makes them. Whoever calls has the channel's turn.

    Raises:
        JournalError: (every method) the signal could not be put on disk; nothing has changed.
    """

    def __init__(self, parts: SignalParts) -> None:
        self._parts = parts

    async def call(self, channel: str, call_id: str) -> Call | None:
        """A call, in mind or in the journal."""
        call = self._parts.calls.find(channel, call_id)
        if call is not None:
            return call
        kept = await self._parts.journal.call(channel, call_id)
        # It may have come to mind meanwhile.
        return self._parts.calls.find(channel, call_id) or (recalled(self._parts, kept) if kept is not None else None)

    async def made(self, mend: Mend) -> CallSignal:
        """The new signal, on disk.

        Raises:
            NotNeeded: the call that CE did not know has ended meanwhile.
        """
        if mend.why is Mending.UNKNOWN_TO_CE:
            return await self._new_call(mend)
        return await self.gone(mend)

    async def gone(self, mend: Mend, who: str = "") -> Gone:
        """A Gone for the call that CE holds, on disk."""
        call = await self.call(mend.channel, mend.call_id) or Call(mend.channel, mend.call_id, self._parts.now())
        now, why = self._parts.time_of_day(), mend.why.value
        gone = Gone(str(uuid4()), self._parts.ivr, call.channel, call.call_id, now.astimezone(), why, call.call_token)
        # Where the IVR was told the id of a Gone, that stays the call's.
        ended = CallEnded(gone.channel, gone.call_id, now, gone.signal_id if call.gone is None else None)
        await self._parts.journal.record([SignalAccepted(gone, now, repair=True, who=who), ended])
        if call.gone is None:
            call.gone, call.gone_fate = gone.signal_id, Fate.PENDING
        self._parts.calls.ended(call)
        self._parts.tell_repair(gone, mend.why.value)
        return gone

    async def _new_call(self, mend: Mend) -> NewCall:
        """The NewCall of a call in progress, under a new id, on disk."""
        call = self._parts.calls.find(mend.channel, mend.call_id)
        if call is None or call.ended:
            raise NotNeeded
        kept = await self._parts.journal.signal(call.new_call) if call.new_call is not None else None
        if kept is not None and isinstance(kept.signal, NewCall):
            signal = evolve(kept.signal, signal_id=str(uuid4()), channel=call.channel)
        else:
            at = call.started_at or self._parts.time_of_day().astimezone()
            signal = NewCall(str(uuid4()), self._parts.ivr, call.channel, call.call_id, at, call.caller, call.called)
        await self._parts.journal.record([SignalAccepted(signal, self._parts.time_of_day(), repair=True)])
        call.remade, call.remade_fate = signal.signal_id, Fate.PENDING
        self._parts.tell_repair(signal, mend.why.value)
        return signal
