"""How a connection comes about, or not: in memory, with time and name resolution in the test's hands."""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.error import ConnectError, NoRouteError
from twisted.internet.error import ConnectionRefusedError as Refused
from twisted.internet.interfaces import IHostnameResolver
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from agentchan.ce.dialer import Dialer, DialFailed
from agentchan.ce.tls import TlsSettings
from tests.ce.dialing import Record
from tests.ce.test_connection import MemoryTransport


@implementer(IHostnameResolver)
class AskedResolver:
    """Notes what it is asked; answers when the test says so."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any]] = []

    def resolveHostName(self, receiver: Any, hostName: str, *_arguments: object, **_keywords: object) -> Any:  # noqa: N802, N803 - Twisted's signature
        """A question."""
        self.asked.append((hostName, receiver))
        receiver.resolutionBegan(None)

    def answer(self, *addresses: IPv4Address | IPv6Address) -> None:
        """Answer the oldest question."""
        receiver = self.asked.pop(0)[1]
        for address in addresses:
            receiver.addressResolved(address)
        receiver.resolutionComplete()


class DialCase(SynchronousTestCase):
    """A dialer on a reactor in memory."""

    def setUp(self) -> None:
        """Nobody has been dialed yet."""
        self.clock: Any = MemoryReactorClock()
        self.resolver = AskedResolver()
        self.clock.installNameResolver(self.resolver)
        self.record = Record()
        self.dialer = Dialer(self.clock, TlsSettings.from_files())

    def dial(self, url: str) -> Any:
        """An attempt: 1 s for TCP, 2 s for TLS."""
        return self.dialer.dial(
            url,
            connect_timeout=1.0,
            tls_timeout=2.0,
            user_timeout=3.0,
            on_bytes=self.record.on_bytes,
            on_lost=self.record.on_lost,
        )

    def started(self) -> list[tuple[str, int]]:
        """The addresses dialed so far."""
        return [(host, port) for host, port, *_ in self.clock.tcpClients]

    def connect(self, index: int = 0, transport: StringTransport | None = None) -> MemoryTransport:
        """TCP to an address is there."""
        factory = self.clock.tcpClients[index][2]
        protocol = factory.buildProtocol(None)
        transport = transport or MemoryTransport()
        protocol.makeConnection(transport)
        transport.protocol = protocol
        return transport

    def refuse(self, error: Exception, index: int = 0) -> None:
        """TCP to an address is not."""
        self.clock.tcpClients[index][2].clientConnectionFailed(self.clock.connectors[index], Failure(error))

    def assert_failed(self, dialed: Any, step: str, words: str, *, timed_out: bool = False) -> None:
        """An attempt has failed so, and has left no timer."""
        failed = self.failureResultOf(dialed, DialFailed).value
        assert (failed.step, failed.timed_out) == (step, timed_out)
        assert words in failed.reason
        assert failed.reason.isprintable()
        assert self.clock.getDelayedCalls() == []
        assert self.record.events == []


class AddressTests(DialCase):
    """URLs with an address."""

    def test_no_resolver(self) -> None:
        """An address is dialed at once, without asking a resolver or a thread."""
        self.dial("http://192.0.2.1:8095/x")
        self.dial("https://[2001:db8::1]/x")
        assert self.started() == [("192.0.2.1", 8095), ("2001:db8::1", 443)]
        assert self.resolver.asked == []

    def test_connected(self) -> None:
        """The connection is there as soon as TCP is, and no timer is left."""
        dialed = self.dial("http://192.0.2.1:8095/x")
        self.connect()
        connection = self.successResultOf(dialed)
        assert connection.idle
        assert connection.certificate_not_after is None
        assert self.clock.getDelayedCalls() == []

    def test_refused(self) -> None:
        """Refusals of TCP, each in words."""
        for error, words in (
            (Refused(), "192.0.2.1:8095 refused the connection"),
            (NoRouteError(), "no route to the host"),
            (ConnectError(13, "Permission denied"), "Permission denied"),
            (OSError("too many\nopen files"), "too many open files"),
        ):
            self.setUp()
            dialed = self.dial("http://192.0.2.1:8095/x")
            self.refuse(error)
            self.assert_failed(dialed, "connect", words)

    def test_deadline(self) -> None:
        """A silent address costs connect_timeout, and is let go."""
        dialed = self.dial("http://192.0.2.1:8095/x")
        self.clock.advance(0.999)
        self.assertNoResult(dialed)
        self.clock.advance(0.001)
        self.assert_failed(dialed, "connect", "192.0.2.1:8095: no answer within 1 s", timed_out=True)
        assert self.clock.connectors[0].stoppedConnecting

    def test_deadline_that_was_slept_over(self) -> None:
        """Whoever was not awake when the deadline passed gives the host another chance, once (F16)."""
        dialed = self.dial("http://192.0.2.1:8095/x")
        assert self.clock.tcpClients[0][3] is None, "TCP's own deadline would not wait"
        self.clock.advance(3600.0)
        self.assertNoResult(dialed)
        self.connect()
        assert self.successResultOf(dialed).idle
        dialed = self.dial("http://192.0.2.1:8095/x")
        self.clock.advance(3600.0)
        self.clock.advance(1.0)
        self.assert_failed(dialed, "connect", "192.0.2.1:8095: no answer within 1 s", timed_out=True)

    def test_cancel(self) -> None:
        """A cancelled attempt is let go at once; its end comes as DialFailed too."""
        dialed = self.dial("http://192.0.2.1:8095/x")
        dialed.cancel()
        self.assert_failed(dialed, "connect", "attempt cancelled")
        assert self.clock.connectors[0].stoppedConnecting

    def test_bad_url(self) -> None:
        """What is no URL fails like what cannot be reached."""
        self.assert_failed(self.dial("ce1"), "connect", "neither an http nor an https URL")


class TlsStepTests(DialCase):
    """The time between TCP and a verified peer."""

    def test_deadline(self) -> None:
        """The handshake has a deadline of its own, which begins when TCP is there; then the connection is aborted."""
        dialed = self.dial("https://192.0.2.1/x")
        self.clock.advance(0.9)
        transport = self.connect()
        self.clock.advance(1.95)
        self.assertNoResult(dialed)
        self.clock.advance(0.05)
        self.assert_failed(dialed, "tls", "did not complete the TLS handshake within 2 s", timed_out=True)
        assert transport.aborting

    def test_cancel(self) -> None:
        """A cancelled handshake aborts its connection."""
        dialed = self.dial("https://192.0.2.1/x")
        transport = self.connect()
        dialed.cancel()
        self.assert_failed(dialed, "tls", "attempt cancelled")
        assert transport.aborting

    def test_plain_peer(self) -> None:
        """A peer that answers in clear is told from one that has a bad certificate."""
        dialed = self.dial("https://192.0.2.1/x")
        transport = self.connect()
        transport.protocol.dataReceived(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        transport.protocol.connectionLost(Failure(ConnectionAbortedError()))
        self.assert_failed(dialed, "tls", "192.0.2.1:443 does not speak TLS")

    def test_hung_up(self) -> None:
        """A peer that hangs up amid the handshake is named."""
        dialed = self.dial("https://192.0.2.1/x")
        transport = self.connect()
        transport.protocol.connectionLost(Failure(ConnectionAbortedError()))
        self.assert_failed(dialed, "tls", "192.0.2.1:443 closed the connection during the TLS handshake")

    def test_settings_in_force(self) -> None:
        """An attempt uses the settings that the dialer had when it began."""
        self.dialer.tls = TlsSettings.from_files()
        before = self.dialer.tls
        self.dial("https://192.0.2.1/x")
        self.dialer.tls = TlsSettings.from_files()
        transport = self.connect()
        assert transport.protocol._wrappedProtocol.getHandle().get_context() is before.context


class NameTests(DialCase):
    """URLs with a host name."""

    V4 = IPv4Address("TCP", "192.0.2.1", 8095)
    V6 = IPv6Address("TCP", "2001:db8::1", 8095)

    def test_resolved_at_every_attempt(self) -> None:
        """Each attempt asks anew, and goes where the newest answer says."""
        for last in ("1", "2"):
            dialed = self.dial("http://ce1:8095/x")
            self.resolver.answer(IPv4Address("TCP", f"192.0.2.{last}", 8095))
            self.refuse(Refused(), int(last) - 1)
            self.assert_failed(dialed, "connect", "ce1:8095 refused the connection")
        assert self.started() == [("192.0.2.1", 8095), ("192.0.2.2", 8095)]

    def test_unknown_name(self) -> None:
        """A name without an address."""
        dialed = self.dial("http://ce1:8095/x")
        self.resolver.answer()
        self.assert_failed(dialed, "connect", "ce1:8095: name ce1 does not resolve (no such name")

    def test_resolver_hangs(self) -> None:
        """A resolver that does not answer costs connect_timeout; its late answer is nothing."""
        dialed = self.dial("http://ce1:8095/x")
        self.clock.advance(1.0)
        self.assert_failed(dialed, "connect", "name ce1 was not resolved within 1 s", timed_out=True)
        self.resolver.answer(self.V4)
        assert self.started() == []

    def test_cancel_while_resolving(self) -> None:
        """The same for an attempt that was cancelled."""
        dialed = self.dial("http://ce1:8095/x")
        dialed.cancel()
        self.assert_failed(dialed, "connect", "attempt cancelled")
        self.resolver.answer(self.V4)
        assert self.started() == []

    def test_dead_first_address(self) -> None:
        """While an address is silent the next one is tried beside it; the first that answers is taken."""
        dialed = self.dial("http://ce1:8095/x")
        self.resolver.answer(self.V6, self.V4)
        assert self.started() == [("2001:db8::1", 8095)]
        self.clock.advance(0.1)
        assert self.started() == [("2001:db8::1", 8095), ("192.0.2.1", 8095)]
        self.connect(1)
        assert self.successResultOf(dialed).idle
        assert self.clock.connectors[0].stoppedConnecting
        assert self.clock.getDelayedCalls() == []

    def test_refusing_address(self) -> None:
        """An address that refuses is followed by the next at once; when all have, the first refusal is the reason."""
        dialed = self.dial("http://ce1:8095/x")
        self.resolver.answer(self.V6, self.V4)
        self.refuse(Refused(), 0)
        assert self.started() == [("2001:db8::1", 8095), ("192.0.2.1", 8095)]
        self.refuse(NoRouteError(), 1)
        self.assert_failed(dialed, "connect", "ce1:8095 refused the connection")

    def test_families_by_turns(self) -> None:
        """A name with many dead addresses of one family is reached by the other one soon."""
        self.dial("http://ce1:8095/x")
        others = [IPv6Address("TCP", f"2001:db8::{last}", 8095) for last in (2, 3)]
        self.resolver.answer(self.V6, *others, self.V4)
        self.clock.advance(0.1)
        assert self.started() == [("2001:db8::1", 8095), ("192.0.2.1", 8095)]
        self.clock.advance(0.1)
        assert len(self.started()) == 3

    def test_all_addresses_silent(self) -> None:
        """One deadline for all addresses together, and all are let go."""
        dialed = self.dial("http://ce1:8095/x")
        self.resolver.answer(self.V6, self.V4)
        self.clock.pump([0.1] * 11)
        self.assert_failed(dialed, "connect", "ce1:8095: no answer within 1 s", timed_out=True)
        assert [connector.stoppedConnecting for connector in self.clock.connectors] == [True, True]

    def test_cancel_amid_addresses(self) -> None:
        """A cancelled attempt lets all addresses go."""
        dialed = self.dial("http://ce1:8095/x")
        self.resolver.answer(self.V6, self.V4)
        self.clock.advance(0.1)
        dialed.cancel()
        self.assert_failed(dialed, "connect", "attempt cancelled")
        assert [connector.stoppedConnecting for connector in self.clock.connectors] == [True, True]

    def test_lookups_are_shared(self) -> None:
        """Attempts that ask for the same name while it is being looked up wait for the one lookup."""
        given_up = self.dial("http://ce1:8095/x")
        given_up.cancel()
        self.failureResultOf(given_up, DialFailed)
        self.dial("http://ce1:8095/x")
        self.dial("http://ce1:8095/y")
        self.dial("http://ce2:8095/x")
        assert [name for name, _ in self.resolver.asked] == ["ce1", "ce2"]
        self.resolver.answer(self.V4)
        assert self.started() == [("192.0.2.1", 8095)] * 2
        self.dial("http://ce1:8095/x")
        assert [name for name, _ in self.resolver.asked] == ["ce2", "ce1"]

    def test_lost_lookup(self) -> None:
        """A lookup that has not ended for a minute is not waited for again."""
        for _ in range(2):
            dialed = self.dial("http://ce1:8095/x")
            self.clock.advance(1.0)
            self.clock.advance(59.0)
            self.failureResultOf(dialed, DialFailed)
        assert [name for name, _ in self.resolver.asked] == ["ce1", "ce1"]
        late = self.dial("http://ce1:8095/x")
        assert len(self.resolver.asked) == 3
        self.resolver.answer(self.V4)
        self.assertNoResult(late)
        assert self.started() == []
