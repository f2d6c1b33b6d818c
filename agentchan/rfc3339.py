"""Times as they are written for others to read."""

from __future__ import annotations

from datetime import UTC, datetime


def rfc3339(at: datetime) -> str:
    """A moment as RFC 3339 writes it, in UTC and to the millisecond: ``2026-11-24T10:15:00.000Z``.

    Args:
        at: with its time zone.
    """
    return at.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def rfc3339_of(seconds: float) -> str:
    """The same of seconds since the epoch."""
    return rfc3339(datetime.fromtimestamp(seconds, UTC))
