"""From a URI to the servers that stand for it, in order (RFC 3263, 4.1 and 4.2).

NAPTR records are not asked for. They choose between transports, for which the order of the SRV names stands in; and
forwarders that swallow such questions are common, so that asking costs more answers than it gives.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address

from attrs import define, frozen
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from agentchan.core.backoff import Jitter
from agentchan.sip.errors import ExchangeFault
from agentchan.sip.names import Names, NameServersSilent
from agentchan.sip.records import Service
from agentchan.sip.uri import SipUri, Transport

MOST_TARGETS = 4
"""Servers that one probe tries; its timeout has no time for more."""

_PORTS: dict[Transport, int] = {"udp": 5060, "tcp": 5060, "tls": 5061}
_SERVICES: dict[Transport, str] = {"udp": "_sip._udp.", "tcp": "_sip._tcp.", "tls": "_sips._tcp."}
_ANY: tuple[Transport, ...] = ("udp", "tcp", "tls")


@frozen
class Target:
    """One server.

    Attributes:
        address: literal, without brackets.
    """

    transport: Transport
    address: str
    port: int

    @property
    def where(self) -> str:
        """For people: transport, address and port."""
        shown = f"[{self.address}]" if ":" in self.address else self.address
        return f"{self.transport} {shown}:{self.port}"


@define
class Locator:
    """Finds the servers of URIs.

    Attributes:
        jitter: a draw between two numbers, for servers of equal priority.
    """

    names: Names
    jitter: Jitter

    def locate(self, uri: SipUri) -> Deferred[tuple[Target, ...]]:
        """The servers to try, at least one and at most MOST_TARGETS.

        Fails with ExchangeFault; ``ours`` where no name server answers. May be cancelled.
        """
        return Deferred.fromCoroutine(self._locate(uri)).addErrback(_silence, uri.place)

    async def _locate(self, uri: SipUri) -> tuple[Target, ...]:
        usual: Transport = uri.transport or ("tls" if uri.secure else "udp")
        if _is_address(uri.place):
            return (Target(usual, uri.place, uri.port or _PORTS[usual]),)
        # What the hosts file names may have to be reached without any name server; a name without a dot is a host's.
        has_services = uri.port is None and "." in uri.place and not self.names.own(uri.place)
        services = await self._services(uri) if has_services else []
        itself = [(usual, Service(0, 0, uri.place, uri.port or _PORTS[usual]))]
        return await self._resolved(services or itself, uri.place)

    async def _services(self, uri: SipUri) -> list[tuple[Transport, Service]]:
        """What SRV says for the first transport that has such records; all is asked at once, for time is short."""
        allowed = (uri.transport,) if uri.transport else ("tls",) if uri.secure else _ANY
        asked = [self.names.services(_SERVICES[transport] + uri.place).addErrback(_unknown) for transport in allowed]
        for transport, question in zip(allowed, asked, strict=True):
            found = await question
            if found is None:
                raise NameServersSilent
            if found:
                return [(transport, service) for service in in_order(found, self.jitter)]
        return []

    async def _resolved(self, services: list[tuple[Transport, Service]], place: str) -> tuple[Target, ...]:
        """Every address of every server, in line."""
        targets: list[Target] = []
        silence: NameServersSilent | None = None
        for transport, service in services:
            if len(targets) >= MOST_TARGETS:
                break
            if not service.name:  # RFC 2782: "." is a decided no
                continue
            try:
                addresses = await self.names.addresses(service.name)
            except NameServersSilent as error:
                silence = error
                continue
            targets += [Target(transport, address, service.port) for address in addresses]
        if targets:
            return tuple(targets[:MOST_TARGETS])
        if silence is not None:
            raise silence
        raise ExchangeFault(f"{place} has no address (no such name)")


def in_order(services: Iterable[Service], jitter: Jitter) -> list[Service]:
    """SRV records by priority, and within one priority drawn by weight (RFC 2782)."""
    ordered: list[Service] = []
    left = sorted(services, key=lambda service: (service.priority, service.weight))
    while left:
        same = [service for service in left if service.priority == left[0].priority]
        total = sum(service.weight for service in same)
        drawn, running = jitter(0.0, float(total)), 0
        for service in same:
            running += service.weight
            if running >= drawn:
                ordered.append(service)
                left.remove(service)
                break
    return ordered


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _unknown(failure: Failure) -> None:
    """Nobody knows: told by None, since the answers to other questions may make this one needless."""
    failure.trap(NameServersSilent)


def _silence(failure: Failure, place: str) -> Failure:
    if failure.check(NameServersSilent):
        return Failure(ExchangeFault(f"no name server answers for {place}", ours=True))
    return failure
