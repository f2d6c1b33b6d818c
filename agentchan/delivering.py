"""Call signals on their way: from the journal into the outbox, through the lanes to CE, and their fates back.

What has to happen to a signal is decided in :mod:`agentchan.core.outbox`; here it is done.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from math import inf
from typing import Protocol

from attrs import evolve
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall

from agentchan.awaited_fates import AwaitedFates
from agentchan.ce.lanes import Lanes
from agentchan.core.outbox import Outbox
from agentchan.core.outbox_values import (
    Decided,
    Denied,
    Emptied,
    Entry,
    Mend,
    OutboxAction,
    Reported,
    ReportWanted,
    Tried,
)
from agentchan.core.session_values import Note
from agentchan.earlier_signals import EarlierSignals
from agentchan.journal.writes import CallTokenLearnt, SignalSettled, SignalTried, Write
from agentchan.signal_parts import SignalParts
from agentchan.vocabulary import CallSignal, ChannelReport, Fate, Gone, NewCall


class Mending(Protocol):
    """What makes new signals where CE and we do not agree (:mod:`agentchan.repairing`)."""

    def mend(self, mend: Mend) -> None:
        """Make a new signal; tell ``Delivering.mended`` or ``not_mended``."""

    def report_wanted(self, channel: str, refused: Entry | None) -> None:
        """CE refused a NewCall and cannot say which call it holds."""

    def seen(self, report: ChannelReport) -> None:
        """CE has said what it believes of a channel."""


class Delivering:
    """All call signals that are on disk and not settled.

    Attributes:
        outbox: to be read by others.
        lanes: None in frontend mode; set once.
        mending: set once, before the first signal.
        writes: fates on their way to the disk.
        awaited: fates that callers wait for.
        loaded: whether the signals of earlier runs are all here.
        host: who answers now, for the journal; set by whoever directs the lanes.

    Args:
        on_denied: CE answered a signal that its host is not active; it names the active one if it can.
        on_settled: called when channels may be told of their readiness again.
        on_old_settled: called when no signal of before the last sign-on is pending any more.
    """

    mending: Mending

    def __init__(
        self,
        parts: SignalParts,
        outbox: Outbox,
        *,
        on_denied: Callable[[str | None], None],
        on_settled: Callable[[], None],
        on_old_settled: Callable[[], None],
    ) -> None:
        self.outbox = outbox
        self.lanes: Lanes | None = None
        self.writes = parts.writes
        self.awaited = AwaitedFates(parts.reactor)
        self.loaded = False
        self.host: str | None = None
        self._parts = parts
        self._on_denied = on_denied
        self._on_settled = on_settled
        self._on_old_settled = on_old_settled
        self._earlier = EarlierSignals(parts, outbox)
        self._early: deque[Entry] = deque()
        self._old = 0
        self._old_until = -inf
        self._progressing = False
        self._soon: IDelayedCall | None = None

    # -- signals of earlier runs ---------------------------------------------------------------------------------------

    def expect(self, channels: Iterable[str]) -> None:
        """Earlier runs have left signals of these channels pending, which :meth:`load` will take up."""
        self._earlier.expect(channels)

    async def load(self, last_position: int) -> None:
        """Take up the signals that were pending when the last run ended; new ones wait until these are here.

        Raises:
            JournalError: they cannot be read now; said again, it goes on.
        """
        await self._earlier.load(last_position, frozenset(entry.id for entry in self._early))
        self.loaded = True
        while self._early:
            self._into_outbox(self._early.popleft())
        if self._old_until > -inf:
            self._count_old()
        self.advance()
        self._on_settled()

    def has(self, channel: str) -> bool:
        """Whether signals of a channel are pending."""
        return channel in self.outbox or channel in self._earlier.expected

    def __len__(self) -> int:
        """How many signals are pending."""
        return len(self.outbox) if self.loaded else self._parts.journal.counts.pending

    # -- new signals ---------------------------------------------------------------------------------------------------

    def accepted(self, signals: Sequence[tuple[CallSignal, bool]]) -> None:
        """These signals, each with whether it is a repair, are on disk now."""
        now = self._parts.now()
        for signal, repair in signals:
            entry = Entry(signal, now, repair)
            if self.loaded:
                self._into_outbox(entry)
            else:
                self._parts.channels.hold_back(signal.channel)
                self._early.append(entry)
        if self.outbox.actions:
            self.progress()
        self._advance_soon()

    def mended(self, signal: CallSignal, before: str | None) -> None:
        """A mend is on disk."""
        if not self.loaded:
            self.accepted([(signal, True)])
            return
        self._parts.channels.hold_back(signal.channel)
        self.outbox.mended(Entry(signal, self._parts.now(), repair=True), before)
        self.advance()

    def not_mended(self, channel: str) -> None:
        """A mend could not be put on disk."""
        self.outbox.not_mended(channel, self._parts.now())
        self.advance()

    def returned(self, entry: Entry, after: CallSignal | None = None) -> bool:
        """A refused or expired signal is wanted again.

        Args:
            entry: the signal.
            after: a mend that is on disk and goes first.

        Returns:
            False where that could end another call (profile.md, Rules).
        """
        if not self.outbox.returned(entry):
            return False
        self._parts.channels.hold_back(entry.signal.channel)
        if after is not None:
            self.outbox.mended(Entry(after, self._parts.now(), repair=True), entry.id)
        self.advance()
        return True

    def _into_outbox(self, entry: Entry) -> None:
        self._parts.channels.hold_back(entry.signal.channel)
        self.outbox.accepted(entry)

    # -- channels that are taken out by keeping back a Gone (profile.md, withhold-gone) --------------------------------

    def withhold(self, channels: Iterable[str]) -> None:
        """Keep back the last Gone of these channels, and of no others."""
        wanted = frozenset(channels)
        for channel in self.outbox.withheld - wanted:
            self.outbox.release(channel)
        self.outbox.withheld |= wanted
        self.advance()

    @property
    def sendable(self) -> int:
        """How many of the pending signals are not kept back."""
        return len(self.outbox) - len(self._kept_back())

    def oldest_at(self) -> float | None:
        """When the oldest signal that is not kept back was accepted (monotonic seconds); None: there is none."""
        return self.outbox.oldest_at(besides=self._kept_back())

    def _kept_back(self) -> frozenset[str]:
        return frozenset(filter(self.keeps_back, self.outbox.withheld))

    def keeps_back(self, channel: str) -> bool:
        """Whether the Gone of the channel's last call is kept back."""
        pending = self.outbox.pending(channel) if channel in self.outbox.withheld else ()
        return len(pending) == 1 and isinstance(pending[0].signal, Gone) and not self.outbox.in_flight(channel)

    # -- to CE and back ------------------------------------------------------------------------------------------------

    def serve(self, url: str | None, host: str | None) -> None:
        """Send signals to the IVR Connector at a URL from now on, or nowhere."""
        self.host = host
        if self.lanes is not None:
            self.lanes.serve(url if self.loaded else None)

    def sent(self, signal: CallSignal) -> None:
        """A signal goes out: what CE reports of its channel meanwhile says nothing."""
        self._parts.channels.signal_sent(signal.channel)

    def landed(self, signal: CallSignal) -> None:
        """It is not out any more."""
        self._parts.channels.signal_answered(signal.channel)

    def signed_on(self) -> None:
        """The agent channel is signed on: what is pending now is what the failover held up."""
        self._old_until = self._parts.now()
        if self.lanes is not None:
            self.lanes.begin_anew()
        if self.loaded:
            self._count_old()

    def _count_old(self) -> None:
        self._old = len(self.outbox)
        if self._old == 0:
            self._on_old_settled()

    def _advance_soon(self) -> None:
        """Let the lanes go on when the answers to those who gave the signals have been written: they wait for these."""
        if self._soon is None and self.lanes is not None:
            # What a turn of the reactor leaves to be written goes out between the next turn and the one after it.
            self._soon = self._parts.reactor.callLater(0, self._advance_after_this_turn)

    def _advance_after_this_turn(self) -> None:
        self._soon = self._parts.reactor.callLater(0, self._advance_now)

    def _advance_now(self) -> None:
        self._soon = None
        self.advance()

    def advance(self) -> None:
        """Let the lanes go on, and carry out what the outbox has decided meanwhile."""
        if self.lanes is not None:
            self.lanes.advance()
        if self.outbox.actions:
            self.progress()

    def progress(self) -> None:
        """Carry out what the outbox has decided, in order, also what comes up meanwhile."""
        if self._progressing:
            return
        self._progressing = True
        writes: list[Write] = []
        settled = False
        try:
            while self.outbox.actions:
                actions, self.outbox.actions = self.outbox.actions, []
                for action in actions:
                    settled = self._act(action, writes) or settled
        finally:
            self._progressing = False
            self.writes.add(writes)
        if settled:
            self._on_settled()

    def _act(self, action: OutboxAction, writes: list[Write]) -> bool:
        """Carry out one action; returns whether a channel may be told of its readiness again."""
        match action:
            case Decided():
                self._decided(action, writes)
            case Tried(entry):
                writes.append(SignalTried(entry.id, entry.attempts, self._parts.time_of_day(), entry.last_error))
            case Reported(report):
                self._parts.channels.reported_by_signal(report, self._parts.now())
                self.mending.seen(report)
                return True
            case Emptied(channel):
                self._parts.channels.let_go(channel)
                return True
            case Mend():
                self.mending.mend(action)
            case ReportWanted(channel):
                self.mending.report_wanted(channel, None)
            case Denied(active_server):
                self._on_denied(active_server)
            case Note():
                self._parts.tell(action.event, level="warning" if action.alarm else "info", text=action.text)
        return False

    def _decided(self, decided: Decided, writes: list[Write]) -> None:
        entry, fate = decided.entry, decided.entry.fate
        signal = entry.signal
        error = None if fate is Fate.CONFIRMED else entry.last_error
        host = self.host if fate in (Fate.CONFIRMED, Fate.REFUSED) else None
        writes.append(SignalSettled(signal.signal_id, fate, self._parts.time_of_day(), entry.attempts, error, host))
        if decided.call_token is not None:
            writes.append(CallTokenLearnt(signal.channel, signal.call_id, decided.call_token))
            self._give_token(signal, decided.call_token)
        self._parts.calls.met_fate(signal.channel, signal.call_id, signal.signal_id, fate, decided.call_token)
        self.awaited.met(signal.signal_id, fate)
        waited = self._parts.now() - entry.accepted_at
        self._parts.tell(
            f"signal-{fate.value}",
            level="debug" if fate in (Fate.CONFIRMED, Fate.DISCARDED) else "warning",
            kind="gone" if isinstance(signal, Gone) else "new-call",
            signal_id=signal.signal_id,
            channel=signal.channel,
            call_id=signal.call_id,
            attempts=entry.attempts,
            waited_ms=round(waited * 1000, 1),
            duplicate=decided.duplicate,
            repair=entry.repair,
            error=error,
        )
        if fate is Fate.REFUSED and isinstance(signal, NewCall) and not self.outbox.rules.tells_held_call:
            self.mending.report_wanted(signal.channel, entry)
        if entry.accepted_at <= self._old_until and self._old:
            self._old -= 1
            if self._old == 0:
                self._on_old_settled()

    def _give_token(self, signal: CallSignal, token: str) -> None:
        """A Gone that waits behind its NewCall gets what CE answered to that."""
        for entry in self.outbox.pending(signal.channel):
            if isinstance(entry.signal, Gone) and entry.signal.call_id == signal.call_id:
                entry.signal = evolve(entry.signal, call_token=token)

    # -- the end -------------------------------------------------------------------------------------------------------

    def stop(self) -> Deferred[None]:
        """Send nothing more; fires when the replies that are out have come, or are overdue; said again: at once."""
        if self._soon is not None:
            self._soon.cancel()
            self._soon = None
        stopped = self.lanes.stop() if self.lanes is not None else succeed(None)
        return stopped.addCallback(lambda _: self.writes.flush())
