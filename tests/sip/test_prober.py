"""Probes of servers that behave as the test wants, on loopback."""

from __future__ import annotations

import errno
import re
import secrets
import socket
from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet import reactor
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.protocol import DatagramProtocol, Factory, Protocol
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from agentchan.ce.tls import TlsSettings
from agentchan.core.presence import Evidence
from agentchan.sip.errors import ExchangeFault
from agentchan.sip.flows import Flows
from agentchan.sip.location import Target
from agentchan.sip.outcome import Outcome
from agentchan.sip.prober import Prober, Question
from agentchan.sip.udp_flow import system_fault
from agentchan.sip.uri import SipUri
from tests.sip.samples import reply
from tests.sip.shortage import no_descriptors

_PATIENT = 10.0
_QUICK = 0.3
NET: Any = reactor


class Endpoint(DatagramProtocol):
    """Over UDP: does with each request what the test says."""

    def __init__(self, behave: Callable[[int, bytes], bytes | None]) -> None:
        self.behave = behave
        self.heard: list[bytes] = []
        self.before: list[bytes] = []

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:  # noqa: N802 - Twisted's name
        """A request."""
        self.heard.append(datagram)
        answer = self.behave(len(self.heard), datagram)
        for message in self.before if answer is None else [*self.before, answer]:
            self.transport.write(message, addr)


class StreamEndpoint(Protocol):
    """Over TCP: likewise; ``b""`` closes."""

    def connectionMade(self) -> None:  # noqa: N802 - Twisted's name
        """Somebody is here."""
        self.factory.peers.append(self)

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """A request."""
        self.factory.heard.append(data)
        answer = self.factory.behave(len(self.factory.heard), data)
        if answer == b"":
            self.transport.abortConnection()
        elif answer is not None:
            self.transport.write(answer)


@pytest.mark.parametrize(
    ("number", "reason", "ours"),
    [
        (errno.ENETUNREACH, "udp 192.0.2.1:5060 cannot be reached (no route to that network)", False),
        (errno.EHOSTUNREACH, "udp 192.0.2.1:5060 cannot be reached (no route, or ICMP: host unreachable)", False),
        (errno.ETIMEDOUT, "udp 192.0.2.1:5060 cannot be asked (Connection timed out)", False),
        (errno.EPERM, "udp 192.0.2.1:5060 cannot be asked (Operation not permitted)", True),
        (None, "udp 192.0.2.1:5060 cannot be asked (socket closed)", False),
    ],
)
def test_system_faults(number: int | None, reason: str, ours: bool) -> None:
    """An error of the system is told in words, with whom it concerns."""
    fault = system_fault("udp 192.0.2.1:5060", number)
    assert (fault.reason, fault.ours) == (reason, ours)


class FakeLocator:
    """Finds what the test says: servers, a fault, or (None) nothing in time."""

    def __init__(self) -> None:
        self.located: tuple[Target, ...] | Exception | None = None

    def locate(self, _uri: SipUri) -> Deferred[Any]:
        """The same for everybody."""
        if isinstance(self.located, Exception):
            return fail(self.located)
        return Deferred() if self.located is None else succeed(self.located)


class ProberTest(TestCase):
    """A prober with a locator that obeys."""

    def setUp(self) -> None:
        """Nobody to ask yet."""
        self.locator = FakeLocator()
        self.flows = Flows(reactor, TlsSettings.from_files(), lambda: secrets.token_hex(8), most_streams_kept=10)
        self.prober = Prober(reactor, self.locator, self.flows, most_at_once=100)  # type: ignore[arg-type]
        self.addCleanup(self.prober.stop)

    def udp(self, behave: Callable[[int, bytes], bytes | None]) -> tuple[Endpoint, Target]:
        """A UDP endpoint."""
        endpoint = Endpoint(behave)
        port = NET.listenUDP(0, endpoint, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        return endpoint, Target("udp", "127.0.0.1", port.getHost().port)

    def tcp(self, behave: Callable[[int, bytes], bytes | None]) -> tuple[Any, Target]:
        """A TCP endpoint."""
        factory: Any = Factory.forProtocol(StreamEndpoint)
        factory.behave, factory.heard, factory.peers = behave, [], []
        port = NET.listenTCP(0, factory, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        return factory, Target("tcp", "127.0.0.1", port.getHost().port)

    def dead(self, transport: Any = "udp", family: int = socket.AF_INET) -> Target:
        """A port where nobody listens, kept by a socket that takes nothing."""
        taken = socket.socket(family, socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM)
        self.addCleanup(taken.close)
        address = "127.0.0.1" if family == socket.AF_INET else "::1"
        taken.bind((address, 0))
        port = taken.getsockname()[1]
        if transport == "udp":
            taken.connect((address, port))  # it hears itself alone
        return Target(transport, address, port)

    def ask(self, *targets: Target, timeout: float = _PATIENT) -> Deferred[Outcome]:
        """Probe these servers."""
        if targets:
            self.locator.located = targets
        return self.prober.probe(Question(SipUri.parse("sip:a@example.com"), timeout))

    async def test_retransmission(self) -> None:
        """A lost request costs T1, a quarter of the timeout, and both have the same branch."""
        endpoint, target = self.udp(lambda number, request: reply(request) if number == 2 else None)
        outcome = await self.ask(target, timeout=2.0)
        assert outcome.evidence is Evidence.ANSWERS
        assert len(set(endpoint.heard)) == 1

    async def test_next_server_after_refusal(self) -> None:
        """When a server refuses, the next one is asked at once."""
        _, target = self.udp(lambda _, request: reply(request))
        outcome = await self.ask(self.dead(), self.dead("tcp"), target)
        assert outcome.evidence is Evidence.ANSWERS

    async def test_refusals(self) -> None:
        """Refusals fail at once over UDP and TCP, IPv4 and IPv6, and say who has refused."""
        for transport, family, reason in (
            ("udp", socket.AF_INET, r"udp 127\.0\.0\.1:\d+ refused the message \(ICMP: port unreachable\)"),
            ("udp", socket.AF_INET6, r"udp \[::1\]:\d+ refused the message \(ICMP: port unreachable\)"),
            ("tcp", socket.AF_INET, r"tcp 127\.0\.0\.1:\d+ refused the connection"),
            ("tcp", socket.AF_INET6, r"tcp \[::1\]:\d+ refused the connection"),
        ):
            outcome = await self.ask(self.dead(transport, family))
            assert outcome.evidence is Evidence.FAILS
            assert re.fullmatch(reason, outcome.reason)

    async def test_not_permitted(self) -> None:
        """What this machine does not let us send says nothing about the endpoint."""
        outcome = await self.ask(Target("udp", "255.255.255.255", 5060))
        assert outcome.evidence is Evidence.NOTHING
        assert outcome.reason == "udp 255.255.255.255:5060 cannot be asked (Permission denied)"

    async def test_no_socket_left(self) -> None:
        """A shortage on this machine says nothing about the endpoint, over UDP and TCP."""
        await deferLater(NET, 0)  # the reactor turns, and has opened what it needs
        for transport in ("udp", "tcp"):
            target = self.dead(transport)
            with no_descriptors():
                outcome = await self.ask(target)
            assert outcome.evidence is Evidence.NOTHING
            assert "Too many open files" in outcome.reason

    async def test_unavailable_codes(self) -> None:
        """Which statuses mean unavailable is the question's to say."""
        _, target = self.udp(lambda _, request: reply(request, "503 Service Unavailable"))
        self.locator.located = (target, self.dead())
        uri = SipUri.parse("sip:a@example.com")
        assert (await self.prober.probe(Question(uri, _PATIENT, (404,)))).evidence is Evidence.ANSWERS
        self.locator.located = (self.udp(lambda _, request: reply(request, "404 Not Found"))[1],)
        assert (await self.prober.probe(Question(uri, _PATIENT, (404,)))).evidence is Evidence.FAILS

    async def test_next_server_beside_silence(self) -> None:
        """A silent server does not keep the others from being asked in time."""
        _, silent = self.udp(lambda *_: None)
        _, target = self.udp(lambda _, request: reply(request, "404 Not Found"))
        outcome = await self.ask(silent, target, timeout=2.0)
        assert (outcome.evidence, outcome.status_code) == (Evidence.ANSWERS, 404)

    async def test_next_server_after_503(self) -> None:
        """503 sends us to the next server; if that one has gone too, 503 is what is told."""
        _, unavailable = self.udp(lambda _, request: reply(request, "503 Service Unavailable"))
        _, target = self.udp(lambda _, request: reply(request))
        assert (await self.ask(unavailable, target)).evidence is Evidence.ANSWERS
        outcome = await self.ask(unavailable, self.dead())
        assert (outcome.evidence, outcome.status_code) == (Evidence.FAILS, 503)

    async def test_all_silent(self) -> None:
        """When every server is silent the probe fails at its deadline, and leaves nothing open."""
        _, silent = self.udp(lambda *_: None)
        _, mute = self.tcp(lambda *_: None)
        outcome = await self.ask(silent, mute, timeout=_QUICK)
        assert (outcome.evidence, outcome.status_code) == (Evidence.FAILS, None)
        assert len(self.flows) == 0

    async def test_kept_connection_closed(self) -> None:
        """A connection that the server has closed at the next request is made anew, once."""
        factory, target = self.tcp(lambda number, request: b"" if number == 2 else reply(request))
        assert (await self.ask(target)).evidence is Evidence.ANSWERS
        assert (await self.ask(target)).evidence is Evidence.ANSWERS
        assert len(factory.peers) == 2

    async def test_closing_server(self) -> None:
        """A server that closes instead of answering fails at once."""
        _, target = self.tcp(lambda *_: b"")
        outcome = await self.ask(target)
        assert outcome.evidence is Evidence.FAILS
        assert re.search("closed the connection|was lost", outcome.reason)

    async def test_flooding_server(self) -> None:
        """A server that sends no SIP over TCP fails at once, when it has sent too much for one message."""
        _, target = self.tcp(lambda *_: b"x" * 20000)
        assert "sent a message head of more than" in (await self.ask(target)).reason

    async def test_many_messages_at_once(self) -> None:
        """An answer behind many messages that are none is found, whether it comes by UDP or TCP."""
        nonsense = b"SIP/2.0 200 OK\r\n\r\n"
        _, target = self.tcp(lambda _, request: nonsense * 200 + reply(request))
        assert (await self.ask(target)).evidence is Evidence.ANSWERS
        endpoint, target = self.udp(lambda _, request: reply(request))
        endpoint.before = [nonsense] * 100
        assert (await self.ask(target)).evidence is Evidence.ANSWERS

    async def test_no_name_in_time(self) -> None:
        """When DNS is too slow nothing is learnt about the endpoint."""
        outcome = await self.ask(timeout=_QUICK)
        assert (outcome.evidence, outcome.reason) == (Evidence.NOTHING, "example.com was not resolved within 0.3 s")

    async def test_no_name_servers(self) -> None:
        """Likewise when no name server answers."""
        self.locator.located = ExchangeFault("no name server answers for example.com", ours=True)
        assert (await self.ask()).evidence is Evidence.NOTHING

    async def test_our_own_fault(self) -> None:
        """A fault of this program is logged, and says nothing about the endpoint."""
        self.locator.located = ZeroDivisionError()
        assert (await self.ask()).evidence is Evidence.NOTHING

    async def test_shared_way(self) -> None:
        """Probes of one server at the same time share a socket, and each gets its own answer."""
        _, target = self.udp(lambda number, request: reply(request, f"{400 + number} No"))
        both = [self.ask(target), self.ask(target)]
        assert {(await each).status_code for each in both} == {401, 402}
        assert len(self.flows) == 1

    async def test_stopping(self) -> None:
        """Stopping leaves no socket and no timer."""
        _, silent = self.udp(lambda *_: None)
        self.ask(silent)
        self.prober.stop()
        assert len(self.flows) == 0
