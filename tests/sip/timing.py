"""How long something takes, on a machine that does other things too."""

from __future__ import annotations

import time
from collections.abc import Callable

MOST = 0.010
"""Seconds of processor time that the reactor may be held up by one message."""

_RUNS = 5


def quick(work: Callable[[], object]) -> bool:
    """Whether the best of some runs takes less than MOST of processor time."""
    for _ in range(_RUNS):
        began = time.thread_time()
        work()
        if time.thread_time() - began < MOST:
            return True
    return False
