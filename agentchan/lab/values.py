"""Times and durations of XML Schema, as the contract uses them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

DATE_TIME = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)T(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)(?P<fraction>\.\d+)?"
    r"(?P<zone>Z|[+-]\d\d:\d\d)?"
)
DURATION = re.compile(
    r"(?P<sign>-)?P(?:(?P<years>\d+)Y)?(?:(?P<months>\d+)M)?(?:(?P<days>\d+)D)?"
    r"(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?"
)


@lru_cache(maxsize=64)
def instant(text: str) -> str:
    """The one spelling of a point in time: two ``xs:dateTime`` mean the same instant if these are equal.

    Raises:
        ValueError: there is no zone (contract: times carry one), or the year is beyond 0001 to 9999.
    """
    found = DATE_TIME.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no time between the years 0001 and 9999")
    if found["zone"] is None:
        raise ValueError(f"{text!r} carries no zone; end it with Z or an offset such as +01:00")
    hour = int(found["hour"])
    try:
        moment = datetime.fromisoformat(f"{found['date']}T00:00:00+00:00")
        moment += timedelta(hours=hour, minutes=int(found["minute"]), seconds=int(found["second"]))
        moment -= _offset(found["zone"])
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{text!r} is no time between the years 0001 and 9999: {error}") from None
    return moment.strftime("%Y-%m-%dT%H:%M:%S") + (found["fraction"] or "").rstrip("0").rstrip(".")


def _offset(zone: str) -> timedelta:
    if zone == "Z":
        return timedelta(0)
    hours, minutes = zone[1:].split(":")
    size = timedelta(hours=int(hours), minutes=int(minutes))
    return -size if zone[0] == "-" else size


def seconds_of(duration: str) -> float:
    """The length of an ``xs:duration`` in seconds.

    Raises:
        ValueError: it is negative, or has years or months, whose length nobody knows.
    """
    found = DURATION.fullmatch(duration)
    if found is None:
        raise ValueError(f"{duration!r} is no duration")
    if int(found["years"] or 0) or int(found["months"] or 0):
        raise ValueError(f"{duration!r} has years or months, whose length is not fixed")
    length = (
        int(found["days"] or 0) * 86400
        + int(found["hours"] or 0) * 3600
        + int(found["minutes"] or 0) * 60
        + float(found["seconds"] or 0)
    )
    if found["sign"] and length:
        raise ValueError(f"{duration!r} is negative")
    return float(length)


def duration_of(seconds: float) -> str:
    """``seconds`` as an ``xs:duration``, to the microsecond."""
    return f"PT{seconds:.6f}".rstrip("0").rstrip(".") + "S"


def now_utc() -> str:
    """The wall clock as an ``xs:dateTime`` with zone."""
    return datetime.now(UTC).isoformat(timespec="microseconds")
