"""Asks DNS and the hosts file, never blocks, and remembers the answers for as long as they are valid.

A question to DNS goes on after the probe that asked it has run out of time: its answer serves the next probe. What was
known before is used on while no name server answers (RFC 8767).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain
from typing import Any, Generic, TypeVar

from attrs import define, evolve, field, frozen
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IDelayedCall
from twisted.names.error import DNSNameError
from twisted.python.failure import Failure

from agentchan.sip.hosts_file import HostsFile
from agentchan.sip.records import ABSENCE_KEPT, Service, absence, ipv4, ipv6, service

ATTEMPTS = (0.5, 1.5)
"""Seconds that each name server has for its first and its second chance."""

_LONGEST_KEPT = 300.0
_SHORTEST_KEPT = 5.0
_SILENCE_KEPT = 1.0
"""Seconds until silent name servers are asked again for the same."""

_STALE_KEPT = 3600.0
"""Seconds after its end that knowledge serves while no name server answers."""

_STALE_AFTER = 0.1
"""Seconds that name servers have to renew what has ended (RFC 8767, 5: the client response timer), much less than a
probe."""

_STALE_RENEWED = 5.0
"""Seconds until they are asked again when they have not (the failure recheck timer)."""

_MOST_KEPT = 20_000
"""Answers that are remembered: three SRV, A and AAAA of some thousand names."""

_MOST_RECORDS = 32

_RESOLUTION_DELAY = 0.05
"""Seconds that addresses of one family wait for those of the other (RFC 8305, 3): some name servers never answer
questions for IPv6 addresses."""

Record = TypeVar("Record")

_Key = tuple[str, str]
"""What is asked for: the resolver's method, and the name."""


class NameServersSilent(Exception):  # noqa: N818 - it names an outcome, not a bug
    """No name server gave an answer: nothing is known of the name."""


@frozen
class NameServers:
    """How this machine asks for names.

    Attributes:
        resolver: ``twisted.names.client.Resolver`` or something like it.
        search: the domains in which names without a dot are looked for, in line.
    """

    resolver: Any
    search: tuple[str, ...] = ()


@frozen
class _Known(Generic[Record]):
    """What DNS said, and until when that is valid, and serves when name servers are silent.

    Attributes:
        silent: whether it said nothing, and nothing older serves.
    """

    records: tuple[Record, ...]
    until: float
    serves_until: float
    silent: bool = False


@define
class Names:
    """Looks names up.

    Attributes:
        reactor: its clock.
        servers: finds the name servers, again whenever those that it found before have failed.
        hosts: this machine's own names, which come first.
    """

    reactor: Any
    servers: Callable[[], NameServers]
    hosts: HostsFile
    _current: NameServers | None = field(default=None, init=False)
    _known: OrderedDict[_Key, _Known[Any]] = field(factory=OrderedDict, init=False)
    _under_way: dict[_Key, dict[Deferred[Any], IDelayedCall | None]] = field(factory=dict, init=False)

    def addresses(self, name: str) -> Deferred[tuple[str, ...]]:
        """The addresses of a host, IPv4 first: telephone systems seldom have IPv6. None where there is no such host.

        Fails with NameServersSilent.
        """
        own = self.own(name)
        if own:
            return succeed(own)
        if "." in name:
            return self._both(name)
        return Deferred.fromCoroutine(self._searched(name))

    def own(self, name: str) -> tuple[str, ...]:
        """The addresses that this machine itself gives to a name; no DNS is asked about such a one."""
        own = self.hosts.addresses(name, self.reactor.seconds())
        if not own and (name == "localhost" or name.endswith(".localhost")):  # RFC 6761, 6.3
            return ("127.0.0.1", "::1")
        return own

    def services(self, name: str) -> Deferred[tuple[Service, ...]]:
        """The SRV records of ``_sip._udp.example.com`` and the like. Fails with NameServersSilent."""
        return self._ask("lookupService", name, service)

    async def _searched(self, name: str) -> tuple[str, ...]:
        """The addresses of a name without a dot, as the system's resolver finds them (resolv.conf(5), search)."""
        for domain in self._servers().search:
            found = await self._both(f"{name}.{domain}")
            if found:
                return found
        return await self._both(name)

    def _both(self, name: str) -> Deferred[tuple[str, ...]]:
        """The addresses of both families."""
        questions = (self._ask("lookupAddress", name, ipv4), self._ask("lookupIPV6Address", name, ipv6))
        return _Both(self.reactor, *questions).outcome

    def _servers(self) -> NameServers:
        if self._current is None:
            self._current = self.servers()
        return self._current

    def _ask(self, kind: str, name: str, read: Callable[[Any], Record | None]) -> Deferred[tuple[Record, ...]]:
        """From memory, or from DNS; questions that are under way are joined."""
        key, now = (kind, name), self.reactor.seconds()
        known = self._known.get(key)
        if known is not None and now < known.until:
            self._known.move_to_end(key)
            return fail(NameServersSilent()) if known.silent else succeed(known.records)
        waiting: Deferred[tuple[Record, ...]] = Deferred(partial(self._left, key))
        serves = known is not None and now < known.serves_until
        timer = self.reactor.callLater(_STALE_AFTER, self._serve_stale, key, waiting) if serves else None
        is_asked = key in self._under_way
        self._under_way.setdefault(key, {})[waiting] = timer
        if not is_asked:
            self._query(kind, name).addCallbacks(
                lambda answer: self._heard(key, answer[0], read), lambda failure: self._failed(key, failure)
            )
        return waiting

    def _serve_stale(self, key: _Key, waiting: Deferred[Any]) -> None:
        """Name servers take their time; the question to them goes on."""
        del self._under_way[key][waiting]
        waiting.callback(self._known[key].records)

    def _left(self, key: _Key, waiting: Deferred[Any]) -> None:
        """Somebody does not wait any more."""
        timer = self._under_way.get(key, {}).pop(waiting, None)
        if timer is not None:
            timer.cancel()

    def _end_waiting(self, key: _Key) -> Iterator[Deferred[Any]]:
        """Who wait for this."""
        for waiting, timer in self._under_way.pop(key).items():
            if timer is not None and timer.active():
                timer.cancel()
            if not waiting.called:  # what the others do when they are told may be to cancel this one
                yield waiting

    def _query(self, kind: str, name: str) -> Deferred[Any]:
        try:
            asked: Deferred[Any] = getattr(self._servers().resolver, kind)(name, ATTEMPTS)
        except (OSError, CannotListenError, ValueError):
            # No socket left, say. The library's resolver would wait for ever for a question that never went out.
            self._current = None
            return fail(NameServersSilent())
        return asked

    def _heard(self, key: _Key, answers: Iterable[Any], read: Callable[[Any], Record | None]) -> None:
        records, lifetimes = [], []
        for header in list(answers)[:_MOST_RECORDS]:
            record = read(header.payload)
            if record is not None:
                records.append(record)
                lifetimes.append(float(header.ttl))
        kept = min(lifetimes) if lifetimes else ABSENCE_KEPT
        self._keep(key, tuple(records), kept)

    def _failed(self, key: _Key, failure: Failure) -> None:
        if failure.check(DNSNameError):
            self._keep(key, (), absence(failure))
            return
        self._current = None  # the next question may find other name servers in resolv.conf
        now, old = self.reactor.seconds(), self._known.get(key)
        if old is not None and now < old.serves_until:
            self._remember(key, evolve(old, until=now + _STALE_RENEWED))
            for waiting in self._end_waiting(key):
                waiting.callback(old.records)
            return
        until = now + _SILENCE_KEPT
        self._remember(key, _Known((), until, serves_until=until, silent=True))
        for waiting in self._end_waiting(key):
            waiting.errback(NameServersSilent())

    def _keep(self, key: _Key, records: tuple[Any, ...], kept: float) -> None:
        until = self.reactor.seconds() + min(_LONGEST_KEPT, max(_SHORTEST_KEPT, kept))
        self._remember(key, _Known(records, until, serves_until=until + _STALE_KEPT))
        for waiting in self._end_waiting(key):
            waiting.callback(records)

    def _remember(self, key: _Key, known: _Known[Any]) -> None:
        self._known[key] = known
        self._known.move_to_end(key)
        while len(self._known) > _MOST_KEPT:
            self._known.popitem(last=False)


class _Both:
    """The IPv4 and the IPv6 addresses, in this order; one family is enough where the other one is slow or silent.

    Attributes:
        outcome: the addresses; fails with NameServersSilent. It may be cancelled.
    """

    def __init__(self, reactor: Any, *questions: Deferred[tuple[str, ...]]) -> None:
        self.outcome: Deferred[tuple[str, ...]] = Deferred(lambda _: self._end())
        self._reactor = reactor
        self._addresses: dict[int, tuple[str, ...]] = {}
        self._missing = len(questions)
        self._silent = False
        self._over = False
        self._delay: IDelayedCall | None = None
        for position, question in enumerate(questions):
            question.addCallbacks(self._heard, self._failed, callbackArgs=(position,))

    def _heard(self, addresses: tuple[str, ...], position: int) -> None:
        self._addresses[position] = addresses
        self._one_less()

    def _failed(self, failure: Failure) -> None:
        failure.trap(NameServersSilent)
        self._silent = True
        self._one_less()

    def _one_less(self) -> None:
        self._missing -= 1
        if self._over:
            return
        if not self._missing:
            self._conclude()
        elif any(self._addresses.values()):
            self._delay = self._reactor.callLater(_RESOLUTION_DELAY, self._conclude)

    def _conclude(self) -> None:
        self._end()
        every = tuple(chain.from_iterable(self._addresses[position] for position in sorted(self._addresses)))
        if every or not self._silent:
            self.outcome.callback(every)
        else:
            self.outcome.errback(NameServersSilent())

    def _end(self) -> None:
        self._over = True
        if self._delay is not None and self._delay.active():
            self._delay.cancel()
