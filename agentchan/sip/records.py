"""What DNS records say, in values of our own."""

from __future__ import annotations

from ipaddress import IPv6Address
from typing import Any

from attrs import frozen
from twisted.names import dns
from twisted.python.failure import Failure

ABSENCE_KEPT = 30.0
"""Seconds that the absence of records is remembered where the answer does not say (RFC 2308)."""


@frozen
class Service:
    """An SRV record (RFC 2782).

    Attributes:
        name: of the host, without a closing dot; empty where the service is decidedly not there.
    """

    priority: int
    weight: int
    name: str
    port: int


def ipv4(payload: Any) -> str | None:
    """The address of an A record, None for any other record."""
    return str(payload.dottedQuad()) if isinstance(payload, dns.Record_A) else None


def ipv6(payload: Any) -> str | None:
    """The address of an AAAA record, None for any other record."""
    if not isinstance(payload, dns.Record_AAAA):
        return None
    return str(IPv6Address(payload.address))


def service(payload: Any) -> Service | None:
    """An SRV record, None for any other record."""
    if not isinstance(payload, dns.Record_SRV):
        return None
    return Service(payload.priority, payload.weight, _text(payload.target.name), payload.port)


def _text(name: bytes) -> str:
    """A name from DNS: ASCII without a closing dot, or something that cannot be looked up."""
    return name.decode("ascii", "replace").lower().removesuffix(".")


def absence(failure: Failure) -> float:
    """Seconds that the absence of a name is valid: the zone's own word (RFC 2308, 5), if it is there."""
    arguments = failure.value.args if failure.value is not None else ()
    message = arguments[0] if arguments else None
    for header in getattr(message, "authority", ()) or ():
        if isinstance(header.payload, dns.Record_SOA):
            return float(min(header.ttl, header.payload.minimum))
    return ABSENCE_KEPT
