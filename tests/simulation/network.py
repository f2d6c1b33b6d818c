"""The network between the daemon's machine and CE's: latency, loss, cuts, resets, and connections that outlive an end.

What is said on a connection are values, not bytes. A connection keeps the order of each direction, as TCP does; what is
lost is sent again, so that a cut delays it, unless an end gives up meanwhile. Different connections know no order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from attrs import define, field

from tests.simulation.process import Process
from tests.simulation.world import World

OUT, IN = 0, 1
"""The directions, as the daemon sees them."""

RETRANSMITTED_WITHIN = 1.0
"""Seconds after a cut has healed."""


class Server(Protocol):
    """The machine and process at the far end."""

    def accepts(self, service: str) -> bool | None:
        """Whether a connection is accepted; False: refused; None: the machine is off, so nobody answers."""

    def received(self, pipe: Pipe, letter: object, number: int) -> None:
        """A request has arrived."""

    def lost(self, pipe: Pipe) -> None:
        """The client has ended a connection."""


@define(eq=False)
class Link:
    """The way to one host.

    Attributes:
        latency: seconds, from and to, of each message.
        cut: whether a direction loses everything.
        cut_since: since when any does.
        resets: the probability that a message's connection is reset instead.
        doubled: the probability that a request is delivered twice, as by a middle box.
    """

    world: World
    host: str
    server: Server
    latency: tuple[float, float] = (0.0005, 0.003)
    cut: list[bool] = field(factory=lambda: [False, False])
    cut_since: float | None = None
    resets: float = 0.0
    doubled: float = 0.0
    pipes: dict[Pipe, None] = field(factory=dict)

    @property
    def is_cut(self) -> bool:
        """Whether any direction loses everything."""
        return self.cut[OUT] or self.cut[IN]

    def lose(self, *directions: int) -> None:
        """Lose everything in these directions from now on, and nothing in the others."""
        self.cut = [OUT in directions, IN in directions]
        if not directions:
            self.cut_since = None
            for pipe in tuple(self.pipes):
                pipe.retransmit()
        elif self.cut_since is None:
            self.cut_since = self.world.now

    def delay(self) -> float:
        """What one message takes."""
        return self.world.uniform(*self.latency)


class Client(Protocol):
    """The near end of a connection."""

    def heard(self) -> None:
        """Some bytes came, not a whole answer."""

    def answered(self, number: int, answer: object) -> None:
        """A whole answer came."""

    def lost(self, reason: str) -> None:
        """The connection is no more."""


class Pipe:
    """One TCP connection.

    Attributes:
        client: the near end, once it is established.
        near: whether the near end is open.
        far: whether the far end is.
    """

    def __init__(self, link: Link, process: Process, user_timeout: float) -> None:
        self.link = link
        self.process = process
        self.client: Client | None = None
        self.near = self.far = True
        self._world = link.world
        self._user_timeout = user_timeout
        self._last = [0.0, 0.0]
        self._stalled: tuple[list[Callable[[], None]], list[Callable[[], None]]] = ([], [])
        link.pipes[self] = None
        process.on_end[self.near_ended] = None

    # -- the near end --------------------------------------------------------------------------------------------------

    def ask(self, letter: object, number: int) -> None:
        """The client sends a request."""
        if self._world.chance(self.link.resets):
            self.reset("reset before the request got there")
            return
        self._send(OUT, lambda: self._arrive(letter, number))
        if self._world.chance(self.link.doubled):
            self._send(OUT, lambda: self._arrive(letter, -number))
        if self._user_timeout > 0 and self.link.is_cut:
            sent_at = self._world.now
            self._world.later(self._user_timeout, lambda: self._unacknowledged(sent_at))

    def near_ended(self) -> None:
        """The client ends the connection, or its process has ended."""
        if self.near:
            self.near = False
            if not self.process.silent:
                self._send(OUT, self._end_at_server)
            self._forget()

    def _unacknowledged(self, since: float) -> None:
        """TCP_USER_TIMEOUT."""
        cut_since = self.link.cut_since
        if self.near and cut_since is not None and cut_since <= since:
            self.near = False
            self._forget()
            self._tell(lambda client: client.lost("no acknowledgement in time"))

    # -- the far end ---------------------------------------------------------------------------------------------------

    def reply(self, number: int, answer: object) -> None:
        """The server answers."""
        if not self.far or number < 0:
            return
        if self._world.chance(self.link.resets):
            if self._world.chance(0.5):
                self._send(IN, lambda: self._tell(lambda client: client.heard()))
            self.reset("reset before the answer was complete")
            return
        self._send(IN, lambda: self._tell(lambda client: client.answered(number, answer)))

    def far_ended(self, reason: str, *, silently: bool = False) -> None:
        """The server ends the connection, or (silently) its machine has gone."""
        if self.far:
            self.far = False
            if not silently:
                self._send(IN, lambda: self._lose(reason))

    def reset(self, reason: str) -> None:
        """Something between resets both ends."""
        if self.far:
            self.far = False
            self.link.server.lost(self)
        self._send(IN, lambda: self._lose(reason))

    # -- between -------------------------------------------------------------------------------------------------------

    def retransmit(self) -> None:
        """A cut has healed."""
        for direction in (OUT, IN):
            stalled = list(self._stalled[direction])
            self._stalled[direction].clear()
            if stalled:
                self._last[direction] = self._world.now + self._world.uniform(0.0, RETRANSMITTED_WITHIN)
            for deliver in stalled:
                self._send(direction, deliver)

    def _send(self, direction: int, deliver: Callable[[], None]) -> None:
        if self.link.cut[direction] or self._stalled[direction]:
            self._stalled[direction].append(deliver)
            return
        at = self._last[direction] = max(self._last[direction], self._world.now + self.link.delay())
        self._world.later(at - self._world.now, lambda: self._pass(direction, deliver))

    def _pass(self, direction: int, deliver: Callable[[], None]) -> None:
        if self.link.cut[direction]:
            self._stalled[direction].append(deliver)
        else:
            deliver()

    def _arrive(self, letter: object, number: int) -> None:
        if self.far:
            self.link.server.received(self, letter, number)
        elif self.link.server.accepts("") is not None:
            self._send(IN, lambda: self._lose("reset by the peer"))

    def _end_at_server(self) -> None:
        if self.far:
            self.far = False
            self.link.server.lost(self)

    def _lose(self, reason: str) -> None:
        if self.near:
            self.near = False
            self._forget()
            self._tell(lambda client: client.lost(reason))

    def _tell(self, what: Callable[[Client], None]) -> None:
        client = self.client
        if client is not None:
            self.process.run(lambda: what(client))

    def _forget(self) -> None:
        self.process.on_end.pop(self.near_ended, None)
