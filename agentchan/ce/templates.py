"""Texts with fields in them, such as ``IVR-{call_id}`` or ``{started_at:%H:%M}``: filled, and read back.

A profile says with them what goes into each parameter of a message (profile.md, Rules).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from string import Formatter

from attrs import field, frozen

from agentchan.ce.shapes import Kind

_NAME = re.compile(r"[a-z_]+(\.[A-Za-z0-9_-]+)?")
_MILLISECOND = 3


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
    """

    parts: tuple[str | Field, ...]
    kind: Kind = Kind.TEXT
    words: Mapping[str, str] = field(factory=dict)

    @classmethod
    def parse(cls, text: str, kind: Kind = Kind.TEXT, words: Mapping[str, str] | None = None) -> Template:
        """Read a template as it stands in a profile.

        Raises:
            TemplateError: its braces or fields are malformed.
        """
        parts: list[str | Field] = []
        try:
            for literal, name, form, conversion in Formatter().parse(text):
                if literal:
                    parts.append(literal)
                if name is None:
                    continue
                if conversion or not _NAME.fullmatch(name):
                    raise TemplateError(f"{{{name}}} is no field; a field is such as {{call_id}} or {{channel.KEY}}")
                if form and "%" not in form:
                    raise TemplateError(f"{{{name}:{form}}} has a form that is no pattern such as %Y-%m-%dT%H:%M:%S")
                parts.append(Field(name, form or ""))
        except ValueError as error:
            raise error if isinstance(error, TemplateError) else TemplateError(str(error)) from None
        return cls(tuple(parts), kind, dict(words or {}))

    @property
    def fields(self) -> tuple[Field, ...]:
        """Its fields, in order."""
        return tuple(part for part in self.parts if isinstance(part, Field))

    @property
    def only(self) -> Field | None:
        """The one field that it is, if it is one field and nothing else."""
        only = self.parts[0] if len(self.parts) == 1 else None
        return only if isinstance(only, Field) else None

    def fill(self, values: Mapping[str, object]) -> str:
        """The text; empty if it has fields and none of them has a value.

        Args:
            values: of the fields: texts, numbers, booleans, times; a missing one is empty.
        """
        texts: list[str] = []
        empty = True
        has_fields = False
        for part in self.parts:
            if isinstance(part, str):
                texts.append(part)
                continue
            has_fields = True
            text = self._written(values.get(part.name), part.form)
            empty = empty and not text
            texts.append(text)
        return "" if has_fields and empty else "".join(texts)

    def read(self, text: str) -> dict[str, str] | None:
        """The values that the fields must have had to make this text; None if it cannot have come from here."""
        if self.only is not None:
            ours = next((word for word, theirs in self.words.items() if theirs == text), text)
            return {self.only.name: ours}
        found = self._pattern().fullmatch(text)
        if found is None:
            return None
        return {each.name: found[f"f{number}"] for number, each in enumerate(self.fields)}

    def _pattern(self) -> re.Pattern[str]:
        number = 0
        pattern = ""
        for part in self.parts:
            if isinstance(part, str):
                pattern += re.escape(part)
            else:
                pattern += f"(?P<f{number}>.*)"
                number += 1
        return re.compile(pattern, re.DOTALL)

    def _written(self, value: object, form: str) -> str:
        if value is None:
            return ""
        if isinstance(value, datetime):
            return value.strftime(form) if form else iso_time(value)
        if isinstance(value, bool):
            text = "true" if value else "false"
        elif isinstance(value, float):
            text = xsd_duration(value) if self.kind is Kind.DURATION else f"{value:g}"
        else:
            text = str(value)
        return self.words.get(text, text)


def iso_time(at: datetime) -> str:
    """A time as ``xs:dateTime``, to the millisecond, in its own zone."""
    text = at.isoformat(timespec="milliseconds")
    return text[:-6] + "Z" if text.endswith("+00:00") else text


def xsd_duration(seconds: float) -> str:
    """Seconds as ``xs:duration``."""
    return f"PT{seconds:.{_MILLISECOND}f}".rstrip("0").rstrip(".") + "S"


_DURATION = re.compile(
    r"(-)?P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?", re.ASCII
)


def seconds_of(text: str) -> float:
    """The seconds of an ``xs:duration``, or of a plain number.

    Raises:
        ValueError: it is neither, is negative, or has years or months, whose length nobody knows.
    """
    found = _DURATION.fullmatch(text)
    if found is None:
        seconds = float(text)
    else:
        sign, years, months, days, hours, minutes, rest = found.groups()
        if sign or int(years or 0) or int(months or 0):
            raise ValueError(f"{text!r} is negative, or has years or months")
        seconds = int(days or 0) * 86400 + int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(rest or 0)
    if not 0 <= seconds < float("inf"):
        raise ValueError(f"{text!r} is no length of time")
    return seconds
