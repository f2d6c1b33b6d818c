"""Checks of TCP ports and HTTP servers that behave as the test wants, on loopback."""

from __future__ import annotations

import re
import socket
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet import reactor, ssl
from twisted.internet.address import IPv4Address
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import TestCase

from agentchan.ce.name_lookups import SharedLookups
from agentchan.ce.tls import TlsSettings
from agentchan.core.presence import Evidence
from agentchan.health_checks import _final_status, stream_check
from agentchan.sip.outcome import Outcome
from tests.ce.certificates import Identity, issue, server_context
from tests.sip.timing import quick

NET: Any = reactor
_PATIENT = 10.0
_QUICK = 0.3


class Server(Protocol):
    """Says what the test wants as soon as it has heard something; None: closes; "": nothing."""

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """A request, or a piece of one."""
        self.factory.heard.append(data)
        if self.factory.says is None:
            self.transport.loseConnection()
        else:
            self.transport.write(self.factory.says)


class FakeLookups:
    """Knows what the test says; None: does not answer."""

    def __init__(self, *addresses: str, silent: bool = False) -> None:
        self._addresses = addresses
        self._silent = silent

    def look_up(self, _name: str, port: int) -> Deferred[tuple[IPv4Address, ...]]:
        """At once, or never."""
        if self._silent:
            return Deferred()
        return succeed(tuple(IPv4Address("TCP", address, port) for address in self._addresses))


class ChecksTest(TestCase):
    """Checks of one server."""

    def setUp(self) -> None:
        """Nobody is believed by TLS unless a test says so."""
        self.tls = TlsSettings.from_files()
        self.lookups: Any = SharedLookups(reactor)

    def serve(self, says: bytes | None = b"", context: Any = None) -> int:
        """A server; answers its port."""
        factory: Any = Factory.forProtocol(Server)
        factory.heard, factory.says = [], says
        self.heard = factory.heard
        if context is None:
            port = NET.listenTCP(0, factory, interface="127.0.0.1")
        else:
            port = NET.listenSSL(0, factory, _Context(context), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        return int(port.getHost().port)

    def check(self, target: str, within: float = _PATIENT) -> Deferred[Outcome]:
        """One check."""
        return stream_check(reactor, self.lookups, target, lambda: self.tls)(within)

    async def judge(self, says: bytes | None) -> Outcome:
        """What an HTTP server that says this is taken for."""
        return await self.check(f"http://127.0.0.1:{self.serve(says)}/alive?x=1")

    async def test_tcp(self) -> None:
        """Who accepts is alive; nothing is sent."""
        outcome = await self.check(f"tcp://127.0.0.1:{self.serve()}")
        assert (outcome.evidence, outcome.reason) == (Evidence.ANSWERS, "accepted the connection")
        assert outcome.latency is not None
        assert self.heard == []

    async def test_refused(self) -> None:
        """Who refuses is not, and that is told at once, by IPv4 and IPv6."""
        for family, address, shown in (
            (socket.AF_INET, "127.0.0.1", "127.0.0.1"),
            (socket.AF_INET6, "::1", "[::1]"),
        ):
            with socket.socket(family) as taken:
                taken.bind((address, 0))
                port = taken.getsockname()[1]
                outcome = await self.check(f"tcp://{shown}:{port}")
            assert (outcome.evidence, outcome.reason) == (Evidence.FAILS, f"{shown}:{port} refused the connection")

    async def test_http(self) -> None:
        """2xx is alive, whatever comes after the status."""
        for says in (b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.0 204\r\n", b"HTTP/1.1 299 \xff\n" + b"x" * 60000):
            outcome = await self.judge(says)
            assert (outcome.evidence, outcome.status_code) == (Evidence.ANSWERS, int(says[9:12]))
        assert self.heard[0].startswith(b"GET /alive?x=1 HTTP/1.1\r\nHost: 127.0.0.1:")

    async def test_other_statuses(self) -> None:
        """Every other status is not."""
        for says in (b"HTTP/1.1 302 Found\r\n\r\n", b"HTTP/1.1 404 No\r\n\r\n", b"HTTP/1.1 503 No\r\n\r\n"):
            outcome = await self.judge(says)
            assert (outcome.evidence, outcome.reason) == (Evidence.FAILS, f"answered {says[9:12].decode()}")

    async def test_no_http(self) -> None:
        """What is no HTTP, or has no end, is not alive."""
        for says in (b"220 mail.example.com\r\n", b"x" * 20000, b"HTTP/1.1 100 Go\r\n\r\n" * 9, b"\n"):
            outcome = await self.judge(says)
            assert outcome.evidence is Evidence.FAILS
            assert outcome.reason.endswith("answers with something that is not HTTP")

    async def test_closed(self) -> None:
        """Who closes without an answer is not alive."""
        outcome = await self.judge(None)
        assert outcome.evidence is Evidence.FAILS
        assert outcome.reason.endswith("closed the connection without an answer")

    async def test_silent(self) -> None:
        """Who accepts and says nothing is not alive when the time is up."""
        port = self.serve(b"")
        outcome = await self.check(f"http://127.0.0.1:{port}", _QUICK)
        assert outcome.evidence is Evidence.FAILS
        assert outcome.reason == f"127.0.0.1:{port} did not answer within 0.3 s"

    async def test_names(self) -> None:
        """A name is looked up; addresses that refuse are passed over."""
        self.lookups = FakeLookups("127.0.0.9", "127.0.0.1")
        outcome = await self.check(f"tcp://ivr.example:{self.serve()}")
        assert outcome.evidence is Evidence.ANSWERS

    async def test_unknown_name(self) -> None:
        """A name that does not resolve says nothing about the IVR."""
        self.lookups = FakeLookups()
        outcome = await self.check("tcp://ivr.example:5060")
        assert outcome.evidence is Evidence.NOTHING
        assert "does not resolve" in outcome.reason
        self.lookups = FakeLookups(silent=True)
        outcome = await self.check("http://ivr.example", _QUICK)
        assert outcome == Outcome(Evidence.NOTHING, "ivr.example was not resolved within 0.3 s")

    async def test_cancelled(self) -> None:
        """A check that is given up leaves nothing behind, wherever it is."""
        port = self.serve(b"")
        for target in ("tcp://ivr.example:5060", f"http://127.0.0.1:{port}"):
            self.lookups = FakeLookups(silent=True)
            check = self.check(target)
            check.cancel()
            with pytest.raises(CancelledError):
                await check

    async def secure(self, identity: Identity, authority: Identity, host: str = "127.0.0.1", **context: Any) -> Outcome:
        """Check an https server with this identity, where this CA is believed."""
        with TemporaryDirectory() as folder:
            self.tls = TlsSettings.from_files(ca_file=authority.store(Path(folder), "ca")[0])
        self.lookups = FakeLookups("127.0.0.1")
        port = self.serve(b"HTTP/1.1 200 OK\r\n\r\n", server_context(identity, **context))
        return await self.check(f"https://{host}:{port}")

    async def test_https(self) -> None:
        """Over TLS the certificate has to be right too; what is wrong with it is told at once."""
        authority = issue("CA", authority=True)
        identity = issue("ivr", "127.0.0.1", "ivr.example", signer=authority)
        assert (await self.secure(identity, authority)).evidence is Evidence.ANSWERS
        assert (await self.secure(identity, authority, "ivr.example")).evidence is Evidence.ANSWERS
        for believed, host, reason in (
            (authority, "other.example", "certificate is for ivr.example, 127.0.0.1, not for other.example"),
            (issue("Other", authority=True), "127.0.0.1", "certificate is not signed by a known CA"),
        ):
            outcome = await self.secure(identity, believed, host)
            assert outcome.evidence is Evidence.FAILS
            assert reason in outcome.reason

    async def test_client_certificate_wanted(self) -> None:
        """A server that wants a client certificate is not alive, and the reason says what it wants."""
        authority = issue("CA", authority=True)
        identity = issue("ivr", "127.0.0.1", signer=authority)
        outcome = await self.secure(identity, authority, client_ca=authority)
        assert outcome.evidence is Evidence.FAILS
        assert re.search("client certificate", outcome.reason)


class _Context(ssl.ContextFactory):
    """A context that is there already."""

    def __init__(self, context: Any) -> None:
        self._context = context

    def getContext(self) -> Any:  # noqa: N802 - Twisted's name
        """The context."""
        return self._context


def final_status(heard: bytes) -> int | str | None:
    """The status, or that it is no HTTP."""
    try:
        return _final_status(heard)
    except ValueError as error:
        return str(error)


@pytest.mark.parametrize(
    ("heard", "status"),
    [
        (b"", None),
        (b"HTTP/1.1 20", None),
        (b"HTTP/1.1 200 OK\r", None),
        (b"HTTP/1.1 200 OK\r\n", 200),
        (b"HTTP/1.1 200\n", 200),
        (b"HTTP/1.1 100 Continue\r\nA: b\r\n", None),
        (b"HTTP/1.1 100 Continue\r\nA: b\r\n\r\n", None),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 503 No\r\n", 503),
        (b"HTTP/1.1 100 Continue\r\n\r\nnonsense\r\n", "not an HTTP answer"),
        (b"HTTP/2 200\r\n", "not an HTTP answer"),
        (b"SIP/2.0 200 OK\r\n", "not an HTTP answer"),
        (b"x" * 17000, "not an HTTP answer"),
    ],
)
def test_final_status(heard: bytes, status: int | str | None) -> None:
    """Interim answers are passed over, and what has not come yet is waited for."""
    assert final_status(heard) == status


@given(
    st.lists(
        st.sampled_from([b"HTTP/1.1 100 Go\r\n", b"\r\n", b"\n", b" ", b"HTTP/1.1 200 OK", b"A: b\r\n"])
        | st.binary(max_size=9),
        max_size=20,
    ).map(b"".join),
    st.sampled_from([1, 100, 4000]),
)
def test_any_bytes(piece: bytes, times: int) -> None:
    """Any bytes are an answer, the beginning of one, or no HTTP, in less than 10 ms."""
    heard = (piece * times)[:65536]
    status = final_status(heard)
    assert status is None or status == "not an HTTP answer" or 200 <= int(status) <= 599
    assert quick(lambda: final_status(heard))
