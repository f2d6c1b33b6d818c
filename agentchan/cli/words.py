"""Numbers, times and names as people read them."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import Any, NamedTuple
from unicodedata import combining, east_asian_width

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


class Reader(NamedTuple):
    """Whom a screen is made for.

    It is no attrs class, since to import attrs takes a fifth of the time that ``agentchan status`` takes.

    Attributes:
        now: the time, with a zone.
        zone: the reader's; None: this machine's.
        room: columns of the terminal.
    """

    now: datetime
    zone: tzinfo | None = None
    room: int = 80

    def moment(self, text: Any) -> str:
        """A time of the daemon's: ``14:05:00``, with the date where it is not today; a dash where there is none."""
        if not text:
            return "-"
        time = _time(text)
        if time is None:
            return shown(text)
        local: datetime = time.astimezone(self.zone)
        today = self.now.astimezone(self.zone).date()
        return local.strftime("%H:%M:%S" if local.date() == today else "%Y-%m-%d %H:%M")

    def age(self, text: Any) -> float | None:
        """Seconds from then to now; None where that is not known."""
        time = _time(text)
        return None if time is None else max(0.0, (self.now - time).total_seconds())


def _time(text: Any) -> datetime | None:
    try:
        time = datetime.fromisoformat(text)
    except (ValueError, TypeError):
        return None
    return time if time.tzinfo is not None else None


def shown(text: Any) -> str:
    """A text from outside without what would steer a terminal, or turn the text around."""
    words = str(text)
    if words.isprintable():
        return words
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in words)


def columns(text: str) -> int:
    """How many columns a text without escapes takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(0 if combining(letter) else 1 + (east_asian_width(letter) in "WF") for letter in text)


def cut(text: str, room: int) -> str:
    """A text without escapes that fits."""
    if columns(text) <= room:
        return text
    kept = ""
    for letter in text:
        if columns(kept + letter) >= room:
            break
        kept += letter
    return kept + "…"


def count(number: Any, noun: str, plural: str | None = None) -> str:
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
        return f"{value:.3g} ms"
    if value < 10_000:  # noqa: PLR2004  ten seconds
        return f"{value / 1000:.1f} s"
    return span(value / 1000)
