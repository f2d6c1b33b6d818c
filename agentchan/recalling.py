"""What the journal knows of calls and signals that have left memory, say since the daemon was started again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from twisted.internet.defer import Deferred

from agentchan.api.refusals import Refused, journal_unavailable
from agentchan.core.calls import Call
from agentchan.journal.calls import KeptCall
from agentchan.journal.errors import JournalError, WriteRefused
from agentchan.signal_parts import SignalParts
from agentchan.vocabulary import Fate, NewCall

Answer = TypeVar("Answer")
Recalled = Callable[[KeptCall], Call]


class Recalling:
    """Asks the journal.

    Raises:
        Refused: (every method that waits) journal-unavailable, 503.
    """

    def __init__(self, parts: SignalParts) -> None:
        self._parts = parts

    async def call(self, channel: str, call_id: str, signal_id: str | None, error: WriteRefused) -> Call:
        """The call that the journal knows already, which is why a signal for it was not kept.

        Args:
            channel: of the call.
            call_id: of the call.
            signal_id: the signal's, where the caller has given one.
            error: what the journal said.

        Raises:
            Refused: it was not kept since its SignalId is taken: signal-id-taken, 409.
            WriteRefused: it was not kept for no reason that is known.
        """
        self._parts.writes.flush()
        kept = await self._answer(self._parts.journal.call(channel, call_id))
        if kept is None:
            raise await self.taken(signal_id, error)
        call = recalled(self._parts, kept)
        if call.ended:
            self._parts.calls.ended(call)
        else:
            self._parts.calls.began(call)
        return call

    async def taken(self, signal_id: str | None, error: WriteRefused) -> Exception:
        """What is said of a SignalId that another signal has; or, if none has it, what the journal said."""
        taken = None if signal_id is None else await self._answer(self._parts.journal.signal(signal_id))
        if taken is None:
            return error
        what = "NewCall" if isinstance(taken.signal, NewCall) else "Gone"
        whose = f"the {what} of call {taken.signal.call_id!r} on {taken.signal.channel!r}"
        return Refused("signal-id-taken", f"signal_id {signal_id!r} is that of {whose}; each signal has its own")

    async def named(self, name: str, channel: str | None) -> tuple[str, str] | None:
        """Channel and call id of the call that has this token, or (of those in mind) this call id; None: none has."""
        call = self._parts.calls.named(name, channel)
        if call is not None:
            return call.channel, call.call_id
        self._parts.writes.flush()
        kept = await self._answer(self._parts.journal.call_with_token(name))
        return (kept.channel, kept.call_id) if kept is not None and channel in (None, kept.channel) else None

    async def newest_on(self, channel: str) -> str | None:
        """The call of a channel's newest signal, None if there is no signal of the channel (any more)."""
        kept = await self._answer(self._parts.journal.signals(channel=channel, limit=1))
        return kept[0].signal.call_id if kept else None

    async def _answer(self, question: Deferred[Answer]) -> Answer:
        try:
            return await question
        except JournalError as error:
            raise journal_unavailable(error.reason) from None


def recalled(parts: SignalParts, kept: KeptCall) -> Call:
    """A call as the journal has it."""
    since = parts.now()
    if kept.since is not None:
        since -= max(0.0, parts.wall() - kept.since.timestamp())
    # Signals are pruned only when they are settled.
    pruned = Fate.CONFIRMED
    return Call(
        channel=parts.channel_name(kept.channel),
        call_id=kept.call_id,
        since=since,
        started_at=kept.started_at,
        caller=kept.caller,
        called=kept.called,
        new_call=kept.new_call,
        new_call_fate=None if kept.new_call is None else kept.new_call_fate or pruned,
        gone=kept.gone,
        gone_fate=None if kept.gone is None else kept.gone_fate or pruned,
        ended=kept.ended_at is not None,
        call_token=kept.token,
    )
