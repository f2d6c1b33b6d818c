"""Carries out what the agent channel's session decides: dials, sends, aborts, and reports back what came of it.

Nothing is decided here. The session (:mod:`agentchan.core.session`) numbers its connections; whatever comes from one
that it has given up is told with the old number, and the session ignores it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import datetime
from math import inf
from typing import Any, Protocol, TypeVar

import structlog
from attrs import define
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.threads import deferToThreadPool
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool

from agentchan.ce.component_link import Dialing
from agentchan.ce.connection import Connection
from agentchan.ce.dialer import DialFailed
from agentchan.ce.errors import ExchangeFailed, at
from agentchan.ce.http_post import HttpAnswer, Message
from agentchan.core.session import Session
from agentchan.core.session_values import Abort, Action, Dial, Loss, Probe, Send, Shown, Step, Stopped, Target, Timings
from agentchan.vocabulary import OpenSession, Reply, Request, SetReadiness

log = structlog.get_logger("agentchan.agent_channel")

DECODED_HERE = 64 * 1024
"""Bytes: a longer reply is decoded in a thread, since the reactor must not be kept for 10 ms."""

ENCODED_HERE = 1_000
"""Channels in one request: more are encoded in a thread, for the same reason."""

_T = TypeVar("_T")
_STEPS = {"connect": Step.CONNECT, "tls": Step.TLS}


class ConnectorCodec(Protocol):
    """What the agent channel needs of the codec; both may be called in a thread."""

    def encode(self, request: Request, url: str) -> Message:
        """A request's bytes, for the connector at a URL."""

    def decode(self, request: Request, status: int, content_type: str | None, body: bytes) -> Reply:
        """The reply to that request; raises ExchangeFailed."""


@define
class _Line:
    """One numbered connection: being dialled, or there, or (where every reply ends one) between two."""

    number: int
    dial: Dial
    dialing: Deferred[Connection] | None = None
    connection: Connection | None = None
    exchanging: bool = False


class AgentChannel:
    """The one persistent connection to the active host's IVR Connector, as the session wants it.

    Args:
        keep_alive: False where the server closes after each reply, which is then no loss (profile.md, ``connection``).
        on_action: called with every action that is not carried out here, and each Dial, in order.
        on_change: called after each event, whatever came of it.
    """

    def __init__(
        self,
        reactor: Any,
        threads: ThreadPool,
        dialer: Dialing,
        codec: ConnectorCodec,
        session: Session,
        *,
        keep_alive: bool,
        user_timeout: float,
        on_action: Callable[[Action], None],
        on_change: Callable[[], None],
    ) -> None:
        self.session = session
        self.certificate_not_after: datetime | None = None
        self.user_timeout = user_timeout
        self._reactor = reactor
        self._threads = threads
        self._dialer = dialer
        self._codec = codec
        self._keep_alive = keep_alive
        self._on_action = on_action
        self._on_change = on_change
        self._line: _Line | None = None
        self._timer: IDelayedCall | None = None
        self._waiting: deque[Action] = deque()
        self._carrying_out = False
        self._stopped: list[Deferred[None]] = []
        self._ended = False

    def follow(self, target: Target | None) -> None:
        """Follow this target from now on, or nobody."""
        self._carry_out(self.session.follow(target, self._now()))

    def tick(self) -> None:
        """Wishes or the list of channels have changed."""
        self._carry_out(self.session.tick(self._now()))

    def retime(self, timings: Timings) -> None:
        """Use other durations."""
        self._carry_out(self.session.retimed(timings, self._now()))

    def stop(self) -> Deferred[None]:
        """Sign off; fires when that is over, within the replies' deadlines. Called again: at once."""
        stopped: Deferred[None] = Deferred()
        self._stopped.append(stopped)
        if self._ended:
            self._end()
        else:
            self._carry_out(self.session.stop(self._now()))
        return stopped

    def shown(self) -> Shown:
        """What people may see."""
        return self.session.shown()

    def _now(self) -> float:
        now: float = self._reactor.seconds()
        return now

    def _carry_out(self, actions: list[Action]) -> None:
        """Carry out actions in order, also those that come up meanwhile."""
        self._waiting.extend(actions)
        if self._carrying_out:
            return
        self._carrying_out = True
        try:
            while self._waiting:
                self._act(self._waiting.popleft())
        finally:
            self._carrying_out = False
        self._set_timer()
        self._on_change()

    def _act(self, action: Action) -> None:
        match action:
            case Dial():
                self._line = _Line(action.connection, action)
                self._on_action(action)
                self._dial(self._line, lambda line: self._carry_out(self.session.connected(line.number, self._now())))
            case Abort(number):
                self._abort(number)
            case Send(number, request):
                self._send(number, request)
            case Probe(number):
                self._probe(number)
            case Stopped():
                self._end()
            case _:
                self._on_action(action)

    def _end(self) -> None:
        self._ended = True
        stopped, self._stopped = self._stopped, []
        for waiting in stopped:
            waiting.callback(None)

    # Time.

    def _set_timer(self) -> None:
        """A timer that is too early costs one needless tick; to move it at every byte that comes would cost more."""
        deadline = inf if self._ended else self.session.deadline(self._now())
        timer = self._timer
        if timer is not None and timer.active():
            if timer.getTime() <= deadline < inf:
                return
            timer.cancel()
        self._timer = None
        if deadline < inf:
            self._timer = self._reactor.callLater(max(0.0, deadline - self._now()), self._timed)

    def _timed(self) -> None:
        self._timer = None
        if self.session.deadline(self._now()) > self._now():
            self._set_timer()
        else:
            self.tick()

    # Connections.

    def _dial(self, line: _Line, then: Callable[[_Line], None]) -> None:
        number = line.number
        line.dialing = self._dialer.dial(
            line.dial.url,
            connect_timeout=line.dial.connect_timeout,
            tls_timeout=line.dial.tls_timeout,
            user_timeout=self.user_timeout,
            on_bytes=lambda: self._heard(number),
            on_lost=lambda reason: self._lost(number, reason),
        )

        def connected(connection: Connection) -> None:
            line.dialing = None
            if self._line is not line:
                connection.abort("not wanted any more")
                return
            line.connection = connection
            self.certificate_not_after = connection.certificate_not_after
            then(line)

        line.dialing.addCallbacks(connected, lambda failure: self._not_dialled(line, failure)).addErrback(
            self._broken, number
        )

    def _not_dialled(self, line: _Line, failure: Failure) -> None:
        line.dialing = None
        failure.trap(DialFailed)
        error: Any = failure.value
        self._fail(line.number, Loss(error.reason, _STEPS[error.step] if error.timed_out else None))

    def _abort(self, number: int) -> None:
        line = self._line
        if line is None or line.number != number:
            return
        self._line = None
        if line.dialing is not None:
            line.dialing.cancel()
        if line.connection is not None:
            line.connection.abort("given up")

    def _heard(self, number: int) -> None:
        actions = self.session.heard(number, self._now())
        if actions:
            self._carry_out(actions)

    def _lost(self, number: int, reason: str) -> None:
        line = self._line
        if line is None or line.number != number:
            return
        if not self._keep_alive and not line.exchanging:
            line.connection = None  # as this server always does
            return
        self._fail(number, Loss(reason))

    def _fail(self, number: int, loss: Loss) -> None:
        self._carry_out(self.session.failed(number, loss, self._now()))

    def _broken(self, failure: Failure, number: int) -> None:
        """A fault of ours: say so loudly; for the session it is an exchange that failed."""
        log.error("agent-channel-broken", exc_info=failure.value)
        self._fail(number, Loss(f"internal error: {failure.value!r}"))

    # Exchanges.

    def _send(self, number: int, request: Request) -> None:
        line = self._line
        if line is None or line.number != number:
            return
        if line.connection is None or (line.connection.closing and not self._keep_alive):
            line.connection = None
            self._dial(line, lambda _line: self._send(number, request))
            return
        line.exchanging = True
        exchange = Deferred.fromCoroutine(self._exchange(line, line.connection, request))
        exchange.addCallback(lambda reply: self._replied(line, reply))
        exchange.addErrback(lambda failure: self._not_exchanged(line, failure))
        exchange.addErrback(self._broken, number)

    async def _exchange(self, line: _Line, connection: Connection, request: Request) -> Reply:
        message = await self._here_or_in_thread(
            _size(request) > ENCODED_HERE, lambda: self._codec.encode(request, line.dial.url)
        )
        if self._line is not line:
            raise CancelledError
        answer: HttpAnswer = await connection.exchange(message)
        try:
            return await self._here_or_in_thread(
                len(answer.body) > DECODED_HERE,
                lambda: self._codec.decode(request, answer.status, answer.content_type, answer.body),
            )
        except ExchangeFailed as failure:
            raise at(connection.url.where, failure) from None

    async def _here_or_in_thread(self, in_thread: bool, work: Callable[[], _T]) -> _T:
        if in_thread:
            result: _T = await deferToThreadPool(self._reactor, self._threads, work)
            return result
        return work()

    def _replied(self, line: _Line, reply: Reply) -> None:
        line.exchanging = False
        self._carry_out(self.session.replied(line.number, reply, self._now()))

    def _not_exchanged(self, line: _Line, failure: Failure) -> None:
        line.exchanging = False
        if failure.check(CancelledError):
            return
        failure.trap(ExchangeFailed)
        error: Any = failure.value
        self._fail(line.number, Loss(error.reason))

    def _probe(self, number: int) -> None:
        """The probe has a connection of its own: a question that the profile does not map says nothing about ours."""
        line = self._line
        if line is None or line.number != number:
            return
        probing = self._dialer.dial(
            line.dial.url,
            connect_timeout=line.dial.connect_timeout,
            tls_timeout=line.dial.tls_timeout,
            user_timeout=self.user_timeout,
            on_bytes=lambda: None,
            on_lost=lambda _reason: None,
        )

        def answered(connection: Connection) -> None:
            connection.abort("probed")
            self._carry_out(self.session.probed(number, self._now()))

        def refused(failure: Failure) -> None:
            failure.trap(DialFailed)
            error: Any = failure.value
            self._fail(number, Loss(error.reason))

        probing.addCallbacks(answered, refused).addErrback(self._broken, number)


def _size(request: Request) -> int:
    match request:
        case OpenSession(channels=channels):
            return len(channels)
        case SetReadiness(changes=changes):
            return len(changes)
    return 1
