"""The first half of the seeds that every test run plays (``make simulate`` plays as many as one likes)."""

from __future__ import annotations

import pytest

from tests.simulation.chunks import CHUNKS, played_well


@pytest.mark.parametrize("first", CHUNKS[: len(CHUNKS) // 2])
def test_all_invariants_hold(first: int) -> None:
    """Whatever goes wrong, in whatever order: the invariants hold, and all heals within the computed time."""
    played_well(first)
