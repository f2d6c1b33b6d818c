"""Texts with fields in them, such as ``IVR-{call_id}`` or ``{started_at:%H:%M}``: filled, and read back.

A profile says with them what goes into each parameter of a message (profile.md, Rules).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from math import ceil
from string import Formatter

from attrs import field, frozen

from agentchan.ce.shapes import Kind
from agentchan.rfc3339 import rfc3339

_NAME = re.compile(r"[a-z_]+(\.[A-Za-z0-9_-]+)?")
_EXAMPLE = datetime(2026, 11, 24, 10, 20, 30, tzinfo=UTC)


class TemplateError(ValueError):
    """A template cannot be used; the text says why."""


@frozen
class Field:
    """A field of a template; ``form`` is a strftime pattern, or empty."""

    name: str
    form: str = ""


@frozen
class Template:
    """A text with fields.

    Attributes:
        parts: texts and fields, in order.
        kind: what is to come out; a time or a duration is written as XML Schema has it.
        words: what stands for a value of ours where the site has a word of its own for it.
        zone: of times with a form; None: that of this machine.
        only: the one field that it is, if it is one field and nothing else.
    """

    parts: tuple[str | Field, ...]
    kind: Kind = Kind.TEXT
    words: Mapping[str, str] = field(factory=dict)
    zone: tzinfo | None = None
    only: Field | None = field(init=False)

    @only.default
    def _the_only(self) -> Field | None:
        only = self.parts[0] if len(self.parts) == 1 else None
        return only if isinstance(only, Field) else None

    @classmethod
    def parse(
        cls, text: str, kind: Kind = Kind.TEXT, words: Mapping[str, str] | None = None, zone: tzinfo | None = None
    ) -> Template:
        """Read a template as it stands in a profile.

        Raises:
            TemplateError: its braces or fields are malformed.
        """
        parts: list[str | Field] = []
        try:
            for literal, name, form, conversion in Formatter().parse(text):
                if literal:
                    parts.append(literal)
                if name is not None:
                    parts.append(_field(name, form or "", conversion))
        except TemplateError:
            raise
        except ValueError as error:
            raise TemplateError(f"its braces are wrong: {error}; a brace itself is written {{{{ or }}}}") from None
        return cls(tuple(parts), kind, dict(words or {}), zone)

    @property
    def fields(self) -> tuple[Field, ...]:
        """Its fields, in order."""
        return tuple(part for part in self.parts if isinstance(part, Field))

    def fill(self, values: Mapping[str, object]) -> str:
        """The text; empty if it has fields and none of them has a value.

        Args:
            values: of the fields: texts, numbers, booleans, times; a missing one is empty.
        """
        only = self.only
        if only is not None:
            return self._written(values.get(only.name), only.form)
        texts: list[str] = []
        written = False
        for part in self.parts:
            if isinstance(part, str):
                texts.append(part)
            else:
                text = self._written(values.get(part.name), part.form)
                written = written or text != ""
                texts.append(text)
        return "".join(texts) if written or not self.fields else ""

    def read(self, text: str) -> dict[str, str] | None:
        """The values that the fields must have had to make this text; None if it cannot have come from here."""
        if self.only is not None:
            ours = next((word for word, theirs in self.words.items() if theirs == text), text)
            return {self.only.name: ours}
        *before, last = self.parts or ("",)
        found: dict[str, str] = {}
        open_field: Field | None = None
        position = 0
        for part in before:
            if isinstance(part, Field):
                open_field = part
                continue
            end = text.find(part, position)
            if end < 0 or (open_field is None and end != position):
                return None
            if open_field is not None:
                found[open_field.name] = text[position:end]
                open_field = None
            position = end + len(part)
        if isinstance(last, Field):
            return found | {last.name: text[position:]}
        end = len(text) - len(last)
        if not text.endswith(last) or end < position or (open_field is None and end != position):
            return None
        return found if open_field is None else found | {open_field.name: text[position:end]}

    def _written(self, value: object, form: str) -> str:
        if isinstance(value, str):
            text = value
        elif value is None:
            return ""
        elif isinstance(value, datetime):
            return _in_zone(value, self.zone).strftime(form) if form else rfc3339(value)
        elif isinstance(value, bool):
            text = "true" if value else "false"
        elif isinstance(value, float):
            text = _seconds(value, self.kind)
        else:
            text = str(value)
        return self.words.get(text, text) if self.words else text


def _field(name: str, form: str, conversion: str | None) -> Field:
    if conversion or not _NAME.fullmatch(name):
        wrong = f"{{{name}{'!' + conversion if conversion else ''}}}"
        raise TemplateError(f"{wrong} is no field; a field is such as {{call_id}} or {{channel.KEY}}")
    if form and _EXAMPLE.strftime(form) in ("", form):
        raise TemplateError(f"{{{name}:{form}}} has a form that is no pattern such as %Y-%m-%dT%H:%M:%S")
    return Field(name, form)


def _in_zone(at: datetime, zone: tzinfo | None) -> datetime:
    try:
        return at.astimezone(zone)
    except OverflowError:  # the first or last hours that Python knows
        return at


def _seconds(seconds: float, kind: Kind) -> str:
    """A length of time, to the millisecond; in whole seconds a started one counts."""
    if kind is Kind.WHOLE:
        return str(ceil(seconds))
    text = f"{seconds:.3f}".rstrip("0").rstrip(".")
    return f"PT{text}S" if kind is Kind.DURATION else text


_DURATION = re.compile(
    r"(-)?P(?=.)(?:(\d{1,9})Y)?(?:(\d{1,9})M)?(?:(\d{1,9})D)?"
    r"(?:T(?=.)(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9}(?:\.\d*)?|\.\d+)S)?)?",
    re.ASCII,
)
_NUMBER = re.compile(r"\d{1,9}(\.\d*)?|\.\d+", re.ASCII)


def seconds_of(text: str) -> float:
    """The seconds of an ``xs:duration``, or of a plain number.

    Raises:
        ValueError: it is neither, is negative, or has years or months, whose length nobody knows.
    """
    if _NUMBER.fullmatch(text):
        return float(text)
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no length of time")
    sign, years, months, days, hours, minutes, rest = found.groups()
    if sign or int(years or 0) or int(months or 0):
        raise ValueError(f"{text!r} is negative, or has years or months")
    return int(days or 0) * 86400 + int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(rest or 0)
