"""Probes of real listeners: what counts as an answer, what as a no, and what as neither."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from agentchan.ce.dialer import Dialer, DialFailed
from agentchan.ce.errors import ExchangeFailed
from agentchan.ce.probe import Probe, ProbeOverdue
from agentchan.ce.tls import TlsSettings
from agentchan.core.session_values import Dial
from tests.ce.dialing import ScriptedPeer, ScriptedServer, http


class ProbeTests(TestCase):
    """An IVR Connector on loopback."""

    timeout = 20.0

    def setUp(self) -> None:
        """It listens."""
        self.server = ScriptedServer()
        self.port = self.server.listen(reactor)
        self.addCleanup(self.server.port.stopListening)
        self.octets = 0

    def probe(self, kind: str, *, port: int | None = None, seconds: float = 10.0) -> Probe:
        """A probe that may take so long."""
        dial = Dial(1, f"http://127.0.0.1:{port or self.port}/IVRConnector?site=1", seconds / 2, seconds / 2)
        dialer: Any = Dialer(reactor, TlsSettings.from_files())
        return Probe(reactor, dialer, kind, dial, user_timeout=2.0, on_bytes=self._heard)

    def _heard(self) -> None:
        self.octets += 1

    async def peers_gone(self) -> None:
        """No connection is left."""
        for peer in self.server.peers:
            await peer.lost

    async def test_any_status(self) -> None:
        """The description is asked for; every HTTP answer counts, and its bytes are told."""
        for status in (b"200 OK", b"401 Unauthorized", b"404 Not Found", b"500 Internal Server Error"):
            self.server.answer_everything(http(b"<definitions/>", status=status))
            await self.probe("wsdl").outcome
            assert self.octets > 0
        heads = [peer.heard.split(b"\r\n")[0] for peer in self.server.peers]
        assert heads == [b"GET /IVRConnector?wsdl HTTP/1.1"] * 4
        await self.peers_gone()

    async def test_connected(self) -> None:
        """The plainest probe says nothing, and ends without a reset."""
        accepted: Deferred[ScriptedPeer] = Deferred()
        self.server.on_connect = accepted.callback
        await self.probe("tcp").outcome
        peer = await accepted
        await peer.lost
        assert peer.heard == b""
        assert peer.end is not None
        assert "ConnectionDone" in peer.end.type.__name__

    async def test_refused(self) -> None:
        """Nobody listens."""
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            for kind in ("wsdl", "tcp"):
                with pytest.raises(DialFailed, match="refused the connection"):
                    await self.probe(kind, port=unused.getsockname()[1]).outcome

    async def test_no_http(self) -> None:
        """What answers with something else, or hangs up, is no IVR Connector."""
        self.server.answer_everything(b"SSH-2.0-OpenSSH_9.2\r\n")
        with pytest.raises(ExchangeFailed, match="not HTTP"):
            await self.probe("wsdl").outcome
        self.server.on_data = lambda peer: peer.transport.loseConnection()
        with pytest.raises(ExchangeFailed, match="closed the connection before its answer"):
            await self.probe("wsdl").outcome
        await self.peers_gone()

    async def test_hangs(self) -> None:
        """Neither yes nor no within its time; nothing is left open."""
        with pytest.raises(ProbeOverdue):
            await self.probe("wsdl", seconds=0.1).outcome
        await self.peers_gone()

    async def test_ended(self) -> None:
        """Given up at any time it leaves nothing, and its outcome is a failure like any other."""
        connecting = self.probe("wsdl")
        connecting.end()
        with pytest.raises(DialFailed, match="cancelled"):
            await connecting.outcome
        asked: Deferred[ScriptedPeer] = Deferred()
        self.server.on_data = asked.callback
        asking = self.probe("wsdl")
        await asked
        asking.end()
        with pytest.raises(ExchangeFailed, match="cancelled"):
            await asking.outcome
        self.server.answer_everything(http(b"x"))
        answered = self.probe("wsdl")
        await answered.outcome
        answered.end()
        await self.peers_gone()
