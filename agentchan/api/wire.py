"""HTTP/1.1 on one connection of a door: Twisted's channel and request with this door's limits."""

# ruff: noqa: N802, N815  the names of Twisted's methods

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web import http

from agentchan.api.limits import HEADER_LINES, HEADERS
from agentchan.api.refusals import Refused

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
    """One request; its body is kept in memory, within the door's limit.

    Attributes:
        too_large: whether the body is over the limit; what was over it is not kept.
        is_stream: whether its answer does not end by itself.
    """

    channel: DoorChannel
    content: Any
    too_large = False
    is_stream = False
    _received = 0
    _kept = 0

    def gotLength(self, length: int | None) -> None:
        """The head is complete."""
        self.content = BytesIO()
        door = self.channel.door
        self.notifyFinish().addBoth(lambda _: door.give_back(self._kept))
        if length is not None:
            self._bound(length)

    def handleContentChunk(self, data: bytes) -> None:
        """Some of the body has come."""
        self._received += len(data)
        self._bound(self._received)
        if self.too_large:
            return
        if self.channel.door.take(len(data)):
            self._kept += len(data)
            self.content.write(data)
        else:
            self.too_large = True

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """All of the request has come. Twisted would parse forms and queries here, without limits."""
        self.method, self.uri, self.clientproto = command, path, version
        self.path = path.partition(b"?")[0]
        self.args = {}
        self.channel.request_complete()
        self.channel.door.serve(self)

    @property
    def body(self) -> bytes:
        """The body."""
        body: bytes = self.content.getvalue()
        return body

    def _bound(self, length: int) -> None:
        limit = self.channel.door.limits.body
        if length > limit:
            self.too_large = True
        if length > limit * _DISCARDED:
            self.channel.refuse(body_too_large(limit))


def body_too_large(limit: int) -> Refused:
    """413."""
    return Refused("body-too-large", f"the body has more than {limit} bytes", 413)


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

    def connectionMade(self) -> None:
        """A client has come."""
        super().connectionMade()
        self.door.connected(self)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """It has gone."""
        self._end_deadline()
        super().connectionLost(reason)
        self.door.disconnected(self)

    @property
    def idle(self) -> bool:
        """Whether no request is being received or answered."""
        return self._deadline is None and not self._answering

    def dataReceived(self, data: bytes) -> None:
        """Bytes have come; the first of a request start its deadline."""
        if self._deadline is None and not self._answering:
            self._deadline = self.callLater(self.door.limits.request_time, self._too_slow)
        super().dataReceived(data)

    def request_complete(self) -> None:
        """The last byte of a request has come."""
        self._end_deadline()
        self._answering = True

    def requestDone(self, request: Any) -> None:
        """Its answer is written."""
        self._answering = False
        super().requestDone(request)

    def close_when_idle(self) -> None:
        """End after the present answer."""
        self.persistent = 0
        if self.idle:
            self.loseConnection()

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
        self.refuse(_headers_too_large() if over else Refused("malformed", "this is not HTTP/1.1", 400))

    def _too_slow(self) -> None:
        self._deadline = None
        seconds = self.door.limits.request_time
        self.refuse(Refused("too-slow", f"the request did not come within {seconds:g} seconds", 408))

    def _end_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def _headers_too_large() -> Refused:
    message = f"request line and headers have more than {HEADERS} bytes or {HEADER_LINES} lines"
    return Refused("headers-too-large", message, 431)


class Overflow(Protocol):
    """A connection too many: told so, and ended."""

    def connectionMade(self) -> None:
        """A client has come."""
        message = "too many connections are open here; close some, or try again"
        transport: Any = self.transport
        transport.write(bare_answer(Refused("too-many-connections", message, 503, headers=(("Retry-After", "1"),))))
        transport.loseConnection()
