"""The IVR: scripts that tell of calls until they are answered, as the API's clients do, and an operator."""

from __future__ import annotations

from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from agentchan.accepting import Accepted
from agentchan.api.refusals import Refused
from agentchan.api.requests import GoneRequest, NewCallRequest
from tests.simulation.oracle import Oracle
from tests.simulation.site import Site
from tests.simulation.world import World

PATIENCE = 3.0
"""Seconds that a script waits for an answer before it asks again."""

AGAIN_AFTER = 0.7
"""Seconds until a script that was refused, or cannot connect, asks again."""


@define(eq=False)
class Request:
    """Something that a script has to say, until it is answered."""

    channel: str
    call_id: str
    new_call: bool
    signal_id: str | None = None
    answered: bool = False


@define(eq=False)
class Line:
    """The scripts of one channel, one after another.

    Attributes:
        open_call: the call in progress, by what the daemon has accepted.
        saying: what is being said now.
    """

    ivr: Ivr
    channel: str
    open_call: str | None = None
    saying: Request | None = None
    calls: int = 0

    def begin(self) -> None:
        """The first call comes after a while."""
        world = self.ivr.world
        world.later(world.uniform(0.0, 2 * self.ivr.pause), self._next)

    def _next(self) -> None:
        """A call begins or ends, now and then in an unusual way."""
        world = self.ivr.world
        if self.open_call is None and self.ivr.closing:
            return
        forgotten = self.open_call is not None and world.chance(0.1) and not self.ivr.closing
        alone = self.open_call is None and world.chance(0.08)
        if self.open_call is None or forgotten:
            self.calls += 1
            self._say(f"{self.channel}-{self.calls}", new_call=not alone)
        else:
            self._say(self.open_call, new_call=False)

    def _say(self, call_id: str, *, new_call: bool) -> None:
        world = self.ivr.world
        own = f"own-{self.channel}-{self.calls}-{int(new_call)}" if world.chance(0.2) else None
        self.saying = Request(self.channel, call_id, new_call, own)
        self._ask(self.saying)

    def _ask(self, request: Request) -> None:
        if request.answered:
            return
        site, world = self.ivr.site, self.ivr.world
        daemon = site.daemon
        if daemon is None:
            world.later(AGAIN_AFTER, lambda: self._ask(request))
            return
        world.later(PATIENCE, lambda: self._ask(request))
        process = site.process
        process.run(lambda: self._told(request, process.number))

    def _told(self, request: Request, life: int) -> None:
        """The daemon reads the request."""
        daemon = self.ivr.site.daemon
        if daemon is None or self.ivr.site.process.number != life:
            return
        if request.new_call:
            work = daemon.accepting.new_call(
                NewCallRequest(request.channel, request.call_id, "ivr", signal_id=request.signal_id)
            )
        else:
            work = daemon.accepting.gone(
                GoneRequest(request.channel, "ivr", request.call_id, signal_id=request.signal_id)
            )
        answer: Deferred[Any] = Deferred.fromCoroutine(work)
        answer.addCallbacks(lambda accepted: self._accepted(request, accepted), lambda no: self._refused(request, no))
        answer.addErrback(self.ivr.failed)

    def _accepted(self, request: Request, accepted: Accepted) -> None:
        if not self.ivr.site.process.effect():
            return
        self.ivr.world.tell("IVR: {} is accepted as {}", request, accepted.signal_id)
        self.ivr.oracle.was_accepted(
            request.channel, accepted.signal_id, new_call=request.new_call, repeated=accepted.repeated
        )
        if not request.answered:
            self._answered(request)

    def _refused(self, request: Request, failure: Failure) -> None:
        failure.trap(Refused)
        refused: Any = failure.value
        if not self.ivr.site.process.effect() or request.answered:
            return
        if refused.code == "journal-unavailable":
            self.ivr.world.later(AGAIN_AFTER, lambda: self._ask(request))
        else:
            self.ivr.world.fail("I4", f"{request} was refused: {refused.code}: {refused}")

    def _answered(self, request: Request) -> None:
        request.answered = True
        self.saying = None
        self.open_call = request.call_id if request.new_call else None
        world = self.ivr.world
        mean = self.ivr.duration if request.new_call else self.ivr.pause
        world.later(world.uniform(0.0, 2 * mean), self._next)
        if world.chance(0.1):
            # A script that is run twice says the same again.
            world.later(world.uniform(0.0, 0.2), lambda: self._again(request))

    def _again(self, request: Request) -> None:
        if self.ivr.site.daemon is None or not request.new_call or self.open_call != request.call_id:
            return
        process = self.ivr.site.process
        process.run(lambda: self._told(request, process.number))


@define(eq=False)
class Ivr:
    """All lines.

    Attributes:
        duration: seconds that a call lasts on average.
        pause: seconds between two calls of a channel on average.
        closing: no call begins any more.
        failures: what should not have happened.
    """

    world: World
    site: Site
    oracle: Oracle
    duration: float
    pause: float
    closing: bool = False
    lines: dict[str, Line] = field(factory=dict)
    failures: list[str] = field(factory=list)

    def begin(self, channels: list[str]) -> None:
        """Calls come."""
        for channel in channels:
            line = self.lines[channel] = Line(self, channel)
            line.begin()

    def failed(self, failure: Failure) -> None:
        """A request came to something that no caller should see."""
        self.failures.append(repr(failure.value))

    @property
    def quiet(self) -> bool:
        """Whether everything that was to be said has been accepted."""
        return all(line.saying is None for line in self.lines.values())
