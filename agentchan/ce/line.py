"""One numbered connection of the agent channel's session, and what is said on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from attrs import frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

from agentchan.ce.component_link import Dialing
from agentchan.ce.connection import Connection
from agentchan.ce.decoding import decoded
from agentchan.ce.errors import ExchangeFailed, at
from agentchan.ce.http_post import Message
from agentchan.ce.probe import Probe
from agentchan.core.session_values import Dial
from agentchan.vocabulary import OpenSession, Reply, Request, SetReadiness

ENCODED_HERE = 1_000
"""Channels in one request: to encode more could keep the reactor for 10 ms, so that it is done in a thread."""


class ConnectorCodec(Protocol):
    """What is needed of the codec; both may be called in a thread."""

    def encode(self, request: Request, url: str) -> Message:
        """A request's bytes, for the connector at a URL; raises CannotEncode."""

    def decode(self, request: Request, status: int, content_type: str | None, body: bytes) -> Reply:
        """The reply to that request; raises ExchangeFailed."""


@frozen
class Means:
    """What every line is made of.

    Attributes:
        keep_alive: False where every request has a connection of its own, whose end is no loss (profile.md,
            ``connection``).
        probe: what a :class:`Probe` does, ``wsdl`` or ``tcp``.
    """

    reactor: Any
    threads: ThreadPool
    dialer: Dialing
    codec: ConnectorCodec
    keep_alive: bool
    probe: str


class Line:
    """A connection that is being dialled, or there, or (where every request has one of its own) between two.

    Args:
        user_timeout: seconds that sent data may stay unacknowledged.
        on_connected: called with each connection that is made.
        on_bytes: called for all that the connector sends.
        on_lost: called with the reason when the connection is lost; an exchange that was under way has failed before.
            Never after ``give_up``.
    """

    def __init__(
        self,
        means: Means,
        dial: Dial,
        *,
        user_timeout: float,
        on_connected: Callable[[Connection], None],
        on_bytes: Callable[[], None],
        on_lost: Callable[[str], None],
    ) -> None:
        self._means = means
        self._dial = dial
        self._user_timeout = user_timeout
        self._on_connected = on_connected
        self._on_bytes = on_bytes
        self._on_lost = on_lost
        self._dialled = 0
        self._dialling: Deferred[Connection] | None = None
        self._connection: Connection | None = None
        self._probe: Probe | None = None
        self._given_up = False

    @property
    def number(self) -> int:
        """The session's number of it."""
        return self._dial.connection

    def connect(self) -> Deferred[Connection]:
        """Dial; fails with DialFailed."""
        return Deferred.fromCoroutine(self._connect())

    def exchange(self, request: Request) -> Deferred[Reply]:
        """Send a request.

        Returns:
            A Deferred of the reply; its errback is ExchangeFailed, CannotEncode, DialFailed where it has to dial anew,
            or CancelledError where the line was given up before anything was sent.
        """
        return Deferred.fromCoroutine(self._exchange(request))

    def probe(self) -> Deferred[None]:
        """Probe the connector beside this connection; the Deferred is the outcome of a :class:`Probe`."""
        means = self._means
        self._probe = Probe(
            means.reactor,
            means.dialer,
            means.probe,
            self._dial,
            user_timeout=self._user_timeout,
            on_bytes=self._on_bytes,
        )
        return self._probe.outcome

    def give_up(self) -> None:
        """Abort whatever is under way."""
        self._given_up = True
        if self._dialling is not None:
            self._dialling.cancel()
        if self._connection is not None:
            self._connection.abort("given up")
        if self._probe is not None:
            self._probe.end()

    async def _connect(self) -> Connection:
        self._dialled += 1
        dialled = self._dialled
        self._dialling = self._means.dialer.dial(
            self._dial.url,
            connect_timeout=self._dial.connect_timeout,
            tls_timeout=self._dial.tls_timeout,
            user_timeout=self._user_timeout,
            on_bytes=self._on_bytes,
            on_lost=lambda reason: self._lost(dialled, reason),
        )
        try:
            connection = self._connection = await self._dialling
        finally:
            self._dialling = None
        self._on_connected(connection)
        return connection

    def _lost(self, dialled: int, reason: str) -> None:
        if self._given_up or dialled != self._dialled:
            return
        if self._means.keep_alive:
            self._on_lost(reason)
        else:
            self._connection = None  # as this server always does

    async def _exchange(self, request: Request) -> Reply:
        codec = self._means.codec
        message = await self._encoded(request)
        if self._given_up:
            raise CancelledError
        connection = await self._ready()
        answer = await connection.exchange(message)
        if not self._means.keep_alive:
            connection.close()
        try:
            return await decoded(
                self._means.reactor,
                answer,
                lambda: codec.decode(request, answer.status, answer.content_type, answer.body),
                self._means.threads,
            )
        except ExchangeFailed as failure:
            raise at(connection.url.where, failure) from None

    async def _ready(self) -> Connection:
        """The connection for the next request."""
        connection = self._connection
        if connection is None or (connection.closing and not self._means.keep_alive):
            if connection is not None:
                connection.abort("used")
            connection = await self._connect()
        return connection

    async def _encoded(self, request: Request) -> Message:
        means, url = self._means, self._dial.url
        if _size(request) <= ENCODED_HERE:
            return means.codec.encode(request, url)
        message: Message = await deferToThreadPool(means.reactor, means.threads, means.codec.encode, request, url)
        return message


def _size(request: Request) -> int:
    match request:
        case OpenSession(channels=channels):
            return len(channels)
        case SetReadiness(changes=changes):
            return len(changes)
    return 1
