"""RFC 3263: from a URI to servers, with a real DNS server on loopback and without one."""

from __future__ import annotations

import random
import resource
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import structlog
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.task import Clock, deferLater
from twisted.names import client, common, dns, server
from twisted.names.error import DNSNameError, DNSServerError
from twisted.trial.unittest import SynchronousTestCase, TestCase

from agentchan.sip.building import read_resolv_conf, share_of
from agentchan.sip.errors import ExchangeFault
from agentchan.sip.hosts_file import HostsFile
from agentchan.sip.location import Locator, in_order
from agentchan.sip.names import Names, NameServers, NameServersSilent
from agentchan.sip.records import Service
from agentchan.sip.uri import SipUri
from tests.sip.shortage import no_descriptors
from tests.sip.timing import quick

ZONE: dict[tuple[str, int], list[Any]] = {
    ("plain.example", dns.A): [dns.Record_A("192.0.2.1", ttl=60), dns.Record_A("192.0.2.2", ttl=60)],
    ("plain.example", dns.AAAA): [dns.Record_AAAA("2001:db8::1", ttl=60)],
    ("six.example", dns.AAAA): [dns.Record_AAAA("2001:db8::6", ttl=60)],
    ("_sip._udp.srv.example", dns.SRV): [
        dns.Record_SRV(20, 0, 5070, "second.example", ttl=60),
        dns.Record_SRV(10, 0, 5060, "first.example", ttl=60),
    ],
    ("_sip._tcp.srv.example", dns.SRV): [dns.Record_SRV(10, 0, 5080, "first.example", ttl=60)],
    ("_sips._tcp.srv.example", dns.SRV): [dns.Record_SRV(10, 0, 5081, "first.example", ttl=60)],
    ("_sip._tcp.tcponly.example", dns.SRV): [dns.Record_SRV(10, 0, 5080, "first.example", ttl=60)],
    ("_sip._udp.closed.example", dns.SRV): [dns.Record_SRV(0, 0, 0, b"", ttl=60)],
    ("_sip._udp.both.example", dns.SRV): [dns.Record_SRV(10, 0, 5060, "second.example", ttl=60)],
    ("_sip._tcp.both.example", dns.SRV): [dns.Record_SRV(10, 0, 5080, "first.example", ttl=60)],
    ("_sip._udp.four.example", dns.SRV): [
        dns.Record_SRV(10, 0, 5060 + each, "plain.example", ttl=60) for each in range(3)
    ],
    ("pbx1.site.example", dns.A): [dns.Record_A("192.0.2.41", ttl=60)],
    ("gateway", dns.A): [dns.Record_A("192.0.2.42", ttl=60)],
    ("first.example", dns.A): [dns.Record_A("192.0.2.11", ttl=60)],
    ("second.example", dns.A): [dns.Record_A("192.0.2.12", ttl=60)],
}

LOCATED = {
    "sip:192.0.2.9": ["udp 192.0.2.9:5060"],
    "sips:192.0.2.9": ["tls 192.0.2.9:5061"],
    "sip:[2001:db8::9]:5070;transport=tcp": ["tcp [2001:db8::9]:5070"],
    "sip:a@plain.example": ["udp 192.0.2.1:5060", "udp 192.0.2.2:5060", "udp [2001:db8::1]:5060"],
    "sip:a@plain.example;transport=tls": ["tls 192.0.2.1:5061", "tls 192.0.2.2:5061", "tls [2001:db8::1]:5061"],
    "sip:six.example:5062": ["udp [2001:db8::6]:5062"],
    "sip:srv.example": ["udp 192.0.2.11:5060", "udp 192.0.2.12:5070"],
    "sip:srv.example;transport=tcp": ["tcp 192.0.2.11:5080"],
    "sips:srv.example": ["tls 192.0.2.11:5081"],
    "sip:tcponly.example": ["tcp 192.0.2.11:5080"],
    "sip:both.example": ["udp 192.0.2.12:5060"],
    "sip:srv.example:5070": None,
    "sip:four.example": [
        *("udp 192.0.2.1:5060", "udp 192.0.2.2:5060", "udp [2001:db8::1]:5060"),
        "udp 192.0.2.1:5061",
    ],
    "sip:closed.example": None,
    "sip:nothing.example": None,
    "sip:a@nothing.example;maddr=192.0.2.7": ["udp 192.0.2.7:5060"],
    "sip:a@nothing.example:5070;maddr=plain.example;transport=tcp": [
        *("tcp 192.0.2.1:5070", "tcp 192.0.2.2:5070", "tcp [2001:db8::1]:5070"),
    ],
    "sip:own.example": ["udp 192.0.2.99:5060"],
    "sip:own.example:5090;transport=tcp": ["tcp 192.0.2.99:5090"],
    "sip:localhost": ["udp 127.0.0.1:5060", "udp [::1]:5060"],
    "sip:pbx1": ["udp 192.0.2.41:5060"],
    "sip:gateway:5099": ["udp 192.0.2.42:5099"],
}


class Zone(common.ResolverBase):
    """What the DNS server on loopback knows; notes what it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: Counter[tuple[str, int]] = Counter()

    def _lookup(self, name: bytes, cls: int, kind: int, _timeout: Any) -> Deferred[Any]:
        key = (name.decode().lower(), kind)
        self.asked[key] += 1
        records = ZONE.get(key)
        if records is None and key[0] not in {known for known, _ in ZONE}:
            return fail(DNSNameError())
        return succeed(([dns.RRHeader(name, kind, cls, r.ttl, r) for r in records or ()], [], []))


class DnsTest(TestCase):
    """With a DNS server on loopback."""

    def setUp(self) -> None:
        """Serve the zone."""
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        hosts = Path(folder.name) / "hosts"
        hosts.write_text("192.0.2.99 Own.example other # a remark\nnonsense here\n")
        self.zone = Zone()
        protocol = dns.DNSDatagramProtocol(server.DNSServerFactory(clients=[self.zone]))
        port = reactor.listenUDP(0, protocol, interface="127.0.0.1")  # type: ignore[attr-defined]
        self.addCleanup(port.stopListening)
        servers = [("127.0.0.1", port.getHost().port)]
        search = ("other.example", "site.example")
        names = Names(
            reactor,
            lambda: NameServers(client.Resolver(servers=servers, reactor=reactor), search),
            HostsFile(hosts),
        )
        self.locator = Locator(names, random.uniform)

    async def locate(self, text: str) -> list[str] | None:
        """Where a URI leads; None where nowhere."""
        try:
            return [target.where for target in await self.locator.locate(SipUri.parse(text))]
        except ExchangeFault as fault:
            return None if not fault.ours else [fault.reason]

    async def test_located(self) -> None:
        """Servers are found by SRV, A and AAAA, in order; maddr and the hosts file come first."""
        for text, expected in LOCATED.items():
            assert await self.locate(text) == expected, text

    async def test_no_socket_left(self) -> None:
        """Where no question can be sent nobody knows, and nobody waits for ever; later it works again."""
        await self.locate("sip:plain.example")  # what is needed is loaded
        with no_descriptors():
            assert await self.locate("sip:srv.example") == ["no name server answers for srv.example"]
        while (located := await self.locate("sip:srv.example")) == ["no name server answers for srv.example"]:
            await deferLater(reactor, 0.05)  # type: ignore[arg-type]
        assert located == LOCATED["sip:srv.example"]

    async def test_memory(self) -> None:
        """A name is looked up once, however often and at the same time it is asked for."""
        for _ in range(2):
            both = [Deferred.fromCoroutine(self.locate("sip:srv.example")) for _ in range(2)]
            for each in both:
                assert await each == LOCATED["sip:srv.example"]
        assert set(self.zone.asked.values()) == {1}


class FakeResolver:
    """Answers whatever the test says, question by question, for each kind of record."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Deferred[Any]]] = {}
        self.asked: list[str] = []

    def _answer(self, kind: str, name: str) -> Deferred[Any]:
        self.asked.append(f"{kind} {name}")
        return self.answers[kind].pop(0)

    def lookupService(self, name: str, _timeout: Any) -> Deferred[Any]:  # noqa: N802 - Twisted's name
        """SRV."""
        return self._answer("SRV", name)

    def lookupAddress(self, name: str, _timeout: Any) -> Deferred[Any]:  # noqa: N802 - Twisted's name
        """A."""
        return self._answer("A", name)

    def lookupIPV6Address(self, name: str, _timeout: Any) -> Deferred[Any]:  # noqa: N802 - Twisted's name
        """AAAA."""
        return self._answer("AAAA", name)


def said(*records: Any, ttl: int = 60) -> Any:
    """What a name server says."""
    return [dns.RRHeader(b"x", record.TYPE, dns.IN, ttl, record) for record in records], [], []


def service(port: int, ttl: int = 60) -> Deferred[Any]:
    """One SRV record."""
    return succeed(said(dns.Record_SRV(1, 1, port, "a.example.com"), ttl=ttl))


class FakeNames(SynchronousTestCase):
    """Names without any file, by a clock that the test moves."""

    def setUp(self) -> None:
        """Nothing is known yet."""
        self.clock, self.resolver = Clock(), FakeResolver()
        self.found = 0
        self.names = Names(self.clock, self.servers, HostsFile(Path("/nonexistent/hosts")))

    def servers(self) -> NameServers:
        """Look for name servers."""
        self.found += 1
        return NameServers(self.resolver)


class MemoryTest(FakeNames):
    """What is remembered, and how long."""

    def ask(self, *answers: Any) -> Any:
        """One question; answers are what DNS would say if it is asked."""
        self.resolver.answers = {"SRV": list(answers)}
        return self.names.services("_sip._udp.example.com")

    def test_lifetime(self) -> None:
        """Records live as long as they say, within limits."""
        assert self.successResultOf(self.ask(service(1)))[0].port == 1
        self.clock.advance(59.0)
        assert self.successResultOf(self.ask())[0].port == 1
        self.clock.advance(1.0)
        assert self.successResultOf(self.ask(service(2, ttl=0)))[0].port == 2
        self.clock.advance(4.0)
        assert self.successResultOf(self.ask())[0].port == 2

    def test_absence(self) -> None:
        """Absence is remembered as long as the zone says."""
        soa = dns.RRHeader(b"x", dns.SOA, dns.IN, 20, dns.Record_SOA(minimum=10))
        message = dns.Message()
        message.authority = [soa]
        assert self.successResultOf(self.ask(fail(DNSNameError(message)))) == ()
        self.clock.advance(9.0)
        assert self.successResultOf(self.ask()) == ()
        self.clock.advance(1.0)
        assert len(self.successResultOf(self.ask(service(1)))) == 1

    def test_silence(self) -> None:
        """While no name server answers, what was known serves on, for an hour; then nothing is known."""
        self.successResultOf(self.ask(service(1)))
        self.clock.advance(61.0)
        assert self.successResultOf(self.ask(fail(DNSServerError())))[0].port == 1
        assert self.successResultOf(self.ask())[0].port == 1
        self.clock.advance(3600.0)
        self.failureResultOf(self.ask(fail(DNSServerError())), NameServersSilent)
        self.failureResultOf(self.ask(), NameServersSilent)
        self.clock.advance(1.0)
        assert self.successResultOf(self.ask(service(3)))[0].port == 3

    def test_slow_renewal(self) -> None:
        """Name servers that take their time to renew what is known hold up nobody, and count when they answer."""
        self.successResultOf(self.ask(service(1)))
        self.clock.advance(61.0)
        slow: Deferred[Any] = Deferred()
        first, second, third = self.ask(slow), self.ask(), self.ask()
        third.cancel()
        self.failureResultOf(third, CancelledError)
        self.assertNoResult(first)
        self.clock.advance(0.1)
        assert [self.successResultOf(each)[0].port for each in (first, second)] == [1, 1]
        late = self.ask()
        service(2).chainDeferred(slow)
        assert self.successResultOf(late)[0].port == 2
        assert self.successResultOf(self.ask())[0].port == 2
        assert self.clock.getDelayedCalls() == []

    def test_other_name_servers(self) -> None:
        """After a silence the name servers are looked for anew: they may have been changed."""
        self.successResultOf(self.ask(service(1)))
        self.clock.advance(61.0)
        self.ask(fail(DNSServerError()))
        self.clock.advance(5.0)
        assert self.successResultOf(self.ask(service(2)))[0].port == 2
        assert self.found == 2

    def test_no_socket(self) -> None:
        """Where no question can be sent, nothing is known, and nobody waits for ever."""
        self.names.servers = lambda: (_ for _ in ()).throw(OSError("no socket left"))
        self.failureResultOf(self.names.services("_sip._udp.example.com"), NameServersSilent)

    def test_one_gives_up_when_another_is_told(self) -> None:
        """Of those who wait for one answer, one may end another's waiting when it is told."""
        answer: Deferred[Any] = Deferred()
        first, second = self.ask(answer), self.ask()
        first.addCallback(lambda _: second.cancel())
        service(1).chainDeferred(answer)
        self.failureResultOf(second, CancelledError)

    def test_late_answer(self) -> None:
        """The answer to a question that nobody waits for any more serves the next one."""
        late: Deferred[Any] = Deferred()
        first = self.ask(late)
        first.cancel()
        first.addErrback(lambda _: None)
        service(4).chainDeferred(late)
        assert self.successResultOf(self.ask())[0].port == 4


IPV4, IPV6 = said(dns.Record_A("192.0.2.1")), said(dns.Record_AAAA("2001:db8::1"))


class FamiliesTest(FakeNames):
    """Addresses of both families (RFC 8305)."""

    def ask(self) -> Deferred[tuple[str, ...]]:
        """Ask for addresses; the test answers by ``ipv4`` and ``ipv6``."""
        self.ipv4: Deferred[Any] = Deferred()
        self.ipv6: Deferred[Any] = Deferred()
        self.resolver.answers = {"A": [self.ipv4], "AAAA": [self.ipv6]}
        return self.names.addresses("host.example")

    def test_both(self) -> None:
        """IPv4 comes first, whoever answers first."""
        asked = self.ask()
        self.ipv6.callback(IPV6)
        self.ipv4.callback(IPV4)
        assert self.successResultOf(asked) == ("192.0.2.1", "2001:db8::1")
        assert not self.clock.getDelayedCalls()

    def test_one_silent(self) -> None:
        """A name server that never answers for the other family holds up nobody."""
        asked = self.ask()
        self.ipv4.callback(IPV4)
        self.assertNoResult(asked)
        self.clock.advance(0.05)
        assert self.successResultOf(asked) == ("192.0.2.1",)
        self.ipv6.errback(DNSServerError())

    def test_none(self) -> None:
        """No address in one family is not waited for; nor is silence about the other taken for absence."""
        asked = self.ask()
        self.ipv4.callback(said())
        self.clock.advance(1.0)
        self.assertNoResult(asked)
        self.ipv6.errback(DNSServerError())
        self.failureResultOf(asked, NameServersSilent)

    def test_cancelled(self) -> None:
        """Nothing is left of a question that nobody waits for."""
        asked = self.ask()
        self.ipv4.callback(IPV4)
        asked.cancel()
        self.failureResultOf(asked, CancelledError)
        assert not self.clock.getDelayedCalls()


class TransportsTest(FakeNames):
    """Which SRV answers are waited for."""

    def setUp(self) -> None:
        """Nobody has answered; the server has one address."""
        super().setUp()
        self.srv: list[Deferred[Any]] = [Deferred() for _ in range(3)]
        self.resolver.answers = {"SRV": list(self.srv), "A": [succeed(IPV4)], "AAAA": [succeed(said())]}
        self.located = Locator(self.names, random.uniform).locate(SipUri.parse("sip:example.com"))

    def test_order(self) -> None:
        """All three are asked at once, and UDP comes before TCP before TLS."""
        assert [asked.split(".")[1] for asked in self.resolver.asked] == ["_udp", "_tcp", "_tcp"]
        self.srv[2].callback(said(dns.Record_SRV(1, 1, 5071, "a.example.com")))
        self.assertNoResult(self.located)
        self.srv[0].callback(said())
        self.srv[1].callback(said(dns.Record_SRV(1, 1, 5070, "a.example.com")))
        assert [target.where for target in self.successResultOf(self.located)] == ["tcp 192.0.2.1:5070"]

    def test_first_is_enough(self) -> None:
        """When there is a server for UDP, the answers about the others do not matter."""
        self.srv[0].callback(said(dns.Record_SRV(1, 1, 5070, "a.example.com")))
        assert [target.where for target in self.successResultOf(self.located)] == ["udp 192.0.2.1:5070"]
        self.srv[1].errback(DNSServerError())
        self.srv[2].errback(DNSServerError())

    def test_silence(self) -> None:
        """Silence is not taken for absence, and is no fault of the endpoint."""
        self.srv[0].errback(DNSServerError())
        fault = self.failureResultOf(self.located, ExchangeFault).value
        assert (fault.reason, fault.ours) == ("no name server answers for example.com", True)

    def test_silence_about_a_server(self) -> None:
        """A server whose address nobody tells is passed over; when there is no other, nobody knows."""
        self.resolver.answers |= {
            "A": [fail(DNSServerError()), succeed(IPV4)],
            "AAAA": [fail(DNSServerError()), succeed(said())],
        }
        self.srv[0].callback(
            said(dns.Record_SRV(1, 1, 5070, "a.example.com"), dns.Record_SRV(2, 1, 5071, "b.example.com"))
        )
        assert [target.where for target in self.successResultOf(self.located)] == ["udp 192.0.2.1:5071"]
        self.resolver.answers |= {"A": [fail(DNSServerError())], "AAAA": [fail(DNSServerError())]}
        located = Locator(self.names, random.uniform).locate(SipUri.parse("sip:c.example.com:5060"))
        assert self.failureResultOf(located, ExchangeFault).value.ours

    def test_cancelled(self) -> None:
        """It may be cancelled while name servers are asked."""
        self.located.cancel()
        self.failureResultOf(self.located, CancelledError)


class OrderTest(SynchronousTestCase):
    """RFC 2782."""

    def test_weights(self) -> None:
        """Priorities are kept, and within one the draw follows the weights."""
        services = [Service(1, 0, "a", 1), Service(1, 30, "b", 1), Service(1, 10, "c", 1), Service(0, 0, "d", 1)]
        chance = random.Random(7)  # noqa: S311 - a test
        orders = ["".join(each.name for each in in_order(services, chance.uniform)) for _ in range(4000)]
        assert {order[0] for order in orders} == {"d"}
        second = Counter(order[1] for order in orders)
        assert second["b"] == pytest.approx(3000, abs=200)
        assert second["c"] == pytest.approx(1000, abs=200)

    def test_ends_of_the_draw(self) -> None:
        """Whatever is drawn, every server is in line once."""
        services = [Service(1, weight, str(weight), 1) for weight in (0, 0, 5)]
        for end in (0, 1):
            drawn = in_order(services, lambda *ends, end=end: ends[end])
            assert sorted(each.name for each in drawn) == ["0", "0", "5"]


class FilesTest(SynchronousTestCase):
    """The system's own files and limits."""

    def setUp(self) -> None:
        """A folder."""
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.file = Path(folder.name) / "file"

    def test_name_servers(self) -> None:
        """Name servers and search list are read from resolv.conf; without one this machine is asked."""
        assert read_resolv_conf(self.file) == ([("127.0.0.1", 53)], ())
        self.file.write_text(
            "# nameserver 1.1.1.1\nnameserver 192.0.2.53\nnameserver x\n nameserver 2001:db8::53\n"
            "domain example.com\nsearch Site.example.com. example.com\n"
        )
        servers, search = read_resolv_conf(self.file)
        assert servers == [("192.0.2.53", 53), ("2001:db8::53", 53)]
        assert search == ("site.example.com", "example.com")

    def test_hosts(self) -> None:
        """The hosts file is read again when it has changed, and does without."""
        self.file.write_text("192.0.2.1 one One.\n2001:db8::1 one\n")
        hosts = HostsFile(self.file)
        assert hosts.addresses("one", 0.0) == ("192.0.2.1", "2001:db8::1")
        self.file.write_text("192.0.2.22 one\n")
        assert hosts.addresses("one", 1.0) == ("192.0.2.1", "2001:db8::1")
        assert hosts.addresses("one", 5.0) == ("192.0.2.22",)
        self.file.unlink()
        assert hosts.addresses("one", 10.0) == ()

    def test_hosts_lines(self) -> None:
        """Only whole names count, in any case, on lines that begin with an address, outside of remarks."""
        self.file.write_text(
            "192.0.2.1\tone.example ONE # two\n#192.0.2.2 two\nnonsense one\n192.0.2.3 one.example.com someone"
            "\n\n  192.0.2.4   four one"
        )
        hosts = HostsFile(self.file)
        assert hosts.addresses("one", 0.0) == ("192.0.2.1", "192.0.2.4")
        assert hosts.addresses("one.example", 0.0) == ("192.0.2.1",)
        assert hosts.addresses("two", 0.0) == ()
        assert hosts.addresses("192.0.2.1", 0.0) == ()

    def test_large_hosts_file(self) -> None:
        """Of a very large hosts file only the beginning is read, which is logged."""
        self.file.write_text("192.0.2.1 first\n" + "192.0.2.9 other.example\n" * 20000 + "192.0.2.2 last\n")
        hosts = HostsFile(self.file)
        with structlog.testing.capture_logs() as logged:
            assert hosts.addresses("first", 0.0) == ("192.0.2.1",)
        assert hosts.addresses("last", 0.0) == ()
        assert [entry["event"] for entry in logged] == ["hosts-file-too-large"]
        for name in ("last", "example", "other.example", "1"):
            assert quick(lambda name=name: HostsFile(self.file).addresses(name, 0.0))

    def test_shares(self) -> None:
        """A quarter of the descriptors, within limits."""
        assert [share_of(each) for each in (2, 1024, 65536, resource.RLIM_INFINITY)] == [1, 256, 2048, 2048]
