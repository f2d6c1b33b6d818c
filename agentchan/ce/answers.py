"""Answers: what came by HTTP is opened and checked, and what a profile finds in it is said in our words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any

from lxml import etree

from agentchan.ce.envelope import NotSoap, SoapFault, body_of, fault_of, is_soap, only_element
from agentchan.ce.errors import ExchangeFailed, one_line
from agentchan.ce.profile import Duty
from agentchan.ce.templates import seconds_of
from agentchan.ce.wsdl import Operation, Service, SoapVersion
from agentchan.ce.xml_input import XmlRefused, parse_xml
from agentchan.vocabulary import (
    ChannelReport,
    ChannelState,
    DomainState,
    Gone,
    Meaning,
    NewCall,
    Reply,
    Request,
    Role,
    ServerStatus,
    SetReadiness,
)

_LONGEST_MESSAGE = 300
_LARGEST = 2**64
_WHOLE = re.compile(r"\+?[0-9]{1,20}")

_LONGEST_WORD = 200

_MOST_BYTES = 256 * 1024
_MOST_ELEMENTS = 2000
_MORE_BYTES = 4 * 1024
_MORE_ELEMENTS = 10
"""What a reply may have, and how much more for each channel that was asked about. Some twenty times what any needs; but
each element that is not as the schema says costs libxml2 some microseconds, and a little more for each before it."""

_count_elements = etree.XPath("count(//*)")
_ARRIVED = (HTTPStatus.OK, HTTPStatus.ACCEPTED, HTTPStatus.NO_CONTENT)
_OF_FAULTS = {
    SoapVersion.SOAP_11: (HTTPStatus.INTERNAL_SERVER_ERROR,),
    SoapVersion.SOAP_12: (HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.BAD_REQUEST),
}
_REMEDIES: Mapping[int, str] = {
    HTTPStatus.UNAUTHORIZED: "it does not accept who we are, see [ce.auth]",
    HTTPStatus.FORBIDDEN: "it does not let us in, see [ce.auth]",
    HTTPStatus.NOT_FOUND: "there is no service at this URL",
    HTTPStatus.METHOD_NOT_ALLOWED: "this URL takes no calls",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "it speaks another version of SOAP, see the profile's port",
}


def answer_of(
    service: Service, duty: Duty, status: int, media_type: str | None, body: bytes, *, channels: int = 0
) -> etree._Element | SoapFault | None:
    """The reply or the fault in an answer, as its WSDL has it; None where there is none to expect, and none came.

    Args:
        service: whose answer it is.
        duty: what was asked.
        status: of HTTP.
        media_type: the Content-Type, None without one.
        body: what came.
        channels: how many channels the reply may tell of.

    Raises:
        ExchangeFailed: it is none of the contract.
    """
    version, operation = service.version, duty.operation
    expected = operation.reply
    if expected is None and status in _ARRIVED and not body:
        return None
    if status != HTTPStatus.OK and status not in _OF_FAULTS[version]:
        remedy = _REMEDIES.get(status)
        raise ExchangeFailed(f"answered with HTTP status {status}" + (f": {remedy}" if remedy else ""))
    if not body:
        raise ExchangeFailed(f"answered with HTTP status {status} and an empty body")
    if not is_soap(media_type):
        named = "no Content-Type" if media_type is None else one_line(media_type, _LONGEST_WORD)
        raise ExchangeFailed(f"answered with HTTP status {status} and {named}, not XML")
    try:
        message = body_of(version, _bounded_xml(operation, body, channels))
        if expected is None and len(message) == 0 and status == HTTPStatus.OK:
            return None
        element = only_element(message)
    except (XmlRefused, NotSoap) as error:
        raise ExchangeFailed(f"answered with what is not SOAP: {error}") from None
    fault = fault_of(version, element)
    if fault is not None:
        _check_fault(service, operation, fault)
        return fault
    if status != HTTPStatus.OK:
        raise ExchangeFailed(f"answered {operation.name} with HTTP status {status} and no fault")
    if expected is None or element.tag != expected.tag:
        raise ExchangeFailed(f"answered {operation.name} with {str(element.tag)[:_LONGEST_WORD]}")
    wrong = service.schema.fault(element, expected)
    if wrong is not None:
        raise ExchangeFailed(f"the reply to {operation.name} is not as its WSDL says: {wrong}")
    return element


def _bounded_xml(operation: Operation, body: bytes, channels: int) -> etree._Element:
    """The root of an answer that is not larger than any reply can be."""
    most_bytes, most = _MOST_BYTES + _MORE_BYTES * channels, _MOST_ELEMENTS + _MORE_ELEMENTS * channels
    if len(body) > most_bytes:
        raise ExchangeFailed(f"answered {operation.name} with {len(body)} bytes; no reply to it has so many")
    root = parse_xml(body)
    elements: Any = _count_elements(root) if len(body) > most * len("<a/>") else 0
    if elements > most:
        raise ExchangeFailed(f"answered {operation.name} with {elements:.0f} elements; no reply to it has so many")
    return root


def _check_fault(service: Service, operation: Operation, fault: SoapFault) -> None:
    shapes = {shape.tag: shape for shape in operation.faults}
    for part in fault.detail if fault.detail is not None else ():
        shape = shapes.get(str(part.tag))
        wrong = service.schema.fault(part, shape) if shape is not None else None
        if wrong is not None:
            raise ExchangeFailed(f"{operation.name} got a fault whose detail is not as its WSDL says: {wrong}")


def reply_of(request: Request, duty: Duty, element: etree._Element) -> Reply:
    """What a good reply means.

    Raises:
        ValueError: it makes no sense; the text says why.
    """
    found = duty.reply.read(element)
    texts = found.texts
    if "session_id" in duty.results.values() and "session_id" not in texts:
        raise ValueError("it names no session")
    return Reply(
        duty.reply.meaning(found) or Meaning.CONFIRMED,
        session_id=texts.get("session_id"),
        server_name=texts.get("server_name"),
        generation=_generation(texts),
        role=_ours(duty, "role", texts, Role.UNKNOWN),
        session_timeout=_timeout(texts),
        reports=_reports(request, duty, texts, found.reports),
        call_token=texts.get("call_token"),
        call_id=texts.get("call_id"),
    )


def fault_reply_of(duty: Duty, fault: SoapFault, status: int) -> Reply:
    """What a fault means; one that no outcome matches is to be tried again.

    Raises:
        ValueError: it makes no sense; the text says why.
    """
    found = duty.faults.read(fault.detail)
    active_server, call_id = found.get("active_server"), found.get("call_id")
    meaning = duty.faults.meaning((*fault.code, fault.text), fault.detail)
    text = fault.text or "/".join(fault.code) or f"HTTP status {status}"
    return Reply(
        meaning or Meaning.RETRY,
        one_line(text, _LONGEST_MESSAGE),
        active_server=active_server[0] if active_server else None,
        channels=tuple(found.get("channel", ())),
        call_id=call_id[0] if call_id else None,
        placed=meaning is not None,
    )


def status_of(duty: Duty, element: etree._Element | None) -> ServerStatus:
    """What a Component Service says of its host.

    Raises:
        ValueError: it makes no sense; the text says why.
    """
    texts = duty.reply.read(element).texts if element is not None else {}
    if "role" not in texts:
        raise ValueError("it does not say the host's role")
    return ServerStatus(
        _ours(duty, "role", texts, Role.UNKNOWN),
        _ours(duty, "state", texts, DomainState.RUNNING),
        domain=texts.get("domain"),
        server_name=texts.get("server_name"),
        rank=_ours(duty, "rank", texts, None),
        generation=_generation(texts),
        since=_instant(texts.get("since", "")),
        connector_url=texts.get("connector_url"),
        active_server=texts.get("active_server"),
    )


def _reports(
    request: Request, duty: Duty, texts: Mapping[str, str], reports: list[dict[str, str]]
) -> tuple[ChannelReport, ...]:
    """The states of channels that a reply tells: of each in a list, or of the one that was asked about."""
    if reports:
        if any("channel" not in report for report in reports):
            raise ValueError("one of its reports names no channel")
        return tuple(_report(duty, report, report["channel"]) for report in reports)
    if "state" not in texts:
        return ()
    if isinstance(request, NewCall | Gone):
        reported = _report(duty, texts, request.channel)
        if reported.state.in_call and reported.call_id is None and isinstance(request, NewCall):
            # Of a NewCall's answer: the call that is held is the one that was told of.
            return (ChannelReport(request.channel, reported.state, request.call_id),)
        return (reported,)
    if isinstance(request, SetReadiness) and len(request.changes) == 1:
        return (_report(duty, texts, request.changes[0].channel),)
    return ()


def _report(duty: Duty, texts: Mapping[str, str], channel: str) -> ChannelReport:
    return ChannelReport(channel, _ours(duty, "state", texts, ChannelState.UNKNOWN), texts.get("call_id"))


def _ours(duty: Duty, name: str, texts: Mapping[str, str], otherwise: Any) -> Any:
    """Our value for a site's word."""
    text = texts.get(name)
    if text is None:
        return otherwise
    try:
        return duty.ours[name][text]
    except KeyError:
        raise ValueError(f"its {name} is {text!r}, a word that the profile does not know (values.{name})") from None


def _generation(texts: Mapping[str, str]) -> int | None:
    text = texts.get("generation")
    if text is None:
        return None
    if not _WHOLE.fullmatch(text) or int(text) >= _LARGEST:
        raise ValueError(f"its generation is {text[:40]!r}")
    return int(text)


def _timeout(texts: Mapping[str, str]) -> float | None:
    """Seconds of silence that end a session."""
    text = texts.get("session_timeout")
    if text is None:
        return None
    try:
        seconds = seconds_of(text)
    except ValueError as error:
        raise ValueError(f"its session timeout is wrong: {error}") from None
    if not seconds:
        raise ValueError(f"its session timeout is {text!r}")
    return seconds


def _instant(text: str) -> datetime | None:
    """A time for people; one that Python does not have, or without a zone, is left out."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo is not None else None
