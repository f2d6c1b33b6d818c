"""Backoff: full jitter over a doubling width, capped, never below the floor; and deadlines that double."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentchan.core.backoff import FLOOR, PATIENCE_LIMIT, Backoff, patient

SECONDS = st.floats(0.001, 100.0)


@pytest.mark.parametrize(
    ("failures", "widest"), [(1, 0.5), (2, 1.0), (3, 2.0), (4, 4.0), (5, 5.0), (6, 5.0), (10**9, 5.0)]
)
def test_widths(failures: int, widest: float) -> None:
    """The width doubles with each failure, up to the cap, and the draw begins at nothing."""
    drawn: list[tuple[float, float]] = []

    def jitter(low: float, high: float) -> float:
        drawn.append((low, high))
        return high

    assert Backoff(0.5, 5.0).delay(failures, jitter) == widest
    assert drawn == [(0.0, widest)]


@given(st.integers(1, 10**6), SECONDS, SECONDS, st.floats(0.0, 1.0))
def test_bounds(failures: int, initial: float, maximum: float, share: float) -> None:
    """Never shorter than the floor, never longer than the cap (or the floor, where that is longer)."""
    delay = Backoff(initial, maximum).delay(failures, lambda low, high: low + share * (high - low))
    assert FLOOR <= delay <= max(FLOOR, maximum)


@pytest.mark.parametrize(
    ("deadline", "timeouts", "patience"),
    [
        (2.0, 0, 2.0),
        (2.0, 1, 4.0),
        (2.0, 3, 16.0),
        (2.0, 4, 30.0),
        (2.0, 10**9, 30.0),
        (45.0, 0, 45.0),
        (45.0, 2, 45.0),
    ],
)
def test_patience(deadline: float, timeouts: int, patience: float) -> None:
    """A deadline doubles up to the limit; one that is longer by configuration stays what it is."""
    assert patient(deadline, timeouts) == patience
    assert patience <= max(PATIENCE_LIMIT, deadline)
