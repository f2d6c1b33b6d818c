"""Times as they are written."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from agentchan.rfc3339 import rfc3339, rfc3339_of


def test_zones() -> None:
    """Whatever zone a time has, it is written in UTC."""
    assert rfc3339(datetime(2026, 11, 24, 12, 15, tzinfo=timezone(timedelta(hours=2)))) == "2026-11-24T10:15:00.000Z"


def test_seconds_since_the_epoch() -> None:
    """Cut to the millisecond."""
    assert rfc3339_of(0.9999) == "1970-01-01T00:00:00.999Z"
