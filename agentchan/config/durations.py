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
_PART = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)(ms|s|m|h|d)")
_WHOLE = re.compile(rf"(?:{_PART.pattern}){{1,5}}")
_ORDER = tuple(reversed(_SECONDS))


def parse_duration(text: str) -> float:
    """Seconds of a duration: numbers with the units ms, s, m, h and d, the larger units first, each once.

    Raises:
        ValueError: it is not a duration.
    """
    if not _WHOLE.fullmatch(text):
        raise ValueError("not a duration")
    parts = _PART.findall(text)
    ranks = [_ORDER.index(unit) for _, unit in parts]
    if ranks != sorted(set(ranks)):
        raise ValueError("the units are not in falling order")
    return float(sum(Decimal(number) * _SECONDS[unit] for number, unit in parts))


def format_duration(seconds: float) -> str:
    """The shortest usual text of a duration, in one unit; ``parse_duration`` gives the same seconds back.

    Args:
        seconds: not negative, with no more digits than a nanosecond needs.
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
