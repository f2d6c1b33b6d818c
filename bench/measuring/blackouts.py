"""From an event at the active host to the last channel Ready on the new one, by the lab's own history."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from attrs import frozen

from agentchan.lab.database import open_to_read
from agentchan.lab.pair import Pair

LOOK_EVERY = 0.005
"""Seconds between two looks into the history; each is a millisecond's work at most, and disturbs no writer."""

PATIENCE = 30.0
"""Seconds that a blackout may last."""


def kill(pair: Pair, active: str, standby: str) -> float:
    """``kill -9``; the standby is promoted at once."""
    return pair.kill(active, promote=standby)


def switch(pair: Pair, active: str, standby: str) -> float:
    """A planned switch that takes CE no time."""
    del active
    return pair.switch(standby)


def freeze(pair: Pair, active: str, standby: str) -> float:
    """SIGSTOP; the standby is promoted at once."""
    return pair.freeze(active, promote=standby)


def cut(pair: Pair, active: str, standby: str) -> float:
    """A silent network drop of the active host; the standby is promoted at once."""
    at = pair.blackhole(active)
    pair.promote(standby)
    return at


EVENTS: dict[str, Callable[[Pair, str, str], float]] = {"kill": kill, "switch": switch, "freeze": freeze, "drop": cut}
TOLD = {"kill": "kill -9", "switch": "planned switch", "freeze": "SIGSTOP", "drop": "silent drop"}

RECOVERIES: dict[str, Callable[[Pair, str], object]] = {
    "kill": Pair.start,
    "switch": lambda _pair, _old: None,
    "freeze": Pair.thaw,
    "drop": Pair.heal,
}
"""How the old host comes back, as the standby."""


@frozen
class Blackout:
    """One blackout; monotonic seconds.

    Attributes:
        event_at: when it was done to the active host.
        promoted_at: when the other one was active: until then it is CE's time.
        signed_on_at: when CE took the sign-on that came to something.
        ready_at: when CE took the readiness that made the last channel ready.
    """

    event_at: float
    promoted_at: float
    signed_on_at: float
    ready_at: float

    @property
    def lasted_ms(self) -> float:
        """The whole of it, in milliseconds."""
        return (self.ready_at - self.event_at) * 1e3

    @property
    def phases_ms(self) -> dict[str, float]:
        """Its parts as CE saw them: the promotion, until the sign-on was taken, until the last readiness was."""
        return {
            "promotion": (self.promoted_at - self.event_at) * 1e3,
            "sign_on": (self.signed_on_at - self.promoted_at) * 1e3,
            "readiness": (self.ready_at - self.signed_on_at) * 1e3,
        }


class BlackoutWatch:
    """Looks into the history of a pair.

    Args:
        channels: so many are to be ready.
    """

    def __init__(self, pair: Pair, channels: int) -> None:
        self._connection = open_to_read(pair.database)
        self._channels = channels
        self._seen: int = self._connection.execute("SELECT ifnull(max(sequence), 0) FROM history").fetchone()[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def wait(self, event_at: float, host: str) -> Blackout:
        """Wait until all channels are ready at ``host``.

        Raises:
            TimeoutError: they are not within ``PATIENCE``.
        """
        promoted_at = signed_on_at = event_at
        ready: set[str] = set()
        while time.monotonic() < event_at + PATIENCE:
            for sequence, at, event, details in self._connection.execute(
                "SELECT sequence, monotonic, event, details FROM history WHERE sequence > ? AND host = ? "
                "AND event IN ('promoted', 'session-opened', 'readiness') ORDER BY sequence",
                (self._seen, host),
            ).fetchall():
                self._seen = sequence
                if event == "promoted":
                    promoted_at = at
                elif event == "session-opened":
                    signed_on_at = at
                    ready.clear()
                else:
                    for channel, is_ready, _ in json.loads(details):
                        (ready.add if is_ready else ready.discard)(channel)
                    if len(ready) == self._channels:
                        return Blackout(event_at, promoted_at, signed_on_at, at)
            time.sleep(LOOK_EVERY)
        raise TimeoutError(f"{len(ready)} of {self._channels} channels were ready at {host} within {PATIENCE:.0f} s")
