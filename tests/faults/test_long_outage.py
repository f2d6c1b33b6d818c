"""CE is away for a day and more, on a fast clock: what is tried, what is kept, what expires, and how it comes back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field
from structlog.testing import capture_logs
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from agentchan.ce.dialer import DialFailed
from agentchan.ce.http_post import HttpAnswer
from agentchan.ce.lanes import Lanes, LaneTimings
from agentchan.core.backoff import FLOOR, Backoff
from agentchan.core.outbox_values import Rules
from agentchan.core.session_values import Restored, State
from agentchan.vocabulary import Fate, NewCall
from tests.ce import test_agent_channel as channels
from tests.ce.stage import Dialled
from tests.signals.house import House, result
from tests.signals.test_lanes import PlainCodec, Wire

MINUTE, HOUR = 60.0, 3600.0
DAY = 24 * HOUR
GRAIN = 1e-6
"""Seconds by which sums of floats may differ."""
MAXIMUM = 5.0
"""Seconds: the longest pause between two attempts, by default."""
CALLS = 26 * 3
"""One every twenty minutes."""
CE1 = "http://ce1/IVRConnector"


def pass_time(clock: Clock, seconds: float, step: Callable[[float], None]) -> None:
    """Let time pass from one timer to the next, as a reactor does that is awake."""
    until = clock.seconds() + seconds
    while clock.seconds() < until:
        due = min((timer.getTime() for timer in clock.getDelayedCalls()), default=until)
        step(max(0.0, min(due, until) - clock.seconds()))


def assert_paced(attempts: list[float], seconds: float) -> None:
    """Attempts were made all the time, the first ones soon, and none too soon after another."""
    pauses = [later - earlier for earlier, later in pairwise(attempts)]
    assert min(pauses) >= FLOOR - GRAIN
    assert max(pauses) <= MAXIMUM + GRAIN
    assert sum(pauses) >= seconds - MAXIMUM - GRAIN
    assert len(attempts) <= seconds / MAXIMUM + 10


class DayWithoutConnector(channels.ChannelCase):
    """The host that is active refuses every connection, for a day."""

    def test_it_never_gives_up_and_never_hammers(self) -> None:
        """Backoff grows to its maximum and stays there; then it signs on within that, and restores the readiness."""
        connection = self.up()
        attempts: list[float] = []

        def refuse(attempt: Dialled) -> None:
            attempts.append(self.clock.seconds())
            # A day's attempts need not be remembered.
            self.stage.dialled.clear()
            self.clock.callLater(0, attempt.refuse, "ce1 refuses the connection")

        self.stage.on_dial = refuse
        with capture_logs():
            connection.lose("reset by ce1")
            pass_time(self.clock, DAY, self.clock.turn)
        # The first attempt after the loss is free.
        assert_paced(attempts[1:], DAY)
        assert self.state is not State.UP
        assert len(self.clock.getDelayedCalls()) <= 2
        back_at = self.clock.seconds()
        self.stage.on_dial = lambda _attempt: None
        self.actions.clear()
        while not self.stage.dialled:
            pass_time(self.clock, FLOOR, self.clock.turn)
        assert self.clock.seconds() - back_at <= MAXIMUM + FLOOR
        connection = self.accept()
        self.reply(connection)
        self.reply(connection)
        assert self.state is State.UP
        assert len(self.told(Restored)) == 1
        self.assert_stops()


@define(eq=False)
class Road:
    """Lanes to a CE that is away, and comes back; answers come from the reactor.

    Attributes:
        attempts: when each connection was tried.
        applied: the SignalIds that CE has taken, in order.
    """

    house: House
    away: bool = True
    attempts: list[float] = field(factory=list)
    applied: list[str] = field(factory=list)

    def dial(self, url: str, **_: Any) -> Deferred[Any]:
        """See :class:`agentchan.ce.dialer.Dialer`."""
        clock = self.house.clock
        self.attempts.append(clock.seconds())
        if not self.away:
            return succeed(_Answering(url, self))
        attempt: Deferred[Any] = Deferred()
        clock.callLater(0, attempt.errback, DialFailed("connect", "ce1 refuses the connection"))
        return attempt


class _Answering(Wire):
    """A connection on which every signal is confirmed."""

    def __init__(self, url: str, road: Road) -> None:
        super().__init__(url)
        self._road = road

    def exchange(self, message: Any) -> Deferred[HttpAnswer]:
        """A signal goes out."""
        waiting = super().exchange(message)
        self._road.applied.append(message[0])
        self._road.house.clock.callLater(0, self.answer)
        return waiting


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """The call-signal service of an IVR with two channels; one lane, so that attempts can be told apart."""
    house = House(tmp_path / "journal.sqlite3", names=("c1", "c2"), rules=Rules(new_call_max_age=DAY))
    yield house
    house.closed()


@pytest.fixture
def road(house: House) -> Iterator[Road]:
    """Its way to CE, which is away."""
    road = Road(house)
    lanes = Lanes(
        house.clock,
        road,
        PlainCodec(),
        house.outbox,
        count=1,
        timings=LaneTimings(connect=1.0, reply=2.0, backoff=Backoff(0.1, MAXIMUM)),
        jitter=lambda _low, high: high,
        on_sent=house.delivering.sent,
        on_landed=house.delivering.landed,
        on_progress=house.delivering.progress,
    )
    house.delivering.lanes = lanes
    with capture_logs():
        house.delivering.serve(CE1, "ce1")
        yield road
        result(lanes.stop())


def lived(house: House, minutes: int) -> None:
    """So many minutes go by, with the daemon's look at what expires in each."""
    for _ in range(minutes):
        pass_time(house.clock, MINUTE, house.clock.advance)
        house.outbox.expire(house.clock.seconds())
        house.delivering.progress()


def test_signals_of_a_day_and_two_hours(house: House, road: Road) -> None:
    """Every signal is kept; NewCalls older than a day expire, loudly, no Gone does; the rest comes in order."""
    began: dict[str, datetime] = {}
    order: dict[str, list[str]] = {"c1": [], "c2": []}
    for number in range(CALLS):
        channel = ("c1", "c2")[number % 2]
        signal_id = house.new_call(channel, str(number), signal_id=f"n{number}").signal_id
        began[signal_id] = house.now
        lived(house, 5)
        order[channel] += [signal_id, house.gone(channel, str(number), signal_id=f"g{number}").signal_id]
        lived(house, 5 if number == CALLS - 1 else 15)
        if number == CALLS // 2:
            # Somebody sets the clock: that ages nothing.
            house.wall_jump = 30 * HOUR
    expired = [f"n{number}" for number in range(6)]
    assert [event["signal_id"] for event in house.events("signal-expired")] == expired
    assert all(event["level"] in ("warning", "error") for event in house.events("signal-expired"))
    assert len(house.outbox) == 2 * CALLS - len(expired)
    assert_paced(road.attempts, house.clock.seconds() - 1000.0)
    road.away = False
    pass_time(house.clock, 2 * MAXIMUM, house.clock.advance)
    assert len(house.outbox) == 0
    for channel, made in order.items():
        known = [signal_id for signal_id in road.applied if signal_id in made]
        assert known == [signal_id for signal_id in made if signal_id not in expired], channel
    assert len(road.applied) == len(set(road.applied))
    for signal_id, at in began.items():
        assert house.fate(signal_id) is (Fate.EXPIRED if signal_id in expired else Fate.CONFIRMED)
        kept = result(house.journal.signal(signal_id))
        assert kept is not None
        assert isinstance(kept.signal, NewCall)
        assert abs(kept.signal.started_at - at) < timedelta(seconds=1)
