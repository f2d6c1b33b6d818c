"""A small WSDL made of a test's words, and what is guessed from it."""

from __future__ import annotations

import tempfile
from pathlib import Path

from agentchan.ce.wsdl import Service, read_service
from agentchan.profile_tools.drafts import Draft, DutyDraft
from agentchan.profile_tools.guessing import draft

_HEAD = """<?xml version="1.0"?>
<w:definitions name="S" targetNamespace="urn:s" xmlns:t="urn:s" xmlns:w="http://schemas.xmlsoap.org/wsdl/"
    xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:xs="http://www.w3.org/2001/XMLSchema">
<w:types><xs:schema targetNamespace="urn:s" elementFormDefault="qualified">"""
_BINDING = '<soap:binding transport="http://schemas.xmlsoap.org/soap/http"/>'
_BODY = '<w:input><soap:body use="literal"/></w:input><w:output><soap:body use="literal"/></w:output>'


def element(spec: str) -> str:
    """An element as XML Schema has it.

    ``Name``, ``Name:int``; ``Name?`` where it is optional, ``Name*`` where there may be several; ``Name:A|B`` where it
    is one of some words.
    """
    name, _, kind = spec.partition(":")
    occurs = {"?": ' minOccurs="0"', "*": ' maxOccurs="unbounded"'}.get(name[-1], "")
    name = name.rstrip("?*")
    if "|" not in kind:
        return f'<xs:element name="{name}" type="xs:{kind or "string"}"{occurs}/>'
    words = "".join(f'<xs:enumeration value="{word}"/>' for word in kind.split("|"))
    inner = (
        f'<xs:simpleType name="{name}Words"><xs:restriction base="xs:string">{words}</xs:restriction></xs:simpleType>'
    )
    return f'<xs:element name="{name}" type="t:{name}Words"{occurs}/>' + "\0" + inner


def wsdl(operations: dict[str, tuple[list[str], list[str]]], fault: list[str] | None = None) -> str:
    """A WSDL of operations, each with the elements of its request and reply, and all with one fault ``Problem``."""
    types, messages, port, binding = "", "", "", ""
    simple: dict[str, str] = {}
    wanted = {name: request for name, (request, _) in operations.items()}
    wanted |= {f"{name}Response": reply for name, (_, reply) in operations.items()}
    if fault is not None:
        wanted["Problem"] = fault
    for name, specs in wanted.items():
        elements = ""
        for spec in specs:
            text, _, inner = element(spec).partition("\0")
            elements += text
            if inner:
                simple[inner.partition('name="')[2].partition('"')[0]] = inner
        inside = f"<xs:complexType><xs:sequence>{elements}</xs:sequence></xs:complexType>"
        types += f'<xs:element name="{name}">{inside}</xs:element>'
        messages += f'<w:message name="{name}"><w:part name="p" element="t:{name}"/></w:message>'
    extra = '<w:fault name="Problem" message="t:Problem"/>' if fault is not None else ""
    bound = '<w:fault name="Problem"><soap:fault name="Problem" use="literal"/></w:fault>' if extra else ""
    for name in operations:
        both = f'<w:input message="t:{name}"/><w:output message="t:{name}Response"/>{extra}'
        port += f'<w:operation name="{name}">{both}</w:operation>'
        binding += f'<w:operation name="{name}"><soap:operation soapAction="urn:{name}"/>{_BODY}{bound}</w:operation>'
    return (
        f"{_HEAD}{''.join(simple.values())}{types}</xs:schema></w:types>{messages}<w:portType name='S'>{port}"
        f"</w:portType><w:binding name='S' type='t:S'>{_BINDING}{binding}</w:binding><w:service name='S'>"
        "<w:port name='S' binding='t:S'><soap:address location='http://ce1/s'/></w:port></w:service></w:definitions>"
    )


def service(operations: dict[str, tuple[list[str], list[str]]], fault: list[str] | None = None) -> Service:
    """The same, read."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "s.wsdl").write_text(wsdl(operations, fault), encoding="utf-8")
        return read_service(Path(folder), "s.wsdl")


def guessed(operations: dict[str, tuple[list[str], list[str]]], fault: list[str] | None = None) -> Draft:
    """What is guessed from it."""
    return draft("site", service(operations, fault), None)


def duty(found: Draft, name: str) -> DutyDraft:
    """One duty of a draft, usable or not."""
    return next(each for section in found.sections() for each in section.duties if each.name == name)


def values(found: DutyDraft) -> dict[str, str | None]:
    """What goes into each parameter, None where that is to be decided, or is left out."""
    return {line.path: line.value for line in found.parameters}
