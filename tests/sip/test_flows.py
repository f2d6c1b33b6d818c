"""How long ways are kept, and when they are shared; with real UDP sockets, by a clock that the test moves."""

from __future__ import annotations

import socket
from itertools import count

from attrs import evolve
from twisted.internet.defer import CancelledError
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from agentchan.ce.tls import TlsSettings
from agentchan.sip.errors import ExchangeFault
from agentchan.sip.flows import Flows
from agentchan.sip.location import Target
from agentchan.sip.transaction import Transaction
from agentchan.sip.udp_flow import UdpFlow
from agentchan.sip.uri import SipUri
from tests.sip.samples import reply

URI = SipUri.parse("sip:a@example.com")


class NoRoom:
    """A socket whose buffer is full."""

    def send(self, _message: bytes) -> int:
        """Never."""
        raise BlockingIOError


class FlowsTest(SynchronousTestCase):
    """Ways to a UDP server of the test's own."""

    def setUp(self) -> None:
        """No way is open."""
        self.reactor = MemoryReactorClock()
        tokens = count(10**15)
        self.flows = Flows(self.reactor, TlsSettings.from_files(), lambda: str(next(tokens)), most_streams_kept=2)
        self.addCleanup(self.flows.close)
        self.server, self.target = self.serve()

    def serve(self) -> tuple[socket.socket, Target]:
        """Another server."""
        server = socket.socket(type=socket.SOCK_DGRAM)
        self.addCleanup(server.close)
        server.settimeout(10.0)
        server.bind(("127.0.0.1", 0))
        return server, Target("udp", "127.0.0.1", server.getsockname()[1])

    def ask(self, target: Target | None = None) -> Transaction:
        """Send a request."""
        transaction, _ = self.flows.begin(target or self.target, URI, 0.5)
        return transaction

    def answer(self, server: socket.socket | None = None) -> None:
        """The server answers the oldest request, and the reactor reads it."""
        there = server or self.server
        request, peer = there.recvfrom(4096)
        there.sendto(reply(request), peer)
        for flow in self.reactor.getReaders():
            assert isinstance(flow, UdpFlow)
            flow.doRead()

    def test_kept(self) -> None:
        """A way is kept for 5 s after its last answer, for late copies and for the next request."""
        first = self.ask()
        self.answer()
        assert self.successResultOf(first.outcome).code == 200
        self.reactor.advance(4.9)
        second = self.ask()
        assert len(self.flows) == 1
        self.reactor.advance(0.4)
        self.answer()
        assert self.successResultOf(second.outcome).code == 200
        self.reactor.advance(4.9)
        assert len(self.flows) == 1
        self.reactor.advance(0.1)
        assert (len(self.flows), self.reactor.getReaders(), self.reactor.getDelayedCalls()) == (0, [], [])

    def test_unanswered(self) -> None:
        """A way that has left somebody without an answer is not used again, but others on it may finish."""
        given_up, other = self.ask(), self.ask()
        given_up.outcome.cancel()
        self.failureResultOf(given_up.outcome, CancelledError)
        third = self.ask()
        assert len(self.flows) == 2
        for _ in range(3):
            self.answer()
        assert self.successResultOf(other.outcome).code == 200
        assert self.successResultOf(third.outcome).code == 200
        assert len(self.flows) == 1

    def refused(self) -> tuple[Transaction, UdpFlow]:
        """A request that was refused, which nobody has noticed yet."""
        self.server.close()
        transaction = self.ask()
        (flow,) = self.reactor.getReaders()
        assert isinstance(flow, UdpFlow)
        return transaction, flow

    def refusal(self, transaction: Transaction) -> str:
        """What is told of a refusal; the way is gone."""
        assert (len(self.flows), self.reactor.getReaders()) == (0, [])
        fault = self.failureResultOf(transaction.outcome, ExchangeFault).value
        assert not fault.ours
        return str(fault.reason)

    def test_refusals(self) -> None:
        """A refusal is noticed in each of the ways in which the system may tell of it."""
        transaction, flow = self.refused()
        flow.doRead()
        assert "refused the message" in self.refusal(transaction)
        transaction, flow = self.refused()
        flow.connectionLost(Failure(ConnectionDone()))
        assert "refused the message" in self.refusal(transaction)
        transaction, flow = self.refused()
        self.reactor.advance(0.5)  # the retransmission cannot be sent any more
        assert "refused the message" in self.refusal(transaction)

    def test_full_buffer(self) -> None:
        """A datagram for which the system has no room is lost, as the network may lose it, and sent again."""
        asked = self.ask()
        self.server.recvfrom(4096)
        (flow,) = self.reactor.getReaders()
        assert isinstance(flow, UdpFlow)
        real, flow._socket = flow._socket, NoRoom()  # type: ignore[assignment]
        self.reactor.advance(0.5)
        flow._socket = real
        self.reactor.advance(1.0)
        self.answer()
        assert self.successResultOf(asked.outcome).code == 200

    def test_few_kept(self) -> None:
        """Of idle ways only some are kept, the newest."""
        for _ in range(140):
            server, target = self.serve()
            asked = self.ask(target)
            self.answer(server)
            self.successResultOf(asked.outcome)
        assert len(self.flows) == 128
        self.ask(target)
        assert len(self.flows) == 128

    def test_secure_ways_apart(self) -> None:
        """A TLS connection is for the name that its certificate was verified for."""
        target = Target("tls", "192.0.2.1", 5061)
        for host in ("a.example", "b.example", "a.example"):
            self.flows.begin(target, evolve(URI, host=host), 0.5)
        assert len(self.reactor.tcpClients) == 2
        for flow in tuple(self.flows._every):
            for transaction, _ in tuple(flow._transactions.values()):
                transaction.outcome.addErrback(lambda failure: failure.trap(CancelledError))
                transaction.outcome.cancel()

    def test_closing(self) -> None:
        """Closing leaves no socket and no timer."""
        asked = self.ask()
        self.answer()
        self.successResultOf(asked.outcome)
        self.flows.close()
        assert (len(self.flows), self.reactor.getReaders(), self.reactor.getDelayedCalls()) == (0, [], [])
