"""The head of an HTTP answer, measured before it is parsed: what a peer may send until its body begins."""

from __future__ import annotations

import re

from attrs import frozen

_END_OF_HEAD = re.compile(rb"\n\r?\n")

_KEPT = 2
"""Bytes kept from one read to the next: one less than the longest end of a head has."""

_TLS_RECORD = (b"\x15\x03", b"\x16\x03")
"""How an alert or a handshake of TLS begins (RFC 8446, 5.1)."""


@frozen
class Limits:
    """What an answer may cost.

    Attributes:
        head_bytes: of status line and headers, those of interim (1xx) answers included. twisted.web cuts single lines
            at 16 KiB.
        head_lines: likewise; each costs about 2 µs, and a read of 64 KiB could hold 30,000.
        interim_answers: per exchange; nothing here asks for one.
        body_bytes: the report of 5,000 channels has about 1 MiB; 16 times that is no answer of the contract.
        body_pieces: chunks; each costs about 2 µs, so that one read of tiny ones would hold up everything else.
        bytes_a_piece: on the average, of a body with more pieces than ``body_pieces``.
    """

    head_bytes: int = 64 * 1024
    head_lines: int = 256
    interim_answers: int = 8
    body_bytes: int = 16 * 1024 * 1024
    body_pieces: int = 2048
    bytes_a_piece: int = 64


class HeadRefused(Exception):  # noqa: N818 - it names an outcome, not a bug
    """What the peer sent is no head of an answer, or too much; the text goes after the peer's name."""


class AnswerHead:
    """Follows the bytes of one exchange's heads: any number of interim answers' and that of the answer itself."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._bytes = 0
        self._lines = 0
        self._heads = 0
        self._at_start = True
        self._tail = b""

    def measure(self, data: bytes) -> int:
        """How many of the bytes belong to the head that is under way; what follows is another head, or a body.

        A read could hold thousands of interim answers, so they have to be parsed one by one and counted.

        Args:
            data: at least one byte.

        Raises:
            HeadRefused: these bytes should not be parsed at all.
        """
        if self._at_start:
            self._begin(data)
        end = _END_OF_HEAD.search(self._tail + data)
        if end is None:
            length = len(data)
            self._tail = (self._tail + data)[-_KEPT:]
        else:
            length = end.end() - len(self._tail)
            self._tail = b""
            self._at_start = True
            self._heads += 1
        self._bytes += length
        self._lines += data.count(b"\n", 0, length)
        if self._bytes > self._limits.head_bytes or self._lines > self._limits.head_lines:
            raise HeadRefused(
                f"sent too long a header (over {self._limits.head_bytes} bytes or {self._limits.head_lines} lines)"
            )
        return length

    def _begin(self, data: bytes) -> None:
        """Refuse at the first bytes what is no HTTP, instead of waiting for a line end that may never come."""
        self._at_start = False
        if self._heads > self._limits.interim_answers:
            raise HeadRefused("sends interim (1xx) answers without end")
        if data[:2] in _TLS_RECORD:
            raise HeadRefused("speaks TLS, but the URL says http")
        if not b"HTTP/".startswith(data[:5]):
            raise HeadRefused(f"answers with something that is not HTTP ({excerpt(data)})")


def excerpt(text: bytes | str) -> str:
    """The beginning of what a peer sent, fit for one line of a log."""
    shown = text[:40]
    return repr(shown.decode("latin-1") if isinstance(shown, bytes) else shown)
