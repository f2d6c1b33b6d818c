"""One established HTTP/1.1 connection to a CE host: one request at a time, as many after one another as it lives.

What comes from the peer is bounded and checked here before twisted.web's client sees it; a plain answer it never sees.
The order of events is always the same, and none of them comes from within ``exchange`` or ``abort``: first the exchange
in flight, if any, gets its answer or its failure, then ``on_lost`` is called, once, with the reason.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from OpenSSL import SSL
from twisted.internet.defer import Deferred, fail
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.iweb import UNKNOWN_LENGTH, IResponse

from agentchan.ce.answer_head import AnswerHead, HeadRefused, Limits, excerpt
from agentchan.ce.errors import ExchangeFailed
from agentchan.ce.http_post import (
    AnswerBody,
    Get,
    HttpAnswer,
    HttpClient,
    Message,
    Outlet,
    Post,
    request_head,
    too_long,
)
from agentchan.ce.plain_answer import plain_answer
from agentchan.ce.service_url import ServiceUrl
from agentchan.ce.wire import Wire

_FINAL_STATUS = range(200, 600)

_CLOSING_PATIENCE = 1.0
"""Seconds that an orderly close may take, then the connection is aborted: a peer that stopped reading never lets it
end."""


_SLICE = 16 * 1024
"""Bytes of a body that are parsed before it is seen whether the connection is still wanted."""


class Connection:
    """One established connection; made by the dialer, gone after ``on_lost``.

    Attributes:
        url: where it leads.
        closing: the server closes after the answer just given, or the connection has ended: no exchange is possible.
        certificate_not_after: when the server's certificate expires, None without TLS.
    """

    def __init__(
        self,
        reactor: IReactorTime,
        wire: Wire,
        url: ServiceUrl,
        *,
        on_bytes: Callable[[], None],
        on_lost: Callable[[str], None],
        limits: Limits,
        certificate_not_after: datetime | None,
        describe_loss: Callable[[Failure, bool], str],
        on_exchanged: Callable[[str, float], None],
    ) -> None:
        self.url = url
        self.closing = False
        self.certificate_not_after = certificate_not_after
        self._reactor = reactor
        self._transport = wire.transport
        self._request_head = request_head("POST", url)
        self.bytes_arrived: Callable[[], None] = on_bytes
        self._on_lost = on_lost
        self._limits = limits
        self._describe_loss = describe_loss
        self._on_exchanged = on_exchanged
        self._asked = ("", 0.0)
        self._exchange: Deferred[HttpAnswer] | None = None
        self._end: str | None = None
        self._ends_body = False
        self._unused = True
        self._close_deadline: IDelayedCall | None = None
        self._expect_answer(None)
        self._http = HttpClient(self._answer_ended)
        self._http.makeConnection(Outlet(self._http_gave_up))
        wire.listener = self

    @property
    def idle(self) -> bool:
        """Whether an exchange may begin."""
        return self._exchange is None and not self.closing

    def exchange(self, message: Message) -> Deferred[HttpAnswer]:
        """Post a message and wait for its answer, as long as it takes: the deadline is the caller's.

        Cancelling the Deferred aborts the connection.

        Returns:
            A Deferred of the answer, whatever its status. Its errback is ExchangeFailed: the connection ended, or the
            answer was not HTTP within the limits; then the connection is aborted.

        Raises:
            RuntimeError: an exchange is under way: the caller has to wait for it.
            ValueError: a header of the message holds a line end.
        """
        return self._begin(Post(self._request_head, message), message.duty)

    def fetch(self) -> Deferred[HttpAnswer]:
        """Ask for what is at the URL (GET): an exchange like any other."""
        return self._begin(Get(self.url), duty="")

    def close(self) -> None:
        """End the idle connection in order, or, where the peer does not let that end soon, abort it."""
        if not self.closing:
            self._close()

    def abort(self, reason: str = "connection aborted") -> None:
        """End the connection now, without waiting for the peer; again is nothing.

        The exchange in flight fails with ``reason`` and ``on_lost`` is called with it, both from the reactor.
        """
        if self._end is None:
            self._end = reason
            self.closing = True
            self._transport.abortConnection()

    def _begin(self, request: Post | Get, duty: str) -> Deferred[HttpAnswer]:
        if self._exchange is not None:
            raise RuntimeError("an exchange is under way on this connection")
        if self.closing:
            return fail(ExchangeFailed(self._end or f"{self.url.where} closes the connection"))
        exchange = self._exchange = Deferred(self._cancelled)
        self._asked = (duty, self._reactor.seconds())
        self._expect_answer(request)
        self._transport.write(request.octets)
        return exchange

    def handshake_completed(self) -> None:
        """The wire's: it was completed before this connection was made."""

    def data_received(self, data: bytes) -> None:
        """The wire's: what the peer said."""
        if self._end is not None:
            return
        if self._exchange is None:
            if not self.closing:
                self.abort(f"{self.url.where} sent {excerpt(data)} without having been asked")
            return
        if self._request is not None:
            plain = plain_answer(data, self._limits)
            if plain is not None:
                self._close_after = plain.closes
                self._complete(plain.answer)
                return
            self._read_by_http(self._request)
        if self._answer is None:
            data = self._feed_head(data)
        for start in range(0, len(data), _SLICE):
            if self._end is not None:
                return
            self._http.dataReceived(data[start : start + _SLICE])

    def lost(self, failure: Failure) -> None:
        """The wire's: the connection is no more."""
        if self._close_deadline is not None:
            self._close_deadline.cancel()
            self._close_deadline = None
        by_peer = self._end is None
        if self._end is None:
            self._end = self._describe_loss(failure, self._unused)
        if by_peer and failure.check(ConnectionDone):
            self._ends_body = True
            if self.closing:
                self._end = f"{self.url.where} closed the connection after its answer"
        self.closing = True
        self._http.connectionLost(failure)  # completes an answer that ends with the connection
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            told_why = not by_peer or failure.check(SSL.Error)
            when = "" if told_why else " before its answer" if self._answer is None else " amid its answer"
            exchange.errback(ExchangeFailed(self._end + when))
        self._on_lost(self._end)

    def _cancelled(self, exchange: Deferred[HttpAnswer]) -> None:
        """The caller waits no longer; what comes now would be taken for the next answer."""
        self._exchange = None
        self.abort("exchange cancelled")
        exchange.errback(ExchangeFailed("exchange cancelled"))

    def _expect_answer(self, request: Post | Get | None) -> None:
        """Before each exchange: nothing of its answer has come yet."""
        self._request = request
        self._head = AnswerHead(self._limits)
        self._answer: IResponse | None = None
        self._gave_up = False
        self._close_after = False
        self._surplus = 0

    def _read_by_http(self, request: Post | Get) -> None:
        """The answer is none of the plain ones: twisted.web's client reads all of it."""
        self._request = None
        self._http.sent(request).addCallbacks(self._head_received, self._broken)

    def _feed_head(self, data: bytes) -> bytes:
        """Give twisted.web the head of the answer; returns what follows it, the beginning of the body."""
        exchange = self._exchange
        while data and self._answer is None and self._end is None:
            try:
                length = self._head.measure(data)
            except HeadRefused as refused:
                self.abort(f"{self.url.where} {refused}")
                return b""
            self._surplus = len(data) - length  # unless a body follows
            self._http.dataReceived(data[:length])
            data = data[length:]
            if self._exchange is not exchange:  # answered; perhaps the next exchange has begun
                return b""
            if self._gave_up and self._answer is None:
                self.abort(f"{self.url.where} sent a header line that is too long")
        self._surplus = 0
        return data

    def _head_received(self, response: IResponse) -> None:
        """The head is there; the body is taken as it comes."""
        self._answer = response
        version, major, _ = response.version
        if version != b"HTTP" or major != 1 or response.code not in _FINAL_STATUS:
            self.abort(f"{self.url.where} answers with something that is not HTTP/1.1")
        elif response.length != UNKNOWN_LENGTH and response.length > self._limits.body_bytes:
            self._body_refused(too_long(self._limits))
        else:
            response.deliverBody(AnswerBody(self._limits, self._body_refused, self._body_ended))

    def _body_refused(self, why: str) -> None:
        self.abort(f"{self.url.where} {why}")

    def _http_gave_up(self) -> None:
        """twisted.web's client wants to close, which is only ever decided here."""
        self._gave_up = True

    def _answer_ended(self, close: bool, rest: bytes) -> None:
        """twisted.web's client has seen the end of the answer, just before ``_body_ended``."""
        self._close_after = close
        self._surplus += len(rest)

    def _body_ended(self, body: bytes, reason: Failure) -> None:
        """The body is complete, or never will be; it may also end in the same read in which it was refused."""
        if self._end is not None and not self._ends_body:
            return
        ends_with_connection = self._ends_body and reason.check(PotentialDataLoss)
        response = self._answer
        if response is not None and (reason.check(ResponseDone) or ends_with_connection):
            content_type = response.headers.getRawHeaders(b"content-type")
            shown = content_type[0].decode("latin-1") if content_type else None
            self._complete(HttpAnswer(response.code, shown, body))
        else:
            self._broken(reason)

    def _complete(self, answer: HttpAnswer) -> None:
        """Give the answer to whoever asked, after the connection's own state is settled."""
        exchange, self._exchange = self._exchange, None
        self._request = None
        self._unused = False
        if exchange is None:
            return
        if self._surplus:
            self.abort(f"{self.url.where} sent {self._surplus} bytes more than its answer")
        elif self._close_after and not self.closing:
            self._close()
        duty, asked_at = self._asked
        if duty:
            self._on_exchanged(duty, self._reactor.seconds() - asked_at)
        exchange.callback(answer)

    def _close(self) -> None:
        """Close in order; abort if that does not end soon."""
        self.closing = True
        self._close_deadline = self._reactor.callLater(_CLOSING_PATIENCE, self._abort_close)
        self._transport.loseConnection()

    def _abort_close(self) -> None:
        self._close_deadline = None
        self.abort(f"{self.url.where} did not let the connection be closed")

    def _broken(self, failure: Failure) -> None:
        """twisted.web's client could not make sense of the answer, or the connection has ended."""
        if self._end is not None:
            return
        causes = getattr(failure.value, "reasons", None) or [failure]
        cause = causes[0].value
        self.abort(f"{self.url.where} answers with malformed HTTP ({type(cause).__name__}: {excerpt(str(cause))})")
