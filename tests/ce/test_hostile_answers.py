"""Peers that say too much, too little, or something else: the same connection in memory."""

from __future__ import annotations

from agentchan.ce.answer_head import Limits
from tests.ce.dialing import http
from tests.ce.test_connection import WHERE, ConnectionCase


class SilenceTests(ConnectionCase):
    """Peers that say little."""

    def test_each_byte_counts(self) -> None:
        """A reply that drips is told byte by byte as a sign of life, and is neither an answer nor an end."""
        self.ask()
        for octet in b"HTTP/1.1 200 OK\r\nContent-Len":
            self.hear(bytes([octet]))
        assert self.record.octets == len(b"HTTP/1.1 200 OK\r\nContent-Len")
        assert self.record.events == []
        self.connection.abort("no answer in time")
        self.finish_abort()
        assert self.record.events == ["failed: no answer in time", "lost: no answer in time"]

    def test_abort_from_on_bytes(self) -> None:
        """Whoever hears of bytes may abort at once; the bytes are then no answer."""
        self.ask()
        self.connection.bytes_arrived = self.connection.abort
        self.hear(http(b"x"))
        self.finish_abort()
        assert self.record.events == ["failed: connection aborted", "lost: connection aborted"]


class HostileTests(ConnectionCase):
    """What comes is not what it should be: the exchange fails, the connection is aborted, the reason says why."""

    def assert_refused(self, octets: bytes, words: str, limits: Limits | None = None) -> None:
        """Such an answer ends the connection with such words."""
        self.establish(limits)
        self.ask()
        self.hear(octets)
        self.finish_abort()
        assert [event.partition(":")[0] for event in self.record.events] == ["failed", "lost"], octets[:60]
        assert words in self.record.events[0]
        assert WHERE in self.record.events[0]
        assert "\n" not in self.record.events[0]

    def test_unsolicited(self) -> None:
        """Bytes that nobody asked for end an idle connection."""
        self.hear(http(b"surprise"))
        self.finish_abort()
        assert len(self.record.events) == 1
        assert "without having been asked" in self.record.events[0]

    def test_surplus(self) -> None:
        """Bytes behind an answer end the connection; the answer itself counts."""
        ends = (
            http(b"x"),
            b"HTTP/1.1 204 No Content\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        )
        for answer in ends:
            self.establish()
            self.ask()
            self.hear(answer + b"HTTP/1.1 200 OK\r\n")
            self.finish_abort()
            assert self.record.events[0][:7] == "answer:"
            assert self.record.events[1:] == [f"lost: {WHERE} sent 17 bytes more than its answer"]

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
        assert "too long a header" in self.record.events[0]

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
        self.assert_refused(chunked + b"0\r\n\r\n", "more than 100 bytes", limits)

    def test_crumbs(self) -> None:
        """A body in tiny chunks costs too much to put together; one in small ones is taken."""
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        self.assert_refused(head + b"1\r\nx\r\n" * 3000 + b"0\r\n\r\n", "too small pieces")
        self.establish()
        self.ask()
        self.hear(head + (b"40\r\n" + b"x" * 64 + b"\r\n") * 5000 + b"0\r\n\r\n")
        assert self.record.events == ["answer: 200 " + "x" * 64 * 5000]

    def test_trailers_without_end(self) -> None:
        """What may follow the chunks is bounded like a head."""
        trailers = b"A: " + b"b" * 1000 + b"\r\n"
        octets = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + trailers * 100
        self.assert_refused(octets, "malformed HTTP")

    def test_body_as_long_as_allowed(self) -> None:
        """The bound itself is allowed, and line ends in a body are no header lines."""
        self.establish(Limits(body_bytes=1000))
        self.ask()
        self.hear(http(b"\n" * 1000))
        assert self.record.events == ["answer: 200 " + "\n" * 1000]

    def test_split_end_of_head(self) -> None:
        """A head whose end is split between reads does not make the body count as header."""
        octets = http(b"\n" * 1000)
        end = octets.index(b"\r\n\r\n")
        for cut in range(end, end + 5):
            self.establish()
            self.ask()
            self.hear(octets[:cut])
            self.hear(octets[cut:])
            assert len(self.record.events) == 1
            assert self.record.events[0][:11] == "answer: 200"
