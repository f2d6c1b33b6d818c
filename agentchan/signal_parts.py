"""What the parts that deal with call signals have in common."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Protocol

from attrs import frozen

from agentchan.core.calls import Calls
from agentchan.core.channel import Channels
from agentchan.journal.journal import Journal


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
    """

    reactor: Any
    wall: Callable[[], float]
    journal: Journal
    calls: Calls
    channels: Channels
    ivr: str
    tell: Tell

    def now(self) -> float:
        """Monotonic seconds."""
        seconds: float = self.reactor.seconds()
        return seconds

    def time_of_day(self) -> datetime:
        """In UTC."""
        return datetime.fromtimestamp(self.wall(), UTC)

    def local_time(self) -> datetime:
        """In this machine's zone, which a site's messages may show."""
        return self.time_of_day().astimezone()

    def channel_name(self, name: str) -> str:
        """The same name as the configuration has it: a hundred thousand signals share one string."""
        return self.channels[name].name if name in self.channels else name
