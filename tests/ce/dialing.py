"""What tests of connections share: a message, a record of what happened, servers that say what they are told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define, field, frozen
from OpenSSL import SSL
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.internet.protocol import Factory, Protocol
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure
from zope.interface import implementer

from agentchan.ce.answer_head import Limits
from agentchan.ce.connection import Connection
from agentchan.ce.dialer import Dialer
from agentchan.ce.tls import TlsSettings


@frozen
class Envelope:
    """A message for Connection.exchange."""

    body: bytes = b"<question/>"
    headers: tuple[tuple[bytes, bytes], ...] = (
        (b"Content-Type", b"text/xml; charset=utf-8"),
        (b"SOAPAction", b'"Ask"'),
    )
    duty: str = ""


@define
class Record:
    """What a connection told, in order."""

    events: list[str] = field(factory=list)
    octets: int = 0
    ended: Deferred[str] = field(factory=Deferred)

    def on_bytes(self) -> None:
        """Bytes came."""
        self.octets += 1

    def on_lost(self, reason: str) -> None:
        """The connection ended."""
        self.events.append(f"lost: {reason}")
        if not self.ended.called:
            self.ended.callback(reason)

    def note_answer(self, answer: Deferred[Any]) -> None:
        """Write down what becomes of an exchange."""
        answer.addCallbacks(
            lambda good: self.events.append(f"answer: {good.status} {good.body.decode()}"),
            lambda failure: self.events.append(f"failed: {failure.value.reason}"),
        )


def dial(
    reactor: Any,
    url: str,
    record: Record,
    *,
    tls: TlsSettings | None = None,
    limits: Limits | None = None,
    connect_timeout: float = 5.0,
    tls_timeout: float = 5.0,
    user_timeout: float = 3.0,
) -> Deferred[Connection]:
    """A dialer's attempt with a test's usual values."""
    dialer = Dialer(reactor, tls or TlsSettings.from_files(), limits or Limits())
    return dialer.dial(
        url,
        connect_timeout=connect_timeout,
        tls_timeout=tls_timeout,
        user_timeout=user_timeout,
        on_bytes=record.on_bytes,
        on_lost=record.on_lost,
    )


class ScriptedPeer(Protocol):
    """A server's end: collects what it hears, says what the test tells it."""

    transport: Any

    def __init__(self, server: ScriptedServer) -> None:
        self.server = server
        self.heard = b""
        self.end: Failure | None = None
        self.lost: Deferred[None] = Deferred()

    def connectionMade(self) -> None:  # noqa: N802 - Twisted's name
        """Somebody is here."""
        self.server.peers.append(self)
        self.server.on_connect(self)

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """They said something."""
        self.heard += data
        self.server.on_data(self)

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]  # noqa: N802 - Twisted's name
        """They are gone."""
        self.end = reason
        self.lost.callback(None)


class ScriptedServer(Factory):
    """Listens on loopback; ``on_connect`` and ``on_data`` are the test's script."""

    noisy = False

    def __init__(self) -> None:
        self.peers: list[ScriptedPeer] = []
        self.on_connect: Callable[[ScriptedPeer], None] = lambda _peer: None
        self.on_data: Callable[[ScriptedPeer], None] = lambda _peer: None
        self.port: Any = None

    def buildProtocol(self, addr: Any) -> ScriptedPeer:  # noqa: N802, ARG002 - Twisted's signature
        """One more."""
        return ScriptedPeer(self)

    def listen(self, reactor: Any, context: SSL.Context | None = None, interface: str = "127.0.0.1") -> int:
        """Begin, with TLS where a context is given; answers the port."""
        factory: Any = self
        if context is not None:
            factory = TLSMemoryBIOFactory(_AnyServerContext(context), False, self, reactor)
        self.port = reactor.listenTCP(0, factory, interface=interface)
        return int(self.port.getHost().port)

    def answer_everything(self, octets: bytes) -> None:
        """Say the same to whatever is heard."""
        self.on_data = lambda peer: peer.transport.write(octets)


@implementer(IOpenSSLServerConnectionCreator)
class _AnyServerContext:
    """Gives Twisted connections of a ready context."""

    def __init__(self, context: SSL.Context) -> None:
        self._context = context

    def serverConnectionForTLS(self, tlsProtocol: Any) -> SSL.Connection:  # noqa: N802, N803, ARG002 - Twisted's signature
        """One more."""
        return SSL.Connection(self._context, None)


def http(body: bytes, *headers: bytes, status: bytes = b"200 OK") -> bytes:
    """An answer with its length."""
    lines = [b"HTTP/1.1 " + status, b"Content-Type: text/xml", b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body
