"""How long to wait between attempts: full jitter, capped, never below a floor, never the end."""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

Jitter = Callable[[float, float], float]
"""A draw between two numbers: ``random.uniform`` in the program, anything repeatable in tests."""

FLOOR = 0.1
"""Seconds: no host is dialled more often than ten times a second, whatever is configured."""

PATIENCE_LIMIT = 30.0
"""Seconds: the longest that a doubled deadline becomes. A slow CE is not a dead one, but a caller waits."""


@frozen
class Backoff:
    """The delays between attempts on a host that stays as it is.

    Attributes:
        initial: seconds; the width of the first draw.
        maximum: seconds; the widest draw, so also the longest delay.
    """

    initial: float
    maximum: float

    def delay(self, failures: int, jitter: Jitter) -> float:
        """Seconds to wait after so many failed attempts in a row (at least one).

        Full jitter over a doubling width, so that a fleet that lost its host together comes back apart.
        """
        # 2 ** 64 is beyond every cap, and an exponent without a limit would become a very large integer.
        width = min(self.maximum, self.initial * 2.0 ** min(failures - 1, 64))
        return max(FLOOR, jitter(0.0, width))


def patient(deadline: float, timeouts: int) -> float:
    """The deadline in seconds for a step that has run into its deadline so many times in a row."""
    return max(deadline, min(PATIENCE_LIMIT, deadline * 2.0 ** min(timeouts, 64)))
