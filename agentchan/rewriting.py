"""What this run knows is written again after the journal's file was damaged: it was set aside for a fresh one.

What could be read of the old file has been saved into the new one; what could not is still in mind here, as far as
anybody waits for it: the pending signals, in their order, the Gones that CE refused, and the calls of both.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

import structlog
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from agentchan.core.calls import Call
from agentchan.core.outbox_values import Entry
from agentchan.delivering import Delivering
from agentchan.journal.errors import JournalError, JournalUnavailable
from agentchan.journal.writes import (
    CallEnded,
    CallOpened,
    CallTokenLearnt,
    SignalDropped,
    SignalRewritten,
    Write,
)
from agentchan.signal_parts import SignalParts
from agentchan.vocabulary import NewCall

log = structlog.get_logger("agentchan.signals")

AGAIN_AFTER = 1.0
"""Seconds until a journal that fails is tried again."""


class Rewriting:
    """Writes it again, channel by channel, so that nothing else waits for long."""

    def __init__(self, parts: SignalParts, delivering: Delivering) -> None:
        self._parts = parts
        self._delivering = delivering
        self._stopped = False

    def begin(self) -> Deferred[None]:
        """The file was replaced; fires when all is written."""
        return Deferred.fromCoroutine(self._rewrite())

    def stop(self) -> None:
        """Nothing is begun any more."""
        self._stopped = True

    async def _rewrite(self) -> None:
        while not self._delivering.loaded:
            await self._pause()
        outbox, calls = self._delivering.outbox, self._parts.calls
        refused = [entry.signal.channel for entry in outbox.refused.values()]
        names = dict.fromkeys([*outbox.channels(), *refused, *(call.channel for call in calls.open())])
        for channel in names:
            while not self._stopped and not await self._written(channel):
                await self._pause()
        log.warning("journal-rewritten", channels=len(names))

    def _pause(self) -> Deferred[None]:
        return deferLater(self._parts.reactor, AGAIN_AFTER)

    async def _written(self, channel: str) -> bool:
        """Write one channel's; False if the journal fails."""
        outbox = self._delivering.outbox
        async with self._parts.turns.of(channel):
            refused = [entry for entry in outbox.refused.values() if entry.signal.channel == channel]
            entries = [*refused, *outbox.pending(channel)]
            writes: list[Write] = [SignalDropped(entry.id) for entry in entries]
            writes += [self._signal(entry) for entry in entries]
            writes += self._calls(entries)
            open_call = self._parts.calls.open_on(channel)
            if open_call is not None:
                writes += self._call(open_call)
            if not writes:
                return True
            try:
                await self._parts.journal.record(writes)
            except JournalUnavailable:
                return False
            except JournalError as error:
                log.error("journal-not-rewritten", channel=channel, reason=str(error))  # noqa: TRY400 - it says it all
        return True

    def _signal(self, entry: Entry) -> Write:
        age = self._parts.now() - entry.accepted_at
        accepted_at = self._parts.time_of_day() - timedelta(seconds=age)
        return SignalRewritten(entry.signal, accepted_at, age, entry.repair, entry.attempts, entry.fate)

    def _calls(self, entries: Sequence[Entry]) -> Iterator[Write]:
        for entry in entries:
            signal = entry.signal
            call = self._parts.calls.find(signal.channel, signal.call_id)
            if call is not None:
                yield from self._call(call)
            elif isinstance(signal, NewCall):
                yield CallOpened(signal.channel, signal.call_id, self._parts.time_of_day(), signal.signal_id)
            else:
                yield CallEnded(signal.channel, signal.call_id, self._parts.time_of_day(), signal.signal_id)

    def _call(self, call: Call) -> Iterator[Write]:
        now = self._parts.time_of_day()
        if call.new_call is not None:
            since = now - timedelta(seconds=self._parts.now() - call.since)
            yield CallOpened(call.channel, call.call_id, since, call.new_call)
        if call.ended:
            yield CallEnded(call.channel, call.call_id, now, call.gone)
        if call.call_token is not None:
            yield CallTokenLearnt(call.channel, call.call_id, call.call_token)
