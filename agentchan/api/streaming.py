"""Answers that are written in parts, at the pace at which the client reads them."""

# ruff: noqa: N802  the names of Twisted's methods

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import structlog
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from agentchan.api.events import EventFeed
from agentchan.api.limits import Limits

log = structlog.get_logger("agentchan.api")

RETRY = b"retry: 1000\n\n"
"""What an EventSource waits before it comes back, in milliseconds."""

MISSED = b'event: events-missed\ndata: {"event":"events-missed"}\n\n'
"""Says that events between are lost: whoever keeps a picture of its own asks for the status anew."""

_EVENTS_IN_A_TURN = 100
"""Events written in one turn of the reactor: about a millisecond."""


class _Stall:
    """Cuts a connection off whose client does not read."""

    def __init__(self, reactor: Any, seconds: float, cut: Callable[[], None]) -> None:
        self._reactor = reactor
        self._seconds = seconds
        self._cut = cut
        self._call: Any = None

    def begin(self) -> None:
        if self._call is None:
            self._call = self._reactor.callLater(self._seconds, self._end)

    def over(self) -> None:
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _end(self) -> None:
        self._call = None
        self._cut()


@implementer(IPushProducer)
class SlicedBody:
    """Writes the parts of a long answer, one in each turn of the reactor."""

    def __init__(self, reactor: Any, request: Any, parts: Iterator[bytes], limits: Limits) -> None:
        self._reactor = reactor
        self._request = request
        self._parts = parts
        self._stall = _Stall(reactor, limits.stall_time, self._cut)
        self._next: Any = None
        self._done = False

    def start(self) -> None:
        """Begin to write."""
        self._request.notifyFinish().addBoth(lambda _: self.stopProducing())
        self._request.registerProducer(self, True)
        self.resumeProducing()

    def pauseProducing(self) -> None:
        """The client does not keep up."""
        self._cancel()
        self._stall.begin()

    def resumeProducing(self) -> None:
        """The client reads again."""
        self._stall.over()
        if not self._done and self._next is None:
            self._next = self._reactor.callLater(0, self._write)

    def stopProducing(self) -> None:
        """The connection is gone, or all is written."""
        self._done = True
        self._cancel()
        self._stall.over()

    def _cancel(self) -> None:
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def _write(self) -> None:
        self._next = None
        try:
            part = next(self._parts, None)
        except Exception:
            log.exception("answer-failed-midway")
            self._cut()
            return
        if part is not None:
            # Scheduled first: writing may pause us at once.
            self._next = self._reactor.callLater(0, self._write)
            self._request.write(part)
            return
        self._done = True
        self._stall.over()
        self._request.unregisterProducer()
        self._request.finish()

    def _cut(self) -> None:
        self._request.channel.forceAbortClient()


@implementer(IPushProducer)
class EventBody:
    """Writes events to one client as they happen.

    What a client has not read yet waits in the feed's ring, not here: a slow client costs no memory, and one that falls
    behind the ring is told of the gap. One that reads nothing at all for a while is cut off, and may come back.

    Args:
        closed: called once when the stream is over.
    """

    def __init__(
        self, reactor: Any, request: Any, feed: EventFeed, limits: Limits, closed: Callable[[EventBody], None]
    ) -> None:
        self._reactor = reactor
        self._request = request
        self._feed = feed
        self._limits = limits
        self._closed = closed
        self._number = feed.newest
        self._paused = False
        self._over = False
        self._stall = _Stall(reactor, limits.stall_time, self._cut)
        self._next_turn: Any = None
        self._keep_alive: Any = None
        self._stop_listening: Callable[[], None] = lambda: None

    def start(self, last_id: str | None) -> None:
        """Replay what the client has missed, then follow.

        Args:
            last_id: the last event that the client has; None: it wants none of the past.
        """
        self._request.notifyFinish().addBoth(lambda _: self.stopProducing())
        self._request.registerProducer(self, True)
        self._request.write(RETRY)
        if last_id is not None:
            self._number = self._feed.number_of(last_id)
        self._stop_listening = self._feed.listen(lambda _: self._write())
        self._keep_alive = self._reactor.callLater(self._limits.keep_alive, self._comment)
        self._write()

    def end(self) -> None:
        """End the stream in good order: the daemon stops."""
        if not self._over:
            self._request.unregisterProducer()
            self._request.finish()

    def pauseProducing(self) -> None:
        """The client does not keep up."""
        self._paused = True
        self._stall.begin()

    def resumeProducing(self) -> None:
        """The client reads again."""
        self._stall.over()
        self._paused = False
        self._write()

    def stopProducing(self) -> None:
        """The connection is gone."""
        if self._over:
            return
        self._over = True
        self._stop_listening()
        self._stall.over()
        for call in (self._keep_alive, self._next_turn):
            if call is not None:
                call.cancel()
        self._closed(self)

    def _write(self) -> None:
        """Write what has happened since, a hundred events in a turn."""
        if self._over or self._paused or self._next_turn is not None:
            return
        batch = self._feed.after(self._number, _EVENTS_IN_A_TURN)
        if not batch.events and not batch.missed:
            return
        # Writing may pause us, so all is noted before.
        self._number = batch.last
        if batch.last < self._feed.newest:
            self._next_turn = self._reactor.callLater(0, self._write_on)
        self._request.write((MISSED if batch.missed else b"") + b"".join(event.sse for event in batch.events))

    def _write_on(self) -> None:
        self._next_turn = None
        self._write()

    def _comment(self) -> None:
        self._keep_alive = self._reactor.callLater(self._limits.keep_alive, self._comment)
        if not self._paused:
            self._request.write(b": still here\n\n")

    def _cut(self) -> None:
        log.info("event-client-cut-off", unread_for=self._limits.stall_time)
        self._request.channel.forceAbortClient()
