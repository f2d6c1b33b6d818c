"""The outbox against a model of CE: nothing is lost, doubled or overtaken, and in the end all goes out."""

from __future__ import annotations

from itertools import count

from attrs import define, field
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from agentchan.core.backoff import FLOOR, Backoff
from agentchan.core.outbox import Outbox
from agentchan.core.outbox_values import Decided, Emptied, Entry, Mend, Rules, Tried
from agentchan.vocabulary import CallSignal, Fate, Gone, Meaning, NewCall, Reply
from tests.core.signals import MOMENT

CHANNELS = ("c1", "c2", "c3")
MAX_AGE = 50.0


@define
class Ce:
    """CE's side, as the contract has it: which call a channel holds, and which signals and calls it has seen."""

    holds: dict[str, str | None] = field(factory=lambda: dict.fromkeys(CHANNELS))
    applied: dict[str, CallSignal] = field(factory=dict)
    over: set[tuple[str, str]] = field(factory=set)

    def apply(self, signal: CallSignal) -> Reply:
        """Take a signal, once."""
        if signal.signal_id in self.applied:
            assert self.applied[signal.signal_id] == signal
            return Reply(Meaning.DUPLICATE)
        held = self.holds[signal.channel]
        if isinstance(signal, NewCall):
            if (signal.channel, signal.call_id) not in self.over:
                if held not in (None, signal.call_id):
                    return Reply(Meaning.CHANNEL_HELD, call_id=held)
                self.holds[signal.channel] = signal.call_id
        else:
            self.over.add((signal.channel, signal.call_id))
            if held == signal.call_id:
                self.holds[signal.channel] = None
        self.applied[signal.signal_id] = signal
        return Reply(Meaning.CONFIRMED)


class OutboxMachine(RuleBasedStateMachine):
    """Random calls, lanes, answers, losses, sign-ons and operators."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.ids = count(1)
        self.ce = Ce()
        self.out: dict[str, CallSignal] = {}
        self.order: dict[str, list[str]] = {channel: [] for channel in CHANNELS}
        self.open: dict[str, str] = {}
        self.fates: dict[str, Fate] = {}
        self.entries: dict[str, Entry] = {}
        self.not_before: dict[str, float] = {}
        self.mends: list[Mend] = []

    @initialize(guard=st.sampled_from([None, 10.0]), gone_only=st.booleans(), tells=st.booleans())
    def begin(self, guard: float | None, gone_only: bool, tells: bool) -> None:
        """Any rules; draws are the shortest."""
        rules = Rules(
            new_call_max_age=MAX_AGE,
            refuse_after=20.0,
            backoff=Backoff(0.1, 5.0),
            gone_only=gone_only,
            retry_guard=guard,
            tells_held_call=tells,
        )
        self.outbox = Outbox(rules, lambda low, _high: low)

    # What the IVR, the lanes, CE and the operator do.

    @rule(channel=st.sampled_from(CHANNELS))
    def call_begins(self, channel: str) -> None:
        """A call begins, whatever was open on the channel."""
        call = f"call-{next(self.ids)}"
        self.open[channel] = call
        self.accept(NewCall(f"s{next(self.ids)}", "ivr1", channel, call, MOMENT))

    @rule(channel=st.sampled_from(CHANNELS))
    def call_ends(self, channel: str) -> None:
        """The open call ends, or one of which nobody has said that it began."""
        call = self.open.pop(channel, None) or f"call-{next(self.ids)}"
        self.accept(Gone(f"s{next(self.ids)}", "ivr1", channel, call, MOMENT))

    @rule()
    def lane_takes(self) -> None:
        """A lane is free."""
        signal = self.outbox.take(self.now)
        self.carry_out()
        if signal is not None:
            assert signal.channel not in self.out, "two of one channel are out"
            assert self.order[signal.channel][0] == signal.signal_id, "something was overtaken"
            assert self.now >= self.not_before.get(signal.channel, 0.0), "a pause was not kept"
            assert self.entries[signal.signal_id].signal == signal, "a signal has changed on its way"
            self.out[signal.channel] = signal

    @precondition(lambda self: self.out)
    @rule(data=st.data())
    def ce_answers(self, data: st.DataObject) -> None:
        """CE applies the signal, or says that another call is there."""
        signal = self.land(data)
        self.outbox.replied(signal, self.ce.apply(signal), self.now)
        self.carry_out()

    @precondition(lambda self: self.out)
    @rule(
        data=st.data(),
        meaning=st.sampled_from([Meaning.NOT_ACTIVE, Meaning.RETRY, Meaning.UNKNOWN_SESSION]),
        placed=st.booleans(),
    )
    def ce_cannot(self, data: st.DataObject, meaning: Meaning, placed: bool) -> None:
        """CE answers that it cannot."""
        signal = self.land(data)
        self.outbox.replied(signal, Reply(meaning, placed=placed), self.now)
        self.carry_out()

    @precondition(lambda self: self.out)
    @rule(data=st.data(), meaning=st.sampled_from([Meaning.REFUSED, Meaning.UNKNOWN_CHANNEL]))
    def ce_refuses(self, data: st.DataObject, meaning: Meaning) -> None:
        """CE answers that it will not."""
        signal = self.land(data)
        self.outbox.replied(signal, Reply(meaning), self.now)
        self.carry_out()
        assert self.fates[signal.signal_id] is Fate.REFUSED

    @precondition(lambda self: self.out)
    @rule(data=st.data(), applied=st.booleans())
    def reply_is_lost(self, data: st.DataObject, applied: bool) -> None:
        """The connection is cut, before the signal got there or after it was applied."""
        signal = self.land(data)
        if applied:
            self.ce.apply(signal)
        self.outbox.lost(signal, "cut", self.now)
        self.not_before[signal.channel] = self.now + max(FLOOR, self.outbox.rules.retry_guard or 0.0)
        self.carry_out()

    @precondition(lambda self: self.out)
    @rule(data=st.data())
    def not_sent(self, data: st.DataObject) -> None:
        """No connection could be made."""
        self.outbox.unsent(self.land(data))

    @rule(data=st.data())
    def late_news(self, data: st.DataObject) -> None:
        """Something of a connection that was given up."""
        known = [entry.signal for entry in self.entries.values() if entry.signal != self.out.get(entry.signal.channel)]
        if known:
            signal = data.draw(st.sampled_from(known))
            self.outbox.replied(signal, Reply(Meaning.CONFIRMED), self.now)
            self.outbox.lost(signal, "late", self.now)
            self.outbox.unsent(signal)
        assert not self.outbox.actions

    @precondition(lambda self: self.mends)
    @rule(written=st.booleans())
    def mend_is_written(self, written: bool) -> None:
        """The journal has kept a mend, or could not."""
        mend = self.mends.pop(0)
        if not written:
            self.outbox.not_mended(mend.channel, self.now)
            return
        signal = Gone(f"s{next(self.ids)}", "ivr1", mend.channel, mend.call_id, MOMENT)
        entry = self.entries[signal.signal_id] = Entry(signal, self.now, repair=True)
        order = self.order[mend.channel]
        order.insert(0 if order and order[0] == mend.before else len(order), signal.signal_id)
        self.not_before.pop(mend.channel, None)
        self.outbox.mended(entry, mend.before)

    @rule()
    def sign_on(self) -> None:
        """A host is there again; what was out on the old lanes is lost before."""
        for channel in list(self.out):
            self.outbox.lost(self.out.pop(channel), "the host has changed", self.now)
        before = set(self.outbox.refused)
        if self.outbox.rules.retry_guard is None:
            self.not_before.clear()
        self.outbox.signed_on(self.now)
        self.wanted_again(before - set(self.outbox.refused))
        self.carry_out()

    @precondition(lambda self: any(fate in (Fate.REFUSED, Fate.EXPIRED) for fate in self.fates.values()))
    @rule(data=st.data())
    def operator_retries(self, data: st.DataObject) -> None:
        """An operator wants a refused or expired signal again."""
        chosen = sorted(each for each, fate in self.fates.items() if fate in (Fate.REFUSED, Fate.EXPIRED))
        entry = self.entries[data.draw(st.sampled_from(chosen))]
        if self.outbox.returned(entry):
            self.wanted_again({entry.id})

    @rule(data=st.data())
    def operator_discards(self, data: st.DataObject) -> None:
        """An operator drops a signal."""
        if self.entries:
            signal = self.entries[data.draw(st.sampled_from(sorted(self.entries)))].signal
            if signal.signal_id in self.outbox.refused:
                self.fates[signal.signal_id] = Fate.DISCARDED
            self.outbox.discard(signal.signal_id, signal.channel)
            self.carry_out()

    @rule(seconds=st.sampled_from([0.05, 0.1, 1.0, 10.0, 60.0]))
    def time_passes(self, seconds: float) -> None:
        """Time passes, and somebody looks for what is too old."""
        self.now += seconds
        self.outbox.expire(self.now)
        self.carry_out()

    @rule(standing_by=st.booleans())
    def stand_by(self, standing_by: bool) -> None:
        """Another instance is signed on, or not any more."""
        self.outbox.standing_by = standing_by

    # What must be true.

    @invariant()
    def nothing_is_lost_or_doubled(self) -> None:
        """Every signal that has no fate yet is pending, once, in order, and no other is."""
        if not hasattr(self, "outbox"):
            return
        for channel in CHANNELS:
            assert [entry.id for entry in self.outbox.pending(channel)] == self.order[channel]
            assert (channel in self.outbox) == bool(self.order[channel])
            assert self.outbox.in_flight(channel) == (channel in self.out)
        assert len(self.outbox) == sum(map(len, self.order.values()))

    def teardown(self) -> None:
        """When all has healed, everything goes out, and CE has seen each confirmed signal."""
        if not hasattr(self, "outbox"):
            return
        self.outbox.standing_by = False
        while self.mends:
            self.mend_is_written(written=True)
        self.sign_on()
        for _ in range(20 * (len(self.entries) + 10)):
            signal = self.outbox.take(self.now)
            self.carry_out()
            if signal is not None:
                self.out[signal.channel] = signal
                self.outbox.replied(self.out.pop(signal.channel), self.ce.apply(signal), self.now)
                self.carry_out()
            while self.mends:
                self.mend_is_written(written=True)
            if not len(self.outbox):
                break
            self.now = max(self.now, min(self.outbox.deadline(), self.now + 60.0)) if signal is None else self.now
        assert len(self.outbox) == 0, "the outbox is wedged"
        for signal_id, fate in self.fates.items():
            assert fate is not Fate.CONFIRMED or signal_id in self.ce.applied
            assert fate is not Fate.EXPIRED or isinstance(self.entries[signal_id].signal, NewCall)
        self.outbox.signed_on(self.now)

    # Inside.

    def accept(self, signal: CallSignal) -> None:
        """The journal has kept a signal."""
        entry = self.entries[signal.signal_id] = Entry(signal, self.now)
        self.outbox.accepted(entry)
        self.order[signal.channel].append(signal.signal_id)
        self.carry_out()

    def land(self, data: st.DataObject) -> CallSignal:
        """A signal that was out is out no more."""
        return self.out.pop(data.draw(st.sampled_from(sorted(self.out))))

    def wanted_again(self, ids: set[str]) -> None:
        """They are back among the others of their channels: before what came after, a Gone never before its NewCall."""
        for channel, order in self.order.items():
            now = [other.id for other in self.outbox.pending(channel)]
            assert [each for each in now if each not in ids] == order
            for place, signal_id in enumerate(now):
                if signal_id in ids:
                    self.is_back(self.entries[signal_id], [self.entries[each] for each in now[place + 1 :]])
            if now[:1] != order[:1]:
                self.not_before.pop(channel, None)
            self.order[channel] = now

    def is_back(self, entry: Entry, after: list[Entry]) -> None:
        """A signal is pending again, before these."""
        self.fates.pop(entry.id, None)
        assert not any(
            isinstance(each.signal, NewCall) and each.signal.call_id == entry.signal.call_id for each in after
        )
        assert all(
            each.accepted_at >= entry.accepted_at for each in after if each.signal.call_id != entry.signal.call_id
        )

    def carry_out(self) -> None:
        """Carry out what the outbox has decided."""
        actions, self.outbox.actions = self.outbox.actions, []
        for action in actions:
            match action:
                case Decided(entry):
                    assert self.fates.get(entry.id) in (None, Fate.REFUSED), "a signal has met two fates"
                    self.fates[entry.id] = entry.fate
                    if entry.id in self.order[entry.signal.channel]:
                        self.order[entry.signal.channel].remove(entry.id)
                        self.not_before.pop(entry.signal.channel, None)
                case Emptied(channel):
                    assert not self.order[channel]
                case Mend():
                    self.mends.append(action)
                case Tried(entry):
                    assert entry.fate is Fate.PENDING
        for channel, order in self.order.items():
            # A Gone that is pending already may have been put before the NewCall that waits for it.
            now = [entry.id for entry in self.outbox.pending(channel)]
            assert sorted(now) == sorted(order)
            if now != order:
                first = self.entries[now[0]].signal
                assert isinstance(first, Gone)
                assert [first.signal_id, *(each for each in order if each != first.signal_id)] == now
                self.order[channel] = now


TestOutbox = OutboxMachine.TestCase
TestOutbox.settings = settings(max_examples=40, stateful_step_count=50)
