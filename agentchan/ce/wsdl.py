"""What a WSDL says of one SOAP service: its operations, their messages, its address. Read once, by zeep.

zeep takes a quarter of a second to import and much of one to work, so nothing of it is used at run time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from attrs import evolve, frozen
from zeep import Settings
from zeep.exceptions import Error as ZeepError
from zeep.wsdl import Document
from zeep.wsdl.bindings import Soap11Binding, Soap12Binding

from agentchan.ce.schema import Schema
from agentchan.ce.shapes import Shape, shape_of
from agentchan.ce.wsdl_files import LOCATION, WSDL, WsdlError, WsdlFiles

_SOAPS = ("http://schemas.xmlsoap.org/wsdl/soap/", "http://schemas.xmlsoap.org/wsdl/soap12/")


class SoapVersion(Enum):
    """The two versions of SOAP; the value is the namespace of their envelopes."""

    SOAP_11 = "http://schemas.xmlsoap.org/soap/envelope/"
    SOAP_12 = "http://www.w3.org/2003/05/soap-envelope"


@frozen
class Operation:
    """One operation.

    Attributes:
        action: its SOAPAction.
        request: the element in the request's body.
        reply: the element in the reply's body; None where there is none to expect.
    """

    name: str
    action: str
    request: Shape
    reply: Shape | None


@frozen
class Service:
    """One SOAP service of a WSDL, in one version of SOAP.

    Attributes:
        port: the name of the wsdl:port that was chosen.
        address: where the WSDL says that it is.
        operations: by name; those that can be spoken.
        unspoken: the ports and operations that cannot, each with the reason.
        namespace: the WSDL's target namespace.
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
    settings = Settings(strict=True, forbid_dtd=True, forbid_entities=True, forbid_external=True)
    try:
        transport: Any = files
        document = Document(LOCATION + main, transport, settings=settings)
        return _service(document, files, port)
    except (ZeepError, LookupError, TypeError, ValueError, AttributeError) as error:
        # zeep meets what it did not expect with whatever Python raises.
        raise WsdlError(f"{folder / main} cannot be understood: {type(error).__name__}: {error}") from None


def _service(document: Any, files: WsdlFiles, wanted: str | None) -> Service:
    ports = list(_ports(document))
    unspoken = [f"port {name} ({type(binding).__name__})" for name, binding, version in ports if version is None]
    spoken = [(name, binding, version) for name, binding, version in ports if version is not None]
    if wanted is not None:
        spoken = [each for each in spoken if each[0] == wanted]
    if not spoken:
        named = f"no port {wanted} that" if wanted else "no port that"
        have = ", ".join(name for name, _, _ in ports) or "none"
        raise WsdlError(f"{files.main} has {named} speaks SOAP 1.1 or 1.2 over HTTP; its ports: {have}")
    spoken.sort(key=lambda each: each[2] is not SoapVersion.SOAP_11)
    name, (port, binding), version = spoken[0]
    encoded = _encoded(files)
    operations: dict[str, Operation] = {}
    wrappers: dict[str, tuple[tuple[str, str], ...]] = {}
    for operation in binding._operations.values():  # noqa: SLF001 - zeep has no public way to list them
        if operation.name in encoded:
            unspoken.append(f"operation {operation.name} (rpc/encoded, which WS-I forbids)")
            continue
        found = _operation(operation, wrappers)
        if found is None:
            unspoken.append(f"operation {operation.name} (its request has no body element)")
        else:
            operations[operation.name] = found
    return Service(
        version=version,
        port=name,
        address=str(port.binding_options.get("address") or ""),
        namespace=files.files[files.main].root.get("targetNamespace", ""),
        operations=operations,
        unspoken=tuple(unspoken),
        schema=Schema(files, wrappers),
        files=files,
    )


def _ports(document: Any) -> Iterator[tuple[str, tuple[Any, Any], SoapVersion | None]]:
    for service in document.services.values():
        for name, port in service.ports.items():
            version = None
            if isinstance(port.binding, Soap12Binding):
                version = SoapVersion.SOAP_12
            elif isinstance(port.binding, Soap11Binding):
                version = SoapVersion.SOAP_11
            yield name, (port, port.binding), version


def _encoded(files: WsdlFiles) -> set[str]:
    """The operations with a part in SOAP's own encoding."""
    return {
        operation.get("name", "")
        for file in files.files.values()
        for operation in file.root.iter(f"{{{WSDL}}}operation")
        if any(body.get("use") == "encoded" for soap in _SOAPS for body in operation.iter(f"{{{soap}}}body"))
    }


def _operation(operation: Any, wrappers: dict[str, tuple[tuple[str, str], ...]]) -> Operation | None:
    body = operation.input.body
    if body is None:
        return None
    request = shape_of(body)
    answer = getattr(operation.output, "body", None) if operation.output is not None else None
    reply = None if answer is None else shape_of(answer)
    if operation.style == "rpc":
        if reply is not None:
            # WS-I Basic Profile 1.1, R2729: the operation's name and "Response", whatever the message is called.
            name = f"{operation.name}Response"
            space = reply.tag.rpartition("}")[0]
            reply = evolve(reply, tag=f"{space}}}{name}" if space else name, name=name)
        for shape in (request, reply):
            if shape is not None:
                wrappers[shape.tag] = tuple((child.name, child.type_name or "anyType") for child in shape.children)
    return Operation(operation.name, operation.soapaction or "", request, reply)
