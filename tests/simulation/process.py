"""The daemon's process as its operating system sees it: it turns, sleeps, and may be killed between any two effects."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from tests.simulation.world import Timer, World


class Process:
    """One life of the daemon.

    Attributes:
        alive: it has not ended yet.
        frozen: it is stopped (SIGSTOP, a pause of its machine): what is due or arrives waits.
        doomed: it is being killed: nothing that it does from here on reaches the outside.
        silent: its machine has lost power, so that its end tells nobody.
        on_end: called when it is over, in order.
    """

    def __init__(self, world: World, number: int) -> None:
        self.world = world
        self.number = number
        self.alive = True
        self.frozen = False
        self.doomed = False
        self.silent = False
        self.on_end: dict[Callable[[], None], None] = {}
        self._effects_left: int | None = None
        self._due: list[ProcessTimer] = []
        self._arrived: list[Callable[[], object]] = []

    def kill_after(self, effects: int) -> None:
        """Kill it once it has had so many more effects on the outside: in the middle of whatever it does then."""
        self._effects_left = effects

    def effect(self) -> bool:
        """Something is to leave the process (bytes, a write, an answer); whether it still does."""
        if self._effects_left is not None and not self.doomed:
            self._effects_left -= 1
            self.doomed = self._effects_left < 0
        return self.alive and not self.doomed

    def run(self, call: Callable[[], object]) -> None:
        """Something arrives."""
        if self.frozen:
            self._arrived.append(call)
        elif self.alive:
            call()
            if self.doomed:
                self.end()

    def fire(self, timer: ProcessTimer) -> None:
        """A timer is due."""
        if self.frozen:
            self._due.append(timer)
        elif self.alive:
            timer.call()
            if self.doomed:
                self.end()

    def freeze(self) -> None:
        """Stop it."""
        self.frozen = self.alive

    def thaw(self) -> None:
        """Let it go on: as Twisted's reactor does, with the timers that are due before it reads what has arrived."""
        if not self.frozen:
            return
        self.frozen = False
        due, self._due = sorted(self._due, key=lambda timer: (timer.at, timer.turn)), []
        for timer in due:
            if self.alive and not timer.over and timer.at <= self.world.now:
                self.fire(timer)
        arrived, self._arrived = self._arrived, []
        for call in arrived:
            self.run(call)

    def end(self) -> None:
        """It is over, however it came."""
        if self.alive:
            self.alive = self.frozen = False
            for call in tuple(self.on_end):
                call()


class ProcessTimer(Timer):
    """A timer of the process's reactor, which dies with it."""

    __slots__ = ("_process", "call")

    def __init__(self, process: Process, at: float, call: Callable[[], object]) -> None:
        self._process = process
        self.call = self._called(call)
        super().__init__(process.world, at, self.call)

    def _called(self, call: Callable[[], object]) -> Callable[[], object]:
        def fired() -> None:
            self.over = True
            call()

        return fired

    def fire(self) -> None:
        """Its time has come; it counts as over when the process gets to it."""
        self._process.fire(self)


class Reactor:
    """Twisted's reactor, as far as the daemon needs it."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self._world = process.world

    def seconds(self) -> float:
        """Monotonic seconds."""
        return self._world.now

    def callLater(self, seconds: float, call: Callable[..., object], *args: Any, **named: Any) -> Timer:  # noqa: N802 - Twisted's name
        """Call something later."""
        return ProcessTimer(self.process, self._world.now + seconds, partial(call, *args, **named))

    def callFromThread(self, callable: Callable[..., Any], *args: Any, **kwargs: Any) -> None:  # noqa: A002, N802 - Twisted's names
        """Call it soon."""
        self.callLater(0.0, callable, *args, **kwargs)

    callWhenRunning = callFromThread  # noqa: N815 - Twisted's name

    def getThreadPool(self) -> None:  # noqa: N802 - Twisted's name
        """Nothing here is large enough for a thread."""
