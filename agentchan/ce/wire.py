"""The bottom of a connection: the socket's options, and who hears what arrives on it."""

from __future__ import annotations

import socket
from typing import Any, Protocol

from twisted.internet.interfaces import IHandshakeListener, ISystemHandle, ITCPTransport
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.internet.protocol import connectionDone
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

_KEEPALIVE = (("TCP_KEEPIDLE", 10), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3))
"""Seconds, seconds and a count: an idle half-open connection shows itself after about 25 s even without heartbeats."""


class WireListener(Protocol):
    """Who hears of a wire: first the attempt to establish a connection, then the connection."""

    def bytes_arrived(self) -> None:
        """Bytes came from the peer, under TLS also those of an unfinished record."""

    def data_received(self, data: bytes) -> None:
        """What the peer said, in clear."""

    def handshake_completed(self) -> None:
        """TLS is established and the peer verified."""

    def lost(self, failure: Failure) -> None:
        """The wire is no more."""


@implementer(IHandshakeListener)
class Wire(TwistedProtocol):
    """Passes on what Twisted reports; the listener is exchanged when the connection is established."""

    transport: Any

    def __init__(self, listener: WireListener) -> None:
        self.listener = listener

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """Bytes for the listener, in clear."""
        self.listener.data_received(data)

    def handshakeCompleted(self) -> None:  # noqa: N802 - Twisted's name
        """TLS is established."""
        self.listener.handshake_completed()

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802 - Twisted's name
        """The connection is no more."""
        self.listener.lost(reason)


class _TlsTransport(TLSMemoryBIOProtocol):
    """Tells of raw bytes: a peer that drips a TLS record byte by byte is alive.

    Twisted's buffering kind holds small writes back for a turn of the reactor; a request is one write already.
    """

    wrappedProtocol: Wire  # noqa: N815 - Twisted's name

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        self.wrappedProtocol.listener.bytes_arrived()
        super().dataReceived(data)


class TlsFactory(TLSMemoryBIOFactory):
    """Puts TLS between the socket and a Wire."""

    protocol = _TlsTransport


class PlainWire(Wire):
    """A Wire directly on the socket."""

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """Raw bytes, which are clear."""
        listener = self.listener
        listener.bytes_arrived()
        listener.data_received(data)


def set_socket_options(transport: object, user_timeout: float) -> None:
    """Small writes at once, and dead peers found: TCP_NODELAY, keepalive, and TCP_USER_TIMEOUT where there is one.

    Keepalive says nothing while data is unacknowledged; TCP_USER_TIMEOUT (RFC 5482; Linux) is for that case.

    Args:
        transport: the one directly on the socket, below TLS.
        user_timeout: seconds that sent data may stay unacknowledged; 0 leaves it to the system.
    """
    if ITCPTransport.providedBy(transport):
        transport.setTcpNoDelay(True)
        transport.setTcpKeepAlive(True)
    handle = transport.getHandle() if ISystemHandle.providedBy(transport) else None
    if not isinstance(handle, socket.socket):
        return
    for name, value in _KEEPALIVE:
        _set_if_known(handle, name, value)
    if user_timeout > 0:
        _set_if_known(handle, "TCP_USER_TIMEOUT", max(1, round(user_timeout * 1000)))


def _set_if_known(handle: socket.socket, name: str, value: int) -> None:
    """Set a TCP option on platforms that have it."""
    option = getattr(socket, name, None)
    if option is not None:
        handle.setsockopt(socket.IPPROTO_TCP, option, value)
