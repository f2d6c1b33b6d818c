"""Real TLS on loopback: which peers are accepted, and what is said of the others."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from OpenSSL import SSL
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from agentchan.ce.connection import Connection
from agentchan.ce.dialer import DialFailed
from agentchan.ce.errors import ExchangeFailed
from agentchan.ce.tls import TlsSettings
from tests.ce.certificates import DAY, NOW, Identity, issue, server_context
from tests.ce.dialing import Envelope, Record, ScriptedServer, dial, http

CA = issue("Test CA", authority=True)
INTERMEDIATE = issue("Test Intermediate", signer=CA, authority=True)
OLD_CA = issue("Old CA", authority=True, not_after=NOW - DAY)
HERE = ("localhost", "127.0.0.1", "::1")
GOOD = issue("ce1", *HERE, signer=CA, not_after=NOW + 7 * DAY)
CLIENT = issue("ivr", signer=CA)


class TlsCase(TestCase):
    """A server with TLS on loopback."""

    timeout = 20.0

    def setUp(self) -> None:
        """A CA file; the server comes later."""
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name)
        self.record = Record()
        self.trust(CA)

    def trust(self, *authorities: Identity, own: Identity | None = None) -> None:
        """Whom the client believes, and who it is."""
        ca_file = self.folder / "ca.pem"
        ca_file.write_bytes(b"".join(authority.certificate_pem() for authority in authorities))
        files = (None, None) if own is None else own.store(self.folder, "client")
        self.settings = TlsSettings.from_files(ca_file, *files)

    def serve(self, *chain: Identity, interface: str = "127.0.0.1", **options: Any) -> int:
        """Listen with an identity and those between it and the CA; answers the port."""
        return self.serve_context(server_context(*chain, **options), interface)

    def serve_context(self, context: SSL.Context | None, interface: str = "127.0.0.1") -> int:
        """The same with a context, or without TLS."""
        self.server = ScriptedServer()
        self.server.answer_everything(http(b"hello"))
        port = self.server.listen(reactor, context, interface)
        self.addCleanup(self.server.port.stopListening)
        return port

    def dial(self, url: str) -> Deferred[Connection]:
        """An attempt with this case's settings."""
        return dial(reactor, url, self.record, tls=self.settings)

    async def refusal(self, url: str) -> str:
        """Why an attempt failed in its TLS step."""
        with pytest.raises(DialFailed) as raised:
            await self.hang_up(await self.dial(url))
        failed = raised.value
        assert (failed.step, failed.timed_out) == ("tls", False)
        assert failed.reason.isprintable()
        assert self.record.events == []
        await self.peers_gone()
        return failed.reason

    async def hang_up(self, connection: Connection) -> None:
        """End it, on both sides."""
        connection.abort()
        await self.record.ended
        await self.peers_gone()

    async def peers_gone(self) -> None:
        """The server has seen every connection end: no socket is left."""
        for peer in self.server.peers:
            await peer.lost


class AcceptedTests(TlsCase):
    """Peers that are who they should be."""

    async def assert_accepted(self, url: str) -> Connection:
        """An exchange works; the bytes of TLS are told as life."""
        connection = await self.dial(url)
        answer = await connection.exchange(Envelope())
        assert (answer.status, answer.body) == (200, b"hello")
        assert self.record.octets > 0
        await self.hang_up(connection)
        return connection

    async def test_name(self) -> None:
        """A host name among the certificate's; when the certificate expires is known."""
        connection = await self.assert_accepted(f"https://localhost:{self.serve(GOOD)}/x")
        assert connection.certificate_not_after == NOW + 7 * DAY

    async def test_addresses(self) -> None:
        """IPv4 and IPv6 addresses among the certificate's."""
        await self.assert_accepted(f"https://127.0.0.1:{self.serve(GOOD)}/x")
        self.record = Record()
        await self.assert_accepted(f"https://[::1]:{self.serve(GOOD, interface='::1')}/x")

    async def test_wildcard(self) -> None:
        """A certificate for all of a domain, as RFC 9525 has it; loopback stands for the domain's address."""
        port = self.serve(issue("any", "*.localhost", signer=CA))
        reason = await self.refusal(f"https://localhost:{port}/x")
        assert "certificate is for *.localhost, not for localhost" in reason

    async def test_intermediate(self) -> None:
        """A chain over an intermediate CA, whether its root or itself is in the CA file."""
        identity = issue("ce1", *HERE, signer=INTERMEDIATE)
        for authority in (CA, INTERMEDIATE):
            self.record = Record()
            self.trust(authority)
            await self.assert_accepted(f"https://127.0.0.1:{self.serve(identity, INTERMEDIATE)}/x")

    async def test_own_certificate_in_ca_file(self) -> None:
        """A self-signed certificate that is itself in the CA file, beside others."""
        itself = issue("ce1", *HERE)
        self.trust(CA, itself)
        await self.assert_accepted(f"https://127.0.0.1:{self.serve(itself)}/x")

    async def test_tls_1_2(self) -> None:
        """The oldest version that is accepted."""
        await self.assert_accepted(f"https://127.0.0.1:{self.serve(GOOD, highest=SSL.TLS1_2_VERSION)}/x")

    async def test_client_certificate(self) -> None:
        """A server that insists on a client certificate gets it, in both versions of TLS."""
        self.trust(CA, own=CLIENT)
        for highest in (SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION):
            self.record = Record()
            await self.assert_accepted(f"https://127.0.0.1:{self.serve(GOOD, client_ca=CA, highest=highest)}/x")


class RefusedTests(TlsCase):
    """Peers that are not who they should be: each fault is named, with what to do about it."""

    async def assert_refused(self, words: str, *chain: Identity, host: str = "127.0.0.1") -> None:
        """A server with this identity is refused in such words."""
        port = self.serve(*chain)
        reason = await self.refusal(f"https://{host}:{port}/x")
        assert reason.startswith(f"{host}:{port}")
        assert words in reason, reason

    async def test_expired(self) -> None:
        """Since when, and that it has to be renewed."""
        expired = issue("ce1", *HERE, signer=CA, not_after=NOW - DAY)
        await self.assert_refused(f"certificate expired on {NOW - DAY:%Y-%m-%d %H:%M} UTC (renew it there)", expired)

    async def test_not_yet_valid(self) -> None:
        """From when, and that a clock may be wrong."""
        early = issue("ce1", *HERE, signer=CA, not_before=NOW + DAY)
        await self.assert_refused(f"not valid before {NOW + DAY:%Y-%m-%d %H:%M} UTC (check both clocks)", early)

    async def test_expired_ca(self) -> None:
        """The CA that has expired is named, not the host's certificate."""
        self.trust(OLD_CA)
        await self.assert_refused("certificate of its CA (CN=Old CA) expired on", issue("ce1", *HERE, signer=OLD_CA))

    async def test_unknown_ca(self) -> None:
        """The CA is named, and where it would have to be known."""
        stranger = issue("Somebody's CA", authority=True)
        for chain in ((), (stranger,)):
            words = "not signed by a known CA (CN=Somebody's CA; add it to ca_file in [tls])"
            await self.assert_refused(words, issue("ce1", *HERE, signer=stranger), *chain)

    async def test_ca_made_anew(self) -> None:
        """A CA of the same name with another key: the usual end of an afternoon of trying."""
        again = issue("Test CA", authority=True)
        words = "has a signature that does not fit its CA (forged, or ca_file in [tls] holds an older CA of that name)"
        await self.assert_refused(words, issue("ce1", *HERE, signer=again))

    async def test_missing_intermediate(self) -> None:
        """A server that does not send its intermediate CA."""
        words = "not signed by a known CA (CN=Test Intermediate;"
        await self.assert_refused(words, issue("ce1", *HERE, signer=INTERMEDIATE))

    async def test_self_signed(self) -> None:
        """A certificate that nobody vouches for."""
        words = "certificate signed itself and is not in the CA file (add it to ca_file in [tls])"
        await self.assert_refused(words, issue("ce1", *HERE))

    async def test_system_store(self) -> None:
        """Without a CA file the system's store counts, which does not know the tests' CA."""
        self.settings = TlsSettings.from_files()
        await self.assert_refused("CN=Test CA", GOOD)

    async def test_no_server_certificate(self) -> None:
        """A certificate signed by one that is no CA."""
        self.trust(CA)
        await self.assert_refused("certificate", issue("ce1", *HERE, signer=CLIENT), CLIENT)

    async def test_misnamed(self) -> None:
        """Whose it is, and who was dialed."""
        other = issue("ce9", "ce8.example", "ce9.example", "192.0.2.9", "ce7.example", signer=CA)
        for host in ("127.0.0.1", "localhost"):
            words = f"is for ce8.example, ce9.example, ce7.example and 1 more, not for {host} (use a name of"
            await self.assert_refused(words, other, host=host)

    async def test_named_for_the_address_only(self) -> None:
        """A name in the URL must be in the certificate, even if its address is; and the other way round."""
        await self.assert_refused(
            "is for 127.0.0.1, not for localhost", issue("x", "127.0.0.1", signer=CA), host="localhost"
        )
        await self.assert_refused("is for localhost, not for 127.0.0.1", issue("x", "localhost", signer=CA))

    async def test_common_name_only(self) -> None:
        """The common name is no host name (RFC 9525)."""
        words = "names no host in a subjectAltName (CN=localhost), localhost would be needed"
        await self.assert_refused(words, issue("localhost", signer=CA), host="localhost")

    async def test_log_injection(self) -> None:
        """Names chosen by the peer are shown in one printable line."""
        sly = issue("x\nFATAL: y" + "z" * 40, authority=True)
        await self.assert_refused("CN=x?FATAL: y", issue("ce1", *HERE, signer=sly))

    async def test_old_tls(self) -> None:
        """TLS 1.1 and older are not spoken."""
        context = server_context(GOOD, highest=SSL.TLS1_1_VERSION)
        context.set_cipher_list(b"ALL:@SECLEVEL=0")
        port = self.serve_context(context)
        assert "no TLS version that is accepted here" in await self.refusal(f"https://127.0.0.1:{port}/x")

    async def test_no_tls(self) -> None:
        """A server in clear behind an https URL."""
        port = self.serve_context(None)
        assert "does not speak TLS on this port" in await self.refusal(f"https://127.0.0.1:{port}/x")

    async def test_verified_at_every_connect(self) -> None:
        """A certificate that was good once is verified again at the next connect."""
        port = self.serve(GOOD)
        await self.hang_up(await self.dial(f"https://127.0.0.1:{port}/x"))
        self.record = Record()
        await self.server.port.stopListening()
        await self.assert_refused("expired", issue("ce1", *HERE, signer=CA, not_after=NOW - DAY))


class ClientCertificateTests(TlsCase):
    """Servers that want a client certificate, and do not get one they like."""

    async def reason(self, highest: int, *, names_ca: bool = True) -> str:
        """What is said; with TLS 1.3 the refusal comes after the handshake, as the loss of the connection."""
        port = self.serve(GOOD, client_ca=CA, names_ca=names_ca, highest=highest)
        if highest == SSL.TLS1_2_VERSION:
            return await self.refusal(f"https://127.0.0.1:{port}/x")
        connection = await self.dial(f"https://127.0.0.1:{port}/x")
        with pytest.raises(ExchangeFailed) as failed:
            await connection.exchange(Envelope(body=b"x" * 100_000))
        assert await self.record.ended == failed.value.reason
        await self.peers_gone()
        return failed.value.reason

    async def test_none(self) -> None:
        """None is set."""
        for highest in (SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION):
            for names_ca in (True, False):
                self.record = Record()
                reason = await self.reason(highest, names_ca=names_ca)
                assert reason.endswith(" wants a client certificate (set certificate_file in [tls])"), reason

    async def test_refused(self) -> None:
        """One is set that the server does not like: why, and where to look."""
        stranger = issue("stranger", authority=True)
        table = (
            (issue("ivr", signer=CA, not_after=NOW - DAY), "expired"),
            (issue("ivr", signer=stranger), "signed by a CA it does not know"),
            (issue("ivr"), "signed by a CA it does not know"),
        )
        for own, words in table:
            for highest in (SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION):
                self.record = Record()
                self.trust(CA, own=own)
                reason = await self.reason(highest)
                assert f"refused our client certificate ({words}): check certificate_file in [tls]" in reason, reason

    async def test_told_while_idle(self) -> None:
        """With TLS 1.3 the refusal is also told to a connection that has not been used yet."""
        port = self.serve(GOOD, client_ca=CA)
        await self.dial(f"https://127.0.0.1:{port}/x")
        assert (await self.record.ended).endswith("wants a client certificate (set certificate_file in [tls])")
        await self.peers_gone()

    async def test_without_a_word(self) -> None:
        """A server that asks for a certificate, gets none and hangs up without an alert: the reason guesses why."""
        context = server_context(GOOD, client_ca=CA)
        context.set_verify(SSL.VERIFY_PEER, lambda *_arguments: True)
        port = self.serve_context(context)
        self.server.on_data = lambda peer: peer.transport.loseConnection()
        connection = await self.dial(f"https://127.0.0.1:{port}/x")
        with pytest.raises(ExchangeFailed, match=r"closed the connection \(it had asked for a client certificate: set"):
            await connection.exchange(Envelope())
        await self.record.ended
        await self.peers_gone()
