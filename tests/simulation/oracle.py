"""The invariants, told by looking at all that the daemon says and hears, and at CE's database.

Nothing here asks the daemon what it believes: whether it may say something follows from what it has heard.

- I0: no part of the daemon fails by a fault of its own.
- I1: no OpenSession, SetReadiness or signal goes to a host whose newest word is that it is not active.
- I2: one sign-on at a time: no OpenSession or readiness while another agent channel is open.
- I3: the signals of a channel are applied in the order in which they were accepted, so a NewCall before its Gone.
- I4: a signal goes out, and its caller is answered, only when it is on disk; each accepted one is applied exactly once
  by a CE that knows SignalIds, at least once by one that does not; repairs are counted apart.
- I5: no channel is made ready while CE has not been told of an accepted NewCall on it.
- I6: after everything has healed all is as it should be, within a computed time.
- I7: no host is dialled more often than backoff allows.
"""

from __future__ import annotations

from collections import deque
from math import inf
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred

from agentchan.core.backoff import FLOOR, Backoff
from agentchan.core.session_values import Action, Dial, Heard, SignOffDone, SignOn, Unreachable
from agentchan.vocabulary import (
    CallSignal,
    Gone,
    Heartbeat,
    Meaning,
    NewCall,
    OpenSession,
    Reply,
    Request,
    Role,
    ServerStatus,
    SetReadiness,
)
from tests.simulation.disk import Disk
from tests.simulation.domain import Applied, Domain
from tests.simulation.wire import Connection, Said, StatusQuestion
from tests.simulation.world import World

BURST = 10
"""Questions to one URL that may follow each other without a pause."""

_ROUNDING = 1e-6


@define
class Word:
    """The newest word of one host, by all that has been heard from it.

    Attributes:
        active: what it says, its claims on the agent channel left out; None: nothing yet.
        generation: in which.
        told: the newest generation that it has told, whether the word that told it counts or not.
        denied_at: when the newest denial came.
        claimed: the generation in which it claims to be active on the agent channel; None: it does not, or there is no
            agent channel to it any more.
        claimed_at: when that was asked for.
    """

    active: bool | None = None
    generation: int = -1
    told: int = -1
    denied_at: float = -inf
    claimed: int | None = None
    claimed_at: float = -inf

    @property
    def says_active(self) -> bool:
        """Of two words the one of the higher generation counts, of equal ones the later."""
        claimed = -1 if self.claimed is None else self.claimed
        if claimed == self.generation:
            return bool(self.active) or self.claimed_at >= self.denied_at
        return claimed > self.generation or bool(self.active)

    def heard(self, *, active: bool, generation: int | None, asked_at: float, now: float) -> None:
        """It says whether it is active; a denial is believed before a claim that was asked for earlier."""
        number = self.told if generation is None else generation
        self.told = number
        if active:
            if number > self.generation or asked_at >= self.denied_at:
                self.active, self.generation = True, number
        elif number >= self.generation or self.active is None:
            self.active, self.generation, self.denied_at = False, number, now


@define
class Attempts:
    """What is known of the agent channel's attempts on one host.

    Attributes:
        generation: the highest that the host was known to have at the newest attempt.
        failures: in a row.
        dialled_at: when the newest attempt began.
        failed_at: when the newest one failed.
    """

    generation: int
    failures: int = 0
    dialled_at: float = -inf
    failed_at: float = -inf


@define(eq=False)
class Oracle:
    """Sees everything.

    Attributes:
        longest: whether every draw of chance is the longest, so that the shortest pauses are known exactly.
        accepted: the ids of the signals that the IVR was told of as accepted, by channel, in order.
        called: of each accepted or sent NewCall its id, by channel, that CE has not been told of.
        highest: the highest generation that was ever claimed in an answer.
    """

    world: World
    domain: Domain
    disk: Disk
    backoff: Backoff
    longest: bool
    by_link: bool
    accepted: dict[str, list[str]] = field(factory=dict)
    untold: dict[str, set[str]] = field(factory=dict)
    was_held: set[str] = field(factory=set)
    words: dict[str, Word] = field(factory=dict)
    highest: int = 0
    dials: int = 0
    _first: set[str] = field(factory=set)
    _agent_channels: list[Connection] = field(factory=list)
    _attempts: dict[str, Attempts] = field(factory=dict)
    _trying: str = ""
    _dials_now: bool = False
    _signed_on: tuple[str, float] | None = None
    _questions: dict[str, deque[float]] = field(factory=dict)
    _lanes_failed_at: dict[str, float] = field(factory=dict)

    def process_began(self) -> None:
        """The daemon starts anew, and knows nothing."""
        self.words.clear()
        self._agent_channels.clear()
        self._attempts.clear()
        self._lanes_failed_at.clear()
        self._signed_on = None

    # -- what the daemon says (I1, I2, I4, I5) -------------------------------------------------------------------------

    def says(self, connection: Connection, request: Request | StatusQuestion) -> None:
        """A request goes out."""
        if isinstance(request, StatusQuestion):
            return
        self.world.tell("daemon -> {}: {}", connection.host, request)
        if isinstance(request, OpenSession | SetReadiness | NewCall | Gone):
            self._may_say(connection, request)
        match request:
            case OpenSession():
                self._alone(connection)
                if connection not in self._agent_channels:
                    self._agent_channels.append(connection)
            case SetReadiness(changes=changes):
                self._alone(connection)
                for change in changes:
                    if change.ready and self.untold.get(change.channel):
                        untold = ", ".join(sorted(self.untold[change.channel]))
                        self.world.fail("I5", f"{change.channel} is made ready while CE does not know of {untold}")
            case NewCall() | Gone():
                if request.signal_id not in self.disk.kept:
                    self.world.fail("I4", f"{request.signal_id} goes out and is not on disk")

    def _may_say(self, connection: Connection, request: Request) -> None:
        if not self.by_link and isinstance(request, OpenSession):
            return
        word = self.words.get(connection.host)
        if word is None or not word.says_active:
            says = "nothing yet" if word is None or word.active is None else "that it is not active"
            self.world.fail("I1", f"{type(request).__name__} goes to {connection.host}, whose newest word is {says}")

    def _alone(self, connection: Connection) -> None:
        self._agent_channels = [other for other in self._agent_channels if not other.closing]
        for other in self._agent_channels:
            if other is not connection:
                self.world.fail("I2", f"said to {connection.host} while the agent channel to {other.host} is open")

    # -- what it hears -------------------------------------------------------------------------------------------------

    def hears(self, connection: Connection, request: Request | StatusQuestion, said: Said, asked_at: float) -> None:
        """An answer is about to be read."""
        now = self.world.now
        match said:
            case ServerStatus():
                active = said.role is Role.ACTIVE
                name = said.server_name or connection.host
                self._word(name).heard(active=active, generation=said.generation, asked_at=asked_at, now=now)
                self.highest = max(self.highest, said.generation or 0)
                if self.world.trace is not None:
                    self.world.tell("{} says: {}, generation {}", name, said.role.value, said.generation)
            case Reply(meaning=Meaning.NOT_ACTIVE, generation=generation):
                self._word(connection.host).claimed = None
                self._word(connection.host).heard(active=False, generation=generation, asked_at=asked_at, now=now)
            case Reply(meaning=Meaning.CONFIRMED, generation=generation) if isinstance(
                request, OpenSession | Heartbeat
            ):
                word = self._word(connection.host)
                if said.role is Role.STANDBY:
                    word.claimed = None
                    word.heard(active=False, generation=generation, asked_at=asked_at, now=now)
                else:
                    word.claimed, word.claimed_at = generation, asked_at
                self.highest = max(self.highest, generation or 0)
            case Reply(meaning=Meaning.CHANNEL_HELD) if isinstance(request, NewCall):
                self.was_held.add(request.signal_id)
        if not isinstance(request, StatusQuestion | Heartbeat):
            self.world.tell("{} -> daemon: {}", connection.host, said)

    def _word(self, host: str) -> Word:
        return self.words.setdefault(host, Word())

    # -- call signals (I3, I4) -----------------------------------------------------------------------------------------

    def was_accepted(self, channel: str, signal_id: str, *, new_call: bool, repeated: bool) -> None:
        """The IVR was told that a signal is accepted."""
        if signal_id not in self.disk.kept:
            self.world.fail("I4", f"{signal_id} was accepted and is not on disk")
        if not repeated:
            if signal_id in self._first:
                self.world.fail("I4", f"{signal_id} was accepted twice")
            self._first.add(signal_id)
        order = self.accepted.setdefault(channel, [])
        if signal_id in order:
            return
        order.append(signal_id)
        if new_call and signal_id not in self.domain.applied:
            self.untold.setdefault(channel, set()).add(signal_id)

    def was_applied(self, applied: Applied) -> None:
        """CE has applied a signal."""
        signal = applied.signal
        self.world.tell("{} applies {}", applied.host, signal)
        self.untold.get(signal.channel, set()).discard(signal.signal_id)
        order = self.accepted.get(signal.channel, [])
        if signal.signal_id not in order:
            return
        for earlier in order[: order.index(signal.signal_id)]:
            if earlier not in self.domain.applied and not self._may_be_overtaken(earlier, signal):
                self.world.fail("I3", f"{signal.signal_id} was applied before {earlier}, which was accepted first")

    def _may_be_overtaken(self, earlier: str, signal: CallSignal) -> bool:
        """The Gone of another call that CE holds goes before a NewCall that cannot be applied before."""
        return isinstance(signal, Gone) and earlier in self.was_held

    # -- dialling (I7) -------------------------------------------------------------------------------------------------

    def acts(self, action: Action) -> None:
        """The agent channel's session has decided something."""
        now = self.world.now
        match action:
            case Dial(url=url):
                self._trying = url.partition("//")[2].partition("/")[0]
                self._may_dial(self._trying)
                self._dials_now = True
            case Unreachable() | Heard(active=False):
                attempts = self._attempts.get(self._trying)
                if attempts is not None:
                    attempts.failures += 1
                    attempts.failed_at = now
            case SignOn():
                self._signed_on = (self._trying, now)
                self._lanes_failed_at.clear()
            case SignOffDone() if self._signed_on is not None:
                host, since = self._signed_on
                self._signed_on = None
                self._word(host).claimed = None
                if now - since >= self.backoff.maximum:
                    self._attempts.pop(host, None)

    def _may_dial(self, host: str) -> None:
        now = self.world.now
        known = self.words[host].generation if host in self.words else -1
        attempts = self._attempts.get(host)
        if attempts is None or known > attempts.generation:
            self._attempts[host] = Attempts(known, dialled_at=now)
            return
        pause = FLOOR
        if attempts.failures and self.longest:
            pause = max(FLOOR, min(self.backoff.maximum, self.backoff.initial * 2.0 ** (attempts.failures - 1)))
        if now - attempts.dialled_at < FLOOR - _ROUNDING or now - attempts.failed_at < pause - _ROUNDING:
            self.world.fail(
                "I7",
                f"{host} is dialled {now - attempts.dialled_at:.3f} s after the last attempt began, "
                f"{now - attempts.failed_at:.3f} s after {attempts.failures} have failed",
            )
        attempts.dialled_at = now

    def dialled(self, host: str, service: str, outcome: Deferred[Any]) -> None:
        """A connection is being made, for whatever."""
        self.dials += 1
        now = self.world.now
        if service == "ComponentService":
            times = self._questions.setdefault(host, deque(maxlen=2 * BURST + 1))
            times.append(now)
            if len(times) == times.maxlen and now - times[0] < BURST * FLOOR - 2 * FLOOR:
                self.world.fail("I7", f"{host} is asked {len(times)} times in {now - times[0]:.3f} s")
        elif self._dials_now:
            self._dials_now = False
        else:
            # Lanes that were dialled together fail one after another, which counts once.
            failed_at = self._lanes_failed_at.pop(host, -inf)
            if now - failed_at < FLOOR - _ROUNDING:
                self.world.fail("I7", f"a lane dials {host} {now - failed_at:.3f} s after one was refused")
            outcome.addErrback(self._lane_failed, host)

    def lanes_moved(self) -> None:
        """Call signals go elsewhere from now on: that is a change, after which the first attempt is free."""
        self._lanes_failed_at.clear()

    def _lane_failed(self, failure: Any, host: str) -> Any:
        if getattr(failure.value, "reason", "").endswith("attempt cancelled"):
            return failure
        self._lanes_failed_at.setdefault(host, self.world.now)
        return failure
