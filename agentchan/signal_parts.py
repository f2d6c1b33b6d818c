"""What the parts that deal with call signals have in common."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Protocol

from attrs import field, frozen

from agentchan.core.calls import Calls
from agentchan.core.channels import Channels
from agentchan.journal.journal import Journal
from agentchan.lazy_writes import LazyWrites
from agentchan.turns import Turns
from agentchan.vocabulary import CallSignal, Gone


class Tell(Protocol):
    """Publishes an event, to the log and to those who follow the events."""

    def __call__(self, event: str, *, level: str = "info", **fields: Any) -> None:
        """An event has a stable name and plain fields."""


@frozen
class SignalParts:
    """The things that accepting, delivering and repairing share.

    Attributes:
        reactor: counts monotonic seconds.
        wall: the time of day, seconds since the epoch.
        ivr: its name in CE.
        turns: of the channels: whoever makes a signal has its channel's turn until the outbox has the signal, so that
            the order is the same there and on disk.
        writes: fates on their way to the disk; to be flushed before the journal is asked about signals.
    """

    reactor: Any
    wall: Callable[[], float]
    journal: Journal
    calls: Calls
    channels: Channels
    ivr: str
    tell: Tell
    turns: Turns = field(factory=Turns, init=False)
    writes: LazyWrites = field(init=False)

    @writes.default
    def _write_lazily(self) -> LazyWrites:
        return LazyWrites(self.reactor, self.journal)

    def now(self) -> float:
        """Monotonic seconds."""
        seconds: float = self.reactor.seconds()
        return seconds

    def time_of_day(self) -> datetime:
        """In UTC."""
        return datetime.fromtimestamp(self.wall(), UTC)

    def tell_repair(self, signal: CallSignal, why: str) -> None:
        """Tell that a signal was made to mend a difference between CE and us, or between the IVR and us."""
        self.tell(
            "repair",
            level="warning",
            channel=signal.channel,
            call_id=signal.call_id,
            why=why,
            kind="gone" if isinstance(signal, Gone) else "new-call",
            signal_id=signal.signal_id,
        )

    def channel_name(self, name: str) -> str:
        """The same name as the configuration has it: a hundred thousand signals share one string."""
        return self.channels[name].name if name in self.channels else name
