"""Times as they are written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from agentchan.rfc3339 import rfc3339, rfc3339_of


def test_zones() -> None:
    """Whatever zone a time has, it is written in UTC."""
    assert rfc3339(datetime(2026, 11, 24, 12, 15, tzinfo=timezone(timedelta(hours=2)))) == "2026-11-24T10:15:00.000Z"


@given(st.integers(min_value=0, max_value=4_102_444_800_000))
def test_both_ways_agree(milliseconds: int) -> None:
    """Seconds since the epoch are written as the same moment is."""
    seconds = milliseconds / 1000 + 0.0002  # no float is exactly a millisecond
    assert rfc3339_of(seconds) == rfc3339(datetime.fromtimestamp(seconds, UTC))
