"""Requests, compiled from a WSDL's shapes and a profile's templates: at run time only values are filled in.

A parameter that is optional in the WSDL and empty is left out. What an IVR script gave that no template maps is carried
through: it is put where the WSDL has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol
from xml.sax.saxutils import escape, quoteattr

from attrs import frozen

from agentchan.ce.shapes import AttributeShape, Shape
from agentchan.ce.templates import Template

Values = Mapping[str, object]

_UNFIT = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
XSI = "http://www.w3.org/2001/XMLSchema-instance"


@frozen
class Repeated:
    """A parameter that is there once for each of several things (profile.md: ``each``).

    Attributes:
        each: ``channel`` or ``change``.
        value: what it holds, where it has no parameters of its own.
    """

    each: str
    value: Template | None = None


Parameter = Template | Repeated


@frozen
class Filling:
    """What one request is filled with.

    Attributes:
        values: of the fields.
        each: of the fields of what is repeated, for each of them, by what they are (``channel``, ``change``).
        carried: XML by path, as the IVR gave it; it outweighs what the profile would say there.
    """

    values: Values
    each: Mapping[str, Sequence[Values]]
    carried: Mapping[str, str]


class _Part(Protocol):
    """A part of a message."""

    def write(self, values: Values, filling: Filling, out: list[str]) -> bool:
        """Append its text; returns whether anything of it came from a value."""


@frozen
class _Element:
    """An element with text."""

    path: str
    start: str
    end: str
    attributes: tuple[tuple[str, Template], ...]
    template: Template | None
    required: bool
    nillable: bool
    carries: bool

    def write(self, values: Values, filling: Filling, out: list[str]) -> bool:
        if self.carries and filling.carried:
            given = filling.carried.get(self.path)
            if given is not None:
                out.append(given)
                return True
        text = "" if self.template is None else self.template.fill(values)
        attributes = _attributes(self.attributes, values)
        if text or attributes:
            out.append(f"{self.start}{attributes}>{cleaned(text)}{self.end}")
            return True
        if self.required:
            out.append(f'{self.start} xmlns:xsi="{XSI}" xsi:nil="true"/>' if self.nillable else f"{self.start}/>")
        return False


@frozen
class _Branch:
    """An element with elements, repeated or not."""

    path: str
    start: str
    end: str
    attributes: tuple[tuple[str, Template], ...]
    parts: tuple[_Part, ...]
    required: bool
    each: str | None
    carries: bool

    def write(self, values: Values, filling: Filling, out: list[str]) -> bool:
        if self.carries and filling.carried:
            given = filling.carried.get(self.path)
            if given is not None:
                out.append(given)
                return True
        if self.each is None:
            return self._one(values, filling, out)
        filled = False
        for more in filling.each.get(self.each, ()):
            filled = self._one({**values, **more}, filling, out) or filled
        return filled

    def _one(self, values: Values, filling: Filling, out: list[str]) -> bool:
        inside: list[str] = []
        filled = False
        for part in self.parts:
            filled = part.write(values, filling, inside) or filled
        attributes = _attributes(self.attributes, values)
        filled = filled or bool(attributes)
        if filled or self.required or self.each is not None:
            out.append(f"{self.start}{attributes}>")
            out.extend(inside)
            out.append(self.end)
        return filled


@frozen
class _Items:
    """An element with text, once for each of several things."""

    start: str
    end: str
    each: str
    template: Template

    def write(self, values: Values, filling: Filling, out: list[str]) -> bool:
        out.extend(
            f"{self.start}>{cleaned(self.template.fill({**values, **more}))}{self.end}"
            for more in filling.each.get(self.each, ())
        )
        return True


@frozen
class RequestTemplate:
    """A request's body, ready to be filled.

    Attributes:
        optional: the paths of what the WSDL allows and no template maps.
        missing: the paths of what the WSDL requires and no template maps.
        unknown: the mapped paths that the WSDL does not have.
    """

    _root: _Branch
    optional: tuple[str, ...]
    missing: tuple[str, ...]
    unknown: tuple[str, ...]

    @classmethod
    def compile(cls, shape: Shape, parameters: Mapping[str, Parameter], *, carries: bool = False) -> RequestTemplate:
        """Compile the request of a shape.

        Args:
            shape: of the element in the body.
            parameters: what goes where, by path.
            carries: whether what an IVR gave besides may be filled in (call signals).
        """
        compiler = _Compiler(parameters, carries)
        root = compiler.branch(shape, "", "", above=True)
        known = {path for path, _ in shape.paths()}
        return cls(
            root,
            tuple(compiler.optional),
            tuple(compiler.missing),
            tuple(path for path in parameters if path not in known),
        )

    def fill(self, filling: Filling) -> str:
        """The XML of the body's element."""
        out: list[str] = []
        self._root.write(filling.values, filling, out)
        return "".join(out)


class _Compiler:
    """Compiles one request; remembers what was not mapped."""

    def __init__(self, parameters: Mapping[str, Parameter], carries: bool) -> None:
        self._parameters = parameters
        self._carries = carries
        self.optional: list[str] = []
        self.missing: list[str] = []

    def branch(self, shape: Shape, path: str, space: str, *, above: bool, each: str | None = None) -> _Branch:
        """An element with elements."""
        name, start = _start(shape, space)
        inner_space = _namespace(shape.tag)
        prefix = f"{path}/" if path else ""
        parts = [
            part for child in shape.children if (part := self._part(child, prefix + child.name, inner_space, above))
        ]
        return _Branch(
            path=path,
            start=start,
            end=f"</{name}>",
            attributes=self._attributes(shape, prefix, above and (shape.required or self._mapped(path))),
            parts=tuple(parts),
            required=shape.required,
            each=each,
            carries=self._carries and path != "",
        )

    def _part(self, shape: Shape, path: str, space: str, above: bool) -> _Part | None:
        """What is written for a child; None if nothing ever is.

        ``above`` says whether its parent is written in any case: only then what it requires must be mapped.
        """
        parameter = self._parameters.get(path)
        name, start = _start(shape, space)
        if isinstance(parameter, Repeated):
            if parameter.value is not None:
                return _Items(start, f"</{name}>", parameter.each, parameter.value)
            return self.branch(shape, path, space, above=True, each=parameter.each)
        below = self._mapped(path)
        if shape.children and (below or shape.required):
            return self.branch(shape, path, space, above=above and (below or shape.required))
        if parameter is None and not below:
            if shape.required and above and not shape.nillable and (shape.kind is not None or shape.open):
                self.missing.append(path)
            elif not shape.required:
                self.optional.append(path)
            if not self._carries and not shape.required:
                return None
        return _Element(
            path=path,
            start=start,
            end=f"</{name}>",
            attributes=self._attributes(shape, f"{path}/", above and (shape.required or parameter is not None)),
            template=parameter,
            required=shape.required,
            nillable=shape.nillable,
            carries=self._carries,
        )

    def _mapped(self, path: str) -> bool:
        """Whether anything below a path is mapped."""
        return any(other.startswith(f"{path}/") for other in self._parameters)

    def _attributes(self, shape: Shape, prefix: str, written: bool) -> tuple[tuple[str, Template], ...]:
        found = []
        for attribute in shape.attributes:
            path = f"{prefix}@{attribute.name}"
            template = self._parameters.get(path)
            if isinstance(template, Template):
                found.append((_attribute_start(attribute), template))
            elif attribute.required and written:
                self.missing.append(path)
        return tuple(found)


def _attributes(attributes: tuple[tuple[str, Template], ...], values: Values) -> str:
    return "".join(
        f" {name}={quoteattr(_fit(text))}" for name, template in attributes if (text := template.fill(values))
    )


def _attribute_start(attribute: AttributeShape) -> str:
    space = _namespace(attribute.tag)
    return f'xmlns:a="{escape(space)}" a:{attribute.name}' if space else attribute.name


def _namespace(tag: str) -> str:
    return tag[1:].partition("}")[0] if tag.startswith("{") else ""


def _start(shape: Shape, space: str) -> tuple[str, str]:
    """An element's name and the beginning of its start tag, with its namespace where that is not its parent's."""
    own = _namespace(shape.tag)
    return shape.name, f"<{shape.name}" + (f" xmlns={quoteattr(own)}" if own != space else "")


def cleaned(text: str) -> str:
    """A text as XML has it."""
    return escape(_fit(text))


def _fit(text: str) -> str:
    """Without what no XML may hold; the doors and the configuration refuse such texts, so this is the last resort."""
    return _UNFIT.sub("\N{REPLACEMENT CHARACTER}", text)


def mapped_templates(parameters: Mapping[str, Parameter]) -> Iterator[tuple[str, Template]]:
    """Every template of a mapping, with its path."""
    for path, parameter in parameters.items():
        template = parameter.value if isinstance(parameter, Repeated) else parameter
        if template is not None:
            yield path, template
