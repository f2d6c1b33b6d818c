"""Every change as it happens: numbered, kept in a ring for those who come back, told to those who listen."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
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

    def as_sse(self) -> bytes:
        """As a server-sent event (HTML Living Standard, 9.2)."""
        return b"id: %s\nevent: %s\ndata: %s\n\n" % (
            self.id.encode(),
            self.name.encode(),
            json.dumps(self.as_json(), separators=(",", ":")).encode(),
        )


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

    def publish(self, name: str, /, **fields: Any) -> None:
        """Tell everybody of a change; ``fields`` are plain JSON values."""
        self._number += 1
        event = Event(f"{self._run}-{self._number}", name, self._now(), fields)
        self._ring.append(event)
        for listener in tuple(self._listeners.values()):
            listener(event)

    def since(self, last_id: str | None) -> tuple[bool, tuple[Event, ...]]:
        """What happened after an event.

        Args:
            last_id: the last event that is known; None: everything that is kept.

        Returns:
            Whether events between are lost, and the events that are kept.
        """
        kept = tuple(self._ring)
        if last_id is None:
            return False, kept
        run, _, digits = last_id.rpartition("-")
        if run != self._run or not digits.isdecimal() or len(digits) > len(str(self._number)):
            return True, kept
        number = int(digits)
        if number > self._number:
            return True, kept
        missing = self._number - number
        return missing > len(kept), kept[len(kept) - missing :] if missing <= len(kept) else kept

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Have ``listener`` told of every event from now on; returns what ends it."""
        self._next_listener += 1
        key = self._next_listener
        self._listeners[key] = listener

        def stop() -> None:
            self._listeners.pop(key, None)

        return stop
