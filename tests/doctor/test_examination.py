"""The whole examination, against a real pair: what is well, what is not, and that nothing is changed by it."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path
from typing import Any, ClassVar

from twisted.internet import reactor as installed
from twisted.internet.defer import Deferred
from twisted.internet.protocol import DatagramProtocol
from twisted.internet.tcp import Client
from twisted.trial.unittest import SynchronousTestCase, TestCase

from agentchan.core.observations import Answered, Mark
from agentchan.core.topology import begun, updated
from agentchan.core.verdict import judged
from agentchan.doctor import ce_checks
from agentchan.doctor.ce_checks import _not_signed_on, _verdict_findings
from agentchan.doctor.checks import Check, perform
from agentchan.doctor.examination import examine
from agentchan.doctor.findings import Finding, Group, Report, Result, passed
from agentchan.doctor.hosts import _offset
from agentchan.lab.pair import Pair
from agentchan.vocabulary import Meaning, Reply, Role, ServerStatus
from tests.doctor.patients import failures, of, one, patient, written

reactor: Any = installed
CHANNELS = ["ivr1-{1..3}"]
URLS = ("http://ce1/C", "http://ce2/C")


class PairCase(TestCase):
    """A running pair, one for all tests of a class."""

    tls: ClassVar[bool] = False
    pair: ClassVar[Pair]
    folder: ClassVar[Path]

    @classmethod
    def setUpClass(cls) -> None:
        """Start it."""
        cls.folder = Path(tempfile.mkdtemp(prefix="doctor-"))
        host = "localhost" if cls.tls else "127.0.0.1"
        cls.pair = Pair(cls.folder / "pair", channels=CHANNELS, tls=cls.tls, url_host=host)
        cls.pair.start()

    @classmethod
    def tearDownClass(cls) -> None:
        """Stop it."""
        cls.pair.stop()
        shutil.rmtree(cls.folder)

    def setUp(self) -> None:
        """Both behave, ce1 is active."""
        for name in self.pair.processes:
            self.pair.behave(name)
        self.pair.promote("ce1")
        self.home = Path(tempfile.mkdtemp(dir=self.folder))

    def tables(self, **more: dict[str, Any]) -> dict[str, dict[str, Any]]:
        """A configuration of the pair."""
        urls = [self.pair.url(name, "component") for name in ("ce1", "ce2")]
        return {"component_link": {"urls": urls}, **more}

    async def examined(self, *, sign_on: bool = False, **more: dict[str, Any]) -> Report:
        """What comes of an examination; no connection is left open."""
        report = await examine(reactor, patient(written(self.home, self.tables(**more)), sign_on=sign_on))
        while any(isinstance(each, Client) for each in reactor.getReaders()):
            await _turn()
        return report


class WellTests(PairCase):
    """A pair as it should be."""

    async def test_all_is_well(self) -> None:
        """Each host's services are reached and answer; who is active is told; the profile fits; no daemon is needed."""
        report = await self.examined()
        assert failures(report.findings) == []
        texts = [finding.text for finding in report.findings]
        generation = self.pair.generation()
        assert any(text.endswith(f"is ce1, Primary, Active, Running, generation {generation}") for text in texts)
        assert sum("accepts connections, in" in text for text in texts) == 4
        assert one(report.findings, "active host").text == f"ce1 is active in generation {generation}"
        assert one(report.findings, "generation mark").result is Result.SKIPPED
        assert [each.result for each in of(report.findings, "live WSDL")] == [Result.PASSED] * 2
        answers = [each.text.partition(" ")[2] for each in of(report.findings, "answer of the IVR Connector")]
        assert sorted(answers) == ["answers as an active host does", "answers that its host is not active"]
        assert report.seconds < 10.0

    async def test_nothing_is_changed(self) -> None:
        """No call signal and no sign-on is ever sent."""
        before = len(self.pair.requests())
        await self.examined()
        asked = {row["operation"] for row in self.pair.requests()[before:] if row["what"] == "request"}
        assert asked == {"GetServerStatus", "Heartbeat"}

    async def test_a_sign_on_that_was_wanted(self) -> None:
        """Is tried at the active host alone, and ended."""
        report = await self.examined(sign_on=True)
        found = one(report.findings, "sign-on")
        assert found.result is Result.PASSED
        assert "signed ivr1 on with 3 channels, and off again" in found.text
        assert self.pair.sessions("ce1") == []
        rows = [
            row for row in self.pair.requests() if row.get("operation") == "OpenSession" and row["what"] == "request"
        ]
        assert {row["host"] for row in rows} == {"ce1"}

    async def test_channels_that_ce_does_not_know(self) -> None:
        """A sign-on finds them before the first start does."""
        report = await self.examined(sign_on=True, ivr={"channels": ["ivr1-{1..4}"]})
        found = one(report.findings, "sign-on")
        assert found.result is Result.FAILED
        assert "does not know ivr1-4" in found.text

    async def test_nobody_is_active(self) -> None:
        """Is a failure, and not ours."""
        self.pair.demote()
        report = await self.examined()
        assert "none says that it is active" in one(report.findings, "active host").text

    async def test_two_claim_it(self) -> None:
        """Is one that only people can settle."""
        self.pair.claim("ce2", role="Active")
        report = await self.examined()
        found = one(report.findings, "active host")
        assert found.result is Result.FAILED
        assert found.remedy.startswith("find out which one is")

    async def test_hosts_of_another_domain(self) -> None:
        """Are not followed."""
        report = await self.examined(ce={"domain": "elsewhere"})
        assert "it belongs to domain lab, not to elsewhere" in one(report.findings, "active host").text

    async def test_a_service_that_is_away(self) -> None:
        """The standby's Component Service refuses connections: there is nobody to fail over to."""
        self.pair.stop_listening("ce2", "component")
        try:
            report = await self.examined()
        finally:
            self.pair.listen("ce2", "component")
        (failure,) = failures(report.findings)
        assert "refused the connection" in failure
        assert one(report.findings, "active host").result is Result.PASSED
        assert "there is nobody to fail over to" in one(report.findings, "standby").text

    async def test_a_host_that_hangs(self) -> None:
        """Costs its own time only: the others are told of, and all of it ends soon."""
        self.pair.blackhole("ce2")
        began = time.monotonic()
        try:
            report = await self.examined()
        finally:
            self.pair.heal("ce2")
        assert time.monotonic() - began < 10.0
        assert one(report.findings, "active host").result is Result.PASSED
        assert any("no answer within" in text for text in failures(report.findings))

    async def test_a_service_that_answers_nonsense(self) -> None:
        """Is reached, but is not what the profile says."""
        self.pair.answer_wrongly("ce1", "html", service="component", operation="GetServerStatus")
        report = await self.examined()
        text = next(each for each in report.findings if "does not answer as the profile says" in each.text)
        assert text.remedy.startswith("agentchan profile check --component-wsdl http://")

    async def test_names_that_do_not_resolve(self) -> None:
        """Are told once, not as a failure to connect, too."""
        report = await self.examined(component_link={"urls": ["http://no-such-host.invalid:8094/C"]})
        assert sum("no-such-host.invalid" in text for text in failures(report.findings)) == 2  # the name; who is active
        assert "no address is known" in one(report.findings, "IVR Connector").text

    async def test_connectors_in_line(self) -> None:
        """Without a component link they are all that is looked at."""
        urls = [self.pair.url(name, "connector") for name in ("ce1", "ce2")]
        report = await self.examined(ce={"active_by": "connector-answers"}, agent_channel={"connector_urls": urls})
        assert failures(report.findings) == []
        assert one(report.findings, "component link").result is Result.SKIPPED
        assert len(of(report.findings, "answer of the IVR Connector")) == 2

    async def test_a_profile_without_a_harmless_question(self) -> None:
        """Has its connectors reached, and is asked nothing."""
        urls = [self.pair.url("ce1", "connector")]
        report = await self.examined(
            ce={"active_by": "connector-answers", "profile": "minimum"}, agent_channel={"connector_urls": urls}
        )
        assert one(report.findings, "answer of the IVR Connector").result is Result.SKIPPED
        # The pair's first dialect is another one.
        assert any(each.result is Result.FAILED for each in of(report.findings, "live WSDL"))

    async def test_frontend_mode(self) -> None:
        """Has no connector to look at."""
        report = await self.examined(ivr={"channels": []})
        assert failures(report.findings) == []
        assert one(report.findings, "IVR Connector").result is Result.SKIPPED


class TlsTests(PairCase):
    """A pair that speaks https."""

    tls = True

    def tables(self, **more: dict[str, Any]) -> dict[str, dict[str, Any]]:
        """A configuration that trusts the pair's authority."""
        certificates = self.pair.certificates
        assert certificates is not None
        return super().tables(**{"tls": {"ca_file": str(certificates.ca_file)}, **more})

    async def test_all_is_well(self) -> None:
        """Names and ends of certificates are told."""
        report = await self.examined()
        assert failures(report.findings) == []
        found = of(report.findings, "TLS with the Component Service")
        assert len(found) == 2
        assert all("the certificate is for localhost, until" in each.text for each in found)
        assert len(of(report.findings, "name of the Component Service")) == 2

    async def test_an_authority_that_is_not_known(self) -> None:
        """Is told as the daemon would tell it; TCP is fine."""
        report = await self.examined(tls={})
        assert all(each.result is Result.PASSED for each in of(report.findings, "TCP to the Component Service"))
        found = of(report.findings, "TLS with the Component Service")
        assert all("is not signed by a known CA" in each.text for each in found)
        assert all("[tls]" in each.remedy for each in found)


class SipElement(DatagramProtocol):
    """Answers every OPTIONS with 200."""

    transport: Any

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:  # noqa: N802 - Twisted's name
        """A question."""
        kept = (b"via:", b"from:", b"to:", b"call-id:", b"cseq:")
        lines = [line for line in datagram.split(b"\r\n") if line.lower().startswith(kept)]
        answer = [b"SIP/2.0 200 OK", *lines, b"Content-Length: 0", b"", b""]
        self.transport.write(b"\r\n".join(answer), addr)


class EndpointTests(PairCase):
    """SIP endpoints, and the IVR itself."""

    async def test_endpoints(self) -> None:
        """Each is probed once, as the daemon would."""
        element = reactor.listenUDP(0, SipElement(), interface="127.0.0.1")
        self.addCleanup(element.stopListening)
        port = element.getHost().port
        up, down = f"sip:a@127.0.0.1:{port}", "sip:b@127.0.0.1:9;transport=tcp"
        report = await self.examined(
            endpoint_check={"enabled": True, "endpoints": [up, down, "tel:+15550100"]},
            **{"ivr.health": {"check": f"sip:ivr@127.0.0.1:{port}"}},
        )
        found = {each.text.partition(" ")[0]: each for each in of(report.findings, "endpoint")}
        assert found[up].result is Result.PASSED
        assert found[down].result is Result.WARNING
        assert "is not known" in found["whether"].text
        assert one(report.findings, "IVR").result is Result.PASSED

    async def test_an_ivr_that_is_away(self) -> None:
        """Is a failure: no channel would be ready."""
        report = await self.examined(**{"ivr.health": {"check": "tcp://127.0.0.1:9"}})
        found = one(report.findings, "IVR")
        assert found.result is Result.FAILED
        assert "the IVR does not answer at tcp://127.0.0.1:9" in found.text


class CheckTests(TestCase):
    """How checks are carried out."""

    async def test_each_has_its_own_time(self) -> None:
        """One that hangs, and one that breaks, are findings of their own; the others are told of, in order."""

        async def hangs() -> list[Finding]:
            await Deferred[None]()
            return []

        async def breaks() -> list[Finding]:
            raise RuntimeError("a bug")

        async def works() -> list[Finding]:
            return [passed(Group.MACHINE, "works", "yes")]

        runs = {"hangs": hangs, "breaks": breaks, "works": works}
        checks = [Check(Group.MACHINE, name, 0.05, run) for name, run in runs.items()]
        found = await perform(reactor, checks)
        assert [each.check for each in found] == ["hangs", "breaks", "works"]
        assert [each.result for each in found] == [Result.FAILED, Result.FAILED, Result.PASSED]
        assert found[0].text == "did not end within 0.05 s"
        assert "a fault of agentchan's own" in found[1].remedy


class JudgementTests(SynchronousTestCase):
    """What is made of answers."""

    def judged(self, generation: int, *marks: Mark) -> list[Finding]:
        """The findings where one host is active in a generation."""
        topology = begun(URLS, None, marks, marks[-1].domain if marks else None)
        status = ServerStatus(Role.ACTIVE, server_name="ce1", generation=generation)
        topology = updated(topology, Answered(URLS[0], status, 1.0, 1.0))
        return list(_verdict_findings(judged(topology), topology, marks))

    def test_a_generation_below_the_mark(self) -> None:
        """Nobody is followed there: after a restore of CE's database people have to say so."""
        found = one(self.judged(6, Mark(None, 7, "ce1")), "generation mark")
        assert found.result is Result.FAILED
        assert "forget-generation" in found.remedy
        assert one(self.judged(7, Mark(None, 7, "ce1")), "generation mark").result is Result.PASSED

    def test_marks_that_cannot_be_read(self) -> None:
        """Are no failure."""
        topology = begun(URLS)
        found = one(list(_verdict_findings(judged(topology), topology, None)), "generation mark")
        assert found.result is Result.SKIPPED

    def test_why_a_sign_on_was_refused(self) -> None:
        """Each answer in words, with what to do."""
        words = {
            Meaning.UNKNOWN_IVR: "knows no IVR named ivr1",
            Meaning.SESSION_ALREADY_OPEN: "has another instance of ivr1 signed on",
            Meaning.RETRY: "refused the sign-on: come later",
        }
        for meaning, said in words.items():
            text, remedy = _not_signed_on(Reply(meaning, "come later"), "ivr1")
            assert text == said
            assert remedy

    def test_clocks(self) -> None:
        """A Date header has whole seconds; one that is no date says nothing."""
        assert _offset("Tue, 24 Nov 2026 13:05:00 GMT", 1795525500.0) == 0.5
        assert _offset("Tue, 24 Nov 2026 13:06:00 GMT", 1795525500.5) == 60.0
        assert _offset("yesterday", 0.0) is None
        assert _offset(None, 0.0) is None

    def test_nobodys_session(self) -> None:
        """Is one that no CE gives out."""
        assert set(ce_checks.NOBODYS_SESSION) == {"0", "-"}


def _turn() -> Deferred[None]:
    turned: Deferred[None] = Deferred()
    reactor.callLater(0.01, turned.callback, None)
    return turned
