"""Every change as it happens: numbered, kept in a ring for those who come back, told to those who listen."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from functools import cached_property
from itertools import islice
from typing import Any

from attrs import frozen

RING_SIZE = 2048
"""Events kept for replay: an hour of a busy day, some hundreds of kilobytes."""

Listener = Callable[["Event"], None]


@frozen
class Event:
    """One change.

    Attributes:
        id: the run of the daemon and the event's number in it, ``RUN-17``.
        name: stable, lower-case-with-hyphens; as in the log.
        fields: plain JSON values.
        at: ISO 8601 with a zone.
    """

    id: str
    name: str
    at: str
    fields: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        """As ``/v1/events`` gives it."""
        return {"id": self.id, "event": self.name, "at": self.at, **self.fields}

    @cached_property
    def sse(self) -> bytes:
        """As a server-sent event (HTML Living Standard, 9.2); made once for all who listen."""
        return b"id: %s\nevent: %s\ndata: %s\n\n" % (
            self.id.encode(),
            self.name.encode(),
            json.dumps(self.as_json(), separators=(",", ":")).encode(),
        )


@frozen
class Batch:
    """Events in their order.

    Attributes:
        missed: whether events before them are lost.
        events: the events.
        last: the number of the last one, from which to go on.
    """

    missed: bool
    events: tuple[Event, ...]
    last: int


class EventFeed:
    """The daemon publishes here; the API's clients listen.

    Args:
        run: tells the runs of the daemon apart, so that a client that comes back after a restart is told of the gap.
        now: the time as ISO 8601 with a zone.
        size: how many events are kept.
    """

    def __init__(self, run: str, now: Callable[[], str], size: int = RING_SIZE) -> None:
        self._run = run
        self._now = now
        self._number = 0
        self._ring: deque[Event] = deque(maxlen=size)
        self._listeners: dict[int, Listener] = {}
        self._next_listener = 0

    @property
    def newest(self) -> int:
        """The number of the newest event."""
        return self._number

    def publish(self, name: str, /, **fields: Any) -> None:
        """Tell everybody of a change; ``fields`` are plain JSON values."""
        self._number += 1
        event = Event(f"{self._run}-{self._number}", name, self._now(), fields)
        self._ring.append(event)
        for listener in tuple(self._listeners.values()):
            listener(event)

    def number_of(self, event_id: str) -> int:
        """The number of an event of this run; -1, before all others, where it is none of this run."""
        run, _, digits = event_id.rpartition("-")
        if run != self._run or not (digits.isascii() and digits.isdigit()) or len(digits) > len(str(self._number)):
            return -1
        return int(digits) if int(digits) <= self._number else -1

    def after(self, number: int, most: int = RING_SIZE) -> Batch:
        """The events that follow one, as far as they are kept.

        Args:
            number: of the last event that is known.
            most: at most so many.
        """
        forgotten = self._number - len(self._ring)
        start = max(number, forgotten)
        events = tuple(islice(self._ring, start - forgotten, start - forgotten + most))
        return Batch(number < forgotten, events, start + len(events))

    def since(self, last_id: str | None) -> Batch:
        """What happened after an event.

        Args:
            last_id: the last event that is known; None: everything that is kept.
        """
        return self.after(self._number - len(self._ring) if last_id is None else self.number_of(last_id))

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Have ``listener`` told of every event from now on; returns what ends it."""
        self._next_listener += 1
        key = self._next_listener
        self._listeners[key] = listener

        def stop() -> None:
            self._listeners.pop(key, None)

        return stop
