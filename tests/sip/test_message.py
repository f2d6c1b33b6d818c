"""Requests and answers, well-formed and not."""

from __future__ import annotations

from itertools import islice
from typing import Any

import pytest
from attrs import evolve
from hypothesis import example, given
from hypothesis import strategies as st

from agentchan.sip.errors import MalformedMessage
from agentchan.sip.flow import MESSAGES_IN_A_TURN
from agentchan.sip.framing import Frames
from agentchan.sip.message import LARGEST_MESSAGE, Answer, read_answer
from agentchan.sip.uri import SipUri
from tests.sip.samples import ANSWER, REQUEST
from tests.sip.timing import quick

READ = Answer(200, "OK", REQUEST.branch, REQUEST.sent_by, REQUEST.call_id, 1, "OPTIONS")


def test_request() -> None:
    """A request has all that RFC 3261, 8.1.1 wants, and the URI as it was written."""
    assert REQUEST.encode() == (
        b"OPTIONS sip:a%40b@sip1.example.com;user=phone SIP/2.0\r\n"
        b"Via: SIP/2.0/UDP 192.0.2.9:40000;branch=z9hG4bK0123456789abcdef;rport\r\n"
        b"Max-Forwards: 70\r\n"
        b"From: <sip:agentchan@192.0.2.9:40000>;tag=00112233\r\n"
        b"To: <sip:a%40b@sip1.example.com;user=phone>\r\n"
        b"Call-ID: fedcba9876543210\r\n"
        b"CSeq: 1 OPTIONS\r\n"
        b"Contact: <sip:agentchan@192.0.2.9:40000>\r\n"
        b"Accept: application/sdp\r\n"
        b"User-Agent: agentchan\r\n"
        b"Content-Length: 0\r\n"
        b"\r\n"
    )


@pytest.mark.parametrize(
    ("uri", "transport", "contact"),
    [
        ("sip:a@example.com", "tcp", b"<sip:agentchan@192.0.2.9:40000;transport=tcp>"),
        ("sip:a@example.com;transport=tls", "tls", b"<sip:agentchan@192.0.2.9:40000;transport=tls>"),
        ("sips:a@example.com", "tls", b"<sips:agentchan@192.0.2.9:40000>"),
    ],
)
def test_contact(uri: str, transport: Any, contact: bytes) -> None:
    """Who is asked by sips gets a sips Contact (RFC 3261, 8.1.1.8)."""
    request = evolve(REQUEST, uri=SipUri.parse(uri), transport=transport).encode()
    assert b"\r\nContact: %s\r\n" % contact in request


def test_longest_request() -> None:
    """The longest URI makes a request that fits into 1300 bytes (RFC 3261, 18.1.1)."""
    uri = SipUri.parse("sip:" + "a" * 384 + "@example.com")
    sent_by = "[2001:db8:1111:2222:3333:4444:5555:6666]:40000"
    assert len(evolve(REQUEST, uri=uri, sent_by=sent_by).encode()) <= 1300


def test_answer() -> None:
    """An answer is read, and is one to its request."""
    assert read_answer(ANSWER) == READ
    assert read_answer(ANSWER).mismatch(REQUEST) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Via:", b"v :"),
        (b"Call-ID:", b"i:\t"),
        (b"CSeq: 1 OPTIONS", b"CSeq: 1\r\n   OPTIONS"),
        (b"SIP/2.0/UDP 192", b"SIP / 2.0 / UDP   192"),
        (b";received=192.0.2.9", b";received=2001:db8::1"),
        (b";received=192.0.2.9", b";received=[2001:db8::1]"),
        (b"Server: some", b"Server: \xff\x00 some"),
        (b"branch=", b"Branch="),
        (b"\r\n\r\n", b"\r\n\r\nand a body \r\n\r\n"),
    ],
)
def test_other_ways_to_write_it(old: bytes, new: bytes) -> None:
    """Compact names, blanks, folded lines, odd bytes elsewhere: all is the same answer (RFC 3261, 7.3.1)."""
    assert old in ANSWER
    assert read_answer(ANSWER.replace(old, new)) == READ


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        (b"SIP/2.0 200", b"SIP/2.0 099", "status line"),
        (b"SIP/2.0 200", b"SIP/2.0 700", "status line"),
        (b"SIP/2.0 200", b"SIP/3.0 200", "status line"),
        (b"SIP/2.0 200 OK", b"OPTIONS sip:a@b SIP/2.0", "a request"),
        (b"\r\n\r\n", b"\r\n", "empty line"),
        (b"Server: some SIP thing (1.0)", b"no header here", "no header"),
        (b"Call-ID:", b"Other:", "without Call-ID"),
        (b"CSeq:", b"Other:", "without CSeq"),
        (b"Server:", b"CSeq: 2 OPTIONS\r\nServer:", "several CSeq"),
        (b"Server:", b"i: other\r\nServer:", "several Call-ID"),
        (b"Via:", b"Other:", "without Via"),
        (b"Server:", b"v: SIP/2.0/UDP 192.0.2.1\r\nServer:", "several Via"),
        (b";received=192.0.2.9", b", SIP/2.0/UDP 192.0.2.1", "2 Via"),
        (b"CSeq: 1 OPTIONS", b"CSeq: one OPTIONS", "malformed headers"),
        (b";rport=40000", b";self=1", "malformed headers"),
        (b"Via: ", b"Via: " + b"a" * 3000, "a header line of 30[0-9]{2} bytes"),
        (b"Server: some", b"Server: x\r\n" * 300 + b"Server: some", "header lines"),
        (b"\r\n\r\n", b"\r\n\r\n" + b"x" * 20000, "bytes"),
    ],
)
def test_malformed(old: bytes, new: bytes, what: str) -> None:
    """What is no answer is told by our own error."""
    assert old in ANSWER
    with pytest.raises(MalformedMessage, match=what):
        read_answer(ANSWER.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        (b"CSeq: 1 OPTIONS", b"CSeq: 2 OPTIONS", "CSeq"),
        (b"CSeq: 1 OPTIONS", b"CSeq: 1 INVITE", "CSeq"),
        (b"UDP 192.0.2.9:40000", b"UDP 192.0.2.8:40000", "Via"),
        (b"UDP 192.0.2.9:40000", b"UDP 192.0.2.9", "Via"),
        (b"fedcba", b"fedcbb", "Call-ID"),
    ],
)
def test_somebody_elses(old: bytes, new: bytes, what: str) -> None:
    """An answer that only has the right branch is none."""
    assert what in (read_answer(ANSWER.replace(old, new)).mismatch(REQUEST) or "")


PIECES = st.binary(max_size=20) | st.sampled_from(
    [
        *(b"\r\n", b"\r\n ", b" ", b"\t", b"\xff", b"\\", b'"', b"%00", b"%41", b":", b"/", b" / ", b"="),
        *(b";", b";a=b", b";a=", b';a="', b",", b",SIP/2.0/UDP a", b"[", b"1:", b"9", b"a-", b"-", b".", b"a."),
        *(b"v:", b"a:\r\n", b"Via: SIP/2.0/UDP a\r\n"),
    ]
)
CHANGES = st.tuples(st.integers(0, len(ANSWER)), st.integers(0, 20), PIECES, st.sampled_from([1, 2, 50, 2000, 16384]))
MUTATED = st.lists(CHANGES, max_size=6).map(lambda changes: _mutate(changes)[: LARGEST_MESSAGE + 10])


def _mutate(changes: list[tuple[int, int, bytes, int]]) -> bytes:
    """The answer, with pieces put in so many times, in the place of so many bytes."""
    data = ANSWER
    for place, length, piece, times in changes:
        data = data[:place] + piece * times + data[place + length :]
    return data


def read(data: bytes) -> Answer | MalformedMessage:
    """An answer, or our own error."""
    try:
        return read_answer(data)
    except MalformedMessage as error:
        return error


@given(st.binary(max_size=2000) | MUTATED)
@example(b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a;self=b\r\n\r\n")
@example(ANSWER.replace(b"Server: ", b"Server: " + b" " * 15000))
@example(ANSWER.replace(b";rport=40000", b";a=b" * 450))
@example(ANSWER.replace(b"192.0.2.9:40000", b"a-" * 900))
@example(ANSWER.replace(b"Server:", (b"Via: SIP/2.0/UDP 192.0.2.1" + b";a=b" * 480 + b"\r\n") * 7 + b"Server:"))
@example(ANSWER.replace(b"Server:", b"a:\r\n" * 5000))
def test_any_bytes(data: bytes) -> None:
    """Any bytes are an answer or our own error, and cost less than 10 ms."""
    what = read(data)
    if isinstance(what, Answer):
        assert 100 <= what.code <= 699
        assert what.phrase.isprintable()
    else:
        assert "\n" not in str(what)
    assert quick(lambda: read(data))


@given(
    st.lists(
        st.sampled_from([ANSWER, b"\r\n\r\n", ANSWER.replace(b"Length: 0\r\n\r\n", b"Length: 3\r\n\r\nabc")]),
        max_size=6,
    ),
    st.data(),
)
def test_frames(pieces: list[bytes], data: st.DataObject) -> None:
    """A stream is cut into the same messages, wherever the network has cut it."""
    stream, frames, got = b"".join(pieces), Frames(), []
    while stream:
        cut = data.draw(st.integers(1, len(stream)))
        frames.feed(stream[:cut])
        got += iter(frames.next, None)
        stream = stream[cut:]
    assert got == [piece for piece in pieces if piece.strip()]


def cut(pieces: list[bytes]) -> list[bytes] | MalformedMessage:
    """The messages of a stream, or our own error."""
    frames, messages = Frames(), []
    try:
        for piece in pieces:
            frames.feed(piece)
            messages += iter(frames.next, None)
    except MalformedMessage as error:
        return error
    return messages


def first_turn(stream: bytes) -> None:
    """What a flow does with what has come, in the first turn of the reactor."""
    frames = Frames()
    frames.feed(stream)
    try:
        for message in islice(iter(frames.next, None), MESSAGES_IN_A_TURN):
            read(message)
    except MalformedMessage:
        return


@given(st.lists(st.binary(min_size=1, max_size=200) | MUTATED, max_size=10))
def test_any_stream(pieces: list[bytes]) -> None:
    """Any stream is messages or our own error."""
    cut(pieces)


@pytest.mark.parametrize(
    "stream",
    [
        b"\r\n" * 30000,
        b"a\r\n\r\n" * 10000,
        b"l" + b" " * 16000,
        b"l: 1\r\n" * 2000 + b"\r\n",
        ANSWER.replace(b";rport=40000", b";a=b" * 95) * 80,
        ANSWER.replace(b"Server:", b"a:\r\n" * 190 + b"Server:") * 80,
        ANSWER.replace(b"Length: 0", b"Length: 15000") + b"x" * 60000,
    ],
)
def test_what_one_read_may_bring(stream: bytes) -> None:
    """Whatever comes in one read costs less than 10 ms in one turn of the reactor."""
    assert quick(lambda: first_turn(stream[:65536]))


@pytest.mark.parametrize("stream", [b"x" * 17000, ANSWER.replace(b"Length: 0", b"Length: 20000")])
def test_too_much(stream: bytes) -> None:
    """A stream that would cost too much is given up."""
    assert isinstance(cut([stream]), MalformedMessage)
