"""Probes of servers that behave as the test wants, on loopback."""

from __future__ import annotations

import random
import socket
from collections.abc import Callable
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.protocol import DatagramProtocol, Factory, Protocol
from twisted.trial.unittest import TestCase

from agentchan.ce.tls import TlsSettings
from agentchan.core.presence import Evidence
from agentchan.sip.errors import ExchangeFault
from agentchan.sip.flows import Flows
from agentchan.sip.location import Target
from agentchan.sip.outcome import Outcome
from agentchan.sip.prober import Prober, Question
from agentchan.sip.uri import SipUri
from tests.sip.samples import reply

_PATIENT = 10.0
_QUICK = 0.3
NET: Any = reactor


class Endpoint(DatagramProtocol):
    """Over UDP: does with each request what the test says."""

    def __init__(self, behave: Callable[[int, bytes], bytes | None]) -> None:
        self.behave = behave
        self.heard: list[bytes] = []

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:  # noqa: N802 - Twisted's name
        """A request."""
        self.heard.append(datagram)
        answer = self.behave(len(self.heard), datagram)
        if answer is not None:
            self.transport.write(answer, addr)


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


class FakeLocator:
    """Finds what the test says."""

    def __init__(self) -> None:
        self.located: Deferred[Any] = Deferred()

    def locate(self, _uri: SipUri) -> Deferred[Any]:
        """The same for everybody."""
        return self.located


class ProberTest(TestCase):
    """A prober with a locator that obeys."""

    def setUp(self) -> None:
        """Nobody to ask yet."""
        self.locator = FakeLocator()
        self.flows = Flows(reactor, TlsSettings.from_files(), lambda: f"{random.getrandbits(64):016x}")  # noqa: S311
        self.prober = Prober(reactor, self.locator, self.flows)  # type: ignore[arg-type]
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

    def dead(self, transport: Any = "udp") -> Target:
        """A port that nobody listens on."""
        with socket.socket(type=socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM) as free:
            free.bind(("127.0.0.1", 0))
            return Target(transport, "127.0.0.1", free.getsockname()[1])

    def ask(self, *targets: Target, timeout: float = _PATIENT) -> Deferred[Outcome]:
        """Probe these servers."""
        if targets:
            self.locator.located = succeed(targets)
        return self.prober.probe(Question(SipUri.parse("sip:a@example.com"), timeout))

    async def test_retransmission(self) -> None:
        """A lost request costs T1, a quarter of the timeout, and both have the same branch."""
        endpoint, target = self.udp(lambda number, request: reply(request) if number == 2 else None)
        outcome = await self.ask(target, timeout=0.8)
        self.assertIs(outcome.evidence, Evidence.ANSWERS)
        self.assertEqual(len(set(endpoint.heard)), 1)

    async def test_next_server_after_refusal(self) -> None:
        """When a server refuses, the next one is asked at once."""
        _, target = self.udp(lambda _, request: reply(request))
        outcome = await self.ask(self.dead(), self.dead("tcp"), target)
        self.assertIs(outcome.evidence, Evidence.ANSWERS)

    async def test_next_server_beside_silence(self) -> None:
        """A silent server does not keep the others from being asked in time."""
        _, silent = self.udp(lambda *_: None)
        _, target = self.udp(lambda _, request: reply(request, "404 Not Found"))
        outcome = await self.ask(silent, target, timeout=2.0)
        self.assertEqual((outcome.evidence, outcome.status_code), (Evidence.ANSWERS, 404))

    async def test_next_server_after_503(self) -> None:
        """503 sends us to the next server; if that one has gone too, 503 is what is told."""
        _, unavailable = self.udp(lambda _, request: reply(request, "503 Service Unavailable"))
        _, target = self.udp(lambda _, request: reply(request))
        self.assertIs((await self.ask(unavailable, target)).evidence, Evidence.ANSWERS)
        outcome = await self.ask(unavailable, self.dead())
        self.assertEqual((outcome.evidence, outcome.status_code), (Evidence.FAILS, 503))

    async def test_all_silent(self) -> None:
        """When every server is silent the probe fails at its deadline, and leaves nothing open."""
        _, silent = self.udp(lambda *_: None)
        _, mute = self.tcp(lambda *_: None)
        outcome = await self.ask(silent, mute, timeout=_QUICK)
        self.assertEqual((outcome.evidence, outcome.status_code), (Evidence.FAILS, None))
        self.assertEqual(len(self.flows), 0)

    async def test_kept_connection_closed(self) -> None:
        """A connection that the server has closed at the next request is made anew, once."""
        factory, target = self.tcp(lambda number, request: b"" if number == 2 else reply(request))
        self.assertIs((await self.ask(target)).evidence, Evidence.ANSWERS)
        self.assertIs((await self.ask(target)).evidence, Evidence.ANSWERS)
        self.assertEqual(len(factory.peers), 2)

    async def test_closing_server(self) -> None:
        """A server that closes instead of answering fails at once."""
        _, target = self.tcp(lambda *_: b"")
        outcome = await self.ask(target)
        self.assertIs(outcome.evidence, Evidence.FAILS)
        self.assertRegex(outcome.reason, "closed the connection|was lost")

    async def test_flooding_server(self) -> None:
        """A server that sends no SIP over TCP fails at once, when it has sent too much."""
        _, target = self.tcp(lambda *_: b"x" * 20000)
        self.assertIn("sent a message head of more than", (await self.ask(target)).reason)

    async def test_no_name_in_time(self) -> None:
        """When DNS is too slow nothing is learnt about the endpoint."""
        outcome = await self.ask(timeout=_QUICK)
        self.assertEqual(
            (outcome.evidence, outcome.reason), (Evidence.NOTHING, "example.com was not resolved within 0.3 s")
        )

    async def test_no_name_servers(self) -> None:
        """Likewise when no name server answers."""
        self.locator.located = fail(ExchangeFault("no name server answers for example.com", ours=True))
        self.assertIs((await self.ask()).evidence, Evidence.NOTHING)

    async def test_our_own_fault(self) -> None:
        """A fault of this program is logged, and says nothing about the endpoint."""
        self.locator.located = fail(ZeroDivisionError())
        self.assertIs((await self.ask()).evidence, Evidence.NOTHING)

    async def test_bounded(self) -> None:
        """So many probes are under way at once, the others wait; an urgent one is the next."""
        self.prober.most_at_once = 2
        endpoint, target = self.udp(lambda *_: None)
        self.locator.located = succeed((target,))
        order: list[str] = []
        every = [self.ask(timeout=_QUICK).addCallback(lambda _, n=n: order.append(str(n))) for n in range(4)]
        urgent = self.prober.probe(Question(SipUri.parse("sip:b@example.com"), _QUICK), urgent=True)
        every.append(urgent.addCallback(lambda _: order.append("urgent")))
        for each in every:
            await each
        self.assertEqual(order, ["0", "1", "urgent", "2", "3"])

    async def test_shared_way(self) -> None:
        """Probes of one server at the same time share a socket, and each gets its own answer."""
        _, target = self.udp(lambda number, request: reply(request, f"{400 + number} No"))
        both = [self.ask(target), self.ask(target)]
        self.assertEqual(len(self.flows), 1)
        self.assertEqual({(await each).status_code for each in both}, {401, 402})

    async def test_stopping(self) -> None:
        """Stopping leaves no socket and no timer."""
        _, silent = self.udp(lambda *_: None)
        self.ask(silent)
        self.prober.stop()
        self.assertEqual(len(self.flows), 0)
