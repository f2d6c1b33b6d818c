"""The faults of CE, played: each is done, lasts, and is mended again."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator

from attrs import define, field

from agentchan.lab.pair import Pair
from tests.faults.plan import KINDS, Fault

SIGNALS = ("NewCall", "Gone")
WRONG = ("truncated", "garbage", "http-503", "reset-before", "reset-after", "close-mid-reply")
PATIENCE = 20.0
"""Seconds for each thing that CE must do."""


@define(eq=False)
class Troubles:
    """Plays faults in a thread of its own, the only one that uses the pair meanwhile.

    Attributes:
        least: so many are played in any case.
        played: how often each kind was played.
        error: what ended it before its time.
    """

    pair: Pair
    plan: Iterator[Fault]
    least: int = 0
    played: Counter[str] = field(factory=Counter)
    error: BaseException | None = None
    _enough: threading.Event = field(factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin with the first fault."""
        self._thread = threading.Thread(target=self._run, name="troubles", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Wait for the end of the fault in hand, and of those that are played in any case.

        Raises:
            BaseException: whatever ended the faults before.
        """
        self._enough.set()
        if self._thread is not None:
            self._thread.join()
        if self.error is not None:
            raise self.error

    def _run(self) -> None:
        try:
            for fault in self.plan:
                if self._enough.wait(fault.calm) and self.played.total() >= self.least:
                    return
                PLAYED[fault.kind](self, fault)
                self.played[fault.kind] += 1
        except BaseException as error:  # noqa: BLE001 - it is raised where the thread is waited for
            self.error = error

    # -- each kind ---------------------------------------------------------------------------------------------------

    def _both(self) -> tuple[str, str]:
        active = self.pair.active()
        if active is None:
            raise RuntimeError("no host is active between two faults")
        return active, self.pair.other(active)

    def _switch(self, fault: Fault) -> None:
        _, other = self._both()
        self.pair.switch(other, seconds=fault.seconds)
        self.pair.wait_until(lambda: self.pair.active() == other, timeout=PATIENCE, what=f"{other} is active")

    def _kill(self, fault: Fault) -> None:
        active, other = self._both()
        self.pair.kill(active, promote=other)
        time.sleep(fault.seconds)
        self.pair.start(active)

    def _kill_with_late_takeover(self, fault: Fault) -> None:
        active, other = self._both()
        self.pair.kill(active)
        time.sleep(fault.seconds)
        self.pair.promote(other)
        self.pair.start(active)

    def _kill_standby(self, fault: Fault) -> None:
        _, other = self._both()
        self.pair.kill(other)
        time.sleep(fault.seconds)
        self.pair.start(other)

    def _freeze(self, fault: Fault) -> None:
        active, other = self._both()
        self.pair.freeze(active, promote=other)
        time.sleep(fault.seconds)
        self.pair.thaw(active)

    def _freeze_without_takeover(self, fault: Fault) -> None:
        active, _ = self._both()
        self.pair.freeze(active)
        time.sleep(fault.seconds)
        self.pair.thaw(active)

    def _silent_drop(self, fault: Fault) -> None:
        active, other = self._both()
        self.pair.blackhole(active)
        time.sleep(fault.seconds / 2)
        self.pair.promote(other)
        time.sleep(fault.seconds / 2)
        self.pair.heal(active)

    def _lost_answers(self, fault: Fault) -> None:
        active, _ = self._both()
        self.pair.blackhole(active, direction="answers")
        time.sleep(fault.seconds)
        self.pair.heal(active)

    def _cut(self, within: str, fault: Fault) -> None:
        active, _ = self._both()
        for share in fault.shares:
            self.pair.break_off(active, within=within, share=share)
        time.sleep(fault.seconds / 2)
        self.pair.behave(active)

    def _reset(self, _: Fault) -> None:
        active, _other = self._both()
        self.pair.drop(active, "connector")

    def _wrong_answers(self, fault: Fault) -> None:
        active, _ = self._both()
        for number in range(fault.times):
            kind = WRONG[(fault.times + number) % len(WRONG)]
            self.pair.answer_wrongly(active, kind, operation=SIGNALS[number % 2], times=1)
        time.sleep(fault.seconds / 2)
        self.pair.behave(active)

    def _unavailable(self, fault: Fault) -> None:
        active, _ = self._both()
        for operation in SIGNALS:
            self.pair.answer_wrongly(active, "unavailable", operation=operation, times=fault.times)
        time.sleep(fault.seconds / 2)
        self.pair.behave(active)

    def _hold(self, fault: Fault) -> None:
        active, _ = self._both()
        for operation in SIGNALS:
            self.pair.answer_wrongly(active, "hold", operation=operation, times=fault.times)
        time.sleep(fault.seconds)
        self.pair.behave(active)

    def _nobody(self, fault: Fault) -> None:
        active, _ = self._both()
        self.pair.demote()
        time.sleep(fault.seconds)
        self.pair.promote(active)


PLAYED: dict[str, Callable[[Troubles, Fault], None]] = {
    "switch": Troubles._switch,
    "kill": Troubles._kill,
    "kill, late takeover": Troubles._kill_with_late_takeover,
    "kill of the standby": Troubles._kill_standby,
    "freeze": Troubles._freeze,
    "freeze, no takeover": Troubles._freeze_without_takeover,
    "silent drop": Troubles._silent_drop,
    "lost answers": Troubles._lost_answers,
    "cut in mid-request": lambda troubles, fault: troubles._cut("request", fault),
    "cut in mid-reply": lambda troubles, fault: troubles._cut("answer", fault),
    "connections reset": Troubles._reset,
    "wrong answers": Troubles._wrong_answers,
    "unavailable": Troubles._unavailable,
    "held replies": Troubles._hold,
    "nobody active": Troubles._nobody,
}
assert PLAYED.keys() == KINDS.keys()
