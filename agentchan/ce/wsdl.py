"""What a WSDL says of one SOAP service: its operations, their messages, its address. Read once, by zeep.

zeep takes a quarter of a second to import and much of one to work, so nothing of it is used at run time. It keeps quiet
about what it leaves out, so that ports and bindings are looked up in the files themselves, too.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from attrs import frozen
from lxml import etree
from zeep import Settings
from zeep.wsdl import Document
from zeep.wsdl.bindings import Soap11Binding, Soap12Binding

from agentchan.ce.schema import Schema
from agentchan.ce.schema_documents import Wrapper
from agentchan.ce.shapes import Content, Shape, Shapes
from agentchan.ce.wsdl_files import LOCATION, SOAP_BINDINGS, WSDL, XSD, WsdlError, WsdlFiles
from agentchan.ce.xml_input import local_name

_HTTP = "http://schemas.xmlsoap.org/wsdl/http/"
_ACTION = re.compile(r"[\x20\x21\x23-\x7e]*")
"""What may stand between the quotes of a SOAPAction header."""


class SoapVersion(Enum):
    """The two versions of SOAP; the value is the namespace of their envelopes."""

    SOAP_11 = "http://schemas.xmlsoap.org/soap/envelope/"
    SOAP_12 = "http://www.w3.org/2003/05/soap-envelope"


@frozen
class Operation:
    """One operation.

    Attributes:
        action: its SOAPAction.
        addressing_action: its action for WS-Addressing.
        request: the element in the request's body.
        reply: the element in the reply's body; None where the answer says no more than that the request has arrived.
        faults: the elements in the details of its faults.
    """

    name: str
    action: str
    addressing_action: str
    request: Shape
    reply: Shape | None
    faults: tuple[Shape, ...]


@frozen
class Service:
    """One SOAP service of a WSDL, in one version of SOAP.

    Attributes:
        port: the name of the wsdl:port that was chosen.
        address: where the WSDL says that it is.
        namespace: the WSDL's target namespace.
        operations: by name; those that can be spoken.
        unspoken: the ports and operations that cannot, each with the reason.
    """

    version: SoapVersion
    port: str
    address: str
    namespace: str
    operations: Mapping[str, Operation]
    unspoken: tuple[str, ...]
    schema: Schema
    files: WsdlFiles

    @property
    def path(self) -> str:
        """The path of its address."""
        return urlsplit(self.address).path or "/"


def read_service(folder: Path, main: str, port: str | None = None) -> Service:
    """Read a WSDL; blocks.

    Args:
        folder: the profile's.
        main: the WSDL's name in it.
        port: which wsdl:port, by name; None: the first that speaks SOAP 1.1, else 1.2.

    Raises:
        WsdlError: it cannot be used.
    """
    files = WsdlFiles.read(folder, main)
    root = files.files[files.main].root
    if root.tag != f"{{{WSDL}}}definitions":
        raise WsdlError(f"{folder / main} is no WSDL 1.1: its root is {root.tag}, not {{{WSDL}}}definitions")
    settings = Settings(strict=True, forbid_dtd=True, forbid_entities=True, forbid_external=True)
    transport: Any = files
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            document = Document(LOCATION + files.main, transport, settings=settings)
            left_out = [str(each.message) for each in caught if each.category is UserWarning]
            return _Reader(files, document, left_out).service(port)
    except WsdlError:
        raise
    except Exception as error:  # noqa: BLE001 - zeep meets what it did not expect with whatever Python raises
        raise WsdlError(f"{folder / main} cannot be understood: {type(error).__name__}: {error}") from None


class _Reader:
    """Reads what zeep has understood of a WSDL, and what the files say themselves.

    Args:
        left_out: what zeep says that it could not use.
    """

    def __init__(self, files: WsdlFiles, document: Any, left_out: Sequence[str]) -> None:
        self._files = files
        self._document = document
        self._left_out = left_out
        self._shapes = Shapes(_enumerations(files))
        self._wrappers: dict[str, Wrapper] = {}

    def service(self, wanted: str | None) -> Service:
        """The service at a port."""
        spoken = sorted(self._spoken(wanted), key=lambda each: each[1] is not SoapVersion.SOAP_11)
        if not spoken:
            named = f"no port {wanted} that" if wanted else "no port that"
            have = ", ".join(node.get("name", "") for node in self._nodes("port")) or "none"
            raise WsdlError(f"{self._files.main} has {named} speaks SOAP 1.1 or 1.2 over HTTP; its ports: {have}")
        port, version = spoken[0]
        unspoken = [*self._unspoken_ports(), *self._left_out]
        operations: dict[str, Operation] = {}
        bound = self._bound(port.binding.name.text)
        for operation in port.binding._operations.values():  # noqa: SLF001 - zeep has no public way to list them
            try:
                operations[operation.name] = self._operation(operation, bound.get(operation.name, []))
            except _UnspokenError as error:
                unspoken.append(f"operation {operation.name} ({error})")
        return Service(
            version=version,
            port=port.name,
            address=str(port.binding_options.get("address") or ""),
            namespace=self._files.files[self._files.main].root.get("targetNamespace", ""),
            operations=operations,
            unspoken=tuple(unspoken),
            schema=Schema(self._files, tuple(self._wrappers.values())),
            files=self._files,
        )

    # -- ports ---------------------------------------------------------------------------------------------------------

    def _spoken(self, wanted: str | None) -> Iterator[tuple[Any, SoapVersion]]:
        definitions = self._document._definitions.values()  # noqa: SLF001 - those of imported WSDLs are nowhere else
        for service in (service for each in definitions for service in each.services.values()):
            for name, port in service.ports.items():
                if wanted in (None, name) and isinstance(port.binding, Soap12Binding):
                    yield port, SoapVersion.SOAP_12
                elif wanted in (None, name) and isinstance(port.binding, Soap11Binding):
                    yield port, SoapVersion.SOAP_11

    def _unspoken_ports(self) -> Iterator[str]:
        speaks = {port.name for port, _ in self._spoken(None)}
        for node in self._nodes("port"):
            name = node.get("name", "")
            if name not in speaks:
                binding = self._named("binding", _full_name(node, node.get("binding", "")))
                yield f"port {name} ({_why_unspoken(binding)})"

    def _nodes(self, kind: str) -> Iterator[etree._Element]:
        for file in self._files.files.values():
            yield from file.root.iter(f"{{{WSDL}}}{kind}")

    def _named(self, kind: str, full_name: str) -> etree._Element | None:
        """The binding or message of a name with namespace."""
        for node in self._nodes(kind):
            space = node.getroottree().getroot().get("targetNamespace", "")
            if full_name == _tag(space, node.get("name", "")):
                return node
        return None

    def _bound(self, binding: str) -> dict[str, list[etree._Element]]:
        """The operations of a binding by name; that there are several of one name is forbidden, but happens."""
        found: dict[str, list[etree._Element]] = {}
        for node in self._children("binding", binding, "operation"):
            found.setdefault(node.get("name", ""), []).append(node)
        return found

    def _children(self, kind: str, full_name: str, inside: str) -> list[etree._Element]:
        node = self._named(kind, full_name)
        return list(node.iterchildren(f"{{{WSDL}}}{inside}")) if node is not None else []

    # -- operations ----------------------------------------------------------------------------------------------------

    def _operation(self, operation: Any, nodes: Sequence[etree._Element]) -> Operation:
        action = operation.soapaction or ""
        if not _ACTION.fullmatch(action):
            raise _UnspokenError("its soapAction has characters that no header may hold")
        if len(nodes) != 1:
            raise _UnspokenError("another one of the port has its name, which WS-I forbids")
        body_of = self._rpc_body if operation.style == "rpc" else self._document_body
        request = body_of(operation, nodes[0], "input")
        if request is None:
            raise _UnspokenError("its request has no body element")
        return Operation(
            name=operation.name,
            action=action,
            addressing_action=getattr(operation.abstract, "wsa_action", None) or action,
            request=request,
            reply=body_of(operation, nodes[0], "output"),
            faults=self._faults(operation),
        )

    def _document_body(self, operation: Any, node: etree._Element, direction: str) -> Shape | None:
        """The body of a message in document style: one part, which is an element; None if there is nothing."""
        _soap_body(node, direction)
        message = getattr(operation, direction)
        body = getattr(message, "body", None)
        if body is None:
            return None
        if message._is_body_wrapped:  # noqa: SLF001 - how zeep says that there are several
            raise _UnspokenError(f"its {direction} has several parts in document style, which WS-I forbids")
        if not body.is_global:
            raise _UnspokenError(f"a part of its {direction} has a type instead of an element, which WS-I forbids")
        return self._shapes.of(body)

    def _rpc_body(self, operation: Any, node: etree._Element, direction: str) -> Shape | None:
        """The body of a message in rpc style: a wrapper with the parts in it (WS-I Basic Profile 1.1, 4.7)."""
        body = _soap_body(node, direction)
        message = getattr(operation.abstract, f"{direction}_message")
        if body is None or message is None:
            return None
        # R2729: the operation's name and "Response", whatever the message is called.
        name = operation.name if direction == "input" else f"{operation.name}Response"
        tag = _tag(body.get("namespace", ""), name)
        element = getattr(operation, direction).body  # None where the message has no parts
        shape = self._shapes.of(element).named(tag) if element is not None else Shape(tag, Content())
        parts = self._children("message", message.name.text, "part")
        types = {part.get("name"): _full_name(part, part.get("type", "")) for part in parts}
        if not all(types.get(child.name) for child in shape.children):
            raise _UnspokenError(f"a part of its {direction} has an element instead of a type, which WS-I forbids")
        self._wrappers[tag] = Wrapper(tag, tuple((child.name, types[child.name]) for child in shape.children))
        return shape

    def _faults(self, operation: Any) -> tuple[Shape, ...]:
        messages = getattr(operation.abstract, "fault_messages", None) or {}
        elements = (part.element for message in messages.values() for part in message.parts.values())
        return tuple(self._shapes.of(element) for element in elements if element is not None)


class _UnspokenError(Exception):
    """An operation cannot be spoken; the text says why."""


def _enumerations(files: WsdlFiles) -> dict[str, tuple[str, ...]]:
    """The words of every simple type that has a name, by that name with its namespace."""
    found: dict[str, tuple[str, ...]] = {}
    for schema in (schema for file in files.files.values() for schema in file.root.iter(f"{{{XSD}}}schema")):
        for simple in schema.iterchildren(f"{{{XSD}}}simpleType"):
            words = tuple(
                each.get("value", "") for each in simple.iterfind(f"{{{XSD}}}restriction/{{{XSD}}}enumeration")
            )
            if words:
                found[_tag(schema.get("targetNamespace", ""), simple.get("name", ""))] = words
    return found


def _soap_body(operation: etree._Element, direction: str) -> etree._Element | None:
    """How a message is bound to the body, None if it is not."""
    for soap in SOAP_BINDINGS:
        for body in operation.iterfind(f"{{{WSDL}}}{direction}/{{{soap}}}body"):
            if body.get("use") == "encoded":
                raise _UnspokenError("its messages are encoded, which WS-I forbids")
            return body
    return None


def _why_unspoken(binding: etree._Element | None) -> str:
    if binding is None:
        return "its binding is not in the WSDL"
    for node in binding:
        space = str(node.tag).partition("}")[0].removeprefix("{")
        if local_name(node) == "binding" and space in SOAP_BINDINGS:
            return f"SOAP over {node.get('transport') or 'an unnamed transport'}, not HTTP"
        if local_name(node) == "binding" and space == _HTTP:
            return f"HTTP {node.get('verb')} without SOAP"
        if local_name(node) == "binding":
            return f"a binding of {space or 'no namespace'}"
    return "no binding of SOAP"


def _full_name(node: etree._Element, name: str) -> str:
    """A name such as ``tns:Call``, which stands in an attribute of a node, with its namespace."""
    prefix, _, local = name.rpartition(":")
    return _tag(node.nsmap.get(prefix or None) or "", local)


def _tag(space: str, name: str) -> str:
    return f"{{{space}}}{name}" if space else name
