"""Connects to the first of a name's addresses that answers (RFC 8305, "happy eyeballs").

Twisted's own HostnameEndpoint waits out the delay between two addresses even when the first has refused, and after the
last one too; a host whose service died would cost that much in each failover.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain, zip_longest
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.internet.error import DNSLookupError
from twisted.internet.interfaces import IDelayedCall, IProtocol, IProtocolFactory, IStreamClientEndpoint
from twisted.python.failure import Failure

from agentchan.ce.name_lookups import Address

_NEXT_ADDRESS_AFTER = 0.1
"""Seconds until the next address is tried beside silent ones: the least that RFC 8305, 5 recommends. A dead IPv6
address must not eat a connect_timeout of one second."""

_MOST_ADDRESSES = 16
"""Addresses of one name that are tried; a connect_timeout has no time for more."""


def address_endpoint(reactor: Any, host: str, port: int, timeout: float | None = None) -> IStreamClientEndpoint:
    """The endpoint of a literal address; it asks no resolver and no thread.

    Without a timeout (seconds) whoever connects has a deadline of his own.
    """
    kind: Any = TCP6ClientEndpoint if ":" in host else TCP4ClientEndpoint
    endpoint: IStreamClientEndpoint = kind(reactor, host, port, timeout)
    return endpoint


class AddressRace:
    """One attempt at all addresses of a name.

    Args:
        timeout: seconds for each address; None: whoever waits for the winner has a deadline of his own.

    Attributes:
        winner: the protocol of the address that answered first; fails as the first address failed when all have, with
            DNSLookupError where there is none. Cancelling it ends all that is under way.
    """

    def __init__(
        self, reactor: Any, addresses: Iterable[Address], factory: IProtocolFactory, *, timeout: float | None = None
    ) -> None:
        self.winner: Deferred[IProtocol] = Deferred(self._cancelled)
        self._reactor = reactor
        self._factory = factory
        self._timeout = timeout
        self._left = _alternating(addresses)[:_MOST_ADDRESSES]
        self._under_way: list[Deferred[IProtocol]] = []
        self._first_failure: Failure | None = None
        self._over = False
        self._next: IDelayedCall | None = None
        self._try_next()

    def _try_next(self) -> None:
        """Try another address beside those under way."""
        self._clear_next()
        if not self._left:
            if not self._under_way:
                self._end()
                self.winner.errback(self._first_failure or Failure(DNSLookupError("no address")))
            return
        address = self._left.pop(0)
        attempt = address_endpoint(self._reactor, address.host, address.port, self._timeout).connect(self._factory)
        self._under_way.append(attempt)
        if self._left:
            self._next = self._reactor.callLater(_NEXT_ADDRESS_AFTER, self._try_next)
        attempt.addCallbacks(self._connected, self._failed, callbackArgs=(attempt,), errbackArgs=(attempt,))

    def _connected(self, protocol: IProtocol, attempt: Deferred[IProtocol]) -> None:
        self._under_way.remove(attempt)
        self._end()
        self.winner.callback(protocol)

    def _failed(self, failure: Failure, attempt: Deferred[IProtocol]) -> None:
        """An address that refuses costs no waiting."""
        if self._over:
            return
        self._under_way.remove(attempt)
        self._first_failure = self._first_failure or failure
        self._try_next()

    def _cancelled(self, _winner: Deferred[IProtocol]) -> None:
        self._end()

    def _end(self) -> None:
        """Let everything go that is still under way."""
        self._over = True
        self._clear_next()
        for attempt in self._under_way:
            attempt.cancel()

    def _clear_next(self) -> None:
        following, self._next = self._next, None
        if following is not None and following.active():
            following.cancel()


def _alternating(addresses: Iterable[Address]) -> list[Address]:
    """The families by turns, beginning with the resolver's first choice (RFC 8305, 4)."""
    every = list(addresses)
    preferred = type(every[0]) if every else IPv4Address
    first = [address for address in every if isinstance(address, preferred)]
    second = [address for address in every if not isinstance(address, preferred)]
    return [address for address in chain.from_iterable(zip_longest(first, second)) if address is not None]
