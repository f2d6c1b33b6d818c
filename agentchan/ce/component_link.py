"""The component link: asks every Component Service URL, all the time, who its host is, and tells each answer.

Each URL has a watcher of its own, with its own connection and its own failures, so that a host that hangs keeps nobody
waiting. Who is active is not decided here, but in :mod:`agentchan.core.topology`; when and how a URL is asked, in
:mod:`agentchan.ce.watch_pace`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from math import inf
from typing import Any, Protocol

import structlog
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure

from agentchan.ce.connection import Connection
from agentchan.ce.deadline import within
from agentchan.ce.decoding import decoded
from agentchan.ce.dialer import DialFailed
from agentchan.ce.errors import ExchangeFailed, at
from agentchan.ce.http_post import Message
from agentchan.ce.watch_pace import PLAIN, LinkTimings, Question, WatchPace
from agentchan.core.backoff import FLOOR, Jitter
from agentchan.core.observations import Answered, Failed
from agentchan.vocabulary import ServerStatus

log = structlog.get_logger("agentchan.component_link")


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


class _Overdue(ExchangeFailed):
    """The deadline of a question has passed."""


class ComponentLink:
    """All watchers together.

    Attributes:
        timings: for questions that are asked from now on.

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
        self._watchers = [
            _Watcher(self, url, WatchPace(duties, jitter), reactor=reactor, dialer=dialer, codec=codec, tell=tell)
            for url in urls
        ]

    @property
    def certificate_not_after(self) -> datetime | None:
        """When the first of the hosts' certificates expires, as of their newest handshakes; None without TLS."""
        ends = (watcher.certificate_not_after for watcher in self._watchers)
        return min((end for end in ends if end is not None), default=None)

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

    def ask_anew(self, urls: Collection[str]) -> None:
        """What these have said is contradicted: ask them plainly, instead of waiting until they say something else."""
        for watcher in self._watchers:
            if watcher.url in urls:
                watcher.ask_anew()

    def redial(self) -> None:
        """Ask on new connections from now on, say after a reload of certificates."""
        for watcher in self._watchers:
            watcher.redial()


class _Watcher:
    """Watches one URL."""

    def __init__(
        self,
        link: ComponentLink,
        url: str,
        pace: WatchPace,
        *,
        reactor: Any,
        dialer: Dialing,
        codec: StatusCodec,
        tell: Callable[[Answered | Failed], None],
    ) -> None:
        self._link = link
        self.url = url
        self._pace = pace
        self._reactor = reactor
        self._dialer = dialer
        self._codec = codec
        self._listener = tell
        self.certificate_not_after: datetime | None = None
        self._connection: Connection | None = None
        self._redial = False
        self._open = 0
        self._running = False
        self._watching: Deferred[None] | None = None
        self._wakes: IDelayedCall | None = None
        self._asleep: Deferred[None] | None = None
        self._asked_at = -inf
        self._held = False
        self._anew = False
        self._stopped: list[Deferred[None]] = []

    def start(self) -> None:
        self._running = True
        self._wakes = self._reactor.callLater(0, self._begin)

    def stop(self) -> Deferred[None]:
        stopped: Deferred[None] = Deferred()
        self._stopped.append(stopped)
        self._running = False
        if self._wakes is not None and self._wakes.active():
            self._wakes.cancel()
        watching, self._watching = self._watching, None
        if watching is not None:
            watching.cancel()
        self._drop("stopping")
        self._end_if_over()
        return stopped

    def wake(self) -> None:
        """End a pause, but ask no oftener than ``FLOOR`` allows."""
        wakes = self._wakes
        if self._asleep is None or wakes is None:
            return
        due = max(self._reactor.seconds(), self._asked_at + FLOOR)
        if wakes.getTime() > due:
            wakes.reset(due - self._reactor.seconds())

    def ask_anew(self) -> None:
        """Give up a question that the host holds back, or end a pause."""
        self._anew = True
        if self._held:
            self._drop("its last answer is contradicted")
        self.wake()

    def redial(self) -> None:
        """A question under way keeps its connection until it is answered."""
        self._redial = True

    def _begin(self) -> None:
        self._wakes = None
        self._watching = Deferred.fromCoroutine(self._watch())
        self._watching.addErrback(self._broken)

    def _broken(self, failure: Failure) -> None:
        """A fault of ours: say so, loudly, and watch on, since nobody else does (F6)."""
        log.error("component-link-broken", url=self.url, exc_info=failure.value)
        if not self._running:
            return
        self._drop("internal error")
        self._wakes = self._reactor.callLater(max(FLOOR, self._link.timings.poll_interval), self._begin)
        self._tell(Failed(self.url, f"internal error: {failure.value!r}", self._reactor.seconds()))

    def _tell(self, observation: Answered | Failed) -> None:
        """Whoever listens cannot end the watching by a fault of his own."""
        try:
            self._listener(observation)
        except Exception:
            log.exception("component-link-listener-broken", url=self.url)

    async def _watch(self) -> None:
        known: ServerStatus | None = None
        while self._running:
            asked_at = self._asked_at = self._reactor.seconds()
            if self._anew:
                known, self._anew = None, False
            timings = self._link.timings
            question = self._pace.question(asked_at, timings, known=known is not None)
            self._held = question.wait > 0.0
            try:
                status = await self._ask(question, known)
            except (DialFailed, ExchangeFailed) as failure:
                if not self._running:
                    return
                given_up, self._held = self._held and self._anew, False
                if given_up:
                    await self._sleep(asked_at + FLOOR - self._reactor.seconds())
                    continue
                now = self._reactor.seconds()
                overdue = failure.timed_out if isinstance(failure, DialFailed) else isinstance(failure, _Overdue)
                pause = self._pace.failed(question, now, timings, known=known is not None, overdue=overdue)
                self._drop(failure.reason)
                self._tell(Failed(self.url, failure.reason, now))
                known = None
            else:
                self._held = False
                now = self._reactor.seconds()
                changed = _what_matters(status) != _what_matters(known)
                pause = self._pace.answered(question, now, now - asked_at, timings, changed=changed)
                self._tell(Answered(self.url, status, asked_at, now))
                known = status
            await self._sleep(asked_at + FLOOR - now if self._anew else pause)

    async def _ask(self, question: Question, known: ServerStatus | None) -> ServerStatus:
        """One question, on the connection that is there or on a new one, within one deadline."""
        return await within(
            self._reactor,
            question.deadline,
            Deferred.fromCoroutine(self._exchange(question, known)),
            lambda: _Overdue(f"no answer within {question.deadline:g} s"),
        )

    async def _exchange(self, question: Question, known: ServerStatus | None) -> ServerStatus:
        connection = self._connection
        if connection is None or not connection.idle or self._redial:
            connection = await self._connect(question.deadline)
        if question.duty == PLAIN:
            message = self._codec.encode_get_status(self.url)
        else:
            message = self._codec.encode_watch_status(known, question.wait, self.url)
        answer = await connection.exchange(message)
        try:
            return await decoded(
                self._reactor,
                answer,
                lambda: self._codec.decode_status(question.duty, answer.status, answer.content_type, answer.body),
            )
        except ExchangeFailed as failure:
            raise at(connection.url.where, failure) from None

    async def _connect(self, deadline: float) -> Connection:
        self._drop("a new connection is needed")
        self._redial = False
        connection = self._connection = await self._dialer.dial(
            self.url,
            # One deadline covers the whole question; but of a step that takes all of it the dialer tells more.
            connect_timeout=deadline,
            tls_timeout=deadline,
            user_timeout=deadline,
            on_bytes=lambda: None,
            on_lost=self._lost,
        )
        self._open += 1
        self.certificate_not_after = connection.certificate_not_after
        return connection

    def _lost(self, _reason: str) -> None:
        """The exchange has been told why; a connection that ends while nothing is asked is simply not used again."""
        self._open -= 1
        self._end_if_over()

    async def _sleep(self, seconds: float) -> None:
        if seconds <= 0.0 or not self._running:
            return
        self._asleep = Deferred(lambda asleep: asleep.callback(None))
        self._wakes = self._reactor.callLater(seconds, self._asleep.callback, None)
        try:
            await self._asleep
        finally:
            self._asleep = None

    def _drop(self, reason: str) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.abort(reason)

    def _end_if_over(self) -> None:
        if self._open == 0:
            stopped, self._stopped = self._stopped, []
            for waiting in stopped:
                waiting.callback(None)


def _what_matters(status: ServerStatus | None) -> object:
    """What a host tells of at once where it holds questions back (contract, Component Service)."""
    return None if status is None else (status.role, status.generation, status.state)
