"""Whatever bytes a peer sends, cut wherever: an answer or ExchangeFailed, and the end of a connection is told once."""

from __future__ import annotations

import gc
import itertools
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from attrs import define, field
from hypothesis import example, given, settings
from hypothesis import strategies as st
from OpenSSL import SSL
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import LogEvent, capturedLogs
from twisted.python.failure import Failure

from agentchan.ce.answer_head import Limits
from agentchan.ce.dialer import DialFailed
from agentchan.ce.errors import ExchangeFailed
from agentchan.ce.http_post import HttpAnswer
from agentchan.ce.tls import TlsSettings
from tests.ce.certificates import issue, server_context
from tests.ce.dialing import Envelope, Record, dial, http
from tests.ce.test_connection import MemoryTransport

LIMITS = Limits(head_bytes=500, head_lines=20, interim_answers=2, body_bytes=300, body_pieces=20)

LINES = st.sampled_from(
    [
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.0 500 No\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n",
        b"HTTP/1.1 204 No Content\r\n",
        b"HTTP/1.1 304 Not Modified\r\n",
        b"HTTP/9.9 abc\r\n",
        b"Content-Length: 3\r\n",
        b"Content-Length: -3\r\n",
        b"Content-Length: 3, 3\r\n",
        b"Content-Length: 999999999999999999999\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: identity\r\n",
        b"Connection: close\r\n",
        b"Connection: upgrade\r\n",
        b" folded\r\n",
        b": nothing\r\n",
        b"no colon\r\n",
        b"Content-Type: \xff\xfe\x00\r\n",
        b"\r\n",
        b"\n",
        b"\r",
        b"abc",
        b"3\r\nabc\r\n",
        b"3;x=y\r\nabc\r\n",
        b"0\r\n",
        b"0\r\n\r\n",
        b"-1\r\n",
        b"ffffffffffffffffffff\r\n",
        b"1\r\nx\r\n" * 40,
        http(b"whole"),
        b"x" * 400,
    ]
)
STREAMS = st.one_of(
    st.lists(st.one_of(LINES, st.binary(max_size=8)), max_size=12).map(b"".join),
    st.lists(LINES, max_size=8).map(lambda lines: b"HTTP/1.1 200 OK\r\n" + b"".join(lines)),
    st.binary(max_size=100),
)
ENDS = st.sampled_from([ConnectionDone(), ConnectionLost()])


@define
class Life:
    """One connection whose peer says anything; what it came to."""

    record: Record = field(factory=Record)
    outcomes: list[Any] = field(factory=list)
    transport: MemoryTransport = field(factory=MemoryTransport)
    connection: Any = None
    wire: Any = None
    tls: TlsSettings | None = None

    def __attrs_post_init__(self) -> None:
        """Establish it."""
        clock: Any = MemoryReactorClock()
        dialed = dial(clock, "http://192.0.2.1:8095/x", self.record, limits=LIMITS, tls=self.tls)
        self.wire = clock.tcpClients[0][2].buildProtocol(None)
        self.wire.makeConnection(self.transport)
        dialed.addCallback(lambda connection: setattr(self, "connection", connection))

    def ask(self) -> None:
        """Begin an exchange, if one may begin."""
        if self.connection.idle:
            self.connection.exchange(Envelope()).addBoth(self.outcomes.append)

    def hear(self, reads: list[bytes], end: Exception) -> None:
        """What the reactor does: reads until somebody ends it, then the loss."""
        for read in reads:
            if self.transport.aborting:
                break
            self.wire.dataReceived(read)
        self.wire.connectionLost(Failure(ConnectionAborted() if self.transport.aborting else end))


@contextmanager
def nothing_logged() -> Iterator[None]:
    """No exception may end in the log either, where Twisted puts what nobody caught."""
    events: list[LogEvent]
    with capturedLogs() as events:
        yield
        gc.collect(0)  # what a Deferred failed with is logged when it is collected
    assert [event for event in events if "log_failure" in event] == []


def check(life: Life, exchanges: int) -> None:
    """The promise of Connection.exchange, and of on_lost."""
    assert len(life.outcomes) == exchanges
    for outcome in life.outcomes:
        if isinstance(outcome, HttpAnswer):
            assert outcome.status in range(200, 600)
            assert len(outcome.body) <= LIMITS.body_bytes
            continue
        assert isinstance(outcome, Failure)
        assert isinstance(outcome.value, ExchangeFailed), outcome
        assert outcome.value.reason.isprintable()
    assert len(life.record.events) == 1
    assert life.record.events[0].startswith("lost: ")
    assert life.record.events[0].isprintable()
    assert not life.connection.idle


@settings(max_examples=400)
@given(STREAMS, st.lists(st.integers(0, 600), max_size=6), ENDS)
@example(
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"ff\r\n" + b"x" * 255 + b"\r\n" * 3,
    [],
    ConnectionDone(),
)
@example(b"HTTP/1.1 100 Continue\r\n\r\n", [], ConnectionDone())
def test_one_exchange(stream: bytes, cuts: list[int], end: Exception) -> None:
    """One exchange has one outcome, and then the loss is told."""
    life = Life()
    life.ask()
    bounds = [0, *sorted(cut for cut in cuts if cut <= len(stream)), len(stream)]
    with nothing_logged():
        life.hear([stream[a:b] for a, b in itertools.pairwise(bounds) if a < b], end)
        check(life, 1)


@settings(max_examples=200)
@given(st.lists(STREAMS, max_size=5), ENDS)
def test_exchange_after_exchange(streams: list[bytes], end: Exception) -> None:
    """The same with the next exchange begun from within the callback of the one before, as long as one may begin."""
    life = Life()
    begun = 0

    def ask_again() -> None:
        nonlocal begun
        if life.connection.idle and begun < 5:
            begun += 1
            life.connection.exchange(Envelope()).addBoth(ended)

    def ended(outcome: Any) -> None:
        life.outcomes.append(outcome)
        ask_again()

    ask_again()
    with nothing_logged():
        life.hear([stream for stream in streams if stream], end)
        check(life, begun)


def test_every_cut_of_a_good_answer() -> None:
    """A good answer cut off at any byte is a failure, whole it is an answer, whichever way the connection ends."""
    answers = [
        http(b"body"),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        b"HTTP/1.1 102 Processing\r\n\r\n" + http(b"body"),
    ]
    for answer in answers:
        for end in (ConnectionDone(), ConnectionLost()):
            for cut in range(len(answer) + 1):
                life = Life()
                life.ask()
                life.hear([answer[:cut]] if cut else [], end)
                check(life, 1)
                assert isinstance(life.outcomes[0], HttpAnswer) == (cut == len(answer)), answer[:cut]


def server_flight() -> bytes:
    """What a TLS server says first, on a connection that nobody waits for."""
    client = SSL.Connection(SSL.Context(SSL.TLS_METHOD), None)
    client.set_connect_state()
    server = SSL.Connection(server_context(issue("ce1", "192.0.2.1")), None)
    server.set_accept_state()
    with suppress(SSL.WantReadError):
        client.do_handshake()
    server.bio_write(client.bio_read(65536))
    with suppress(SSL.WantReadError):
        server.do_handshake()
    return server.bio_read(65536)


FLIGHT = server_flight()
TLS_STREAMS = st.one_of(
    st.binary(min_size=1, max_size=200),
    st.integers(1, len(FLIGHT)).map(lambda cut: FLIGHT[:cut]),
    st.tuples(st.integers(0, 200), st.binary(min_size=1, max_size=5)).map(
        lambda change: FLIGHT[: change[0]] + change[1] + FLIGHT[change[0] + len(change[1]) :]
    ),
    st.sampled_from([b"\x15\x03\x03\x00\x02\x02" + bytes([alert]) for alert in range(120)]),
)


@given(TLS_STREAMS, st.booleans())
def test_any_bytes_instead_of_a_handshake(stream: bytes, whole: bool) -> None:
    """Whatever comes instead of a TLS handshake, the attempt fails in its TLS step, in one line, and is over."""
    clock: Any = MemoryReactorClock()
    record = Record()
    outcomes: list[Any] = []
    dial(clock, "https://192.0.2.1/x", record).addBoth(outcomes.append)
    protocol = clock.tcpClients[0][2].buildProtocol(None)
    transport = MemoryTransport()
    with nothing_logged():
        protocol.makeConnection(transport)
        for read in [stream] if whole else [stream[:1], stream[1:]]:
            if read and not transport.disconnecting:
                protocol.dataReceived(read)
        protocol.connectionLost(Failure(ConnectionLost()))
    assert len(outcomes) == 1
    failed = outcomes[0].value
    assert isinstance(failed, DialFailed)
    assert failed.step == "tls"
    assert failed.reason.startswith("192.0.2.1:443")
    assert failed.reason.isprintable()
    assert record.events == []
    assert clock.getDelayedCalls() == []
