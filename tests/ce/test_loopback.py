"""What only a real socket can show: its options, who resolves names, and how a connection ends."""

from __future__ import annotations

import socket
import tempfile
import unittest
from pathlib import Path
from typing import Any

import pytest
from twisted.internet import reactor
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IHostnameResolver
from twisted.internet.tcp import BaseClient
from twisted.trial.unittest import TestCase
from zope.interface import implementer

from agentchan.ce.connection import Connection
from agentchan.ce.dialer import DialFailed
from agentchan.ce.errors import ExchangeFailed
from agentchan.ce.tls import TlsSettings
from tests.ce.certificates import issue, server_context
from tests.ce.dialing import Envelope, Record, ScriptedPeer, ScriptedServer, dial, http

CA = issue("Test CA", authority=True)
HOST = issue("ce1", "localhost", "127.0.0.1", signer=CA)

TCP_REPAIR = 19
"""Linux's option that takes a socket from the network; Python has no name for it."""


@implementer(IHostnameResolver)
class TwoAddresses:
    """A resolver with the same addresses for every name."""

    def __init__(self, first: Any) -> None:
        self.others: list[Any] = []
        self._first = first

    def resolveHostName(self, receiver: Any, *_arguments: object, **_keywords: object) -> Any:  # noqa: N802 - Twisted's name
        """A question."""
        receiver.resolutionBegan(None)
        for address in (self._first, *self.others):
            receiver.addressResolved(address)
        receiver.resolutionComplete()


class LoopbackCase(TestCase):
    """A server on loopback."""

    timeout = 20.0

    def setUp(self) -> None:
        """It listens, in clear."""
        self.record = Record()
        self.server = ScriptedServer()
        self.port = self.server.listen(reactor)
        self.addCleanup(self.server.port.stopListening)

    def dial(self, host: str = "127.0.0.1", port: int | None = None, **options: Any) -> Deferred[Connection]:
        """An attempt in clear."""
        return dial(reactor, f"http://{host}:{port or self.port}/x", self.record, **options)

    def dial_secure(self) -> Deferred[Connection]:
        """The same with TLS, to a server that speaks it."""
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        ca_file = Path(temporary.name, "ca.pem")
        ca_file.write_bytes(CA.certificate_pem())
        plain = self.server.port
        port = self.server.listen(reactor, server_context(HOST))
        self.addCleanup(self.server.port.stopListening)
        self.server.port = plain
        return dial(reactor, f"https://127.0.0.1:{port}/x", self.record, tls=TlsSettings.from_files(ca_file))

    async def ended(self) -> str:
        """Both sides have seen the end; answers this side's reason."""
        reason = await self.record.ended
        for peer in self.server.peers:
            await peer.lost
        return reason


class SocketTests(LoopbackCase):
    """How the socket is made."""

    def assert_options(self) -> None:
        """Those of the one socket that was dialed."""
        dialed = next(reader for reader in reactor.getReaders() if isinstance(reader, BaseClient))
        handle = dialed.getHandle()
        assert handle.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
        assert handle.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert handle.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 3000

    async def test_options(self) -> None:
        """Small writes go at once, and data unacknowledged for user_timeout ends the connection."""
        connection = await self.dial()
        self.assert_options()
        connection.abort()
        await self.ended()

    async def test_options_below_tls(self) -> None:
        """The same where TLS is above the socket."""
        connection = await self.dial_secure()
        self.assert_options()
        connection.abort()
        await self.ended()

    async def test_address_needs_no_thread(self) -> None:
        """An address is dialed although no thread could be had."""

        def no_thread(*_arguments: object) -> None:
            raise AssertionError("a thread was asked for")

        self.patch(reactor, "getThreadPool", no_thread)
        self.patch(reactor, "callInThread", no_thread)
        connection = await self.dial()
        connection.abort("seen")
        assert await self.ended() == "seen"

    async def test_name(self) -> None:
        """A name is resolved by the system; of its addresses the one that listens is found."""
        connection = await self.dial("localhost")
        connection.abort("seen")
        assert await self.ended() == "seen"

    async def test_dead_first_address(self) -> None:
        """A name whose first address, an IPv6 one, takes no connection at all: the other one is found soon."""
        with socket.socket(socket.AF_INET6) as dead, socket.socket(socket.AF_INET6) as filler:
            dead.bind(("::1", 0))
            dead.listen(0)
            filler.connect(dead.getsockname())  # now its queue is full, and it does not even refuse
            resolver = TwoAddresses(IPv6Address("TCP", "::1", dead.getsockname()[1]))
            resolver.others.append(IPv4Address("TCP", "127.0.0.1", 0))
            former = reactor.installNameResolver(resolver)
            self.addCleanup(reactor.installNameResolver, former)
            port = dead.getsockname()[1]
            server = ScriptedServer()
            server.port = reactor.listenTCP(port, server, interface="127.0.0.1")
            self.addCleanup(server.port.stopListening)
            connection = await self.dial("ce1", port)
            connection.abort("seen")
            assert await self.record.ended == "seen"
            await server.peers[0].lost

    async def test_unknown_name(self) -> None:
        """A name that does not exist (RFC 6761, 6.4)."""
        with pytest.raises(DialFailed, match=r"name nobody\.invalid ") as failed:
            await self.dial("nobody.invalid", connect_timeout=2.0)
        assert failed.value.step == "connect"

    async def test_refused(self) -> None:
        """Nobody listens."""
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            with pytest.raises(DialFailed, match="refused the connection"):
                await self.dial(port=unused.getsockname()[1])

    async def test_cancel_leaks_nothing(self) -> None:
        """An attempt that is cancelled in any of its steps leaves no socket and no timer (trial would complain)."""
        for host in ("127.0.0.1", "localhost"):
            dialed = self.dial(host)
            dialed.cancel()
            with pytest.raises(DialFailed, match="attempt cancelled"):
                await dialed
        accepted: Deferred[ScriptedPeer] = Deferred()
        self.server.on_connect = accepted.callback
        dialed = dial(reactor, f"https://127.0.0.1:{self.port}/x", self.record)
        peer = await accepted
        dialed.cancel()
        with pytest.raises(DialFailed, match="attempt cancelled"):
            await dialed
        await peer.lost


class EndTests(LoopbackCase):
    """How a connection ends."""

    async def exchange_fails(self, words: str) -> None:
        """An exchange fails so, and the loss is told after it, once."""
        connection = await self.dial()
        exchange = connection.exchange(Envelope())
        self.record.note_answer(exchange)
        assert words in await self.ended()
        assert [event.partition(":")[0] for event in self.record.events] == ["failed", "lost"]

    async def test_reset(self) -> None:
        """A reset amid an answer."""

        def reset(peer: ScriptedPeer) -> None:
            peer.transport.write(http(b"body")[:-1])
            peer.transport.abortConnection()

        self.server.on_data = reset
        await self.exchange_fails("127.0.0.1")

    async def test_half_close(self) -> None:
        """A server that ends its side without having answered will not answer any more."""
        self.server.on_data = lambda peer: peer.transport.loseWriteConnection()
        await self.exchange_fails("closed the connection")

    async def test_answer_then_half_close(self) -> None:
        """What was answered before the end of its side counts."""

        def answer(peer: ScriptedPeer) -> None:
            peer.transport.write(b"HTTP/1.1 200 OK\r\n\r\nall of it")
            peer.transport.loseWriteConnection()

        self.server.on_data = answer
        connection = await self.dial()
        assert (await connection.exchange(Envelope())).body == b"all of it"
        await self.ended()

    async def test_early_answer(self) -> None:
        """An answer that comes while a large request is still being sent is taken; then the connection closes."""

        def answer_once(peer: ScriptedPeer) -> None:
            self.server.on_data = lambda _peer: None
            peer.transport.write(http(b"too large", b"Connection: close", status=b"413 Content Too Large"))
            peer.transport.pauseProducing()
            peer.transport.loseConnection()

        self.server.on_data = answer_once
        connection = await self.dial()
        try:
            answer = await connection.exchange(Envelope(body=b"x" * 8_000_000))
        except ExchangeFailed as failed:  # the server's reset may overtake its answer (RFC 9112, 9.6)
            assert "127.0.0.1" in failed.reason  # noqa: PT017 - both outcomes are right
        else:
            assert answer.status == 413
        await self.ended()

    async def test_abort_against_a_peer_that_reads_nothing(self) -> None:
        """An abort ends at once what an orderly close would never end, with TLS, too: the peer does not read."""
        for dial_it in (self.dial, self.dial_secure):
            self.record = Record()
            self.server.peers.clear()
            self.server.answer_everything(http(b"x"))
            connection = await dial_it()
            await connection.exchange(Envelope())
            self.server.peers[0].transport.pauseProducing()
            self.record.note_answer(connection.exchange(Envelope(body=b"x" * 20_000_000)))
            connection.abort("no answer within 2 s")
            await self.record.ended
            assert self.record.events == ["failed: no answer within 2 s", "lost: no answer within 2 s"]
            self.server.peers[0].transport.abortConnection()
            await self.ended()

    async def test_not_acknowledged_in_time(self) -> None:
        """A peer whose machine takes no more data is given up by the system itself after user_timeout."""
        self.server.on_connect = lambda peer: peer.transport.pauseProducing()
        connection = await self.dial(user_timeout=0.2)
        self.record.note_answer(connection.exchange(Envelope(body=b"x" * 20_000_000)))
        assert "not acknowledged in time" in await self.record.ended
        for peer in self.server.peers:
            peer.transport.abortConnection()
        await self.ended()

    async def test_half_open(self) -> None:
        """A peer that forgot the connection without a word: idle, nothing is to be seen; asked, it is lost."""
        accepted: Deferred[ScriptedPeer] = Deferred()
        self.server.on_connect = accepted.callback
        connection = await self.dial()
        handle = (await accepted).transport.getHandle()
        try:
            handle.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
        except PermissionError:
            connection.abort()
            await self.ended()
            raise unittest.SkipTest("only root can make the system forget a connection") from None
        (await accepted).transport.abortConnection()
        await (await accepted).lost
        assert self.record.events == []
        self.record.note_answer(connection.exchange(Envelope()))
        assert "was lost" in await self.ended()
        assert [event.partition(":")[0] for event in self.record.events] == ["failed", "lost"]

    async def test_closed_in_order(self) -> None:
        """A close that is wanted here ends without a reset."""
        for dial_it in (self.dial, self.dial_secure):
            self.record = Record()
            self.server.peers.clear()
            self.server.answer_everything(http(b"x"))
            connection = await dial_it()
            await connection.exchange(Envelope())
            connection.close()
            await self.ended()
            (peer,) = self.server.peers
            assert peer.end is not None
            assert peer.end.check(ConnectionDone)
