"""Carries out what the agent channel's session decides: dials, sends, aborts, and reports back what came of it.

Nothing is decided here. The session (:mod:`agentchan.core.session`) numbers its connections; whatever comes from one
that it has given up is told with the old number, and the session ignores it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import datetime
from math import inf
from typing import Any

import structlog
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool

from agentchan.ce.component_link import Dialing
from agentchan.ce.connection import Connection
from agentchan.ce.dialer import DialFailed
from agentchan.ce.errors import CannotEncode, ExchangeFailed
from agentchan.ce.line import ConnectorCodec, Line, Means
from agentchan.ce.probe import ProbeOverdue
from agentchan.core.session import Session
from agentchan.core.session_values import Abort, Action, Dial, Loss, Probe, Send, Shown, Step, Stopped, Target, Timings
from agentchan.vocabulary import Request

log = structlog.get_logger("agentchan.agent_channel")

AFTER_A_FAULT = 1.0
"""Seconds that the session's time stands still after a fault of ours, so that it does not keep us busy."""

_STEPS = {"connect": Step.CONNECT, "tls": Step.TLS}


class AgentChannel:
    """The one persistent connection to the active host's IVR Connector, as the session wants it.

    Attributes:
        session: decides.
        certificate_not_after: when the newest connection's server certificate expires; None without TLS.
        user_timeout: seconds that data sent on connections from now on may stay unacknowledged.

    Args:
        keep_alive: False where every request has a connection of its own, whose end is no loss (profile.md,
            ``connection``).
        probe: what a probe asks, ``wsdl`` or ``tcp``; None where the profile has none.
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
        probe: str | None,
        user_timeout: float,
        on_action: Callable[[Action], None],
        on_change: Callable[[], None],
    ) -> None:
        self.session = session
        self.certificate_not_after: datetime | None = None
        self.user_timeout = user_timeout
        self._reactor = reactor
        self._means = Means(reactor, threads, dialer, codec, keep_alive, probe or "tcp")
        self._on_action = on_action
        self._on_change = on_change
        self._line: Line | None = None
        self._timer: IDelayedCall | None = None
        self._timer_for = -inf
        self._resting_until = -inf
        self._waiting: deque[Action] = deque()
        self._carrying_out = False
        self._events: deque[tuple[Callable[..., list[Action]], tuple[object, ...]]] = deque()
        self._telling = False
        self._stopped: list[Deferred[None]] = []
        self._ended = False

    def follow(self, target: Target | None) -> None:
        """Follow this target from now on, or nobody."""
        self._tell(self.session.follow, target)

    def denied(self, host: str) -> None:
        """A call signal was answered that this host, or that of the connector with this URL, is not active."""
        self._tell(self.session.denied, host)

    def tick(self) -> None:
        """Wishes or the list of channels may have changed; where nothing has, this costs nearly nothing."""
        if self._telling or not self.session.at_rest(self._now()):
            self._tell(self.session.tick)

    def retime(self, timings: Timings) -> None:
        """Use other durations."""
        self._tell(self.session.retimed, timings)

    def stop(self) -> Deferred[None]:
        """Sign off; fires when that is over, within the replies' deadlines. Called again: at once."""
        stopped: Deferred[None] = Deferred()
        self._stopped.append(stopped)
        if self._ended:
            self._end()
        else:
            self._tell(self.session.stop)
        return stopped

    def shown(self) -> Shown:
        """What people may see."""
        return self.session.shown()

    def _now(self) -> float:
        now: float = self._reactor.seconds()
        return now

    # The session decides, and its actions are carried out.

    def _tell(self, event: Callable[..., list[Action]], *what: object) -> None:
        """Tell the session of an event, and carry out what it decides.

        One that comes up while that is done waits until all is done: the session must not decide, say, on readiness
        before those who listen have made of CE's reports what they are.
        """
        self._events.append((event, what))
        if self._telling:
            return
        self._telling = True
        try:
            while self._events and not self._ended:
                event, what = self._events.popleft()
                self._carry_out(self._decided(event, *what))
        finally:
            self._events.clear()
            self._telling = False

    def _decided(self, event: Callable[..., list[Action]], *what: object) -> list[Action]:
        try:
            return event(*what, self._now())
        except Exception as error:  # noqa: BLE001 - a fault of ours must not be the end of the agent channel
            return self._broken(error)

    def _carry_out(self, actions: list[Action]) -> None:
        """Carry out actions in order, also those that come up meanwhile."""
        self._waiting.extend(actions)
        if self._carrying_out:
            return
        self._carrying_out = True
        while self._waiting:
            action = self._waiting.popleft()
            try:
                self._act(action)
            except Exception as error:  # noqa: BLE001 - likewise
                self._waiting.extend(self._broken(error))
        self._carrying_out = False
        self._set_timer()
        self._let_know(self._on_change)

    def _act(self, action: Action) -> None:
        match action:
            case Dial():
                self._let_know(self._on_action, action)
                self._dial(action)
            case Abort(number):
                self._give_up(number)
            case Send(number, request):
                self._send(number, request)
            case Probe(number):
                self._probe(number)
            case Stopped():
                self._end()
            case _:
                self._let_know(self._on_action, action)

    def _let_know(self, listener: Callable[..., None], *what: object) -> None:
        """Whoever listens cannot end the agent channel by a fault of his own."""
        try:
            listener(*what)
        except Exception:
            log.exception("agent-channel-listener-broken", about=[type(each).__name__ for each in what])

    def _broken(self, error: Exception) -> list[Action]:
        """A fault of ours: say so loudly, give the connection up, and begin anew after a while."""
        log.error("agent-channel-broken", exc_info=error)
        self._resting_until = self._now() + AFTER_A_FAULT
        line = self._line
        if line is not None:
            self._give_up(line.number)
        if self._stopped:
            self._end()
        if line is None or self._ended:
            return []
        return self._decided(self.session.failed, line.number, Loss(f"internal error: {error!r}"))

    def _end(self) -> None:
        self._ended = True
        stopped, self._stopped = self._stopped, []
        for waiting in stopped:
            waiting.callback(None)

    # Time.

    def _set_timer(self) -> None:
        """A timer that is too early costs a needless turn; to move it at every byte that comes would cost more."""
        deadline = inf if self._ended else max(self.session.deadline(), self._resting_until)
        timer = self._timer
        if timer is not None and timer.active():
            if self._timer_for <= deadline < inf:
                return
            timer.cancel()
        self._timer, self._timer_for = None, deadline
        if deadline < inf:
            self._timer = self._reactor.callLater(max(0.0, deadline - self._now()), self._timed)

    def _timed(self) -> None:
        """Time has come; but the reactor runs timers before it reads, and what has arrived is no silence (F16)."""
        self._timer = self._reactor.callLater(0, self._due)

    def _due(self) -> None:
        self._timer = None
        if max(self.session.deadline(), self._resting_until) > self._now():
            self._set_timer()
        else:
            self.tick()

    # The line.

    def _current(self, number: int) -> Line | None:
        line = self._line
        return line if line is not None and line.number == number else None

    def _dial(self, dial: Dial) -> None:
        line = self._line = Line(
            self._means,
            dial,
            user_timeout=self.user_timeout,
            on_connected=self._see_certificate,
            on_bytes=lambda: self._heard(line),
            on_lost=lambda reason: self._tell(self.session.failed, line.number, Loss(reason)),
        )
        connecting = line.connect().addCallback(lambda _: self._tell(self.session.connected, line.number))
        connecting.addErrback(lambda failure: self._failed(line, failure))

    def _see_certificate(self, connection: Connection) -> None:
        self.certificate_not_after = connection.certificate_not_after

    def _send(self, number: int, request: Request) -> None:
        line = self._current(number)
        if line is not None:
            exchange = line.exchange(request)
            exchange.addCallback(lambda reply: self._tell(self.session.replied, line.number, reply))
            exchange.addErrback(lambda failure: self._failed(line, failure))

    def _probe(self, number: int) -> None:
        line = self._current(number)
        if line is not None:
            probing = line.probe().addCallback(lambda _: self._tell(self.session.probed, line.number))
            probing.addErrback(lambda failure: self._not_probed(line, failure))

    def _give_up(self, number: int) -> None:
        line = self._current(number)
        if line is not None:
            self._line = None
            line.give_up()

    def _heard(self, line: Line) -> None:
        """Bytes came; this is the way that has to be quick."""
        if self._line is line:
            actions = self._decided(self.session.heard, line.number)
            if actions:
                self._carry_out(actions)

    def _failed(self, line: Line, failure: Failure) -> None:
        """An attempt, an exchange or a probe came to nothing."""
        error = failure.value
        match error:
            case CancelledError():
                return
            case DialFailed():
                loss = Loss(error.reason, _STEPS[error.step] if error.timed_out else None)
            case ExchangeFailed() | CannotEncode():
                loss = Loss(error.reason)
            case _:
                log.error("agent-channel-broken", exc_info=error)
                loss = Loss(f"internal error: {error!r}")
        self._tell(self.session.failed, line.number, loss)

    def _not_probed(self, line: Line, failure: Failure) -> None:
        """A probe that hangs is no answer: the session counts what it misses meanwhile, and another may have luck."""
        if failure.check(ProbeOverdue):
            self._probe(line.number)
        else:
            self._failed(line, failure)
