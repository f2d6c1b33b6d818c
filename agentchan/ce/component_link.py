"""The component link: asks every Component Service URL, all the time, who its host is, and tells each answer.

Each URL has a watcher of its own, with its own connection and its own failures, so that a host that hangs keeps nobody
waiting. Who is active is not decided here, but in :mod:`agentchan.core.topology`.

A watcher asks plainly first. From then on, where the profile can, its question is held back by the host until something
changes (contract, Component Service: WatchServerStatus), else it polls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

import structlog
from attrs import frozen
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure

from agentchan.ce.connection import Connection
from agentchan.ce.dialer import DialFailed
from agentchan.ce.errors import ExchangeFailed, at
from agentchan.ce.http_post import Message
from agentchan.core.backoff import FLOOR, Backoff, Jitter, patient
from agentchan.core.observations import Answered, Failed
from agentchan.vocabulary import ServerStatus

log = structlog.get_logger("agentchan.component_link")

_MOST_PATIENCE = 4.0
"""A deadline that passed is doubled for the next question, up to so many times the configured one."""

_QUICK_ANSWERS = 10
"""So many answers in a row that each came within ``FLOOR`` seconds, then the questions are paced: roles do not change
that often, and a host must not be able to keep us busy."""


class StatusCodec(Protocol):
    """What the link needs of the codec."""

    def encode_get_status(self, url: str) -> Message:
        """The plain question."""

    def encode_watch_status(self, known: ServerStatus | None, max_wait: float, url: str) -> Message:
        """The question that is held back until something differs from what is known."""

    def decode_status(self, duty: str, status: int, content_type: str | None, body: bytes) -> ServerStatus:
        """The answer to either; raises ExchangeFailed."""


class Dialing(Protocol):
    """What the link needs of the dialer."""

    def dial(
        self,
        url: str,
        *,
        connect_timeout: float,
        tls_timeout: float,
        user_timeout: float,
        on_bytes: Callable[[], None],
        on_lost: Callable[[str], None],
    ) -> Deferred[Connection]:
        """See :class:`agentchan.ce.dialer.Dialer`."""


@frozen
class LinkTimings:
    """Durations in seconds (configuration, ``[component_link]``)."""

    timeout: float
    watch_wait: float
    poll_interval: float


class ComponentLink:
    """All watchers together.

    Args:
        duties: which of ``get_status`` and ``watch_status`` the profile maps; at least one.
        tell: called with each :class:`Answered` and :class:`Failed`, never from within ``start``.
    """

    def __init__(
        self,
        reactor: Any,
        dialer: Dialing,
        codec: StatusCodec,
        *,
        urls: Iterable[str],
        duties: frozenset[str],
        timings: LinkTimings,
        jitter: Jitter,
        tell: Callable[[Answered | Failed], None],
    ) -> None:
        self.timings = timings
        self._reactor = reactor
        self._watchers = [
            _Watcher(
                self, reactor=reactor, dialer=dialer, codec=codec, url=url, duties=duties, jitter=jitter, tell=tell
            )
            for url in urls
        ]

    def start(self) -> None:
        """Begin to ask, once the reactor turns."""
        for watcher in self._watchers:
            watcher.start()

    def stop(self) -> Deferred[None]:
        """Ask no more; fires when no connection is left."""
        ended: Deferred[None] = gatherResults([watcher.stop() for watcher in self._watchers]).addCallback(
            lambda _results: None
        )
        return ended

    def rediscover(self) -> None:
        """Ask now where a pause is being made; questions that are held by a host go on."""
        for watcher in self._watchers:
            watcher.wake()

    def redial(self) -> None:
        """Ask on new connections from now on, say after a reload of certificates."""
        for watcher in self._watchers:
            watcher.redial()


class _Watcher:
    """Watches one URL."""

    def __init__(
        self,
        link: ComponentLink,
        *,
        reactor: Any,
        dialer: Dialing,
        codec: StatusCodec,
        url: str,
        duties: frozenset[str],
        jitter: Jitter,
        tell: Callable[[Answered | Failed], None],
    ) -> None:
        self._link = link
        self._reactor = reactor
        self._dialer = dialer
        self._codec = codec
        self._url = url
        self._duties = duties
        self._jitter = jitter
        self._tell = tell
        self._connection: Connection | None = None
        self._running = False
        self._watching: Deferred[None] | None = None
        self._wakes: IDelayedCall | None = None
        self._asleep: Deferred[None] | None = None
        self._asked_at = float("-inf")
        self._freed_at = float("-inf")
        self._failures = 0
        self._timeouts = 0
        self._quick = 0

    def start(self) -> None:
        self._running = True
        self._wakes = self._reactor.callLater(0, self._begin)

    def stop(self) -> Deferred[None]:
        self._running = False
        self._drop("stopping")
        if self._wakes is not None and self._wakes.active():
            self._wakes.cancel()
        watching, self._watching = self._watching, None
        if watching is None:
            ended: Deferred[None] = Deferred()
            ended.callback(None)
            return ended
        watching.cancel()
        return watching

    def wake(self) -> None:
        """End a pause, but ask no oftener than ``FLOOR`` allows."""
        wakes = self._wakes
        if self._asleep is None or wakes is None:
            return
        due = max(self._reactor.seconds(), self._asked_at + FLOOR)
        if wakes.getTime() > due:
            wakes.reset(due - self._reactor.seconds())

    def redial(self) -> None:
        """A question under way keeps its connection until it is answered."""
        if self._connection is not None and self._connection.idle:
            self._drop("certificates were loaded anew")

    def _begin(self) -> None:
        self._wakes = None
        self._watching = Deferred.fromCoroutine(self._watch())
        self._watching.addErrback(self._broken)

    def _broken(self, failure: Failure) -> None:
        """A fault of ours: say so, loudly, and watch on, since nobody else does."""
        if not self._running:
            return
        log.error("component-link-broken", url=self._url, exc_info=failure.value)
        self._drop("internal error")
        self._tell(Failed(self._url, f"internal error: {failure.value!r}", self._reactor.seconds()))
        self._wakes = self._reactor.callLater(self._link.timings.poll_interval, self._begin)

    async def _watch(self) -> None:
        known: ServerStatus | None = None
        while self._running:
            asked_at = self._asked_at = self._reactor.seconds()
            try:
                status = await self._ask(known)
            except (DialFailed, ExchangeFailed) as failure:
                if not self._running:
                    return
                self._drop(failure.reason)
                self._tell(Failed(self._url, failure.reason, self._reactor.seconds()))
                await self._sleep(self._pause_after_failure(known is not None))
                known = None
            else:
                at = self._reactor.seconds()
                self._failures = self._timeouts = 0
                self._tell(Answered(self._url, status, asked_at, at))
                await self._sleep(self._pause_after_answer(at - asked_at, changed=status != known))
                known = status

    async def _ask(self, known: ServerStatus | None) -> ServerStatus:
        """One question, on the connection that is there or on a new one, within one deadline."""
        timings = self._link.timings
        duty = self._duty(known)
        wait = timings.watch_wait if duty == "watch_status" and known is not None else 0.0
        deadline = min(patient(timings.timeout, self._timeouts), timings.timeout * _MOST_PATIENCE) + wait

        def late(_result: object, _seconds: float) -> Failure:
            self._timeouts += 1
            return Failure(ExchangeFailed(f"{self._url}: no answer within {deadline:g} s"))

        asking = Deferred.fromCoroutine(self._exchange(duty, known, wait, deadline))
        asking.addTimeout(deadline, self._reactor, onTimeoutCancel=late)
        return await asking

    async def _exchange(self, duty: str, known: ServerStatus | None, wait: float, deadline: float) -> ServerStatus:
        if self._connection is None or not self._connection.idle:
            self._drop("a new connection is needed")
            self._connection = await self._dialer.dial(
                self._url,
                # One deadline covers the whole question: it is shorter than these two together.
                connect_timeout=deadline,
                tls_timeout=deadline,
                user_timeout=deadline,
                on_bytes=lambda: None,
                on_lost=lambda _reason: None,
            )
        codec, url = self._codec, self._url
        message = codec.encode_get_status(url) if duty == "get_status" else codec.encode_watch_status(known, wait, url)
        answer = await self._connection.exchange(message)
        try:
            return codec.decode_status(duty, answer.status, answer.content_type, answer.body)
        except ExchangeFailed as failure:
            raise at(self._connection.url.where, failure) from None

    def _duty(self, known: ServerStatus | None) -> str:
        if "watch_status" not in self._duties:
            return "get_status"
        return "watch_status" if known is not None or "get_status" not in self._duties else "get_status"

    def _pause_after_failure(self, answered_before: bool) -> float:
        """None at all after a first failure, which may have been an idle connection's end; else with backoff."""
        now = self._reactor.seconds()
        poll_interval = self._link.timings.poll_interval
        if answered_before and now - self._freed_at >= poll_interval:
            self._freed_at = now
            return 0.0
        self._failures += 1
        return Backoff(FLOOR, max(FLOOR, poll_interval)).delay(self._failures, self._jitter)

    def _pause_after_answer(self, took: float, *, changed: bool) -> float:
        timings = self._link.timings
        if "watch_status" not in self._duties:
            return max(0.0, timings.poll_interval - took)
        if not changed and took < timings.watch_wait / 2:
            return timings.poll_interval  # it does not hold questions back
        self._quick = self._quick + 1 if took < FLOOR else 0
        return FLOOR if self._quick > _QUICK_ANSWERS else 0.0

    async def _sleep(self, seconds: float) -> None:
        if seconds <= 0.0 or not self._running:
            return
        asleep = self._asleep = Deferred(self._awoken)
        self._wakes = self._reactor.callLater(seconds, asleep.callback, None)
        try:
            await asleep
        finally:
            self._asleep = None

    def _awoken(self, asleep: Deferred[None]) -> None:
        """Stopped while asleep."""
        asleep.callback(None)

    def _drop(self, reason: str) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.abort(reason)
