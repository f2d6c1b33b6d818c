"""The call-signal service without sockets: real parts, a real journal worked by hand, and a CE played by the test."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from agentchan.accepting import Accepted, Accepting
from agentchan.api.refusals import Refused
from agentchan.api.requests import GoneRequest, NewCallRequest
from agentchan.call_limits import CallLimits
from agentchan.config import Calls as CallsSection
from agentchan.core.backoff import Backoff
from agentchan.core.calls import Calls
from agentchan.core.channel import Wish
from agentchan.core.channels import Channels
from agentchan.core.outbox import Outbox
from agentchan.core.outbox_values import Rules
from agentchan.delivering import Delivering
from agentchan.idle_channels import IdleChannels
from agentchan.recalling import recalled
from agentchan.repairing import Repairing
from agentchan.rewriting import Rewriting
from agentchan.signal_parts import SignalParts
from agentchan.vocabulary import CallSignal, ChannelReport, ChannelState, Fate, Gone, Meaning, Reply
from tests.signals.journals import HandJournal

BEGIN = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)
NAMES = ("c1", "c2", "c3")
BACKOFF = Backoff(1.0, 8.0)

Value = TypeVar("Value")


def result(work: Coroutine[Any, Any, Value] | Deferred[Value]) -> Value:
    """What something comes to that needs to wait for nothing; its failure is raised."""
    outcome: list[Any] = []
    deferred = work if isinstance(work, Deferred) else Deferred.fromCoroutine(work)
    deferred.addBoth(outcome.append)
    assert outcome, "it waits for something"
    if isinstance(outcome[0], Failure):
        outcome[0].raiseException()
    value: Value = outcome[0]
    return value


class HandLanes:
    """Lanes that send nothing by themselves: the test takes signals out, and answers them."""

    def __init__(self, house: House) -> None:
        self._house = house
        self.url: str | None = None
        self.stops = 0

    def serve(self, url: str | None) -> None:
        """As :class:`agentchan.ce.lanes.Lanes`, which also says the rest."""
        self.url = url
        if url is not None:
            self.begin_anew()

    def begin_anew(self) -> None:
        """The host is there."""
        self._house.outbox.signed_on(self._house.clock.seconds())
        self._house.delivering.progress()

    def advance(self) -> None:
        """The test takes when it wants."""

    def stop(self) -> Deferred[None]:
        """The test answers what is out."""
        self.stops += 1
        return succeed(None)


class House:
    """All parts.

    Attributes:
        told: events and their fields, in order.
        asked: how often CE was to be asked about a channel.
        settled: how often channels might be told of their readiness again.
        old_settled: how often everything of before the last sign-on was settled.
        denied: whom CE named as active when it refused a signal.
    """

    def __init__(
        self,
        path: Path,
        *,
        names: Sequence[str] = NAMES,
        aliases: Mapping[str, str] | None = None,
        rules: Rules | None = None,
        unknown_calls_go: bool = False,
        calls_section: CallsSection | None = None,
        clock: Clock | None = None,
        load: bool = True,
        monotonic_jump: float = 0.0,
    ) -> None:
        self.path = path
        self.clock = clock or Clock()
        if clock is None:
            self.clock.advance(1000.0)
        self.wall_jump = 0.0
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.denied: list[str | None] = []
        self.asked = self.settled = self.old_settled = 0
        self.journal = HandJournal(path, lambda: self.now, lambda: self.clock.seconds() + monotonic_jump)
        self.channels = Channels(names, Wish(ready=True), self.clock.seconds())
        self.calls = Calls()
        self.parts = SignalParts(
            self.clock,
            self._wall,
            self.journal,
            self.calls,
            self.channels,
            "ivr1",
            lambda event, *, level="info", **fields: self.told.append((event, {"level": level, **fields})),
        )
        self.outbox = Outbox(rules or Rules(backoff=BACKOFF), lambda _low, high: high)
        self.delivering = Delivering(
            self.parts,
            self.outbox,
            on_denied=self.denied.append,
            on_settled=lambda: self._count("settled"),
            on_old_settled=lambda: self._count("old_settled"),
        )
        self.repairing = Repairing(
            self.parts, self.delivering, unknown_calls_go=unknown_calls_go, on_asked=lambda: self._count("asked")
        )
        self.delivering.mending = self.repairing
        self.lanes = HandLanes(self)
        self.delivering.lanes = self.lanes  # type: ignore[assignment]  # stands in
        self.accepting = Accepting(self.parts, self.delivering, aliases or {})
        self.limits = CallLimits(self.parts, self.accepting, calls_section or CallsSection())
        self.idle_channels = IdleChannels(self.parts, self.delivering)
        self.rewriting = Rewriting(self.parts, self.delivering)
        self.remembered = self.journal.load()
        for kept in self.remembered.open_calls:
            self.calls.began(recalled(self.parts, kept))
        self.delivering.expect(self.remembered.waiting)
        if load:
            self.load()

    def _count(self, what: str) -> None:
        setattr(self, what, getattr(self, what) + 1)

    @property
    def now(self) -> datetime:
        """The time of day."""
        return BEGIN + timedelta(seconds=self.clock.seconds() - 1000.0 + self.wall_jump)

    def _wall(self) -> float:
        return self.now.timestamp()

    def load(self) -> None:
        """Take up the signals of earlier runs, and let signals go to a host."""
        result(self.delivering.load(self.remembered.last_position))
        self.delivering.serve("http://ce1", "ce1")

    def restarted(self, **others: Any) -> House:
        """The same after a restart of the daemon."""
        self.closed()
        return House(self.path, clock=self.clock, **others)

    def closed(self) -> None:
        """The end; fates are on disk, and no timer is left."""
        self.clock.advance(0)  # whatever goes on in the next turns
        self.delivering.writes.flush()
        self.limits.stop()
        self.repairing.stop()
        result(self.journal.close())

    # -- the IVR ---------------------------------------------------------------------------------------------------

    def new_call(self, channel: str = "c1", call_id: str = "1", **others: Any) -> Accepted:
        """The IVR tells of a call that began."""
        return result(self.accepting.new_call(NewCallRequest(channel, call_id, "ivr", **others)))

    def gone(self, channel: str = "c1", call_id: str | None = "1", **others: Any) -> Accepted:
        """The IVR tells that it has ended."""
        return result(self.accepting.gone(GoneRequest(channel, "ivr", call_id, **others)))

    # -- CE --------------------------------------------------------------------------------------------------------

    def taken(self) -> CallSignal:
        """The next signal goes out; there must be one."""
        signal = self.outbox.take(self.clock.seconds())
        assert signal is not None
        self.delivering.sent(signal)
        return signal

    def idle(self) -> bool:
        """Whether no signal may go out now."""
        return self.outbox.take(self.clock.seconds()) is None

    def answer(self, signal: CallSignal, reply: Reply) -> None:
        """CE answers it."""
        self.delivering.landed(signal)
        self.outbox.replied(signal, reply, self.clock.seconds())
        self.delivering.progress()

    def lose(self, signal: CallSignal, reason: str = "reset") -> None:
        """Its reply is lost."""
        self.delivering.landed(signal)
        self.outbox.lost(signal, reason, self.clock.seconds())
        self.delivering.progress()

    def confirm(self, *states: ChannelState, token: str | None = None) -> CallSignal:
        """CE confirms the next signal, and reports a state of its channel."""
        signal = self.taken()
        reports = tuple(ChannelReport(signal.channel, state) for state in states)
        self.answer(signal, Reply(Meaning.CONFIRMED, reports=reports, call_token=token))
        return signal

    def confirm_all(self) -> list[str]:
        """CE confirms whatever may go out, as it would report it; returns what it was, in short."""
        done = []
        while (signal := self.outbox.take(self.clock.seconds())) is not None:
            self.delivering.sent(signal)
            state = ChannelState.NOT_READY if isinstance(signal, Gone) else ChannelState.BUSY
            reply = Reply(Meaning.CONFIRMED, reports=(ChannelReport(signal.channel, state),))
            self.answer(signal, reply)
            done.append(short(signal))
        return done

    def refuse(self, meaning: Meaning = Meaning.REFUSED, message: str = "no such thing") -> CallSignal:
        """CE refuses the next signal."""
        signal = self.taken()
        self.answer(signal, Reply(meaning, message))
        return signal

    def signed_on(self, *reports: ChannelReport) -> None:
        """The agent channel is signed on, and CE reports these channels; the others idle."""
        named = {report.channel for report in reports}
        others = [
            ChannelReport(channel.name, ChannelState.NOT_READY)
            for channel in self.channels.all()
            if channel.name not in named
        ]
        names = tuple(channel.name for channel in self.channels.all())
        self.channels.opening()
        clear = self.channels.signed_on((*reports, *others), names, self.clock.seconds())
        self.delivering.signed_on()
        self.repairing.reported(clear)

    def report(self, channel: str, state: ChannelState, call_id: str | None = None) -> None:
        """CE reports one channel on the agent channel."""
        report = ChannelReport(channel, state, call_id)
        self.channels[channel].report(state, call_id, self.clock.seconds())
        self.repairing.reported([report])

    # -- what can be seen ------------------------------------------------------------------------------------------

    def pending(self, channel: str = "c1") -> list[str]:
        """What is pending on a channel, in short and in order."""
        return [short(entry.signal) for entry in self.outbox.pending(channel)]

    def events(self, name: str) -> list[dict[str, Any]]:
        """The fields of the events of a name."""
        return [fields for event, fields in self.told if event == name]

    def fate(self, signal_id: str) -> Fate:
        """On disk."""
        self.delivering.writes.flush()
        return self.journal.fates()[signal_id]

    def readiness(self) -> dict[str, bool]:
        """What CE would be told of readiness now."""
        return {change.channel: change.ready for change in self.channels.next_changes(100, 100)}


def short(signal: CallSignal) -> str:
    """``NewCall 1`` or ``Gone 1 (outcome)``."""
    if isinstance(signal, Gone):
        return f"Gone {signal.call_id}" + (f" ({signal.outcome})" if signal.outcome else "")
    return f"NewCall {signal.call_id}"


def refusal(work: Callable[[], object]) -> tuple[str, int]:
    """Code and status of the refusal that something comes to."""
    try:
        work()
    except Refused as refused:
        return refused.code, refused.status
    raise AssertionError("it was not refused")
