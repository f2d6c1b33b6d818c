"""Asks DNS and the hosts file, never blocks, and remembers the answers for as long as they are valid.

A question to DNS goes on after the probe that asked it has run out of time: its answer serves the next probe. What was
known before is used on while no name server answers (RFC 8767).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from ipaddress import IPv6Address
from typing import Any, Generic, TypeVar

from attrs import define, field, frozen
from twisted.internet.defer import Deferred, fail, succeed
from twisted.names import dns
from twisted.names.error import DNSNameError
from twisted.python.failure import Failure

from agentchan.sip.hosts_file import HostsFile

ATTEMPTS = (0.5, 1.5)
"""Seconds that each name server has for its first and its second chance."""

_LONGEST_KEPT = 300.0
_SHORTEST_KEPT = 5.0
_ABSENCE_KEPT = 30.0
"""Seconds that the absence of records is remembered where the answer does not say (RFC 2308)."""

_SILENCE_KEPT = {"lookupNamingAuthorityPointer": 60.0}
"""Seconds until silent name servers are asked again for the same, one for all other kinds. A forwarder that swallows
NAPTR questions must not hold up every probe."""

_STALE_KEPT = 3600.0
"""Seconds after its end that knowledge serves while no name server answers."""

_MOST_KEPT = 20_000
"""Answers that are remembered: NAPTR, three SRV, A and AAAA of some thousand names."""

_MOST_RECORDS = 32

Record = TypeVar("Record")


class NameServersSilent(Exception):  # noqa: N818 - it names an outcome, not a bug
    """No name server gave an answer: nothing is known of the name."""


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


@frozen
class Pointer:
    """A NAPTR record (RFC 3403)."""

    order: int
    preference: int
    flags: str
    service: str
    replacement: str


@frozen
class _Known(Generic[Record]):
    """What DNS said, and until when that is valid."""

    records: tuple[Record, ...]
    until: float
    silent: bool = False


@define
class Names:
    """Looks names up.

    Attributes:
        reactor: its clock.
        resolver: makes ``twisted.names.client.Resolver`` or something like it, whenever the old one has failed.
        hosts: this machine's own names, which come first.
    """

    reactor: Any
    resolver: Callable[[], Any]
    hosts: HostsFile
    _current: Any = field(default=None, init=False)
    _known: OrderedDict[tuple[str, str], _Known[Any]] = field(factory=OrderedDict, init=False)
    _under_way: dict[tuple[str, str], list[Deferred[Any]]] = field(factory=dict, init=False)

    def addresses(self, name: str) -> Deferred[tuple[str, ...]]:
        """The addresses of a host, IPv4 first: telephone systems seldom have IPv6. None where there is no such host.

        Fails with NameServersSilent.
        """
        own = self.own(name)
        if own:
            return succeed(own)
        found = _Both(self._ask("lookupAddress", name, _ipv4), self._ask("lookupIPV6Address", name, _ipv6))
        return found.outcome

    def own(self, name: str) -> tuple[str, ...]:
        """The addresses that this machine itself gives to a name; no DNS is asked about such a one."""
        own = self.hosts.addresses(name, self.reactor.seconds())
        if not own and (name == "localhost" or name.endswith(".localhost")):  # RFC 6761, 6.3
            return ("127.0.0.1", "::1")
        return own

    def services(self, name: str) -> Deferred[tuple[Service, ...]]:
        """The SRV records of ``_sip._udp.example.com`` and the like. Fails with NameServersSilent."""
        return self._ask("lookupService", name, _service)

    def pointers(self, name: str) -> Deferred[tuple[Pointer, ...]]:
        """The NAPTR records of a domain. Fails with NameServersSilent."""
        return self._ask("lookupNamingAuthorityPointer", name, _pointer)

    def _ask(self, kind: str, name: str, read: Callable[[Any], Record | None]) -> Deferred[tuple[Record, ...]]:
        """From memory, or from DNS; questions that are under way are joined."""
        key, now = (kind, name), self.reactor.seconds()
        known = self._known.get(key)
        if known is not None and now < known.until:
            self._known.move_to_end(key)
            return fail(NameServersSilent()) if known.silent else succeed(known.records)
        waiting: Deferred[tuple[Record, ...]] = Deferred()
        if key in self._under_way:
            self._under_way[key].append(waiting)
            return waiting
        self._under_way[key] = [waiting]
        self._query(kind, name).addCallbacks(
            lambda answer: self._heard(key, answer[0], read), lambda failure: self._failed(key, failure)
        )
        return waiting

    def _query(self, kind: str, name: str) -> Deferred[Any]:
        try:
            if self._current is None:
                self._current = self.resolver()
            asked: Deferred[Any] = getattr(self._current, kind)(name, ATTEMPTS)
        except (OSError, ValueError):
            # No socket left, say. The library's resolver would wait for ever for a question that never went out.
            self._current = None
            return fail(NameServersSilent())
        return asked

    def _heard(self, key: tuple[str, str], answers: Iterable[Any], read: Callable[[Any], Record | None]) -> None:
        records, lifetimes = [], []
        for header in list(answers)[:_MOST_RECORDS]:
            record = read(header.payload)
            if record is not None:
                records.append(record)
                lifetimes.append(float(header.ttl))
        kept = min(lifetimes) if lifetimes else _ABSENCE_KEPT
        self._keep(key, tuple(records), kept)

    def _failed(self, key: tuple[str, str], failure: Failure) -> None:
        if failure.check(DNSNameError):
            self._keep(key, (), _absence(failure))
            return
        self._current = None  # the next question may find other name servers in resolv.conf
        now, old = self.reactor.seconds(), self._known.get(key)
        if old is not None and not old.silent and now < old.until + _STALE_KEPT:
            for waiting in self._under_way.pop(key):
                waiting.callback(old.records)
            return
        self._remember(key, _Known((), now + _SILENCE_KEPT.get(key[0], 1.0), silent=True))
        for waiting in self._under_way.pop(key):
            waiting.errback(NameServersSilent())

    def _keep(self, key: tuple[str, str], records: tuple[Any, ...], kept: float) -> None:
        until = self.reactor.seconds() + min(_LONGEST_KEPT, max(_SHORTEST_KEPT, kept))
        self._remember(key, _Known(records, until))
        for waiting in self._under_way.pop(key):
            waiting.callback(records)

    def _remember(self, key: tuple[str, str], known: _Known[Any]) -> None:
        self._known[key] = known
        self._known.move_to_end(key)
        while len(self._known) > _MOST_KEPT:
            self._known.popitem(last=False)


class _Both:
    """The IPv4 and the IPv6 addresses; one family is enough where the other one's question got no answer."""

    def __init__(self, first: Deferred[tuple[str, ...]], second: Deferred[tuple[str, ...]]) -> None:
        self.outcome: Deferred[tuple[str, ...]] = Deferred(self._cancelled)
        self._addresses: dict[int, tuple[str, ...]] = {}
        self._missing = 2
        self._silent = False
        self._over = False
        for position, asked in enumerate((first, second)):
            asked.addCallbacks(self._heard, self._failed, callbackArgs=(position,))

    def _cancelled(self, _outcome: Deferred[tuple[str, ...]]) -> None:
        self._over = True

    def _heard(self, addresses: tuple[str, ...], position: int) -> None:
        self._addresses[position] = addresses
        self._one_less()

    def _failed(self, failure: Failure) -> None:
        failure.trap(NameServersSilent)
        self._silent = True
        self._one_less()

    def _one_less(self) -> None:
        self._missing -= 1
        if self._missing or self._over:
            return
        every = self._addresses.get(0, ()) + self._addresses.get(1, ())
        if every or not self._silent:
            self.outcome.callback(every)
        else:
            self.outcome.errback(NameServersSilent())


def _ipv4(payload: Any) -> str | None:
    return str(payload.dottedQuad()) if isinstance(payload, dns.Record_A) else None


def _ipv6(payload: Any) -> str | None:
    if not isinstance(payload, dns.Record_AAAA):
        return None
    return str(IPv6Address(payload.address))


def _service(payload: Any) -> Service | None:
    if not isinstance(payload, dns.Record_SRV):
        return None
    return Service(payload.priority, payload.weight, _text(payload.target.name), payload.port)


def _pointer(payload: Any) -> Pointer | None:
    if not isinstance(payload, dns.Record_NAPTR):
        return None
    return Pointer(
        payload.order,
        payload.preference,
        _text(payload.flags).lower(),
        _text(payload.service).upper(),
        _text(payload.replacement.name),
    )


def _text(value: Any) -> str:
    """A name or a string from DNS: ASCII without a closing dot, or something that cannot be looked up."""
    raw = getattr(value, "string", value)
    return bytes(raw).decode("ascii", "replace").lower().removesuffix(".")


def _absence(failure: Failure) -> float:
    """How long the absence of a name is valid: the zone's own word (RFC 2308, 5), if it is there."""
    arguments = failure.value.args if failure.value is not None else ()
    message = arguments[0] if arguments else None
    for header in getattr(message, "authority", ()) or ():
        if isinstance(header.payload, dns.Record_SOA):
            return float(min(header.ttl, header.payload.minimum))
    return _ABSENCE_KEPT
