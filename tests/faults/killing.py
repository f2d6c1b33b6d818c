"""SIGKILL for the daemon, as planned, while it works and while it starts."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from attrs import define, field

from agentchan.lab.host_process import LabError
from tests.end_to_end.daemons import RunningDaemon
from tests.faults.plan import Kill

LOOK_EVERY = 0.005
"""Seconds between two looks at how many calls have begun."""


@define(eq=False)
class Killing:
    """Kills a daemon and starts it again.

    It is started by the thread that plays the plan, with which it would end: so that must be the main thread.

    Attributes:
        begun: how many calls have begun.
        kills: how many living processes were killed.
        longest: seconds from a kill to the next answer, at most.
    """

    daemon: RunningDaemon
    plan: Sequence[Kill]
    begun: Callable[[], int]
    kills: int = 0
    longest: float = 0.0
    _lock: threading.Lock = field(factory=threading.Lock)
    _given_up: threading.Event = field(factory=threading.Event)

    def give_up(self) -> None:
        """Kill no more."""
        self._given_up.set()

    def play(self) -> None:
        """Kill it as planned.

        Raises:
            LabError: it does not start again.
        """
        for kill in self.plan:
            while self.begun() < kill.at_call and not self._given_up.is_set():
                time.sleep(LOOK_EVERY)
            if self._given_up.wait(kill.later):
                return
            self._kill()
            self._start(kill.again)

    def _kill(self) -> None:
        with self._lock:
            if self.daemon.running:
                self.daemon.kill()
                self.kills += 1

    def _start(self, again: float | None) -> None:
        began = time.monotonic()
        if again is not None:
            timer = threading.Timer(again, self._kill)
            timer.start()
            try:
                self.daemon.start()
            except LabError:
                # It was killed before it had answered.
                if self.daemon.running:
                    raise
            timer.join()
        if not self.daemon.running:
            self.daemon.start()
        self.longest = max(self.longest, time.monotonic() - began)
