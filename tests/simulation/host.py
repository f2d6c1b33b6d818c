"""One CE Core Host: Component Service and IVR Connector as the contract says, and all that can be wrong with them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from attrs import define, evolve, field, frozen

from agentchan.vocabulary import (
    ChannelReport,
    ChannelState,
    CloseSession,
    DomainState,
    Gone,
    Heartbeat,
    Meaning,
    NewCall,
    OpenSession,
    Rank,
    Reply,
    Request,
    Role,
    ServerStatus,
    SetReadiness,
)
from tests.simulation.domain import Domain
from tests.simulation.network import Pipe
from tests.simulation.wire import Nonsense, Said, StatusQuestion, answer_of
from tests.simulation.world import NOON, World

NOTICED_WITHIN = 0.05
"""Seconds in which a host sees what has changed in the database."""


@define(eq=False)
class Session:
    """An IVR that is signed on.

    Attributes:
        pipe: its agent channel; None for a session of somebody who is not simulated further.
    """

    name: str
    ivr: str
    instance_id: str
    pipe: Pipe | None
    generation: int
    readiness: dict[str, bool]
    heard_at: float


@frozen
class View:
    """What a host believes of itself, as far as it has noticed."""

    role: Role
    generation: int
    state: DomainState


@define(eq=False)
class Held:
    """A watch request that waits for a change."""

    pipe: Pipe
    number: int
    known: ServerStatus | None
    answered: bool = False


@define(eq=False)
class Host:
    """One host.

    Attributes:
        running: its process lives.
        powered: its machine does.
        frozen: its process is stopped; the kernel still accepts connections.
        pace: seconds that it takes for an answer, from and to.
        claims: what it says of itself instead of the truth.
        obeys: whether its IVR Connector acts by that, too.
        faults: the probability that a request gets a wrong answer.
        clock: seconds by which its time of day is wrong.
        after_role_change: what a Heartbeat of a session is answered that a change of role ended.
    """

    world: World
    domain: Domain
    name: str
    rank: Rank
    session_timeout: float
    running: bool = True
    powered: bool = True
    frozen: bool = False
    pace: tuple[float, float] = (0.0002, 0.002)
    claims: View | None = None
    obeys: bool = False
    faults: float = 0.0
    clock: float = 0.0
    after_role_change: str = "not-active"
    sessions: dict[str, Session] = field(factory=dict)
    _over: dict[str, Pipe | None] = field(factory=dict)
    _pipes: dict[Pipe, None] = field(factory=dict)
    _held: list[Held] = field(factory=list)
    _inbox: list[Callable[[], None]] = field(factory=list)
    _view: View = field(init=False)
    _incarnation: int = 0
    _sessions_opened: int = 0

    def __attrs_post_init__(self) -> None:
        """It watches the database."""
        self._view = self._truth()
        self.domain.watchers.append(self._database_changed)

    @property
    def well(self) -> bool:
        """Whether it could be the active host."""
        return self.running and not self.frozen

    # -- the network ---------------------------------------------------------------------------------------------------

    def accepts(self, _service: str) -> bool | None:
        """As :class:`tests.simulation.network.Server`."""
        return self.running if self.powered else None

    def received(self, pipe: Pipe, letter: object, number: int) -> None:
        """As :class:`tests.simulation.network.Server`."""
        incarnation = self._incarnation
        self._pipes[pipe] = None

        def work() -> None:
            if incarnation == self._incarnation and self.running:
                if self.frozen:
                    self._inbox.append(work)
                else:
                    self._work(pipe, letter, number)

        if self.running:
            self.world.later(self.world.uniform(*self.pace), work)

    def lost(self, pipe: Pipe) -> None:
        """As :class:`tests.simulation.network.Server`."""
        self._pipes.pop(pipe, None)
        for session in tuple(self.sessions.values()):
            if session.pipe is pipe:
                self._end(session)

    # -- life ----------------------------------------------------------------------------------------------------------

    def crash(self, *, power: bool) -> None:
        """The process dies, or (power) the whole machine."""
        self.running, self.frozen = False, False
        self.powered = not power
        self._incarnation += 1
        self.sessions.clear()
        self._over.clear()
        self._held.clear()
        self._inbox.clear()
        pipes, self._pipes = self._pipes, {}
        for pipe in pipes:
            pipe.far_ended("reset by the peer", silently=power)

    def start(self) -> None:
        """It is there again."""
        self.running = self.powered = True
        self._view = self._truth()

    def thaw(self) -> None:
        """The process goes on with what has arrived meanwhile."""
        self.frozen = False
        inbox, self._inbox = self._inbox, []
        for work in inbox:
            work()
        self._look()

    # -- what it knows -------------------------------------------------------------------------------------------------

    def _truth(self) -> View:
        domain = self.domain
        role = Role.ACTIVE if domain.active == self.name else Role.STANDBY
        return View(role, domain.generation, domain.state)

    def _database_changed(self) -> None:
        incarnation = self._incarnation
        self.world.later(
            self.world.uniform(0.0, NOTICED_WITHIN), lambda: self._look() if incarnation == self._incarnation else None
        )

    def _look(self) -> None:
        if not self.well:
            return
        view = self._truth()
        before, self._view = self._view, view
        if (before.role, before.generation) != (view.role, view.generation):
            self._end_all()
        self.shown_anew()

    def shown_anew(self) -> None:
        """What it says has changed: held questions are answered."""
        held, self._held = self._held, []
        for each in held:
            if self._differs(each.known):
                self._answer_held(each)
            else:
                self._held.append(each)

    def _end_all(self) -> None:
        for session in tuple(self.sessions.values()):
            self._end(session)
            self._over[session.name] = session.pipe

    def _end(self, session: Session) -> None:
        if self.sessions.get(session.ivr) is session:
            del self.sessions[session.ivr]

    # -- Component Service ---------------------------------------------------------------------------------------------

    def status(self) -> ServerStatus:
        """What it says of itself."""
        view = self.claims or self._view
        return ServerStatus(
            view.role,
            view.state,
            domain="lab",
            server_name=self.name,
            rank=self.rank,
            generation=view.generation,
            since=datetime.fromtimestamp(NOON + self.clock, UTC),
            connector_url=f"http://{self.name}/IVRConnector",
            active_server=self.domain.active,
        )

    def _differs(self, known: ServerStatus | None) -> bool:
        now = self.status()
        return known is None or (known.role, known.generation, known.state) != (now.role, now.generation, now.state)

    def _asked(self, pipe: Pipe, number: int, question: StatusQuestion) -> None:
        if question.max_wait is None or self._differs(question.known):
            self._reply(pipe, number, self.status())
            return
        held = Held(pipe, number, question.known)
        self._held.append(held)
        self.world.later(question.max_wait, lambda: self._waited(held))

    def _waited(self, held: Held) -> None:
        if held not in self._held:
            return
        if self.frozen:
            self._inbox.append(lambda: self._waited(held))
            return
        self._held.remove(held)
        self._answer_held(held)

    def _answer_held(self, held: Held) -> None:
        if not held.answered:
            held.answered = True
            self._reply(held.pipe, held.number, self.status())

    # -- IVR Connector -------------------------------------------------------------------------------------------------

    def _work(self, pipe: Pipe, letter: object, number: int) -> None:
        if isinstance(letter, StatusQuestion):
            if self.world.chance(self.faults):
                self._reply(pipe, number, Nonsense("answered with HTTP status 503"))
            else:
                self._asked(pipe, number, letter)
            return
        request: Request = letter  # type: ignore[assignment]  # nothing else is sent
        wrong = self._wrong(request) if self.world.chance(self.faults) else None
        # A wrong answer may come of a request that was applied all the same.
        applied = self.answer(request, pipe) if wrong is None or self.world.chance(0.5) else None
        said = wrong or applied
        self.world.tell("{}: {} -> {}", self.name, request, said)
        if said is not None:
            self._reply(pipe, number, said)

    def _wrong(self, request: Request) -> Said:
        wrong: list[Said] = [
            Nonsense("answered with HTTP status 502 and an empty body"),
            Reply(Meaning.RETRY, "Unavailable"),
            Reply(Meaning.RETRY, "something of CE's own", placed=False),
        ]
        if not isinstance(request, NewCall | Gone | OpenSession):
            wrong.append(Reply(Meaning.UNKNOWN_SESSION, "no such session"))
        return self.world.random.choice(wrong)

    def _reply(self, pipe: Pipe, number: int, said: Said) -> None:
        pipe.reply(number, answer_of(said))

    def _acts(self) -> View:
        return self.claims if self.claims is not None and self.obeys else self._view

    def answer(self, request: Request, pipe: Pipe | None) -> Reply:
        """Carry out a request, in one transaction."""
        self._look()
        acts = self._acts()
        if acts.role is not Role.ACTIVE:
            return self._denied(request, acts)
        match request:
            case OpenSession():
                return self._open(request, pipe, acts)
            case NewCall() | Gone():
                fault = self.domain.apply(request, self.name)
                return fault or Reply(Meaning.CONFIRMED, reports=(self._report(request.ivr, request.channel),))
        session = next((each for each in self.sessions.values() if each.name == request.session_id), None)
        if session is None or session.pipe is not pipe or self._silent(session):
            return Reply(Meaning.UNKNOWN_SESSION, "no such session lives on this connection")
        session.heard_at = self.world.now
        return self._in_session(request, session, acts)

    def _denied(self, request: Request, acts: View) -> Reply:
        if isinstance(request, Heartbeat) and request.session_id in self._over:
            if self.after_role_change == "unknown-session":
                return Reply(Meaning.UNKNOWN_SESSION, "the session is over")
            if self.after_role_change == "reply":
                return Reply(Meaning.CONFIRMED, role=Role.STANDBY, generation=acts.generation)
        active = None if self.domain.active == self.name else self.domain.active
        return Reply(Meaning.NOT_ACTIVE, f"{self.name} is not active", active_server=active)

    def _in_session(self, request: Heartbeat | CloseSession | SetReadiness, session: Session, acts: View) -> Reply:
        match request:
            case Heartbeat():
                return Reply(Meaning.CONFIRMED, role=acts.role, generation=acts.generation)
            case CloseSession():
                self._end(session)
                return Reply(Meaning.CONFIRMED)
            case SetReadiness(changes=changes):
                unknown = tuple(change.channel for change in changes if change.channel not in session.readiness)
                if unknown:
                    return Reply(Meaning.UNKNOWN_CHANNEL, "not in this session", channels=unknown)
                session.readiness.update({change.channel: change.ready for change in changes})
                reports = tuple(self._report(session.ivr, change.channel) for change in changes)
                return Reply(Meaning.CONFIRMED, reports=reports)

    def _open(self, request: OpenSession, pipe: Pipe | None, acts: View) -> Reply:
        live = self.session_of(request.ivr)
        if live is not None and live.instance_id != request.instance_id:
            return Reply(Meaning.SESSION_ALREADY_OPEN, f"{live.instance_id} is signed on")
        if live is not None and live.pipe is pipe:
            live.readiness = {name: live.readiness.get(name, False) for name in request.channels}
            live.heard_at = self.world.now
            session = live
        else:
            self._sessions_opened += 1
            name = f"{self.name}-{self._incarnation}-{self._sessions_opened}"
            session = Session(
                name,
                request.ivr,
                request.instance_id,
                pipe,
                acts.generation,
                dict.fromkeys(request.channels, False),
                self.world.now,
            )
            self.sessions[request.ivr] = session
        return Reply(
            Meaning.CONFIRMED,
            session_id=session.name,
            server_name=self.name,
            generation=acts.generation,
            session_timeout=self.session_timeout,
            reports=tuple(self._report(request.ivr, name) for name in request.channels),
        )

    def session_of(self, ivr: str) -> Session | None:
        """The live session of an IVR."""
        session = self.sessions.get(ivr)
        if session is not None and self._silent(session):
            self._end(session)
            return None
        return session

    def _silent(self, session: Session) -> bool:
        return self.world.now - session.heard_at > self.session_timeout

    def _report(self, ivr: str, channel: str) -> ChannelReport:
        held = self.domain.holds.get(channel)
        if held is not None:
            return ChannelReport(channel, *held)
        session = self.session_of(ivr)
        ready = session is not None and session.readiness.get(channel, False)
        return ChannelReport(channel, ChannelState.READY if ready else ChannelState.NOT_READY)

    def states(self, ivr: str, channels: tuple[str, ...]) -> dict[str, ChannelReport]:
        """What it believes of these channels."""
        return {channel: self._report(ivr, channel) for channel in channels}

    def claim(self, view: View | None, *, obeys: bool = False) -> None:
        """Say something wrong of itself from now on, or (None) the truth."""
        changed = self.claims != view
        self.claims, self.obeys = view, obeys
        if self.well and changed:
            self._end_all()
            self.shown_anew()

    def claim_active(self, generation: int) -> None:
        """Claim to be active, and act so."""
        self.claim(evolve(self._truth(), role=Role.ACTIVE, generation=generation), obeys=True)
