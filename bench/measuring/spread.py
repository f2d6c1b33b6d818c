"""The spread of a measured quantity."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from attrs import frozen


@frozen
class Spread:
    """What a number of measurements have in common; in the unit of the measurements.

    Percentiles are nearest rank: each is a value that was measured.
    """

    median: float
    p95: float
    p99: float
    least: float
    most: float
    count: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """The spread of these values, of which there is at least one."""
        ordered = sorted(values)

        def percentile(share: int) -> float:
            return ordered[max(0, ceil(len(ordered) * share / 100) - 1)]

        return cls(percentile(50), percentile(95), percentile(99), ordered[0], ordered[-1], len(ordered))
