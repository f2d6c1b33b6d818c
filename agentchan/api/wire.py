"""HTTP/1.1 on one connection of a door: Twisted's channel and request with this door's limits."""

# ruff: noqa: N802, N815  the names of Twisted's methods

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web import http

from agentchan.api.limits import HEADER_LINES, HEADERS, LENGTH_DIGITS
from agentchan.api.refusals import Refused
from agentchan.api.routes import Found

_DISCARDED = 4
"""So many times the body's limit is read and thrown away, so that the client gets to read why it is refused."""


def bare_answer(refused: Refused) -> bytes:
    """An error where there is no request to answer; the connection ends after it."""
    body = json.dumps(refused.as_json()).encode() + b"\n"
    lines = [
        b"HTTP/1.1 %d %s" % (refused.status, http.RESPONSES.get(refused.status, b"Error")),
        b"Content-Type: application/json",
        b"Content-Length: %d" % len(body),
        b"Connection: close",
        *(f"{name}: {value}".encode() for name, value in refused.headers),
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


class DoorRequest(http.Request):
    """One request; its body is kept in memory, within the door's limits.

    Attributes:
        found: what it means; not there where it is refused by its head.
        refused: why it is refused already, before or while its body comes; such a body is not kept.
    """

    channel: DoorChannel
    content: Any
    found: Found
    refused: Refused | None = None
    _received = 0
    _kept = 0

    def begin(self, command: bytes, uri: bytes, version: bytes) -> None:
        """The head is complete; Twisted would tell all of this only after the body."""
        self.method, self.uri, self.clientproto = command, uri, version
        self.path = uri.partition(b"?")[0]
        self.args = {}
        self.content = BytesIO()
        self.notifyFinish().addBoth(self._give_back, self.channel.door)
        try:
            self.found = self.channel.door.admitted(self)
        except Refused as refused:
            self.refused = refused

    def gotLength(self, length: int | None) -> None:
        """The length of the body is known, None for one that comes in chunks."""
        if length is not None:
            self._bound(length)
        if self.refused is not None and self.getHeader(b"expect") is not None:
            # The client waits for leave to send its body, which it does not get.
            self.channel.refuse(self.refused)

    def handleContentChunk(self, data: bytes) -> None:
        """Some of the body has come."""
        self._received += len(data)
        self._bound(self._received)
        if self.refused is not None:
            return
        if self.channel.door.take(len(data)):
            self._kept += len(data)
            self.content.write(data)
        else:
            message = "too many bytes of other requests are being received; try again"
            self._refuse(Refused("busy", message, 503, headers=(("Retry-After", "1"),)))

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:  # noqa: ARG002  known since begin
        """All of the request has come. Twisted would parse forms and queries here, without limits."""
        self.channel.request_complete(self)

    @property
    def body(self) -> bytes:
        """The body."""
        body: bytes = self.content.getvalue()
        return body

    def _bound(self, length: int) -> None:
        limit = self.channel.door.limits.body
        if length > limit and self.refused is None:
            self._refuse(Refused("body-too-large", f"the body has more than {limit} bytes", 413))
        if length > limit * _DISCARDED and self.refused is not None:
            self.channel.refuse(self.refused)

    def _refuse(self, refused: Refused) -> None:
        self.refused = refused
        self._give_back(None, self.channel.door)
        self.content = BytesIO()

    def _give_back(self, _: Any, door: Any) -> None:
        door.give_back(self._kept)
        self._kept = 0


class DoorChannel(http.HTTPChannel):
    """One connection.

    Attributes:
        door: whose connection it is.
    """

    door: Any
    transport: Any
    requestFactory = DoorRequest
    totalHeadersSize = HEADERS
    maxHeaders = HEADER_LINES
    MAX_LENGTH = HEADERS
    abortTimeout = 5
    _deadline: Any = None
    _answering = False
    _refused = False
    _fresh = False
    _asked = False
    _next_turn: Any = None

    # -- the connection --------------------------------------------------------------------------------------------

    def connectionMade(self) -> None:
        """A client has come."""
        super().connectionMade()
        self.door.connected(self)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """It has gone."""
        self._end_deadline()
        if self._next_turn is not None:
            self._next_turn.cancel()
            self._next_turn = None
        super().connectionLost(reason)
        self.door.disconnected(self)

    @property
    def idle(self) -> bool:
        """Whether no request is being received or answered."""
        return self._deadline is None and not self._answering

    def close_when_idle(self) -> None:
        """End after the present answer; who has only just come may still ask, and is answered."""
        if not self._asked:
            return
        self.persistent = 0
        if self.idle:
            self.loseConnection()

    def timeoutConnection(self) -> None:
        """End in good order, or after a while by force."""
        if self._abortingCall is None:
            self._abortingCall = self.callLater(self.abortTimeout, self.forceAbortClient)
            self.loseConnection()

    def forceAbortClient(self) -> None:
        """End now."""
        self._abortingCall = None
        self.transport.abortConnection()

    # -- receiving -------------------------------------------------------------------------------------------------

    def dataReceived(self, data: bytes) -> None:
        """Bytes have come; the first of a request start its deadline, and those after a refusal mean nothing."""
        if self._refused:
            return
        self._begin_deadline()
        self._fresh = self._asked = True
        super().dataReceived(data)

    def setLineMode(self, extra: bytes = b"") -> None:
        """An answer is written, and what came meanwhile is looked at."""
        self.line_mode = 1
        if self._refused:
            return
        if extra or self._buffer:
            self._begin_deadline()
        if extra:
            super().dataReceived(extra)

    def headerReceived(self, line: bytes) -> bool:
        """One header has come; what another reader of the same bytes might understand otherwise is refused."""
        name, _, value = line.partition(b":")
        name, value = name.lower(), value.strip()
        if name == b"content-length" and len(value) > LENGTH_DIGITS:
            self.refuse(_malformed("its Content-Length is too long"))
            return False
        if name == b"transfer-encoding" and value.lower() != b"chunked":
            self.refuse(_malformed("its Transfer-Encoding is not 'chunked'"))
            return False
        accepted: bool = super().headerReceived(line)
        return accepted

    def allHeadersReceived(self) -> None:
        """The head is complete."""
        self.requests[-1].begin(self._command, self._path, self._version)
        super().allHeadersReceived()

    def checkPersistence(self, request: Any, version: bytes) -> bool:
        """Whether the connection stays for another request (RFC 9112, 9.3)."""
        options = b",".join(request.requestHeaders.getRawHeaders(b"connection", [])).lower().split(b",")
        stays = version == b"HTTP/1.1" and b"close" not in [option.strip() for option in options]
        if not stays or self.door.closing:
            request.responseHeaders.setRawHeaders(b"Connection", [b"close"])
            return False
        return True

    def request_complete(self, request: DoorRequest) -> None:
        """The last byte of a request has come.

        The first request of what has just come is served at once; others, which a client sent without waiting, one in
        each turn of the reactor, so that a packet full of them holds nobody up.
        """
        self._end_deadline()
        self._answering = True
        if self._refused:
            return
        if self._fresh:
            self._fresh = False
            self.door.serve(request)
        else:
            self._next_turn = self.callLater(0, lambda: self._serve(request))

    def _serve(self, request: DoorRequest) -> None:
        self._next_turn = None
        self.door.serve(request)

    def requestDone(self, request: Any) -> None:
        """Its answer is written."""
        self._answering = False
        super().requestDone(request)

    # -- refusing --------------------------------------------------------------------------------------------------

    def refuse(self, refused: Refused) -> None:
        """Answer what is no request, and end."""
        if not self._refused:
            self._refused = True
            self._end_deadline()
            self.transport.write(bare_answer(refused))
            self.timeoutConnection()

    def lineLengthExceeded(self, line: bytes) -> None:  # noqa: ARG002  Twisted's signature
        """A request line or header is too long."""
        self.refuse(_headers_too_large())

    def _respondToBadRequestAndDisconnect(self) -> None:
        """Twisted's hook for heads that are not HTTP or over its limits."""
        over = self._receivedHeaderSize > HEADERS or self._receivedHeaderCount > HEADER_LINES
        self.refuse(_headers_too_large() if over else _malformed("its head or its chunks are not well formed"))

    def _send100Continue(self) -> None:
        """Give leave to send the body, unless that was refused."""
        if not self._refused:
            super()._send100Continue()

    def _too_slow(self) -> None:
        self._deadline = None
        seconds = self.door.limits.request_time
        self.refuse(Refused("too-slow", f"the request did not come within {seconds:g} seconds", 408))

    def _begin_deadline(self) -> None:
        if self._deadline is None and not self._answering:
            self._deadline = self.callLater(self.door.limits.request_time, self._too_slow)

    def _end_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def _malformed(what: str) -> Refused:
    return Refused("malformed", f"this is not a request of HTTP/1.1: {what}", 400)


def _headers_too_large() -> Refused:
    message = f"request line and headers have more than {HEADERS} bytes or {HEADER_LINES} lines"
    return Refused("headers-too-large", message, 431)


class Overflow(Protocol):
    """A connection too many: told so when it asks, and ended.

    Args:
        door: whose connection it would be.
        call_later: the reactor's.
    """

    transport: Any

    def __init__(self, door: Any, call_later: Any) -> None:
        self._door = door
        self._call_later = call_later
        self._abort: Any = None

    def connectionMade(self) -> None:
        """A client has come; it is answered when it has asked, since others lose an answer that comes before."""
        self._abort = self._call_later(self._door.limits.overflow_time, self._aborted)

    def dataReceived(self, data: bytes) -> None:  # noqa: ARG002  whatever it is
        """It asks."""
        message = "too many connections are open here; close some, or try again"
        self.transport.write(
            bare_answer(Refused("too-many-connections", message, 503, headers=(("Retry-After", "1"),)))
        )
        self.transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: ARG002  however
        """It has gone."""
        if self._abort is not None:
            self._abort.cancel()
        self._door.overflow_over()

    def _aborted(self) -> None:
        self._abort = None
        self.transport.abortConnection()
