"""Call signals and calls: taken from the IVR, shown, retried, discarded, freed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from attrs import evolve
from twisted.internet.defer import Deferred

from agentchan.accepting import Accepted
from agentchan.api import requests
from agentchan.api.refusals import Refused, journal_unavailable, unknown_signal
from agentchan.core.calls import Call
from agentchan.core.outbox_values import Entry
from agentchan.journal.errors import JournalError
from agentchan.journal.signals import KeptSignal
from agentchan.journal.writes import SignalSettled
from agentchan.operations.base import Base, Json
from agentchan.rfc3339 import rfc3339
from agentchan.status import Moment
from agentchan.vocabulary import ChannelState, Fate, NewCall

_SET_ASIDE = (Fate.REFUSED, Fate.EXPIRED)


class CallOperations(Base):
    """What the IVR says of its calls, and what an operator does about them."""

    # -- from the IVR --------------------------------------------------------------------------------------------------

    def new_call(self, request: requests.NewCallRequest) -> Deferred[Json]:
        """A call began."""
        return Deferred.fromCoroutine(self._taken(self._daemon.accepting.new_call(request), request.wait))

    def gone(self, request: requests.GoneRequest) -> Deferred[Json]:
        """A call has ended."""
        return Deferred.fromCoroutine(self._taken(self._daemon.accepting.gone(request), request.wait))

    def put_calls(self, request: requests.PutCallsRequest) -> Deferred[Json]:
        """The IVR's own list."""
        return Deferred.fromCoroutine(self._daemon.accepting.reconcile(request))

    async def _taken(self, taking: Any, wait: float | None) -> dict[str, Any]:
        accepted: Accepted = await taking
        fate = accepted.fate
        if fate is Fate.PENDING and wait:
            fate = await self._daemon.delivering.awaited.of(accepted.signal_id, wait)
        return {"signal_id": accepted.signal_id, "fate": fate.value, "repeated": accepted.repeated}

    # -- looking -------------------------------------------------------------------------------------------------------

    def calls(self, query: requests.CallsQuery) -> Iterable[Json]:
        """Open calls, the oldest first."""
        moment = self._moment()
        calls = self._daemon.calls
        chosen = calls.open() if query.older_than is None else calls.older_than(moment.monotonic - query.older_than)
        return (self._call_row(call, moment) for call in tuple(chosen))

    def _call_row(self, call: Call, moment: Moment) -> dict[str, Any]:
        channels = self._daemon.channels
        channel = channels[call.channel] if call.channel in channels else None  # noqa: SIM401 - it is no dict
        reported = channel.reported if channel is not None else ChannelState.UNKNOWN
        known: bool | None = call.told
        if channel is not None and reported is not ChannelState.UNKNOWN:
            known = reported.in_call and channel.call_id in (call.call_id, None)
        return {
            "channel": call.channel,
            "call_id": call.call_id,
            "since": moment.time_of_day(call.since),
            "started_at": rfc3339(call.started_at) if call.started_at else None,
            "caller": self._number(call.caller),
            "called": self._number(call.called),
            "known_to_ce": known,
            "reported": reported.value,
            "signal_id": call.new_call,
            "fate": call.new_call_fate.value if call.new_call_fate else None,
        }

    def signals(self, query: requests.SignalsQuery) -> Deferred[Iterable[Json]]:
        """Call signals, the newest first."""
        self._daemon.delivering.writes.flush()
        channel = query.channel and self._daemon.configuration.ivr.aliases.get(query.channel, query.channel)
        found = self._daemon.journal.signals(
            fates=[Fate(fate) for fate in query.fates], channel=channel, before=query.before, limit=query.limit
        )
        return found.addCallbacks(lambda rows: (self._signal_row(kept) for kept in rows), _unreadable)

    def signal(self, signal_id: str) -> Deferred[Json]:
        """Everything known of one signal."""
        return Deferred.fromCoroutine(self._whole_signal(signal_id))

    async def _whole_signal(self, signal_id: str) -> Mapping[str, Any]:
        kept = await self._kept(signal_id)
        signal = kept.signal
        row = self._signal_row(kept)
        if isinstance(signal, NewCall):
            row |= {
                "started_at": rfc3339(signal.started_at),
                "caller": self._number(signal.caller),
                "called": self._number(signal.called),
            }
        else:
            row |= {"ended_at": rfc3339(signal.ended_at), "outcome": signal.outcome}
        row |= {"who": kept.who or None, "host": kept.host, "history": _history(kept)}
        entry = self._entry(kept)
        if entry is not None:
            waiting = self._daemon.delivering.outbox.pending(signal.channel)
            row |= {"place_in_line": next((place for place, each in enumerate(waiting, 1) if each is entry), None)}
        return row

    def _signal_row(self, kept: KeptSignal) -> dict[str, Any]:
        entry = self._entry(kept)
        return {
            "signal_id": kept.signal.signal_id,
            "kind": "new-call" if isinstance(kept.signal, NewCall) else "gone",
            "channel": kept.signal.channel,
            "call_id": kept.signal.call_id,
            "fate": kept.fate.value,
            "accepted_at": _iso(kept.accepted_at),
            "settled_at": _iso(kept.settled_at),
            # The journal hears of tries a little later than they are made.
            "attempts": max(kept.attempts, entry.attempts if entry is not None else 0),
            "last_error": (entry.last_error if entry is not None else None) or kept.last_error,
            "repair": kept.repair,
        }

    def _entry(self, kept: KeptSignal) -> Entry | None:
        """The signal in the outbox, while it is there."""
        if kept.fate is not Fate.PENDING:
            return None
        waiting = self._daemon.delivering.outbox.pending(kept.signal.channel)
        return next((entry for entry in waiting if entry.id == kept.signal.signal_id), None)

    # -- acting --------------------------------------------------------------------------------------------------------

    def retry(self, request: requests.SignalRequest) -> Deferred[Json]:
        """A refused or expired signal is sent again."""
        return Deferred.fromCoroutine(self._retry(request))

    async def _retry(self, request: requests.SignalRequest) -> Mapping[str, Any]:
        daemon = self._daemon
        if not daemon.delivering.loaded:
            text = "the signals of earlier runs are still being read; try again"
            raise Refused("loading", text, HTTPStatus.SERVICE_UNAVAILABLE, headers=(("Retry-After", "1"),))
        channel = (await self._kept(request.signal_id)).signal.channel
        async with daemon.accepting.turns.of(channel):
            kept = await self._set_aside(request.signal_id)
            await self._settle(kept, Fate.PENDING, None)
            known = daemon.delivering.outbox.refused.get(request.signal_id)
            entry = known or Entry(kept.signal, kept.accepted, kept.repair, kept.attempts)
            if not daemon.delivering.returned(entry):
                await self._settle(kept, kept.fate, kept.last_error)
                text = "a later call was on that channel, and CE could not tell which call this Gone ends; discard it"
                raise Refused("unsafe", text)
        daemon.calls.met_fate(channel, kept.signal.call_id, request.signal_id, Fate.PENDING, None)
        self._tell("signal-retried", kept, request)
        return self._signal_row(evolve(kept, fate=Fate.PENDING, settled_at=None))

    def discard(self, request: requests.SignalRequest) -> Deferred[Json]:
        """A refused or expired signal is given up."""
        return Deferred.fromCoroutine(self._discard(request))

    async def _discard(self, request: requests.SignalRequest) -> Mapping[str, Any]:
        daemon = self._daemon
        channel = (await self._kept(request.signal_id)).signal.channel
        error = f"discarded by {request.who}: {request.reason}"
        async with daemon.accepting.turns.of(channel):
            kept = await self._set_aside(request.signal_id)
            await self._settle(kept, Fate.DISCARDED, error)
            daemon.delivering.outbox.discard(request.signal_id, channel)
        daemon.calls.met_fate(channel, kept.signal.call_id, request.signal_id, Fate.DISCARDED, None)
        self._tell("signal-discarded", kept, request)
        return self._signal_row(evolve(kept, fate=Fate.DISCARDED, last_error=error))

    def free(self, request: requests.FreeRequest) -> Deferred[Json]:
        """A stuck channel is freed."""
        channel = self._channel(request.channel)
        self._daemon.chronicle.happened(
            "channel-free-asked", channel=channel.name, call_id=channel.call_id, reason=request.reason, who=request.who
        )
        freed = self._daemon.repairing.free(channel.name, request.who)
        return freed.addCallback(
            lambda gone: {"channel": gone.channel, "call_id": gone.call_id, "signal_id": gone.signal_id}
        )

    # -- inside --------------------------------------------------------------------------------------------------------

    async def _kept(self, signal_id: str) -> KeptSignal:
        # The journal hears of fates a moment later than callers who wait for them.
        self._daemon.delivering.writes.flush()
        try:
            kept = await self._daemon.journal.signal(signal_id)
        except JournalError as error:
            raise journal_unavailable(error.reason) from None
        if kept is None:
            raise unknown_signal(signal_id)
        return kept

    async def _set_aside(self, signal_id: str) -> KeptSignal:
        """A signal that is refused or expired."""
        kept = await self._kept(signal_id)
        if kept.fate not in _SET_ASIDE:
            text = f"signal {signal_id!r} is {kept.fate.value}; only refused and expired ones are retried or discarded"
            raise Refused("wrong-fate", text)
        return kept

    async def _settle(self, kept: KeptSignal, fate: Fate, error: str | None) -> None:
        now = self._moment()
        write = SignalSettled(kept.signal.signal_id, fate, now.datetime(now.monotonic), kept.attempts, error)
        try:
            await self._daemon.journal.record([write])
        except JournalError as failure:
            raise journal_unavailable(failure.reason) from None

    def _tell(self, event: str, kept: KeptSignal, request: requests.SignalRequest) -> None:
        signal = kept.signal
        self._daemon.chronicle.happened(
            event,
            signal_id=signal.signal_id,
            channel=signal.channel,
            call_id=signal.call_id,
            reason=request.reason,
            who=request.who,
        )


def _unreadable(failure: Any) -> Any:
    failure.trap(JournalError)
    raise journal_unavailable(failure.value.reason)


def _iso(at: Any) -> str | None:
    return None if at is None else rfc3339(at)


def _history(kept: KeptSignal) -> list[dict[str, str | None]]:
    """What happened to a signal, as far as it is kept."""
    steps = [(kept.accepted_at, "accepted" + (f", caused by {kept.who}" if kept.who else ""))]
    if kept.tried_at is not None:
        steps.append((kept.tried_at, f"tried {kept.attempts} times in vain, at last: {kept.last_error}"))
    if kept.settled_at is not None:
        by = f" by {kept.host}" if kept.host else ""
        why = f": {kept.last_error}" if kept.last_error and kept.fate is not Fate.CONFIRMED else ""
        steps.append((kept.settled_at, f"{kept.fate.value}{by}{why}"))
    return [{"at": _iso(at), "text": text} for at, text in steps]
