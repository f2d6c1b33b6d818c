"""Answers: what the results that a profile finds in a reply or a fault are in our words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from lxml import etree

from agentchan.ce.envelope import SoapFault
from agentchan.ce.errors import one_line
from agentchan.ce.profile import Duty
from agentchan.ce.templates import seconds_of
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
