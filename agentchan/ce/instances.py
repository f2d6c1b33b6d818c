"""Instances: the least XML that a shape allows, with some values in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import count
from xml.sax.saxutils import quoteattr

from agentchan.ce.messages import cleaned
from agentchan.ce.shapes import ITSELF, Kind, Shape
from agentchan.rfc3339 import rfc3339


def instance(shape: Shape, values: Mapping[str, str], text: str, space: str = "", path: str = "") -> str:
    """An element with everything that it must have.

    Args:
        shape: of the element.
        values: texts by path below it; what has one is there, required or not.
        text: what stands in required texts that have no value.
        space: the namespace that is in force around it.
        path: of the element below the first one.
    """
    own = shape.tag[1:].partition("}")[0] if shape.tag.startswith("{") else ""
    start = f"<{shape.name}" + (f" xmlns={quoteattr(own)}" if own != space else "")
    prefix = f"{path}/" if path else ""
    attributes = ""
    for attribute in shape.attributes:
        value = values.get(f"{prefix}@{attribute.name}")
        if value is not None or attribute.required:
            attributes += (
                f" {attribute.name}={quoteattr(value if value is not None else _default(attribute.kind, text))}"
            )
    inside = ""
    own_text = values.get(path or ITSELF)
    if own_text is not None:
        inside = cleaned(own_text)
    elif shape.kind is not None:
        inside = cleaned(shape.enumeration[0] if shape.enumeration else _default(shape.kind, text))
    for child in shape.children:
        here = prefix + child.name
        if child.required or here in values or any(each.startswith(f"{here}/") for each in values):
            inside += instance(child, values, text, own, here)
    return f"{start}{attributes}>{inside}</{shape.name}>"


def texts_of(shape: Shape) -> Iterator[str]:
    """Texts that may stand in an element; the first is what :func:`instance` would put there."""
    if shape.enumeration:
        yield from shape.enumeration
    elif shape.kind is Kind.BOOLEAN:
        yield from ("false", "true", "0", "1")
    elif shape.kind in (Kind.WHOLE, Kind.NUMBER):
        yield from map(str, count())
    elif shape.kind in (Kind.TIME, Kind.DURATION):
        yield _default(shape.kind, "")
    yield from ("", *map(str, count()))


def _default(kind: Kind, text: str) -> str:
    defaults = {Kind.BOOLEAN: "false", Kind.WHOLE: "0", Kind.NUMBER: "0", Kind.DURATION: "PT0S"}
    if kind is Kind.TIME:
        return rfc3339(datetime.now(UTC))
    return defaults.get(kind, text)
