"""Points in time as the journal keeps them: whole microseconds since 1970, which is all that a datetime has."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_microseconds(instant: datetime) -> int:
    """The microseconds since 1970 of an aware datetime."""
    return (instant - _EPOCH) // _MICROSECOND


def from_microseconds(microseconds: int) -> datetime:
    """The datetime, in UTC."""
    return _EPOCH + timedelta(microseconds=microseconds)


def optional_to_microseconds(instant: datetime | None) -> int | None:
    """As :func:`to_microseconds`; None stays None."""
    return None if instant is None else to_microseconds(instant)


def optional_from_microseconds(microseconds: int | None) -> datetime | None:
    """As :func:`from_microseconds`; None stays None."""
    return None if microseconds is None else from_microseconds(microseconds)
