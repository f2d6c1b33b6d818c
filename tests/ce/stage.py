"""A stage for the shell: a clock whose turns are those of the reactor, a dialer and connections in the test's hands."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred, fail
from twisted.internet.task import Clock

from agentchan.ce.dialer import DialFailed, Step
from agentchan.ce.errors import ExchangeFailed
from agentchan.ce.http_post import HttpAnswer, Message
from agentchan.ce.service_url import ServiceUrl


class Turns(Clock):
    """A clock whose turns have the order of Twisted's reactor: what threads say, timers that are due, then reading.

    Attributes:
        arrived: what lies in the sockets' buffers: it is read at the end of a turn.
    """

    def __init__(self) -> None:
        super().__init__()
        self.arrived: list[Callable[[], object]] = []
        self._from_threads: list[Callable[[], object]] = []

    def callFromThread(self, call: Callable[..., object], *arguments: Any) -> None:  # noqa: N802 - Twisted's name
        """Call it in the next turn."""
        self._from_threads.append(lambda: call(*arguments))

    def turn(self, seconds: float = 0.0) -> None:
        """One turn, so many seconds after the last one."""
        self.rightNow += seconds
        from_threads, self._from_threads = self._from_threads, []
        for call in from_threads:
            call()
        for timer in sorted(self.calls, key=lambda timer: timer.getTime()):
            if timer.active() and timer.getTime() <= self.rightNow:
                self.calls.remove(timer)
                timer.called = 1
                timer.func(*timer.args, **timer.kw)
        arrived, self.arrived = self.arrived, []
        for read in arrived:
            read()

    def settle(self, seconds: float = 0.0, step: float = 0.05) -> None:
        """Let time pass in small steps, as a reactor does that is awake; then turn until nothing is due."""
        until = self.rightNow + seconds
        while self.rightNow < until:
            self.turn(min(step, until - self.rightNow))
        while self._from_threads or any(timer.getTime() <= self.rightNow for timer in self.calls):
            self.turn()

    def asleep(self, seconds: float, arrived: Callable[[], object]) -> None:
        """Be stopped for a while, in which something arrives; then wake up."""
        self.arrived.append(arrived)
        self.turn(seconds)
        self.settle()


class Threads:
    """A pool whose one thread works when the test says so."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    def callInThreadWithCallback(  # noqa: N802 - Twisted's name
        self, on_result: Callable[[bool, object], None], work: Callable[..., object], *arguments: Any
    ) -> None:
        """Work to be done."""

        def job() -> None:
            try:
                result = work(*arguments)
            except ExchangeFailed as error:
                on_result(False, error)
            else:
                on_result(True, result)

        self.waiting.append(job)

    def work(self) -> None:
        """Do all of it."""
        waiting, self.waiting = self.waiting, []
        for job in waiting:
            job()


class Made:
    """A connection as the dialer makes it: its events come from the reactor, never from within a call."""

    def __init__(self, dial: Dialled, certificate_not_after: datetime | None) -> None:
        self.url = dial.url
        self.closing = False
        self.certificate_not_after = certificate_not_after
        self.asked: list[Message | str] = []
        self.aborted: str | None = None
        self.gone = False
        self._asked_at = 0.0
        self._dial = dial
        self._exchange: Deferred[HttpAnswer] | None = None

    @property
    def idle(self) -> bool:
        """Whether an exchange may begin."""
        return self._exchange is None and not self.closing

    @property
    def waited(self) -> float:
        """Seconds since the newest question."""
        return self._dial.stage.clock.seconds() - self._asked_at

    @property
    def answering(self) -> bool:
        """Whether an answer is waited for."""
        return self._exchange is not None

    def exchange(self, message: Message) -> Deferred[HttpAnswer]:
        """Post."""
        return self._ask(message)

    def fetch(self) -> Deferred[HttpAnswer]:
        """Get."""
        return self._ask("GET")

    def _ask(self, what: Message | str) -> Deferred[HttpAnswer]:
        assert self._exchange is None, "one exchange at a time"
        if self.closing:
            return fail(ExchangeFailed("closed"))
        self.asked.append(what)
        self._asked_at = self._dial.stage.clock.seconds()
        self._dial.stage.log.append(f"ask {self._dial.name}")
        self._exchange = Deferred(self._cancelled)
        return self._exchange

    def _cancelled(self, exchange: Deferred[HttpAnswer]) -> None:
        self._exchange = None
        self.abort("exchange cancelled")
        exchange.errback(ExchangeFailed("exchange cancelled"))

    def abort(self, reason: str = "connection aborted") -> None:
        """End it."""
        if self.aborted is None and not self.gone:
            self._dial.stage.log.append(f"abort {self._dial.name}")
            self.aborted = reason
            self.closing = True
            self._dial.stage.clock.callLater(0, self.lose, reason)

    def close(self) -> None:
        """End it in order."""
        if not self.closing:
            self.closing = True
            self._dial.stage.clock.callLater(0, self.lose, "closed")

    # The peer's part.

    def say(self) -> None:
        """Some bytes, not a whole answer."""
        self._dial.on_bytes()

    def answer(self, body: bytes = b"", *, status: int = 200, closing: bool = False) -> None:
        """A whole answer."""
        if self.aborted is not None:
            return
        exchange, self._exchange = self._exchange, None
        assert exchange is not None, "nothing was asked"
        self._dial.on_bytes()
        self.closing = self.closing or closing
        exchange.callback(HttpAnswer(status, "text/xml", body))

    def lose(self, reason: str = "closed the connection") -> None:
        """The end."""
        if self.gone:
            return
        self.gone = self.closing = True
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.errback(ExchangeFailed(self.aborted or reason))
        self._dial.on_lost(self.aborted or reason)


@define(eq=False)
class Dialled:
    """One attempt to connect."""

    stage: Stage
    url: ServiceUrl
    connect_timeout: float
    tls_timeout: float
    on_bytes: Callable[[], None]
    on_lost: Callable[[str], None]
    outcome: Deferred[Any] = field(init=False)
    connection: Made | None = None
    cancelled: bool = False

    def __attrs_post_init__(self) -> None:
        """Under way."""
        self.outcome = Deferred(self._cancel)

    @property
    def name(self) -> str:
        """The host and the number of this attempt."""
        return f"{self.url.host} {self.stage.dialled.index(self) + 1}"

    def _cancel(self, outcome: Deferred[Any]) -> None:
        self.cancelled = True
        self.stage.log.append(f"cancel {self.name}")
        outcome.errback(DialFailed("connect", "attempt cancelled"))

    @property
    def pending(self) -> bool:
        """Whether it has come to nothing yet."""
        return not self.outcome.called

    # The peer's part.

    def accept(self, certificate_not_after: datetime | None = None) -> Made:
        """It stands."""
        self.connection = Made(self, certificate_not_after)
        self.outcome.callback(self.connection)
        return self.connection

    def refuse(self, reason: str = "refused", step: Step = "connect", *, timed_out: bool = False) -> None:
        """It does not."""
        self.outcome.errback(DialFailed(step, reason, timed_out=timed_out))


@define
class Stage:
    """A dialer whose attempts are the test's, and what happened in order.

    Attributes:
        on_dial: called with each attempt; peers that act by themselves hang on here.
    """

    clock: Turns = field(factory=Turns)
    dialled: list[Dialled] = field(factory=list)
    log: list[str] = field(factory=list)
    on_dial: Callable[[Dialled], None] = lambda _dialled: None

    def dial(
        self,
        url: str,
        *,
        connect_timeout: float,
        tls_timeout: float,
        user_timeout: float,  # noqa: ARG002 - the dialer's signature
        on_bytes: Callable[[], None],
        on_lost: Callable[[str], None],
    ) -> Deferred[Any]:
        """An attempt."""
        attempt = Dialled(self, ServiceUrl.parse(url), connect_timeout, tls_timeout, on_bytes, on_lost)
        self.dialled.append(attempt)
        self.log.append(f"dial {attempt.name}")
        self.on_dial(attempt)
        return attempt.outcome

    @property
    def newest(self) -> Dialled:
        """The newest attempt."""
        return self.dialled[-1]

    def to(self, host: str) -> list[Dialled]:
        """All attempts on a host."""
        return [attempt for attempt in self.dialled if attempt.url.host == host]

    def assert_nothing_left(self) -> None:
        """No timer, no attempt and no connection is left."""
        self.clock.settle()
        assert self.clock.getDelayedCalls() == []
        for attempt in self.dialled:
            assert not attempt.pending
            assert attempt.connection is None or attempt.connection.gone
