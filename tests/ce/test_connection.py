"""The connection's rules, on a transport in memory: nothing here needs a socket or waits."""

from __future__ import annotations

from typing import Any

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
        self.assertTrue(self.transport.aborting, "the connection should have been aborted")
        self.lose(ConnectionAborted())


class ExchangeTests(ConnectionCase):
    """Good exchanges."""

    def test_request(self) -> None:
        """A message is posted to the path and query of the URL, with the message's own headers and body."""
        self.ask()
        self.assertEqual(
            self.transport.value(),
            b"POST /IVRConnector?site=1 HTTP/1.1\r\n"
            b"Host: 192.0.2.1:8095\r\n"
            b"User-Agent: agentchan/" + __version__.encode() + b"\r\n"
            b"Content-Type: text/xml; charset=utf-8\r\n"
            b'SOAPAction: "Ask"\r\n'
            b"Content-Length: 11\r\n"
            b"\r\n"
            b"<question/>",
        )

    def test_answer(self) -> None:
        """The answer carries status, content type and body, whatever the status is."""
        exchange = self.connection.exchange(Envelope())
        self.hear(http(b"<fault/>", status=b"500 Internal Server Error"))
        answer = self.successResultOf(exchange)
        self.assertEqual((answer.status, answer.content_type, answer.body), (500, "text/xml", b"<fault/>"))

    def test_persistent(self) -> None:
        """One connection carries exchange after exchange, also from within the callback of the one before."""
        self.ask().addCallback(lambda _: self.ask())
        self.hear(http(b"one"))
        self.hear(http(b"two"))
        self.assertEqual(self.record.events, ["answer: 200 one", "answer: 200 two"])
        self.assertTrue(self.connection.idle)

    def test_drip(self) -> None:
        """An answer that comes byte by byte is understood, and each byte is told of."""
        octets = http(b"a\n\nb")
        self.ask()
        for index in range(len(octets)):
            self.hear(octets[index : index + 1])
        self.assertEqual(self.record.events, ["answer: 200 a\n\nb"])
        self.assertEqual(self.record.octets, len(octets))

    def test_chunked(self) -> None:
        """A chunked body is put together."""
        self.ask()
        self.hear(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
        self.assertEqual(self.record.events, ["answer: 200 abcde"])
        self.assertTrue(self.connection.idle)

    def test_without_body(self) -> None:
        """204 and a length of nothing are complete with their heads."""
        for head in (b"HTTP/1.1 204 No Content\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"):
            self.ask()
            self.hear(head)
        self.assertEqual(self.record.events, ["answer: 204 ", "answer: 200 "])
        self.assertTrue(self.connection.idle)

    def test_interim(self) -> None:
        """Interim answers are passed over, in a read of their own or not."""
        self.ask()
        self.hear(b"HTTP/1.1 102 Processing\r\n\r\n")
        self.hear(b"HTTP/1.1 100 Continue\r\n\r\n" + http(b"done"))
        self.assertEqual(self.record.events, ["answer: 200 done"])
        self.assertTrue(self.connection.idle)

    def test_body_until_close(self) -> None:
        """A body without a length ends with the connection; the answer comes before the loss."""
        self.ask()
        self.hear(b"HTTP/1.1 200 OK\r\n\r\nhalf ")
        self.hear(b"and half")
        self.assertEqual(self.record.events, [])
        self.lose(ConnectionDone())
        self.assertEqual(self.record.events[0], "answer: 200 half and half")
        self.assertEqual(self.record.events[1:], [f"lost: {WHERE} closed the connection"])

    def test_body_until_reset(self) -> None:
        """A body without a length is no answer when the connection breaks rather than ends."""
        self.ask()
        self.hear(b"HTTP/1.1 200 OK\r\n\r\nhalf ")
        self.lose(ConnectionLost())
        self.assertEqual([event[:6] for event in self.record.events], ["failed", "lost: "])

    def test_one_at_a_time(self) -> None:
        """A second exchange beside the first is the caller's error, and harms nothing."""
        self.ask()
        self.assertFalse(self.connection.idle)
        with self.assertRaises(RuntimeError):
            self.connection.exchange(Envelope())
        self.hear(http(b"one"))
        self.assertEqual(self.record.events, ["answer: 200 one"])

    def test_header_with_line_end(self) -> None:
        """A header that would smuggle another one in is refused, and nothing is sent."""
        for header in ((b"SOAPAction", b"x\r\nHost: y"), (b"A\nB", b"x")):
            with self.assertRaises(ValueError):
                self.connection.exchange(Envelope(headers=(header,)))
        self.assertEqual(self.transport.value(), b"")
        self.assertTrue(self.connection.idle)


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
            self.assertTrue(self.transport.disconnecting)
            self.lose(ConnectionDone())
            self.assertEqual(
                self.record.events,
                ["answer: 200 x", "closing True", f"lost: {WHERE} closed the connection after its answer"],
            )
            self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_old_but_persistent(self) -> None:
        """HTTP/1.0 with keep-alive goes on."""
        self.ask()
        self.hear(http(b"x", b"Connection: keep-alive").replace(b"HTTP/1.1", b"HTTP/1.0"))
        self.assertFalse(self.connection.closing)
        self.assertFalse(self.transport.disconnecting)

    def test_no_more_exchange(self) -> None:
        """An exchange on a closing connection fails without being sent."""
        self.ask()
        self.hear(http(b"x", b"Connection: close"))
        self.assertFalse(self.connection.idle)
        self.ask()
        self.assertEqual(self.record.events[1:], [f"failed: {WHERE} closes the connection"])
        self.assertEqual(self.transport.value(), b"")

    def test_close_that_does_not_end(self) -> None:
        """A peer that lets the close hang is aborted."""
        self.ask()
        self.hear(http(b"x", b"Connection: close"))
        self.assertFalse(self.transport.aborting)
        self.clock.advance(1.0)
        self.finish_abort()
        self.assertEqual(self.record.events[1:], [f"lost: {WHERE} announced a close and did not let it end"])


class AbortTests(ConnectionCase):
    """Ends that are wanted here."""

    def test_abort(self) -> None:
        """The exchange in flight fails first, then the loss is told, both after abort() has returned; again is nothing."""
        self.ask()
        self.connection.abort()
        self.connection.abort("again")
        self.assertEqual(self.record.events, [])
        self.finish_abort()
        self.assertEqual(self.record.events, ["failed: connection aborted", "lost: connection aborted"])

    def test_abort_with_reason(self) -> None:
        """The caller's reason is what both are told."""
        self.ask()
        self.connection.abort("no answer within 2 s")
        self.finish_abort()
        self.assertEqual(self.record.events, ["failed: no answer within 2 s", "lost: no answer within 2 s"])

    def test_late_answer(self) -> None:
        """An answer that comes after the abort is none."""
        self.ask()
        self.connection.abort()
        self.hear(http(b"late"))
        self.finish_abort()
        self.assertEqual(self.record.events, ["failed: connection aborted", "lost: connection aborted"])

    def test_abort_amid_body_until_close(self) -> None:
        """An abort does not complete a body that would have ended with the connection."""
        self.ask()
        self.hear(b"HTTP/1.1 200 OK\r\n\r\nhalf")
        self.connection.abort()
        self.finish_abort()
        self.assertEqual(self.record.events, ["failed: connection aborted", "lost: connection aborted"])

    def test_exchange_after_end(self) -> None:
        """An exchange on a connection that has ended fails with the reason of the end."""
        self.connection.abort("gone")
        self.finish_abort()
        failure = self.failureResultOf(self.connection.exchange(Envelope()), ExchangeFailed)
        self.assertEqual(failure.value.reason, "gone")

    def test_cancel(self) -> None:
        """Cancelling an exchange aborts the connection, since its answer would be taken for the next one's."""
        exchange = self.connection.exchange(Envelope())
        exchange.cancel()
        self.assertEqual(self.failureResultOf(exchange, ExchangeFailed).value.reason, "exchange cancelled")
        self.finish_abort()
        self.assertEqual(self.record.events, ["lost: exchange cancelled"])

    def test_cancel_amid_body(self) -> None:
        """The same in the middle of an answer."""
        exchange = self.connection.exchange(Envelope())
        self.hear(http(b"body")[:-2])
        exchange.cancel()
        self.failureResultOf(exchange, ExchangeFailed)
        self.finish_abort()
        self.assertEqual(self.record.events, ["lost: exchange cancelled"])


class LossTests(ConnectionCase):
    """Ends that are not."""

    def test_idle(self) -> None:
        """A server that closes an idle connection is named."""
        self.lose(ConnectionDone())
        self.assertEqual(self.record.events, [f"lost: {WHERE} closed the connection"])

    def test_before_answer(self) -> None:
        """Closed instead of answering: the exchange fails first, with its own words."""
        self.ask()
        self.lose(ConnectionDone())
        self.assertEqual(
            self.record.events,
            [f"failed: {WHERE} closed the connection before its answer", f"lost: {WHERE} closed the connection"],
        )

    def test_amid_answer(self) -> None:
        """Closed in the middle of a body of known length."""
        for octets in (http(b"body")[:-1], b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"):
            self.establish()
            self.ask()
            self.hear(octets)
            self.lose(ConnectionDone())
            self.assertEqual(self.record.events[0], f"failed: {WHERE} closed the connection amid its answer")

    def test_reset(self) -> None:
        """A broken connection is told from a closed one."""
        self.lose(ConnectionLost())
        self.assertIn("was lost", self.record.events[0])


class HostileTests(ConnectionCase):
    """What comes is not what it should be: the exchange fails, the connection is aborted, the reason says why."""

    def assert_refused(self, octets: bytes, words: str, limits: Limits | None = None) -> None:
        """Such an answer ends the connection with such words."""
        self.establish(limits)
        self.ask()
        self.hear(octets)
        self.finish_abort()
        self.assertEqual([event.partition(":")[0] for event in self.record.events], ["failed", "lost"], octets[:60])
        self.assertIn(words, self.record.events[0])
        self.assertIn(WHERE, self.record.events[0])
        self.assertNotIn("\n", self.record.events[0])

    def test_unsolicited(self) -> None:
        """Bytes that nobody asked for end an idle connection."""
        self.hear(http(b"surprise"))
        self.finish_abort()
        self.assertEqual(len(self.record.events), 1)
        self.assertIn("without having been asked", self.record.events[0])

    def test_surplus(self) -> None:
        """Bytes behind an answer end the connection; the answer itself counts."""
        ends = (http(b"x"), b"HTTP/1.1 204 No Content\r\n\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
        for answer in ends:
            self.establish()
            self.ask()
            self.hear(answer + b"HTTP/1.1 200 OK\r\n")
            self.finish_abort()
            self.assertEqual(self.record.events[0][:7], "answer:")
            self.assertEqual(self.record.events[1:], [f"lost: {WHERE} sent 17 bytes more than its answer"])

    def test_not_http(self) -> None:
        """Another protocol is recognized by its first bytes."""
        self.assert_refused(b"SSH-2.0-OpenSSH_9.2\r\n", "not HTTP ('SSH-2.0-OpenSSH_9.2")
        self.assert_refused(b"\x00\xff", "not HTTP")
        self.assert_refused(b"\n", "not HTTP")
        self.assert_refused(b"\x15\x03\x01\x00\x02\x02\x46", "speaks TLS, but the URL says http")

    def test_malformed(self) -> None:
        """What begins as HTTP and is none."""
        for octets in (
            b"HTTP/1.1\r\n",
            b"HTTP/1.1 abc OK\r\n",
            b"HTTP/x.y 200 OK\r\n",
            b"HTTP/1.1 200 OK\r\n continued\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
        ):
            self.assert_refused(octets, "malformed HTTP")

    def test_other_version_or_status(self) -> None:
        """Versions and statuses that HTTP/1.1 has not."""
        for line in (b"HTTP/2.0 200 OK", b"HTTP/1.1 7 OK", b"HTTP/1.1 700 OK", b"HTTP/1.1 -5 OK"):
            self.assert_refused(line + b"\r\n\r\n", "not HTTP/1.1")

    def test_long_header(self) -> None:
        """Headers are bounded: in bytes, in lines, and each by itself; also when they come slowly."""
        status = b"HTTP/1.1 200 OK\r\n"
        self.assert_refused(status + b"A: b\r\n" * 300, "too long a header")
        self.assert_refused(status + (b"A: " + b"b" * 5000 + b"\r\n") * 14, "too long a header")
        self.assert_refused(status + b"A: " + b"b" * 17000, "a header line that is too long")
        self.establish()
        self.ask()
        self.hear(status)
        for _ in range(300):
            self.hear(b"A: b\r\n")
        self.finish_abort()
        self.assertIn("too long a header", self.record.events[0])

    def test_interim_flood(self) -> None:
        """Interim answers without end are one kind of header without end."""
        self.assert_refused(b"HTTP/1.1 100 Continue\r\n\r\n" * 2000, "interim (1xx) answers without end")

    def test_long_body(self) -> None:
        """A body is bounded, announced or not."""
        limits = Limits(body_bytes=100)
        self.assert_refused(b"HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n", "more than 100 bytes", limits)
        self.assert_refused(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 101, "more than 100 bytes", limits)
        chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"a\r\n0123456789\r\n" * 11
        self.assert_refused(chunked, "more than 100 bytes", limits)

    def test_body_as_long_as_allowed(self) -> None:
        """The bound itself is allowed, and line ends in a body are no header lines."""
        self.establish(Limits(body_bytes=1000))
        self.ask()
        self.hear(http(b"\n" * 1000))
        self.assertEqual(self.record.events, ["answer: 200 " + "\n" * 1000])

    def test_split_end_of_head(self) -> None:
        """A head whose end is split between reads does not make the body count as header."""
        octets = http(b"\n" * 1000)
        end = octets.index(b"\r\n\r\n")
        for cut in range(end, end + 5):
            self.establish()
            self.ask()
            self.hear(octets[:cut])
            self.hear(octets[cut:])
            self.assertEqual(len(self.record.events), 1)
            self.assertEqual(self.record.events[0][:11], "answer: 200")
