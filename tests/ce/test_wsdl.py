"""Reading WSDLs: every style that can be spoken, by name every one that cannot, and nothing but the folder."""

from __future__ import annotations

import shutil
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentchan.ce.profile import SHIPPED
from agentchan.ce.shapes import Kind, Shape
from agentchan.ce.wsdl import Service, SoapVersion, read_service
from agentchan.ce.wsdl_files import WSDL, XSD, WsdlError, WsdlFiles
from tests.ce.wsdls import FOLDER, profile

CONNECTOR = (FOLDER / "soap12" / "connector.wsdl").read_text()
RPC = (FOLDER / "rpc" / "connector.wsdl").read_text()


def read(folder: Path, text: str, port: str | None = None) -> Service:
    """The service of a WSDL with this text."""
    (folder / "a.wsdl").write_text(text)
    return read_service(folder, "a.wsdl", port)


def refused(folder: Path, main: str = "a.wsdl", port: str | None = None) -> str:
    """Why a WSDL cannot be used."""
    with pytest.raises(WsdlError) as caught:
        read_service(folder, main, port)
    return str(caught.value).replace(str(folder), "FOLDER")


def tree(shape: Shape) -> dict[str, Any]:
    """A shape as nested names: ``?`` not required, ``*`` repeated, ``0`` nillable, ``@`` attributes, ``.`` the text."""
    found: dict[str, Any] = {
        f"@{each.name}{'' if each.required else '?'}": each.kind.value for each in shape.attributes
    }
    for child in shape.children:
        marks = ("" if child.required else "?") + ("*" if child.repeated else "") + ("0" if child.nillable else "")
        if child.kind is not None and not child.attributes:
            found[child.name + marks] = child.kind.value
        else:
            found[child.name + marks] = "…" if child.name == shape.name else tree(child)
    if shape.kind is not None:
        found["."] = shape.kind.value
    if shape.content.open:
        found["..."] = ""
    return found


class TestPorts:
    """Which of several ports is spoken."""

    def test_soap_11_first(self) -> None:
        """Without a choice it is the first that speaks SOAP 1.1."""
        service = read_service(FOLDER / "soap12", "connector.wsdl")
        assert (service.port, service.version) == ("Soap11", SoapVersion.SOAP_11)
        assert (service.address, service.path) == ("http://ce1.example/old/connector.asmx", "/old/connector.asmx")

    def test_chosen(self) -> None:
        """One may be chosen by name."""
        service = read_service(FOLDER / "soap12", "connector.wsdl", "Soap12")
        assert service.version is SoapVersion.SOAP_12

    def test_unspoken(self) -> None:
        """Those that cannot be spoken are named, with what they are."""
        assert profile("soap12").connector.unspoken == (
            "port Get (HTTP GET without SOAP)",
            "port Mail (SOAP over http://schemas.xmlsoap.org/soap/smtp, not HTTP)",
        )
        assert profile("wcf").connector.unspoken == (
            "port NetTcpBinding_IConnector (SOAP over http://schemas.microsoft.com/soap/tcp, not HTTP)",
        )

    @pytest.mark.parametrize("port", ["Get", "Mail", "Soap13"])
    def test_wrong(self, port: str) -> None:
        """A port that cannot be spoken, or is not there, is refused with the list of all."""
        with pytest.raises(WsdlError) as caught:
            read_service(FOLDER / "soap12", "connector.wsdl", port)
        assert f"no port {port} that speaks SOAP 1.1 or 1.2 over HTTP; its ports: Get, Mail, Soap12, " in str(
            caught.value
        )

    def test_only_other(self, tmp_path: Path) -> None:
        """A WSDL without any that can be spoken is refused."""
        (tmp_path / "a.wsdl").write_text(RPC.replace("soap/http", "soap/smtp"))
        assert refused(tmp_path) == "a.wsdl has no port that speaks SOAP 1.1 or 1.2 over HTTP; its ports: Rpc"

    @pytest.mark.parametrize(
        ("binding", "why"),
        [
            ('<x:binding xmlns:x="urn:jms"/>', "a binding of urn:jms"),
            ("<documentation/>", "no binding of SOAP"),
            (
                '<s:binding xmlns:s="http://schemas.xmlsoap.org/wsdl/soap/"/>',
                "SOAP over an unnamed transport, not HTTP",
            ),
        ],
    )
    def test_other_bindings(self, tmp_path: Path, binding: str, why: str) -> None:
        """A port of another kind is named as what it is."""
        other = f'<wsdl:binding name="Other" type="tns:Rpc">{binding}</wsdl:binding>'
        port = '<wsdl:port name="Other" binding="tns:Other"/></wsdl:service>'
        text = RPC.replace("<wsdl:service", f"{other}<wsdl:service").replace("</wsdl:service>", port)
        assert read(tmp_path, text).unspoken == (f"port Other ({why})",)

    def test_no_binding(self, tmp_path: Path) -> None:
        """A port whose binding is not there is named, and the others are spoken."""
        port = '<wsdl:port name="Lost" binding="tns:None"/></wsdl:service>'
        text = RPC.replace("</wsdl:service>", port)
        assert read(tmp_path, text).unspoken == ("port Lost (its binding is not in the WSDL)",)

    def test_no_service(self, tmp_path: Path) -> None:
        """So is one without a service."""
        (tmp_path / "a.wsdl").write_text(RPC.partition("<wsdl:service")[0] + "</wsdl:definitions>")
        assert refused(tmp_path) == "a.wsdl has no port that speaks SOAP 1.1 or 1.2 over HTTP; its ports: none"

    def test_service_in_an_import(self, tmp_path: Path) -> None:
        """The service may be in a WSDL that is imported."""
        shutil.copytree(FOLDER / "wcf", tmp_path, dirs_exist_ok=True)
        spaces = 'xmlns="http://schemas.xmlsoap.org/wsdl/" targetNamespace="urn:outer"'
        service = read(
            tmp_path,
            f'<definitions {spaces}><import namespace="http://tempuri.org/" location="./service.wsdl"/></definitions>',
        )
        assert service.port == "BasicHttpBinding_IConnector"
        assert "NewCall" in service.operations


class TestStyles:
    """What becomes of messages of each style."""

    def test_document(self) -> None:
        """document/literal: the body's element is the part's, in the schema's form."""
        operation = profile("soap12").connector.operations["CallBegins"]
        assert operation.request.tag == "{urn:site:connector}CallBegins"
        assert [child.tag for child in operation.request.children] == ["Id", "Port", "Campaign", "At"]
        assert operation.action == "urn:site:connector/CallBegins"
        assert operation.reply is not None
        assert operation.reply.tag == "{urn:site:connector}CallBeginsAnswer"

    def test_bare(self) -> None:
        """document/literal, bare: the element may be a text."""
        end = profile("bare").connector.operations["End"]
        assert end.reply is not None
        assert (end.request.kind, end.reply.kind) == (Kind.TEXT, Kind.WHOLE)
        assert tree(profile("bare").connector.operations["Begin"].request) == {"@id": "text", "Channel": "text"}

    def test_rpc(self) -> None:
        """rpc/literal: a wrapper named after the operation, parts without a namespace; faults as in document style."""
        begin, end = (profile("rpc").connector.operations[name] for name in ("begin", "end"))
        assert begin.request.tag == "{urn:site:rpc}begin"
        assert begin.reply is not None
        assert begin.reply.tag == "{urn:site:rpc}beginResponse"
        assert [child.tag for child in begin.request.children] == ["call", "ivr"]
        assert tree(begin.request) == {"call": {"Channel": "text", "Id": "token", "Caller?": "text"}, "ivr": "text"}
        assert [shape.tag for shape in begin.faults] == ["{urn:site:rpc:types}Trouble"]
        assert end.reply is not None
        assert (end.reply.tag, end.reply.children) == ("{urn:site:rpc}endResponse", ())

    def test_one_way(self, tmp_path: Path) -> None:
        """An operation without an output has no reply, in either style."""
        assert profile("wcf").connector.operations["Gone"].reply is None
        text = RPC.replace('<wsdl:output message="tns:EndOut"/>', "")
        assert read(tmp_path, text).operations["end"].reply is None

    def test_wcf(self) -> None:
        """Over several files and namespaces every element has its own; faults and actions are found."""
        operations = profile("wcf").connector.operations
        assert tree(operations["Register"].request) == {
            "ivr?0": "text",
            "lines?0": {"string?*0": "text"},
            "clientName?0": "text",
        }
        lines = operations["Register"].request.find("lines/string")
        assert isinstance(lines, Shape)
        assert lines.tag == "{http://schemas.microsoft.com/2003/10/Serialization/Arrays}string"
        assert [shape.tag for shape in operations["Register"].faults] == ["{http://site.example/ivr/data}Problem"]
        assert operations["Register"].addressing_action == "http://site.example/ivr/IConnector/Register"

    def test_everything(self) -> None:
        """Includes, groups, choices, extensions, attributes, lists, texts with attributes, any and trees."""
        operation = profile("shapes").connector.operations["Begin"]
        party = {"Number": "text", "Name?": "text", "@vip?": "boolean"}
        assert tree(operation.request) == {
            "Channel": "token",
            "Site?": "token",
            "CallId?": "token",
            "CallNumber?": "whole number",
            "Priority": "text",
            "From?": party,
            "To0": party,
            "Tags?": {"Tag*": "token"},
            "Price": {".": "number", "@currency": "token"},
            "Seconds?": "duration",
            "Words?": "token",
            "Tree?": {"Name": "token", "Node?*": {"Name": "token", "Node?*": "…"}},
            "@version": "whole number",
            "@mark?": "token",
            "@tag?": "token",
            "...": "",
        }
        tag = operation.request.find("@tag")
        assert tag is not None
        assert tag.tag == "{urn:site:tags}tag"

    def test_circles(self) -> None:
        """A type that contains itself is one and the same at every depth, and its paths are listed once."""
        node = profile("shapes").connector.operations["Begin"].request.find("Tree")
        assert isinstance(node, Shape)
        assert node.find("Node/Node/Node/Node/Name") is not None
        assert node.known_paths() == ["Name", "Node", "Node/Name", "Node/Node"]

    def test_paths(self) -> None:
        """A path that leads nowhere leads to nothing, however long it is; the element itself is ``.``."""
        begin = profile("bare").connector.operations["Begin"].request
        assert [begin.find(path) for path in ("", "x", "x/y/z", "Channel/y", "@x", "Channel/@id", "/")] == [None] * 7
        assert begin.find(".") is begin
        assert begin.known_paths() == ["@id", "Channel"]
        assert profile("bare").connector.operations["End"].request.known_paths() == ["."]

    def test_enumerations(self) -> None:
        """The words of an enumeration are known, also from a schema without a namespace that is included."""
        reply = profile("wcf").connector.operations["SetState"].reply
        assert reply is not None
        state = reply.find("SetStateResult")
        assert state is not None
        assert state.enumeration == ("Frei", "Gesperrt", "Belegt", "Nachbearbeitung")


class TestUnspoken:
    """What cannot be spoken is named, and the rest is."""

    def test_encoded(self, tmp_path: Path) -> None:
        """An operation whose messages are encoded is named; the others of the port are spoken."""
        begin, body = RPC.partition('<wsdl:operation name="end"><soap')[::2]
        service = read(tmp_path, begin + '<wsdl:operation name="end"><soap' + body.replace("literal", "encoded"))
        assert service.unspoken == ("operation end (its messages are encoded, which WS-I forbids)",)
        assert list(service.operations) == ["begin"]

    def test_encoded_elsewhere(self, tmp_path: Path) -> None:
        """That another port has the same operation encoded says nothing about this one."""
        binding = RPC[RPC.index("<wsdl:binding") : RPC.index("<wsdl:service")]
        other = binding.replace("literal", "encoded").replace('name="Rpc" type', 'name="Old" type')
        port = '<wsdl:port name="Old" binding="tns:Old"><soap:address location="http://ce1.example/old"/></wsdl:port>'
        text = RPC.replace("<wsdl:service", f"{other}<wsdl:service").replace(
            "</wsdl:service>", f"{port}</wsdl:service>"
        )
        assert read(tmp_path, text).unspoken == ()
        assert len(read(tmp_path, text, "Old").unspoken) == 2

    @pytest.mark.parametrize(
        ("old", "new", "why"),
        [
            (
                '<wsdl:part name="id" type="t:Id"/>',
                '<wsdl:part name="id" element="t:Trouble"/>',
                "operation end (a part of its input has an element instead of a type, which WS-I forbids)",
            ),
            (
                'soapAction="urn:end"',
                'soapAction="urn:&#10;end"',
                "operation end (its soapAction has characters that no header may hold)",
            ),
            (
                '<soap:operation soapAction="urn:end"/>',
                '<soap:operation soapAction="urn:end" style="document"/>',
                "operation end (its input has several parts in document style, which WS-I forbids)",
            ),
            (
                '<soap:operation soapAction="urn:begin"/>',
                '<soap:operation soapAction="urn:begin" style="document"/>',
                "operation begin (its input has several parts in document style, which WS-I forbids)",
            ),
        ],
    )
    def test_forbidden(self, tmp_path: Path, old: str, new: str, why: str) -> None:
        """What WS-I forbids, or no header may hold, is named with the reason."""
        assert old in RPC
        assert why in read(tmp_path, RPC.replace(old, new)).unspoken

    def test_typed_part(self, tmp_path: Path) -> None:
        """So is a document whose part has a type; and one whose request is empty."""
        text = CONNECTOR.replace('name="parameters" element="tns:CallEnds"', 'name="parameters" type="xs:string"')
        assert read(tmp_path, text, "Soap12").unspoken[-1] == (
            "operation CallEnds (a part of its input has a type instead of an element, which WS-I forbids)"
        )
        text = CONNECTOR.replace('<wsdl:part name="parameters" element="tns:CallEnds"/>', "")
        assert read(tmp_path, text, "Soap12").unspoken[-1] == "operation CallEnds (its request has no body element)"

    def test_twice(self, tmp_path: Path) -> None:
        """So is an operation whose name another one of the port has, too."""
        text = CONNECTOR.replace('name="CallEnds"><soap12', 'name="CallBegins"><soap12')
        assert read(tmp_path, text, "Soap12").unspoken[-1] == (
            "operation CallBegins (another one of the port has its name, which WS-I forbids)"
        )

    def test_missing_message(self, tmp_path: Path) -> None:
        """What zeep leaves out since it refers to nothing is named in zeep's words."""
        text = CONNECTOR.replace('element="tns:CallEnds"', 'element="tns:Nothing"')
        unspoken = read(tmp_path, text, "Soap12").unspoken
        assert any("CallEndsIn" in each for each in unspoken), unspoken


class TestFiles:
    """Files that cannot be used, each with its name and the reason."""

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("", "FOLDER/a.wsdl cannot be read: it is not well-formed XML (Document is empty, line 1, column 1)"),
            (
                "<html/>",
                "FOLDER/a.wsdl is no WSDL 1.1: its root is html, not {http://schemas.xmlsoap.org/wsdl/}definitions",
            ),
            (
                '<description xmlns="urn:2"/>',
                f"FOLDER/a.wsdl is no WSDL 1.1: its root is {{urn:2}}description, not {{{WSDL}}}definitions",
            ),
            (
                "<!DOCTYPE a><a/>",
                "FOLDER/a.wsdl cannot be read: it has a document type declaration, which SOAP forbids",
            ),
        ],
    )
    def test_no_wsdl(self, tmp_path: Path, text: str, reason: str) -> None:
        """A file that is none."""
        (tmp_path / "a.wsdl").write_text(text)
        assert refused(tmp_path) == reason

    def test_missing(self, tmp_path: Path) -> None:
        """A file that is not there, or is a folder."""
        assert refused(tmp_path) == "FOLDER/a.wsdl does not exist, but the profile names it"
        assert refused(tmp_path, ".") == "FOLDER is a directory, but the profile names it"
        (tmp_path / "a.wsdl").write_text(including("b.xsd"))
        assert refused(tmp_path) == "FOLDER/b.xsd does not exist, but a.wsdl names it"

    def test_below(self, tmp_path: Path) -> None:
        """The WSDL may be in a folder below, and be named in a roundabout way; spaces and %20 are one."""
        shutil.copytree(FOLDER / "shapes", tmp_path / "the site")
        (tmp_path / "the site" / "types" / "common.xsd").rename(tmp_path / "the site" / "common types.xsd")
        schema = tmp_path / "the site" / "types" / "shapes.xsd"
        schema.write_text(schema.read_text().replace('"common.xsd"', '"../common%20types.xsd"'))
        assert "Begin" in read_service(tmp_path, "./the site/types/../connector.wsdl").operations

    def test_bad_schema(self, tmp_path: Path) -> None:
        """A schema that is none, for zeep or for libxml2."""
        (tmp_path / "a.wsdl").write_text(CONNECTOR.replace('type="xs:boolean"', 'type="tns:Nothing"'))
        assert refused(tmp_path).startswith("FOLDER/a.wsdl cannot be understood: ")
        (tmp_path / "a.wsdl").write_text(CONNECTOR.replace('minOccurs="0"', 'minOccurs="2" maxOccurs="1"'))
        assert refused(tmp_path).startswith("no schema can be made of it: ")

    def test_circles(self, tmp_path: Path) -> None:
        """Schemas that include each other, and WSDLs that import each other, are read once."""
        head = '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:site:connector">'
        (tmp_path / "b.xsd").write_text(f'{head}<xs:include schemaLocation="c.xsd"/></xs:schema>')
        (tmp_path / "c.xsd").write_text(f'{head}<xs:include schemaLocation="b.xsd"/></xs:schema>')
        assert list(read(tmp_path, including("b.xsd")).operations) == ["CallBegins", "CallEnds"]

    def test_many(self, tmp_path: Path) -> None:
        """A WSDL that imports without end is refused."""
        for number in range(205):
            (tmp_path / f"{number}.xsd").write_text(
                f'<xs:schema xmlns:xs="{XSD}"><xs:include schemaLocation="{number + 1}.xsd"/></xs:schema>'
            )
        (tmp_path / "a.wsdl").write_text(including("0.xsd"))
        assert refused(tmp_path) == "a.wsdl imports more than 200 files"

    def test_xml_namespace(self, tmp_path: Path) -> None:
        """The namespace of xml:lang, which zeep would fetch from the network, has to be a file; with it all is well."""
        imported = '<xs:import namespace="http://www.w3.org/XML/1998/namespace"/>'
        attribute = '<xs:attribute ref="xml:lang"/></xs:complexType></xs:element><xs:element name="CallBeginsAnswer">'
        text = CONNECTOR.replace('<xs:element name="CallBegins">', f'{imported}<xs:element name="CallBegins">')
        text = text.replace('</xs:complexType></xs:element>\n      <xs:element name="CallBeginsAnswer">', attribute)
        (tmp_path / "a.wsdl").write_text(text)
        assert "put a copy of https://www.w3.org/2001/xml.xsd in the folder" in refused(tmp_path)
        (tmp_path / "xml.xsd").write_text(
            '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"'
            ' targetNamespace="http://www.w3.org/XML/1998/namespace">'
            '<xs:attribute name="lang" type="xs:language"/></xs:schema>'
        )
        text = text.replace("1998/namespace", '1998/namespace" schemaLocation="xml.xsd')
        request = read(tmp_path, text).operations["CallBegins"].request
        assert [each.tag for each in request.attributes][-1] == "{http://www.w3.org/XML/1998/namespace}lang"

    @given(data=st.data())
    @settings(max_examples=60)
    def test_any_text(self, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
        """A WSDL with anything cut out, doubled or put in is read or refused, and nothing else."""
        folder = tmp_path_factory.mktemp("wsdl")
        text = data.draw(st.sampled_from([CONNECTOR, RPC]))
        for _ in range(data.draw(st.integers(1, 3))):
            start = data.draw(st.integers(0, len(text)))
            end = data.draw(st.integers(start, min(len(text), start + 80)))
            text = (
                text[:start] + data.draw(st.sampled_from(["", text[start:end] * 2, "tns:", "<a/>", "x"])) + text[end:]
            )
        try:
            read(folder, text)
        except WsdlError as error:
            assert str(error)  # noqa: PT017 - either is right


def including(location: str) -> str:
    """A WSDL whose schema includes a file."""
    return CONNECTOR.replace(
        '<xs:schema targetNamespace="urn:site:connector">',
        f'<xs:schema targetNamespace="urn:site:connector"><xs:include schemaLocation="{location}"/>',
    )


class _Audit:
    """Remembers what the process opens and whom it asks for."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] | None = None
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        by_name = event == "open" and not isinstance(arguments[0], int)
        if self.seen is not None and (by_name or event.startswith(("socket.", "urllib.", "http."))):
            self.seen.append((event, str(arguments[0])))


_audit = _Audit()


@pytest.fixture
def accesses() -> Iterator[list[tuple[str, str]]]:
    """What is opened or dialled during a test."""
    _audit.seen = []
    yield _audit.seen
    _audit.seen = None


class TestNoAccess:
    """Nothing is read outside the profile's folder, and nobody is dialled."""

    IMPORTS = (
        '<xs:import namespace="urn:x" schemaLocation="{}"/>',
        '<xs:include schemaLocation="{}"/>',
        '<xs:redefine schemaLocation="{}"/>',
    )

    @pytest.mark.parametrize("form", [*IMPORTS, '<wsdl:import namespace="urn:x" location="{}"/>'])
    @pytest.mark.parametrize(
        ("location", "reason"),
        [
            ("http://127.0.0.1:{port}/x.xsd", "a profile has all its files in its own folder"),
            ("https://127.0.0.1:{port}/x.xsd", "a profile has all its files in its own folder"),
            ("//127.0.0.1:{port}/x.xsd", "a profile has all its files in its own folder"),
            ("ftp://127.0.0.1:{port}/x.xsd", "a profile has all its files in its own folder"),
            ("file://{secret}", "a profile has all its files in its own folder"),
            ("{secret}", "which is outside the profile's folder"),
            ("../secret.xsd", "which is outside the profile's folder"),
            ("x/../../secret.xsd", "which is outside the profile's folder"),
            ("%2e%2e/secret.xsd", "which is outside the profile's folder"),
            ("http://[", "a profile has all its files in its own folder"),
        ],
    )
    def test_references(
        self, tmp_path: Path, accesses: list[tuple[str, str]], form: str, location: str, reason: str
    ) -> None:
        """An import over the network or from outside the folder is refused without any access."""
        secret = tmp_path / "secret.xsd"
        secret.write_text('<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"/>')
        folder = tmp_path / "profile"
        folder.mkdir()
        with socket.create_server(("127.0.0.1", 0)) as listening:
            listening.setblocking(False)
            where = location.replace("{port}", str(listening.getsockname()[1])).replace("{secret}", str(secret))
            (folder / "a.wsdl").write_text(importing(form.format(where)))
            accesses.clear()
            assert reason in refused(folder)
            opened = [what for event, what in accesses if event != "open" or str(tmp_path) in what]
            assert opened == [str(folder / "a.wsdl")]
            with pytest.raises(BlockingIOError):
                listening.accept()

    @pytest.mark.parametrize("name", ["reference", "minimum"])
    def test_only_its_files(self, accesses: list[tuple[str, str]], name: str) -> None:
        """A profile that is read opens its own files and no others, and no socket."""
        files = {str(each) for each in (SHIPPED / name).iterdir()}
        for main in (SHIPPED / name).glob("*.wsdl"):
            read_service(SHIPPED / name, main.name)
        assert {what for _, what in accesses if not what.startswith(sys.prefix)} <= files

    def test_load(self) -> None:
        """What zeep asks for beyond the files is refused, whatever it is."""
        files = WsdlFiles.read(SHIPPED / "minimum", "ivr_connector.wsdl")
        for url in ("http://x/", "file:///etc/passwd", "file:///profile/../etc/passwd", "", "x.wsdl"):
            with pytest.raises(WsdlError):
                files.load(url)


def importing(element: str) -> str:
    """A WSDL with a reference in its schema, or in itself."""
    if "wsdl:" in element:
        return CONNECTOR.replace("<wsdl:types>", f"{element}<wsdl:types>")
    return CONNECTOR.replace(
        '<xs:schema targetNamespace="urn:site:connector">', f'<xs:schema targetNamespace="urn:site:connector">{element}'
    )


class TestServed:
    """The WSDL as the SOAP door gives it to scripts."""

    def test_address(self) -> None:
        """It has the door's address instead of CE's, in every port: nothing leads past the door."""
        files = profile("soap12").connector.files
        served = files.served("http://127.0.0.1:8093/IVRConnector")
        assert served is not None
        assert served.count(b'location="http://127.0.0.1:8093/IVRConnector"') == 4
        assert b"ce1.example" not in served

    def test_imports(self, tmp_path: Path) -> None:
        """Its references lead to the door, by name; files of other names are not there."""
        files = profile("wcf").connector.files
        served = files.served("http://d/I")
        assert served is not None
        assert b'location="http://d/I?wsdl=contract.wsdl"' in served
        contract = files.served("http://d/I", "contract.wsdl")
        assert contract is not None
        assert b'schemaLocation="http://d/I?wsdl=xsd/data.xsd"' in contract
        assert files.served("http://d/I", "../profile.toml") is None
        assert files.served("http://d/I", "profile.toml") is None
        # What is served is a WSDL again, once the references are names of files.
        for name in files.files:
            target = tmp_path / name
            target.parent.mkdir(exist_ok=True, parents=True)
            content = files.served("http://d/I", name)
            assert content is not None
            up = b"../" * name.count("/")
            target.write_bytes(content.replace(b"http://d/I?wsdl=", up))
        assert read_service(tmp_path, "service.wsdl").address == "http://d/I"
