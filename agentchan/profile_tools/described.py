"""What a WSDL says of a parameter or result, in a few words."""

from __future__ import annotations

from collections.abc import Iterator

from agentchan.ce.shapes import ITSELF, AttributeShape, Kind, Shape

_MOST_WORDS = 8

_KINDS = {
    Kind.TEXT: "text",
    Kind.TOKEN: "text",
    Kind.BOOLEAN: "true or false",
    Kind.WHOLE: "whole number",
    Kind.NUMBER: "number",
    Kind.TIME: "time",
    Kind.DURATION: "length of time",
}


def leaves(shape: Shape | None) -> Iterator[tuple[str, Shape | AttributeShape]]:
    """Every path of a message with a text at its end, and every one that may be there several times."""
    for path, target in shape.paths() if shape is not None else ():
        if isinstance(target, AttributeShape) or target.kind is not None or target.repeated:
            yield path, target


def required(shape: Shape, path: str) -> bool:
    """Whether a path must be there: all that it leads through must."""
    steps = path.split("/") if path != ITSELF else []
    found = [shape.find("/".join(steps[:length])) for length in range(1, len(steps) + 1)]
    return all(each is not None and each.required for each in found)


def about(shape: Shape, path: str, target: Shape | AttributeShape) -> str:
    """What the WSDL says: ``text, required``; of a list of words which ones.

    Args:
        shape: the message's.
        path: within it.
        target: what is there.
    """
    needed = "required" if required(shape, path) else "optional"
    several = ", several" if isinstance(target, Shape) and target.repeated else ""
    return f"{kind_of(target)}{several}, {needed}"


def kind_of(target: Shape | AttributeShape) -> str:
    """What kind of text it is, with the words that it may be."""
    if target.enumeration:
        words = ", ".join(target.enumeration[:_MOST_WORDS])
        return f"one of {words}" + (", …" if len(target.enumeration) > _MOST_WORDS else "")
    return "elements" if target.kind is None else _KINDS[target.kind]
