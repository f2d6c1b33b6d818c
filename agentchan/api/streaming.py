"""Answers that are written in parts, at the pace at which the client reads them."""

# ruff: noqa: N802  the names of Twisted's methods

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import structlog
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from agentchan.api.events import Event, EventFeed
from agentchan.api.limits import Limits

log = structlog.get_logger("agentchan.api")

RETRY = b"retry: 1000\n\n"
"""What an EventSource waits before it comes back, in milliseconds."""


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
    """Writes events to one client as they happen; a client that does not keep up is cut off and comes back.

    Args:
        closed: called once when the stream is over.
    """

    def __init__(self, reactor: Any, request: Any, feed: EventFeed, limits: Limits, closed: Callable[[], None]) -> None:
        self._reactor = reactor
        self._request = request
        self._feed = feed
        self._limits = limits
        self._closed = closed
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._paused = False
        self._over = False
        self._stall = _Stall(reactor, limits.stall_time, self._cut)
        self._keep_alive: Any = None
        self._stop_listening: Callable[[], None] = lambda: None

    def start(self, last_id: str | None) -> None:
        """Replay what the client has missed, then follow."""
        self._request.notifyFinish().addBoth(lambda _: self.stopProducing())
        self._request.registerProducer(self, True)
        self._send(RETRY)
        if last_id is not None:
            missed, events = self._feed.since(last_id)
            if missed:
                self._send(b'event: events-missed\ndata: {"event":"events-missed"}\n\n')
            for event in events:
                self._send(event.as_sse())
        self._stop_listening = self._feed.listen(self._tell)
        self._keep_alive = self._reactor.callLater(self._limits.keep_alive, self._comment)

    def pauseProducing(self) -> None:
        """The client does not keep up."""
        self._paused = True
        self._stall.begin()

    def resumeProducing(self) -> None:
        """The client reads again."""
        self._stall.over()
        self._paused = False
        while self._waiting and not self._paused and not self._over:
            octets = self._waiting.popleft()
            self._waiting_bytes -= len(octets)
            self._request.write(octets)

    def stopProducing(self) -> None:
        """The connection is gone."""
        if self._over:
            return
        self._over = True
        self._stop_listening()
        self._stall.over()
        self._waiting.clear()
        if self._keep_alive is not None:
            self._keep_alive.cancel()
            self._keep_alive = None
        self._closed()

    def _tell(self, event: Event) -> None:
        self._send(event.as_sse())

    def _comment(self) -> None:
        self._keep_alive = self._reactor.callLater(self._limits.keep_alive, self._comment)
        self._send(b": still here\n\n")

    def _send(self, octets: bytes) -> None:
        if self._over:
            return
        if not self._paused:
            self._request.write(octets)
            return
        self._waiting.append(octets)
        self._waiting_bytes += len(octets)
        if self._waiting_bytes > self._limits.stream_queue:
            log.warning("event-client-too-slow", waiting_bytes=self._waiting_bytes)
            self._cut()

    def _cut(self) -> None:
        self._request.channel.forceAbortClient()
