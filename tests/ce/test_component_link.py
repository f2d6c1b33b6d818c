"""The component link: every URL is watched by itself, all the time, and none of them can stop that or keep us busy."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from attrs import frozen
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs
from twisted.trial.unittest import SynchronousTestCase

from agentchan.ce.component_link import ComponentLink
from agentchan.ce.errors import ExchangeFailed
from agentchan.ce.watch_pace import HELD, PLAIN, LinkTimings
from agentchan.core.observations import Answered, Failed
from agentchan.vocabulary import Role, ServerStatus
from tests.ce.stage import Dialled, Made, Stage

CE1, CE2 = "http://ce1/c", "http://ce2/c"
BOTH = frozenset({PLAIN, HELD})
ACTIVE = b"Active 7"
STANDBY = b"Standby 7"


@frozen
class Asked:
    """A question as it goes out."""

    duty: str
    known: ServerStatus | None = None
    wait: float = 0.0
    body: bytes = b""
    headers: tuple[tuple[bytes, bytes], ...] = ()


class WordsCodec:
    """Says in two words what a real one says in XML."""

    def encode_get_status(self, _url: str) -> Asked:
        """Plain."""
        return Asked(PLAIN)

    def encode_watch_status(self, known: ServerStatus | None, max_wait: float, _url: str) -> Asked:
        """Held back."""
        return Asked(HELD, known, max_wait)

    def decode_status(self, _duty: str, status: int, _content_type: str | None, body: bytes) -> ServerStatus:
        """Role and generation."""
        return said(body) if status == 200 else _fault(body)


def said(body: bytes) -> ServerStatus:
    """What two words mean."""
    role, generation = body.decode().split()
    return ServerStatus(Role(role), generation=int(generation))


def _fault(body: bytes) -> ServerStatus:
    raise ExchangeFailed(f"a fault: {body.decode()}")


class LinkCase(SynchronousTestCase):
    """A link on a stage."""

    def setUp(self) -> None:
        """Nobody has been asked."""
        self.stage = Stage()
        self.clock = self.stage.clock
        self.told: list[Answered | Failed] = []
        self.codec: Any = WordsCodec()
        self.link = self.make()

    def make(
        self,
        urls: tuple[str, ...] = (CE1,),
        *,
        duties: frozenset[str] = BOTH,
        tell: Callable[[Answered | Failed], None] | None = None,
    ) -> ComponentLink:
        """A link with the usual durations, and the longest pauses that chance allows."""
        self.link = ComponentLink(
            self.clock,
            self.stage,
            self.codec,
            urls=urls,
            duties=duties,
            timings=LinkTimings(timeout=1.0, watch_wait=1.0, poll_interval=1.0),
            jitter=lambda _low, high: high,
            tell=tell or self.told.append,
        )
        return self.link

    def begin(self) -> None:
        """Start, and let the reactor turn."""
        self.link.start()
        self.clock.settle()

    def connected(self) -> Made:
        """The newest attempt is accepted."""
        connection = self.stage.newest.accept()
        self.clock.settle()
        return connection

    def answer(self, connection: Made, body: bytes = ACTIVE, **how: Any) -> None:
        """What was asked is answered."""
        connection.answer(body, **how)
        self.clock.settle()

    def watched(self) -> Made:
        """The first answer has come, and a held question is out."""
        self.begin()
        connection = self.connected()
        self.answer(connection)
        return connection

    def errors(self) -> list[str]:
        """Why questions failed."""
        return [each.reason for each in self.told if isinstance(each, Failed)]

    def assert_stops(self, peers_need: float = 0.0) -> None:
        """It stops, with nothing left and nothing told; peers that act by themselves need a while to notice."""
        told = list(self.told)
        ended = self.link.stop()
        self.clock.settle()
        self.successResultOf(ended)
        self.clock.settle(peers_need)
        self.stage.assert_nothing_left()
        assert self.told == told


class AskingTests(LinkCase):
    """Good answers."""

    def test_plain_then_held(self) -> None:
        """The first question is plain; from then on they are held back until something else is true than was said."""
        self.begin()
        connection = self.connected()
        assert connection.asked == [Asked(PLAIN)]
        self.clock.settle(0.2)
        self.answer(connection)
        assert connection.asked[1:] == [Asked(HELD, said(ACTIVE), 1.0)]
        self.answer(connection, STANDBY)
        assert connection.asked[2:] == [Asked(HELD, said(STANDBY), 1.0)]
        assert self.told == [
            Answered(CE1, said(ACTIVE), asked_at=0.0, at=self.told[0].at),
            Answered(CE1, said(STANDBY), asked_at=self.told[0].at, at=self.told[1].at),
        ]
        self.assert_stops()

    def test_nothing_from_within_start(self) -> None:
        """Nothing is dialled and nothing told before the reactor turns."""
        self.link.start()
        assert self.stage.dialled == []

    def test_held_question_lasts_longer(self) -> None:
        """The deadline of a held question is the wait and the timeout."""
        connection = self.watched()
        self.clock.settle(1.95)
        assert connection.aborted is None
        self.clock.settle(0.1)
        assert self.errors() == ["no answer within 2 s"]

    def test_polling(self) -> None:
        """Where the profile has no watch, the plain question is asked every poll_interval."""
        self.make(duties=frozenset({PLAIN}))
        connection = self.watched()
        for _ in range(3):
            assert len(connection.asked) == len(self.told)
            self.clock.settle(1.0)
            assert len(connection.asked) == len(self.told) + 1
            self.answer(connection)
        assert connection.asked == [Asked(PLAIN)] * 4

    def test_only_watch(self) -> None:
        """Where it has nothing else, the first question is one that is not held back."""
        self.make(duties=frozenset({HELD}))
        connection = self.watched()
        assert connection.asked == [Asked(HELD), Asked(HELD, said(ACTIVE), 1.0)]

    def test_host_that_does_not_hold_back(self) -> None:
        """A host that answers held questions at once though nothing has changed is polled."""
        connection = self.watched()
        for asked in range(2, 5):
            assert len(connection.asked) == asked
            self.answer(connection)
            self.clock.settle(0.9)
            assert len(connection.asked) == asked
            self.clock.settle(0.2)

    def test_new_connection_after_close(self) -> None:
        """A server that closes after its answer is asked on a new connection, and is none the worse for it."""
        self.begin()
        self.answer(self.connected(), closing=True)
        connection = self.connected()
        assert connection.asked == [Asked(HELD, said(ACTIVE), 1.0)]
        assert self.errors() == []


class FailingTests(LinkCase):
    """Hosts that do not answer, or not well."""

    def test_each_by_itself(self) -> None:
        """A URL that hangs keeps no other one waiting."""
        self.make((CE1, CE2))
        self.begin()
        assert [attempt.url.host for attempt in self.stage.dialled] == ["ce1", "ce2"]
        connection = self.stage.to("ce2")[0].accept()
        for word in (STANDBY, ACTIVE, STANDBY):
            self.answer(connection, word)
        assert [each.url for each in self.told] == [CE2] * 3
        self.clock.settle(1.1)
        assert self.told[3:] == [Failed(CE1, "no answer within 1 s", at=self.told[3].at)]
        self.assert_stops()

    def test_hangs_at_every_step(self) -> None:
        """Whichever step hangs, it costs the timeout once, and leaves nothing open."""
        for accepts in (False, True):
            self.setUp()
            self.begin()
            if accepts:
                self.connected()
            self.clock.settle(0.95)
            assert self.told == []
            self.clock.settle(0.1)
            assert self.errors() == ["no answer within 1 s"]
            hung = self.stage.dialled[0]
            assert hung.cancelled or (hung.connection is not None and hung.connection.gone)
            self.assert_stops()

    def test_bad_answer(self) -> None:
        """An answer that is none of the contract names the host, and ends the connection."""
        self.begin()
        connection = self.connected()
        self.answer(connection, b"no such thing", status=500)
        assert self.errors() == ["ce1:80: a fault: no such thing"]
        assert connection.gone

    def test_first_failure_costs_nothing(self) -> None:
        """A host that answered and then fails is asked anew at once, plainly; then with growing pauses."""
        self.watched().lose("reset")
        self.clock.settle()
        assert self.errors() == ["reset"]
        assert len(self.stage.dialled) == 2
        for pause in (0.1, 0.2, 0.4, 0.8, 1.0, 1.0):
            dialled = len(self.stage.dialled)
            self.stage.newest.refuse()
            self.clock.settle(pause - 0.06)
            assert len(self.stage.dialled) == dialled
            self.clock.settle(0.07)
            assert len(self.stage.dialled) == dialled + 1
        assert self.connected().asked == [Asked(PLAIN)]

    def test_free_tries_are_few(self) -> None:
        """A host that answers once and fails, again and again, is not hammered."""
        self.stage.on_dial = lambda attempt: _lives(self, attempt, lambda connection: connection.lose())
        self.link.start()
        self.clock.settle(20.0)
        assert len(self.stage.dialled) < 60
        self.assert_stops(peers_need=1.0)

    def test_patience_grows(self) -> None:
        """A deadline that has passed is doubled for the next question, up to four times; an answer ends that."""
        self.begin()
        for deadline in (1.0, 2.0, 4.0, 4.0):
            assert self.stage.newest.connect_timeout == deadline
            dialled = len(self.stage.dialled)
            while len(self.stage.dialled) == dialled:
                self.clock.settle(0.1)
        self.answer(self.connected())
        self.stage.newest.connection.lose()  # type: ignore[union-attr]
        self.clock.settle()
        assert self.stage.newest.connect_timeout == 1.0

    def test_steps_of_the_dialer(self) -> None:
        """A deadline that passed in the dialer is one that passed, and its reason tells more."""
        self.begin()
        self.stage.newest.refuse("ce1:80: name ce1 was not resolved within 1 s", timed_out=True)
        self.clock.settle(0.2)
        assert self.errors() == ["ce1:80: name ce1 was not resolved within 1 s"]
        assert self.stage.newest.connect_timeout == 2.0

    def test_refusals_do_not_make_patient(self) -> None:
        """A host that refuses is none that is slow."""
        self.begin()
        for pause in (0.1, 0.2, 0.4, 0.8, 1.0):
            self.stage.newest.refuse()
            self.clock.settle(pause + 0.01)
        assert self.stage.newest.connect_timeout == 1.0

    def test_held_in_vain(self) -> None:
        """A host that answers plain questions but fails all held ones is polled, and given another try now and then.

        Else it would be known and unknown by turns, and the agent channel with it.
        """

        def plain_only(connection: Made) -> None:
            question: Any = connection.asked[-1]
            if question.duty == PLAIN:
                connection.answer(ACTIVE)
            else:
                connection.answer(b"nobody may wait here", status=500)

        self.stage.on_dial = lambda attempt: _lives(self, attempt, plain_only)
        self.link.start()
        self.clock.settle(10.0)
        assert len(self.errors()) == 3
        self.clock.settle(40.0)
        assert len(self.errors()) == 3
        assert len(self.told) > 40
        self.clock.settle(20.0)
        assert len(self.errors()) == 4
        self.stage.on_dial = lambda attempt: _lives(self, attempt, _holds_back)
        self.stage.newest.connection.lose()  # type: ignore[union-attr]
        self.clock.settle(65.0)
        asked: list[Any] = self.stage.newest.connection.asked[-3:]  # type: ignore[union-attr]
        assert [question.duty for question in asked] == [HELD] * 3
        self.assert_stops(peers_need=1.0)

    def test_answers_too_early(self) -> None:
        """A host that answers at once, each time something else, is soon asked ten times a second and no more."""
        words = 0

        def restless(connection: Made) -> None:
            nonlocal words
            words += 1
            connection.answer(ACTIVE if words % 2 else STANDBY)

        self.stage.on_dial = lambda attempt: _lives(self, attempt, restless)
        self.link.start()
        self.clock.settle(10.0, step=0.01)
        assert 90 <= words <= 115
        self.assert_stops(peers_need=1.0)


def _lives(case: LinkCase, attempt: Dialled, answers: Callable[[Made], None]) -> None:
    """A host that accepts, and answers in the next turn, as long as its connection lives."""

    def accept() -> None:
        if attempt.pending:
            attempt.accept()
            look()

    def look() -> None:
        connection = attempt.connection
        if connection is None or connection.gone:
            return
        if connection.answering:
            answers(connection)
        case.clock.callLater(0.005, look)

    case.clock.callLater(0, accept)


def _holds_back(connection: Made) -> None:
    """Answers held questions as late as it should."""
    question: Any = connection.asked[-1]
    if question.duty == PLAIN or connection.waited >= question.wait:
        connection.answer(ACTIVE)


class RediscoverTests(LinkCase):
    """What the agent channel asks for when it has lost its host."""

    def test_pauses_end(self) -> None:
        """A pause ends at once, if the last question is not too young."""
        self.make(duties=frozenset({PLAIN}))
        connection = self.watched()
        self.clock.settle(0.5)
        self.link.rediscover()
        self.clock.settle()
        assert len(connection.asked) == 2

    def test_no_oftener_than_ten_times_a_second(self) -> None:
        """However often it is called."""
        self.make(duties=frozenset({PLAIN}))
        connection = self.watched()
        for _ in range(300):
            self.link.rediscover()
            self.clock.settle(0.01, step=0.01)
            if connection.answering:
                connection.answer(ACTIVE)
        assert 28 <= len(connection.asked) <= 31

    def test_held_questions_go_on(self) -> None:
        """What a host is holding is the fastest way to news already."""
        connection = self.watched()
        self.link.rediscover()
        self.clock.settle()
        assert len(connection.asked) == 2
        assert connection.aborted is None

    def test_what_is_contradicted_is_asked_anew(self) -> None:
        """A held question would wait for something else than what counts no more: it is given up for a plain one."""
        connection = self.watched()
        told = list(self.told)
        self.clock.settle(0.5)
        self.link.ask_anew([CE2])
        self.clock.settle()
        assert connection.aborted is None
        self.link.ask_anew([CE1])
        self.clock.settle()
        assert connection.aborted is not None
        again = self.connected()
        assert [question.duty for question in again.asked] == [PLAIN]
        assert self.told == told
        self.answer(again, STANDBY)
        assert self.told[-1].asked_at == 0.5  # type: ignore[union-attr]
        assert [question.duty for question in again.asked] == [PLAIN, HELD]

    def test_contradicted_while_it_is_asked(self) -> None:
        """What is answered to a question of before says nothing; the host is asked once more, plainly."""
        self.begin()
        connection = self.connected()
        self.link.ask_anew([CE1])
        self.answer(connection)
        self.clock.settle(0.2)
        assert [question.duty for question in connection.asked][:2] == [PLAIN, PLAIN]

    def test_before_the_start_and_after_the_end(self) -> None:
        """It is nothing then."""
        self.link.rediscover()
        self.begin()
        self.assert_stops()
        self.link.rediscover()
        self.stage.assert_nothing_left()


class RedialTests(LinkCase):
    """After a reload of certificates."""

    def test_after_the_question(self) -> None:
        """A question under way keeps its connection until it is answered; the next one goes on a new connection."""
        connection = self.watched()
        self.link.redial()
        self.clock.settle()
        assert connection.aborted is None
        self.answer(connection, STANDBY)
        assert connection.gone
        assert self.connected().asked == [Asked(HELD, said(STANDBY), 1.0)]
        self.answer(self.stage.newest.connection, ACTIVE)  # type: ignore[arg-type]
        assert len(self.stage.dialled) == 2


class StoppingTests(LinkCase):
    """Stopping leaves nothing, in whatever state."""

    def test_not_begun(self) -> None:
        """Before the reactor has turned."""
        self.link.start()
        self.assert_stops()

    def test_dialling(self) -> None:
        """While a connection is being made."""
        self.begin()
        self.assert_stops()
        assert self.stage.newest.cancelled

    def test_asking(self) -> None:
        """While an answer is waited for."""
        self.begin()
        self.connected()
        self.assert_stops()

    def test_held(self) -> None:
        """While a host holds a question back."""
        self.watched()
        self.assert_stops()

    def test_pausing(self) -> None:
        """In a pause, after an answer or a failure."""
        self.make(duties=frozenset({PLAIN}))
        self.watched()
        self.assert_stops()
        self.setUp()
        self.begin()
        self.stage.newest.refuse()
        self.assert_stops()

    def test_not_over_before_the_connection_is(self) -> None:
        """It fires when the connection is gone, not when it was told to go."""
        self.watched()
        self.assertNoResult(self.link.stop())
        self.assert_stops()

    def test_twice(self) -> None:
        """Said again it is the same."""
        self.watched()
        self.assert_stops()
        self.assert_stops()

    def test_no_urls(self) -> None:
        """A link without URLs has nothing to stop."""
        self.make(())
        self.begin()
        self.assert_stops()

    def test_from_within_tell(self) -> None:
        """Whoever hears of an answer may stop the link at once."""
        self.make(tell=lambda _told: self.link.stop() and None)
        self.begin()
        self.answer(self.connected())
        self.assert_stops()


class FaultTests(LinkCase):
    """Faults of ours are loud, and end nothing (F6)."""

    def test_in_the_codec(self) -> None:
        """An exception nobody foresaw is logged and told, and the URL is watched on."""
        self.codec.decode_status = lambda *_arguments: 1 // 0
        self.begin()
        with capture_logs() as logged:
            self.answer(self.connected())
        assert [(entry["event"], entry["log_level"]) for entry in logged] == [("component-link-broken", "error")]
        assert self.errors() == ["internal error: ZeroDivisionError('integer division or modulo by zero')"]
        assert self.stage.newest.connection.gone  # type: ignore[union-attr]
        self.codec = self.link._watchers[0]._codec = WordsCodec()
        self.clock.settle(1.0)
        self.answer(self.connected())
        assert self.told[-1] == Answered(CE1, said(ACTIVE), self.told[-1].at, self.told[-1].at)
        self.assert_stops()

    def test_in_whoever_listens(self) -> None:
        """One that fails to take an answer, or a failure, is logged, and the watching goes on as if nothing was."""

        def tell(told: Answered | Failed) -> None:
            self.told.append(told)
            raise RuntimeError("deaf")

        self.make(tell=tell)
        with capture_logs() as logged:
            connection = self.watched()
            self.answer(connection, STANDBY)
            connection.lose()
            self.clock.settle()
        assert [(entry["event"], entry["log_level"]) for entry in logged] == [
            ("component-link-listener-broken", "error")
        ] * 3
        self.answer(self.connected())
        assert len(self.told) == 4
        self.assert_stops()

    def test_stopped_in_the_pause(self) -> None:
        """Stopping in the pause after a fault leaves nothing, either."""
        self.codec.encode_get_status = lambda _url: 1 // 0
        self.begin()
        with capture_logs():
            self.connected()
        self.assert_stops()


class AsleepTests(LinkCase):
    """We ourselves were not awake (F16)."""

    def test_the_answer_was_there(self) -> None:
        """An answer that arrived while we slept over its deadline counts."""
        connection = self.watched()
        self.clock.asleep(5.0, lambda: connection.answer(STANDBY))
        assert self.errors() == []
        assert isinstance(self.told[-1], Answered)

    def test_just_in_time(self) -> None:
        """So does one that is read in the very turn in which its deadline passes."""
        connection = self.watched()
        self.clock.settle(1.95)
        self.clock.asleep(0.06, lambda: connection.answer(STANDBY))
        assert self.errors() == []

    def test_no_answer_was_there(self) -> None:
        """A host that is silent after we have woken up has the usual time once more, and not longer."""
        connection = self.watched()
        self.clock.asleep(3600.0, lambda: None)
        self.clock.settle(1.9)
        assert self.errors() == []
        self.clock.settle(0.2)
        assert self.errors() == ["no answer within 2 s"]
        assert connection.gone


REACTIONS = st.lists(st.sampled_from(["quick", "slow", "same", "fault", "lose", "hang", "close", "drip"]), min_size=1)
DIALS = st.lists(st.sampled_from(["accept", "refuse", "hang", "later"]), min_size=1)


class Moody:
    """Hosts that accept and answer as they like, round and round."""

    def __init__(self, case: LinkCase, reactions: list[str], dials: list[str]) -> None:
        self.case = case
        self.reactions = itertools.cycle(reactions)
        self.dials = itertools.cycle(dials)
        self.words = itertools.cycle([ACTIVE, STANDBY])

    def dialled(self, attempt: Dialled) -> None:
        """Somebody dials."""
        what = next(self.dials)
        later = self.case.clock.callLater
        if what == "refuse":
            later(0, lambda: attempt.pending and attempt.refuse())
        elif what != "hang":
            later(0.0 if what == "accept" else 0.3, lambda: attempt.pending and _lives(self.case, attempt, self.react))

    def react(self, connection: Made) -> None:
        """Somebody has asked, and asks still."""
        what = next(self.reactions)
        body = ACTIVE if what == "same" else next(self.words)
        if what in {"quick", "same", "close"}:
            connection.answer(body, closing=what == "close")
        elif what == "slow":
            self.case.clock.callLater(0.7, lambda: connection.answering and connection.answer(body))
        elif what == "fault":
            connection.answer(b"no", status=500)
        elif what == "lose":
            connection.lose()
        elif what == "drip":
            connection.say()


@settings(max_examples=60)
@given(REACTIONS, DIALS, st.sampled_from([BOTH, frozenset({PLAIN}), frozenset({HELD})]), st.booleans())
def test_whatever_hosts_do(reactions: list[str], dials: list[str], duties: frozenset[str], woken: bool) -> None:
    """Whatever hosts do, they are asked on and on, in the long run ten times a second at most; stopping is clean."""
    case = LinkCase()
    case.setUp()
    case.make((CE1, CE2), duties=duties)
    case.stage.on_dial = Moody(case, reactions, dials).dialled
    case.link.start()
    seconds = 20
    for _ in range(seconds * 10):
        case.clock.settle(0.1)
        if woken:
            case.link.rediscover()
    for url in (CE1, CE2):
        told = [each for each in case.told if each.url == url]
        assert len(told) >= seconds / 10, "each question ends within its deadline, and is followed by another"
        assert len(told) <= 10 * seconds + 12
        assert len(case.stage.to(url[7:10])) <= 10 * seconds + 12
    case.assert_stops(peers_need=1.0)
