"""The feed of events, and the stream of them to each client."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentchan.api.events import EventFeed
from agentchan.api.limits import Limits
from agentchan.api.streaming import MISSED, RETRY
from tests.api.wires import House, Wire, request


def feed_of(count: int, size: int = 5) -> EventFeed:
    """A feed in which so many events have happened."""
    feed = EventFeed("run", lambda: "2026-11-24T14:05:00Z", size)
    for number in range(1, count + 1):
        feed.publish("counted", number=number)
    return feed


def numbers(events: Any) -> list[int]:
    """Which events they are."""
    return [event.fields["number"] for event in events]


@pytest.mark.parametrize(
    ("count", "last_id", "missed", "expected"),
    [
        (0, None, False, []),
        (3, None, False, [1, 2, 3]),
        (9, None, False, [5, 6, 7, 8, 9]),
        (3, "run-1", False, [2, 3]),
        (3, "run-3", False, []),
        (3, "run-0", False, [1, 2, 3]),
        (9, "run-4", False, [5, 6, 7, 8, 9]),
        (9, "run-3", True, [5, 6, 7, 8, 9]),
        (3, "run-4", True, [1, 2, 3]),
        (3, "run-99999999999999999999", True, [1, 2, 3]),
        (3, "run-\u0661", True, [1, 2, 3]),
        (3, "run--1", True, [1, 2, 3]),
        (3, "run-", True, [1, 2, 3]),
        (3, "other-1", True, [1, 2, 3]),
        (3, "nonsense", True, [1, 2, 3]),
        (0, "other-1", True, []),
    ],
)
def test_what_happened_since(count: int, last_id: str | None, missed: bool, expected: list[int]) -> None:
    """What is kept after an event; whether something between is lost; an unknown event means that nobody knows."""
    batch = feed_of(count).since(last_id)
    assert (batch.missed, numbers(batch.events), batch.last) == (missed, expected, count)


@given(st.integers(0, 20), st.integers(-1, 20), st.integers(1, 30))
def test_batches_follow_each_other(count: int, start: int, most: int) -> None:
    """Taking batch after batch gives every kept event once, in order."""
    feed = feed_of(count)
    number, seen, missed = min(start, count), [], []
    while (batch := feed.after(number, most)).events:
        seen += numbers(batch.events)
        missed.append(batch.missed)
        number = batch.last
    assert seen == list(range(max(min(start, count), count - 5, 0) + 1, count + 1))
    assert not any(missed[1:])


def test_listeners_are_told_until_they_stop() -> None:
    """Each on its own, and one that stops while it is told does no harm."""
    feed, told = feed_of(0), []
    stop = feed.listen(lambda event: told.append(("a", event.name)))
    feed.listen(lambda _: stop())
    feed.publish("one")
    feed.publish("two")
    assert told == [("a", "one")]
    stop()


def events(data: bytes) -> list[Any]:
    """The events of a stream that has been written so far, in chunks; ``events-missed`` by its name alone."""
    body = b""
    data = data.partition(b"\r\n\r\n")[2]
    while data:
        size, _, data = data.partition(b"\r\n")
        body += data[: int(size, 16)]
        data = data[int(size, 16) + 2 :]
    found = []
    for block in body.decode().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith((":", "retry")))
        if fields:
            value = json.loads(fields["data"])
            assert value["event"] == fields["event"]
            assert value.get("id") == fields.get("id")
            found.append(value.get("number", fields["event"]))
    return found


@pytest.fixture
def house() -> House:
    """A door with a feed that keeps little."""
    house = House()
    house.operator.feed = feed_of(0, 2048)
    return house


def publish(house: House, *numbers: int) -> None:
    """These happen."""
    for number in numbers:
        house.operator.feed.publish("counted", number=number)


def follow(house: House, target: str = "/v1/events", **headers: str) -> Wire:
    """A client that follows."""
    wire = house.connect()
    wire.send(request("GET", target, **headers))
    wire.turns(50)
    return wire


def test_a_stream_tells_what_happens_from_now_on(house: House) -> None:
    """Each change once; quiet times are bridged by comments; the client's leaving ends it."""
    publish(house, 1)
    wire = follow(house)
    assert b"Content-Type: text/event-stream\r\n" in wire.transport.value()
    assert RETRY in wire.transport.value()
    publish(house, 2, 3)
    wire.turns()
    house.reactor.advance(house.door.limits.keep_alive)
    assert b": still here\n\n" in wire.transport.value()
    publish(house, 4)
    assert events(wire.transport.value()) == [2, 3, 4]
    house.reactor.advance(3600)
    assert not wire.is_closed
    wire.transport.end()
    publish(house, 5)
    house.assert_at_rest()


def test_a_client_that_comes_back_gets_what_it_missed(house: House) -> None:
    """By Last-Event-ID, or since= where that cannot be set; with a mark where something is lost."""
    publish(house, *range(1, 301))
    assert events(follow(house, last_event_id="run-297").transport.value()) == [298, 299, 300]
    assert events(follow(house, "/v1/events?since=run-299").transport.value()) == [300]
    wire = follow(house, last_event_id="old-7")
    publish(house, 301)
    wire.turns(5)
    assert events(wire.transport.value()) == ["events-missed", *range(1, 302)]
    fresh = House()
    assert events(follow(fresh, last_event_id="old-7").transport.value()) == ["events-missed"]


def test_a_long_replay_is_written_in_parts(house: House) -> None:
    """A hundred events in a turn; those that happen meanwhile come after."""
    publish(house, *range(1, 1001))
    wire = house.connect()
    wire.send(request("GET", "/v1/events", last_event_id="run-0"))
    assert events(wire.transport.value()) == list(range(1, 101))
    publish(house, 1001)
    wire.turns()
    assert events(wire.transport.value()) == list(range(1, 201))
    wire.turns(20)
    assert events(wire.transport.value()) == list(range(1, 1002))


def test_a_client_that_reads_slowly_loses_nothing(house: House) -> None:
    """What it has not read waits in the feed, not in the connection's memory."""
    wire = follow(house)
    wire.transport.reads = False
    publish(house, *range(1, 1001))
    wire.turns(5)
    assert len(wire.transport.value()) < 1000
    house.reactor.advance(house.door.limits.stall_time - 1)
    wire.transport.read_on()
    wire.turns(20)
    assert events(wire.transport.value()) == list(range(1, 1001))
    house.reactor.advance(house.door.limits.stall_time + 1)
    assert not wire.is_closed


def test_a_client_that_falls_behind_the_feed_is_told(house: House) -> None:
    """It learns that events are lost, and goes on with those that are kept."""
    wire = follow(house)
    wire.transport.reads = False
    publish(house, 1)
    publish(house, *range(2, 3001))
    wire.transport.read_on()
    wire.turns(50)
    assert events(wire.transport.value()) == [1, "events-missed", *range(953, 3001)]
    assert MISSED in wire.transport.value()


def test_a_client_that_reads_nothing_is_cut_off(house: House) -> None:
    """After a while; comments are not piled up for it meanwhile."""
    wire = follow(house)
    wire.transport.reads = False
    publish(house, 1)
    written = len(wire.transport.value())
    house.reactor.advance(house.door.limits.keep_alive + 1)
    assert len(wire.transport.value()) == written
    house.reactor.advance(house.door.limits.stall_time)
    house.reactor.advance(0)
    assert wire.transport.aborted
    house.assert_at_rest()


def test_streams_are_bounded() -> None:
    """One too many is 503, and may come when another has left; HEAD takes no place."""
    house = House(limits=Limits(streams=2))
    first, _ = follow(house), follow(house)
    answer = house.connect().ask("GET", "/v1/events")
    assert (answer.status, answer.code) == (503, "too-many-streams")
    first.transport.end()
    assert house.connect().ask("HEAD", "/v1/events").status == 200
    third = follow(house)
    assert b"HTTP/1.1 200" in third.transport.value()


def test_events_as_a_list(house: House) -> None:
    """Where JSON is asked for by name: what is kept, and whether something is lost; in parts if it is long."""
    wire = house.connect()
    assert wire.ask("GET", "/v1/events", accept="application/json").json == {"missed": False, "events": []}
    publish(house, *range(1, 2101))
    value = wire.ask("GET", "/v1/events?since=run-50", accept="application/json").json
    assert value["missed"] is True
    assert [event["number"] for event in value["events"]] == list(range(53, 2101))
    value = wire.ask("GET", "/v1/events", accept="application/json", last_event_id="run-2099").json
    assert value == {
        "missed": False,
        "events": [{"id": "run-2100", "event": "counted", "at": "2026-11-24T14:05:00Z", "number": 2100}],
    }


@pytest.mark.parametrize("accept", ["*/*", "text/event-stream", "", "text/html", "application/json;q=0.5, */*;q=0.8"])
def test_a_stream_is_what_most_get(house: House, accept: str) -> None:
    """Curl, browsers and an EventSource follow; only whoever prefers JSON gets a list."""
    wire = follow(house, accept=accept)
    assert b"text/event-stream" in wire.transport.value()
