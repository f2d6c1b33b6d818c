"""The link between the hosts of a domain: a host that dies is missed at once, because its end of the link closes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from attrs import define, field
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IAddress, IListeningPort
from twisted.internet.protocol import ClientFactory, Factory, Protocol
from twisted.python.failure import Failure

LOOPBACK = "127.0.0.1"
DIAL_TIMEOUT = 1.0
"""Seconds; only a frozen host with a full backlog does not take the link at once."""


@define(eq=False)
class PeerLink:
    """One TCP connection to each other host; nothing is ever said on it.

    A frozen host keeps its link (the kernel holds it); a killed one loses it in the same instant.

    Attributes:
        on_lost: told the name of a host whose end has closed.
        up: the hosts whose link stands.
    """

    reactor: Any
    on_lost: Callable[[str], None]
    up: set[str] = field(factory=set)
    _dialing: set[str] = field(factory=set)
    _listening: IListeningPort | None = None
    _ends: set[End] = field(factory=set)
    _stopped: bool = False

    def listen(self) -> int:
        """Take the others' links; returns the port."""
        listening = self.reactor.listenTCP(0, Taker(self._ends), interface=LOOPBACK)
        self._listening = listening
        return int(listening.getHost().port)

    def dial(self, others: Iterable[tuple[str, int]]) -> None:
        """Make the links that are missing; a host that refuses is tried again at the next call."""
        for name, port in others:
            if name not in self.up | self._dialing:
                self._dialing.add(name)
                self.reactor.connectTCP(LOOPBACK, port, Dialer(self, name), timeout=DIAL_TIMEOUT)

    def stop(self) -> None:
        """Close everything."""
        self._stopped = True
        if self._listening is not None:
            self._listening.stopListening()
        for end in tuple(self._ends):
            end.transport.abortConnection()  # type: ignore[union-attr]

    def opened(self, name: str, end: End) -> None:
        """A link that was dialed stands."""
        self._dialing.discard(name)
        self.up.add(name)
        self._ends.add(end)

    def failed(self, name: str) -> None:
        """A link could not be made."""
        self._dialing.discard(name)

    def lost(self, name: str, end: End) -> None:
        """A link that stood has closed."""
        self._ends.discard(end)
        self.up.discard(name)
        if not self._stopped:
            self.on_lost(name)


class End(Protocol):
    """One end of a link."""

    def __init__(self, on_lost: Callable[[End], None], on_made: Callable[[End], None]) -> None:
        self._on_lost = on_lost
        self._on_made = on_made

    def connectionMade(self) -> None:  # noqa: N802 - Twisted names it
        """The link stands."""
        self._on_made(self)

    def connectionLost(self, reason: Failure = Failure(ConnectionDone())) -> None:  # noqa: B008, N802 - Twisted
        """The other host has gone."""
        del reason
        self._on_lost(self)


class Taker(Factory):
    """Takes the links that other hosts dial."""

    noisy = False

    def __init__(self, ends: set[End]) -> None:
        self._ends = ends

    def buildProtocol(self, addr: IAddress | None) -> End:  # noqa: N802 - Twisted names it
        """One more link."""
        del addr
        return End(self._ends.discard, self._ends.add)


class Dialer(ClientFactory):
    """Dials one host."""

    noisy = False

    def __init__(self, link: PeerLink, name: str) -> None:
        self._link = link
        self._name = name

    def buildProtocol(self, addr: IAddress | None) -> End:  # noqa: N802 - Twisted names it
        """The link to the host."""
        del addr
        return End(lambda end: self._link.lost(self._name, end), lambda end: self._link.opened(self._name, end))

    def clientConnectionFailed(self, connector: Any, reason: Failure) -> None:  # noqa: N802 - Twisted names it
        """Nobody listens there."""
        del connector, reason
        self._link.failed(self._name)
