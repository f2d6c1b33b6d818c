"""One established HTTP/1.1 connection to a CE host: one request at a time, as many after one another as it lives.

What comes from the peer is bounded and checked here before twisted.web's client sees it. The order of events is always
the same, and none of them comes from within ``exchange`` or ``abort``: first the exchange in flight, if any, gets its
answer or its failure, then ``on_lost`` is called, once, with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import datetime

from attrs import frozen
from twisted.internet.defer import Deferred, fail
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python.failure import Failure
from twisted.web.iweb import IResponse, UNKNOWN_LENGTH
from twisted.web.client import PotentialDataLoss, ResponseFailed

from agentchan.ce.errors import ExchangeFailed
from agentchan.ce.http_post import AnswerBody, HttpAnswer, HttpClient, Message, Post, request_head
from agentchan.ce.service_url import ServiceUrl
from agentchan.ce.wire import Wire

__all__ = ["Connection", "HttpAnswer", "Limits", "Message"]

_END_OF_HEAD = re.compile(rb"\n\r?\n")

_LONGEST_END_OF_HEAD = 3
"""Bytes of ``_END_OF_HEAD``; so many less one are kept from one read to the next."""

_TLS_RECORD = (b"\x15\x03", b"\x16\x03")
"""How an alert or a handshake of TLS begins (RFC 8446, 5.1)."""

_CLOSING_PATIENCE = 1.0
"""Seconds that an orderly close may take before the connection is aborted: a peer that stopped reading never lets it end."""


@frozen
class Limits:
    """What an answer may cost.

    Attributes:
        head_bytes: of status line and headers, those of interim (1xx) answers included. twisted.web cuts single lines
            at 16 KiB.
        head_lines: likewise; each costs about 2 µs, and a read of 64 KiB could hold 30,000.
        interim_answers: per exchange; nothing here asks for one.
        body_bytes: the report of 5,000 channels has about 1 MiB; 16 times that is no answer of the contract.
    """

    head_bytes: int = 64 * 1024
    head_lines: int = 256
    interim_answers: int = 8
    body_bytes: int = 16 * 1024 * 1024


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
        describe_loss: Callable[[Failure], str],
    ) -> None:
        self.url = url
        self.closing = False
        self.certificate_not_after = certificate_not_after
        self._reactor = reactor
        self._transport = wire.transport
        self._request_head = request_head(url)
        self.bytes_arrived = on_bytes
        self._on_lost = on_lost
        self._limits = limits
        self._describe_loss = describe_loss
        self._exchange: Deferred[HttpAnswer] | None = None
        self._answer_begun: IResponse | None = None
        self._end: str | None = None
        self._surplus = False
        self._close_deadline: IDelayedCall | None = None
        self._expect_head()
        self._http = HttpClient(self._answer_ended)
        self._http.makeConnection(_Outlet(self._transport.write))
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
        if self._exchange is not None:
            raise RuntimeError("an exchange is under way on this connection")
        if self.closing:
            return fail(ExchangeFailed(self._end or f"{self.url.where} closes the connection"))
        post = Post(self._request_head, message)
        exchange = self._exchange = Deferred(self._cancelled)
        self._expect_head()
        self._http.request(post).addCallbacks(self._head_received, self._broken)
        return exchange

    def abort(self, reason: str = "connection aborted") -> None:
        """End the connection now, without waiting for the peer; again is nothing.

        The exchange in flight fails with ``reason`` and ``on_lost`` is called with it, both from the reactor.
        """
        if self._end is None:
            self._end = reason
            self.closing = True
            self._transport.abortConnection()

    def bytes_arrived(self) -> None:
        """The wire's: replaced by ``on_bytes`` to spare a call."""

    def handshake_completed(self) -> None:
        """The wire's: it was completed before this connection was made."""

    def data_received(self, data: bytes) -> None:
        """The wire's: what the peer said."""
        if self._end is not None:
            return
        if self._exchange is None:
            if not self.closing:
                self.abort(f"{self.url.where} sent {len(data)} bytes without having been asked")
            return
        if self._answer_begun is None:
            data = self._feed_head(data)
        if data and self._end is None:
            self._http.dataReceived(data)

    def lost(self, failure: Failure) -> None:
        """The wire's: the connection is no more."""
        if self._close_deadline is not None:
            self._close_deadline.cancel()
            self._close_deadline = None
        reason = self._end = self._end or self._describe_loss(failure)
        self.closing = True
        self._http.connectionLost(failure)  # completes an answer that ends with the connection
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.errback(ExchangeFailed(reason))
        self._on_lost(reason)
