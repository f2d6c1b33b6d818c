"""The end waits for calls in progress, as long as it is allowed to (design, Stopping)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from agentchan.stopping import LOOK_EVERY, MORE_TIME, drained
from tests.config.texts import good
from tests.signals.house import House

CONFIGURATION = '[ivr]\nname = "ivr1"\nchannels = ["c1"]\n[component_link]\nurls = ["http://ce1/"]\n'


class Systemd:
    """What systemd is told."""

    def __init__(self) -> None:
        self.extended: list[float] = []
        self.statuses: list[str] = []

    def extend_timeout(self, seconds: float) -> None:
        """More time is needed."""
        self.extended.append(seconds)

    def status(self, text: str) -> None:
        """One line."""
        self.statuses.append(text)


class Ending:
    """A daemon that ends."""

    def __init__(self, house: House, patience: float) -> None:
        self.house = house
        self.systemd = Systemd()
        self.hurry: Deferred[None] = Deferred()
        daemon: Any = SimpleNamespace(
            reactor=house.clock,
            configuration=good(CONFIGURATION),
            calls=house.calls,
            delivering=house.delivering,
            notifier=self.systemd,
        )
        self.over = Deferred.fromCoroutine(drained(daemon, patience, self.hurry))

    def pass_time(self, seconds: float) -> None:
        """In small steps."""
        for _ in range(round(seconds / LOOK_EVERY)):
            self.house.clock.advance(LOOK_EVERY)


@pytest.fixture
def busy(house: House) -> House:
    """A house with a call that CE knows of."""
    house.new_call()
    house.confirm()
    return house


def test_without_patience(busy: House) -> None:
    """Calls in progress go on at the IVR; nobody waits for them."""
    ending = Ending(busy, 0.0)
    assert ending.over.called
    assert ending.systemd.extended == []


def test_the_last_call_ends(busy: House) -> None:
    """And CE is told of its end before the daemon is gone."""
    ending = Ending(busy, 60.0)
    ending.pass_time(20.0)
    assert not ending.over.called
    assert ending.systemd.statuses[0] == "draining, 1 calls in progress"
    assert set(ending.systemd.extended) == {MORE_TIME}
    busy.gone()
    ending.pass_time(LOOK_EVERY)
    assert not ending.over.called
    busy.confirm_all()
    ending.pass_time(LOOK_EVERY)
    assert ending.over.called


def test_patience_has_an_end(busy: House) -> None:
    """Then the call's Gone comes after the next start."""
    ending = Ending(busy, 5.0)
    ending.pass_time(4.8)
    assert not ending.over.called
    ending.pass_time(0.4)
    assert ending.over.called


def test_somebody_is_in_a_hurry(busy: House) -> None:
    """Nothing is waited for any more."""
    ending = Ending(busy, 60.0)
    ending.pass_time(1.0)
    ending.hurry.callback(None)
    ending.pass_time(LOOK_EVERY)
    assert ending.over.called


def test_signals_that_wait_for_ce(busy: House) -> None:
    """They have the time of one reply, and are on disk anyway."""
    busy.gone()
    ending = Ending(busy, 0.0)
    ending.pass_time(1.8)
    assert not ending.over.called
    ending.pass_time(0.4)
    assert ending.over.called


def test_signals_that_wait_while_somebody_is_in_a_hurry(busy: House) -> None:
    """They have not."""
    busy.gone()
    ending = Ending(busy, 0.0)
    ending.hurry.callback(None)
    ending.pass_time(LOOK_EVERY)
    assert ending.over.called


def test_signals_that_nobody_takes(busy: House) -> None:
    """While no host is active, and what is kept back, is not waited for."""
    busy.delivering.withhold(["c1"])
    busy.gone()
    assert Ending(busy, 0.0).over.called
    busy.delivering.withhold([])
    busy.delivering.serve(None, None)
    assert Ending(busy, 0.0).over.called
