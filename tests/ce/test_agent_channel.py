"""The agent channel's shell: what the session decides is carried out in order, and what came of it is told."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from attrs import define, evolve, field
from structlog.testing import capture_logs
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from agentchan import configured
from agentchan.ce.agent_channel import AgentChannel
from agentchan.ce.errors import CannotEncode, ExchangeFailed
from agentchan.core.backoff import Backoff
from agentchan.core.channel import Wish
from agentchan.core.channels import Channels
from agentchan.core.session import Session
from agentchan.core.session_values import (
    Abilities,
    Action,
    Dial,
    Rediscover,
    Restored,
    SignOffDone,
    SignOn,
    State,
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
from tests.ce.dialing import Envelope
from tests.ce.stage import Made, Stage, Threads
from tests.ce.wsdls import codec, envelope, profile

CE1 = Target("ce1", ("http://ce1/a",), 7)
CE2 = Target("ce2", ("http://ce2/a",), 8)
TIMINGS = Timings(backoff=Backoff(0.1, 5.0))


@define
class RequestsCodec:
    """Notes the requests in the order of their encoding; an answer's body tells which of ``replies`` it is."""

    requests: list[Request] = field(factory=list)
    replies: list[Reply] = field(factory=list)
    on_encode: Callable[[Request], None] = lambda _request: None

    def encode(self, request: Request, _url: str) -> Envelope:
        """A message."""
        self.on_encode(request)
        self.requests.append(request)
        return Envelope(type(request).__name__.encode())

    def decode(self, _request: Request, status: int, _content_type: str | None, body: bytes) -> Reply:
        """What the test answers."""
        if status != 200:
            raise ExchangeFailed(f"status {status}")
        return self.replies[int(body.lstrip(b"0") or b"0")]

    def written(self, reply: Reply, *, padded: int = 0) -> bytes:
        """A reply's body, with leading zeros where it is to be a long one."""
        self.replies.append(reply)
        return str(len(self.replies) - 1).encode().rjust(padded, b"0")


class ChannelCase(SynchronousTestCase):
    """An agent channel on a stage, with the real session above it."""

    channels = ("c1", "c2")
    abilities = Abilities()
    keep_alive = True
    probe: str | None = None

    def make_codec(self) -> Any:
        """What is spoken."""
        return RequestsCodec()

    def setUp(self) -> None:
        """Nobody is to be followed yet."""
        self.stage = Stage()
        self.clock = self.stage.clock
        self.threads: Any = Threads()
        self.codec = self.make_codec()
        self.actions: list[Action] = []
        self.changes = 0
        self.on_action: Callable[[Action], None] = self.actions.append
        self.session = Session(
            ivr="ivr1",
            instance_id="here",
            channels=Channels(self.channels, Wish(ready=True), 0.0),
            timings=TIMINGS,
            abilities=self.abilities,
            jitter=lambda _low, high: high,
        )
        self.channel = AgentChannel(
            self.clock,
            self.threads,
            self.stage,
            self.codec,
            self.session,
            keep_alive=self.keep_alive,
            probe=self.probe,
            user_timeout=2.0,
            on_action=self._acted,
            on_change=self._changed,
        )

    def _acted(self, action: Action) -> None:
        self.on_action(action)

    def _changed(self) -> None:
        self.changes += 1

    # What happens.

    def accept(self, certificate_not_after: datetime | None = None) -> Made:
        """The newest attempt is accepted."""
        connection = self.stage.newest.accept(certificate_not_after)
        self.clock.settle()
        return connection

    def reply(self, connection: Made, reply: Reply | None = None, **how: Any) -> None:
        """The newest request is answered, well if nothing else is said."""
        connection.answer(self.codec.written(reply or self.usual(self.codec.requests[-1])), **how)
        self.clock.settle()

    def usual(self, request: Request) -> Reply:
        """A good reply."""
        match request:
            case OpenSession(channels=channels):
                reports = tuple(ChannelReport(name, ChannelState.NOT_READY) for name in channels)
                target = CE2 if self.stage.newest.url.host == "ce2" else CE1
                return Reply(
                    Meaning.CONFIRMED,
                    session_id="s",
                    server_name=target.host,
                    generation=target.generation,
                    session_timeout=10.0,
                    reports=reports,
                )
            case SetReadiness(changes=changes):
                return Reply(
                    Meaning.CONFIRMED,
                    reports=tuple(ChannelReport(change.channel, ChannelState.READY) for change in changes),
                )
            case Heartbeat():
                return Reply(Meaning.CONFIRMED, role=Role.ACTIVE, generation=7)
        return Reply(Meaning.CONFIRMED)

    def up(self, target: Target = CE1) -> Made:
        """Signed on, and all channels are ready."""
        self.channel.follow(target)
        connection = self.accept()
        self.reply(connection)
        self.reply(connection)
        assert self.state is State.UP
        return connection

    def beat(self) -> None:
        """Time passes until the next heartbeat, or probe, is out."""
        before, dialled = len(self.codec.requests), len(self.stage.dialled)
        while (len(self.codec.requests), len(self.stage.dialled)) == (before, dialled):
            self.clock.settle(0.05)

    # What is to be seen.

    @property
    def state(self) -> State:
        """The agent channel's state."""
        return self.channel.shown().state

    def told(self, kind: type[Action]) -> list[Any]:
        """All actions of a kind that were handed on."""
        return [action for action in self.actions if isinstance(action, kind)]

    def causes(self) -> list[str]:
        """Why the agent channel ended."""
        return [off.cause for off in self.told(SignOffDone)]

    def assert_stops(self) -> None:
        """Stopped, there is nothing left."""
        self.channel.stop()
        self.successResultOf(self.channel.stop())
        self.stage.assert_nothing_left()
        assert self.state is State.DOWN


class CarryingOutTests(ChannelCase):
    """Dial, send, abort."""

    def test_from_the_dial_to_ready(self) -> None:
        """One request at a time on one connection, each when the one before is answered."""
        connection = self.up()
        assert [type(request) for request in self.codec.requests] == [OpenSession, SetReadiness]
        assert connection.asked == [Envelope(b"OpenSession"), Envelope(b"SetReadiness")]
        assert self.stage.newest.url.text == "http://ce1/a"
        assert [type(action) for action in self.told(Dial) + self.told(SignOn) + self.told(Restored)] == [
            Dial,
            SignOn,
            Restored,
        ]
        self.beat()
        assert connection.asked[2:] == [Envelope(b"Heartbeat")]
        self.assert_stops()

    def test_change_is_told_after_each_event(self) -> None:
        """Whoever shows the state is told when it may be another one, once all actions are carried out."""
        seen: list[State] = []
        self.channel._on_change = lambda: seen.append(self.state)
        self.up()
        assert list(dict.fromkeys(seen)) == [State.DIALING, State.SIGNING_ON, State.RESTORING, State.UP]

    def test_abort_while_dialling(self) -> None:
        """An attempt that is not wanted any more is cancelled, and its end changes nothing."""
        self.channel.follow(CE1)
        self.channel.follow(None)
        self.clock.settle()
        assert self.stage.newest.cancelled
        assert self.state is State.DOWN
        self.assert_stops()

    def test_abort_while_asking(self) -> None:
        """A connection with a request out is aborted; what comes of the request changes nothing."""
        connection = self.up()
        self.beat()
        self.channel.follow(None)
        self.clock.settle()
        assert connection.gone
        assert self.state is State.DOWN
        assert self.causes() == ["ce1 is not the active host any more"]
        self.assert_stops()

    def test_old_connection_first(self) -> None:
        """The old connection is aborted before the new host is dialled."""
        self.up()
        self.stage.log.clear()
        self.channel.follow(CE2)
        assert self.stage.log == ["abort ce1 1", "dial ce2 2"]
        self.reply(self.accept())
        self.reply(self.stage.newest.connection)  # type: ignore[arg-type]
        assert (self.state, self.channel.shown().host) == (State.UP, "ce2")

    def test_next_in_line_after_a_refusal(self) -> None:
        """A refused attempt leads to the next connector at once."""
        self.channel.follow(evolve(CE1, connectors=("http://ce1/a", "http://ce1b/a")))
        self.stage.newest.refuse()
        assert self.stage.log == ["dial ce1 1", "dial ce1b 2"]

    def test_bad_address(self) -> None:
        """An address that cannot be dialled at all is a failed attempt, and no busy loop."""
        self.channel.follow(evolve(CE1, connectors=("http://ce1/a",)))
        self.stage.on_dial = lambda attempt: attempt.refuse("no address")
        self.stage.newest.refuse("no address")
        self.clock.settle(10.0)
        assert len(self.stage.dialled) < 30
        assert self.channel.shown().error == "no address"
        self.assert_stops()

    def test_deadlines_of_an_attempt_are_doubled(self) -> None:
        """The step whose deadline passed gets more time in the next attempt, the other one does not."""
        self.channel.follow(CE1)
        self.stage.newest.refuse("slow", "tls", timed_out=True)
        self.clock.settle(0.2)
        assert (self.stage.newest.connect_timeout, self.stage.newest.tls_timeout) == (1.0, 2.0)
        self.stage.newest.refuse("slow", timed_out=True)
        self.clock.settle(0.5)
        assert (self.stage.newest.connect_timeout, self.stage.newest.tls_timeout) == (2.0, 2.0)

    def test_answer_that_is_none(self) -> None:
        """An answer of no contract is a loss that names the host."""
        connection = self.up()
        self.beat()
        self.reply(connection, status=502)
        assert self.causes() == ["ce1:80: status 502"]
        assert connection.gone

    def test_cannot_be_said(self) -> None:
        """What the profile cannot say is a failed attempt with the reason, and no fault of ours."""

        def refuse(_request: Request) -> None:
            raise CannotEncode("c1 has no campaign")

        self.codec.on_encode = refuse
        with capture_logs() as logged:
            self.channel.follow(CE1)
            self.accept()
        assert logged == []
        assert self.channel.shown().error == "c1 has no campaign"

    def test_lost_while_idle(self) -> None:
        """A connection that ends is a loss, with the reason that it was lost for."""
        self.up().lose("ce1 closed the connection")
        assert self.causes() == ["ce1 closed the connection"]

    def test_close_after_an_answer(self) -> None:
        """So is one that the server closes after its answer, where connections are to be kept."""
        connection = self.up()
        self.beat()
        self.reply(connection, closing=True)
        assert self.state is State.UP
        connection.lose("ce1 closed the connection after its answer")
        assert self.causes() == ["ce1 closed the connection after its answer"]

    def test_silence(self) -> None:
        """A heartbeat without an answer: suspect after an interval, with every URL asked; dead after the set number."""
        connection = self.up()
        self.beat()
        self.clock.settle(0.45)
        assert (self.state, self.told(Rediscover)) == (State.UP, [])
        self.clock.settle(0.1)
        assert (self.state, len(self.told(Rediscover))) == (State.SUSPECT, 1)
        self.clock.settle(0.85)
        assert self.told(SignOffDone) == []
        self.clock.settle(0.1)
        assert [(off.host, off.silent) for off in self.told(SignOffDone)] == [("ce1", True)]
        assert "3 heartbeats missed" in self.causes()[0]
        assert connection.gone

    def test_retime(self) -> None:
        """Other durations count from now on."""
        connection = self.up()
        self.channel.retime(evolve(TIMINGS, heartbeat=5.0))
        self.beat()
        self.reply(connection)
        self.clock.settle(3.0)
        assert [type(request) for request in self.codec.requests].count(Heartbeat) == 1

    def test_certificate(self) -> None:
        """When the certificate of the newest connection expires is known."""
        assert self.channel.certificate_not_after is None
        for year in (2030, 2031):
            self.channel.follow(CE1 if year == 2030 else CE2)
            expires = datetime(year, 1, 1, tzinfo=UTC)
            self.accept(expires)
            assert self.channel.certificate_not_after == expires

    def test_one_timer(self) -> None:
        """Bytes that come move no timer, nor does the reply; and there is never more than one."""
        connection = self.up()
        self.beat()
        timers = list(self.clock.getDelayedCalls())
        for _ in range(20):
            self.clock.rightNow += 0.001
            connection.say()
        self.reply(connection)
        assert self.clock.getDelayedCalls() == timers
        assert len(timers) == 1


class OldNumberTests(ChannelCase):
    """Whatever comes from a connection that was given up changes nothing (F14)."""

    def test_everything_late(self) -> None:
        """Bytes, an answer, a loss of the old connection, while the new one is up."""
        old = self.up()
        self.beat()
        old_attempt = self.stage.newest
        self.channel.follow(CE2)
        new = self.accept()
        self.reply(new)
        self.reply(new)
        stale = self.session.stale
        heard_at = self.channel.shown().heard_at
        self.clock.settle(0.1)
        old_attempt.on_bytes()
        old_attempt.on_lost("late")
        old.lose("later")
        self.clock.settle()
        assert (self.state, self.channel.shown().host) == (State.UP, "ce2")
        assert self.channel.shown().heard_at == heard_at
        assert self.session.stale >= stale
        assert len(self.told(SignOffDone)) == 1


class PerRequestTests(ChannelCase):
    """A server that closes after each reply: then every request has a connection of its own."""

    keep_alive = False

    def test_each_request_its_own(self) -> None:
        """The end of a connection after its reply is no loss, whoever closes."""
        self.channel.follow(CE1)
        connections = [self.accept()]
        self.reply(connections[0], closing=True)
        connections.append(self.accept())
        self.reply(connections[1])
        self.beat()
        connections.append(self.accept())
        self.reply(connections[2], closing=True)
        connections[2].lose()
        assert self.state is State.UP
        assert self.told(SignOffDone) == []
        assert [connection.asked for connection in connections] == [
            [Envelope(b"OpenSession")],
            [Envelope(b"SetReadiness")],
            [Envelope(b"Heartbeat")],
        ]
        assert all(connection.gone for connection in connections)
        self.assert_stops()

    def test_late_end_of_the_one_before(self) -> None:
        """The connection before ends while the next one is being used: that is no news, even if it was reset."""
        self.channel.follow(CE1)
        first, ends = self.accept(), self.stage.newest.on_lost
        self.reply(first)
        second = self.accept()
        ends("reset by peer")
        assert self.told(SignOffDone) == []
        self.reply(second)
        assert self.state is State.UP

    def test_lost_before_the_reply(self) -> None:
        """A connection that ends without the reply is a loss."""
        self.channel.follow(CE1)
        self.reply(self.accept())
        self.accept().lose("reset by peer")
        assert self.causes() == ["reset by peer"]

    def test_refused_later(self) -> None:
        """A host that does not accept the next connection is lost."""
        self.channel.follow(CE1)
        self.reply(self.accept())
        self.stage.newest.refuse("ce1 refused the connection")
        assert self.causes() == ["ce1 refused the connection"]

    def test_silent_later(self) -> None:
        """The next connection hangs: the reply's deadline counts, and the attempt is let go."""
        self.channel.follow(CE1)
        self.reply(self.accept())
        self.clock.settle(2.1)
        assert len(self.causes()) == 1
        assert self.stage.dialled[1].cancelled
        self.assert_stops()

    def test_lost_while_idle(self) -> None:
        """A connection that a server closes before anything was asked on it is made anew."""
        self.abilities = Abilities(open_session=False, set_readiness=False, heartbeat=False, close_session=False)
        self.setUp()
        self.channel.follow(CE1)
        self.accept().lose()
        assert self.state is State.UP
        self.assert_stops()


class OneChangeAtATimeTests(ChannelCase):
    """A site whose message for readiness has room for one channel, spoken by the real codec."""

    channels = ("ivr1-1", "ivr1-2", "ivr1-3")
    abilities = configured.abilities(profile("wcf"))

    def make_codec(self) -> Any:
        """The site's own."""
        return codec("wcf")

    def answer(self, connection: Made, operation: str, result: str) -> None:
        """A good reply of the site."""
        inside = f"<{operation}Result>{result}</{operation}Result>"
        connection.answer(
            envelope(f'<{operation}Response xmlns="http://site.example/ivr">{inside}</{operation}Response>')
        )
        self.clock.settle()

    def test_each_channel_its_own_request(self) -> None:
        """All channels are told of, one after the other, and all become ready; CE never gets what it cannot read."""
        self.channel.follow(CE1)
        connection = self.accept()
        ticket = '<d:Ticket xmlns:d="http://site.example/ivr/data">0f2a6e0c-5f0e-4b0e-9d5a-1f6f3c1d7a10</d:Ticket>'
        self.answer(connection, "Register", ticket)
        for _ in self.channels:
            self.answer(connection, "SetState", "Frei")
        assert self.state is State.UP
        said: list[Any] = connection.asked[1:]
        assert [re.findall(rb"<line>(.*?)</line>", message.body) for message in said] == [
            [b"ivr1-1"],
            [b"ivr1-2"],
            [b"ivr1-3"],
        ]
        assert {channel.reported for channel in self.session.channels.all()} == {ChannelState.READY}


class ThreadTests(ChannelCase):
    """Large messages are put together and taken apart in a thread."""

    channels = tuple(f"c{number}" for number in range(1001))

    def test_both_ways(self) -> None:
        """The request of many channels, and a long reply."""
        self.channel.follow(CE1)
        connection = self.accept()
        assert (self.codec.requests, connection.asked) == ([], [])
        self.threads.work()
        self.clock.settle()
        assert connection.asked == [Envelope(b"OpenSession")]
        self.long_reply(connection)
        assert self.state is State.SIGNING_ON
        self.threads.work()
        self.clock.settle()
        assert self.state is State.RESTORING
        assert connection.asked[1:] == [Envelope(b"SetReadiness")]

    def long_reply(self, connection: Made) -> None:
        """A good reply of more bytes than are decoded here."""
        connection.answer(self.codec.written(self.usual(self.codec.requests[-1]), padded=70_000))
        self.clock.settle()

    def test_given_up_while_encoding(self) -> None:
        """Nothing is sent any more."""
        self.channel.follow(CE1)
        connection = self.accept()
        self.channel.follow(None)
        self.threads.work()
        self.clock.settle()
        assert connection.asked == []
        assert self.state is State.DOWN
        self.assert_stops()

    def test_given_up_while_decoding(self) -> None:
        """The reply comes too late for anybody."""
        self.channel.follow(CE1)
        connection = self.accept()
        self.threads.work()
        self.clock.settle()
        self.long_reply(connection)
        self.channel.follow(None)
        self.threads.work()
        self.clock.settle()
        assert self.told(SignOn) == []
        assert self.state is State.DOWN
        self.assert_stops()

    def test_bad_reply(self) -> None:
        """What a thread finds wrong is told like what is found here."""
        self.channel.follow(CE1)
        connection = self.accept()
        self.threads.work()
        self.clock.settle()
        connection.answer(b"x" * 70_000, status=500)
        self.clock.settle()
        self.threads.work()
        self.clock.settle()
        assert self.channel.shown().error == "ce1:80: status 500"


class PerRequestThreadTests(ThreadTests):
    """The same where the server closes before the reply has been taken apart: it had come whole."""

    keep_alive = False

    def long_reply(self, connection: Made) -> None:
        """The close overtakes the thread."""
        super().long_reply(connection)
        assert connection.gone

    def test_both_ways(self) -> None:
        """The reply counts."""
        self.channel.follow(CE1)
        connection = self.accept()
        self.threads.work()
        self.clock.settle()
        self.long_reply(connection)
        self.threads.work()
        self.clock.settle()
        assert self.state is State.RESTORING


class ProbeCase(ChannelCase):
    """A profile without heartbeat, but with a probe."""

    abilities = Abilities(open_session=False, set_readiness=False, heartbeat=False, close_session=False, probe=True)
    probe = "wsdl"

    def up(self, target: Target = CE1) -> Made:
        """The kept connection is the agent channel."""
        self.channel.follow(target)
        connection = self.accept()
        assert self.state is State.UP
        return connection


class ProbeTests(ProbeCase):
    """What a probe asks, and what its outcome means."""

    def test_wsdl(self) -> None:
        """A GET of the description on a connection of its own; any HTTP answer is a sign of life."""
        kept = self.up()
        for status in (200, 404, 500):
            self.beat()
            probe = self.accept()
            assert self.stage.newest.url.text == "http://ce1/a?wsdl"
            assert probe.asked == ["GET"]
            probe.answer(b"<definitions/>", status=status)
            self.clock.settle()
            assert probe.gone
            assert self.state is State.UP
            assert self.channel.shown().heard_at == self.clock.seconds()
        assert kept.asked == []
        assert not kept.gone
        self.assert_stops()

    def test_no(self) -> None:
        """Refused, reset, or something that is no HTTP: told at once, so lost at once."""
        for what in ("refused", "lost"):
            self.setUp()
            kept = self.up()
            self.beat()
            if what == "refused":
                self.stage.newest.refuse("ce1 refused the connection")
            else:
                self.accept().lose("ce1 refused the connection")
            self.clock.settle()
            assert self.causes() == ["ce1 refused the connection"]
            assert kept.gone
            self.assert_stops()

    def test_silence_is_missed(self) -> None:
        """A probe that hangs is no answer: suspect after an interval, dead after the set number."""
        for accepts in (False, True):
            self.setUp()
            self.up()
            self.beat()
            probing = self.stage.newest
            if accepts:
                self.accept()
            self.clock.settle(0.6)
            assert self.state is State.SUSPECT
            self.clock.settle(1.0)
            assert [off.silent for off in self.told(SignOffDone)] == [True]
            assert probing.cancelled or (probing.connection is not None and probing.connection.gone)
            self.assert_stops()

    def test_another_one_may_have_luck(self) -> None:
        """Where the session is patient, a probe that hangs beyond its own deadline is followed by another one."""
        self.channel.retime(evolve(TIMINGS, heartbeat=4.0))
        self.up()
        self.beat()
        hung = self.accept()
        self.clock.settle(2.05)
        assert hung.gone
        assert self.state is State.UP
        self.clock.settle(2.0)
        assert self.state is State.SUSPECT
        self.accept().answer()
        self.clock.settle()
        assert self.state is State.UP
        self.assert_stops()

    def test_deadline_of_the_dialer(self) -> None:
        """An attempt that runs out of time is a probe that hangs, too."""
        self.channel.retime(evolve(TIMINGS, heartbeat=4.0))
        self.up()
        self.beat()
        self.stage.newest.refuse("no answer within 1 s", timed_out=True)
        assert self.told(SignOffDone) == []
        self.accept().answer()
        self.clock.settle()
        assert self.state is State.UP

    def test_dripping_answer_is_life(self) -> None:
        """Any bytes count as life, also on the probe's connection."""
        self.up()
        self.beat()
        probe = self.accept()
        for _ in range(15):
            self.clock.settle(0.1)
            probe.say()
            assert self.state is State.UP

    def test_given_up(self) -> None:
        """A probe under way ends with the connection that it was for."""
        for accepts in (False, True):
            self.setUp()
            self.up()
            self.beat()
            if accepts:
                self.accept()
            self.channel.follow(None)
            self.stage.assert_nothing_left()
            assert self.state is State.DOWN

    def test_late(self) -> None:
        """What becomes of it then changes nothing."""
        self.up()
        self.beat()
        self.channel.follow(CE2)
        self.accept()
        assert (self.state, self.channel.shown().host) == (State.UP, "ce2")


class ConnectProbeTests(ProbeCase):
    """The plainest probe."""

    probe = "tcp"

    def test_connected(self) -> None:
        """Being connected is the answer; nothing is asked."""
        self.up()
        self.beat()
        probe = self.accept()
        assert self.stage.newest.url.text == "http://ce1/a"
        assert probe.asked == []
        assert probe.gone
        assert self.channel.shown().heard_at == self.clock.seconds()
        self.assert_stops()


class StoppingTests(ChannelCase):
    """Stopping, in whatever state."""

    def stop(self) -> Deferred[None]:
        """Say it."""
        stopped = self.channel.stop()
        self.clock.settle()
        return stopped

    def test_signs_off(self) -> None:
        """CloseSession goes out, and its reply is the end."""
        connection = self.up()
        stopped = self.stop()
        assert isinstance(self.codec.requests[-1], CloseSession)
        self.assertNoResult(stopped)
        self.reply(connection)
        self.successResultOf(stopped)
        self.stage.assert_nothing_left()

    def test_waits_no_longer_than_a_reply_may_take(self) -> None:
        """A host that does not answer holds nobody up."""
        self.up()
        stopped = self.stop()
        self.clock.settle(2.1)
        self.successResultOf(stopped)
        self.stage.assert_nothing_left()

    def test_twice(self) -> None:
        """Said again it is over at once, for both who wait; said after the end, too."""
        self.up()
        stopped = self.stop()
        self.successResultOf(self.stop())
        self.successResultOf(stopped)
        self.successResultOf(self.stop())
        self.stage.assert_nothing_left()

    def test_not_signed_on(self) -> None:
        """With nobody to follow, while dialling, and while asking to be signed on."""
        self.successResultOf(self.stop())
        for accepts in (False, True):
            self.setUp()
            self.channel.follow(CE1)
            if accepts:
                self.accept()
            self.successResultOf(self.stop())
            self.stage.assert_nothing_left()

    def test_between_two_attempts(self) -> None:
        """While a pause is made."""
        self.channel.follow(CE1)
        self.stage.newest.refuse()
        self.successResultOf(self.stop())
        self.stage.assert_nothing_left()

    def test_nothing_happens_after_the_end(self) -> None:
        """Whatever is said then."""
        self.successResultOf(self.stop())
        self.channel.follow(CE1)
        self.channel.tick()
        self.channel.retime(TIMINGS)
        assert self.stage.dialled == []


class StoppingInThreadTests(StoppingTests):
    """The same with a request in a thread."""

    def test_while_encoding(self) -> None:
        """It ends at once, and what the thread has made is thrown away."""
        self.channels = tuple(f"c{number}" for number in range(1001))
        self.setUp()
        self.channel.follow(CE1)
        connection = self.accept()
        self.successResultOf(self.stop())
        self.threads.work()
        self.clock.settle()
        assert connection.asked == []
        self.stage.assert_nothing_left()


class FaultTests(ChannelCase):
    """Faults of ours are loud, and do not end the agent channel."""

    def assert_loud(self, logged: Any, event: str = "agent-channel-broken") -> None:
        """One error with its traceback."""
        assert [(entry["event"], entry["log_level"]) for entry in logged] == [(event, "error")]
        assert logged[0]["exc_info"]

    def assert_recovers(self, times: int = 2) -> None:
        """It is signed on anew within a few seconds, without haste."""
        self.clock.settle(0.5)
        assert len(self.stage.dialled) == times - 1
        self.clock.settle(1.0)
        assert len(self.stage.dialled) == times
        connection = self.accept()
        self.reply(connection)
        self.reply(connection)
        assert self.state is State.UP
        self.assert_stops()

    def test_in_the_codec(self) -> None:
        """An exception nobody foresaw is an exchange that failed."""

        def fault(request: Request) -> None:
            if isinstance(request, Heartbeat):
                raise ZeroDivisionError("a fault")

        connection = self.up()
        self.codec.on_encode = fault
        with capture_logs() as logged:
            self.beat_in_vain()
        self.assert_loud(logged)
        assert self.causes() == ["internal error: ZeroDivisionError('a fault')"]
        assert connection.gone

    def beat_in_vain(self) -> None:
        """Time passes in which a heartbeat should have gone out."""
        self.clock.settle(0.55)

    def test_in_the_session(self) -> None:
        """One in the core gives the connection up, and begins anew after a while."""
        for event in ("connected", "replied"):
            self.setUp()
            original = getattr(self.session, event)
            self.patch(self.session, event, lambda *_arguments: 1 // 0)
            self.channel.follow(CE1)
            with capture_logs() as logged:
                connection = self.accept()
                if event == "replied":
                    self.reply(connection)
            self.assert_loud(logged)
            assert connection.gone
            self.patch(self.session, event, original)
            self.assert_recovers()

    def test_in_time(self) -> None:
        """One that comes again and again with time does not keep us busy."""
        self.up()
        self.patch(self.session, "tick", lambda _now: 1 // 0)
        with capture_logs() as logged:
            self.clock.settle(10.0)
        assert 1 <= len(logged) <= 11

    def test_in_bytes(self) -> None:
        """One that comes with bytes gives the connection up."""
        connection = self.up()
        self.patch(self.session, "heard", lambda *_arguments: 1 // 0)
        with capture_logs() as logged:
            connection.say()
        self.clock.settle()
        self.assert_loud(logged)
        assert connection.gone

    def test_in_the_dialer(self) -> None:
        """One in dialling is an attempt that failed."""

        def fault(_attempt: Any) -> None:
            raise ZeroDivisionError("a fault")

        self.stage.on_dial = fault
        with capture_logs() as logged:
            self.channel.follow(CE1)
        self.assert_loud(logged)
        assert self.state is State.DOWN
        self.stage.dialled.clear()
        self.stage.on_dial = lambda _attempt: None
        self.clock.settle(0.2)
        assert len(self.stage.dialled) == 1

    def test_in_an_action(self) -> None:
        """One in carrying out an action; the others that were decided with it are carried out."""

        def fault(_reason: str) -> None:
            raise ZeroDivisionError("a fault")

        connection = self.up()
        connection.abort = fault  # type: ignore[method-assign,assignment]
        with capture_logs() as logged:
            self.channel.follow(None)
        self.assert_loud(logged)
        assert len(self.causes()) == 1
        assert self.state is State.DOWN

    def test_in_whoever_listens(self) -> None:
        """Listeners that fail are logged; what else was decided is done."""

        def fault(action: Action) -> None:
            if isinstance(action, SignOn):
                raise ZeroDivisionError("a fault")

        self.on_action = fault
        with capture_logs() as logged:
            self.up()
        self.assert_loud(logged, "agent-channel-listener-broken")
        self.channel._on_change = lambda: 1 // 0
        with capture_logs() as logged:
            self.channel.retime(TIMINGS)
        self.assert_loud(logged, "agent-channel-listener-broken")
        assert self.state is State.UP

    def test_a_tick_at_rest(self) -> None:
        """Each call signal brings one: where nothing is to be done, nobody is told of it."""
        self.up()
        told: list[None] = []
        self.channel._on_change = lambda: told.append(None)
        self.channel.tick()
        assert told == []

    def test_in_stopping(self) -> None:
        """A fault in signing off is the end, too; nobody waits for ever."""
        connection = self.up()
        self.patch(self.session, "stop", lambda _now: 1 // 0)
        with capture_logs() as logged:
            stopped = self.channel.stop()
        self.assert_loud(logged)
        self.successResultOf(stopped)
        assert connection.aborted
        self.stage.assert_nothing_left()


class AsleepTests(ChannelCase):
    """We ourselves were not awake: a living host is not declared dead before what it said is read (F16)."""

    def test_reply_in_the_buffer(self) -> None:
        """The reply to a heartbeat arrived while we were stopped."""
        connection = self.up()
        self.beat()
        body = self.codec.written(self.usual(self.codec.requests[-1]))
        self.clock.asleep(5.0, lambda: connection.answer(body))
        assert self.state is State.UP
        assert self.told(SignOffDone) == []

    def test_read_in_the_last_turn(self) -> None:
        """It is read in the very turn in which the last miss would count, and we are hardly late."""
        connection = self.up()
        self.beat()
        self.clock.settle(1.45)
        assert self.state is State.SUSPECT
        body = self.codec.written(self.usual(self.codec.requests[-1]))
        self.clock.asleep(0.06, lambda: connection.answer(body))
        assert self.told(SignOffDone) == []
        assert self.state is State.UP

    def test_not_even_suspect(self) -> None:
        """The same for the first miss."""
        connection = self.up()
        self.beat()
        body = self.codec.written(self.usual(self.codec.requests[-1]))
        seen: list[State] = []
        self.channel._on_change = lambda: seen.append(self.state)
        self.clock.asleep(0.51, lambda: connection.answer(body))
        assert set(seen) == {State.UP}

    def test_reply_to_a_sign_on(self) -> None:
        """The same for a deadline of another kind."""
        self.channel.follow(CE1)
        connection = self.accept()
        self.clock.settle(1.95)
        body = self.codec.written(self.usual(self.codec.requests[-1]))
        self.clock.asleep(0.06, lambda: connection.answer(body))
        assert len(self.told(SignOn)) == 1

    def test_nothing_in_the_buffer(self) -> None:
        """A host that is silent after we have woken up is dead in its usual time."""
        self.up()
        self.beat()
        self.clock.asleep(5.0, lambda: None)
        self.clock.settle(1.4)
        assert self.told(SignOffDone) == []
        self.clock.settle(0.2)
        assert len(self.told(SignOffDone)) == 1

    def test_clock_is_monotonic(self) -> None:
        """Nothing here asks the time of day: an hour forth or back is nothing (the reactor counts monotonically)."""
        connection = self.up()
        for _ in range(3):
            self.beat()
            self.reply(connection)
        assert self.state is State.UP
