"""One host in its domain: notices changes, renews its lease, takes over when the active host is silent."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IListeningPort, IReactorTime, IReactorUDP
from twisted.internet.protocol import DatagramProtocol
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from agentchan.lab.domain import HOST_STATES, Domain, View
from agentchan.lab.history import History, Row
from agentchan.lab.peer_link import LOOPBACK, PeerLink

POLL_INTERVAL = 0.1
"""Seconds between two looks into the database, for the case that a notice was lost."""
SHORTEST_SILENCE = 1.0
"""Seconds: an active host whose link stands is not missed sooner, since a busy machine may hold it up for a while."""
LARGEST_NOTICE = 64

log = Logger()


class Notices(DatagramProtocol):
    """One empty datagram from the other host: look into the database now."""

    def __init__(self, on_notice: Callable[[], None]) -> None:
        self._on_notice = on_notice

    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:  # noqa: N802 - Twisted names it
        """Whatever it says: look."""
        del datagram, addr
        self._on_notice()

    def send(self, port: int) -> None:
        """Tell the host that listens on ``port``."""
        self.transport.write(b"look", (LOOPBACK, port))  # type: ignore[union-attr]


@contextmanager
def _database_may_fail() -> Iterator[None]:
    """What is not done now for want of the database is done by the next poll."""
    try:
        yield
    except sqlite3.OperationalError as error:
        log.warn("the domain's database cannot be used: {error}", error=error)  # noqa: G010 - the name in Twisted


class Reactor(IReactorTime, IReactorUDP):
    """What is needed of a reactor here."""


@define(eq=False)
class Membership:
    """Keeps this host's knowledge of the domain fresh, and acts on it.

    Attributes:
        auto_failover_interval: seconds after the active host's death when this one takes over; 0: at once; None:
            never. Death is seen at once by the link between the hosts. A host that is silent while its link stands
            (frozen) is missed after the same time, but not before ``SHORTEST_SILENCE``.
        failing_over_time: seconds that an automatic failover shows ``FailingOver``.
        watchers: called after every change of role, generation or state.
    """

    reactor: Reactor
    domain: Domain
    history: History
    auto_failover_interval: float | None
    failing_over_time: float
    on_role_change: Callable[[], None]
    watchers: list[Callable[[View], None]] = field(factory=list)
    _notices: Notices = field(init=False)
    _link: PeerLink = field(init=False)
    _take_over: IDelayedCall | None = None
    _port: IListeningPort | None = None
    _poll: LoopingCall = field(init=False)
    _known: View | None = None
    _hand_over: IDelayedCall | None = None
    _renewed: float = 0.0

    def __attrs_post_init__(self) -> None:
        self._notices = Notices(self._noticed)
        self._link = PeerLink(self.reactor, self._peer_lost)
        self._poll = LoopingCall(self._look_and_act)
        self._poll.clock = self.reactor

    @property
    def linked(self) -> frozenset[str]:
        """The hosts whose death would be seen at once."""
        return frozenset(self._link.up)

    def listen(self) -> tuple[int, int]:
        """Open the ports of notices and of the link between the hosts; returns their numbers."""
        port = self.reactor.listenUDP(0, self._notices, LOOPBACK, LARGEST_NOTICE)
        self._port = port
        return int(port.getHost().port), self._link.listen()  # type: ignore[attr-defined]

    def start(self) -> None:
        """Look now, and from now on."""
        self._known = self.domain.read()
        self._poll.start(POLL_INTERVAL)

    def stop(self) -> None:
        """Look no more."""
        if self._poll.running:
            self._poll.stop()
        for waiting in (self._hand_over, self._take_over):
            if waiting is not None and waiting.active():
                waiting.cancel()
        self._link.stop()
        if self._port is not None:
            self._port.stopListening()

    def look(self) -> View:
        """Read the domain, inside or outside a transaction, and act if the role, generation or state has changed."""
        view = self.domain.read()
        known, self._known = self._known, view
        if known is None or known.shown == view.shown:
            return view
        moved = (known.role, known.generation) != (view.role, view.generation)
        if moved:
            self.on_role_change()
        for watcher in tuple(self.watchers):
            watcher(view)
        if moved:
            self.history.add(view.generation, Row("role-noticed", details={"role": view.role}))
        return view

    def _noticed(self) -> None:
        with _database_may_fail():
            self.look()
            self._dial()

    def _dial(self) -> None:
        self._link.dial((name, port) for name, _, port in self.domain.others())

    def _look_and_act(self) -> None:
        with _database_may_fail():
            view = self.look()
            self._dial()
            if self.auto_failover_interval is not None:
                self._lease(view, self.auto_failover_interval)

    def _lease(self, view: View, interval: float) -> None:
        now = time.monotonic()
        if view.is_active:
            if now - self._renewed >= min(max(interval, SHORTEST_SILENCE) / 4, 1.0):
                self._renewed = now
                self.domain.renew()
        elif now - view.renewed > max(interval, SHORTEST_SILENCE):
            self._succeed(view)

    def _peer_lost(self, name: str) -> None:
        if self.auto_failover_interval is None or (self._take_over is not None and self._take_over.active()):
            return
        if self.auto_failover_interval == 0:
            self._succeed_dead(name)
        else:
            self._take_over = self.reactor.callLater(self.auto_failover_interval, self._succeed_dead, name)

    def _succeed_dead(self, name: str) -> None:
        with _database_may_fail():
            view = self.look()
            if view.active == name and name not in self._link.up:
                self._succeed(view)

    def _succeed(self, view: View) -> None:
        if view.state not in HOST_STATES:
            self.hand_over(view.host, seconds=self.failing_over_time, only_in_generation=view.generation)

    def hand_over(
        self, target: str, *, seconds: float = 0.0, state: str | None = None, only_in_generation: int | None = None
    ) -> None:
        """Make ``target`` the active host, after the domain was failing over (or back) for so many seconds.

        Nobody is active meanwhile. ``state`` is ``FailingOver``, or ``FailingBack`` towards the primary.
        """
        failing = state or ("FailingBack" if self.domain.rank_of(target) == "Primary" else "FailingOver")
        if seconds <= 0:
            self.domain.make_active(target, only_in_generation=only_in_generation)
        elif self.domain.make_active(None, state=failing, renewed_in=seconds, only_in_generation=only_in_generation):
            generation = self.domain.read().generation
            self._hand_over = self.reactor.callLater(seconds, self._finish_hand_over, target, generation)
        self.announce()

    def demote(self) -> None:
        """Nobody is active any more."""
        self.domain.make_active(None)
        self.announce()

    def _finish_hand_over(self, target: str, generation: int) -> None:
        self.domain.make_active(target, only_in_generation=generation)
        self.announce()

    def announce(self) -> None:
        """Act on a change made here, and have the other host look."""
        for _, port, _ in self.domain.others():
            self._notices.send(port)
        with _database_may_fail():
            self.look()
