"""A CE of a site: another WSDL, in several files, on one host, played by the test; and the profile for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from attrs import define, field, frozen
from lxml import etree

SPACE = "urn:site:ce"
TYPES = "urn:site:types"

XSD = f"""<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="{TYPES}" xmlns:t="{TYPES}"
 elementFormDefault="qualified"><xs:complexType name="Customer"><xs:sequence>
<xs:element name="Name" type="xs:string"/><xs:element name="Number" type="xs:int"/></xs:sequence>
</xs:complexType></xs:schema>"""

_OPERATIONS = {
    "NewCall": """<xs:element name="Port" type="xs:string"/><xs:element name="Call" type="xs:string"/>
<xs:element name="Ref" type="xs:string" minOccurs="0"/><xs:element name="Campaign" type="xs:string" minOccurs="0"/>
<xs:element name="Customer" type="t:Customer" minOccurs="0"/>
<xs:element name="Note" type="xs:string" minOccurs="0" maxOccurs="unbounded"/>""",
    "Gone": """<xs:element name="Port" type="xs:string"/><xs:element name="Call" type="xs:string" minOccurs="0"/>
<xs:element name="Ref" type="xs:string" minOccurs="0"/><xs:element name="Ticket" type="xs:string" minOccurs="0"/>
<xs:element name="Reason" type="xs:string" minOccurs="0"/>""",
    "Lookup": '<xs:element name="Word" type="xs:string"/>',
}
_REPLIES = {
    "NewCall": """<xs:element name="Result" type="xs:int"/>
<xs:element name="Ticket" type="xs:string" minOccurs="0"/>""",
    "Gone": '<xs:element name="Result" type="xs:int"/>',
    "Lookup": '<xs:element name="Answer" type="xs:string"/>',
}


def wsdl(version: str = "") -> str:
    """The WSDL; for SOAP 1.2 with ``version`` 12."""
    elements = messages = operations = bound = ""
    for name, parts in _OPERATIONS.items():
        for element, inside in ((name, parts), (f"{name}Response", _REPLIES[name])):
            elements += f'<xs:element name="{element}"><xs:complexType><xs:sequence>{inside}</xs:sequence>'
            elements += "</xs:complexType></xs:element>"
            messages += f'<wsdl:message name="{element}"><wsdl:part name="p" element="s:{element}"/></wsdl:message>'
        operations += f'<wsdl:operation name="{name}"><wsdl:input message="s:{name}"/>'
        operations += f'<wsdl:output message="s:{name}Response"/></wsdl:operation>'
        bound += f'<wsdl:operation name="{name}"><soap:operation soapAction="{SPACE}/{name}"/><wsdl:input>'
        bound += '<soap:body use="literal"/></wsdl:input><wsdl:output><soap:body use="literal"/></wsdl:output>'
        bound += "</wsdl:operation>"
    return f"""<wsdl:definitions targetNamespace="{SPACE}" xmlns:s="{SPACE}" xmlns:t="{TYPES}"
 xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/"
 xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap{version}/"><wsdl:types><xs:schema targetNamespace="{SPACE}"
 elementFormDefault="qualified"><xs:import namespace="{TYPES}" schemaLocation="more/types.xsd"/>{elements}</xs:schema>
</wsdl:types>{messages}<wsdl:portType name="P">{operations}</wsdl:portType><wsdl:binding name="B" type="s:P">
<soap:binding transport="http://schemas.xmlsoap.org/soap/http"/>{bound}</wsdl:binding><wsdl:service name="S">
<wsdl:port name="S" binding="s:B"><soap:address location="http://ce.example/Site"/></wsdl:port></wsdl:service>
</wsdl:definitions>"""


OUTCOMES = """
[[ivr_connector.{duty}.outcomes]]
path = "Result"
equals = "0"
means = "confirmed"
[[ivr_connector.{duty}.outcomes]]
path = "Result"
equals = "1"
means = "not-active"
[[ivr_connector.{duty}.outcomes]]
path = "Result"
equals = "2"
means = "refused"
"""


def profile(
    folder: Path, *, connector: str = "", new_call: str = "", gone: str = "", gone_duty: str = "", version: str = ""
) -> str:
    """Write a profile for it; returns its path.

    Args:
        folder: where it is written.
        connector: more lines about the IVR Connector.
        new_call: more parameters of NewCall.
        gone: the parameters of Gone.
        gone_duty: more lines about the duty Gone.
        version: as of :func:`wsdl`.
    """
    (folder / "more").mkdir(parents=True)
    (folder / "more" / "types.xsd").write_text(XSD)
    (folder / "site.wsdl").write_text(wsdl(version))
    (folder / "profile.toml").write_text(f"""
name = "site"
[ivr_connector]
wsdl = "site.wsdl"
probe = "tcp"
{connector}
[ivr_connector.new_call]
operation = "NewCall"
parameters = {{ Port = "{{channel}}", Call = "{{call_id}}"{new_call} }}
results = {{ Ticket = "call_token" }}
{OUTCOMES.format(duty="new_call")}
[ivr_connector.gone]
operation = "Gone"
parameters = {{ Port = "{{channel}}", {gone or 'Call = "{call_id}"'} }}
{gone_duty}
{OUTCOMES.format(duty="gone")}
""")
    return str(folder)


@frozen
class Heard:
    """One request.

    Attributes:
        texts: by the path of each element.
    """

    operation: str
    texts: dict[str, str]
    body: bytes
    headers: Mapping[str, str]


@define(eq=False)
class SiteCe:
    """The host: what it heard, and how it answers.

    Attributes:
        heard: every request, in order.
        script: makes the inside of an answer of a request; None: the connection is reset.
    """

    heard: list[Heard] = field(factory=list)
    script: Callable[[Heard], str | None] = lambda heard: good(heard)  # noqa: PLW0108 - written below
    _server: Any = None
    _thread: Any = None

    def __enter__(self) -> Self:
        ce = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                ce._answer(self)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/Site"

    def told(self) -> list[str]:
        """Every signal that was answered or not, in short: ``NewCall 1``."""
        return [f"{heard.operation} {heard.texts.get('Call', '')}".strip() for heard in tuple(self.heard)]

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        heard = read(body, dict(handler.headers))
        self.heard.append(heard)
        inside = self.script(heard)
        if inside is None:
            handler.close_connection = True
            handler.connection.close()
            return
        space = etree.QName(etree.fromstring(body)).namespace
        kind = "application/soap+xml" if "2003" in str(space) else "text/xml"
        answer = f'<s:Envelope xmlns:s="{space}"><s:Body>{inside}</s:Body></s:Envelope>'.encode()
        handler.send_response(200)
        handler.send_header("Content-Type", f"{kind}; charset=utf-8")
        handler.send_header("Content-Length", str(len(answer)))
        handler.end_headers()
        handler.wfile.write(answer)


def read(body: bytes, headers: Mapping[str, str]) -> Heard:
    """A request."""
    root = etree.fromstring(body)
    (element,) = next(each for each in root if etree.QName(each).localname == "Body")
    texts: dict[str, str] = {}
    for each in element.iter():
        names = [etree.QName(up).localname for up in (each, *each.iterancestors())]
        if len(each) == 0:
            path = "/".join(reversed(names[: names.index(etree.QName(element).localname)]))
            texts[path] = f"{texts[path]}|{each.text}" if path in texts else each.text or ""
    return Heard(etree.QName(element).localname, texts, body, headers)


def good(heard: Heard, result: int = 0, ticket: str = "") -> str:
    """A good answer, or another result."""
    if heard.operation == "Lookup":
        inside = f"<Answer>found {heard.texts['Word']}</Answer>"
    else:
        inside = f"<Result>{result}</Result>" + (f"<Ticket>{ticket}</Ticket>" if ticket else "")
    return f'<{heard.operation}Response xmlns="{SPACE}">{inside}</{heard.operation}Response>'
