"""Checking elements by a WSDL's own schema, however it is spread over files."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import pytest
from lxml import etree

from agentchan.ce.schema import Schema
from agentchan.ce.schema_documents import FIRST, Wrapper, schema_documents
from agentchan.ce.shapes import AttributeShape, Content, Kind, Shape
from agentchan.ce.wsdl_files import WSDL, XSD, WsdlError, WsdlFiles
from tests.ce.wsdls import profile

SPACES = f'xmlns:xs="{XSD}" xmlns:t="urn:t" xmlns:o="urn:o"'
INT = '<xs:simpleType name="A"><xs:restriction base="xs:int"/></xs:simpleType>'
"""A type of whole numbers."""


def xsd(space: str, *inside: str) -> str:
    """A schema document of the namespace ``urn:SPACE``."""
    head = f'<xs:schema {SPACES} targetNamespace="urn:{space}" elementFormDefault="qualified">'
    return f"{head}{''.join(inside)}</xs:schema>"


def element(name: str, of_type: str) -> str:
    """A declaration of an element."""
    return f'<xs:element name="{name}" type="{of_type}"/>'


def including(name: str) -> str:
    """An include of a file."""
    return f'<xs:include schemaLocation="{name}.xsd"/>'


def importing(space: str, name: str | None = None) -> str:
    """An import of the namespace ``urn:SPACE``, from a file if that is named."""
    location = f' schemaLocation="{name}.xsd"' if name else ""
    return f'<xs:import namespace="urn:{space}"{location}/>'


def schema(folder: Path, *inline: str, wrappers: tuple[Wrapper, ...] = (), **files: str) -> Schema:
    """The schema of a WSDL with these in it, and files beside it."""
    for name, text in files.items():
        (folder / f"{name}.xsd").write_text(text)
    (folder / "a.wsdl").write_text(f'<definitions xmlns="{WSDL}"><types>{"".join(inline)}</types></definitions>')
    return Schema(WsdlFiles.read(folder, "a.wsdl"), wrappers)


def right(made: Schema, text: str, shape: Shape | None = None) -> bool:
    """Whether an element is as the schema says."""
    return made.fault(etree.fromstring(text), shape) is None


class TestDocuments:
    """One schema out of many documents."""

    def test_several_of_one_namespace(self, tmp_path: Path) -> None:
        """Several schemas of one namespace in a WSDL know each other's types."""
        made = schema(
            tmp_path,
            xsd("t", element("a", "t:A")),
            xsd("t", INT),
        )
        assert right(made, '<a xmlns="urn:t">1</a>')
        assert not right(made, '<a xmlns="urn:t">x</a>')

    def test_import_without_location(self, tmp_path: Path) -> None:
        """An import that names no file means the other schema of the WSDL."""
        made = schema(
            tmp_path,
            xsd("t", importing("o"), element("a", "o:A")),
            xsd("o", INT),
        )
        assert not right(made, '<a xmlns="urn:t">x</a>')

    def test_import_of_nothing(self, tmp_path: Path) -> None:
        """An import that leads nowhere does no harm as long as nobody needs it."""
        made = schema(
            tmp_path,
            xsd("t", importing("nowhere"), element("a", "xs:int")),
        )
        assert right(made, '<a xmlns="urn:t">1</a>')

    def test_imports_in_a_circle(self, tmp_path: Path) -> None:
        """Files that import each other."""
        made = schema(
            tmp_path,
            xsd("w", importing("t", "t")),
            t=xsd("t", importing("o", "o"), element("a", "o:O"), INT),
            o=xsd("o", importing("t", "t"), INT.replace('"A"', '"O"').replace("xs:int", "t:A")),
        )
        assert right(made, '<a xmlns="urn:t">1</a>')
        assert not right(made, '<a xmlns="urn:t">x</a>')

    def test_chameleon(self, tmp_path: Path) -> None:
        """A schema without a namespace takes that of whoever includes it, of several at once."""
        made = schema(
            tmp_path,
            xsd("t", including("c")),
            xsd("o", including("c")),
            c=f'<xs:schema xmlns:xs="{XSD}">{element("a", "A")}{INT}</xs:schema>',
        )
        for space in ("urn:t", "urn:o"):
            assert right(made, f'<a xmlns="{space}">1</a>')
            assert not right(made, f'<a xmlns="{space}">x</a>')

    def test_redefined(self, tmp_path: Path) -> None:
        """A schema that redefines another's types."""
        limit = '<xs:maxInclusive value="9"/>'
        narrower = f'<xs:simpleType name="A"><xs:restriction base="t:A">{limit}</xs:restriction></xs:simpleType>'
        made = schema(
            tmp_path,
            xsd("t", f'<xs:redefine schemaLocation="r.xsd">{narrower}</xs:redefine>'),
            r=xsd("t", element("a", "t:A"), INT),
        )
        assert right(made, '<a xmlns="urn:t">9</a>')
        assert not right(made, '<a xmlns="urn:t">10</a>')

    def test_included_twice_and_in_circles(self, tmp_path: Path) -> None:
        """Files that include each other, and are included by two, beside others of the namespace."""
        made = schema(
            tmp_path,
            xsd("t", including("x"), including("y")),
            xsd("t", including("y"), element("b", "t:A")),
            x=xsd("t", including("y"), element("a", "t:Y"), INT),
            y=xsd("t", including("x"), INT.replace('"A"', '"Y"')),
        )
        for name in "ab":
            assert right(made, f'<{name} xmlns="urn:t">1</{name}>')
            assert not right(made, f'<{name} xmlns="urn:t">x</{name}>')

    def test_only_in_a_circle(self, tmp_path: Path) -> None:
        """Two files of which each includes the other, imported by a third."""
        made = schema(
            tmp_path,
            xsd("w", importing("t", "x")),
            xsd("o", element("o", "xs:int")),
            x=xsd("t", including("y"), element("a", "t:A")),
            y=xsd("t", including("x"), INT),
        )
        assert not right(made, '<a xmlns="urn:t">x</a>')

    def test_namespaces_from_above(self, tmp_path: Path) -> None:
        """A schema in a WSDL may use the prefixes that the WSDL declares."""
        text = (
            f'<w:definitions xmlns:w="{WSDL}" xmlns:xs="{XSD}" xmlns:q="urn:t"><w:types>'
            f'<xs:schema targetNamespace="urn:t">{element("a", "q:A")}{INT}</xs:schema></w:types></w:definitions>'
        )
        (tmp_path / "a.wsdl").write_text(text)
        assert not right(Schema(WsdlFiles.read(tmp_path, "a.wsdl")), '<a xmlns="urn:t">x</a>')

    def test_none(self, tmp_path: Path) -> None:
        """A WSDL may have no schema at all, but no faulty one."""
        assert not right(schema(tmp_path), "<a/>")
        with pytest.raises(WsdlError, match="no schema can be made of it: "):
            schema(tmp_path, xsd("t", element("a", "t:None")))

    def test_nothing_but_documents(self) -> None:
        """Every reference is to one of the documents."""
        for name in ("reference", "wcf", "shapes", "rpc"):
            documents = schema_documents(
                profile(name).connector.files, (Wrapper("{urn:w}w", (("p", f"{{{XSD}}}int"),)),)
            )
            assert FIRST in documents
            for text in documents.values():
                for each in etree.fromstring(text):
                    assert each.get("schemaLocation") is None or each.get("schemaLocation") in documents


class TestWrappers:
    """The elements around an rpc message's parts."""

    def test_parts(self, tmp_path: Path) -> None:
        """Parts are unqualified, each of its type, of whatever namespace, also of the wrapper's own."""
        parts = (("own", "{urn:t}A"), ("other", "{urn:o}A"), ("plain", f"{{{XSD}}}string"))
        made = schema(
            tmp_path,
            xsd("t", INT),
            xsd("o", INT),
            wrappers=(Wrapper("{urn:t}call", parts), Wrapper("{urn:x}empty", ()), Wrapper("bare", parts[2:])),
        )
        assert right(made, '<c:call xmlns:c="urn:t"><own>1</own><other>2</other><plain>x</plain></c:call>')
        assert not right(made, '<c:call xmlns:c="urn:t"><own>x</own><other>2</other><plain>x</plain></c:call>')
        assert not right(made, '<c:call xmlns:c="urn:t"><own>1</own><other>2</other></c:call>')
        assert not right(made, '<call xmlns="urn:t"><own>1</own><other>2</other><plain>x</plain></call>')
        assert right(made, '<empty xmlns="urn:x"/>')
        assert not right(made, '<empty xmlns="urn:x"><a/></empty>')
        assert right(made, "<bare><plain>x</plain></bare>")

    def test_types_without_namespace(self, tmp_path: Path) -> None:
        """A part's type may be of a schema without a namespace."""
        made = schema(
            tmp_path,
            f'<xs:schema xmlns:xs="{XSD}">{INT}</xs:schema>',
            wrappers=(Wrapper("{urn:x}w", (("p", "A"),)),),
        )
        assert right(made, '<x:w xmlns:x="urn:x"><p>1</p></x:w>')
        assert not right(made, '<x:w xmlns:x="urn:x"><p>x</p></x:w>')

    def test_marks_in_names(self, tmp_path: Path) -> None:
        """Namespaces may hold any marks."""
        space = "urn:a&b'c"
        made = schema(tmp_path, wrappers=(Wrapper(f"{{{space}}}w", (("p", f"{{{XSD}}}int"),)),))
        wrapper = etree.Element(f"{{{space}}}w")
        etree.SubElement(wrapper, "p").text = "1"
        assert made.fault(wrapper, None) is None


NODE = Content(Kind.TEXT)
ADDED = Shape(
    "{urn:t}a",
    Content(
        children=(Shape("{urn:t}b", Content(Kind.WHOLE)),), attributes=(AttributeShape("k", "k", False, Kind.WHOLE),)
    ),
)


class TestTolerance:
    """What may be added, and what may not be wrong."""

    @pytest.fixture
    def made(self, tmp_path: Path) -> Schema:
        """An element with one child and one attribute."""
        return schema(
            tmp_path,
            xsd(
                "t",
                f'<xs:element name="a"><xs:complexType><xs:sequence>{element("b", "xs:int")}</xs:sequence>',
                '<xs:attribute name="k" type="xs:int"/></xs:complexType></xs:element>',
            ),
        )

    @pytest.mark.parametrize(
        ("inside", "attributes", "tolerated"),
        [
            ("<b>1</b>", "", True),
            ("<b>1</b><c/>", "", True),
            ("<c/><b>1</b>", "", True),
            ("<b l='x'>1</b>", "l='x'", True),
            ("<b>1</b><x:b xmlns:x='urn:x'>y</x:b>", "xmlns:x='urn:x' x:k='y'", True),
            ("<b>1</b>", "k='x'", False),
            ("<b>x</b><c/>", "", False),
            ("<c/>", "", False),
            ("<b>1</b><b>2</b><c/>", "", False),
            ("<b>1</b>text<c/>", "", False),
        ],
    )
    def test_added(self, made: Schema, inside: str, attributes: str, tolerated: bool) -> None:
        """Elements and attributes that the WSDL does not know are tolerated, and only they; nothing is changed."""
        reply = etree.fromstring(f'<a xmlns="urn:t" {attributes}>{inside}</a>')
        before = etree.tostring(deepcopy(reply))
        assert (made.fault(reply, ADDED) is None) == tolerated
        assert etree.tostring(reply) == before

    def test_nothing_tolerated(self, made: Schema) -> None:
        """Without a shape nothing is."""
        assert right(made, '<a xmlns="urn:t"><b>1</b></a>')
        assert not right(made, '<a xmlns="urn:t"><b>1</b><c/></a>')

    def test_words(self, made: Schema) -> None:
        """What is wrong is said without namespaces, two things at most."""
        reply = etree.fromstring('<a xmlns="urn:t" k="x"><b>y</b></a>')
        assert made.fault(reply, ADDED) == (
            "Element 'a', attribute 'k': 'x' is not a valid value of the atomic type 'xs:int'.; "
            "Element 'b': 'y' is not a valid value of the atomic type 'xs:int'."
        )
        reply[0].text = "y" * 10_000
        assert len(made.fault(reply, ADDED) or "") <= 300

    def test_problems(self, made: Schema) -> None:
        """All that is wrong with a request, with where it is and whether it is a value."""
        reply = etree.fromstring('<a xmlns="urn:t" k="x" l="y"><b>z</b><c/></a>')
        found = [(each.element.tag, each.of_value) for each in made.problems(reply)]
        assert sorted(found) == [("{urn:t}a", False), ("{urn:t}a", True), ("{urn:t}b", True), ("{urn:t}c", False)]
        assert made.problems(etree.fromstring('<a xmlns="urn:t"><b>1</b></a>')) == []
