"""A stand-in for the reactor: collects what the journal's thread hands over, and runs it on the test's thread."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from agentchan.journal import Health, Journal
from agentchan.journal.writes import Write

Value = TypeVar("Value")

BEGIN = datetime(2026, 11, 24, 12, 0, 0, 123456, tzinfo=UTC)


class Turns:
    """The reactor's thread, one call at a time."""

    def __init__(self) -> None:
        self._calls: SimpleQueue[Callable[[], Any]] = SimpleQueue()

    def callFromThread(self, callable: Callable[..., Any], *args: Any, **kwargs: Any) -> None:  # noqa: A002, N802 - Twisted's names
        """Take a call from the journal's thread."""
        self._calls.put(lambda: callable(*args, **kwargs))

    def until(self, condition: Callable[[], bool]) -> None:
        """Run calls until something is so; a journal that hangs fails the test."""
        while not condition():
            self._calls.get(timeout=30.0)()

    def result(self, deferred: Deferred[Value]) -> Value:
        """What a Deferred comes to; its failure is raised."""
        outcome: list[Any] = []
        deferred.addBoth(outcome.append)
        self.until(lambda: bool(outcome))
        if isinstance(outcome[0], Failure):
            outcome[0].raiseException()
        value: Value = outcome[0]
        return value


class Clocks:
    """A wall clock and a monotonic one, moved by hand."""

    def __init__(self) -> None:
        self.now = BEGIN
        self.seconds = 1000.0

    def wall(self) -> datetime:
        """The time of day."""
        return self.now

    def monotonic(self) -> float:
        """Seconds that only go forward."""
        return self.seconds

    def advance(self, seconds: float) -> None:
        """Let time go by."""
        self.now += timedelta(seconds=seconds)
        self.seconds += seconds


class Desk:
    """A journal with all that a test needs around it."""

    def __init__(self, path: Path, clocks: Clocks | None = None, **others: Any) -> None:
        self.path = path
        self.clocks = clocks or Clocks()
        self.turns = Turns()
        self.healths: list[Health] = []
        self.journal = Journal(
            self.turns,
            path,
            wall=self.clocks.wall,
            monotonic=self.clocks.monotonic,
            on_health=self.healths.append,
            **others,
        )

    def recorded(self, *writes: Write) -> None:
        """Record a batch and wait until it is on disk; its failure is raised."""
        self.turns.result(self.journal.record(writes))

    def closed(self) -> None:
        """Close, and wait for it."""
        self.turns.result(self.journal.close())
