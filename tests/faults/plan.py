"""What is done to CE and to the daemon while calls go on: a plan made of a seed."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from attrs import frozen

SHORTEST, LONGEST = 0.2, 2.5
"""Seconds that a fault lasts."""
CALMEST = 2.5
"""Seconds at most between two faults."""
MOST_TIMES = 8
KILL_LATEST = 0.3
"""Seconds at most between the call that a kill of the daemon is planned at and the kill."""
START = 1.2
"""Seconds in which a daemon starts, more or less: a second kill comes within that."""

KINDS = {
    "switch": 3,
    "kill": 3,
    "kill, late takeover": 2,
    "kill of the standby": 1,
    "freeze": 3,
    "freeze, no takeover": 1,
    "silent drop": 2,
    "lost answers": 1,
    "cut in mid-request": 4,
    "cut in mid-reply": 4,
    "connections reset": 2,
    "wrong answers": 2,
    "unavailable": 1,
    "held replies": 1,
    "nobody active": 1,
}
"""The kinds of faults of CE, and how often each one is among them."""


@frozen
class Fault:
    """One fault of CE.

    Attributes:
        calm: seconds of peace before it.
        seconds: how long it lasts, where it lasts.
        shares: for what is cut: how much of each request or reply arrives, one after the other.
        times: how many requests it concerns, where it concerns some.
    """

    kind: str
    calm: float
    seconds: float
    shares: tuple[float, ...]
    times: int


@frozen
class Kill:
    """One SIGKILL of the daemon.

    Attributes:
        at_call: how many calls have begun before.
        later: seconds after that.
        again: seconds after the daemon was started anew when that one is killed too; None: it lives.
    """

    at_call: int
    later: float
    again: float | None


def faults(seed: int) -> Iterator[Fault]:
    """The faults of CE, without end; of two runs with one seed one may get further than the other."""
    random = Random(f"faults {seed}")  # noqa: S311 - a plan that can be repeated
    kinds: list[str] = []
    while True:
        if not kinds:
            # Every kind in every round, so that a short run has most of them.
            kinds = [kind for kind, count in KINDS.items() for _ in range(count)]
            random.shuffle(kinds)
        yield Fault(
            kinds.pop(),
            random.uniform(0.0, CALMEST),
            random.uniform(SHORTEST, LONGEST),
            tuple(random.random() for _ in range(random.randint(1, MOST_TIMES))),
            random.randint(1, MOST_TIMES),
        )


def kills(seed: int, calls: int, count: int) -> list[Kill]:
    """So many kills of the daemon, spread over so many calls; every fourth one amid the start after another."""
    random = Random(f"kills {seed}")  # noqa: S311 - a plan that can be repeated
    double = count // 4
    at_calls = sorted(random.sample(range(1, max(calls - 1, count - double + 1)), count - double))
    again = set(random.sample(range(len(at_calls)), double))
    return [
        Kill(at_call, random.uniform(0.0, KILL_LATEST), random.uniform(0.0, START) if number in again else None)
        for number, at_call in enumerate(at_calls)
    ]
