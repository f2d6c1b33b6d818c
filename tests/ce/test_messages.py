"""Requests compiled from shapes and templates."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentchan.ce.messages import Filling, Parameter, Repeated, RequestTemplate, cleaned, mapped_templates
from agentchan.ce.shapes import AttributeShape, Content, Kind, Shape
from agentchan.ce.templates import Template
from agentchan.ce.xml_input import parse_xml

TEXT = Content(Kind.TEXT)
XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil="true"'


def element(name: str, *children: Shape, content: Content | None = None, **marks: Any) -> Shape:
    """An element in the namespace ``urn:a``, with children or a text."""
    return Shape(f"{{urn:a}}{name}", content or (Content(children=children) if children else TEXT), **marks)


def attribute(name: str, *, required: bool = False) -> AttributeShape:
    """An attribute."""
    return AttributeShape(name, name.rpartition("}")[2], required, Kind.TEXT)


def compiled(shape: Shape, **parameters: str | Parameter) -> RequestTemplate:
    """A request with templates by path, slashes written as two underscores."""
    return RequestTemplate.compile(
        shape,
        {
            path.replace("__", "/").replace("at_", "@"): Template.parse(each) if isinstance(each, str) else each
            for path, each in parameters.items()
        },
    )


def filled(request: RequestTemplate, carried: dict[str, str] | None = None, **values: object) -> str:
    """The request filled with values, without the namespace of its root."""
    items = [{"item": "1"}, {"item": "2"}]
    text = request.fill(Filling(values, {"channel": items, "change": []}, carried or {}))
    parse_xml(text.encode())
    return text.replace(' xmlns="urn:a"', "", 1)


class TestWriting:
    """What is written."""

    def test_order(self) -> None:
        """Elements come in the order of the schema, whatever the profile's."""
        request = compiled(element("R", element("A"), element("B")), B="{b}", A="{a}")
        assert filled(request, a="1", b="2") == "<R><A>1</A><B>2</B></R>"

    def test_required(self) -> None:
        """What must be there is, even empty; as nil where it may."""
        shape = element("R", element("A"), element("B", nillable=True), element("C", required=False))
        assert filled(compiled(shape, A="{a}", B="{b}", C="{c}")) == f"<R><A/><B {XSI}/></R>"
        assert filled(compiled(shape, A="{a}")) == f"<R><A/><B {XSI}/></R>"

    def test_branches(self) -> None:
        """An optional element is there when anything in it came from a value, or is constant."""
        inner = element("In", element("A"), element("B", required=False), required=False)
        shape = element("R", element("Out", inner, required=False))
        request = compiled(shape, Out__In__A="{a}", Out__In__B="{b}")
        assert filled(request) == "<R></R>"
        assert filled(request, b="2") == "<R><Out><In><A/><B>2</B></In></Out></R>"
        assert filled(compiled(shape, Out__In__A="x")) == "<R><Out><In><A>x</A></In></Out></R>"

    def test_required_branch(self) -> None:
        """A required element with elements is there in any case, or nil where it may."""
        assert filled(compiled(element("R", element("In", element("A"))), In__A="{a}")) == "<R><In><A/></In></R>"
        shape = element("R", element("In", element("A"), nillable=True))
        assert filled(compiled(shape, In__A="{a}")) == f"<R><In {XSI}/></R>"
        assert filled(compiled(shape)) == f"<R><In {XSI}/></R>"
        assert filled(compiled(shape, In__A="{a}"), a="x") == "<R><In><A>x</A></In></R>"

    def test_attributes(self) -> None:
        """Attributes are written with their namespaces; a required one in any case, an empty optional one not."""
        content = Content(
            Kind.TEXT,
            attributes=(attribute("a"), attribute("b", required=True), attribute("{urn:x}c"), attribute("{urn:y}c")),
        )
        shape = element("R", element("A", content=content))
        request = compiled(shape, A="{t}", A__at_a="{a}", A__at_b="{b}", A__at_c="{c}")
        assert filled(request) == '<R><A b=""/></R>'
        assert filled(request, a="<\n\"'>", c="3") == (
            '<R><A a="&lt;&#10;&quot;\'&gt;" b="" xmlns:a2="urn:x" a2:c="3" xmlns:a3="urn:y" a3:c="3"></A></R>'
        )

    def test_optional_with_attributes(self) -> None:
        """An optional element is there for an attribute that has a value, and only then."""
        content = Content(Kind.TEXT, attributes=(attribute("a"), attribute("b", required=True)))
        request = compiled(
            element("R", element("A", content=content, required=False)), A="{t}", A__at_a="{a}", A__at_b="{b}"
        )
        assert filled(request) == "<R></R>"
        assert filled(request, b="2") == '<R><A b="2"></A></R>'
        assert filled(request, t="x") == '<R><A b="">x</A></R>'

    def test_only_attributes(self) -> None:
        """An element may have nothing but attributes."""
        content = Content(attributes=(attribute("a"),))
        request = compiled(element("R", element("A", content=content, required=False)), A__at_a="{a}")
        assert filled(request, a="1") == '<R><A a="1"/></R>'
        assert filled(request) == "<R></R>"

    def test_namespaces(self) -> None:
        """Each element says its namespace where it is not its parent's."""
        inner = Shape("{urn:b}B", Content(children=(Shape("C", TEXT), Shape("{urn:b}D", TEXT))))
        request = compiled(element("R", inner), B__C="c", B__D="d")
        assert filled(request) == '<R><B xmlns="urn:b"><C xmlns="">c</C><D>d</D></B></R>'

    def test_itself(self) -> None:
        """The body's element may be a text, or have attributes."""
        content = Content(Kind.TEXT, attributes=(attribute("a"),))
        request = RequestTemplate.compile(
            element("R", content=content), {".": Template.parse("{t}"), "@a": Template.parse("{a}")}
        )
        assert filled(request, t="1", a="2") == '<R a="2">1</R>'
        assert RequestTemplate.compile(element("R"), {}).missing == (".",)

    def test_repeated(self) -> None:
        """Repeated elements are there once for each, with the fields of the message in each; or not at all."""
        item = element("Item", element("A"), content=None, repeated=True, required=False)
        request = compiled(
            element("R", item, element("T", repeated=True, required=False)),
            Item=Repeated("channel"),
            Item__A="{ivr}-{item}",
            T=Repeated("channel", Template.parse("{item}")),
        )
        assert filled(request, ivr="i") == "<R><Item><A>i-1</A></Item><Item><A>i-2</A></Item><T>1</T><T>2</T></R>"
        assert filled(compiled(element("R", item), Item=Repeated("change"), Item__A="{item}")) == "<R></R>"

    def test_list_in_an_element(self) -> None:
        """An element around what is repeated is there when any of it is."""
        inner = element("List", element("T", repeated=True, required=False), required=False)
        for each, expected in (("channel", "<R><List><T>1</T><T>2</T></List></R>"), ("change", "<R></R>")):
            request = compiled(element("R", inner), List__T=Repeated(each, Template.parse("{item}")))
            assert filled(request) == expected


class TestUnmapped:
    """What is not mapped, or not there."""

    def test_lists(self) -> None:
        """What the WSDL requires and allows besides is listed."""
        optional = element("O", element("X"), required=False)
        shape = element(
            "R", element("A"), element("B", element("C"), element("D", nillable=True)), optional, element("E")
        )
        request = compiled(shape, A="1")
        assert request.missing == ("B/C", "E")
        assert request.optional == ("O",)

    def test_within_optional(self) -> None:
        """What an optional element requires must be mapped once anything in it is; attributes, too."""
        content = Content(children=(element("X"), element("Y")), attributes=(attribute("k", required=True),))
        shape = element("R", element("O", content=content, required=False))
        assert compiled(shape).missing == ()
        assert compiled(shape, O__X="1").missing == ("O/Y", "O/@k")

    def test_empty_element(self) -> None:
        """A required element that holds nothing needs no template."""
        request = compiled(element("R", Shape("{urn:a}N", Content())))
        assert (request.missing, filled(request)) == ((), "<R><N/></R>")

    def test_circle(self) -> None:
        """A required element that contains itself without end cannot be written, and is named instead of tried."""
        content = Content()
        node = Shape("{urn:a}Node", content)
        content.children = (node,)
        assert compiled(element("R", node)).missing == ("Node/Node",)

    def test_templates(self) -> None:
        """All templates of a mapping can be listed."""
        parameters = {
            "A": Template.parse("{a}"),
            "B": Repeated("channel"),
            "C": Repeated("channel", Template.parse("c")),
        }
        assert [(path, each.parts) for path, each in mapped_templates(parameters)] == [
            ("A", parameters["A"].parts),  # type: ignore[union-attr]
            ("C", ("c",)),
        ]


class TestCarried:
    """What the IVR gave besides."""

    SHAPE = element(
        "R",
        element("A"),
        element("O", element("X"), required=False),
        element("P", element("Q", required=False), element("S", required=False), required=False),
    )

    @pytest.mark.parametrize(
        ("carried", "expected"),
        [
            ({}, "<R><A>1</A></R>"),
            ({"O": "<O><X>x</X></O><O/>"}, "<R><A>1</A><O><X>x</X></O><O/></R>"),
            ({"P/S": "<S>s</S>"}, "<R><A>1</A><P><S>s</S></P></R>"),
            ({"A": "<A>own</A>"}, "<R><A>own</A></R>"),
            ({"Z": "<Z/>"}, "<R><A>1</A></R>"),
        ],
    )
    def test_carried(self, carried: dict[str, str], expected: str) -> None:
        """It is put where the WSDL has it, also beside what is mapped, and outweighs that; else it is left out."""
        parameters: dict[str, Parameter] = {"A": Template.parse("{a}"), "P/Q": Template.parse("{q}")}
        request = RequestTemplate.compile(self.SHAPE, parameters, carries=True)
        assert filled(request, carried, a="1") == expected


class TestCleaned:
    """Texts as XML has them."""

    @pytest.mark.parametrize(
        ("text", "expected"),
        [("a", "a"), ("<&>", "&lt;&amp;&gt;"), ("]]>", "]]&gt;"), ("\r", "&#13;"), ("\x00\ud800\uffff", "\ufffd" * 3)],
    )
    def test_examples(self, text: str, expected: str) -> None:
        """Marks are escaped; what XML has not is replaced."""
        assert cleaned(text) == expected

    @given(st.text())
    def test_there_and_back(self, text: str) -> None:
        """A parser reads what was written, but for what XML has not."""
        found = parse_xml(f"<a>{cleaned(text)}</a>".encode()).text or ""
        assert len(found) == len(text)
        assert all(read in (given, "\ufffd") for read, given in zip(found, text, strict=True))
