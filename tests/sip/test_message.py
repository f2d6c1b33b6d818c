"""Requests and answers, well-formed and not."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agentchan.sip.errors import MalformedMessage
from agentchan.sip.framing import Frames
from agentchan.sip.message import Answer, read_answer
from tests.sip.samples import ANSWER, REQUEST

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
        (b"Server:", b"CSeq: 2 OPTIONS\r\nServer:", "several"),
        (b"Via:", b"Other:", "0 Via"),
        (b"Server:", b"Via: SIP/2.0/UDP 192.0.2.1\r\nServer:", "2 Via"),
        (b"CSeq: 1 OPTIONS", b"CSeq: one OPTIONS", "malformed headers"),
        (b";rport=40000", b";self=1", "malformed headers"),
        (b"Server: some", b"Via: " + b"a" * 3000 + b"\r\nServer: some", "3005 bytes"),
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


MUTATED = st.tuples(
    st.lists(
        st.tuples(st.integers(0, len(ANSWER)), st.integers(0, 20), st.binary(max_size=20) | st.sampled_from(
            [b"\r\n", b"\r\n ", b";", b",", b":", b'"', b"\\", b"[", b"%00", b"=", b"\xff", b"9" * 5000, b";a=b" * 400]
        )),
        max_size=8,
    )
).map(lambda drawn: _mutate(drawn[0]))  # fmt: skip


def _mutate(changes: list[tuple[int, int, bytes]]) -> bytes:
    data = ANSWER
    for place, length, put in changes:
        data = data[:place] + put + data[place + length :]
    return data


@given(st.binary(max_size=2000) | MUTATED)
@example(b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a;self=b\r\n\r\n")
def test_any_bytes(data: bytes) -> None:
    """Any bytes are an answer or our own error."""
    try:
        answer = read_answer(data)
    except MalformedMessage as error:
        assert "\n" not in str(error)
    else:
        assert 100 <= answer.code <= 699
        assert answer.phrase.isprintable()


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
        got += frames.feed(stream[:cut])
        stream = stream[cut:]
    assert got == [piece for piece in pieces if piece.strip()]


@given(st.lists(st.binary(min_size=1, max_size=200) | MUTATED, max_size=10))
def test_any_stream(pieces: list[bytes]) -> None:
    """Any stream is messages or our own error."""
    frames = Frames()
    try:
        for piece in pieces:
            frames.feed(piece)
    except MalformedMessage:
        return


@pytest.mark.parametrize("stream", [b"x" * 17000, ANSWER.replace(b"Length: 0", b"Length: 20000"), b"a\r\n\r\n" * 100])
def test_too_much(stream: bytes) -> None:
    """A stream that would cost too much is given up."""
    with pytest.raises(MalformedMessage):
        Frames().feed(stream)
