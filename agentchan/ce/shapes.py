"""The shape of a message: the tree of elements that a WSDL's schema allows, as plain values.

Both directions are compiled from it, so that nothing at run time asks a schema library.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Any

from attrs import frozen
from zeep import xsd
from zeep.xsd.elements.indicators import Choice, Group, OrderIndicator
from zeep.xsd.types import builtins

_DEEPEST = 12
"""Levels of elements that are looked at; types may contain themselves."""


class Kind(Enum):
    """What the text of an element or attribute is."""

    TEXT = "text"
    BOOLEAN = "boolean"
    WHOLE = "whole number"
    NUMBER = "number"
    TIME = "time"
    DURATION = "duration"


_KINDS: tuple[tuple[type, Kind], ...] = (
    (builtins.Boolean, Kind.BOOLEAN),
    (builtins.Integer, Kind.WHOLE),
    (builtins.Decimal, Kind.NUMBER),
    (builtins.Float, Kind.NUMBER),
    (builtins.Double, Kind.NUMBER),
    (builtins.DateTime, Kind.TIME),
    (builtins.Duration, Kind.DURATION),
)


@frozen
class AttributeShape:
    """An attribute of an element."""

    tag: str
    name: str
    required: bool
    kind: Kind


@frozen
class Shape:
    """An element.

    Attributes:
        tag: its name with its namespace, ``{urn:x}Name``.
        name: its name without.
        required: whether it must be there where its parent is.
        repeated: whether there may be several.
        nillable: whether it may say ``xsi:nil``.
        kind: what its text is; None where it has elements, or nothing.
        children: its elements, in the order of the schema.
        open: whether it may hold more than the children named here (``xs:any``, or a type that contains itself).
        type_name: of its type, with namespace; None where the type has no name.
    """

    tag: str
    name: str
    required: bool = True
    repeated: bool = False
    nillable: bool = False
    kind: Kind | None = None
    children: tuple[Shape, ...] = ()
    attributes: tuple[AttributeShape, ...] = ()
    open: bool = False
    type_name: str | None = None

    def child(self, name: str) -> Shape | None:
        """The child of a name without namespace."""
        return next((child for child in self.children if child.name == name), None)

    def find(self, path: str) -> Shape | AttributeShape | None:
        """What a path leads to: names separated by slashes, an attribute with an ``@`` before its name."""
        here: Shape | None = self
        *above, last = path.split("/")
        for name in above:
            here = here.child(name) if here is not None else None
        if here is None:
            return None
        if last.startswith("@"):
            return next((each for each in here.attributes if each.name == last[1:]), None)
        return here.child(last)

    def paths(self, above: str = "") -> Iterator[tuple[str, Shape | AttributeShape]]:
        """Every path below it, with what is there."""
        for attribute in self.attributes:
            yield f"{above}@{attribute.name}", attribute
        for child in self.children:
            yield f"{above}{child.name}", child
            yield from child.paths(f"{above}{child.name}/")


def shape_of(element: Any, *, required: bool = True, repeated: bool = False, above: tuple[Any, ...] = ()) -> Shape:
    """The shape of an element as zeep has it."""
    kind_of_element = element.type
    if isinstance(kind_of_element, xsd.ComplexType):
        children, is_open, kind = _inside(kind_of_element, above)
        attributes = tuple(_attribute(attribute) for _, attribute in kind_of_element.attributes if attribute.name)
    else:
        children, is_open, attributes, kind = (), False, (), _kind(kind_of_element)
    type_name = getattr(kind_of_element, "qname", None)
    return Shape(
        tag=element.qname.text,
        name=element.qname.localname,
        required=required and element.min_occurs > 0,
        repeated=repeated or bool(element.accepts_multiple),
        nillable=bool(element.nillable),
        kind=kind,
        children=children,
        attributes=attributes,
        open=is_open,
        type_name=type_name.text if type_name is not None else None,
    )


def _inside(complex_type: Any, above: tuple[Any, ...]) -> tuple[tuple[Shape, ...], bool, Kind | None]:
    """The children, whether there may be others, and what the text is (of a type with text and attributes only)."""
    if len(above) >= _DEEPEST or any(complex_type is each for each in above):
        return (), True, None
    children: list[Shape] = []
    is_open = False
    kind: Kind | None = None
    for _, content in complex_type.elements_nested:
        for element, required, repeated in _elements(content, required=True, repeated=False):
            if not isinstance(element, xsd.Element):
                is_open = True
            elif element.name == "_value_1":
                kind = _kind(element.type)
            else:
                children.append(shape_of(element, required=required, repeated=repeated, above=(*above, complex_type)))
    return tuple(children), is_open, kind


def _elements(content: Any, *, required: bool, repeated: bool) -> Iterator[tuple[Any, bool, bool]]:
    """The elements below a group of whatever kind, each with whether it is required and may be repeated."""
    if isinstance(content, xsd.Element) or not isinstance(content, Choice | Group | OrderIndicator):
        yield content, required, repeated
        return
    required = required and content.min_occurs > 0
    repeated = repeated or bool(content.accepts_multiple)
    if isinstance(content, Group):
        yield from _elements(content.child, required=required, repeated=repeated)
        return
    for inner in content:
        yield from _elements(inner, required=required and not isinstance(content, Choice), repeated=repeated)


def _attribute(attribute: Any) -> AttributeShape:
    return AttributeShape(
        tag=attribute.qname.text,
        name=attribute.qname.localname,
        required=bool(attribute.required),
        kind=_kind(attribute.type),
    )


def _kind(simple_type: Any) -> Kind:
    return next((kind for base, kind in _KINDS if isinstance(simple_type, base)), Kind.TEXT)
