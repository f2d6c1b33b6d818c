"""One GET over a real connection: bounded, verified, and every failure in an operator's words."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from OpenSSL import SSL
from twisted.internet import reactor as installed
from twisted.internet.defer import gatherResults
from twisted.trial.unittest import TestCase

from agentchan.ce.service_url import ServiceUrl
from agentchan.ce.tls import TlsSettings
from agentchan.profile_tools.http_get import Account, GetFailed, Got, get
from agentchan.vocabulary import Secret
from tests.ce.certificates import DAY, NOW, Identity, issue, server_context
from tests.ce.dialing import ScriptedPeer, ScriptedServer, http

reactor: Any = installed


class GetTests(TestCase):
    """Against a server that says what the test wants."""

    def setUp(self) -> None:
        """A server, not listening yet."""
        self.server = ScriptedServer()
        self.addCleanup(lambda: gatherResults([peer.lost for peer in self.server.peers]))

    def listen(self, octets: bytes = b"", context: SSL.Context | None = None) -> int:
        """Say the same to whoever has asked; returns the port."""

        def answer(peer: ScriptedPeer) -> None:
            if b"\r\n\r\n" in peer.heard and octets:
                peer.transport.write(octets)

        self.server.on_data = answer
        port = self.server.listen(reactor, context)
        self.addCleanup(self.server.port.stopListening)
        return port

    async def got(self, url: str, **more: Any) -> Got:
        """The answer."""
        settings: TlsSettings = more.pop("tls", None) or TlsSettings.from_files()
        return await get(reactor, settings, ServiceUrl.parse(url), **more)

    async def failed(self, url: str, **more: Any) -> str:
        """Why there is none."""
        with pytest.raises(GetFailed) as failure:
            await self.got(url, **more)
        return str(failure.value)

    async def test_an_answer(self) -> None:
        """With its type, the peer's clock, and where it sends us."""
        headers = (b"Date: Tue, 24 Nov 2026 13:05:00 GMT", b"Location: /elsewhere")
        port = self.listen(http(b"<a/>", *headers, status=b"302 Found"))
        found = await self.got(f"http://127.0.0.1:{port}/s?wsdl")
        assert (found.status, found.content_type, found.body) == (302, "text/xml", b"<a/>")
        assert (found.date, found.location) == ("Tue, 24 Nov 2026 13:05:00 GMT", "/elsewhere")
        head = self.server.peers[0].heard
        assert head.startswith(b"GET /s?wsdl HTTP/1.1\r\n")
        assert b"Authorization" not in head

    async def test_who_asks(self) -> None:
        """By HTTP Basic; and the password is in no text of ours."""
        account = Account("ivr", Secret("pässword"))
        port = self.listen(http(b"<a/>"))
        await self.got(f"http://127.0.0.1:{port}/", account=account)
        assert b"Authorization: Basic aXZyOnDDpHNzd29yZA==\r\n" in self.server.peers[0].heard
        assert "pässword" not in repr(account)

    async def test_an_answer_that_ends_with_the_connection(self) -> None:
        """Is whole, too."""

        def answer(peer: ScriptedPeer) -> None:
            peer.transport.write(b"HTTP/1.0 200 OK\r\n\r\n<a/>")
            peer.transport.loseConnection()

        port = self.listen()
        self.server.on_data = answer
        assert (await self.got(f"http://127.0.0.1:{port}/")).body == b"<a/>"

    async def test_too_much(self) -> None:
        """Is not read to its end."""
        port = self.listen(http(b"x" * 5000))
        said = await self.failed(f"http://127.0.0.1:{port}/", largest=1000)
        assert said == f"127.0.0.1:{port} sent more than 1000 bytes"

    async def test_no_answer(self) -> None:
        """Is waited for no longer than said."""
        port = self.listen()
        said = await self.failed(f"http://127.0.0.1:{port}/", patience=0.1)
        assert said == f"127.0.0.1:{port}: no answer within 0.1 s"

    async def test_half_an_answer(self) -> None:
        """Is none, and is waited for no longer than a whole one."""
        port = self.listen(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n<a")
        assert "no answer within 0.1 s" in await self.failed(f"http://127.0.0.1:{port}/", patience=0.1)

    async def test_nobody_is_there(self) -> None:
        """Is said as such."""
        port = self.listen()
        await self.server.port.stopListening()
        assert await self.failed(f"http://127.0.0.1:{port}/") == f"127.0.0.1:{port} refused the connection"

    async def test_no_http(self) -> None:
        """Whatever it is."""
        port = self.listen(b"SSH-2.0-OpenSSH_9.2\r\n")
        self.server.on_connect = lambda peer: peer.transport.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
        assert f"127.0.0.1:{port}" in await self.failed(f"http://127.0.0.1:{port}/", patience=0.5)

    async def test_a_certificate_that_is_trusted(self) -> None:
        """By the authorities of [tls]."""
        authority = issue("An authority", authority=True)
        port = self.listen(http(b"<a/>"), server_context(issue("ce1", "127.0.0.1", signer=authority)))
        found = await self.got(f"https://127.0.0.1:{port}/", tls=self.believing(authority))
        assert found.body == b"<a/>"

    def believing(self, authority: Identity) -> TlsSettings:
        """Settings that trust an authority."""
        with tempfile.TemporaryDirectory() as folder:
            ca_file, _ = authority.store(Path(folder), "ca")
            return TlsSettings.from_files(ca_file)

    async def test_certificates_that_are_not(self) -> None:
        """What is wrong is told as the daemon tells it; nothing is asked."""
        authority = issue("An authority", authority=True)
        cases = {
            "expired on": issue("ce1", "127.0.0.1", signer=authority, not_after=NOW - DAY),
            "certificate is for ce9.example.com, not for 127.0.0.1": issue("ce1", "ce9.example.com", signer=authority),
            "signed itself": issue("ce1", "127.0.0.1"),
        }
        for why, identity in cases.items():
            server = self.server = ScriptedServer()
            port = self.listen(http(b"<a/>"), server_context(identity))
            assert why in await self.failed(f"https://127.0.0.1:{port}/", tls=self.believing(authority))
            assert [peer.heard for peer in server.peers] == [b""] * len(server.peers)
            await gatherResults([peer.lost for peer in server.peers])

    async def test_a_server_without_tls(self) -> None:
        """Is said as such."""
        port = self.listen(http(b"<a/>"))
        self.server.on_data = lambda peer: peer.transport.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        said = await self.failed(f"https://127.0.0.1:{port}/")
        assert f"127.0.0.1:{port}" in said
        assert "TLS" in said
