"""Following the active host: observations, the connectors' words, marks, and what a failover cost."""

from __future__ import annotations

from collections.abc import Collection
from math import inf
from typing import Any

from attrs import define, field
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from agentchan.ce.agent_channel import AgentChannel
from agentchan.ce.component_link import ComponentLink
from agentchan.ce.watch_pace import HELD, PLAIN, LinkTimings
from agentchan.core.backoff import Backoff
from agentchan.core.channel import Wish
from agentchan.core.channels import Channels
from agentchan.core.failover import Failover
from agentchan.core.observations import Answered, Failed, Mark, Pin
from agentchan.core.session import Session
from agentchan.core.session_values import (
    Abilities,
    Dial,
    Heard,
    Note,
    Rediscover,
    Reports,
    Restored,
    Shown,
    SignOffDone,
    SignOn,
    State,
    Target,
    Timings,
    Unreachable,
)
from agentchan.core.target import Lines
from agentchan.core.topology import begun
from agentchan.core.verdict import Kind
from agentchan.following import Following, Signs, describe
from agentchan.vocabulary import Meaning, Reply, Role, ServerStatus
from tests.ce.dialing import Envelope
from tests.ce.stage import Made, Stage, Threads

URL1, URL2 = "http://ce1/c", "http://ce2/c"
CONNECTORS = ("http://ce1/a", "http://ce2/a")


def status(host: str, role: Role, generation: int | None) -> ServerStatus:
    """What a Component Service says."""
    return ServerStatus(role, server_name=host, generation=generation, connector_url=f"http://{host}/a")


@define
class FakeChannel:
    """Notes whom it is to follow, and whom to leave."""

    followed: list[Target | None] = field(factory=list)
    left: list[str] = field(factory=list)
    heard_at: float | None = None

    def follow(self, target: Target | None) -> None:
        """A target."""
        self.followed.append(target)

    def denied(self, host: str) -> None:
        """A host."""
        self.left.append(host)

    def shown(self) -> Shown:
        """As far as it matters here."""
        return Shown(State.UP, heard_at=self.heard_at)


@define
class FakeLink:
    """Counts how often it is to ask at once."""

    asked: int = 0
    anew: list[str] = field(factory=list)

    def rediscover(self) -> None:
        """Once more."""
        self.asked += 1

    def ask_anew(self, urls: Collection[str]) -> None:
        """These once more."""
        self.anew += urls


@define
class Overheard:
    """What others heard, in order."""

    signs: list[tuple[str, Any]] = field(factory=list)

    def listeners(self) -> Signs:
        """One for each sign."""

        def note(name: str) -> Any:
            return lambda *what: self.signs.append((name, what[0] if len(what) == 1 else what))

        return Signs(
            marked=note("marked"),
            signed_on=note("signed-on"),
            signed_off=note("signed-off"),
            restored=note("restored"),
            judged=note("judged"),
            alarmed=note("alarmed"),
            failed_over=note("failed-over"),
        )

    def of(self, name: str) -> list[Any]:
        """All of a kind."""
        return [what for kind, what in self.signs if kind == name]


class FollowingCase(SynchronousTestCase):
    """Two hosts, and a fake agent channel."""

    lines = Lines()
    urls: tuple[str, ...] = (URL1, URL2)

    def setUp(self) -> None:
        """Nothing is known yet."""
        self.clock = Clock()
        self.heard = Overheard()
        self.following = Following(self.clock, begun(self.urls), self.lines, self.heard.listeners())
        self.channel: Any = FakeChannel()
        self.following.agent_channel = self.channel
        self.link = FakeLink()
        self.following.link = self.link

    def answer(self, url: str, role: Role = Role.ACTIVE, generation: int | None = 7) -> None:
        """A Component Service has just answered."""
        host = url.removeprefix("http://")[:3]
        now = self.clock.seconds()
        self.following.observe(Answered(url, status(host, role, generation), asked_at=now, at=now))

    def signed_on(self, host: str = "ce1", generation: int | None = 7) -> None:
        """The agent channel is signed on."""
        self.following.act(SignOn(host, generation, 1, Reply(Meaning.CONFIRMED)))

    def signed_off(self, host: str = "ce1", cause: str = "reset", *, silent: bool = False) -> None:
        """It has ended."""
        self.following.act(SignOffDone(host, cause, silent))

    def hear(self) -> None:
        """The agent channel has heard from its host just now."""
        self.channel.heard_at = self.clock.seconds()
        self.following.changed()

    @property
    def followed(self) -> str | None:
        """Who is followed now."""
        target = self.channel.followed[-1]
        return target and target.host


class ObservingTests(FollowingCase):
    """From what hosts say to whom the agent channel follows."""

    def test_active_host(self) -> None:
        """Whoever is active is followed, and that is told once."""
        self.answer(URL1, Role.STANDBY)
        assert self.followed is None
        for _ in range(3):
            self.answer(URL2)
        assert self.channel.followed[-1] == Target("ce2", ("http://ce2/a",), 7)
        verdicts = [(before.kind, now.kind, now.host) for before, now in self.heard.of("judged")]
        assert verdicts == [(Kind.UNKNOWN, Kind.NONE_ACTIVE, None), (Kind.NONE_ACTIVE, Kind.FOLLOWING, "ce2")]

    def test_promotion(self) -> None:
        """A host of a higher generation is followed at once, though the old one still claims to be active."""
        self.answer(URL1)
        self.answer(URL2, generation=8)
        assert self.followed == "ce2"
        assert self.following.verdict.generation == 8

    def test_frontend(self) -> None:
        """Without an agent channel there is a verdict all the same."""
        self.following.agent_channel = None
        self.answer(URL1)
        self.following.changed()
        assert describe(self.following.verdict) == "ce1 is active, generation 7"
        assert self.following.failing_over(oldest=10.0).answer is False

    def test_describe(self) -> None:
        """A verdict in one line."""
        assert describe(self.following.verdict).startswith("no host answers")
        self.answer(URL1, generation=None)
        assert describe(self.following.verdict) == "ce1 is active, generation 0"

    def test_pin(self) -> None:
        """An operator's word counts until its time is over, or it is taken back."""
        self.answer(URL1)
        self.answer(URL2, generation=6)
        self.following.pin(Pin("ce2", 10.0, "test"))
        assert (self.following.verdict.kind, self.followed) == (Kind.PINNED, "ce2")
        self.clock.advance(10.0)
        self.following.passed()
        assert self.followed == "ce1"
        self.following.pin(Pin("ce2", inf, "test"))
        self.following.pin(None)
        assert self.followed == "ce1"


class ActingTests(FollowingCase):
    """What the agent channel's session decides and others carry out."""

    def test_told_on(self) -> None:
        """Everybody hears what concerns him."""
        self.answer(URL1)
        self.signed_on()
        self.following.act(Restored("ce1"))
        self.following.act(Note("contended", "somebody", alarm=True))
        self.signed_off()
        self.following.act(Reports((), 0.0))
        told = [name for name, _ in self.heard.signs if name != "judged"]
        assert told == ["signed-on", "marked", "restored", "alarmed", "signed-off"]

    def test_rediscover(self) -> None:
        """Every URL is asked at once; where there is no component link, nobody is."""
        self.following.act(Rediscover())
        assert self.link.asked == 1
        self.following.link = None
        self.following.act(Rediscover())

    def test_connector_denies(self) -> None:
        """A host that denies on the agent channel is left at once, until it says otherwise later."""
        self.answer(URL1)
        self.clock.advance(1.0)
        self.following.act(Heard("http://ce1/a", "ce1", active=False, generation=7, asked_at=1.0))
        assert self.followed is None
        assert self.link.anew == [URL1]
        self.clock.advance(1.0)
        self.answer(URL1)
        assert self.followed == "ce1"

    def test_connector_confirms(self) -> None:
        """The word of the agent channel holds a host whose Component Service has fallen silent, as long as it lives."""
        self.answer(URL1)
        self.following.act(Heard("http://ce1/a", "ce1", active=True, generation=7, asked_at=0.0))
        self.following.observe(Failed(URL1, "frozen", 1.0))
        assert self.followed == "ce1"
        self.signed_off()
        assert self.followed is None

    def test_word_of_somebody(self) -> None:
        """A word of a host that nobody knows, or of nobody, is none."""
        self.answer(URL1)
        for host in ("ce9", None):
            self.following.act(Heard("http://ce9/a", host, active=True, generation=9, asked_at=0.0))
        assert self.followed == "ce1"
        assert self.following.topology.words == ()

    def test_unreachable(self) -> None:
        """That a connector cannot be reached says nothing of its host's role."""
        self.answer(URL1)
        self.following.act(Unreachable("http://ce1/a", "refused"))
        assert self.followed == "ce1"

    def test_denied_by_a_signal(self) -> None:
        """An answer to a call signal is the host's own word, too, and every URL is asked."""
        self.answer(URL1)
        self.clock.advance(1.0)
        self.following.denied("ce1")
        assert (self.channel.left, self.followed, self.link.asked) == (["ce1"], None, 1)
        self.following.denied("ce9")
        self.clock.advance(1.0)
        self.answer(URL2, generation=8)
        assert self.followed == "ce2"


class MarkTests(FollowingCase):
    """Nobody is followed to a generation below that of a sign-on."""

    def test_rises(self) -> None:
        """With each sign-on in a higher generation; it is told with the domain that is home now."""
        self.answer(URL1)
        self.signed_on()
        self.signed_on(generation=7)
        self.answer(URL2, generation=9)
        self.signed_on("ce2", 9)
        assert self.heard.of("marked") == [((Mark(None, 7, "ce1"),), None), ((Mark(None, 9, "ce2"),), None)]
        self.answer(URL1, generation=8)
        assert self.followed == "ce2"
        assert self.heard.of("alarmed") == []

    def test_without_generation(self) -> None:
        """A sign-on that says none raises no mark."""
        self.answer(URL1)
        self.signed_on(generation=None)
        assert self.heard.of("marked") == []

    def test_remembered(self) -> None:
        """A mark of an earlier run counts from the first answer on."""
        self.following.recall(begun(self.urls, None, (Mark(None, 9, "ce2"),), None))
        self.answer(URL1, generation=8)
        assert self.followed is None
        self.answer(URL2, generation=9)
        assert self.followed == "ce2"

    def test_recalled_at_once(self) -> None:
        """What is recalled counts before anything is observed, also for whom to sign on to; it is news to nobody."""
        lines = Lines(CONNECTORS, connector_answers=True)
        following = Following(self.clock, begun(CONNECTORS), lines, self.heard.listeners())
        following.recall(begun(CONNECTORS, None, (Mark(None, 9, "ce2"),), None))
        assert following.target == Target(None, CONNECTORS, None, 9)
        assert following.topology.present == "ce2"
        assert self.heard.signs == []

    def test_falls_loudly(self) -> None:
        """When everybody has been below it for a minute, or an operator says so."""
        for by_hand in (False, True):
            self.setUp()
            self.following.recall(begun(self.urls, None, (Mark(None, 9, "ce2"),), None))
            self.answer(URL1, generation=3)
            self.answer(URL2, Role.STANDBY, generation=3)
            assert self.followed is None
            if by_hand:
                self.following.forget_generation()
            else:
                self.clock.advance(60.0)
                self.following.passed()
            assert self.followed == "ce1"
            (note,) = self.heard.of("alarmed")
            assert (note.event, note.alarm) == ("mark-fallen", True)
            assert "although ce2 was signed on to in generation 9" in note.text
            assert len(self.heard.of("marked")) == 1


class ConnectorAnswersTests(FollowingCase):
    """The first connector in line that accepts is the active one."""

    lines = Lines(CONNECTORS, connector_answers=True)
    urls = CONNECTORS

    def test_line(self) -> None:
        """All connectors are in line from the start; their answers are what is known of the hosts."""
        self.following.passed()
        assert self.channel.followed == [Target(None, CONNECTORS)]
        self.following.act(Unreachable(CONNECTORS[0], "refused"))
        self.following.act(Heard(CONNECTORS[1], "ce2", active=True, generation=8, asked_at=0.0))
        views = self.following.topology.views
        assert [(view.error, view.status and view.status.role) for view in views] == [
            ("refused", None),
            (None, Role.ACTIVE),
        ]
        assert self.following.verdict.host == "ce2"
        self.following.act(Heard(CONNECTORS[1], None, active=False, generation=None, asked_at=0.0))
        assert self.following.verdict.host is None

    def test_denied_by_a_signal(self) -> None:
        """Whether it is known by its name or by its address."""
        for host in ("ce2", CONNECTORS[1]):
            self.setUp()
            self.following.act(Heard(CONNECTORS[1], "ce2", active=True, generation=8, asked_at=0.0))
            self.following.denied(host)
            assert self.following.verdict.host is None
            assert self.channel.left == [host]


class FailoverTests(FollowingCase):
    """The record of a failover, phase by phase."""

    def setUp(self) -> None:
        """Signed on to ce1, in 7, and heard from it."""
        super().setUp()
        self.answer(URL1)
        self.sign_on_again("ce1", 7)
        self.clock.advance(10.0)
        self.hear()
        assert self.records() == []

    def records(self) -> list[Failover]:
        """What was told."""
        return self.heard.of("failed-over")

    def dial(self) -> None:
        """An attempt begins."""
        self.following.act(Dial(1, "http://ce2/a", 1.0, 1.0))

    def sign_on_again(self, host: str, generation: int | None) -> None:
        """Dialled, signed on, restored, with nothing in the outbox."""
        self.dial()
        self.signed_on(host, generation)
        self.following.outbox_emptied()
        self.following.act(Restored(host))

    def phases(self, record: Failover) -> tuple[float, ...]:
        """In order."""
        return (record.detect, record.discover, record.sign_on, record.restore, record.drain_outbox, record.total)

    def go_on(self) -> Failover:
        """To ce2, in 8: discovered in 1 s, signed on in 2, restored in 4, the outbox emptied in 8."""
        self.clock.advance(1.0)
        self.dial()
        self.clock.advance(2.0)
        self.signed_on("ce2", 8)
        self.clock.advance(4.0)
        self.following.act(Restored("ce2"))
        assert self.records() == []
        self.clock.advance(8.0)
        self.following.outbox_emptied()
        (record,) = self.records()
        assert (record.from_host, record.to_host, record.generation) == ("ce1", "ce2", 8)
        assert record.ended_at == self.clock.seconds()
        return record

    def test_silence(self) -> None:
        """A host that fell silent: what it took to notice counts from its last sign of life."""
        self.clock.advance(1.5)
        self.signed_off(cause="3 heartbeats missed", silent=True)
        record = self.go_on()
        assert self.phases(record) == (1.5, 1.0, 2.0, 4.0, 8.0, 16.5)
        assert record.cause == "3 heartbeats missed"

    def test_told_at_once(self) -> None:
        """A reset, a closed connection, or a word: nothing had to be detected, however long ago the last reply was."""
        self.clock.advance(0.5)
        self.signed_off()
        assert self.phases(self.go_on()) == (0.0, 1.0, 2.0, 4.0, 8.0, 15.0)

    def test_outbox_first(self) -> None:
        """An outbox that is empty before all readiness is told costs nothing."""
        self.signed_off()
        self.sign_on_again("ce2", 8)
        assert self.phases(self.records()[0]) == (0.0,) * 6

    def test_attempts_in_vain(self) -> None:
        """Attempts that lead nowhere are part of finding the right host."""
        self.signed_off()
        for _ in range(3):
            self.clock.advance(1.0)
            self.dial()
        self.clock.advance(0.5)
        self.sign_on_again("ce2", 8)
        assert self.records()[0].discover == 3.5

    def test_same_host_again(self) -> None:
        """The same host in the same generation is no failover; in another one it is."""
        self.signed_off()
        self.sign_on_again("ce1", 7)
        assert self.records() == []
        self.signed_off()
        self.sign_on_again("ce1", 8)
        assert [(record.from_host, record.to_host) for record in self.records()] == [("ce1", "ce1")]

    def test_another_session_on_the_same_connection(self) -> None:
        """A new generation of the same host on the open connection: nobody had to be discovered."""
        self.signed_off(cause="ce1 is active in generation 8 now")
        self.clock.advance(2.0)
        self.signed_on("ce1", 8)
        self.following.outbox_emptied()
        self.following.act(Restored("ce1"))
        assert self.phases(self.records()[0]) == (0.0, 0.0, 2.0, 0.0, 0.0, 2.0)

    def test_second_loss_amid_it(self) -> None:
        """Lost again before all was told: it is one failover, from the host that last served, for the first cause."""
        self.clock.advance(1.0)
        self.signed_off(cause="killed", silent=True)
        self.clock.advance(1.0)
        self.dial()
        self.signed_on("ce2", 8)
        self.hear()
        self.clock.advance(1.0)
        self.signed_off("ce2", "killed, too", silent=True)
        self.clock.advance(1.0)
        self.sign_on_again("ce1", 9)
        (record,) = self.records()
        assert (record.from_host, record.to_host, record.cause) == ("ce1", "ce1", "killed")
        assert self.phases(record) == (1.0, 3.0, 0.0, 0.0, 0.0, 4.0)

    def test_three_in_a_row(self) -> None:
        """Each is recorded, and nothing twice."""
        for host, other, generation in (("ce2", "ce1", 8), ("ce1", "ce2", 9), ("ce2", "ce1", 10)):
            self.signed_off(other)
            self.sign_on_again(host, generation)
            self.following.act(Restored(host))
            self.following.outbox_emptied()
        moves = [(record.from_host, record.to_host, record.generation) for record in self.records()]
        assert moves == [("ce1", "ce2", 8), ("ce2", "ce1", 9), ("ce1", "ce2", 10)]

    def test_start_is_none(self) -> None:
        """The first sign-on of a run is no failover."""
        super().setUp()
        self.answer(URL1)
        self.sign_on_again("ce1", 7)
        assert self.records() == []


class TwoWordsCodec:
    """Both services' codec, in words: a status is ``ce1 Active 7``; every reply to the connector is a good one."""

    def encode_get_status(self, _url: str) -> Envelope:
        """Plain."""
        return Envelope(PLAIN.encode())

    def encode_watch_status(self, _known: ServerStatus | None, _max_wait: float, _url: str) -> Envelope:
        """Held back."""
        return Envelope(HELD.encode())

    def decode_status(self, _duty: str, _status: int, _content_type: str | None, body: bytes) -> ServerStatus:
        """Host, role, generation."""
        host, role, generation = body.decode().split()
        return status(host, Role(role), int(generation))

    def encode(self, request: Any, _url: str) -> Envelope:
        """The connector's."""
        return Envelope(type(request).__name__.encode())

    def decode(self, _request: Any, _status: int, _content_type: str | None, body: bytes) -> Reply:
        """``not-active``, or the host that has opened a session and its generation."""
        if body == b"not-active":
            return Reply(Meaning.NOT_ACTIVE)
        host, _, generation = body.decode().partition(" ")
        return Reply(
            Meaning.CONFIRMED,
            session_id="s",
            server_name=host or None,
            generation=int(generation) if generation else None,
            role=Role.ACTIVE,
        )


class JoinedCase(SynchronousTestCase):
    """The real session and agent channel, joined on a stage."""

    lines = Lines()
    urls: tuple[str, ...] = (URL1, URL2)
    abilities = Abilities()

    def setUp(self) -> None:
        """Nobody is known yet."""
        self.stage = Stage()
        self.clock = self.stage.clock
        self.heard = Overheard()
        self.codec = TwoWordsCodec()
        self.following = Following(self.clock, begun(self.urls), self.lines, self.heard.listeners())
        self.channels = Channels(["c1"], Wish(ready=True), 0.0)
        threads: Any = Threads()
        self.channel = AgentChannel(
            self.clock,
            threads,
            self.stage,
            self.codec,
            Session(
                ivr="ivr1",
                instance_id="here",
                channels=self.channels,
                timings=Timings(backoff=Backoff(0.1, 5.0)),
                abilities=self.abilities,
                jitter=lambda _low, high: high,
            ),
            keep_alive=True,
            probe=None,
            user_timeout=2.0,
            on_action=self.following.act,
            on_change=self.following.changed,
        )
        self.following.agent_channel = self.channel

    def accept(self, url: str) -> Made:
        """The newest attempt on a URL is accepted."""
        attempt = [each for each in self.stage.dialled if each.url.text == url][-1]
        connection = attempt.accept()
        self.clock.settle()
        return connection

    def answer(self, connection: Made, body: bytes) -> None:
        """What was asked is answered."""
        connection.answer(body)
        self.clock.settle()

    def sign_on(self, opened: bytes) -> Made:
        """The connector accepts, opens a session, and takes the readiness."""
        connection = self.accept(f"http://{opened.decode()[:3]}/a")
        self.answer(connection, opened)
        self.answer(connection, b"")
        self.following.outbox_emptied()
        assert self.channel.shown().state is State.UP
        return connection

    def wish(self, *, ready: bool) -> None:
        """The IVR wants its channel ready, or not."""
        self.channels.wished("c1", Wish(ready))
        self.channel.tick()
        self.clock.settle()


class LineTests(JoinedCase):
    """Connectors in line whose profile has no heartbeat."""

    lines = Lines(CONNECTORS, connector_answers=True)
    urls = CONNECTORS
    abilities = Abilities(heartbeat=False)

    def test_signal_is_denied(self) -> None:
        """A host that denies a signal gets no readiness any more, though nothing else would tell that it is demoted."""
        self.following.passed()
        connector = self.sign_on(b"ce1 7")
        self.clock.settle(60.0)
        self.following.denied("ce1")
        said = len(connector.asked)
        self.clock.settle()
        assert connector.gone
        assert self.following.verdict.kind is Kind.NONE_ACTIVE
        self.wish(ready=False)
        assert len(connector.asked) == said
        assert self.sign_on(b"ce2 8").asked[-1] == Envelope(b"SetReadiness")
        assert self.following.verdict.host == "ce2"


class TogetherTests(JoinedCase):
    """With the real component link."""

    def setUp(self) -> None:
        """ce1 is active in 7, ce2 is its standby; all is up."""
        super().setUp()
        self.following.link = self.link = ComponentLink(
            self.clock,
            self.stage,
            self.codec,
            urls=self.urls,
            duties=frozenset({PLAIN, HELD}),
            timings=LinkTimings(timeout=1.0, watch_wait=1.0, poll_interval=1.0),
            jitter=lambda _low, high: high,
            tell=self.following.observe,
        )
        self.link.start()
        self.clock.settle()
        self.component = [self.accept(URL1), self.accept(URL2)]
        self.answer(self.component[1], b"ce2 Standby 7")
        self.answer(self.component[0], b"ce1 Active 7")
        self.connector = self.sign_on(b"ce1 7")
        self.stage.log.clear()

    def finish(self) -> Failover:
        """ce2, active in 8, signs us on; what the move cost."""
        self.sign_on(b"ce2 8")
        (record,) = self.heard.of("failed-over")
        assert (record.from_host, record.to_host) == ("ce1", "ce2")
        self.channel.stop()
        self.channel.stop()
        self.link.stop()
        self.clock.settle()
        self.stage.assert_nothing_left()
        return record

    def test_promotion_is_told(self) -> None:
        """The standby's own word moves the agent channel at once; the old connection goes first."""
        self.answer(self.component[1], b"ce2 Active 8")
        assert self.stage.log[:2] == ["abort ce1 3", "dial ce2 4"]
        assert self.finish().detect == 0.0

    def test_demotion_is_told(self) -> None:
        """A host that answers that it is not active is left, and everybody asked; nothing had to be detected."""
        self.clock.settle(0.5)
        self.answer(self.connector, b"not-active")
        assert self.connector.gone
        assert self.channel.shown().state is State.DOWN
        self.answer(self.component[1], b"ce2 Active 8")
        assert self.finish().detect == 0.0

    def test_signal_is_denied(self) -> None:
        """So is one that answers so to a call signal: nothing more is said to it, until it claims otherwise."""
        self.clock.settle(0.3)
        said = len(self.connector.asked)
        self.following.denied("ce1")
        self.wish(ready=False)
        assert self.connector.gone
        assert len(self.connector.asked) == said
        assert self.following.target is None
        self.answer(self.component[1], b"ce2 Active 8")
        assert self.finish().detect == 0.0

    def test_host_is_killed(self) -> None:
        """A reset is told at once, too."""
        self.clock.settle(0.3)
        self.connector.lose("reset")
        self.component[0].lose("reset")
        self.clock.settle()
        self.answer(self.component[1], b"ce2 Active 8")
        record = self.finish()
        assert (record.detect, record.cause) == (0.0, "reset")

    def test_host_is_frozen(self) -> None:
        """Silence has to be noticed: three heartbeats after the last sign of life, which was when we signed on."""
        for _ in range(19):
            self.clock.settle(0.1)
            if self.component[1].waited >= 0.9:
                self.answer(self.component[1], b"ce2 Standby 7")
        assert self.channel.shown().state is State.SUSPECT
        self.clock.settle(0.2)
        assert self.connector.gone
        self.answer(self.component[1], b"ce2 Active 8")
        record = self.finish()
        assert 1.9 < record.detect < 2.15
        assert "3 heartbeats missed" in record.cause
