"""The session under whatever comes in whatever order: each event has an answer, and what must not happen does not."""

from __future__ import annotations

from math import inf

from attrs import define
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from agentchan.core.backoff import FLOOR, Backoff
from agentchan.core.channel import Wish
from agentchan.core.channels import Channels
from agentchan.core.session import Session
from agentchan.core.session_values import (
    Abilities,
    Abort,
    Action,
    Dial,
    Loss,
    Probe,
    Restored,
    Send,
    SignOffDone,
    SignOn,
    State,
    Step,
    Stopped,
    Target,
    Timings,
)
from agentchan.vocabulary import (
    ChannelReport,
    ChannelState,
    CloseSession,
    Heartbeat,
    Meaning,
    OpenSession,
    Reply,
    Request,
    Role,
    SetReadiness,
)

NAMES = ("c1", "c2", "c3")
TINY = 1e-9
"""Seconds that sums of floats may be off."""
TARGETS = st.one_of(
    st.none(),
    st.builds(
        Target,
        host=st.sampled_from(["ce1", "ce2"]),
        connectors=st.sampled_from([("a",), ("b",), ("a", "b", "c"), ()]),
        generation=st.sampled_from([None, 7, 8, 9]),
        mark=st.sampled_from([None, 8]),
    ),
    st.builds(
        Target,
        host=st.none(),
        connectors=st.sampled_from([("a", "b"), ("b",)]),
        generation=st.none(),
        mark=st.sampled_from([None, 8]),
    ),
)
CHANNEL_STATES = st.sampled_from([state for state in ChannelState if state is not ChannelState.UNKNOWN])


@define
class Line:
    """The connection that the shell has, with what is out on it."""

    number: int
    stands: bool = False
    out: Request | str | None = None


class SessionMachine(RuleBasedStateMachine):
    """Plays the shell, the topology, CE, the operator, and a clock that is never in a hurry."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 100.0
        self.line: Line | None = None
        self.newest = 0
        self.session_open = False
        self.stop_said_at: float | None = None
        self.stopped = False
        self.dialled: dict[tuple[str | None, str], tuple[float, int]] = {}
        self.held_back: set[str] = set()
        self.target: Target | None = None

    @initialize(
        abilities=st.builds(Abilities, *[st.booleans()] * 5, slice=st.sampled_from([1, 2, 500])),
        misses=st.integers(1, 3),
        ready_rate=st.sampled_from([0.0, 5.0]),
        share=st.sampled_from([0.0, 0.5, 1.0]),
    )
    def begin(self, abilities: Abilities, misses: int, ready_rate: float, share: float) -> None:
        """Any profile, any durations, any chance."""
        self.abilities = abilities
        self.timings = Timings(misses=misses, ready_rate=ready_rate, backoff=Backoff(0.5, 5.0))
        self.channels = Channels(NAMES, Wish(ready=True), self.now)
        self.session = Session(
            ivr="ivr1",
            instance_id="here",
            channels=self.channels,
            timings=self.timings,
            abilities=abilities,
            jitter=lambda low, high: low + share * (high - low),
        )

    # What happens.

    @rule(whom=TARGETS)
    def follow(self, whom: Target | None) -> None:
        """The topology wants somebody followed, or nobody."""
        self.target = whom
        self.carry_out(self.session.follow(whom, self.now))

    @precondition(lambda self: self.line and not self.line.stands)
    @rule()
    def connected(self) -> None:
        """The connection stands."""
        assert self.line is not None
        self.line.stands = True
        self.carry_out(self.session.connected(self.line.number, self.now))

    @precondition(lambda self: self.line)
    @rule(step=st.sampled_from([None, Step.CONNECT, Step.TLS]))
    def lost(self, step: Step | None) -> None:
        """The connection is lost, or did not come up."""
        assert self.line is not None
        self.carry_out(self.session.failed(self.line.number, Loss("reset", step), self.now))
        assert self.line is None or self.line.number == self.newest

    @precondition(lambda self: self.line)
    @rule()
    def heard(self) -> None:
        """Bytes come."""
        assert self.line is not None
        self.carry_out(self.session.heard(self.line.number, self.now))

    @precondition(lambda self: self.line and self.line.out not in (None, "probe"))
    @rule(data=st.data())
    def replied(self, data: st.DataObject) -> None:
        """CE answers, well or not."""
        assert self.line is not None
        request, number = self.line.out, self.line.number
        assert request is not None
        assert not isinstance(request, str)
        reply = data.draw(replies(request))
        self.line.out = None
        actions = self.session.replied(number, reply, self.now)
        if reply.meaning is Meaning.NOT_ACTIVE:
            assert Abort(number) in actions, "something may be said to a host that is not active"
        self.carry_out(actions)

    @precondition(lambda self: self.line and self.line.out == "probe")
    @rule()
    def probed(self) -> None:
        """The probe is answered."""
        assert self.line is not None
        self.line.out = None
        self.carry_out(self.session.probed(self.line.number, self.now))

    @precondition(lambda self: self.newest)
    @rule(data=st.data(), kind=st.sampled_from(["connected", "failed", "heard", "replied", "probed"]))
    def late(self, data: st.DataObject, kind: str) -> None:
        """Something of a connection that was given up, or that never was: it changes nothing."""
        numbers = [number for number in range(self.newest + 2) if self.line is None or number != self.line.number]
        number = data.draw(st.sampled_from(numbers))
        before, stale = self.session.shown(), self.session.stale
        due = self.session.deadline()
        match kind:
            case "failed":
                actions = self.session.failed(number, Loss("late"), self.now)
            case "replied":
                actions = self.session.replied(number, Reply(Meaning.NOT_ACTIVE), self.now)
            case _:
                actions = getattr(self.session, kind)(number, self.now)
        assert self.session.stale == stale + 1
        if due > self.now:
            assert not actions
            assert self.session.shown() == before
        self.carry_out(actions)

    @precondition(lambda self: self.line and self.line.out is None)
    @rule(kind=st.sampled_from(["connected", "replied", "probed"]))
    def stray(self, kind: str) -> None:
        """Something that nobody has asked for, on the present connection."""
        assert self.line is not None
        if kind == "connected" and not self.line.stands:
            return
        if kind == "replied":
            self.carry_out(self.session.replied(self.line.number, Reply(Meaning.CONFIRMED), self.now))
        else:
            self.carry_out(getattr(self.session, kind)(self.line.number, self.now))

    @rule(host=st.sampled_from(["ce1", "ce2", "a", "b"]))
    def denied(self, host: str) -> None:
        """A signal's answer says that a host is not active: its connection goes, and all that was to be said."""
        before = self.session.shown()
        actions = self.session.denied(host, self.now)
        if self.line is not None and host in (before.host, before.url):
            assert Abort(self.line.number) in actions, "something may be said to a host that is not active"
        self.carry_out(actions)

    @rule(seconds=st.sampled_from([0.0, 0.01, 0.1, 0.5, 2.0, 61.0, 400.0]), awake=st.booleans())
    def time_passes(self, seconds: float, awake: bool) -> None:
        """Time passes; the shell ticks when it should, or was not awake."""
        end = self.now + seconds
        while awake and (due := self.session.deadline()) < end:
            self.now = max(self.now, due)
            self.carry_out(self.session.tick(self.now))
        self.now = end
        self.carry_out(self.session.tick(self.now))

    @rule(name=st.sampled_from(NAMES), ready=st.booleans())
    def wish(self, name: str, ready: bool) -> None:
        """Somebody wants a channel ready or not."""
        if name in self.channels:
            self.channels.wished(name, Wish(ready, None if ready else "by hand"))
            self.carry_out(self.session.tick(self.now))

    @rule(names=st.lists(st.sampled_from(NAMES), min_size=1, unique=True))
    def reload(self, names: list[str]) -> None:
        """A reload with another list."""
        self.channels.listed(names, Wish(ready=True), self.now)
        self.channels.include_all()
        self.carry_out(self.session.retimed(self.timings, self.now))

    @rule(name=st.sampled_from(NAMES), pending=st.booleans(), out=st.booleans())
    def signal(self, name: str, pending: bool, out: bool) -> None:
        """A call signal is pending, is out, or is not any more."""
        if not pending:
            self.held_back.discard(name)
            self.channels.let_go(name)
        else:
            self.held_back.add(name)
            self.channels.hold_back(name)
            if out:
                self.channels.signal_sent(name)
        self.carry_out(self.session.tick(self.now))

    @rule(name=st.sampled_from(NAMES), state=CHANNEL_STATES)
    def signal_answered(self, name: str, state: ChannelState) -> None:
        """CE answers a signal with the channel's state."""
        self.channels.reported_by_signal(ChannelReport(name, state), self.now)
        self.carry_out(self.session.tick(self.now))

    @precondition(lambda self: self.newest > 2)
    @rule()
    def stop(self) -> None:
        """Told to stop, once or again."""
        at_once = self.stop_said_at is not None
        self.stop_said_at = self.stop_said_at or self.now
        self.carry_out(self.session.stop(self.now))
        assert self.stopped or not at_once

    # What must be true.

    @invariant()
    def nobody_is_kept_busy(self) -> None:
        """The next tick is wanted later than now, and what is shown fits to what is going on."""
        if not hasattr(self, "session"):
            return
        assert self.session.deadline() > self.now
        shown = self.session.shown()
        signed_on = shown.state in (State.RESTORING, State.UP, State.SUSPECT, State.SIGNING_OFF)
        assert signed_on == self.session_open
        assert (self.line is not None) == (shown.state is not State.DOWN)
        if shown.state is State.DOWN and self.target is not None and self.target.connectors and not self.stopped:
            assert shown.retry_at is not None
            assert self.now < shown.retry_at <= self.now + self.timings.backoff.maximum + TINY, "it gives up"

    def teardown(self) -> None:
        """Told to stop, it ends within the replies' deadlines, and nothing comes after that."""
        if not hasattr(self, "session"):
            return
        stop_said_at = self.stop_said_at if self.stop_said_at is not None else self.now
        if self.stop_said_at is None:
            self.carry_out(self.session.stop(self.now))
        while not self.stopped:
            self.now = self.session.deadline()
            assert self.now <= stop_said_at + 2 * self.timings.reply + 400.0
            self.carry_out(self.session.tick(self.now))
        assert self.session.deadline() == inf
        self.follow(Target("ce1", ("a",), 99))
        self.time_passes(400.0, awake=False)
        self.carry_out(self.session.stop(self.now))

    # The shell.

    def carry_out(self, actions: list[Action]) -> None:
        """Carry out actions in order, as the shell does, which ticks again where it is told to do so at once."""
        for action in actions:
            assert not self.stopped, f"{action} after the end"
            self.act(action)
        for _ in range(10):
            if self.session.deadline() > self.now:
                return
            for action in self.session.tick(self.now):
                assert not self.stopped, f"{action} after the end"
                self.act(action)
        raise AssertionError("the session would keep the reactor busy for ever")

    def act(self, action: Action) -> None:
        """Carry out one action."""
        match action:
            case Dial(number, url):
                assert self.line is None, "two connections at once"
                assert number > self.newest
                assert self.stop_said_at is None
                self.line, self.newest = Line(number), number
                self.may_dial(url)
            case Abort(number):
                assert self.line is not None
                assert self.line.number == number
                self.line = None
            case Send(number, request):
                self.may_send(number, request)
                assert self.line is not None
                self.line.out = request
            case Probe(number):
                self.may_send(number, "probe")
                assert self.line is not None
                self.line.out = "probe"
            case SignOn(connection=number):
                assert not self.session_open
                assert self.line is not None
                assert self.line.number == number
                self.session_open = True
            case SignOffDone():
                assert self.session_open
                self.session_open = False
            case Restored():
                assert self.session_open
            case Stopped():
                assert self.line is None
                assert not self.session_open
                self.stopped = True

    def may_dial(self, url: str) -> None:
        """The backoff's floor: no host is dialled again within 100 ms unless its generation has risen."""
        assert self.target is not None
        key = (self.target.host, url)
        at, highest = self.dialled.get(key, (-inf, -1))
        generation = -1 if self.target.generation is None else self.target.generation
        assert generation > highest or self.now - at >= FLOOR - TINY, "dialled too soon"
        self.dialled[key] = (self.now, max(generation, highest))

    def may_send(self, number: int, request: Request | str) -> None:
        """One request at a time, on the connection in use; readiness and heartbeats only in a session."""
        assert self.line is not None
        assert self.line.number == number, "said on another connection"
        assert self.line.stands, "said before the connection stands"
        assert self.line.out is None, "two requests at once"
        assert request_is_mapped(request, self.abilities), "the profile cannot say that"
        match request:
            case OpenSession(channels=channels):
                assert channels
                assert self.stop_said_at is None
            case SetReadiness(changes=changes):
                assert self.session_open
                assert self.stop_said_at is None
                assert 0 < len(changes) <= self.abilities.slice
                for change in changes:
                    assert not (change.ready and change.channel in self.held_back)
            case Heartbeat() | "probe":
                assert self.session_open
                assert self.stop_said_at is None
            case CloseSession():
                assert self.session_open


def request_is_mapped(request: Request | str, abilities: Abilities) -> bool:
    """Whether the profile has a duty for it."""
    match request:
        case OpenSession():
            return abilities.open_session
        case SetReadiness():
            return abilities.set_readiness
        case Heartbeat():
            return abilities.heartbeat
        case CloseSession():
            return abilities.close_session
    return abilities.probe


def replies(request: Request) -> st.SearchStrategy[Reply]:
    """What CE may answer: mostly well, else any fault."""
    good: st.SearchStrategy[Reply]
    match request:
        case OpenSession(channels=channels):
            good = st.builds(
                Reply,
                meaning=st.just(Meaning.CONFIRMED),
                session_id=st.sampled_from(["s1", "s2"]),
                server_name=st.sampled_from([None, "ce1", "ce2"]),
                generation=st.sampled_from([None, 7, 8, 9]),
                session_timeout=st.sampled_from([None, 0.9, 10.0]),
                reports=reports(channels),
            )
        case SetReadiness(changes=changes):
            good = st.builds(
                Reply, meaning=st.just(Meaning.CONFIRMED), reports=reports([change.channel for change in changes])
            )
        case _:
            good = st.builds(
                Reply,
                meaning=st.just(Meaning.CONFIRMED),
                role=st.sampled_from([Role.ACTIVE, Role.ACTIVE, Role.UNKNOWN, Role.STANDBY]),
                generation=st.sampled_from([None, 7, 8, 9]),
            )
    fault = st.builds(
        Reply,
        meaning=st.sampled_from([meaning for meaning in Meaning if meaning is not Meaning.CONFIRMED]),
        channels=st.lists(st.sampled_from([*NAMES, "x"]), unique=True).map(tuple),
        active_server=st.sampled_from([None, "ce2"]),
    )
    return st.one_of(good, good, good, fault)


def reports(channels: tuple[str, ...] | list[str]) -> st.SearchStrategy[tuple[ChannelReport, ...]]:
    """Of some of the channels, and in any state."""
    each = st.builds(ChannelReport, st.sampled_from(list(channels)), CHANNEL_STATES)
    return st.lists(each, max_size=len(channels), unique_by=lambda report: report.channel).map(tuple)


TestSession = SessionMachine.TestCase
TestSession.settings = settings(max_examples=50, stateful_step_count=50)
