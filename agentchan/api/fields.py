"""Named values from outside (a JSON object, a form, a query), taken out one by one and checked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any

from agentchan.api.refusals import Malformed
from agentchan.config.durations import parse_duration

NAME = 128
IDENTIFIER = 200
"""The lengths of the contract's schema, in characters: of names and reasons, of ids and numbers."""

_UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(Z|z|[+-]\d\d:?\d\d)?", re.ASCII)
_EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
_LATEST = datetime(2200, 1, 1, tzinfo=UTC)


class Fields:
    """The values of one body or query.

    Args:
        values: name and value; every value that :meth:`finish` finds untaken is refused.
        kind: what they are, for error texts: ``field`` or ``query parameter``.
    """

    def __init__(self, values: Mapping[str, Any], kind: str = "field") -> None:
        self._values = dict(values)
        self._kind = kind
        self._known: list[str] = []

    @classmethod
    def of_object(cls, value: Any) -> Fields:
        """Of a JSON value, which must be an object."""
        if not isinstance(value, dict):
            raise Malformed(f"the body is {_kind_of(value)}; it must be a JSON object")
        return cls(value)

    def finish(self) -> None:
        """Refuse what nobody has taken.

        Raises:
            Malformed: with the nearest known name.
        """
        if not self._values:
            return
        name = next(iter(self._values))
        near = get_close_matches(name[:64], self._known, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(self._known)) or 'none'}"
        raise Malformed(f"unknown {self._kind} {name[:64]!r} ({hint})", "unknown-field")

    def token(self, name: str, longest: int = NAME) -> str:
        """A required name or id: an XSD token; never changed, since ids are compared by every letter."""
        value = self.optional_token(name, longest)
        if value is None:
            raise self._fault(name, "is missing")
        return value

    def optional_token(self, name: str, longest: int = NAME) -> str | None:
        """A name or id; None where it is missing, null or empty."""
        value = self._text(name)
        return None if value is None else checked_token(value, f"{self._kind} {name!r}", longest)

    def words(self, name: str, longest: int = NAME) -> str | None:
        """A text for people: white space is made single, as the schema's tokens want it; None where nothing is left."""
        value = self._text(name)
        value = None if value is None else " ".join(value.split())
        return checked_token(value, f"{self._kind} {name!r}", longest) if value else None

    def required_words(self, name: str, longest: int = NAME) -> str:
        """As :meth:`words`, required."""
        value = self.words(name, longest)
        if value is None:
            raise self._fault(name, "is missing; say why, whoever comes next will want to know")
        return value

    def duration(self, name: str, longest: float) -> float | None:
        """Seconds of a duration such as ``30m``; None where it is missing.

        Args:
            name: of the field.
            longest: in seconds.
        """
        value = self._text(name)
        if value is None:
            return None
        try:
            seconds = parse_duration(value)
        except ValueError as error:
            raise self._fault(name, f"is {value[:64]!r}: {error}; durations are such as '250ms', '2s', '5m'") from None
        if seconds > longest:
            raise self._fault(name, f"is {value[:64]!r}, which is more than {longest:g} seconds")
        return seconds

    def flag(self, name: str) -> bool:
        """A required boolean."""
        value = self._take(name)
        if not isinstance(value, bool):
            what = "is missing" if value is None else f"is {_kind_of(value)}"
            raise self._fault(name, f"{what}; it must be true or false")
        return value

    def time(self, name: str) -> datetime | None:
        """A time with a zone (RFC 3339); None where it is missing."""
        value = self._text(name)
        if value is None:
            return None
        found = _TIME.fullmatch(value)
        if found and not found[1]:
            raise self._fault(name, f"is {value!r}, which has no zone; write 2026-11-24T14:05:00+01:00 or …Z")
        try:
            time = datetime.fromisoformat(value) if found else None
        except ValueError:
            time = None
        if time is None or not _EARLIEST < time < _LATEST:
            hint = "; in a form write + as %2B" if " " in value[19:] else ""
            raise self._fault(name, f"is {value[:64]!r}; a time is written 2026-11-24T14:05:00+01:00 or …Z{hint}")
        return time

    def whole(self, name: str, least: int, most: int, default: int) -> int:
        """A whole number written in a query."""
        value = self._text(name)
        if value is None:
            return default
        if not (value.isascii() and value.isdigit() and len(value) <= len(str(most)) and least <= int(value) <= most):
            raise self._fault(name, f"is {value[:64]!r}; it must be a whole number from {least} to {most}")
        return int(value)

    def choices(self, name: str, allowed: Iterable[str]) -> tuple[str, ...]:
        """Words of a list, separated by commas; empty where it is missing."""
        value = self._text(name)
        words = tuple(value.split(",")) if value else ()
        allowed = tuple(allowed)
        for word in words:
            if word not in allowed:
                raise self._fault(name, f"has {word[:64]!r}; allowed: {', '.join(allowed)}")
        return words

    def raw(self, name: str) -> Any:
        """Whatever stands there; None where it is missing."""
        return self._take(name)

    def _take(self, name: str) -> Any:
        self._known.append(name)
        return self._values.pop(name, None)

    def _text(self, name: str) -> str | None:
        """A text; null and empty mean missing, since a dialplan's empty variable still names its field."""
        value = self._take(name)
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            raise self._fault(name, f"is {_kind_of(value)}; it must be a string")
        return value

    def _fault(self, name: str, wrong: str) -> Malformed:
        return Malformed(f"{self._kind} {name!r} {wrong}")


def checked_token(value: Any, what: str, longest: int) -> str:
    """The value, which must be an XSD token of at most ``longest`` characters.

    Args:
        value: anything.
        what: how error texts name it.
        longest: in characters.

    Raises:
        Malformed: it is not.
    """
    if not isinstance(value, str):
        raise Malformed(f"{what} is {_kind_of(value)}; it must be a string")
    if not value or len(value) > longest:
        raise Malformed(f"{what} has {len(value)} characters; it must have 1 to {longest}")
    if _UNFIT.search(value):
        raise Malformed(f"{what} has control characters or others that XML does not allow")
    if value != value.strip(" ") or "  " in value:
        raise Malformed(f"{what} has leading, trailing or doubled spaces, which CE does not keep")
    return value


def _kind_of(value: Any) -> str:
    if value is None:
        return "null"
    kinds = {bool: "a boolean", str: "a string", list: "a list", dict: "an object"}
    return kinds.get(type(value), "a number")
