"""From a URI to the servers that stand for it, in order (RFC 3263, 4.1 and 4.2)."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address
from typing import Any

from attrs import define, frozen
from twisted.internet.defer import Deferred, FirstError, gatherResults
from twisted.python.failure import Failure

from agentchan.core.backoff import Jitter
from agentchan.sip.errors import ExchangeFault
from agentchan.sip.names import Names, NameServersSilent, Pointer, Service
from agentchan.sip.uri import SipUri, Transport

MOST_TARGETS = 4
"""Servers that one probe tries; its timeout has no time for more."""

_PORTS: dict[Transport, int] = {"udp": 5060, "tcp": 5060, "tls": 5061}
_SERVICES: dict[Transport, str] = {"udp": "_sip._udp.", "tcp": "_sip._tcp.", "tls": "_sips._tcp."}
_POINTERS: dict[str, Transport] = {"SIP+D2U": "udp", "SIP+D2T": "tcp", "SIPS+D2T": "tls"}
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
        if uri.port is not None:
            return await self._resolved([(usual, Service(0, 0, uri.place, uri.port))], uri.place)
        # What the hosts file names may have to be reached without any name server.
        services = None if self.names.own(uri.place) else await self._services(uri)
        if services is None:
            return await self._resolved([(usual, Service(0, 0, uri.place, _PORTS[usual]))], uri.place)
        return await self._resolved(services, uri.place)

    async def _services(self, uri: SipUri) -> list[tuple[Transport, Service]] | None:
        """What NAPTR and SRV say; None where they say nothing. All is asked at once, for time is short."""
        allowed = (uri.transport,) if uri.transport else ("tls",) if uri.secure else _ANY
        pointed = self.names.pointers(uri.place) if uri.transport is None else None
        asked: list[Deferred[Any]] = [self.names.services(_SERVICES[transport] + uri.place) for transport in allowed]
        if pointed is not None:
            # NAPTR is optional, and some forwarders do not answer it at all.
            pointed.addErrback(lambda failure: failure.trap(NameServersSilent) and ())
        gathered = gatherResults(asked if pointed is None else [pointed, *asked], consumeErrors=True)
        try:
            answers: list[Any] = await gathered
        except FirstError as error:
            raise NameServersSilent from error
        if pointed is not None:
            pointers, *answers = answers
            for transport, name in pointed_services(pointers, allowed):
                found = await self.names.services(name)
                if found:
                    return [(transport, service) for service in in_order(found, self.jitter)]
        for transport, found in zip(allowed, answers, strict=True):
            if found:
                return [(transport, service) for service in in_order(found, self.jitter)]
        return None

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


def pointed_services(pointers: Iterable[Pointer], allowed: Iterable[Transport]) -> list[tuple[Transport, str]]:
    """The transports that NAPTR records name, with their SRV names, in the domain's order (RFC 3263, 4.1)."""
    ordered = sorted(pointers, key=lambda pointer: (pointer.order, pointer.preference))
    return [
        (_POINTERS[pointer.service], pointer.replacement)
        for pointer in ordered
        if pointer.flags == "s" and pointer.service in _POINTERS and _POINTERS[pointer.service] in allowed
    ]


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


def _silence(failure: Failure, place: str) -> Failure:
    if failure.check(NameServersSilent):
        return Failure(ExchangeFault(f"no name server answers for {place}", ours=True))
    return failure
