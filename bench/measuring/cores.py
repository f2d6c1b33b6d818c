"""Which cores of the machine who may use: children inherit what the thread has that starts them."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager

ALL = tuple(sorted(os.sched_getaffinity(0)))
"""The cores that this program may use."""

FIRST = ALL[:1]
"""The core of what is measured."""

OTHERS = ALL[1:] or ALL
"""The cores of the lab pair; the same one on a machine that has no other."""


@contextmanager
def only_on(cores: Collection[int]) -> Iterator[None]:
    """What this thread starts inside stays on these cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
