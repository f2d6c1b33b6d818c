"""The connection's rules, on a transport in memory: nothing here needs a socket or waits."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from agentchan import __version__
from agentchan.ce.answer_head import Limits
from agentchan.ce.connection import Connection
from agentchan.ce.errors import ExchangeFailed
from tests.ce.dialing import Envelope, Record, dial, http

URL = "http://192.0.2.1:8095/IVRConnector?site=1"
WHERE = "192.0.2.1:8095"


class MemoryTransport(StringTransport):
    """Remembers that it was aborted; StringTransport takes it for an orderly close."""

    aborting = False

    def abortConnection(self) -> None:  # noqa: N802 - Twisted's name
        """At once."""
        self.aborting = True


class ConnectionCase(SynchronousTestCase):
    """A connection over a transport in memory."""

    def setUp(self) -> None:
        """Establish it."""
        self.establish()

    def establish(self, limits: Limits | None = None, url: str = URL) -> None:
        """Dial, and let TCP connect."""
        self.clock: Any = MemoryReactorClock()
        self.record = Record()
        dialed = dial(self.clock, url, self.record, limits=limits)
        factory = self.clock.tcpClients[0][2]
        self.wire: Any = factory.buildProtocol(None)
        self.transport = MemoryTransport()
        self.wire.makeConnection(self.transport)
        self.connection: Connection = self.successResultOf(dialed)

    def ask(self) -> Deferred[Any]:
        """An exchange whose outcome is recorded."""
        self.transport.clear()
        exchange = self.connection.exchange(Envelope())
        self.record.note_answer(exchange)
        return exchange

    def hear(self, octets: bytes) -> None:
        """Bytes from the peer."""
        self.wire.dataReceived(octets)

    def lose(self, reason: BaseException) -> None:
        """What the reactor does when the socket is closed."""
        self.wire.connectionLost(Failure(reason))

    def finish_abort(self) -> None:
        """What the reactor does in the turn after abortConnection."""
        assert self.transport.aborting, "the connection should have been aborted"
        self.lose(ConnectionAborted())


class ExchangeTests(ConnectionCase):
    """Good exchanges."""

    def test_request(self) -> None:
        """A message is posted to the path and query of the URL, with the message's own headers and body."""
        self.ask()
        assert (
            self.transport.value() == b"POST /IVRConnector?site=1 HTTP/1.1\r\n"
            b"Host: 192.0.2.1:8095\r\n"
            b"User-Agent: agentchan/" + __version__.encode() + b"\r\n"
            b"Content-Type: text/xml; charset=utf-8\r\n"
            b'SOAPAction: "Ask"\r\n'
            b"Content-Length: 11\r\n"
            b"\r\n"
            b"<question/>"
        )

    def test_answer(self) -> None:
        """The answer carries status, content type and body, whatever the status is."""
        exchange = self.connection.exchange(Envelope())
        self.hear(http(b"<fault/>", status=b"500 Internal Server Error"))
        answer = self.successResultOf(exchange)
        assert (answer.status, answer.content_type, answer.body) == (500, "text/xml", b"<fault/>")

    def test_persistent(self) -> None:
        """One connection carries exchange after exchange, also from within the callback of the one before."""
        self.ask().addCallback(lambda _: self.ask())
        self.hear(http(b"one"))
        self.hear(http(b"two"))
        assert self.record.events == ["answer: 200 one", "answer: 200 two"]
        assert self.connection.idle

    def test_drip(self) -> None:
        """An answer that comes byte by byte is understood, and each byte is told of."""
        octets = http(b"a\n\nb")
        self.ask()
        for index in range(len(octets)):
            self.hear(octets[index : index + 1])
        assert self.record.events == ["answer: 200 a\n\nb"]
        assert self.record.octets == len(octets)

    def test_chunked(self) -> None:
        """A chunked body is put together."""
        self.ask()
        self.hear(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
        assert self.record.events == ["answer: 200 abcde"]
        assert self.connection.idle

    def test_without_body(self) -> None:
        """204 and a length of nothing are complete with their heads."""
        for head in (b"HTTP/1.1 204 No Content\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"):
            self.ask()
            self.hear(head)
        assert self.record.events == ["answer: 204 ", "answer: 200 "]
        assert self.connection.idle

    def test_interim(self) -> None:
        """Interim answers are passed over, in a read of their own or not."""
        self.ask()
        self.hear(b"HTTP/1.1 102 Processing\r\n\r\n")
        self.hear(b"HTTP/1.1 100 Continue\r\n\r\n" + http(b"done"))
        assert self.record.events == ["answer: 200 done"]
        assert self.connection.idle

    def test_body_until_close(self) -> None:
        """A body without a length ends with the connection; the answer comes before the loss."""
        self.ask()
        self.hear(b"HTTP/1.1 200 OK\r\n\r\nhalf ")
        self.hear(b"and half")
        assert self.record.events == []
        self.lose(ConnectionDone())
        assert self.record.events[0] == "answer: 200 half and half"
        assert self.record.events[1:] == [f"lost: {WHERE} closed the connection"]

    def test_body_until_reset(self) -> None:
        """A body without a length is no answer when the connection breaks rather than ends."""
        self.ask()
        self.hear(b"HTTP/1.1 200 OK\r\n\r\nhalf ")
        self.lose(ConnectionLost())
        assert [event[:6] for event in self.record.events] == ["failed", "lost: "]

    def test_one_at_a_time(self) -> None:
        """A second exchange beside the first is the caller's error, and harms nothing."""
        self.ask()
        assert not self.connection.idle
        with pytest.raises(RuntimeError):
            self.connection.exchange(Envelope())
        self.hear(http(b"one"))
        assert self.record.events == ["answer: 200 one"]

    def test_fetch(self) -> None:
        """What is at the URL is asked for by GET; the answer is one like any other."""
        self.record.note_answer(self.connection.fetch())
        assert (
            self.transport.value() == b"GET /IVRConnector?site=1 HTTP/1.1\r\n"
            b"Host: 192.0.2.1:8095\r\n"
            b"User-Agent: agentchan/" + __version__.encode() + b"\r\n\r\n"
        )
        self.hear(http(b"<definitions/>", status=b"404 Not Found"))
        self.ask()
        self.hear(http(b"done"))
        assert self.record.events == ["answer: 404 <definitions/>", "answer: 200 done"]

    def test_trailers(self) -> None:
        """What follows the chunks belongs to the answer."""
        self.ask()
        self.hear(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n")
        self.hear(b"3;name=value\r\nabc\r\n0\r\nX-Sum: 1\r\nX-More: 2\r\n")
        assert self.record.events == []
        self.hear(b"\r\n")
        assert self.record.events == ["answer: 200 abc"]
        assert self.connection.idle

    def test_header_with_line_end(self) -> None:
        """A header that would smuggle another one in is refused, and nothing is sent."""
        for header in ((b"SOAPAction", b"x\r\nHost: y"), (b"A\nB", b"x")):
            with pytest.raises(ValueError, match="line end"):
                self.connection.exchange(Envelope(headers=(header,)))
        assert self.transport.value() == b""
        assert self.connection.idle


class ClosingTests(ConnectionCase):
    """A server that closes after its answer."""

    def close_answers(self) -> list[bytes]:
        """Answers that end the connection."""
        return [
            http(b"x", b"Connection: close"),
            http(b"x", b"Connection: Keep-Alive, Close"),
            http(b"x").replace(b"HTTP/1.1", b"HTTP/1.0"),
        ]

    def test_closing(self) -> None:
        """The answer is good, the connection no longer, and its end says why."""
        for answer in self.close_answers():
            self.establish()
            self.ask().addCallback(lambda _: self.record.events.append(f"closing {self.connection.closing}"))
            self.hear(answer)
            assert self.transport.disconnecting
            self.lose(ConnectionDone())
            assert self.record.events == [
                "answer: 200 x",
                "closing True",
                f"lost: {WHERE} closed the connection after its answer",
            ]
            assert self.clock.getDelayedCalls() == []

    def test_old_but_persistent(self) -> None:
        """HTTP/1.0 with keep-alive goes on."""
        self.ask()
        self.hear(http(b"x", b"Connection: keep-alive").replace(b"HTTP/1.1", b"HTTP/1.0"))
        assert not self.connection.closing
        assert not self.transport.disconnecting

    def test_no_more_exchange(self) -> None:
        """An exchange on a closing connection fails without being sent."""
        self.ask()
        self.hear(http(b"x", b"Connection: close"))
        assert not self.connection.idle
        self.ask()
        assert self.record.events[1:] == [f"failed: {WHERE} closes the connection"]
        assert self.transport.value() == b""

    def test_close_that_does_not_end(self) -> None:
        """A peer that lets the close hang is aborted."""
        self.ask()
        self.hear(http(b"x", b"Connection: close"))
        assert not self.transport.aborting
        self.clock.advance(1.0)
        self.finish_abort()
        assert self.record.events[1:] == [f"lost: {WHERE} did not let the connection be closed"]


class CloseTests(ConnectionCase):
    """Orderly ends that are wanted here."""

    def test_in_order(self) -> None:
        """An idle connection is closed without a reset; nothing can be asked on it any more."""
        self.ask()
        self.hear(http(b"x"))
        self.connection.close()
        assert self.transport.disconnecting
        assert not self.transport.aborting
        assert not self.connection.idle
        self.lose(ConnectionDone())
        assert len(self.record.events) == 2
        assert self.clock.getDelayedCalls() == []

    def test_again(self) -> None:
        """Said again, or after the server's own close or an abort, it is nothing."""
        self.ask()
        self.hear(http(b"x", b"Connection: close"))
        timers = len(self.clock.getDelayedCalls())
        self.connection.close()
        assert len(self.clock.getDelayedCalls()) == timers
        self.connection.abort()
        self.connection.close()
        self.finish_abort()
        assert self.clock.getDelayedCalls() == []

    def test_that_does_not_end(self) -> None:
        """A peer that lets it hang is aborted."""
        self.connection.close()
        self.clock.advance(1.0)
        self.finish_abort()
        assert self.record.events == [f"lost: {WHERE} did not let the connection be closed"]


class AbortTests(ConnectionCase):
    """Ends that are wanted here."""

    def test_abort(self) -> None:
        """The exchange in flight fails first, then the loss is told, both after abort() has returned; once."""
        self.ask()
        self.connection.abort()
        self.connection.abort("again")
        assert self.record.events == []
        self.finish_abort()
        assert self.record.events == ["failed: connection aborted", "lost: connection aborted"]

    def test_abort_with_reason(self) -> None:
        """The caller's reason is what both are told."""
        self.ask()
        self.connection.abort("no answer within 2 s")
        self.finish_abort()
        assert self.record.events == ["failed: no answer within 2 s", "lost: no answer within 2 s"]

    def test_late_answer(self) -> None:
        """An answer that comes after the abort is none."""
        self.ask()
        self.connection.abort()
        self.hear(http(b"late"))
        self.finish_abort()
        assert self.record.events == ["failed: connection aborted", "lost: connection aborted"]

    def test_abort_amid_body_until_close(self) -> None:
        """An abort does not complete a body that would have ended with the connection."""
        self.ask()
        self.hear(b"HTTP/1.1 200 OK\r\n\r\nhalf")
        self.connection.abort()
        self.finish_abort()
        assert self.record.events == ["failed: connection aborted", "lost: connection aborted"]

    def test_exchange_after_end(self) -> None:
        """An exchange on a connection that has ended fails with the reason of the end."""
        self.connection.abort("gone")
        self.finish_abort()
        failure = self.failureResultOf(self.connection.exchange(Envelope()), ExchangeFailed)
        assert failure.value.reason == "gone"

    def test_cancel(self) -> None:
        """Cancelling an exchange aborts the connection, since its answer would be taken for the next one's."""
        exchange = self.connection.exchange(Envelope())
        exchange.cancel()
        assert self.failureResultOf(exchange, ExchangeFailed).value.reason == "exchange cancelled"
        self.finish_abort()
        assert self.record.events == ["lost: exchange cancelled"]

    def test_cancel_amid_body(self) -> None:
        """The same in the middle of an answer."""
        exchange = self.connection.exchange(Envelope())
        self.hear(http(b"body")[:-2])
        exchange.cancel()
        self.failureResultOf(exchange, ExchangeFailed)
        self.finish_abort()
        assert self.record.events == ["lost: exchange cancelled"]


class LossTests(ConnectionCase):
    """Ends that are not."""

    def test_idle(self) -> None:
        """A server that closes an idle connection is named."""
        self.lose(ConnectionDone())
        assert self.record.events == [f"lost: {WHERE} closed the connection"]

    def test_before_answer(self) -> None:
        """Closed instead of answering: the exchange fails first, with its own words."""
        self.ask()
        self.lose(ConnectionDone())
        assert self.record.events == [
            f"failed: {WHERE} closed the connection before its answer",
            f"lost: {WHERE} closed the connection",
        ]

    def test_amid_answer(self) -> None:
        """Closed in the middle of a body of known length."""
        for octets in (http(b"body")[:-1], b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"):
            self.establish()
            self.ask()
            self.hear(octets)
            self.lose(ConnectionDone())
            assert self.record.events[0] == f"failed: {WHERE} closed the connection amid its answer"

    def test_reset(self) -> None:
        """A broken connection is told from a closed one."""
        self.lose(ConnectionLost())
        assert "was lost" in self.record.events[0]
