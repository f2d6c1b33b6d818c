"""What depends on time alone, on a clock that the test turns."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from agentchan.lab import component
from agentchan.lab.component import ComponentService
from agentchan.lab.domain import View
from agentchan.lab.sessions import Session, Sessions
from agentchan.lab.soap import Request, SoapFault, envelope, payload
from agentchan.lab.values import duration_of, instant, seconds_of

VIEW = View("ce1", "lab", 5, "ce1", "ce1", "Running", None, "2026-11-24T12:00:00Z", 0.0)


class FakeConnection:
    """What services need of a connection."""

    class server:  # noqa: N801 - an attribute
        """Its server."""

        host = "ce1"

    def __init__(self) -> None:
        self.on_lost: dict[Any, None] = {}
        self.last_heard = 0.0


class FakeMembership:
    """A domain in which nothing changes."""

    def __init__(self) -> None:
        self.watchers: list[Any] = []

    def look(self) -> View:
        """Always the same."""
        return VIEW


def _watch(clock: Clock, max_wait: str, connection: FakeConnection) -> Any:
    service = ComponentService(clock, FakeMembership(), "Primary")  # type: ignore[arg-type]
    fields = {"KnownRole": "Active", "KnownGeneration": "5", "KnownState": "Running", "MaxWait": max_wait}
    content = "".join(f"<{name}>{value}</{name}>" for name, value in fields.items())
    namespace = component.CONTRACT.namespace
    element = payload(envelope(f'<WatchServerStatus xmlns="{namespace}">{content}</WatchServerStatus>'))
    request: Request = component.CONTRACT.check(element, component.CONTRACT.actions["WatchServerStatus"])
    return service.execute(request, connection)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("max_wait", "held"), [("PT0.5S", 0.5), ("PT60S", 60.0), ("PT61S", 60.0), ("PT1H", 60.0), ("P0Y0M1DT2S", 60.0)]
)
def test_held_at_most_a_minute(max_wait: str, held: float) -> None:
    """WatchServerStatus is held back until MaxWait has passed, at most a minute."""
    clock, connection = Clock(), FakeConnection()
    waiting: Deferred[str] = _watch(clock, max_wait, connection)
    answers: list[str] = []
    waiting.addCallback(answers.append)
    clock.advance(held - 0.01)
    assert answers == []
    clock.advance(0.02)
    assert "<Generation>5</Generation>" in answers[0]
    assert connection.on_lost == {}
    assert clock.getDelayedCalls() == []


@pytest.mark.parametrize("max_wait", ["-PT1S", "P1M", "P1Y", "-P1D"])
def test_negative_or_with_months(max_wait: str) -> None:
    """MaxWait negative or with months: a fault."""
    with pytest.raises(SoapFault, match="MaxWait"):
        _watch(Clock(), max_wait, FakeConnection())


def test_silence() -> None:
    """A session whose connection is silent longer than SessionTimeout is over; any byte from the caller keeps it."""
    clock, ended = Clock(), []

    def on_end(session: Session, why: str) -> None:
        ended.append((session.ivr, why))

    sessions = Sessions(clock, 5.0, on_end)
    connection: Any = FakeConnection()
    session = sessions.open("ivr1", "a", connection, 1, ["c1"])
    for _ in range(10):
        clock.advance(4.9)
        connection.last_heard = clock.seconds()
    assert sessions.find(session.session_id, connection) is session
    clock.advance(4.9)
    assert ended == []
    clock.advance(0.2)
    assert ended == [("ivr1", "silence")]
    assert sessions.find(session.session_id, connection) is None
    assert sessions.wishes("ivr1") == {}
    assert connection.on_lost == {}
    assert clock.getDelayedCalls() == []


def test_shorter_timeout() -> None:
    """A SessionTimeout that is shortened counts for the sessions that live already."""
    clock, ended = Clock(), []
    sessions = Sessions(clock, 5.0, lambda _, why: ended.append(why))
    connection: Any = FakeConnection()
    sessions.open("ivr1", "a", connection, 1, ["c1"])
    clock.advance(1.0)
    sessions.set_timeout(2.0)
    clock.advance(0.9)
    assert ended == []
    clock.advance(0.2)
    assert ended == ["silence"]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("PT0S", 0), ("PT1.5S", 1.5), ("P1DT1H1M1S", 90061), ("P0M", 0), ("-PT0S", 0), ("PT0.000001S", 0.000001)],
)
def test_durations(text: str, seconds: float) -> None:
    """Durations are read exactly, and written so that they are read as the same."""
    assert seconds_of(text) == seconds
    assert seconds_of(duration_of(seconds)) == seconds


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("2026-11-24T12:00:00Z", "2026-11-24T17:30:00+05:30"),
        ("2026-11-24T12:00:00.500Z", "2026-11-24T07:00:00.5-05:00"),
        ("2026-11-24T24:00:00Z", "2026-11-25T00:00:00.000Z"),
    ],
)
def test_instants(text: str, same: str) -> None:
    """Two spellings of one instant are the same; a nanosecond more is another."""
    assert instant(text) == instant(same)
    assert instant("2026-11-24T12:00:00.000000001Z") != instant("2026-11-24T12:00:00Z")
