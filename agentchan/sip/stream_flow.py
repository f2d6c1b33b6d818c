"""A TCP or TLS connection to one server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet import error as twisted_error
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IDelayedCall
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure

from agentchan.ce.address_race import address_endpoint
from agentchan.ce.tls import TlsSettings
from agentchan.ce.wire import PlainWire, TlsFactory, Wire, set_socket_options
from agentchan.sip.errors import ExchangeFault, MalformedMessage
from agentchan.sip.flow import MESSAGES_IN_A_TURN, Flow
from agentchan.sip.framing import Frames
from agentchan.sip.location import Target
from agentchan.sip.tls_identity import SipHandshake
from agentchan.sip.udp_flow import system_fault

_LONGER_THAN_PROBES = 120.0
"""Seconds of the endpoint's own deadline; the probe's comes first and says why."""


class StreamFlow(Flow):
    """One connection, opened at once; transactions that begin meanwhile wait for it."""

    def __init__(
        self,
        reactor: Any,
        target: Target,
        on_idle: Callable[[Flow], None],
        *,
        tls: TlsSettings | None = None,
        name: str = "",
    ) -> None:
        """Connect.

        Args:
            reactor: Twisted's.
            target: its transport says whether TLS is spoken.
            on_idle: called whenever the last transaction has ended.
            tls: needed for TLS only.
            name: the URI's host, which the certificate has to name (RFC 5922, 7.3).
        """
        super().__init__(reactor, target, on_idle)
        self._frames = Frames()
        self._wire: Wire | None = None
        self._closed = False
        self._rest: IDelayedCall | None = None
        self._handshake = SipHandshake.of(name, target.port, tls) if tls is not None else None
        factory: Any = _WireFactory(self, secure=tls is not None)
        if self._handshake is not None:
            factory = TlsFactory(self._handshake, True, factory, reactor)
        endpoint = address_endpoint(reactor, target.address, target.port, _LONGER_THAN_PROBES)
        self._connecting: Deferred[Any] | None = endpoint.connect(factory)
        self._connecting.addCallbacks(self._connected, self._refused)

    def send(self, message: bytes) -> None:
        """Into the stream."""
        if self._wire is not None:
            self._wire.transport.write(message)

    def close(self) -> None:
        """End the connection, or the attempt; no time is spent on farewells."""
        self.usable = False
        if self._closed:
            return
        self._closed = True
        if self._connecting is not None:
            self._connecting.cancel()
        self._leave_rest()
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.transport.abortConnection()

    def bytes_arrived(self) -> None:
        """The wire's."""

    def data_received(self, data: bytes) -> None:
        """The wire's: a piece of the stream."""
        if self._closed:
            return
        self._frames.feed(data)
        if self._rest is None:
            self._take()

    def handshake_completed(self) -> None:
        """The wire's: TLS is there."""
        if self._handshake is None or self._handshake.certificate is None:
            self._end("was not verified")
        elif not self._closed:
            self._open()

    def lost(self, failure: Failure) -> None:
        """The wire's: the connection is no more."""
        self._wire = None
        self._leave_rest()
        if self._closed:
            return
        self._closed = True
        if self._handshake is not None:
            if self._local is None:
                reason = self._handshake.describe(failure)
            else:
                reason = self._handshake.describe_loss(failure, unused=not self.answered)
            self.failed(ExchangeFault(reason))
        elif failure.check(twisted_error.ConnectionDone):
            self.failed(ExchangeFault(f"{self.target.where} closed the connection"))
        else:
            self.failed(ExchangeFault(f"the connection to {self.target.where} was lost"))

    def _take(self) -> None:
        """Some of the messages that have come; a server of many endpoints may have sent many at once."""
        for _ in range(MESSAGES_IN_A_TURN):
            try:
                message = self._frames.next()
            except MalformedMessage as error:
                self._end(f"sent {error}")
                return
            if message is None:
                return
            self.received(message)
        if self._wire is not None:
            self._wire.transport.pauseProducing()
            self._rest = self.reactor.callLater(0, self._take_rest)

    def _take_rest(self) -> None:
        """In another turn of the reactor; the server has waited meanwhile."""
        self._rest = None
        if self._wire is not None:
            self._wire.transport.resumeProducing()
            self._take()

    def _connected(self, top: Any) -> None:
        """TCP is there; ``top`` is the wire, or TLS above the socket."""
        self._connecting = None
        self._wire = top if self._handshake is None else top.wrappedProtocol
        set_socket_options(top.transport, 0)
        if self._handshake is None:
            self._open()

    def _leave_rest(self) -> None:
        rest, self._rest = self._rest, None
        if rest is not None:
            rest.cancel()

    def _open(self) -> None:
        if self._wire is None:
            return
        local = self._wire.transport.getHost()
        self.opened((local.host, local.port))

    def _refused(self, failure: Failure) -> None:
        """TCP did not come about."""
        self._connecting = None
        if self._closed:
            return
        self._closed = True
        where = self.target.where
        if failure.check(twisted_error.ConnectionRefusedError):
            self.failed(ExchangeFault(f"{where} refused the connection"))
        else:
            number = getattr(failure.value, "osError", None)
            self.failed(system_fault(where, number if isinstance(number, int) else None))

    def _end(self, what: str) -> None:
        """The peer is of no use."""
        self.close()
        self.failed(ExchangeFault(f"{self.target.where} {what}"))


class _WireFactory(Factory):
    """Makes the one wire."""

    noisy = False

    def __init__(self, flow: StreamFlow, *, secure: bool) -> None:
        self._flow = flow
        self._secure = secure

    def buildProtocol(self, addr: IAddress | None) -> Wire:  # noqa: N802, ARG002 - Twisted's signature
        """TCP is there."""
        return Wire(self._flow) if self._secure else PlainWire(self._flow)
