"""A small HTTP/1.1 server protocol with keep-alive that knows which connection a request came on.

The contract ties a session to its TCP connection, and tests need connections that break in the middle of an answer, or
that are cut without a word; so the lab has its own server side instead of a web framework's.
"""

from __future__ import annotations

import itertools
import json
import os
import socket
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from attrs import define, field, frozen
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Protocol, ServerFactory
from twisted.python.failure import Failure

from agentchan.lab.breaks import Breaks
from agentchan.lab.http_head import Head, read_head
from agentchan.lab.kernel import Ends, peer_is_there, seconds_since_arrival

LARGEST_HEAD = 16 * 1024
"""Bytes of a request's head; proxies commonly stop at 8 to 16 KiB."""
LARGEST_BODY = 8 * 1024 * 1024
"""Bytes of a request's body; 12,000 channels with names of 128 letters need less than 4 MiB."""

Sent = Callable[[bool], None]
"""Told when an answer is given to the kernel: True, or False where the caller had hung up or gets a part only."""


@frozen
class HttpRequest:
    """One request, complete.

    Attributes:
        arrived: monotonic seconds of the whole machine when the kernel had its last byte.
    """

    connection: HttpConnection
    head: Head
    body: bytes
    arrived: float

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
        clock: the reactor's seconds.
        on_connection: told of each connection opened (True) and closed (False).
        deaf: nothing is read; see :meth:`cut`.
        mute: nothing is said.
        breaks: the requests and answers that break off.
    """

    name: str
    host: str
    handle: Callable[[HttpRequest], None]
    clock: Callable[[], float]
    on_connection: Callable[[HttpConnection, bool], None]
    connections: set[HttpConnection] = field(factory=set)
    deaf: bool = False
    mute: bool = False
    breaks: Breaks = field(factory=Breaks)
    _numbers: itertools.count[int] = field(factory=lambda: itertools.count(1))
    noisy = False

    def buildProtocol(self, addr: IAddress | None) -> HttpConnection:  # noqa: N802 - Twisted names it
        """Make the protocol of a new connection; its id is unique over restarts of the host."""
        number = next(self._numbers)
        return HttpConnection(self, f"{self.host}-{self.name}-{os.getpid()}-{number}", getattr(addr, "port", 0))

    def abort_all(self) -> None:
        """Reset every connection."""
        for connection in tuple(self.connections):
            connection.transport.abortConnection()

    def cut(self, *, deaf: bool) -> None:
        """A silent network drop: nothing is said from now on and, if ``deaf``, nothing is read, not even a FIN.

        Connections stay open and new ones are taken. What either side has sent meanwhile arrives after :meth:`heal`.
        """
        self.mute = True
        self.deaf = deaf
        for connection in self.connections:
            connection.set_deaf(deaf)

    def heal(self) -> None:
        """The network is whole again."""
        self.mute = self.deaf = False
        for connection in tuple(self.connections):
            connection.heal()


class HttpConnection(Protocol):
    """One connection, one request at a time.

    Attributes:
        name: unique in the pair, also over restarts of a host.
        peer_port: the caller's TCP port.
        last_heard: the reactor's seconds at the last byte from the caller.
        on_lost: called once each, in order, when the connection is closed.
    """

    transport: Any

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
        self._unsaid: list[Callable[[], None]] = []

    @property
    def ends(self) -> Ends:
        """The caller's end of the connection (its local address is ours from there)."""
        caller, here = self.transport.getPeer(), self.transport.getHost()
        return Ends((caller.host, caller.port), (here.host, here.port))

    @property
    def _socket(self) -> socket.socket:
        found: socket.socket = self.transport.socket
        return found

    def connectionMade(self) -> None:  # noqa: N802 - Twisted names it
        """Send small replies at once."""
        self.transport.setTcpNoDelay(True)
        self.server.connections.add(self)
        self.server.on_connection(self, True)
        if self.server.deaf:
            self.set_deaf(True)

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
        breaks = self.server.breaks.take("request")
        if breaks is not None:
            self._received += breaks.left(data)
            self._read_on()
            self.transport.abortConnection()
            return
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
            head = read_head(self._received[:end])
        except ValueError:
            self._refuse(HTTPStatus.BAD_REQUEST)
            return
        if "transfer-encoding" in head.headers:
            self._refuse(HTTPStatus.LENGTH_REQUIRED)
            return
        if head.body_length > LARGEST_BODY:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return
        whole = end + 4 + head.body_length
        if len(self._received) < whole:
            if head.headers.get("expect", "").lower() == "100-continue" and len(self._received) == end + 4:
                self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            return
        body, self._received = self._received[end + 4 : whole], self._received[whole:]
        self._answering = True
        self._keep_alive = head.keeps_alive
        arrived = time.monotonic() - seconds_since_arrival(self._socket)
        self.server.handle(HttpRequest(self, head, body, arrived))

    def _refuse(self, status: HTTPStatus) -> None:
        self._keep_alive = False
        self._received = b""
        self._answering = True
        self.answer(status, b"text/plain", status.phrase.encode())

    # -- what is said ------------------------------------------------------------------------------------------------

    def answer(self, status: int, content_type: bytes, body: bytes, on_sent: Sent | None = None) -> None:
        """Send the answer to the request in hand; nothing happens when the connection has gone."""
        self._say(lambda: self._send(self.head(status, content_type, len(body)) + body, on_sent))

    def answer_in_part(self, data: bytes, on_sent: Sent | None = None) -> None:
        """Send these bytes and close, whatever they are."""
        self._keep_alive = False
        self._say(lambda: self._send(data, on_sent))

    def abort(self) -> None:
        """Reset the connection."""
        self._say(self.transport.abortConnection)

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

    def _say(self, say: Callable[[], None]) -> None:
        if self._closed:
            return
        if self.server.mute:
            self._unsaid.append(say)
        else:
            say()

    def _send(self, data: bytes, on_sent: Sent | None) -> None:
        breaks = self.server.breaks.take("answer")
        if on_sent is not None:
            on_sent(breaks is None and peer_is_there(self._socket))
        if breaks is not None:
            self.transport.write(breaks.left(data))
            self.transport.loseConnection()
            return
        self.transport.write(data)
        if not self._keep_alive:
            self.transport.loseConnection()
            return
        self._answering = False
        self._read_on()

    # -- a network that is cut ---------------------------------------------------------------------------------------

    def set_deaf(self, deaf: bool) -> None:
        """Read nothing more, or read on."""
        if deaf:
            self.transport.pauseProducing()
        else:
            self.transport.resumeProducing()

    def heal(self) -> None:
        """Say what was not said, and read on."""
        unsaid, self._unsaid = self._unsaid, []
        for say in unsaid:
            if not self._closed:
                say()
        if not self._closed:
            self.set_deaf(False)
