"""A small HTTP/1.1 server protocol with keep-alive that knows which connection a request came on.

The contract ties a session to its TCP connection, and tests need connections that break in the middle of an answer;
so the lab has its own server side instead of a web framework's.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from attrs import define, field, frozen
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IAddress, ITCPTransport
from twisted.internet.protocol import Protocol, ServerFactory
from twisted.python.failure import Failure

LARGEST_HEAD = 16 * 1024
"""Bytes of a request's head; proxies commonly stop at 8 to 16 KiB."""
LARGEST_BODY = 8 * 1024 * 1024
"""Bytes of a request's body; 12,000 channels with names of 128 letters need less than 4 MiB."""


@frozen
class HttpRequest:
    """One request, complete."""

    connection: HttpConnection
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    def respond(self, status: int, content_type: bytes, body: bytes) -> None:
        """Answer; the next request of the connection is read afterwards."""
        self.connection.answer(status, content_type, body)

    def respond_json(self, status: int, value: Any) -> None:
        """Answer with JSON."""
        self.respond(status, b"application/json", json.dumps(value).encode())


@define(eq=False)
class HttpServer(ServerFactory):
    """What the connections of one listening port have in common.

    Attributes:
        name: the service's name in logs.
        handle: gets every complete request.
        clock: monotonic seconds.
        on_connection: told of each connection opened (True) and closed (False).
    """

    name: str
    host: str
    handle: Callable[[HttpRequest], None]
    clock: Callable[[], float]
    on_connection: Callable[[HttpConnection, bool], None]
    connections: set[HttpConnection] = field(factory=set)
    _numbers: itertools.count[int] = field(factory=lambda: itertools.count(1))
    noisy = False

    def buildProtocol(self, addr: IAddress | None) -> HttpConnection:  # noqa: N802 - Twisted names it
        """Make the protocol of a new connection; its id is unique over restarts of the host."""
        number = next(self._numbers)
        return HttpConnection(self, f"{self.host}-{self.name}-{os.getpid()}-{number}", getattr(addr, "port", 0))

    def abort_all(self) -> None:
        """Reset every connection."""
        for connection in tuple(self.connections):
            connection.abort()


class HttpConnection(Protocol):
    """One connection, one request at a time.

    Attributes:
        name: unique in the pair, also over restarts of a host.
        peer_port: the caller's TCP port.
        last_heard: monotonic seconds of the last byte from the caller.
        on_lost: called once each, in order, when the connection is closed.
    """

    transport: ITCPTransport

    def __init__(self, server: HttpServer, name: str, peer_port: int) -> None:
        self.server = server
        self.name = name
        self.peer_port = peer_port
        self.last_heard = server.clock()
        self.on_lost: dict[Callable[[], object], None] = {}
        self._received = b""
        self._answering = False
        self._reading = False
        self._keep_alive = True
        self._closed = False

    def connectionMade(self) -> None:  # noqa: N802 - Twisted names it
        """Send small replies at once."""
        self.transport.setTcpNoDelay(True)
        self.server.connections.add(self)
        self.server.on_connection(self, True)

    def connectionLost(self, reason: Failure = Failure(ConnectionDone())) -> None:  # noqa: B008, N802 - Twisted
        """Tell everyone whose life is tied to this connection."""
        del reason
        self._closed = True
        self.server.connections.discard(self)
        self.server.on_connection(self, False)
        watchers, self.on_lost = self.on_lost, {}
        for tell in watchers:
            tell()

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted names it
        """Collect bytes until a request is complete."""
        self.last_heard = self.server.clock()
        self._received += data
        if len(self._received) > LARGEST_HEAD + LARGEST_BODY:
            self.abort()
            return
        self._read_on()

    def _read_on(self) -> None:
        # A loop, not a recursion: a caller may send many requests ahead.
        if self._reading:
            return
        self._reading = True
        left = -1
        while not self._answering and not self._closed and left != len(self._received):
            left = len(self._received)
            if left:
                self._next_request()
        self._reading = False

    def _next_request(self) -> None:
        end = self._received.find(b"\r\n\r\n")
        if end > LARGEST_HEAD or (end < 0 and len(self._received) > LARGEST_HEAD):
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
            return
        if end < 0:
            return
        try:
            method, target, version, headers = _read_head(self._received[:end].decode("latin-1"))
            length = _body_length(headers)
        except ValueError:
            self._refuse(HTTPStatus.BAD_REQUEST)
            return
        if "transfer-encoding" in headers:
            self._refuse(HTTPStatus.LENGTH_REQUIRED)
            return
        if length > LARGEST_BODY:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return
        whole = end + 4 + length
        if len(self._received) < whole:
            if headers.get("expect", "").lower() == "100-continue" and len(self._received) == end + 4:
                self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            return
        body, self._received = self._received[end + 4 : whole], self._received[whole:]
        self._answering = True
        self._keep_alive = version == "HTTP/1.1" and headers.get("connection", "").lower() != "close"
        url = urlsplit(target)
        self.server.handle(HttpRequest(self, method, url.path, url.query, headers, body))

    def _refuse(self, status: HTTPStatus) -> None:
        self._keep_alive = False
        self._received = b""
        self._answering = True
        self.answer(status, b"text/plain", status.phrase.encode())

    def answer(self, status: int, content_type: bytes, body: bytes) -> None:
        """Send the answer to the request in hand; nothing happens when the connection has gone."""
        self.answer_raw(self.head(status, content_type, len(body)) + body)

    def head(self, status: int, content_type: bytes, length: int) -> bytes:
        """The head of an answer."""
        close = b"" if self._keep_alive else b"Connection: close\r\n"
        phrase = HTTPStatus(status).phrase.encode()
        return b"HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n%s\r\n" % (
            status,
            phrase,
            content_type,
            length,
            close,
        )

    def answer_raw(self, data: bytes) -> None:
        """Send these bytes as the answer to the request in hand."""
        if self._closed:
            return
        self.transport.write(data)
        if not self._keep_alive:
            self.transport.loseConnection()
            return
        self._answering = False
        self._read_on()

    def close_after(self, data: bytes) -> None:
        """Send these bytes and close, whatever they are."""
        self._keep_alive = False
        self.answer_raw(data)

    def abort(self) -> None:
        """Reset the connection."""
        if not self._closed:
            self.transport.abortConnection()


def _body_length(headers: dict[str, str]) -> int:
    length = headers.get("content-length", "0")
    if "host" not in headers or not (length.isascii() and length.isdigit()):
        raise ValueError("no Host, or a bad Content-Length")
    return int(length)


def _read_head(head: str) -> tuple[str, str, str, dict[str, str]]:
    first, *lines = head.split("\r\n")
    method, target, version = first.split(" ")
    if version not in ("HTTP/1.1", "HTTP/1.0"):
        raise ValueError(version)
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise ValueError(line)
        key = name.lower()
        if key in headers and key in ("content-length", "host"):
            raise ValueError(f"{name} twice")
        headers[key] = value.strip()
    return method, target, version, headers
