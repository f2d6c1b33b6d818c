"""Requests, compiled from a WSDL's shapes and a profile's templates: at run time only values are filled in.

A parameter that is optional in the WSDL and empty is left out. What an IVR script gave that no template maps is carried
through: it is put where the WSDL has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from xml.sax.saxutils import escape, quoteattr

from attrs import frozen

from agentchan.ce.shapes import ITSELF, AttributeShape, Content, Shape
from agentchan.ce.templates import Template

Values = Mapping[str, object]

_UNFIT = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SPECIAL = re.compile(r"[&<>\r]|" + _UNFIT.pattern)
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


@frozen
class _Attribute:
    start: str
    template: Template
    required: bool


@frozen
class _Element:
    """An element, and how it is written.

    Attributes:
        start: its start tag without attributes of the message and without ``>``.
        template: of its text, None if it has none.
        parts: its elements.
        each: what there is one of it for; None: it is there once.
        carries: whether what the IVR gave for its path is put there.
    """

    path: str
    start: str
    end: str
    attributes: tuple[_Attribute, ...]
    template: Template | None
    parts: tuple[_Element, ...]
    required: bool
    nillable: bool
    each: str | None
    carries: bool

    def write(self, values: Values, filling: Filling, out: list[str]) -> bool:
        """Append its text; returns whether anything of it came from a value."""
        if self.carries and filling.carried:
            given = filling.carried.get(self.path)
            if given is not None:
                out.append(given)
                return True
        if self.each is None:
            return self._one(values, filling, out)
        several = filling.each.get(self.each, ())
        for more in several:
            self._one({**values, **more}, filling, out)
        return bool(several)

    def _one(self, values: Values, filling: Filling, out: list[str]) -> bool:
        start, filled = self.start, False
        if self.attributes:
            more, filled = _attributes(self.attributes, values)
            start += more
        if self.parts:
            begin = len(out)
            out.append(f"{start}>")
            for part in self.parts:
                filled = part.write(values, filling, out) or filled
            if filled or (self.required and not self.nillable):
                out.append(self.end)
                return filled
            del out[begin:]
        elif self.template is not None:
            text = self.template.fill(values)
            if text or filled:
                out.append(f"{start}>{cleaned(text)}{self.end}")
                return True
        elif filled:
            out.append(f"{start}/>")
            return True
        if self.required:
            out.append(f'{start} xmlns:xsi="{XSI}" xsi:nil="true"/>' if self.nillable else f"{start}/>")
        return False


@frozen
class RequestTemplate:
    """A request's body, ready to be filled.

    Attributes:
        optional: the paths of what the WSDL allows and no template maps.
        missing: the paths of what the WSDL requires and no template maps.
    """

    _root: _Element
    optional: tuple[str, ...]
    missing: tuple[str, ...]

    @classmethod
    def compile(cls, shape: Shape, parameters: Mapping[str, Parameter], *, carries: bool = False) -> RequestTemplate:
        """Compile the request of a shape.

        Args:
            shape: of the element in the body.
            parameters: what goes where, by path; every path is one of the shape's.
            carries: whether what an IVR gave besides may be filled in (call signals).
        """
        compiler = _Compiler(parameters, carries)
        root = compiler.root(shape)
        return cls(root, tuple(compiler.optional), tuple(compiler.missing))

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

    def root(self, shape: Shape) -> _Element:
        """The body's element, which is there in any case."""
        return self._element(shape, ITSELF, "", "", written=True, inside=(), carries=False)

    def _part(self, shape: Shape, path: str, space: str, written: bool, inside: tuple[Content, ...]) -> _Element | None:
        """What is written for a child; None if nothing ever is.

        Args:
            shape: of the child.
            path: its own.
            space: the namespace that is in force.
            written: whether its parent is there in any case: only then what it requires must be mapped.
            inside: the contents above it.
        """
        mapped = path in self._parameters or self._mapped_below(path)
        if not mapped and (not shape.required or shape.content in inside):
            (self.missing if shape.required else self.optional).append(path)
            if not self._carries:
                return None
            return self._element(shape, path, "", space, written=False, inside=None, carries=True)
        written = written and (mapped or (shape.required and not shape.nillable))
        return self._element(shape, path, f"{path}/", space, written=written, inside=inside, carries=self._carries)

    def _element(
        self,
        shape: Shape,
        path: str,
        prefix: str,
        space: str,
        *,
        written: bool,
        inside: tuple[Content, ...] | None,
        carries: bool,
    ) -> _Element:
        """How an element is written; without what is in it where ``inside`` is None."""
        parameter = self._parameters.get(path)
        repeated = parameter if isinstance(parameter, Repeated) else None
        template = repeated.value if repeated is not None else parameter
        own = _namespace(shape.tag)
        parts: list[_Element] = []
        if inside is not None:
            for child in shape.children:
                part = self._part(child, prefix + child.name, own, written, (*inside, shape.content))
                if part is not None:
                    parts.append(part)
        if written and shape.kind is not None and parameter is None:
            self.missing.append(path)
        return _Element(
            path=path,
            start=f"<{shape.name}" + (f" xmlns={quoteattr(own)}" if own != space else ""),
            end=f"</{shape.name}>",
            attributes=self._attributes(shape, prefix, written) if inside is not None else (),
            template=template if isinstance(template, Template) else None,
            parts=tuple(parts),
            required=shape.required or repeated is not None,
            nillable=shape.nillable,
            each=repeated.each if repeated is not None else None,
            carries=carries,
        )

    def _mapped_below(self, path: str) -> bool:
        return any(other.startswith(f"{path}/") for other in self._parameters)

    def _attributes(self, shape: Shape, prefix: str, written: bool) -> tuple[_Attribute, ...]:
        found: list[_Attribute] = []
        for attribute in shape.attributes:
            path = f"{prefix}@{attribute.name}"
            template = self._parameters.get(path)
            if isinstance(template, Template):
                found.append(_Attribute(_attribute_start(attribute, len(found)), template, attribute.required))
            elif attribute.required and written:
                self.missing.append(path)
        return tuple(found)


def _attributes(attributes: tuple[_Attribute, ...], values: Values) -> tuple[str, bool]:
    """The attributes' text, and whether any of it came from a value."""
    out = ""
    filled = False
    for attribute in attributes:
        text = attribute.template.fill(values)
        filled = filled or text != ""
        if text or attribute.required:
            out += f"{attribute.start}={quoteattr(_fit(text))}"
    return out, filled


def _attribute_start(attribute: AttributeShape, number: int) -> str:
    space = _namespace(attribute.tag)
    return f" xmlns:a{number}={quoteattr(space)} a{number}:{attribute.name}" if space else f" {attribute.name}"


def _namespace(tag: str) -> str:
    return tag[1:].partition("}")[0] if tag.startswith("{") else ""


def cleaned(text: str) -> str:
    """A text as XML has it."""
    if _SPECIAL.search(text) is None:
        return text
    return escape(_fit(text), {"\r": "&#13;"})


def _fit(text: str) -> str:
    """Without what no XML may hold; the doors and the configuration refuse such texts, so this is the last resort."""
    return _UNFIT.sub("\N{REPLACEMENT CHARACTER}", text)


def mapped_templates(parameters: Mapping[str, Parameter]) -> Iterator[tuple[str, Template]]:
    """Every template of a mapping, with its path."""
    for path, parameter in parameters.items():
        template = parameter.value if isinstance(parameter, Repeated) else parameter
        if template is not None:
            yield path, template
