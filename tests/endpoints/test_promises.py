"""What is promised of every endpoint, whatever it does and whatever is configured."""

from __future__ import annotations

import random
from typing import Any

from attrs import define, evolve, field
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from agentchan.config import EndpointCheck
from agentchan.core.presence import Evidence
from agentchan.endpoint_answers import EndpointAnswer, EndpointRow
from agentchan.endpoints import EndpointWatch
from agentchan.sip.outcome import Outcome
from tests.endpoints.probing import GOOD, LATENCY, OUTCOMES, Probed, run

URI = "sip:a@example.com"
SETTINGS = st.builds(
    lambda interval, share, fall, rise: EndpointCheck(
        enabled=True, endpoints=(URI,), interval=interval, timeout=interval * share, fall=fall, rise=rise
    ),
    st.sampled_from([0.1, 1.0, 5.0, 60.0]),
    st.floats(0.1, 1.0),
    st.integers(1, 5),
    st.integers(1, 5),
)
CHANCE = st.integers(0, 2**32).map(lambda seed: random.Random(seed).uniform)  # noqa: S311 - a test


@define
class Watched:
    """One configured endpoint that is watched."""

    settings: EndpointCheck
    jitter: Any
    clock: Clock = field(factory=Clock)
    changes: list[tuple[float, bool | None]] = field(factory=list)
    probed: Probed = field(init=False)
    watch: EndpointWatch = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Begin."""
        self.probed = Probed(self.clock)
        self.watch = EndpointWatch(
            self.clock,
            self.probed.probe,
            self.settings,
            jitter=self.jitter,
            wall=self.clock.seconds,
            on_change=self.changed,
        )
        self.watch.start()

    def changed(self, row: EndpointRow, _before: bool | None) -> None:
        """It has become available, or not, or nobody knows."""
        self.changes.append((self.clock.seconds(), row.available))

    def run(self, seconds: float) -> None:
        """Let time pass."""
        run(self.clock, seconds, step=min(self.settings.interval, self.settings.timeout) / 20)


def judged(told: str, settings: EndpointCheck) -> list[bool | None]:
    """What is told of an endpoint whose probes end so: changes, found by looking back from each probe."""
    changes: list[bool | None] = []
    unknown = "?" * settings.fall
    for end in range(1, len(told) + 1):
        so_far = told[:end]
        now = changes[-1] if changes else None
        counted = so_far.rpartition(unknown)[2].replace("?", "")
        if so_far.endswith(unknown):
            now = None
        elif so_far.endswith("?"):
            pass
        elif counted.endswith("+" * settings.rise):
            now = True
        elif counted.endswith("-" * settings.fall):
            now = False
        if now is not (changes[-1] if changes else None):
            changes.append(now)
    return changes


@given(SETTINGS, CHANCE, st.lists(st.sampled_from("+-?"), min_size=1, max_size=40))
def test_flapping(settings: EndpointCheck, jitter: Any, does: list[str]) -> None:
    """An endpoint that flaps is not up before ``rise`` good answers in a row, nor down before ``fall`` bad ones."""
    watched = Watched(settings, jitter)
    rest = iter(does)
    watched.probed.behave = lambda _: OUTCOMES[next(rest, does[-1])]
    while len(watched.probed.ended) < len(does):
        before = len(watched.probed.ended)
        watched.run(settings.interval + LATENCY)
        assert len(watched.probed.ended) > before
    watched.watch.stop()
    letters = {outcome: letter for letter, outcome in OUTCOMES.items()}
    told = "".join(letters[outcome] for outcome in watched.probed.ended)
    assert [available for _, available in watched.changes] == judged(told, settings)


@given(SETTINGS, CHANCE, st.floats(0.0, 1.0))
def test_silence(settings: EndpointCheck, jitter: Any, moment: float) -> None:
    """An endpoint that falls silent is down within ``fall`` times (interval + timeout)."""
    watched = Watched(settings, jitter)
    watched.run(settings.interval * (settings.rise + 1 + moment))
    assert [available for _, available in watched.changes] == [True]
    fell_silent = watched.clock.seconds()
    watched.probed.behave = lambda _: None
    most = settings.fall * (settings.interval + settings.timeout)
    watched.run(most + LATENCY)
    watched.watch.stop()
    assert [available for _, available in watched.changes] == [True, False]
    assert watched.changes[-1][0] - fell_silent <= most + LATENCY + 1e-6


@given(SETTINGS, CHANCE)
def test_recovery(settings: EndpointCheck, jitter: Any) -> None:
    """One that answers again is up within ``rise`` times the interval."""
    watched = Watched(settings, jitter)
    watched.probed.behave = lambda _: None
    watched.run((settings.fall + 1) * (settings.interval + settings.timeout))
    watched.probed.behave = lambda _: GOOD
    watched.run(settings.rise * (settings.interval + settings.timeout) + LATENCY)
    watched.watch.stop()
    assert [available for _, available in watched.changes] == [False, True]


ACTIONS = st.lists(
    st.tuples(st.just("ask"), st.sampled_from("abcd"))
    | st.tuples(st.just("wait"), st.floats(0.0, 8.0))
    | st.tuples(st.just("behave"), st.sampled_from("abcd"), st.sampled_from([*OUTCOMES.values(), None]))
    | st.tuples(st.just("reload"), st.sets(st.sampled_from("abc")), st.sampled_from([1.0, 5.0]), st.integers(1, 3)),
    max_size=40,
)


@given(ACTIONS, CHANCE)
def test_any_life(actions: list[tuple[Any, ...]], jitter: Any) -> None:
    """Whatever is asked and reloaded: one probe of an endpoint at a time, every answer in time, nothing is lost."""
    settings = EndpointCheck(enabled=True, interval=5.0, timeout=0.5)
    watched = Watched(settings, jitter)
    behaviour: dict[str, Outcome | None] = {}
    watched.probed.behave = lambda uri: behaviour.get(uri, GOOD)
    waiting: list[tuple[float, Deferred[EndpointAnswer]]] = []
    for action, *values in actions:
        if action == "ask":
            answer = watched.watch.ask(f"sip:{values[0]}")
            if isinstance(answer, Deferred):
                waiting.append((watched.clock.seconds() + settings.timeout + 0.1, answer))
        elif action == "behave":
            behaviour[f"sip:{values[0]}"] = values[1]
        elif action == "reload":
            known = {row.uri: row for row in watched.watch.rows()}
            endpoints = tuple(f"sip:{name}" for name in sorted(values[0]))
            settings = evolve(settings, endpoints=endpoints, interval=values[1], fall=values[2])
            watched.watch.reload(settings)
            rows = {row.uri: row for row in watched.watch.rows()}
            assert {uri for uri, row in rows.items() if row.configured} == set(endpoints)
            for uri in set(known) & set(rows):
                assert rows[uri].since == known[uri].since
                assert rows[uri].age == known[uri].age
        else:
            watched.run(values[0])
        for due, answer in waiting:
            assert answer.called or watched.clock.seconds() < due + 1e-6
    watched.run(10.0)
    assert all(row.age is not None and row.age < 6.0 for row in watched.watch.rows())
    watched.watch.stop()
    assert all(answer.called for _, answer in waiting)
    assert watched.probed.at_once <= 1
    assert watched.clock.getDelayedCalls() == []


def test_evidence_of_the_letters() -> None:
    """The letters stand for all evidence that there is."""
    assert {outcome.evidence for outcome in OUTCOMES.values()} == set(Evidence)
