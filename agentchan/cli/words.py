"""Numbers, times and names as people read them."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import Any

_SECOND, _MINUTE, _HOUR, _DAY = 1, 60, 3600, 86400


def shown(text: Any) -> str:
    """A text from outside without what would steer a terminal."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in str(text))


def count(number: int, noun: str, plural: str | None = None) -> str:
    """``1 call``, ``2 calls``."""
    return f"{number} {noun}" if number == 1 else f"{number} {plural or noun + 's'}"


def span(seconds: float) -> str:
    """A length of time in one or two units: ``42 s``, ``3 min``, ``2 h 5 min``, ``1 day 2 h``."""
    whole = int(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min"
    if whole < _DAY:
        minutes = whole % _HOUR // _MINUTE
        return f"{whole // _HOUR} h" + (f" {minutes} min" if minutes else "")
    hours = whole % _DAY // _HOUR
    return count(whole // _DAY, "day") + (f" {hours} h" if hours else "")


def milliseconds(value: float | None) -> str:
    """``120 ms``, ``1.2 s``, ``42 s``; a dash where there is none."""
    if value is None:
        return "-"
    if value < 1000:  # noqa: PLR2004  a second
        return f"{value:g} ms"
    if value < 10_000:  # noqa: PLR2004  ten seconds
        return f"{value / 1000:.1f} s"
    return span(value / 1000)


def moment(text: str | None, now: datetime, zone: tzinfo | None = None) -> str:
    """A time of the daemon's in the reader's zone: ``14:05:00``, with the date where it is not today."""
    if not text:
        return "-"
    try:
        time = datetime.fromisoformat(text).astimezone(zone)
    except ValueError:
        return shown(text)
    today = now.astimezone(zone).date()
    return time.strftime("%H:%M:%S" if time.date() == today else "%Y-%m-%d %H:%M")


def since(text: str | None, now: datetime) -> float | None:
    """Seconds from then to now; None where it is not known."""
    if not text:
        return None
    try:
        return max(0.0, (now - datetime.fromisoformat(text)).total_seconds())
    except (ValueError, TypeError):
        return None
