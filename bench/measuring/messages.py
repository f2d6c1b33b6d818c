"""SOAP messages of the reference contract as ready-made bytes: what a client costs that does nothing but talk."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

CONNECTOR = "urn:agentchan:contract:ivr-connector:1"
COMPONENT = "urn:agentchan:contract:component-service:1"
SLICE = 500
"""Changes of readiness in one request, as agentchan has it."""

SESSION_ID = re.compile(rb"<SessionId>([^<]*)<")
ROLE = re.compile(rb"<Role>([^<]*)<")
GENERATION = re.compile(rb"<Generation>([^<]*)<")
CONTENT_LENGTH = re.compile(rb"(?i)content-length: *([0-9]+)")

_PLACE = b"_SESSION_"


def envelope(namespace: str, operation: str, content: str) -> bytes:
    """A request's body."""
    return (
        '<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
        f'<{operation} xmlns="{namespace}">{content}</{operation}></s:Body></s:Envelope>'
    ).encode()


def posted(url: str, namespace: str, operation: str, body: bytes) -> bytes:
    """A whole request on a connection that is kept."""
    there = urlsplit(url)
    head = (
        f"POST {there.path} HTTP/1.1\r\nHost: {there.netloc}\r\nContent-Type: text/xml; charset=utf-8\r\n"
        f'SOAPAction: "{namespace}/{operation}"\r\nContent-Length: {len(body)}\r\n\r\n'
    )
    return head.encode() + body


class InSession:
    """A request that is ready but for the session's id."""

    def __init__(self, url: str, operation: str, content: str = "") -> None:
        body = envelope(CONNECTOR, operation, f"<SessionId>{_PLACE.decode()}</SessionId>{content}")
        self._head, self._tail = body.split(_PLACE)
        self._url = url
        self._operation = operation

    def bytes(self, session_id: bytes) -> bytes:
        """The request in this session."""
        return posted(self._url, CONNECTOR, self._operation, self._head + session_id + self._tail)


def watch(url: str, role: str, generation: int) -> bytes:
    """The question that a host holds back until something changes."""
    known = f"<KnownRole>{role}</KnownRole><KnownGeneration>{generation}</KnownGeneration>"
    content = f"{known}<KnownState>Running</KnownState><MaxWait>PT1S</MaxWait>"
    return posted(url, COMPONENT, "WatchServerStatus", envelope(COMPONENT, "WatchServerStatus", content))


def open_session(url: str, ivr: str, channels: Sequence[str]) -> bytes:
    """The sign-on."""
    names = "".join(f"<Channel>{name}</Channel>" for name in channels)
    content = f"<IvrName>{ivr}</IvrName><InstanceId>bench</InstanceId>{names}"
    return posted(url, CONNECTOR, "OpenSession", envelope(CONNECTOR, "OpenSession", content))


def readiness(url: str, channels: Sequence[str]) -> list[InSession]:
    """All channels ready, in slices."""
    changes = [f"<Change><Channel>{name}</Channel><Ready>true</Ready></Change>" for name in channels]
    return [
        InSession(url, "SetReadiness", "".join(changes[begin : begin + SLICE]))
        for begin in range(0, len(changes), SLICE)
    ]


def new_call(url: str, ivr: str, channel: str, call_id: str) -> bytes:
    """The beginning of a call; its SignalId is made of the call's id."""
    content = (
        f"<SignalId>{call_id}-begin</SignalId><IvrName>{ivr}</IvrName><Channel>{channel}</Channel>"
        f"<CallId>{call_id}</CallId><StartedAt>2026-11-24T10:00:00Z</StartedAt><Caller>+4930123456</Caller>"
    )
    return posted(url, CONNECTOR, "NewCall", envelope(CONNECTOR, "NewCall", content))


def gone(url: str, ivr: str, channel: str, call_id: str) -> bytes:
    """Its end."""
    content = (
        f"<SignalId>{call_id}-end</SignalId><IvrName>{ivr}</IvrName><Channel>{channel}</Channel>"
        f"<CallId>{call_id}</CallId><EndedAt>2026-11-24T10:01:00Z</EndedAt><Outcome>completed</Outcome>"
    )
    return posted(url, CONNECTOR, "Gone", envelope(CONNECTOR, "Gone", content))
