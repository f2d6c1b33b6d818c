"""Whether the other side of an open connection lives: what is out on it, and when silence counts."""

from __future__ import annotations

from math import inf

from attrs import define, evolve, field, frozen

from agentchan.core.session_values import Step, Timings
from agentchan.vocabulary import Heartbeat, OpenSession, SetReadiness

LATE = 0.1
"""Seconds: who wakes up later than that was not awake, and cannot tell whether CE was silent (F16)."""


@frozen
class Ask:
    """A probe: something harmless, asked where the profile has no heartbeat."""


Said = OpenSession | SetReadiness | Heartbeat | Ask


@frozen
class InFlight:
    """A request that has no reply yet.

    Attributes:
        since: when waiting for the reply began (monotonic seconds, as all times here): when it was sent, or when we
            woke up after that.
        deadline: when the reply is overdue; None for a heartbeat, which is judged by silence.
        excused: whether we have slept over a deadline once.
    """

    request: Said
    sent_at: float
    since: float
    deadline: float | None = None
    step: Step | None = None
    excused: bool = False


@define
class Pulse:
    """The signs of life on one connection, one request at a time.

    Attributes:
        session_timeout: seconds of silence after which the server forgets the session; None if it did not say.
        in_flight: the request that has no reply yet.
        heard_at: when bytes came last (monotonic seconds).
        interval: seconds between heartbeats, no more than a third of ``session_timeout``.
    """

    timings: Timings
    session_timeout: float | None
    heard_at: float
    in_flight: InFlight | None = None
    interval: float = field(init=False)
    _seen_at: float = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._seen_at = self.heard_at
        self.retimed(self.timings)

    def retimed(self, timings: Timings) -> None:
        """Use other durations; a deadline that is running stays."""
        self.timings = timings
        self.interval = min(timings.heartbeat, self.session_timeout / 3 if self.session_timeout else inf)

    def sent(self, request: Said, now: float, deadline: float | None = None, step: Step | None = None) -> Said:
        """A request goes out."""
        self.in_flight = InFlight(request, now, now, deadline, step)
        return request

    def heard(self, now: float) -> None:
        """Bytes came."""
        self.heard_at = self._seen_at = now

    def answered(self, now: float) -> InFlight | None:
        """The reply has come; returns what it answers."""
        self.heard(now)
        waiting, self.in_flight = self.in_flight, None
        return waiting

    def probed(self, now: float) -> None:
        """A probe was answered."""
        self.heard(now)
        if self.in_flight is not None and isinstance(self.in_flight.request, Ask):
            self.in_flight = None

    def misses(self, now: float) -> int:
        """How many intervals have gone by without any byte since the unanswered heartbeat went out."""
        if self.in_flight is None or self.in_flight.deadline is not None:
            return 0
        since = max(self.in_flight.since, self.heard_at)
        # The same sums as in due(), so that a wake-up at its time always finds its miss.
        return sum(1 for miss in range(1, self.timings.misses + 1) if since + miss * self.interval <= now)

    def due(self, now: float) -> float:
        """When a silence counts next (monotonic seconds); infinite while nothing is out."""
        waiting = self.in_flight
        if waiting is None:
            return inf
        if waiting.deadline is not None:
            return waiting.deadline
        since = max(waiting.since, self.heard_at)
        return min(since + (self.misses(now) + 1) * self.interval, waiting.since + self._whole_answer())

    def overslept(self, now: float) -> bool:
        """Whether we ourselves were not awake when we should have been: a reply may have come and not been read.

        CE gets one more chance then, but only one for each request: who is always late must not wait for ever.
        """
        waiting, due = self.in_flight, self.due(self._seen_at)
        self._seen_at = now
        if waiting is None or waiting.excused or now - due <= LATE:
            return False
        deadline = None if waiting.deadline is None else max(waiting.deadline, now + self.interval)
        self.in_flight = evolve(waiting, since=now, deadline=deadline, excused=True)
        return True

    def dead(self, now: float) -> str | None:
        """Why the connection counts as dead, None while it does not."""
        waiting = self.in_flight
        if waiting is None:
            return None
        if waiting.deadline is not None:
            late = f"no reply to {type(waiting.request).__name__} within {now - waiting.sent_at:.1f} s"
            return late if now >= waiting.deadline else None
        if self.misses(now) >= self.timings.misses:
            return f"{self.timings.misses} heartbeats missed, no sign of life for {now - self.heard_at:.1f} s"
        if now >= waiting.since + self._whole_answer():
            return f"no whole answer to a heartbeat within {now - waiting.sent_at:.1f} s, though bytes came"
        return None

    def _whole_answer(self) -> float:
        """Seconds within which a heartbeat must be answered whole, however its bytes drip in."""
        return max(self.session_timeout or 0.0, self.interval * (self.timings.misses + 1))
