"""Probes of real SIP elements that were not written here."""

from __future__ import annotations

import random
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
from tests.ce.certificates import issue
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

    def probe(self, uri: str, timeout: float = _PATIENT) -> Deferred[Outcome]:
        """One question."""
        return self.prober.probe(Question(SipUri.parse(uri), timeout))


@skipIf(peers.SIPP is None, "SIPp is not installed (Debian package sip-tester)")
class SippTest(ProbeCase):
    """SIPp, with one scenario each."""

    async def ask(self, scenario: str, *, timeout: float = _PATIENT, tcp: bool = False) -> Outcome:
        """Probe a SIPp with this scenario."""
        with peers.Sipp(self.folder, scenario, tcp=tcp) as sipp:
            uri = f"sip:sales@127.0.0.1:{sipp.port}" + (";transport=tcp" if tcp else "")
            return await self.probe(uri, timeout)

    async def judge(self, status: str, evidence: Evidence, **rest: Any) -> None:
        """What an answer with this status is taken for."""
        outcome = await self.ask(peers.answering(status), **rest)
        self.assertEqual((outcome.status_code, outcome.reason), (int(status[:3]), f"answered {status}"))
        self.assertIs(outcome.evidence, evidence)
        self.assertIsNotNone(outcome.latency)

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

    async def test_tcp(self) -> None:
        """200 over TCP answers."""
        await self.judge("200 OK", Evidence.ANSWERS, tcp=True)

    async def test_silence(self) -> None:
        """Silence fails."""
        outcome = await self.ask(peers.SILENT, timeout=_QUICK)
        self.assertEqual((outcome.evidence, outcome.status_code), (Evidence.FAILS, None))
        self.assertRegex(outcome.reason, r"^udp 127\.0\.0\.1:\d+ did not answer within 0\.4 s$")

    async def test_tcp_silence(self) -> None:
        """Silence over TCP fails."""
        outcome = await self.ask(peers.SILENT, timeout=_QUICK, tcp=True)
        self.assertRegex(outcome.reason, r"^tcp 127\.0\.0\.1:\d+ did not answer within 0\.4 s$")

    async def test_late_answer(self) -> None:
        """An answer after the deadline fails."""
        outcome = await self.ask(peers.answering("200 OK", after=5000), timeout=_QUICK)
        self.assertIs(outcome.evidence, Evidence.FAILS)

    async def test_slow_answer(self) -> None:
        """An answer between two retransmissions is one."""
        outcome = await self.ask(peers.answering("200 OK", after=300), timeout=_PATIENT)
        self.assertIs(outcome.evidence, Evidence.ANSWERS)

    async def test_malformed_answer(self) -> None:
        """An answer that is no SIP is none, and the reason tells of it."""
        for text in ("HTTP/1.1 200 OK", "SIP/2.0 200 OK\n      no header here"):
            outcome = await self.ask(peers.saying(text), timeout=_QUICK)
            self.assertIs(outcome.evidence, Evidence.FAILS)
            self.assertRegex(outcome.reason, r"did not answer within 0\.4 s \(a message .* came\)$")

    async def test_wrong_branch(self) -> None:
        """An answer with another branch is none."""
        via = "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKsomebodyelse"
        outcome = await self.ask(peers.answering("200 OK", via=via), timeout=_QUICK)
        self.assertIs(outcome.evidence, Evidence.FAILS)
        self.assertIn("(an answer with another branch came)", outcome.reason)

    async def test_wrong_cseq(self) -> None:
        """An answer with another CSeq is none."""
        for cseq in ("CSeq: 1 INVITE", "CSeq: 4711 OPTIONS"):
            outcome = await self.ask(peers.answering("200 OK", cseq=cseq), timeout=_QUICK)
            self.assertIs(outcome.evidence, Evidence.FAILS)
            self.assertIn("(an answer with another CSeq came)", outcome.reason)

    async def test_provisional_answer(self) -> None:
        """A proxy's 100 says nothing about the endpoint behind it."""
        outcome = await self.ask(peers.answering("100 Trying"), timeout=_QUICK)
        self.assertIs(outcome.evidence, Evidence.FAILS)
        self.assertIn("(only a provisional 100 came)", outcome.reason)


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
                self.assertEqual((outcome.evidence, outcome.reason), (Evidence.ANSWERS, "answered 200 OK"))
            self.assertEqual(len(self.prober.flows), 3)

    async def test_user_parts(self) -> None:
        """The user part arrives as it was written, escapes and all."""
        with peers.Kamailio(self.folder) as kamailio:
            nobody = await self.probe(f"sip:nobody@127.0.0.1:{kamailio.port}")
            odd = await self.probe(f"sip:odd%40user;x@127.0.0.1:{kamailio.port}")
            self.assertEqual((nobody.status_code, odd.status_code), (404, 486))

    async def test_end(self) -> None:
        """When it has gone, UDP and TCP are refused at once, on kept ways too."""
        with peers.Kamailio(self.folder) as kamailio:
            port = kamailio.port
            uris = (f"sip:127.0.0.1:{port}", f"sip:127.0.0.1:{port};transport=tcp")
            for uri in uris:
                self.assertIs((await self.probe(uri)).evidence, Evidence.ANSWERS)
        reasons = [(await self.probe(uri)).reason for uri in uris]
        self.assertEqual(
            reasons,
            [
                f"udp 127.0.0.1:{port} refused the message (ICMP: port unreachable)",
                f"tcp 127.0.0.1:{port} refused the connection",
            ],
        )


@skipIf(not peers.KAMAILIO_TLS, "Kamailio has no TLS (Debian package kamailio-tls-modules)")
class KamailioTlsTest(ProbeCase):
    """Kamailio over TLS."""

    async def ask(self, uri: str, *, known_ca: bool = True) -> Outcome:
        """Probe Kamailio, whose certificate is for ``localhost``."""
        authority, identity = peers.kamailio_identity()
        believed = authority if known_ca else issue("Other CA", authority=True)
        self.use(TlsSettings.from_files(ca_file=believed.store(self.folder, "ca")[0]))
        with peers.Kamailio(self.folder, identity) as kamailio:
            return await self.probe(uri.format(port=kamailio.tls_port))

    async def test_names(self) -> None:
        """It answers sips and transport=tls under the name of its certificate."""
        for uri in ("sips:localhost:{port}", "sip:localhost:{port};transport=tls", "sips:a@LOCALHOST:{port}"):
            outcome = await self.ask(uri)
            self.assertEqual((outcome.evidence, outcome.reason), (Evidence.ANSWERS, "answered 200 OK"))

    async def test_other_name(self) -> None:
        """Under another name it fails at once, and the reason says so."""
        outcome = await self.ask("sips:127.0.0.1:{port}")
        self.assertIs(outcome.evidence, Evidence.FAILS)
        self.assertIn("certificate is for localhost, not for 127.0.0.1", outcome.reason)

    async def test_unknown_ca(self) -> None:
        """Signed by somebody else it fails at once."""
        outcome = await self.ask("sips:localhost:{port}", known_ca=False)
        self.assertIn("certificate is not signed by a known CA", outcome.reason)
