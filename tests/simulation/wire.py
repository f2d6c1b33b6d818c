"""The daemon's end of the network: a dialer, its connections, and a codec that passes values on as they are.

They take the places of :class:`agentchan.ce.dialer.Dialer`, :class:`agentchan.ce.connection.Connection` and
:class:`agentchan.ce.soap.Codec`; who uses them is real.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from attrs import frozen
from twisted.internet.defer import Deferred, fail

from agentchan.ce.deadline import Deadline
from agentchan.ce.dialer import DialFailed
from agentchan.ce.errors import ExchangeFailed
from agentchan.ce.http_post import HttpAnswer
from agentchan.ce.service_url import ServiceUrl
from agentchan.ce.tls import TlsSettings
from agentchan.vocabulary import Reply, Request, ServerStatus
from tests.simulation.network import IN, OUT, Link, Pipe
from tests.simulation.process import Process, Reactor


@frozen
class StatusQuestion:
    """GetServerStatus, or (with ``max_wait``) WatchServerStatus."""

    known: ServerStatus | None = None
    max_wait: float | None = None


@frozen
class Letter:
    """A request on its way, in the place of :class:`agentchan.ce.soap.Message`."""

    request: Request | StatusQuestion
    body: bytes = b""
    headers: tuple[tuple[bytes, bytes], ...] = ()


@frozen
class Nonsense:
    """An answer that is none of the contract."""

    reason: str


Said = Reply | ServerStatus | Nonsense


class Body(bytes):
    """An answer's body, which is a value."""

    said: Said


def answer_of(said: Said) -> HttpAnswer:
    """The answer that says this."""
    body = Body(b"value")
    body.said = said
    return HttpAnswer(200, "text/xml", body)


class ValueCodec:
    """Values in, values out."""

    def __init__(self, _profile: object, **_settings: object) -> None:
        self.session_id: str | None = None

    def encode(self, request: Request, _url: str) -> Letter:
        """A request to a connector."""
        return Letter(request)

    def encode_get_status(self, _url: str) -> Letter:
        """The plain question."""
        return Letter(StatusQuestion())

    def encode_watch_status(self, known: ServerStatus | None, max_wait: float, _url: str) -> Letter:
        """The question that may be held back."""
        return Letter(StatusQuestion(known, max_wait))

    def decode(self, _request: Request, _status: int, _content_type: str | None, body: Any) -> Reply:
        """What a connector answered."""
        reply: Reply = _good(body, Reply)
        return reply

    def decode_status(self, _duty: str, _status: int, _content_type: str | None, body: Any) -> ServerStatus:
        """What a Component Service answered."""
        status: ServerStatus = _good(body, ServerStatus)
        return status


def _good(body: Body, kind: type[Any]) -> Any:
    said = body.said
    if not isinstance(said, kind):
        raise ExchangeFailed(said.reason if isinstance(said, Nonsense) else "answered something else")
    return said


class Observer(Protocol):
    """Who looks at all that the daemon says and hears."""

    def dialled(self, host: str, service: str, outcome: Deferred[Any]) -> None:
        """A connection is being made."""

    def says(self, connection: Connection, request: Request | StatusQuestion) -> None:
        """A request goes out."""

    def hears(self, connection: Connection, request: Request | StatusQuestion, said: Said, asked_at: float) -> None:
        """A whole answer has come, and is about to be read."""


class Connection:
    """One established connection, as its user sees it."""

    certificate_not_after = None

    def __init__(
        self,
        dialer: Dialer,
        pipe: Pipe,
        url: ServiceUrl,
        *,
        service: str,
        on_bytes: Callable[[], None],
        on_lost: Callable[[str], None],
    ) -> None:
        self.url = url
        self.service = service
        self.host = pipe.link.host
        self.closing = False
        self.pipe = pipe
        self._dialer = dialer
        self._on_bytes = on_bytes
        self._on_lost = on_lost
        self._aborted: str | None = None
        self._gone = False
        self._number = 0
        self._asked: Request | StatusQuestion | None = None
        self._asked_at = 0.0
        self._exchange: Deferred[HttpAnswer] | None = None
        pipe.client = self

    @property
    def idle(self) -> bool:
        """Whether an exchange may begin."""
        return self._exchange is None and not self.closing

    def exchange(self, message: Letter) -> Deferred[HttpAnswer]:
        """Ask something."""
        if self._exchange is not None:
            raise RuntimeError("an exchange is under way on this connection")
        if self.closing:
            return fail(ExchangeFailed(self._aborted or "the connection has ended"))
        self._number += 1
        self._asked, self._asked_at = message.request, self._dialer.process.world.now
        exchange = self._exchange = Deferred(self._cancelled)
        if self._dialer.process.effect():
            self._dialer.observer.says(self, message.request)
            self.pipe.ask(message.request, self._number)
        return exchange

    def fetch(self) -> Deferred[HttpAnswer]:
        """Ask for the service's description."""
        return self.exchange(Letter(StatusQuestion()))

    def close(self) -> None:
        """End it in order."""
        self.abort("closed")

    def abort(self, reason: str = "connection aborted") -> None:
        """End it at once; who uses it is told from the reactor."""
        if self._aborted is None and not self._gone:
            self._aborted = reason
            self.closing = True
            if self._dialer.process.effect():
                self.pipe.near_ended()
            self._dialer.reactor.callLater(0.0, self._end, reason)

    # -- the network's part --------------------------------------------------------------------------------------------

    def heard(self) -> None:
        """Some bytes came."""
        if self._aborted is None and self._exchange is not None:
            self._on_bytes()

    def answered(self, number: int, answer: Any) -> None:
        """A whole answer came."""
        exchange, asked = self._exchange, self._asked
        if self._aborted is not None or number != self._number or exchange is None or asked is None:
            return
        self._exchange = None
        body: Any = answer.body
        self._dialer.observer.hears(self, asked, body.said, self._asked_at)
        self._on_bytes()
        exchange.callback(answer)

    def lost(self, reason: str) -> None:
        """The connection is no more."""
        if self._aborted is None:
            self._end(f"{self.url.where}: {reason}")

    def _end(self, reason: str) -> None:
        if self._gone:
            return
        self._gone = self.closing = True
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.errback(ExchangeFailed(reason))
        self._on_lost(reason)

    def _cancelled(self, exchange: Deferred[HttpAnswer]) -> None:
        self._exchange = None
        self.abort("exchange cancelled")
        exchange.errback(ExchangeFailed("exchange cancelled"))


class Dialer:
    """Makes connections over the simulated links.

    Args:
        links: by the host part of URLs; the last part of a URL's path names the service.
    """

    def __init__(self, reactor: Reactor, tls: TlsSettings, links: dict[str, Link], observer: Observer) -> None:
        self.reactor = reactor
        self.tls = tls
        self.process: Process = reactor.process
        self.observer = observer
        self._links = links

    def dial(
        self,
        url: str,
        *,
        connect_timeout: float,
        tls_timeout: float,  # noqa: ARG002 - the dialer's signature
        user_timeout: float,
        on_bytes: Callable[[], None],
        on_lost: Callable[[str], None],
    ) -> Deferred[Connection]:
        """Establish a connection."""
        parsed = ServiceUrl.parse(url)
        attempt = _Attempt(self, self._links[parsed.host], parsed, user_timeout)
        outcome = attempt.begin(connect_timeout, on_bytes, on_lost)
        self.observer.dialled(parsed.host, attempt.service, outcome)
        return outcome


class _Attempt:
    """One attempt: a SYN there, an answer back."""

    def __init__(self, dialer: Dialer, link: Link, url: ServiceUrl, user_timeout: float) -> None:
        self._dialer = dialer
        self._link = link
        self._url = url
        self._user_timeout = user_timeout
        self.service = url.target.rpartition("/")[2]
        self._outcome: Deferred[Connection] | None = None
        self._deadline: Deadline | None = None
        self._pipe: Pipe | None = None

    def begin(
        self, timeout: float, on_bytes: Callable[[], None], on_lost: Callable[[str], None]
    ) -> Deferred[Connection]:
        outcome: Deferred[Connection] = Deferred(lambda _: self._fail("attempt cancelled"))
        self._outcome = outcome
        self._on_bytes, self._on_lost = on_bytes, on_lost
        self._deadline = Deadline(
            self._dialer.reactor, timeout, lambda: self._fail(f"no answer within {timeout:g} s", timed_out=True)
        )
        if self._dialer.process.effect():
            self._travel(OUT, self._arrived)
        return outcome

    def _travel(self, direction: int, then: Callable[[], None]) -> None:
        """What is lost on this way stays lost: the deadline is shorter than TCP's patience."""
        link = self._link
        if not link.cut[direction]:
            link.world.later(link.delay(), lambda: None if link.cut[direction] else then())

    def _arrived(self) -> None:
        accepted = self._link.server.accepts(self.service)
        if accepted is None or not self._dialer.process.alive:
            return
        if not accepted:
            self._travel(IN, lambda: self._dialer.process.run(lambda: self._fail("connection refused")))
            return
        self._pipe = Pipe(self._link, self._dialer.process, self._user_timeout)
        if self._outcome is None:
            self._pipe.near_ended()
        else:
            self._travel(IN, lambda: self._dialer.process.run(self._establish))

    def _establish(self) -> None:
        outcome, self._outcome = self._outcome, None
        pipe = self._pipe
        if outcome is None or pipe is None:
            return
        self._clear()
        outcome.callback(
            Connection(
                self._dialer,
                pipe,
                self._url,
                service=self.service,
                on_bytes=self._on_bytes,
                on_lost=self._on_lost,
            )
        )

    def _fail(self, reason: str, *, timed_out: bool = False) -> None:
        outcome, self._outcome = self._outcome, None
        if outcome is None:
            return
        self._clear()
        if self._pipe is not None:
            self._pipe.near_ended()
        outcome.errback(DialFailed("connect", f"{self._url.where}: {reason}", timed_out=timed_out))

    def _clear(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
