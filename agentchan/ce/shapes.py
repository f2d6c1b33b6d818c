"""The shape of a message: the elements that a WSDL's schema allows, as plain values.

Both directions are compiled from it, so that nothing at run time asks a schema library.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from functools import cached_property
from itertools import islice
from typing import Any

from attrs import define, field, frozen
from zeep import xsd
from zeep.xsd.elements.indicators import Choice, Group, OrderIndicator
from zeep.xsd.types import builtins

_MOST_PATHS = 5000
"""Paths that are listed of one message; a schema may allow any number."""

ITSELF = "."
"""The path of the body's element itself."""


class Kind(Enum):
    """What the text of an element or attribute is."""

    TEXT = "text"
    """White space counts."""
    TOKEN = "token"  # noqa: S105 - a type of XML Schema
    """Anything else whose white space does not."""
    BOOLEAN = "boolean"
    WHOLE = "whole number"
    NUMBER = "number"
    TIME = "time"
    DURATION = "duration"


_KINDS: tuple[tuple[type, Kind], ...] = (
    (builtins.Token, Kind.TOKEN),
    (builtins.String, Kind.TEXT),
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
    enumeration: tuple[str, ...] = ()


@define(eq=False)
class Content:
    """What may be inside an element: what its type says. Types may contain themselves, so contents may be circles.

    Attributes:
        kind: what its text is; None where it has elements, or nothing.
        children: its elements, in the order of the schema.
        open: whether it may hold more than is named here (``xs:any``, ``xs:anyType``).
        enumeration: the words that its text may be; empty: any.
    """

    kind: Kind | None = None
    enumeration: tuple[str, ...] = ()
    children: tuple[Shape, ...] = field(default=(), repr=False)
    attributes: tuple[AttributeShape, ...] = ()
    open: bool = False

    @cached_property
    def inside(self) -> Mapping[str, Content]:
        """What is in each of its elements, by tag."""
        return {child.tag: child.content for child in self.children}

    @cached_property
    def attribute_tags(self) -> frozenset[str]:
        """The names of its attributes, with their namespaces."""
        return frozenset(each.tag for each in self.attributes)


@frozen(eq=False)
class Shape:
    """An element.

    Attributes:
        tag: its name with its namespace, ``{urn:x}Name``.
        name: its name without.
        required: whether it must be there where its parent is.
        repeated: whether there may be several.
        nillable: whether it may say ``xsi:nil``.
    """

    tag: str
    content: Content
    required: bool = True
    repeated: bool = False
    nillable: bool = False
    name: str = field(init=False)

    @name.default
    def _local_name(self) -> str:
        return self.tag.rpartition("}")[2]

    @property
    def kind(self) -> Kind | None:
        """What its text is; None where it has elements, or nothing."""
        return self.content.kind

    @property
    def enumeration(self) -> tuple[str, ...]:
        """The words that its text may be; empty: any."""
        return self.content.enumeration

    @property
    def children(self) -> tuple[Shape, ...]:
        """Its elements, in the order of the schema."""
        return self.content.children

    @property
    def attributes(self) -> tuple[AttributeShape, ...]:
        """Its attributes."""
        return self.content.attributes

    def named(self, tag: str) -> Shape:
        """The same under another name."""
        return Shape(tag, self.content, self.required, self.repeated, self.nillable)

    def child(self, name: str) -> Shape | None:
        """The child of a name without namespace."""
        return next((child for child in self.children if child.name == name), None)

    def find(self, path: str) -> Shape | AttributeShape | None:
        """What a path leads to: names between slashes, ``@`` before an attribute's, ``.`` for the element itself."""
        if path == ITSELF:
            return self
        here: Shape | None = self
        *above, last = path.split("/")
        for name in above:
            here = here.child(name) if here is not None else None
        if here is None:
            return None
        if last.startswith("@"):
            return next((each for each in here.attributes if each.name == last[1:]), None)
        return here.child(last)

    def inner_paths(self, path: str) -> str:
        """The paths of its elements, for people.

        Args:
            path: its own.
        """
        return ", ".join(f'"{path}/{child.name}"' for child in self.children) or "nothing is in it"

    def known_paths(self) -> list[str]:
        """The paths alone."""
        return [path for path, _ in self.paths()]

    def paths(self) -> Iterator[tuple[str, Shape | AttributeShape]]:
        """The paths that a profile may name, the first few thousands, with what is there."""
        if self.kind is not None:
            yield ITSELF, self
        yield from islice(_paths(self.content, "", ()), _MOST_PATHS)


def _paths(content: Content, above: str, inside: tuple[Content, ...]) -> Iterator[tuple[str, Shape | AttributeShape]]:
    for attribute in content.attributes:
        yield f"{above}@{attribute.name}", attribute
    for child in content.children:
        yield f"{above}{child.name}", child
        if child.content not in inside:
            yield from _paths(child.content, f"{above}{child.name}/", (*inside, content))


class Shapes:
    """Makes shapes of a schema's elements as zeep has them, of each type once; zeep's must live as long.

    Args:
        enumerations: the words of simple types by name with namespace, which zeep forgets.
    """

    def __init__(self, enumerations: Mapping[str, tuple[str, ...]]) -> None:
        self._enumerations = enumerations
        self._contents: dict[int, Content] = {}

    def of(self, element: Any, *, required: bool = True, repeated: bool = False) -> Shape:
        """The shape of an element."""
        return Shape(
            tag=element.qname.text,
            content=self._content(element.type),
            required=required and element.min_occurs > 0,
            repeated=repeated or bool(element.accepts_multiple),
            nillable=bool(element.nillable),
        )

    def _content(self, of_type: Any) -> Content:
        content = self._contents.get(id(of_type))
        if content is None:
            content = self._contents[id(of_type)] = Content()
            if isinstance(of_type, xsd.ComplexType):
                self._fill(content, of_type)
            else:
                self._fill_text(content, of_type)
                content.open = not isinstance(of_type, xsd.AnySimpleType)
        return content

    def _fill_text(self, content: Content, simple_type: Any) -> None:
        content.kind = _kind(simple_type)
        name = simple_type.qname.text if simple_type.qname is not None else ""
        content.enumeration = self._enumerations.get(name, ())

    def _fill(self, content: Content, complex_type: Any) -> None:
        children: list[Shape] = []
        for _, inside in complex_type.elements_nested:
            for element, required, repeated in _elements(inside, required=True, repeated=False):
                if not isinstance(element, xsd.Element):
                    content.open = True
                elif isinstance(inside, xsd.Element):  # simple content: the text, which zeep has as an element
                    self._fill_text(content, element.type)
                else:
                    children.append(self.of(element, required=required, repeated=repeated))
        content.children = tuple(children)
        content.attributes = tuple(self._attribute(each) for _, each in complex_type.attributes if each.name)

    def _attribute(self, attribute: Any) -> AttributeShape:
        text = Content()
        self._fill_text(text, attribute.type)
        return AttributeShape(
            tag=attribute.qname.text,
            name=attribute.qname.localname,
            required=bool(attribute.required),
            kind=text.kind or Kind.TOKEN,
            enumeration=text.enumeration,
        )


def _elements(inside: Any, *, required: bool, repeated: bool) -> Iterator[tuple[Any, bool, bool]]:
    """The elements below a group of whatever kind, each with whether it is required and may be repeated."""
    if not isinstance(inside, Group | OrderIndicator):
        yield inside, required, repeated
        return
    required = required and inside.min_occurs > 0
    repeated = repeated or bool(inside.accepts_multiple)
    within = [inside.child] if isinstance(inside, Group) else inside
    for each in within:
        yield from _elements(each, required=required and not isinstance(inside, Choice), repeated=repeated)


def _kind(simple_type: Any) -> Kind:
    return next((kind for base, kind in _KINDS if isinstance(simple_type, base)), Kind.TOKEN)
