"""Establishes connections: name resolution and TCP within one deadline, then TLS within another.

Every attempt resolves the name anew. An attempt that fails, runs out of time or is cancelled leaves no socket open.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from attrs import define, field
from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IAddress, IProtocol
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure

from agentchan.ce.address_race import AddressRace, address_endpoint
from agentchan.ce.answer_head import Limits
from agentchan.ce.connection import Connection
from agentchan.ce.deadline import Deadline
from agentchan.ce.dial_reasons import describe_loss, describe_refusal
from agentchan.ce.name_lookups import Address, SharedLookups
from agentchan.ce.service_url import ServiceUrl
from agentchan.ce.tls import TlsSettings
from agentchan.ce.tls_handshake import Handshake
from agentchan.ce.wire import PlainWire, TlsFactory, Wire, set_socket_options

Step = Literal["connect", "tls"]


class DialFailed(Exception):  # noqa: N818 - it names an outcome, not a bug
    """No connection came about; nothing was sent to the service.

    Attributes:
        step: where it ended: "connect" (URL, name and TCP) or "tls".
        reason: one line for an operator that names host and port.
        timed_out: whether the step's deadline passed, rather than an answer that was a no.
    """

    def __init__(self, step: Step, reason: str, *, timed_out: bool = False) -> None:
        super().__init__(reason)
        self.step = step
        self.reason = reason
        self.timed_out = timed_out


@define
class Dialer:
    """Makes connections to CE hosts.

    Attributes:
        reactor: Twisted's, or a test's.
        tls: used by attempts that begin from now on; a reload sets it anew.
        limits: what an answer may cost.
        on_exchanged: told the duty of each message that was answered, and the seconds that its answer took.
    """

    reactor: Any
    tls: TlsSettings
    limits: Limits = field(factory=Limits)
    on_exchanged: Callable[[str, float], None] = lambda _duty, _seconds: None
    lookups: SharedLookups = field(init=False)
    """Of host names, shared by attempts."""

    @lookups.default
    def _share_lookups(self) -> SharedLookups:
        return SharedLookups(self.reactor)

    def dial(
        self,
        url: str,
        *,
        connect_timeout: float,
        tls_timeout: float,
        user_timeout: float,
        on_bytes: Callable[[], None],
        on_lost: Callable[[str], None],
    ) -> Deferred[Connection]:
        """Establish a connection.

        Cancelling the Deferred ends the attempt.

        Args:
            url: http or https; its path is what exchanges post to, its host what the certificate must name.
            connect_timeout: seconds for name resolution and TCP, all of the name's addresses together.
            tls_timeout: seconds for the TLS handshake that follows.
            user_timeout: seconds that sent data may stay unacknowledged (TCP_USER_TIMEOUT); 0 for the system's own.
            on_bytes: called for all that the peer sends once the connection is established; has to be quick.
            on_lost: called once, with the reason, when a connection that was established is no more.

        Returns:
            A Deferred of the connection, with TLS once its peer has been verified; its errback is always DialFailed.
        """
        try:
            parsed = ServiceUrl.parse(url)
        except ValueError as error:
            return fail(DialFailed("connect", str(error)))
        attempt = _Attempt(
            self,
            parsed,
            connect_timeout=connect_timeout,
            tls_timeout=tls_timeout,
            user_timeout=user_timeout,
            on_bytes=on_bytes,
            on_lost=on_lost,
        )
        return attempt.begin()


class _Attempt:
    """One attempt, from the name to the verified peer."""

    def __init__(
        self,
        dialer: Dialer,
        url: ServiceUrl,
        *,
        connect_timeout: float,
        tls_timeout: float,
        user_timeout: float,
        on_bytes: Callable[[], None],
        on_lost: Callable[[str], None],
    ) -> None:
        self._reactor = dialer.reactor
        self._lookups = dialer.lookups
        self._limits = dialer.limits
        self._on_exchanged = dialer.on_exchanged
        self.url = url
        self._connect_timeout = connect_timeout
        self._tls_timeout = tls_timeout
        self._user_timeout = user_timeout
        self._on_bytes = on_bytes
        self._on_lost = on_lost
        self._handshake = Handshake(url, dialer.tls) if url.secure else None
        self._factory = _WireFactory(self)
        self._resolved = False
        self._step: Step = "connect"
        self._outcome: Deferred[Connection] | None = None
        self._deadline: Deadline | None = None
        self._connecting: Deferred[Any] | None = None
        self._wire: Wire | None = None

    def begin(self) -> Deferred[Connection]:
        """Resolve and connect."""
        outcome: Deferred[Connection] = Deferred(self._cancelled)
        self._outcome = outcome
        self._set_deadline(self._connect_timeout)
        factory: Any = self._factory
        if self._handshake is not None:
            factory = TlsFactory(self._handshake, True, self._factory, self._reactor)
        connecting = self._connecting = self._connect(factory)
        connecting.addCallbacks(self._connected, self._refused)
        return outcome

    def _connect(self, factory: Any) -> Deferred[Any]:
        """An address needs no resolver, whose threads may all be waiting for a dead name server."""
        url = self.url
        if url.literal:
            self._resolved = True
            return address_endpoint(self._reactor, url.host, url.port).connect(factory)

        def race(addresses: tuple[Address, ...]) -> Deferred[IProtocol]:
            self._resolved = True
            return AddressRace(self._reactor, addresses, factory).winner

        return self._lookups.look_up(url.host, url.port).addCallback(race)

    def _connected(self, top: Any) -> None:
        """TCP is there; ``top`` is the wire, or TLS above the socket."""
        self._connecting = None
        self._clear_deadline()
        if self._handshake is None:
            self._wire = top
            set_socket_options(top.transport, self._user_timeout)
            self._establish()
        else:
            self._wire = top.wrappedProtocol
            set_socket_options(top.transport, self._user_timeout)
            self._step = "tls"
            self._set_deadline(self._tls_timeout)

    def _refused(self, failure: Failure) -> None:
        """TCP did not come about."""
        self._connecting = None
        self._fail(describe_refusal(self.url, failure))

    def bytes_arrived(self) -> None:
        """The wire's: a handshake is no sign of life for a connection that is not there yet."""

    def data_received(self, data: bytes) -> None:
        """The wire's: nothing is said in clear before the connection is established."""

    def handshake_completed(self) -> None:
        """The wire's: TLS is there."""
        handshake = self._handshake
        if self._outcome is None or handshake is None:
            return
        if handshake.certificate is None:
            self._fail(f"{self.url.where} was not verified")
            return
        self._clear_deadline()
        self._establish()

    def lost(self, failure: Failure) -> None:
        """The wire's: it ended before the connection was established."""
        self._wire = None
        if self._handshake is not None:
            self._fail(self._handshake.describe(failure))

    def _establish(self) -> None:
        """Hand the connection over."""
        outcome, self._outcome = self._outcome, None
        wire = self._wire
        if outcome is None or wire is None:
            return
        url, certificate_missing = self.url, self._handshake is not None and self._handshake.certificate_missing
        connection = Connection(
            self._reactor,
            wire,
            url,
            on_bytes=self._on_bytes,
            on_lost=self._on_lost,
            limits=self._limits,
            certificate_not_after=None if self._handshake is None else self._handshake.certificate_not_after,
            describe_loss=lambda failure, unused: describe_loss(
                url, failure, certificate_missing=certificate_missing, unused=unused
            ),
            on_exchanged=self._on_exchanged,
        )
        outcome.callback(connection)

    def _timed_out(self) -> None:
        """The step's deadline has passed."""
        self._deadline = None
        if self._handshake is not None and self._handshake.fault is not None:
            # The peer was told that it is refused, and does not take the news.
            self._fail(f"{self.url.where}: {self._handshake.fault}")
            return
        if self._step == "tls":
            reason = f"{self.url.where} did not complete the TLS handshake within {self._tls_timeout:g} s"
        elif self._resolved:
            reason = f"{self.url.where}: no answer within {self._connect_timeout:g} s"
        else:
            reason = f"{self.url.where}: name {self.url.host} was not resolved within {self._connect_timeout:g} s"
        self._fail(reason, timed_out=True)

    def _cancelled(self, _outcome: Deferred[Connection]) -> None:
        """The caller wants no connection any more."""
        self._fail(f"{self.url.where}: attempt cancelled")

    def _fail(self, reason: str, *, timed_out: bool = False) -> None:
        """End the attempt, whatever is open, and say why."""
        outcome, self._outcome = self._outcome, None
        if outcome is None:
            return
        self._clear_deadline()
        if self._connecting is not None:
            self._connecting.cancel()
        if self._wire is not None:
            self._wire.transport.abortConnection()
        outcome.errback(DialFailed(self._step, reason, timed_out=timed_out))

    def _set_deadline(self, seconds: float) -> None:
        self._deadline = Deadline(self._reactor, seconds, self._timed_out)

    def _clear_deadline(self) -> None:
        deadline, self._deadline = self._deadline, None
        if deadline is not None:
            deadline.cancel()


class _WireFactory(Factory):
    """Makes the wire of the one address that connects."""

    noisy = False

    def __init__(self, attempt: _Attempt) -> None:
        self._attempt = attempt

    def buildProtocol(self, addr: IAddress | None) -> Wire:  # noqa: N802, ARG002 - Twisted's signature
        """A TCP connection is there."""
        return Wire(self._attempt) if self._attempt.url.secure else PlainWire(self._attempt)
