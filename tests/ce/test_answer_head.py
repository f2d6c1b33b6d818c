"""What may come before a body, byte by byte."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentchan.ce.answer_head import AnswerHead, HeadRefused, Limits, excerpt

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"


@given(st.sets(st.integers(1, len(HEAD) + 8)), st.sampled_from([b"\r\n", b"\n"]))
def test_measures_exactly_the_head(cuts: set[int], line_end: bytes) -> None:
    """However a head and what follows it are cut into reads, the head's bytes alone are counted as such."""
    head = HEAD.replace(b"\r\n", line_end)
    octets = head + b"\n\r\n\n\n\r\n"
    measured = AnswerHead(Limits())
    counted = 0
    for start, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(octets)], strict=True):
        read = octets[start:end]
        if not read or counted == len(head):
            continue
        length = measured.measure(read)
        counted += length
        if length < len(read):
            break
    assert counted == len(head)


@pytest.mark.parametrize("octets", [b"S", b"HTP", b"HTTP 200", b"\r\n", b"\x00", b"http/1.1 200 OK"])
def test_other_protocols(octets: bytes) -> None:
    """What does not begin as HTTP is refused with its first bytes shown."""
    with pytest.raises(HeadRefused, match="not HTTP"):
        AnswerHead(Limits()).measure(octets)


@pytest.mark.parametrize("octets", [b"\x15\x03\x01", b"\x16\x03\x03\x00"])
def test_tls(octets: bytes) -> None:
    """A TLS server behind an http URL is recognized."""
    with pytest.raises(HeadRefused, match="speaks TLS, but the URL says http"):
        AnswerHead(Limits()).measure(octets)


def test_limits_hold_over_interim_answers() -> None:
    """Bytes and lines are counted over all heads of an exchange."""
    interim = b"HTTP/1.1 100 Continue\r\nA: b\r\n\r\n"
    for limits in (Limits(head_bytes=2 * len(interim)), Limits(head_lines=6)):
        head = AnswerHead(limits)
        assert head.measure(interim + interim) == len(interim)
        assert head.measure(interim) == len(interim)
        with pytest.raises(HeadRefused, match="too long a header"):
            head.measure(interim)


def test_interim_answers_are_counted() -> None:
    """As many as allowed, then the final one; another is refused."""
    interim = b"HTTP/1.1 103 Early Hints\r\n\r\n"
    head = AnswerHead(Limits(interim_answers=2))
    for _ in range(3):
        head.measure(interim)
    with pytest.raises(HeadRefused, match="without end"):
        head.measure(interim)


@given(st.one_of(st.binary(), st.text()))
def test_excerpt_is_one_short_line(text: bytes | str) -> None:
    """Whatever a peer sends, what is shown of it is printable, short, and on one line."""
    shown = excerpt(text)
    assert shown.isprintable()
    assert len(shown) < 500
