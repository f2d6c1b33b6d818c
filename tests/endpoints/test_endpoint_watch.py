"""Which endpoints are watched, when they are probed, and what questions about them are answered."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest
from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from agentchan.config import EndpointCheck
from agentchan.endpoint_answers import EndpointAnswer, EndpointRow
from agentchan.endpoints import WATCHED_AFTER_QUESTION, EndpointWatch
from agentchan.sip.errors import UnusableUri
from agentchan.sip.outcome import Outcome
from tests.endpoints.probing import BUSY, GOOD, REFUSED, UNRESOLVED, Probed, run

A, B, C = "sip:a@example.com", "sip:b@example.com", "sip:c@example.com"
WALL = 1_700_000_000.0
ENABLED = EndpointCheck(enabled=True)


class WatchCase(SynchronousTestCase):
    """A watch at a clock that stands at 100 s."""

    def setUp(self) -> None:
        """Nothing is watched yet."""
        self.clock = Clock()
        self.clock.advance(100.0)
        self.probed = Probed(self.clock)
        self.changes: list[EndpointRow] = []

    def watch(self, *endpoints: str, settings: EndpointCheck = ENABLED, **rest: Any) -> EndpointWatch:
        """Begin to watch."""
        watch = EndpointWatch(
            self.clock,
            self.probed.probe,
            evolve(settings, endpoints=endpoints),
            jitter=random.Random(7).uniform,  # noqa: S311 - a test
            wall=lambda: WALL + self.clock.seconds(),
            on_change=lambda row, _before: self.changes.append(row),
            **rest,
        )
        watch.start()
        self.addCleanup(self.nothing_left, watch)
        return watch

    def nothing_left(self, watch: EndpointWatch) -> None:
        """After a stop there is no timer."""
        watch.stop()
        assert self.clock.getDelayedCalls() == []

    def known(self, watch: EndpointWatch, uri: str) -> EndpointAnswer:
        """What is known; the answer is there at once."""
        answer = watch.ask(uri)
        assert isinstance(answer, EndpointAnswer)
        return answer

    def asked(self, watch: EndpointWatch, uri: str) -> Deferred[EndpointAnswer]:
        """The answer to a first question."""
        answer = watch.ask(uri)
        assert isinstance(answer, Deferred)
        return answer


class ConfiguredTest(WatchCase):
    """Endpoints of the configuration."""

    def test_watched_from_the_first_second(self) -> None:
        """They are probed without being asked for, at once, and then at each interval."""
        watch = self.watch(A, B)
        run(self.clock, 1.0)
        assert {uri for _, uri, _ in self.probed.begun} == {A, B}
        assert self.known(watch, A).available is True
        run(self.clock, 60.0)
        gaps = [later - earlier for earlier, later in zip(self.probed.times(A), self.probed.times(A)[1:], strict=False)]
        assert len(gaps) >= 12
        assert all(4.5 <= gap <= 5.02 for gap in gaps)

    def test_spread_out(self) -> None:
        """A thousand are spread out over the interval, and stay so."""
        self.watch(*(f"sip:a{number}@example.com" for number in range(1000)))
        run(self.clock, 20.0, step=0.05)
        tenths = Counter(int(at / 0.5) for at, _, _ in self.probed.begun)
        assert len(tenths) == 40
        assert max(tenths.values()) < 200

    def test_oftener_in_doubt(self) -> None:
        """After a probe that disagrees the next one comes soon."""
        self.watch(A)
        run(self.clock, 7.0)
        self.probed.behave = lambda _: REFUSED
        run(self.clock, 7.0)
        times = self.probed.times(A)
        first_bad = next(at for at in times if at > 107.0)
        second_bad = min(at for at in times if at > first_bad)
        assert second_bad - first_bad <= 1.02
        assert [row.available for row in self.changes] == [True, False]

    def test_changes(self) -> None:
        """Changes of what is known are told once each, with all that belongs to them."""
        watch = self.watch(A)
        run(self.clock, 12.0)
        self.probed.behave = lambda _: BUSY
        run(self.clock, 12.0)
        self.probed.behave = lambda _: UNRESOLVED
        run(self.clock, 12.0)
        assert [(row.available, row.status_code) for row in self.changes] == [(True, 200), (False, 503), (None, None)]
        (row,) = watch.rows()
        assert row.since == self.changes[-1].since

    def test_unusable(self) -> None:
        """What cannot be probed is listed with the reason, and the others are watched."""
        watch = self.watch("sip:a@example.com;transport=ws", "tel:+15550100", A)
        run(self.clock, 1.0)
        rows = {row.uri: row for row in watch.rows()}
        assert rows[A].available is True
        assert "transport" in rows["sip:a@example.com;transport=ws"].reason
        assert "tel_gateway" in rows["tel:+15550100"].reason
        assert all(row.configured for row in rows.values())

    def test_same_endpoint_twice(self) -> None:
        """Two ways to write one URI are one endpoint."""
        watch = self.watch("sip:a@Example.com", A)
        run(self.clock, 1.0)
        assert [row.uri for row in watch.rows()] == ["sip:a@Example.com"]
        assert len(self.probed.begun) == 1

    def test_asked_before_its_turn(self) -> None:
        """Who asks for one whose first probe is not due yet does not wait for that."""
        watch = self.watch(*(f"sip:a{number}@example.com" for number in range(1000)))
        answer = self.asked(watch, "sip:a999@example.com")
        assert self.probed.begun[-1][1:] == ("sip:a999@example.com", True)
        run(self.clock, 0.01)
        assert self.successResultOf(answer).available is True

    def test_fault_of_this_program(self) -> None:
        """A probe that breaks is logged, says nothing about the endpoint, and does not end the watch."""
        watch = self.watch(A)
        self.probed.behave = lambda _: 1 / 0  # type: ignore[assignment,return-value]
        run(self.clock, 1.0)
        assert "a fault of this program" in self.known(watch, A).reason
        self.probed.behave = lambda _: GOOD
        run(self.clock, 6.0)
        assert self.known(watch, A).available is True


class QuestionsTest(WatchCase):
    """Questions about endpoints."""

    def test_first_question(self) -> None:
        """The first question about an endpoint waits for its probe."""
        watch = self.watch()
        answer = self.asked(watch, A)
        self.assertNoResult(answer)
        run(self.clock, 0.01)
        assert self.successResultOf(answer).as_json() == {
            "available": True,
            "uri": A,
            "status_code": 200,
            "latency_ms": 4.0,
            "checked_at": "2023-11-14T22:15:00.010Z",
            "age_ms": 0,
            "reason": "answered 200 OK",
        }

    def test_from_memory(self) -> None:
        """Later questions are answered at once, with the age of the answer, and cause no probe."""
        watch = self.watch()
        self.asked(watch, A)
        run(self.clock, 3.0)
        known = self.known(watch, A)
        assert (known.available, known.status_code) == (True, 200)
        assert known.age == pytest.approx(3.0, abs=0.02)
        assert len(self.probed.begun) == 1

    def test_one_probe_for_all(self) -> None:
        """Questions at the same time make one probe, and each is answered with the URI as it was asked for."""
        watch = self.watch()
        texts = [A, "sip:a@EXAMPLE.com", "SIP:a@example.com."]
        answers = [self.asked(watch, text) for text in texts]
        run(self.clock, 0.01)
        assert [self.successResultOf(answer).uri for answer in answers] == texts
        assert len(self.probed.begun) == 1

    def test_silent(self) -> None:
        """Who asks for a silent endpoint waits as long as a probe may take, and hears what it came to."""
        watch = self.watch(settings=evolve(ENABLED, fall=1))
        self.probed.behave = lambda _: None
        answer = self.asked(watch, A)
        run(self.clock, 0.49)
        self.assertNoResult(answer)
        run(self.clock, 0.02)
        answered = self.successResultOf(answer)
        assert (answered.available, answered.reason) == (False, "did not answer within 0.5 s")

    def test_in_doubt(self) -> None:
        """A first bad probe is no reason to say no; the reason tells the count."""
        watch = self.watch()
        self.probed.behave = lambda _: REFUSED
        answer = self.asked(watch, A)
        run(self.clock, 0.01)
        first = self.successResultOf(answer)
        assert (first.available, first.reason) == (None, "refused the message (1 of 2 in a row)")
        run(self.clock, 1.0)
        second = self.known(watch, A)
        assert (second.available, second.reason) == (False, "refused the message")

    def test_probe_that_does_not_end(self) -> None:
        """Nobody waits much longer than a probe may take, even when its turn does not come."""
        watch = self.watch()
        self.probed.probe = lambda *_: Deferred()  # type: ignore[method-assign,assignment]
        watch._probe = self.probed.probe
        answers = [self.asked(watch, A), self.asked(watch, A)]
        self.clock.advance(0.6)
        for answer in answers:
            answered = self.successResultOf(answer)
            assert (answered.available, answered.reason) == (None, "no probe has ended yet")

    def test_watched_for_a_while(self) -> None:
        """What was asked for is watched for ten minutes after the last question."""
        watch = self.watch()
        self.asked(watch, A)
        run(self.clock, WATCHED_AFTER_QUESTION - 5.0, step=0.1)
        self.known(watch, A)
        run(self.clock, WATCHED_AFTER_QUESTION - 5.0, step=0.1)
        assert [row.uri for row in watch.rows()] == [A]
        run(self.clock, 15.0, step=0.1)
        assert list(watch.rows()) == []
        assert self.clock.getDelayedCalls() == []

    def test_room(self) -> None:
        """So many are watched because somebody has asked; the one with the oldest question makes room."""
        watch = self.watch(C, most_asked_for=2)
        for uri in (A, B):
            self.asked(watch, uri)
        run(self.clock, 1.0)
        self.known(watch, A)
        self.asked(watch, "sip:d@example.com")
        run(self.clock, 1.0)
        assert {row.uri: row.configured for row in watch.rows()} == {C: True, A: False, "sip:d@example.com": False}

    def test_too_old(self) -> None:
        """Knowledge that could not be renewed for long is no answer any more, and says how old it is."""
        watch = self.watch(A)
        run(self.clock, 1.0)
        self.clock.rightNow += 60.0  # the machine was suspended
        known = self.known(watch, A)
        assert known.available is None
        assert known.reason.startswith("last checked 6")
        assert next(watch.rows()).available is None

    def test_disabled(self) -> None:
        """While it is off, nobody is probed, and every answer says so."""
        watch = self.watch(A, settings=evolve(ENABLED, enabled=False))
        run(self.clock, 10.0)
        assert self.known(watch, A).as_json() == {
            "available": None,
            "uri": A,
            "status_code": None,
            "latency_ms": None,
            "checked_at": None,
            "age_ms": None,
            "reason": "disabled",
        }
        assert (self.probed.begun, list(watch.rows())) == ([], [])

    def test_no_uri(self) -> None:
        """What is no URI is refused, and not watched."""
        watch = self.watch()
        for text in ("sales", "sip:", "tel:xyz", "sip:a b@example.com"):
            with pytest.raises(UnusableUri):
                watch.ask(text)
        assert list(watch.rows()) == []

    def test_stopped(self) -> None:
        """At a stop who waits is told that nobody knows; later questions likewise."""
        watch = self.watch()
        answer = self.asked(watch, A)
        watch.stop()
        assert self.successResultOf(answer).available is None
        assert self.known(watch, A).reason == "disabled"


class TelTest(WatchCase):
    """Telephone numbers."""

    GATEWAY = evolve(ENABLED, tel_gateway="sip:{number}@gw.example.com")

    def test_no_gateway(self) -> None:
        """Without a gateway nobody knows."""
        known = self.known(self.watch(), "tel:+1-555-0100")
        assert (known.available, known.uri) == (None, "tel:+1-555-0100")
        assert "tel_gateway" in known.reason

    def test_gateway(self) -> None:
        """The number is probed at the gateway; all ways to write it are one endpoint."""
        watch = self.watch(settings=self.GATEWAY)
        answers = [self.asked(watch, text) for text in ("tel:+1-555-0100", "tel:+15550100")]
        run(self.clock, 0.01)
        assert [self.successResultOf(answer).uri for answer in answers] == ["tel:+1-555-0100", "tel:+15550100"]
        assert self.probed.begun[0][1:] == ("sip:+15550100@gw.example.com", True)
        assert len(self.probed.begun) == 1

    def test_other_gateway(self) -> None:
        """After a reload with another gateway the numbers are asked for there, and not at the old one any more."""
        watch = self.watch("tel:+1", settings=self.GATEWAY)
        self.asked(watch, "tel:+2")
        self.asked(watch, A)
        run(self.clock, 6.0)
        watch.reload(evolve(self.GATEWAY, endpoints=("tel:+1",), tel_gateway="sip:{number}@gw2.example.com"))
        self.probed.begun.clear()
        run(self.clock, 6.0)
        assert {uri for _, uri, _ in self.probed.begun} == {"sip:+1@gw2.example.com", A}
        watch.reload(evolve(ENABLED, endpoints=("tel:+1",)))
        assert {row.uri: row.available for row in watch.rows()} == {"tel:+1": None, A: True}


class ReloadTest(WatchCase):
    """Settings that change while endpoints are watched."""

    def reload(self, watch: EndpointWatch, *endpoints: str, **settings: Any) -> None:
        """New settings."""
        watch.reload(evolve(ENABLED, endpoints=endpoints, **settings))

    def test_added_and_removed(self) -> None:
        """What is added is probed, what is removed is not any more, and what stays keeps what is known of it."""
        watch = self.watch(A, B)
        run(self.clock, 12.0)
        before = {row.uri: row for row in watch.rows()}
        self.reload(watch, B, C)
        assert [(row.uri, row.available) for row in watch.rows()] == [(B, True), (C, None)]
        run(self.clock, 1.0)
        after = {row.uri: row for row in watch.rows()}
        assert after[B].since == before[B].since
        assert after[C].available is True
        self.probed.begun.clear()
        run(self.clock, 12.0)
        assert {uri for _, uri, _ in self.probed.begun} == {B, C}

    def test_removed_but_asked_for(self) -> None:
        """What somebody has asked for stays watched for its while, without a new probe."""
        watch = self.watch(A)
        run(self.clock, 1.0)
        self.known(watch, A)
        self.reload(watch)
        assert [(row.uri, row.available, row.configured) for row in watch.rows()] == [(A, True, False)]
        assert self.known(watch, A).available is True

    def test_asked_for_and_added(self) -> None:
        """What somebody has asked for and is now configured is known already, and listed as it is configured."""
        watch = self.watch()
        self.asked(watch, "SIP:a@example.com")
        run(self.clock, 1.0)
        self.reload(watch, A)
        assert [(row.uri, row.available, row.configured) for row in watch.rows()] == [(A, True, True)]
        run(self.clock, WATCHED_AFTER_QUESTION + 10.0, step=0.1)
        assert [row.uri for row in watch.rows()] == [A]

    def test_counting_goes_on(self) -> None:
        """A count that has begun is finished by the new thresholds."""
        watch = self.watch(A, settings=evolve(ENABLED, fall=5))
        run(self.clock, 6.0)
        self.probed.behave = lambda _: REFUSED
        run(self.clock, 5.0)
        assert "of 5 in a row" in self.known(watch, A).reason
        self.reload(watch, A, fall=3)
        run(self.clock, 2.0)
        assert self.known(watch, A).available is False

    def test_interval_and_timeout(self) -> None:
        """A shorter interval counts at once, timeout and codes from the next probe on."""
        watch = self.watch(A, settings=evolve(ENABLED, interval=3600.0))
        run(self.clock, 1.0)
        self.reload(watch, A, interval=1.0, timeout=0.2, unavailable_codes=(404,))
        run(self.clock, 1.1)
        assert len(self.probed.questions) == 2
        assert (self.probed.questions[-1].timeout, self.probed.questions[-1].unavailable_codes) == (0.2, (404,))

    def test_switched_off_and_on(self) -> None:
        """Switched off it probes nobody and knows nothing; switched on it begins anew."""
        watch = self.watch(A)
        self.asked(watch, B)
        run(self.clock, 6.0)
        waiting = self.asked(watch, C)
        self.reload(watch, A, enabled=False)
        assert self.successResultOf(waiting).available is None
        assert self.known(watch, A).reason == "disabled"
        assert (list(watch.rows()), self.clock.getDelayedCalls()) == ([], [])
        self.reload(watch, A)
        run(self.clock, 1.0)
        assert self.known(watch, A).available is True

    def test_while_probing(self) -> None:
        """A probe that is under way is finished, and counts."""
        watch = self.watch(A)
        answer = self.asked(watch, B)
        self.reload(watch, A, B)
        run(self.clock, 0.01)
        assert self.successResultOf(answer).available is True
        assert self.probed.at_once == 1

    def test_before_the_start(self) -> None:
        """New settings before the start are those that it begins with."""
        watch = EndpointWatch(
            self.clock, self.probed.probe, ENABLED, jitter=lambda low, _high: low, wall=self.clock.seconds
        )
        watch.reload(evolve(ENABLED, endpoints=(A,)))
        assert self.clock.getDelayedCalls() == []
        watch.start()
        self.addCleanup(watch.stop)
        run(self.clock, 0.1)
        assert [row.available for row in watch.rows()] == [True]


def test_rows() -> None:
    """A row has the fields of ``GET /v1/endpoints``."""
    row = EndpointRow(A, False, "answered 503", True, 503, 0.01234, WALL, 1.2345)
    assert row.as_json() == {
        "uri": A,
        "available": False,
        "status_code": 503,
        "latency_ms": 12.3,
        "since": "2023-11-14T22:13:20.000Z",
        "age_ms": 1234,
        "reason": "answered 503",
        "configured": True,
    }


def test_outcomes_are_values() -> None:
    """The same outcome twice is the same."""
    assert Outcome(GOOD.evidence, GOOD.reason, 200, 0.004) == GOOD
