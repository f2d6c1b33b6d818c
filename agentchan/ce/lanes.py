"""The lanes: connections to the active host's IVR Connector that carry call signals.

A lane that is free takes the outbox's next signal, sends it and tells what came of it. NewCall and Gone need no session
and may travel on any connection to the active host (contract, Sessions); which host that is, and whether there is one,
the lanes are told.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any

import structlog
from attrs import define, frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure

from agentchan.ce.component_link import Dialing
from agentchan.ce.connection import Connection
from agentchan.ce.deadline import within
from agentchan.ce.decoding import decoded
from agentchan.ce.dialer import DialFailed
from agentchan.ce.errors import CannotEncode, ExchangeFailed, at
from agentchan.ce.http_post import HttpAnswer
from agentchan.ce.line import ConnectorCodec
from agentchan.core.backoff import Backoff, Jitter, patient
from agentchan.core.outbox import Outbox
from agentchan.vocabulary import CallSignal, Meaning, Reply

log = structlog.get_logger("agentchan.lanes")


@frozen
class LaneTimings:
    """Durations in seconds (configuration, ``[signals]`` and ``[agent_channel]``)."""

    connect: float
    reply: float
    backoff: Backoff


@define(eq=False)
class _Lane:
    """One connection, or the place of one.

    Attributes:
        signal: what is under way on it.
        sent: whether that has gone out.
        timeouts: how often a deadline had passed in a row when it did.
        last: whether the connection is to be used no more after that.
    """

    connection: Connection | None = None
    signal: CallSignal | None = None
    sent: bool = False
    timeouts: int = 0
    last: bool = False
    work: Deferred[Any] | None = None


class Lanes:
    """All lanes.

    Args:
        count: how many.
        on_sent: called when a signal goes out.
        on_landed: called when it is not out any more, whatever came of it.
        on_progress: called when the outbox has actions to be taken.
    """

    def __init__(
        self,
        reactor: Any,
        dialer: Dialing,
        codec: ConnectorCodec,
        outbox: Outbox,
        *,
        count: int,
        timings: LaneTimings,
        jitter: Jitter,
        on_sent: Callable[[CallSignal], None],
        on_landed: Callable[[CallSignal], None],
        on_progress: Callable[[], None],
    ) -> None:
        self.timings = timings
        self._reactor = reactor
        self._dialer = dialer
        self._codec = codec
        self._outbox = outbox
        self._jitter = jitter
        self._on_sent = on_sent
        self._on_landed = on_landed
        self._on_progress = on_progress
        self._lanes = [_Lane() for _ in range(count)]
        self._leaving: list[_Lane] = []
        self._url: str | None = None
        self._timer: IDelayedCall | None = None
        self._refusals = 0
        self._dial_after = -inf
        self._timeouts = 0
        self._stopping = False
        self._stopped: list[Deferred[None]] = []

    @property
    def url(self) -> str | None:
        """The IVR Connector that signals go to, None while they wait."""
        return self._url

    def serve(self, url: str | None) -> None:
        """Send signals there from now on, or nowhere; what is under way elsewhere is aborted first."""
        if url == self._url:
            return
        self._url = url
        for lane in (*self._lanes, *self._leaving):
            self._empty(lane, "the active host has changed")
        self._leaving.clear()
        if url is not None:
            self.begin_anew()
        else:
            self._on_progress()
            self.advance()

    def begin_anew(self) -> None:
        """The host has just answered others: whatever was put off is tried now, with its first patience."""
        self._refusals = self._timeouts = 0
        self._dial_after = -inf
        self._outbox.signed_on(self._now())
        self._on_progress()
        self.advance()

    def resize(self, count: int) -> None:
        """Have so many lanes from now on; what is under way on one too many goes on, and is its last."""
        while len(self._lanes) > count:
            lane = self._lanes.pop()
            if lane.signal is None:
                self._drop(lane, "fewer lanes are configured")
            else:
                self._leaving.append(lane)
        self._lanes += [_Lane() for _ in range(count - len(self._lanes))]
        self.advance()

    def redial(self) -> None:
        """Use new connections from now on, say after a reload of certificates; what is under way goes on."""
        for lane in self._lanes:
            if lane.signal is None:
                self._drop(lane, "certificates were loaded anew")
            else:
                lane.last = True

    def stop(self) -> Deferred[None]:
        """Take no more signals; fires when the replies that are out have come, or are overdue.

        Said again: wait for nothing; what is out may have been applied, or not.
        """
        again, self._stopping = self._stopping, True
        for lane in (*self._lanes, *self._leaving):
            if again or not lane.sent:
                self._empty(lane, "stopping")
        stopped: Deferred[None] = Deferred()
        self._stopped.append(stopped)
        self._end_if_idle()
        return stopped

    def _end_if_idle(self) -> None:
        every = (*self._lanes, *self._leaving)
        if any(lane.signal is not None for lane in every):
            return
        self._clear_timer()
        for lane in every:
            self._drop(lane, "stopping")
        stopped, self._stopped = self._stopped, []
        for waiting in stopped:
            waiting.callback(None)

    def advance(self) -> None:
        """Let every free lane take a signal; to be called whenever one may have become sendable."""
        if self._stopping:
            self._end_if_idle()
            return
        now = self._now()
        if self._url is None or now < self._dial_after:
            self._set_timer()
            return
        for lane in self._lanes:
            if lane.signal is None:
                signal = self._outbox.take(now)
                if signal is None:
                    break
                self._begin(lane, signal)
        if self._outbox.actions:
            self._on_progress()
        self._set_timer()

    def _now(self) -> float:
        now: float = self._reactor.seconds()
        return now

    def _set_timer(self) -> None:
        now = self._now()
        due = self._dial_after if now < self._dial_after else self._outbox.deadline()
        # Without a free lane nothing can be done about what is due; the next one that is free looks at it.
        free = any(lane.signal is None for lane in self._lanes)
        if self._url is None or due == inf or not free:
            self._clear_timer()
        elif self._timer is None or self._timer.getTime() != due:
            self._clear_timer()
            self._timer = self._reactor.callLater(max(0.0, due - now), self._due)

    def _due(self) -> None:
        self._timer = None
        self.advance()

    def _clear_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _empty(self, lane: _Lane, reason: str) -> None:
        """Whatever is under way on a lane is over: what was sent may have been applied, or not."""
        signal, lane.signal = lane.signal, None
        work, lane.work = lane.work, None
        if work is not None:
            work.cancel()
        self._drop(lane, reason)
        if signal is not None:
            self._give_back(lane, signal, reason)

    def _give_back(self, lane: _Lane, signal: CallSignal, reason: str) -> None:
        sent, lane.sent = lane.sent, False
        if sent:
            self._on_landed(signal)
            self._outbox.lost(signal, reason, self._now())
        else:
            self._outbox.unsent(signal)

    def _drop(self, lane: _Lane, reason: str) -> None:
        lane.last = False
        connection, lane.connection = lane.connection, None
        if connection is not None:
            connection.abort(reason)

    def _begin(self, lane: _Lane, signal: CallSignal) -> None:
        lane.signal, lane.sent = signal, False
        work = Deferred.fromCoroutine(self._carry(lane, signal))
        if lane.signal is signal and not work.called:
            lane.work = work
        work.addErrback(self._broken, lane, signal)

    async def _carry(self, lane: _Lane, signal: CallSignal) -> None:
        """Send one signal, on the lane's connection or on a new one, and tell what came of it."""
        try:
            connection = lane.connection
            if connection is None or not connection.idle:
                connection = await self._connect(lane)
            message = self._codec.encode(signal, connection.url.text)
            lane.sent, lane.timeouts = True, self._timeouts
            self._on_sent(signal)
            answer = await self._within(lane, connection.exchange(message))
            try:
                reply = await decoded(
                    self._reactor,
                    answer,
                    lambda: self._codec.decode(signal, answer.status, answer.content_type, answer.body),
                )
            except ExchangeFailed as failure:
                raise at(connection.url.where, failure) from None
        except CancelledError:
            return
        except CannotEncode as failure:
            if lane.signal is signal:
                self._answered(lane, signal, Reply(Meaning.REFUSED, failure.reason))
        except (DialFailed, ExchangeFailed) as failure:
            if lane.signal is signal:
                self._failed(lane, signal, failure.reason)
        else:
            if lane.signal is signal:
                self._answered(lane, signal, reply)

    async def _connect(self, lane: _Lane) -> Connection:
        url = self._url
        if url is None:
            raise CancelledError
        self._drop(lane, "a new connection is needed")
        timings = self.timings
        connection = await self._dialer.dial(
            url,
            connect_timeout=timings.connect,
            tls_timeout=timings.connect,
            user_timeout=timings.reply,
            on_bytes=lambda: None,
            on_lost=lambda _reason: None,
        )
        self._refusals = 0
        lane.connection = connection
        return connection

    def _within(self, lane: _Lane, exchange: Deferred[HttpAnswer]) -> Deferred[HttpAnswer]:
        deadline = patient(self.timings.reply, lane.timeouts)

        def late() -> ExchangeFailed:
            # The others that were sent with the same deadline do not double it again.
            self._timeouts = max(self._timeouts, lane.timeouts + 1)
            return ExchangeFailed(f"{self._url}: no reply within {deadline:g} s")

        return within(self._reactor, deadline, exchange, late)

    def _answered(self, lane: _Lane, signal: CallSignal, reply: Reply) -> None:
        if lane.sent:
            self._on_landed(signal)
        lane.signal, lane.work, lane.sent = None, None, False
        self._timeouts = 0
        self._leave(lane)
        self._outbox.replied(signal, reply, self._now())
        self._on_progress()
        self.advance()

    def _leave(self, lane: _Lane) -> None:
        """One that is too many, or whose connection is to be used no more, has done its work."""
        if lane in self._leaving:
            self._leaving.remove(lane)
            self._drop(lane, "fewer lanes are configured")
        elif lane.last:
            self._drop(lane, "certificates were loaded anew")

    def _failed(self, lane: _Lane, signal: CallSignal, reason: str) -> None:
        lane.signal, lane.work = None, None
        if not lane.sent and self._now() >= self._dial_after:
            # Lanes that were dialled together fail together, which counts once.
            self._refusals += 1
            self._dial_after = self._now() + self.timings.backoff.delay(self._refusals, self._jitter)
        self._drop(lane, reason)
        self._leave(lane)
        self._give_back(lane, signal, reason)
        log.info("signal-not-confirmed", signal_id=signal.signal_id, channel=signal.channel, reason=reason)
        self._on_progress()
        self.advance()

    def _broken(self, failure: Failure, lane: _Lane, signal: CallSignal) -> None:
        """A fault of ours: say so loudly; the signal is kept, like one whose reply was lost."""
        log.error("lane-broken", signal_id=signal.signal_id, exc_info=failure.value)
        if lane.signal is signal:
            if not lane.sent:
                lane.sent = True
                self._on_sent(signal)
            self._failed(lane, signal, f"internal error: {failure.value!r}")
