"""Durations as people write them: ``250ms``, ``2s``, ``1m30s``, ``7d``."""

from __future__ import annotations

import re
from decimal import Decimal

_SECONDS = {
    "ms": Decimal("0.001"),
    "s": Decimal(1),
    "m": Decimal(60),
    "h": Decimal(3600),
    "d": Decimal(86400),
}
_PART = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?)(ms|s|m|h|d)")
_WHOLE = re.compile(rf"(?:{_PART.pattern}){{1,5}}")
# Up to here a float has every microsecond.
_LONGEST = 36_500 * _SECONDS["d"]
_MICROSECOND = Decimal("0.000001")
_ORDER = tuple(reversed(_SECONDS))


def parse_duration(text: str) -> float:
    """Seconds of a duration: numbers with the units ms, s, m, h and d, the larger units first, each once.

    Parts of a microsecond are rounded away.

    Raises:
        ValueError: it is not a duration, or longer than a century.
    """
    if not _WHOLE.fullmatch(text):
        raise ValueError("not a duration")
    parts = _PART.findall(text)
    ranks = [_ORDER.index(unit) for _, unit in parts]
    if ranks != sorted(set(ranks)):
        raise ValueError("the units are not in falling order")
    seconds = sum((Decimal(number) * _SECONDS[unit] for number, unit in parts), start=Decimal(0))
    if seconds > _LONGEST:
        raise ValueError("not less than a century")
    return float(seconds.quantize(_MICROSECOND))


def format_duration(seconds: float) -> str:
    """The shortest usual text of a duration, in one unit; ``parse_duration`` gives the same seconds back.

    Args:
        seconds: whole microseconds, at most a century.
    """
    exact = Decimal(repr(seconds))
    if exact == 0:
        return "0s"
    for unit in _ORDER:
        number = exact / _SECONDS[unit]
        # One day is mostly written as 24h; from two on days read better.
        if number == number.to_integral_value() and (unit != "d" or number > 1):
            return f"{number:.0f}{unit}"
    return f"{(exact / _SECONDS['ms']).normalize():f}ms"
