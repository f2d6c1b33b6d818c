"""SOAP envelopes, in both versions: written around a body, and opened."""

from __future__ import annotations

from attrs import frozen
from lxml import etree

from agentchan.ce.messages import cleaned
from agentchan.ce.wsdl import SoapVersion
from agentchan.ce.xml_input import local_name, text_of

_MEDIA_TYPES = {SoapVersion.SOAP_11: "text/xml", SoapVersion.SOAP_12: "application/soap+xml"}
_ACCEPTED = frozenset({"text/xml", "application/soap+xml", "application/xml"})
_LONGEST_TEXT = 300
_MOST_CODES = 8


@frozen
class _Tags:
    envelope: str
    body: str
    fault: str


_TAGS = {
    version: _Tags(*(f"{{{version.value}}}{name}" for name in ("Envelope", "Body", "Fault"))) for version in SoapVersion
}


@frozen
class SoapFault:
    """A fault.

    Attributes:
        code: without its prefix; of SOAP 1.2 with the subcodes behind it.
        text: for people.
    """

    code: tuple[str, ...]
    text: str
    detail: etree._Element | None


class NotSoap(Exception):  # noqa: N818 - it names an outcome, not a bug
    """A document is no SOAP envelope of the version that is spoken here; the text says why."""


def wrapped(version: SoapVersion, header: str, body: str) -> bytes:
    """A whole message."""
    head = f"<s:Header>{header}</s:Header>" if header else ""
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n<s:Envelope xmlns:s="{version.value}">{head}'
        f"<s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


def fault_body(version: SoapVersion, text: str, *, senders: bool, detail: str = "") -> str:
    """The body of a fault.

    Args:
        version: of SOAP.
        text: for people.
        senders: whether the sender of the request is to blame.
        detail: XML.
    """
    if version is SoapVersion.SOAP_11:
        code = "s:Client" if senders else "s:Server"
        more = f"<detail>{detail}</detail>" if detail else ""
        return f"<s:Fault><faultcode>{code}</faultcode><faultstring>{cleaned(text)}</faultstring>{more}</s:Fault>"
    code = "s:Sender" if senders else "s:Receiver"
    more = f"<s:Detail>{detail}</s:Detail>" if detail else ""
    return (
        f"<s:Fault><s:Code><s:Value>{code}</s:Value></s:Code>"
        f'<s:Reason><s:Text xml:lang="en">{cleaned(text)}</s:Text></s:Reason>{more}</s:Fault>'
    )


def content_type(version: SoapVersion, action: str | None = None) -> str:
    """The Content-Type of a message; SOAP 1.2 has the action of a request in it (RFC 3902)."""
    text = f"{_MEDIA_TYPES[version]}; charset=utf-8"
    if version is SoapVersion.SOAP_12 and action:
        quoted = action.replace("\\", "\\\\").replace('"', '\\"')
        text += f'; action="{quoted}"'
    return text


def is_soap(media_type: str | None) -> bool:
    """Whether a Content-Type is one of SOAP's, or plain XML."""
    return media_type is not None and media_type.partition(";")[0].strip().lower() in _ACCEPTED


def opened(version: SoapVersion, root: etree._Element) -> etree._Element:
    """The one element in the body of a message.

    Raises:
        NotSoap: there is none, or it is another kind of document.
    """
    return only_element(body_of(version, root))


def only_element(body: etree._Element) -> etree._Element:
    """The one element in a body.

    Raises:
        NotSoap: there is none, or there are several.
    """
    if len(body) != 1:
        raise NotSoap(f"its Body has {len(body)} elements instead of one")
    return body[0]


def body_of(version: SoapVersion, root: etree._Element) -> etree._Element:
    """The body of a message, whatever is in it.

    Raises:
        NotSoap: it is another kind of document.
    """
    tags = _TAGS[version]
    if root.tag != tags.envelope:
        if local_name(root) == "Envelope":
            raise NotSoap(f"it is SOAP of another version ({str(root.tag)[:80]})")
        raise NotSoap(f"its root is {str(root.tag)[:80]}, not a SOAP Envelope")
    body: etree._Element | None = next(root.iterchildren(tags.body), None)
    if body is None:
        raise NotSoap("its Envelope has no Body")
    return body


def fault_of(version: SoapVersion, element: etree._Element) -> SoapFault | None:
    """The fault that a body's element is, None if it is none."""
    if element.tag != _TAGS[version].fault:
        return None
    space = f"{{{version.value}}}"
    if version is SoapVersion.SOAP_11:
        codes = [_text(element.find("faultcode"))]
        text, detail = _text(element.find("faultstring")), element.find("detail")
    else:
        codes = [_text(value) for value in element.findall(f"{space}Code//{space}Value")[:_MOST_CODES]]
        text, detail = _text(element.find(f"{space}Reason/{space}Text")), element.find(f"{space}Detail")
    return SoapFault(tuple(code.rpartition(":")[2] for code in codes if code), text, detail)


def _text(element: etree._Element | None) -> str:
    return "" if element is None else text_of(element)[:_LONGEST_TEXT]
