"""The outbox: in what order call signals go to CE, and what becomes of each.

Signals of one channel go one after another, in the order in which they were accepted; those of different channels know
nothing of each other. A lane that is free *takes* the next signal (:meth:`Outbox.take`), and tells what came of it
(:meth:`Outbox.replied`, :meth:`Outbox.lost`). A signal keeps its id through every retry, so that CE applies it once.

What has to happen besides is put into ``actions``, in order, for whoever called: fates to be written down, mends to be
made (a mend is a new signal, which has to be on disk before it goes out), and what people should know.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable
from heapq import heappop, heappush
from itertools import takewhile
from math import inf

from attrs import evolve

from agentchan.core.backoff import Jitter
from agentchan.core.outbox_queue import Queue
from agentchan.core.outbox_values import (
    Decided,
    Denied,
    Emptied,
    Entry,
    Mend,
    Mending,
    OutboxAction,
    Reported,
    ReportWanted,
    Rules,
    Tried,
)
from agentchan.vocabulary import CallSignal, ChannelReport, ChannelState, Fate, Gone, Meaning, NewCall, Reply


class Outbox:
    """All signals that are pending, and the Gones that CE refused.

    Attributes:
        rules: may be set anew at any time.
        actions: what is to happen, to be taken by whoever called.
        standing_by: another instance is signed on for this IVR: a call that CE holds may be its call.
        withheld: channels whose Gone is kept back (profile.md, ``withhold-gone``), until something comes after it.
        refused: the Gones that CE refused, by id; they are tried again after each sign-on.
    """

    def __init__(self, rules: Rules, jitter: Jitter) -> None:
        self.rules = rules
        self.actions: list[OutboxAction] = []
        self.standing_by = False
        self.withheld: set[str] = set()
        self.refused: dict[str, Entry] = {}
        self._jitter = jitter
        self._queues: dict[str, Queue] = {}
        self._sendable: deque[str] = deque()
        self._later: list[tuple[float, str]] = []
        self._new_calls: dict[str, Entry] = {}
        self._pending = 0

    # What comes in.

    def accepted(self, entry: Entry, not_before: float = -inf) -> None:
        """A signal is on disk; it goes after all others of its channel.

        Args:
            entry: the signal.
            not_before: when it may go out, if it is the first (monotonic seconds): after a restart ``retry_guard``
                must pass where CE knows no SignalIds, since nobody knows whether it had gone out already.
        """
        queue = self._queue(entry)
        if not queue.waiting and not_before > -inf:
            queue.not_before = not_before
            heappush(self._later, (not_before, entry.signal.channel))
        queue.waiting.append(entry)
        self._added(entry)
        if isinstance(entry.signal, Gone) and self.rules.gone_only:
            self._drop_untold(queue, entry.signal)

    def set_aside(self, entry: Entry) -> None:
        """A Gone was refused in an earlier run."""
        entry.fate, entry.refused_before = Fate.REFUSED, True
        self.refused[entry.id] = entry

    def returned(self, entry: Entry) -> bool:
        """Somebody wants a refused or expired signal again; it goes where it was, before those that came after it.

        Returns:
            False for a Gone that could end a later call of its channel, since CE knows no SignalIds.
        """
        if not self._harmless(entry):
            return False
        entry.faulted_at, entry.refused_before, entry.expires = None, False, False
        self._return(entry)
        return True

    def mended(self, entry: Entry, before: str | None) -> None:
        """A mend is on disk; it goes before the signal that waits for it, which may have met its fate meanwhile."""
        queue = self._queue(entry)
        queue.mending = False
        if before is not None and queue.waiting and queue.waiting[0].id == before:
            queue.put_first(entry)
            queue.not_before = -inf
        else:
            queue.waiting.append(entry)
        self._added(entry)

    def not_mended(self, channel: str, now: float) -> None:
        """A mend could not be written down: the signal that waits for it is tried again, and finds the same."""
        queue = self._queues.get(channel)
        if queue is not None and queue.mending:
            queue.mending = False
            self._put_off(channel, queue, now)

    def take(self, now: float) -> CallSignal | None:
        """The next signal to send, None if nothing may go out now; it counts as in flight."""
        while self._later and self._later[0][0] <= now:
            self._offer(heappop(self._later)[1])
        while self._sendable:
            channel = self._sendable.popleft()
            queue = self._queues.get(channel)
            if queue is None:
                continue
            queue.offered = False
            if not self._may_go(channel, queue, now):
                continue
            entry = queue.waiting[0]
            if self._too_old(entry, now):
                self._decide(queue, entry, Fate.EXPIRED)
                continue
            queue.in_flight = True
            entry.attempts += 1
            return entry.signal
        return None

    def unsent(self, signal: CallSignal) -> None:
        """A signal that was taken was not sent after all; nothing is known against sending it."""
        found = self._landed(signal)
        if found is not None:
            _, entry = found
            entry.attempts -= 1
            self._offer(signal.channel)

    def lost(self, signal: CallSignal, reason: str, now: float) -> None:
        """A signal was sent and there is no answer: neither yes nor no."""
        found = self._landed(signal)
        if found is not None:
            queue, entry = found
            entry.last_error = reason
            self.actions.append(Tried(entry))
            self._put_off(signal.channel, queue, now, at_least=self.rules.retry_guard or 0.0)

    def replied(self, signal: CallSignal, reply: Reply, now: float) -> None:
        """CE has answered a signal."""
        found = self._landed(signal)
        if found is None:
            return
        queue, entry = found
        if reply.good:
            self.actions.extend(
                Reported(_with_call(report, signal)) for report in reply.reports if report.channel == signal.channel
            )
            duplicate = reply.meaning is Meaning.DUPLICATE
            self._decide(queue, entry, Fate.CONFIRMED, call_token=reply.call_token, duplicate=duplicate)
            return
        entry.last_error = reply.message or reply.meaning.value
        match reply.meaning:
            case Meaning.NOT_ACTIVE:
                self.actions.extend((Tried(entry), Denied(reply.active_server)))
                self._put_off(signal.channel, queue, now)
            case Meaning.CHANNEL_HELD if isinstance(signal, NewCall) and reply.call_id != signal.call_id:
                self._held(queue, entry, reply.call_id, now)
            case Meaning.REFUSED | Meaning.UNKNOWN_CHANNEL | Meaning.UNKNOWN_IVR:
                self._refuse(queue, entry)
            case _:
                self._faulted(queue, entry, now, placed=reply.placed)

    def signed_on(self, now: float) -> None:
        """There is a host to talk to: what waited for one goes out, and refused Gones are tried again."""
        for channel, queue in self._queues.items():
            first = queue.waiting[0]
            queue.failures, first.faulted_at = 0, None
            if self.rules.retry_guard is None or first.attempts == 0:
                queue.not_before = min(queue.not_before, now)
                self._offer(channel)
        for entry in tuple(self.refused.values()):
            if self._harmless(entry):
                self._return(entry)

    def reported(self, reports: Iterable[ChannelReport]) -> None:
        """CE has reported these channels: a refused Gone of a call that it does not hold is needed by nobody."""
        held = {report.channel: report.call_id for report in reports if report.state is not ChannelState.UNKNOWN}
        for entry in tuple(self.refused.values()):
            channel = entry.signal.channel
            if channel in held and channel not in self._queues and held[channel] != entry.signal.call_id:
                del self.refused[entry.id]
                entry.fate, entry.last_error = Fate.DISCARDED, "CE reports that it does not hold the call"
                self.actions.append(Decided(entry))

    def discard(self, signal_id: str, channel: str) -> bool:
        """An operator wants a signal dropped; False if it is out just now, or is not here.

        One that CE has refused has met its fate already, and is only forgotten.
        """
        if self.refused.pop(signal_id, None) is not None:
            return True
        queue = self._queues.get(channel)
        if queue is None:
            return False
        entry = next((entry for entry in queue.waiting if entry.id == signal_id), None)
        if entry is None or (queue.in_flight and queue.waiting[0] is entry):
            return False
        self._decide(queue, entry, Fate.DISCARDED)
        return True

    def release(self, channel: str) -> None:
        """The Gone of this channel is not kept back any more."""
        self.withheld.discard(channel)
        self._offer(channel)

    def expire(self, now: float) -> None:
        """Let NewCalls expire that CE could not be told of in time; one that is out just now has its chance."""
        for entry in list(takewhile(lambda entry: self._too_old(entry, now), self._new_calls.values())):
            queue = self._queues[entry.signal.channel]
            if not (queue.in_flight and queue.waiting[0] is entry):
                self._decide(queue, entry, Fate.EXPIRED)

    # What can be asked.

    def __len__(self) -> int:
        """How many signals are pending."""
        return self._pending

    def __contains__(self, channel: str) -> bool:
        """Whether a channel has anything pending."""
        return channel in self._queues

    def channels(self) -> tuple[str, ...]:
        """The channels that have anything pending."""
        return tuple(self._queues)

    def deadline(self) -> float:
        """When something may go out that may not now (monotonic seconds), infinite if nothing waits for time."""
        return self._later[0][0] if self._later else inf

    def pending(self, channel: str) -> tuple[Entry, ...]:
        """The signals of a channel, in order."""
        queue = self._queues.get(channel)
        return tuple(queue.waiting) if queue is not None else ()

    def in_flight(self, channel: str) -> bool:
        """Whether a signal of the channel is out."""
        queue = self._queues.get(channel)
        return queue is not None and queue.in_flight

    def oldest_at(self, besides: Collection[str] = ()) -> float | None:
        """When the oldest pending signal was accepted (monotonic seconds); looks at each channel's first only.

        Args:
            besides: channels that do not count.
        """
        firsts = (queue.waiting[0] for channel, queue in self._queues.items() if channel not in besides)
        return min((entry.accepted_at for entry in firsts), default=None)

    # Inside.

    def _queue(self, entry: Entry) -> Queue:
        return self._queues.setdefault(entry.signal.channel, Queue())

    def _added(self, entry: Entry) -> None:
        self._pending += 1
        signal = entry.signal
        if isinstance(signal, NewCall) and entry.expires:
            self._new_calls[entry.id] = entry
        for refused in self.refused.values() if self.rules.retry_guard is not None else ():
            if refused.signal.channel == signal.channel and refused.signal.call_id != signal.call_id:
                refused.overtaken = True
        self._offer(signal.channel)

    def _harmless(self, entry: Entry) -> bool:
        """Whether a signal can be sent late: without SignalIds a Gone could end a later call (profile.md, Rules)."""
        if self.rules.retry_guard is None or not isinstance(entry.signal, Gone):
            return True
        later = self.pending(entry.signal.channel)
        return not entry.overtaken and all(other.signal.call_id == entry.signal.call_id for other in later)

    def _return(self, entry: Entry) -> None:
        self.refused.pop(entry.id, None)
        entry.fate = Fate.PENDING
        self._queue(entry).put_back(entry)
        self._added(entry)

    def _landed(self, signal: CallSignal) -> tuple[Queue, Entry] | None:
        """The signal is not out any more; None if it was not, so that what came is late news."""
        queue = self._queues.get(signal.channel)
        if queue is None or not queue.in_flight or queue.waiting[0].id != signal.signal_id:
            return None
        queue.in_flight = False
        return queue, queue.waiting[0]

    def _may_go(self, channel: str, queue: Queue, now: float) -> bool:
        if queue.in_flight or queue.mending or now < queue.not_before:
            return False
        kept_back = channel in self.withheld and isinstance(queue.waiting[0].signal, Gone)
        return not kept_back or len(queue.waiting) > 1

    def _offer(self, channel: str) -> None:
        """Let a free lane find the channel."""
        queue = self._queues.get(channel)
        if queue is not None and not (queue.in_flight or queue.mending or queue.offered):
            queue.offered = True
            self._sendable.append(channel)

    def _put_off(self, channel: str, queue: Queue, now: float, at_least: float = 0.0) -> None:
        queue.failures += 1
        self._wait(channel, queue, now + max(at_least, self.rules.backoff.delay(queue.failures, self._jitter)))

    def _wait(self, channel: str, queue: Queue, until: float) -> None:
        queue.not_before = until
        heappush(self._later, (queue.not_before, channel))

    def _too_old(self, entry: Entry, now: float) -> bool:
        is_old = now - entry.accepted_at > self.rules.new_call_max_age
        return is_old and entry.expires and isinstance(entry.signal, NewCall)

    def _decide(
        self, queue: Queue, entry: Entry, fate: Fate, *, call_token: str | None = None, duplicate: bool = False
    ) -> None:
        entry.fate = fate
        channel = entry.signal.channel
        queue.waiting.remove(entry)
        self._new_calls.pop(entry.id, None)
        queue.failures = 0
        queue.not_before = -inf
        self._pending -= 1
        self.actions.append(Decided(entry, call_token, duplicate))
        if queue.waiting:
            self._offer(channel)
        else:
            del self._queues[channel]
            self.actions.append(Emptied(channel))

    def _held(self, queue: Queue, entry: Entry, call_id: str | None, now: float) -> None:
        """CE holds another call on the channel than the one that began.

        The IVR knows best, so that call's Gone goes first; but while another instance is signed on it may be a call
        of that one, so the signal waits. So it does before every second mend: the first may have changed nothing.
        """
        channel = entry.signal.channel
        self.actions.append(Tried(entry))
        if self.standing_by or call_id is None:
            if not self.standing_by:
                self.actions.append(ReportWanted(channel))
            self._put_off(channel, queue, now)
            return
        entry.held += 1
        if entry.held % 2 == 0:
            self._wait(channel, queue, now + self.rules.backoff.delay(entry.held // 2, self._jitter))
            return
        gone = next(
            (one for one in queue.waiting if isinstance(one.signal, Gone) and one.signal.call_id == call_id), None
        )
        if gone is None:
            queue.mending = True
            self.actions.append(Mend(channel, call_id, Mending.SUPERSEDED, before=entry.id))
        else:
            queue.waiting.remove(gone)
            queue.put_first(gone)
            self._offer(channel)

    def _refuse(self, queue: Queue, entry: Entry) -> None:
        """CE will not take it, however often it is sent (contract, Faults): it is set aside, and only it."""
        entry.refused_before = True
        if isinstance(entry.signal, Gone):
            this = entry.signal.call_id
            entry.overtaken = entry.overtaken or any(other.signal.call_id != this for other in queue.waiting)
            self.refused[entry.id] = entry
        elif not self.rules.tells_held_call:
            self.actions.append(ReportWanted(entry.signal.channel))
        self._decide(queue, entry, Fate.REFUSED)

    def _faulted(self, queue: Queue, entry: Entry, now: float, *, placed: bool) -> None:
        """CE could not take it now; what the profile cannot place is not believed for ever."""
        if not placed:
            entry.faulted_at = now if entry.faulted_at is None else entry.faulted_at
            if entry.refused_before or now - entry.faulted_at >= self.rules.refuse_after:
                self._refuse(queue, entry)
                return
        self.actions.append(Tried(entry))
        self._put_off(entry.signal.channel, queue, now)

    def _drop_untold(self, queue: Queue, gone: Gone) -> None:
        """A call that ended before CE heard of it: its NewCall is not sent any more."""
        for entry in tuple(queue.waiting):
            untold = isinstance(entry.signal, NewCall) and entry.attempts == 0
            if untold and entry.signal.call_id == gone.call_id:
                entry.last_error = "the call ended before CE heard of it"
                self._decide(queue, entry, Fate.DISCARDED)


def _with_call(report: ChannelReport, signal: CallSignal) -> ChannelReport:
    """The state that CE answered to a signal; after a NewCall it is that call which the channel holds."""
    if report.state.in_call and report.call_id is None and isinstance(signal, NewCall):
        return evolve(report, call_id=signal.call_id)
    return report
