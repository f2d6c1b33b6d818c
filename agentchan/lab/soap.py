"""SOAP 1.1, document/literal: the strict reading of requests, and the writing of replies.

What a request must look like comes from the contract's WSDL files alone (their XML Schema, compiled by lxml).
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from typing import Any
from xml.sax.saxutils import escape

from attrs import frozen
from lxml import etree

ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
SCHEMA = "http://www.w3.org/2001/XMLSchema"
WSDL = "http://schemas.xmlsoap.org/wsdl/"
WSDL_SOAP = "http://schemas.xmlsoap.org/wsdl/soap/"
CONTENT_TYPE = b"text/xml; charset=utf-8"
HEADS = (
    f'<?xml version="1.0" encoding="utf-8"?>\n<soap:Envelope xmlns:soap="{ENVELOPE}"><soap:Body>',
    "</soap:Body></soap:Envelope>",
)
WITHOUT_SURPLUS_SPACES = "[^\\s]+( [^\\s]+)*"
"""A token as it is on the wire: a validator would take surplus spaces away in silence before it looks at the length."""

PARSER = etree.XMLParser(
    resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
)
"""Resolves no entity, reads no file and no network; comments and instructions mean nothing here."""


class SoapFault(Exception):  # noqa: N818 - SOAP's own word
    """The request is answered with a SOAP fault.

    Attributes:
        code: ``Client``, ``Server``, ``VersionMismatch`` or ``MustUnderstand``.
        text: what is wrong and what would help, for people.
        detail: the XML inside ``detail``; empty for a plain fault.
    """

    def __init__(self, code: str, text: str, detail: str = "") -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.detail = detail


class BadRequest(SoapFault):
    """The request is not what the WSDL says: not XML, no SOAP 1.1, another operation, or against the schema."""


@frozen
class Request:
    """One request that is valid against the schema.

    Attributes:
        operation: the operation's name.
        fields: the texts of its simple elements, by name. What repeats comes last in every message, and only its first
            is here.
        element: the operation's element itself, for what repeats.
    """

    operation: str
    fields: Mapping[str, str]
    element: etree._Element


class Contract:
    """One WSDL: its operations, and what their messages must look like.

    Args:
        profile: the folder of :mod:`agentchan.ce` that holds the WSDL.
        file_name: the WSDL.
    """

    def __init__(self, profile: str, file_name: str) -> None:
        text = resources.files("agentchan.ce").joinpath("profiles", profile, file_name).read_bytes()
        self._wsdl = etree.fromstring(text, PARSER)
        self.namespace = str(self._wsdl.get("targetNamespace"))
        self.schema = _schema(self._wsdl)
        self.actions = {
            str(operation.get("name")): str(operation.find(f"{{{WSDL_SOAP}}}operation").get("soapAction"))  # type: ignore[union-attr]
            for operation in self._wsdl.iterfind(f"{{{WSDL}}}binding/{{{WSDL}}}operation")
        }
        self._prefix = f"{{{self.namespace}}}"

    def wsdl(self, address: str) -> bytes:
        """The WSDL with the address that this host serves it on."""
        for element in self._wsdl.iter(f"{{{WSDL_SOAP}}}address"):
            element.set("location", address)
        return etree.tostring(self._wsdl, xml_declaration=True, encoding="utf-8")

    def check(self, element: etree._Element, soap_action: str | None) -> Request:
        """The request that ``element``, the one child of a Body, makes.

        Raises:
            BadRequest: it is not a valid request of this contract.
        """
        name = element.tag.removeprefix(self._prefix)
        action = self.actions.get(name)
        if action is None:
            raise BadRequest("Client", f"{element.tag} is no operation of {self.namespace}")
        if soap_action is None or soap_action.strip().strip('"') != action:
            raise BadRequest("Client", f'SOAPAction is {soap_action!r}; of {name} it is "{action}"')
        if not self.schema.validate(element):
            found: Any = self.schema.error_log
            faults = "; ".join(f"line {fault.line}: {fault.message}" for fault in list(found)[:3])
            raise BadRequest("Client", f"{name} is not valid: {faults}"[:1000])
        return Request(name, self._fields(element), element)

    def _fields(self, element: etree._Element) -> dict[str, str]:
        start = len(self._prefix)
        fields: dict[str, str] = {}
        for child in element:
            key = child.tag[start:]
            if len(child) or key in fields:
                break
            fields[key] = child.text or ""
        return fields


def _schema(wsdl: etree._Element) -> etree.XMLSchema:
    copy = etree.fromstring(etree.tostring(next(wsdl.iter(f"{{{SCHEMA}}}schema"))))
    for restriction in copy.iter(f"{{{SCHEMA}}}restriction"):
        if restriction.get("base") == "xs:token":
            restriction.set("base", "xs:string")
            etree.SubElement(restriction, f"{{{SCHEMA}}}pattern", value=WITHOUT_SURPLUS_SPACES)
    return etree.XMLSchema(copy)


def payload(body: bytes) -> etree._Element:
    """The one element in the Body of a SOAP 1.1 message.

    Raises:
        BadRequest: it is no such message.
    """
    try:
        envelope = etree.fromstring(body, PARSER)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise BadRequest("Client", f"the request is not well-formed XML: {error}"[:500]) from None
    if envelope.getroottree().docinfo.doctype:  # type: ignore[union-attr]
        raise BadRequest("Client", "a document type declaration is not allowed in SOAP")
    if envelope.tag != f"{{{ENVELOPE}}}Envelope":
        code = "VersionMismatch" if etree.QName(envelope).localname == "Envelope" else "Client"
        raise BadRequest(code, f"the root is {envelope.tag}, not the Envelope of SOAP 1.1")
    children = list(envelope)
    if children and children[0].tag == f"{{{ENVELOPE}}}Header":
        _check_header(children.pop(0))
    if len(children) != 1 or children[0].tag != f"{{{ENVELOPE}}}Body" or len(children[0]) != 1:
        raise BadRequest("Client", "an Envelope has at most one Header, then one Body with one element")
    found: etree._Element = children[0][0]
    return found


def _check_header(header: etree._Element) -> None:
    for entry in header:
        if entry.get(f"{{{ENVELOPE}}}mustUnderstand") in ("1", "true"):
            raise BadRequest("MustUnderstand", f"the header {entry.tag} is not understood here")


def envelope(content: str) -> bytes:
    """The whole message around ``content``, the XML of the Body."""
    return (HEADS[0] + content + HEADS[1]).encode()


def fault_envelope(fault: SoapFault) -> bytes:
    """The message that carries ``fault``."""
    detail = f"<detail>{fault.detail}</detail>" if fault.detail else ""
    return envelope(
        f"<soap:Fault><faultcode>soap:{fault.code}</faultcode>"
        f'<faultstring xml:lang="en">{escape(fault.text)}</faultstring>{detail}</soap:Fault>'
    )
