"""The domain's shared database: what both hosts agree on, and what survives every failover (contract)."""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field, frozen

from agentchan.vocabulary import CallSignal, ChannelState, DomainState, Meaning, NewCall, Reply
from tests.simulation.world import World


@frozen
class Applied:
    """A call signal that has changed the database, for the first time under its SignalId.

    Attributes:
        host: which one applied it.
    """

    at: float
    host: str
    signal: CallSignal


@define(eq=False)
class Domain:
    """The database.

    Attributes:
        knows_ids: whether SignalIds are remembered; without them each request is applied anew.
        active: who is active, None while nobody is.
        holds: the call of each channel that holds one, with the channel's state.
        applied: by SignalId.
        over: the calls that are gone.
        history: all applications, in order.
        watchers: told of every change of role, generation or state.
        on_applied: told of every application.
    """

    world: World
    knows_ids: bool
    generation: int = 1
    active: str | None = None
    state: DomainState = DomainState.RUNNING
    holds: dict[str, tuple[ChannelState, str]] = field(factory=dict)
    applied: dict[str, CallSignal] = field(factory=dict)
    over: set[tuple[str, str]] = field(factory=set)
    history: list[Applied] = field(factory=list)
    watchers: list[Callable[[], None]] = field(factory=list)
    on_applied: Callable[[Applied], None] = lambda _: None

    def become(self, active: str | None, *, state: DomainState = DomainState.RUNNING, step: int = 1) -> None:
        """Change who is active; the generation rises."""
        self.generation += step
        self.active, self.state = active, state
        self.world.tell("CE: {} is active, generation {}, {}", active or "nobody", self.generation, state.value)
        self.changed()

    def show(self, state: DomainState) -> None:
        """Show another state; no role changes."""
        self.state = state
        self.changed()

    def changed(self) -> None:
        """Every host will notice."""
        for watcher in self.watchers:
            watcher()

    def leave(self, channel: str) -> None:
        """The caller has hung up: CE waits for the IVR's Gone."""
        held = self.holds.get(channel)
        if held is not None:
            self.holds[channel] = (ChannelState.WRAPUP, held[1])

    def apply(self, signal: CallSignal, host: str) -> Reply | None:
        """Apply a signal in one transaction.

        Returns:
            None if it is applied, or was before; else the fault.
        """
        if self.knows_ids and signal.signal_id in self.applied:
            if self.applied[signal.signal_id] != signal:
                return Reply(Meaning.REFUSED, "this SignalId was used for another signal")
            return None
        held = self.holds.get(signal.channel)
        call = (signal.channel, signal.call_id)
        if isinstance(signal, NewCall):
            if call not in self.over:
                if held is not None and held[1] != signal.call_id:
                    return Reply(Meaning.CHANNEL_HELD, "the channel holds another call", call_id=held[1])
                if held is None:
                    self.holds[signal.channel] = (ChannelState.BUSY, signal.call_id)
        else:
            self.over.add(call)
            if held is not None and held[1] == signal.call_id:
                del self.holds[signal.channel]
        self.applied[signal.signal_id] = signal
        applied = Applied(self.world.now, host, signal)
        self.history.append(applied)
        self.on_applied(applied)
        return None
