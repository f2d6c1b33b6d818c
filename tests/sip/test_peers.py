"""Probes of real SIP elements that were not written here."""

from __future__ import annotations

import random
import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import skipIf

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from agentchan.ce.tls import TlsSettings
from agentchan.core.presence import Evidence
from agentchan.sip.building import build_prober
from agentchan.sip.outcome import Outcome
from agentchan.sip.prober import Question
from agentchan.sip.uri import SipUri
from tests.ce.certificates import DAY, NOW, Identity, issue
from tests.sip import peers

_QUICK = 0.4
"""Seconds, where nothing is expected to come."""

_PATIENT = 10.0


class ProbeCase(TestCase):
    """A prober on the real reactor, and a folder."""

    def setUp(self) -> None:
        """Nobody is believed by TLS unless a test says so."""
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.use(TlsSettings.from_files())

    def use(self, tls: TlsSettings) -> None:
        """Build the prober."""
        self.prober = build_prober(reactor, tls, random.uniform)
        self.addCleanup(self.prober.stop)

    def probe(self, uri: str, within: float = _PATIENT) -> Deferred[Outcome]:
        """One question."""
        return self.prober.probe(Question(SipUri.parse(uri), within))


@skipIf(peers.SIPP is None, "SIPp is not installed (Debian package sip-tester)")
class SippTest(ProbeCase):
    """SIPp, with one scenario each."""

    async def ask(self, scenario: str, *, within: float = _PATIENT, tcp: bool = False) -> Outcome:
        """Probe a SIPp with this scenario."""
        with peers.Sipp(self.folder, scenario, tcp=tcp) as sipp:
            uri = f"sip:sales@127.0.0.1:{sipp.port}" + (";transport=tcp" if tcp else "")
            return await self.probe(uri, within)

    async def judge(self, status: str, evidence: Evidence, **rest: Any) -> None:
        """What an answer with this status is taken for."""
        outcome = await self.ask(peers.answering(status), **rest)
        assert (outcome.status_code, outcome.reason) == (int(status[:3]), f"answered {status}")
        assert outcome.evidence is evidence
        assert outcome.latency is not None

    async def test_ok(self) -> None:
        """200 answers."""
        await self.judge("200 OK", Evidence.ANSWERS)

    async def test_not_found(self) -> None:
        """404 answers: somebody is there to say so."""
        await self.judge("404 Not Found", Evidence.ANSWERS)

    async def test_busy(self) -> None:
        """486 answers."""
        await self.judge("486 Busy Here", Evidence.ANSWERS)

    async def test_temporarily_unavailable(self) -> None:
        """480 means unavailable."""
        await self.judge("480 Temporarily Unavailable", Evidence.FAILS)

    async def test_service_unavailable(self) -> None:
        """503 means unavailable."""
        await self.judge("503 Service Unavailable", Evidence.FAILS)

    async def test_request_timeout(self) -> None:
        """408 means unavailable: a proxy says that nobody behind it has answered."""
        await self.judge("408 Request Timeout", Evidence.FAILS)

    async def test_other_statuses(self) -> None:
        """Redirections, demands for authentication and refusals of all kinds come from somebody."""
        for status in ("302 Moved Temporarily", "401 Unauthorized", "500 Server Internal Error", "603 Decline"):
            await self.judge(status, Evidence.ANSWERS)

    async def test_tcp(self) -> None:
        """Over TCP the same statuses mean the same."""
        await self.judge("200 OK", Evidence.ANSWERS, tcp=True)
        await self.judge("486 Busy Here", Evidence.ANSWERS, tcp=True)
        await self.judge("503 Service Unavailable", Evidence.FAILS, tcp=True)

    async def test_silence(self) -> None:
        """Silence fails."""
        outcome = await self.ask(peers.SILENT, within=_QUICK)
        assert (outcome.evidence, outcome.status_code) == (Evidence.FAILS, None)
        assert re.search(r"^udp 127\.0\.0\.1:\d+ did not answer within 0\.4 s$", outcome.reason)

    async def test_tcp_silence(self) -> None:
        """Silence over TCP fails."""
        outcome = await self.ask(peers.SILENT, within=_QUICK, tcp=True)
        assert re.search(r"^tcp 127\.0\.0\.1:\d+ did not answer within 0\.4 s$", outcome.reason)

    async def test_late_answer(self) -> None:
        """An answer after the deadline fails."""
        outcome = await self.ask(peers.answering("200 OK", after=5000), within=_QUICK)
        assert outcome.evidence is Evidence.FAILS

    async def test_slow_answer(self) -> None:
        """An answer between two retransmissions is one."""
        outcome = await self.ask(peers.answering("200 OK", after=300))
        assert outcome.evidence is Evidence.ANSWERS

    async def no_answer(self, scenario: str, what: str, *, tcp: bool = False) -> None:
        """What comes is no answer, and the reason tells of it; a busy machine may need more than the first moment."""
        for within in (_QUICK, 10 * _QUICK, _PATIENT):
            outcome = await self.ask(scenario, within=within, tcp=tcp)
            assert outcome.evidence is Evidence.FAILS
            if outcome.reason.endswith(")"):
                break
        assert outcome.reason.endswith(f"did not answer within {within:g} s ({what} came)")

    async def test_malformed_answer(self) -> None:
        """An answer that is no SIP is none."""
        await self.no_answer(peers.saying("HTTP/1.1 200 OK"), "a message without a SIP status line")
        nonsense = peers.saying("SIP/2.0 200 OK\n      no header here")
        await self.no_answer(nonsense, "a message with a line that is no header")
        await self.no_answer(nonsense, "a message with a line that is no header", tcp=True)

    async def test_wrong_branch(self) -> None:
        """An answer with another branch is none."""
        for transport in ("UDP", "TCP"):
            via = f"Via: SIP/2.0/{transport} 192.0.2.1:5060;branch=z9hG4bKsomebodyelse"
            scenario = peers.answering("200 OK", via=via)
            await self.no_answer(scenario, "an answer with another branch", tcp=transport == "TCP")

    async def test_wrong_cseq(self) -> None:
        """An answer with another CSeq is none."""
        await self.no_answer(peers.answering("200 OK", cseq="CSeq: 1 INVITE"), "an answer with another CSeq")
        scenario = peers.answering("200 OK", cseq="CSeq: 4711 OPTIONS")
        await self.no_answer(scenario, "an answer with another CSeq", tcp=True)

    async def test_wrong_call_id(self) -> None:
        """An answer with another Call-ID is none."""
        scenario = peers.answering("200 OK", call_id="Call-ID: somebody@else")
        await self.no_answer(scenario, "an answer with another Call-ID")

    async def test_provisional_answer(self) -> None:
        """A proxy's 100 says nothing about the endpoint behind it."""
        await self.no_answer(peers.answering("100 Trying"), "only a provisional 100")


@skipIf(peers.KAMAILIO is None, "Kamailio is not installed (Debian package kamailio)")
class KamailioTest(ProbeCase):
    """Kamailio over UDP and TCP."""

    async def test_transports(self) -> None:
        """It answers over UDP, over UDP with IPv6, and over TCP, one connection for all questions."""
        with peers.Kamailio(self.folder) as kamailio:
            for uri in (
                f"sip:127.0.0.1:{kamailio.port}",
                f"sip:[::1]:{kamailio.port}",
                f"sip:sales@localhost:{kamailio.port}",
                f"sip:sales@127.0.0.1:{kamailio.port};transport=tcp",
                f"sip:127.0.0.1:{kamailio.port};transport=TCP",
            ):
                outcome = await self.probe(uri)
                assert (outcome.evidence, outcome.reason) == (Evidence.ANSWERS, "answered 200 OK")
            assert len(self.prober.flows) == 3

    async def test_user_parts(self) -> None:
        """The user part arrives as it was written, escapes and all."""
        with peers.Kamailio(self.folder) as kamailio:
            nobody = await self.probe(f"sip:nobody@127.0.0.1:{kamailio.port}")
            odd = await self.probe(f"sip:odd%40user;x@127.0.0.1:{kamailio.port}")
            assert (nobody.status_code, odd.status_code) == (404, 486)

    async def test_end(self) -> None:
        """When it has gone, UDP and TCP are refused at once, on kept ways too."""
        with peers.Kamailio(self.folder) as kamailio:
            port = kamailio.port
            uris = (f"sip:127.0.0.1:{port}", f"sip:127.0.0.1:{port};transport=tcp")
            for uri in uris:
                assert (await self.probe(uri)).evidence is Evidence.ANSWERS
        reasons = [(await self.probe(uri)).reason for uri in uris]
        assert reasons == [
            f"udp 127.0.0.1:{port} refused the message (ICMP: port unreachable)",
            f"tcp 127.0.0.1:{port} refused the connection",
        ]


@skipIf(not peers.KAMAILIO_TLS, "Kamailio has no TLS (Debian package kamailio-tls-modules)")
class KamailioTlsTest(ProbeCase):
    """Kamailio over TLS."""

    def believe(self, authority: Identity) -> TlsSettings:
        """TLS settings that believe this CA alone."""
        return TlsSettings.from_files(ca_file=authority.store(self.folder, "ca")[0])

    async def ask(self, uri: str, *, known_ca: bool = True, **identity: Any) -> Outcome:
        """Probe Kamailio, whose certificate is for ``localhost``."""
        authority, kamailio = peers.kamailio_identity(**identity)
        self.use(self.believe(authority if known_ca else issue("Other CA", authority=True)))
        with peers.Kamailio(self.folder, kamailio) as running:
            return await self.probe(uri.format(port=running.tls_port))

    async def test_names(self) -> None:
        """It answers sips and transport=tls under the name of its certificate, all on one connection."""
        authority, identity = peers.kamailio_identity()
        self.use(self.believe(authority))
        with peers.Kamailio(self.folder, identity) as kamailio:
            for uri in ("sips:localhost:{}", "sip:localhost:{};transport=tls", "sips:a@LOCALHOST:{};transport=tcp"):
                outcome = await self.probe(uri.format(kamailio.tls_port))
                assert (outcome.evidence, outcome.reason) == (Evidence.ANSWERS, "answered 200 OK")
            nobody = await self.probe(f"sips:nobody@localhost:{kamailio.tls_port}")
            assert (nobody.evidence, nobody.status_code) == (Evidence.ANSWERS, 404)
        assert len(self.prober.flows) == 1

    async def test_reload(self) -> None:
        """After a reload of the TLS settings a connection that the old ones verified serves nobody new."""
        authority, identity = peers.kamailio_identity()
        self.use(self.believe(authority))
        with peers.Kamailio(self.folder, identity) as kamailio:
            uri = f"sips:localhost:{kamailio.tls_port}"
            assert (await self.probe(uri)).evidence is Evidence.ANSWERS
            self.prober.flows.use_tls(self.believe(issue("Other CA", authority=True)))
            assert "not signed by a known CA" in (await self.probe(uri)).reason

    async def test_expired(self) -> None:
        """With a certificate that has expired it fails at once."""
        outcome = await self.ask("sips:localhost:{port}", not_after=NOW - DAY)
        assert outcome.evidence is Evidence.FAILS
        assert "certificate expired on" in outcome.reason

    async def test_no_tls(self) -> None:
        """A port where no TLS is spoken fails."""
        with peers.Kamailio(self.folder) as kamailio:
            outcome = await self.probe(f"sips:localhost:{kamailio.port}", _QUICK)
        assert outcome.evidence is Evidence.FAILS
        assert outcome.reason == f"tls 127.0.0.1:{kamailio.port} did not accept the connection within 0.4 s"

    async def test_other_name(self) -> None:
        """Under another name it fails at once, and the reason says so."""
        outcome = await self.ask("sips:127.0.0.1:{port}")
        assert outcome.evidence is Evidence.FAILS
        assert "certificate is for localhost, not for 127.0.0.1" in outcome.reason

    async def test_unknown_ca(self) -> None:
        """Signed by somebody else it fails at once."""
        outcome = await self.ask("sips:localhost:{port}", known_ca=False)
        assert outcome.evidence is Evidence.FAILS
        assert "certificate is not signed by a known CA" in outcome.reason
