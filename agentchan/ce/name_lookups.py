"""Host names looked up without asking twice at once.

A lookup occupies a thread of the reactor's pool for as long as the system's resolver takes, which is many seconds when
no name server answers. Attempts to connect are given up and begun anew much faster than that, and without sharing they
would fill the pool with questions that nobody waits for.
"""

from __future__ import annotations

from typing import Any

from attrs import define, field
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IHostResolution, IResolutionReceiver
from zope.interface import implementer

Address = IPv4Address | IPv6Address

_JOINED_FOR = 60.0
"""Seconds after which a lookup is no longer joined but made again: longer than the system's resolver takes to give up.
Should one ever be lost, the name is not."""


@define
class SharedLookups:
    """Asks ``reactor.nameResolver``; who asks for the same while a lookup is under way gets its result.

    Nothing is kept when it has ended: the next one who asks causes a new lookup.
    """

    reactor: Any
    _under_way: dict[str, _Lookup] = field(factory=dict, init=False)

    def look_up(self, name: str, port: int) -> Deferred[tuple[Address, ...]]:
        """Look a name up, or join the lookup that is under way.

        Returns:
            A Deferred of its addresses with the port, as the resolver orders them; of none for a name that does not
            resolve. It may be cancelled, though the thread that waits for the system's resolver cannot be stopped.
        """
        now = self.reactor.seconds()
        lookup = self._under_way.get(name)
        if lookup is None or now - lookup.began >= _JOINED_FOR:
            lookup = self._under_way[name] = _Lookup(self._under_way, name, now)
            answer = lookup.join(port)
            self.reactor.nameResolver.resolveHostName(lookup, name)
            return answer
        return lookup.join(port)


@implementer(IResolutionReceiver)
@define(eq=False)
class _Lookup:
    """One lookup and all who wait for it."""

    _under_way: dict[str, _Lookup]
    _name: str
    began: float
    _waiting: list[tuple[int, Deferred[tuple[Address, ...]]]] = field(factory=list, init=False)
    _addresses: list[Address] = field(factory=list, init=False)

    def join(self, port: int) -> Deferred[tuple[Address, ...]]:
        """Wait for the addresses."""
        answer: Deferred[tuple[Address, ...]] = Deferred()
        self._waiting.append((port, answer))
        return answer

    def resolutionBegan(self, resolutionInProgress: IHostResolution) -> None:  # noqa: N802, N803 - Twisted's name
        """The lookup has begun."""

    def addressResolved(self, address: IAddress) -> None:  # noqa: N802 - Twisted's name
        """One of the addresses."""
        if isinstance(address, (IPv4Address, IPv6Address)):
            self._addresses.append(address)

    def resolutionComplete(self) -> None:  # noqa: N802 - Twisted's name
        """All of them."""
        if self._under_way.get(self._name) is self:
            del self._under_way[self._name]
        for port, answer in self._waiting:
            answer.callback(tuple(type(address)("TCP", address.host, port) for address in self._addresses))
