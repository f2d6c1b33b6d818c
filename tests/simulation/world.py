"""Time, chance and order: one seeded scheduler on which everything that is simulated happens."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from math import inf
from random import Random
from typing import Any

from attrs import frozen
from twisted.internet.interfaces import IDelayedCall
from zope.interface import implementer

BEGIN = 1000.0
"""Where the simulated monotonic clocks begin (seconds)."""

NOON = 1_795_608_000.0
"""The time of day then (seconds since the epoch): 2026-11-24, 12:00 UTC."""


@frozen
class Broken:
    """An invariant that does not hold.

    Attributes:
        invariant: which one, as ``I4``.
    """

    invariant: str
    text: str

    def __str__(self) -> str:
        return f"{self.invariant}: {self.text}"


@implementer(IDelayedCall)
class Timer:
    """Something that happens later."""

    __slots__ = ("_call", "_world", "at", "over", "turn")

    def __init__(self, world: World, at: float, call: Callable[[], object]) -> None:
        self.at = at
        self.over = False
        self.turn = 0
        self._call = call
        self._world = world
        world.enter(self)

    def getTime(self) -> float:  # noqa: N802 - Twisted's name
        """When it happens."""
        return self.at

    def cancel(self) -> None:
        """It does not happen."""
        self.over = True

    def active(self) -> bool:
        """Whether it is still to happen."""
        return not self.over

    def delay(self, seconds: float) -> None:
        """It happens so many seconds later than it would."""
        self.at += seconds
        self._world.enter(self)

    def reset(self, seconds: float) -> None:
        """It happens so many seconds from now."""
        self.at = self._world.now + seconds
        self._world.enter(self)

    def fire(self) -> None:
        """Its time has come."""
        self.over = True
        self._call()


class World:
    """The scheduler.

    Attributes:
        seed: decides everything.
        now: seconds.
        random: all chance.
        trace: what has happened, with its time, or None where nobody wants to read it.
        broken: the first invariant that does not hold.
    """

    def __init__(self, seed: int, *, tracing: bool = False) -> None:
        self.seed = seed
        self.now = BEGIN
        self.random = Random(seed)  # noqa: S311 - repeatable on purpose
        self.trace: list[tuple[float, str]] | None = [] if tracing else None
        self.steps = 0
        self.broken: Broken | None = None
        self._due: list[tuple[float, int, Timer]] = []
        self._turn = 0

    def later(self, seconds: float, call: Callable[[], object]) -> Timer:
        """Have something happen so many seconds from now."""
        return Timer(self, self.now + seconds, call)

    def enter(self, timer: Timer) -> None:
        """A timer's time is set."""
        self._turn += 1
        timer.turn = self._turn
        heappush(self._due, (timer.at, self._turn, timer))

    def run(self, until: float = inf, done: Callable[[], bool] = lambda: False) -> None:
        """Let things happen, one after another, until a time has come or something is done."""
        due = self._due
        while due and due[0][0] <= until and self.broken is None and not done():
            at, turn, timer = heappop(due)
            if timer.over or timer.turn != turn:
                continue
            self.now = at
            self.steps += 1
            timer.fire()
        if until < inf and self.broken is None and not done():
            self.now = max(self.now, until)

    def fail(self, invariant: str, text: str) -> None:
        """An invariant does not hold: the first time counts, and nothing more happens."""
        if self.broken is None:
            self.broken = Broken(invariant, text)
            self.tell("{}", self.broken)

    def tell(self, text: str, *values: Any) -> None:
        """Write something into the trace."""
        if self.trace is not None:
            self.trace.append((self.now, text.format(*values)))

    def uniform(self, low: float, high: float) -> float:
        """A draw between two numbers."""
        return self.random.uniform(low, high)

    def chance(self, probability: float) -> bool:
        """Whether something of this probability happens now."""
        return probability > 0.0 and self.random.random() < probability
