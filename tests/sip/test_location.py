"""RFC 3263: from a URI to servers, with a real DNS server on loopback and without one."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.names import client, common, dns, server
from twisted.names.error import DNSNameError, DNSServerError
from twisted.trial.unittest import SynchronousTestCase, TestCase

from agentchan.sip.building import name_servers
from agentchan.sip.errors import ExchangeFault
from agentchan.sip.hosts_file import HostsFile
from agentchan.sip.location import Locator, in_order
from agentchan.sip.names import Names, NameServersSilent, Service
from agentchan.sip.uri import SipUri

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
    ("first.example", dns.A): [dns.Record_A("192.0.2.11", ttl=60)],
    ("second.example", dns.A): [dns.Record_A("192.0.2.12", ttl=60)],
    ("naptr.example", dns.NAPTR): [
        dns.Record_NAPTR(50, 50, b"s", b"SIPS+D2T", b"", b"_sips._tcp.srv.example", ttl=60),
        dns.Record_NAPTR(90, 50, b"s", b"SIP+D2T", b"", b"_sip._tcp.srv.example", ttl=60),
    ],
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
    "sip:naptr.example": ["tls 192.0.2.11:5081"],
    "sip:naptr.example;transport=tcp": None,
    "sips:naptr.example": ["tls 192.0.2.11:5081"],
    "sip:closed.example": None,
    "sip:nothing.example": None,
    "sip:a@nothing.example;maddr=192.0.2.7": ["udp 192.0.2.7:5060"],
    "sip:own.example": ["udp 192.0.2.99:5060"],
}


class Zone(common.ResolverBase):
    """What the DNS server on loopback knows; notes what it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: Counter[tuple[str, int]] = Counter()

    def _lookup(self, name: bytes, cls: int, type: int, timeout: Any) -> Deferred[Any]:  # noqa: A002 - Twisted's name
        key = (name.decode().lower(), type)
        self.asked[key] += 1
        records = ZONE.get(key)
        if records is None and key[0] not in {known for known, _ in ZONE}:
            return fail(DNSNameError())
        return succeed(([dns.RRHeader(name, type, cls, r.ttl, r) for r in records or ()], [], []))


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
        names = Names(reactor, lambda: client.Resolver(servers=servers, reactor=reactor), HostsFile(hosts))
        self.locator = Locator(names, random.uniform)

    async def locate(self, text: str) -> list[str] | None:
        """Where a URI leads; None where nowhere."""
        try:
            return [target.where for target in await self.locator.locate(SipUri.parse(text))]
        except ExchangeFault as fault:
            self.assertFalse(fault.ours)
            return None

    async def test_located(self) -> None:
        """Servers are found by NAPTR, SRV, A and AAAA, in order; maddr and the hosts file come first."""
        for text, expected in LOCATED.items():
            self.assertEqual(await self.locate(text), expected, text)

    async def test_memory(self) -> None:
        """A name is looked up once, however often and at the same time it is asked for."""
        for _ in range(2):
            both = [Deferred.fromCoroutine(self.locate("sip:srv.example")) for _ in range(2)]
            for each in both:
                self.assertEqual(await each, LOCATED["sip:srv.example"])
        self.assertEqual(set(self.zone.asked.values()), {1})


class FakeResolver:
    """Answers whatever the test says."""

    def __init__(self) -> None:
        self.answers: list[Deferred[Any]] = []

    def lookupService(self, _name: str, _timeout: Any) -> Deferred[Any]:  # noqa: N802 - Twisted's name
        """SRV."""
        return self.answers.pop(0)


class MemoryTest(SynchronousTestCase):
    """What is remembered, and how long."""

    def setUp(self) -> None:
        """Names without any file."""
        self.clock, self.resolver = Clock(), FakeResolver()
        self.names = Names(self.clock, lambda: self.resolver, HostsFile(Path("/nonexistent/hosts")))

    def ask(self, *answers: Any) -> Any:
        """One question; answers are what DNS would say if it is asked."""
        self.resolver.answers = list(answers)
        return self.names.services("_sip._udp.example.com")

    def records(self, ttl: int, port: int) -> Deferred[Any]:
        """One SRV record."""
        record = dns.Record_SRV(1, 1, port, "a.example.com")
        return succeed(([dns.RRHeader(b"x", dns.SRV, dns.IN, ttl, record)], [], []))

    def test_lifetime(self) -> None:
        """Records live as long as they say, within limits."""
        self.assertEqual(self.successResultOf(self.ask(self.records(60, 1)))[0].port, 1)
        self.clock.advance(59.0)
        self.assertEqual(self.successResultOf(self.ask())[0].port, 1)
        self.clock.advance(1.0)
        self.assertEqual(self.successResultOf(self.ask(self.records(0, 2)))[0].port, 2)
        self.clock.advance(4.0)
        self.assertEqual(self.successResultOf(self.ask())[0].port, 2)

    def test_absence(self) -> None:
        """Absence is remembered as long as the zone says."""
        soa = dns.RRHeader(b"x", dns.SOA, dns.IN, 20, dns.Record_SOA(minimum=10))
        message = dns.Message()
        message.authority = [soa]
        self.assertEqual(self.successResultOf(self.ask(fail(DNSNameError(message)))), ())
        self.clock.advance(9.0)
        self.assertEqual(self.successResultOf(self.ask()), ())
        self.clock.advance(1.0)
        self.assertEqual(len(self.successResultOf(self.ask(self.records(60, 1)))), 1)

    def test_silence(self) -> None:
        """While no name server answers, what was known serves on, for an hour; then nothing is known."""
        self.successResultOf(self.ask(self.records(60, 1)))
        self.clock.advance(61.0)
        self.assertEqual(self.successResultOf(self.ask(fail(DNSServerError())))[0].port, 1)
        self.clock.advance(3601.0)
        self.failureResultOf(self.ask(fail(DNSServerError())), NameServersSilent)
        self.failureResultOf(self.ask(), NameServersSilent)
        self.clock.advance(1.0)
        self.assertEqual(self.successResultOf(self.ask(self.records(60, 3)))[0].port, 3)

    def test_late_answer(self) -> None:
        """The answer to a question that nobody waits for any more serves the next one."""
        late: Deferred[Any] = Deferred()
        first = self.ask(late)
        first.cancel()
        first.addErrback(lambda _: None)
        self.records(60, 4).chainDeferred(late)
        self.assertEqual(self.successResultOf(self.ask())[0].port, 4)


class OrderTest(SynchronousTestCase):
    """RFC 2782."""

    def test_weights(self) -> None:
        """Priorities are kept, and within one the draw follows the weights."""
        services = [Service(1, 0, "a", 1), Service(1, 30, "b", 1), Service(1, 10, "c", 1), Service(0, 0, "d", 1)]
        chance = random.Random(7)  # noqa: S311 - a test
        drawn = Counter(in_order(services, chance.uniform)[1].name for _ in range(4000))
        self.assertEqual({in_order(services, chance.uniform)[0].name for _ in range(100)}, {"d"})
        self.assertAlmostEqual(drawn["b"] / 4000, 0.75, delta=0.05)
        self.assertAlmostEqual(drawn["c"] / 4000, 0.25, delta=0.05)


class FilesTest(SynchronousTestCase):
    """The system's own files."""

    def test_name_servers(self) -> None:
        """Name servers are read from resolv.conf; without one this machine is asked."""
        with TemporaryDirectory() as folder:
            file = Path(folder) / "resolv.conf"
            self.assertEqual(name_servers(file), [("127.0.0.1", 53)])
            file.write_text("# nameserver 1.1.1.1\nnameserver 192.0.2.53\nnameserver x\n nameserver 2001:db8::53\n")
            self.assertEqual(name_servers(file), [("192.0.2.53", 53), ("2001:db8::53", 53)])

    def test_hosts(self) -> None:
        """The hosts file is read again when it has changed, and does without."""
        with TemporaryDirectory() as folder:
            file = Path(folder) / "hosts"
            file.write_text("192.0.2.1 one One.\n2001:db8::1 one\n")
            hosts = HostsFile(file)
            self.assertEqual(hosts.addresses("one", 0.0), ("192.0.2.1", "2001:db8::1"))
            file.write_text("192.0.2.22 one\n")
            self.assertEqual(hosts.addresses("one", 1.0), ("192.0.2.1", "2001:db8::1"))
            self.assertEqual(hosts.addresses("one", 5.0), ("192.0.2.22",))
            file.unlink()
            self.assertEqual(hosts.addresses("one", 10.0), ())
