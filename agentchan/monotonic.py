"""Makes the reactor count time that only ever goes forward.

Twisted's reactor takes the time of day for its timers. A clock that is set back by an hour would then hold up every
heartbeat for an hour, and one that is set forward would end every wait at once; both happen on real machines, when NTP
comes up late or somebody corrects a date. No timer of this program means a time of day.
"""

from __future__ import annotations

import time
from typing import Any


def count_monotonically(reactor: Any) -> None:
    """Let the reactor's timers run on the monotonic clock from now on.

    Raises:
        RuntimeError: there are timers already, which would be compared with another clock.
    """
    if reactor.seconds is time.monotonic:
        return
    if reactor.getDelayedCalls():
        raise RuntimeError("the reactor has timers already, on the time of day")
    reactor.seconds = time.monotonic
