"""IVR scripts that say of call after call that it began and that it has ended."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from attrs import asdict, frozen

from agentchan.lab.names import expand
from measuring.children import Child

EIGHT = 8
"""Callers at once."""

Give = Callable[[str, str], str]


@frozen
class Order:
    """What one caller is to do.

    Attributes:
        channels: names and ranges; each call is on the next channel.
        prefix: of the calls' ids, which must be new.
        seconds: how long; 0: until ``pairs`` calls are told of.
        pairs: so many calls; 0: until ``seconds`` have passed.
        rate: calls a second, evenly; 0: the next signal as soon as the last one was answered.
        delay: seconds before the first signal.
    """

    channels: Sequence[str]
    prefix: str
    seconds: float = 0.0
    pairs: int = 0
    rate: float = 0.0
    delay: float = 0.0


def carry_out(order: Order, new_call: Give, gone: Give) -> dict[str, Any]:
    """Do it; returns the SignalIds in order, the milliseconds that each answer took, and when it began and ended."""
    signals: list[str] = []
    took: list[float] = []
    channels = itertools.cycle(expand(order.channels))
    began = time.monotonic()
    due = began + order.delay
    step = 1 / (2 * order.rate) if order.rate else 0.0
    for number in itertools.count():
        if (order.seconds and time.monotonic() >= began + order.seconds) or (order.pairs and number >= order.pairs):
            break
        channel, call_id = next(channels), f"{order.prefix}{number}"
        for give in (new_call, gone):
            if step:
                time.sleep(max(0.0, due - time.monotonic()))
            # Where one is late because the last one took too long, its time counts from when it was due.
            asked = min(time.monotonic(), due + step) if step else time.monotonic()
            due += step
            signals.append(give(channel, call_id))
            took.append((time.monotonic() - asked) * 1e3)
    return {"signals": signals, "took": took, "began": began, "ended": time.monotonic()}


@frozen
class Calls:
    """What all callers together have done.

    Attributes:
        signals: the SignalIds; those of one channel in order.
        took: milliseconds that each answer took.
        began: when the first caller began (monotonic seconds).
        ended: when the last one ended.
    """

    signals: Sequence[str]
    took: Sequence[float]
    began: float
    ended: float

    @property
    def pairs_a_second(self) -> float:
        """Calls a second, of which both signals were answered."""
        return len(self.signals) / 2 / (self.ended - self.began)


class Callers:
    """Some callers, each a process with channels of its own."""

    def __init__(self, children: Sequence[Child], channels: Sequence[str]) -> None:
        self.children = children
        names = expand(channels)
        self._channels = [names[number :: len(children)] for number in range(len(children))]
        for child in children:
            child.hear()

    @property
    def pids(self) -> list[int]:
        """Their processes."""
        return [child.pid for child in self.children]

    def call(self, prefix: str, *, seconds: float = 0.0, pairs: int = 0, rate: float = 0.0) -> Calls:
        """Have them call, at ``rate`` calls a second together; ``pairs`` is of all together, too."""
        count = len(self.children)
        for number, child in enumerate(self.children):
            order = Order(
                channels=self._channels[number],
                prefix=f"{prefix}{number}-",
                seconds=seconds,
                pairs=pairs // count,
                rate=rate / count,
                delay=number / (2 * rate) if rate else 0.0,
            )
            child.say(**asdict(order))
        found = [child.hear() for child in self.children]
        return Calls(
            signals=[signal for each in found for signal in each["signals"]],
            took=[took for each in found for took in each["took"]],
            began=min(each["began"] for each in found),
            ended=max(each["ended"] for each in found),
        )


@contextmanager
def callers(
    module: str, arguments: Callable[[int], Sequence[str]], channels: Sequence[str], log: Path, count: int = EIGHT
) -> Iterator[Callers]:
    """Inside, so many callers run, each ``python -m measuring.MODULE`` with its own arguments."""
    with ExitStack() as stack:
        children = [stack.enter_context(Child(module, *arguments(number), log=log)) for number in range(count)]
        yield Callers(children, channels)
