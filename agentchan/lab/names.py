"""Channel names, and ranges of them with leading zeros."""

from __future__ import annotations

import re
from collections.abc import Iterable

RANGE = re.compile(r"\{(\d+)\.\.(\d+)\}")
LARGEST_RANGE = 100_000
"""More names than any IVR has; a bound so that a slip of the pen does not fill the memory."""


def expand(patterns: Iterable[str]) -> tuple[str, ...]:
    """The names that patterns such as ``ivr1-{001..500}`` stand for, in order.

    Raises:
        ValueError: a range runs backwards, or is larger than ``LARGEST_RANGE``.
    """
    names: list[str] = []
    for pattern in patterns:
        names.extend(_expand_one(pattern))
    return tuple(names)


def _expand_one(pattern: str) -> list[str]:
    found = RANGE.search(pattern)
    if found is None:
        return [pattern]
    first, last = found[1], found[2]
    count = int(last) - int(first) + 1
    if not 1 <= count <= LARGEST_RANGE:
        raise ValueError(f"{pattern}: a range runs upwards and has at most {LARGEST_RANGE} names")
    tails = _expand_one(pattern[found.end() :])
    head = pattern[: found.start()]
    return [f"{head}{number:0{len(first)}d}{tail}" for number in range(int(first), int(last) + 1) for tail in tails]
