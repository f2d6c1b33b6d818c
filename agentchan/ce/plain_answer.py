"""The answer that a SOAP server gives nearly always, read at once: whole, in one read, and as long as it says.

Whatever is not exactly that (other versions, interim answers, transfer codings, an answer in pieces, anything odd in
its head) is left to twisted.web's client, which takes six times as long, and decides then what it means.
"""

from __future__ import annotations

import re

from attrs import frozen

from agentchan.ce.answer_head import Limits
from agentchan.ce.http_post import HttpAnswer, closes

_STATUS_LINE = re.compile(rb"HTTP/1\.1 ([2-5]\d\d)(?: [\t\x20-\x7e]*)?")
_HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?)?[ \t]*")
_LENGTH = re.compile(rb"\d{1,9}")
_WITHOUT_BODY = (b"204", b"304")
_ONCE = (b"content-length", b"content-type", b"connection")


@frozen
class PlainAnswer:
    """An answer, and what its head says of the connection.

    Attributes:
        closes: the server closes the connection after it.
    """

    answer: HttpAnswer
    closes: bool


def plain_answer(data: bytes, limits: Limits) -> PlainAnswer | None:
    """The answer that these bytes are, or None if they are not plainly one (RFC 9112, 6.3).

    Args:
        data: all that has come since the request.
        limits: what an answer may cost.
    """
    end = data.find(b"\r\n\r\n")
    if end < 0 or end > limits.head_bytes - 4:
        return None
    status_line, *lines = data[:end].split(b"\r\n")
    status = _STATUS_LINE.fullmatch(status_line)
    if status is None or status[1] in _WITHOUT_BODY or len(lines) > limits.head_lines - 2:
        return None
    found = _framing(lines)
    body = data[end + 4 :]
    length = found.get(b"content-length", b"") if found is not None else b""
    if found is None or not _LENGTH.fullmatch(length) or int(length) != len(body) or len(body) > limits.body_bytes:
        return None
    content_type = found.get(b"content-type")
    answer = HttpAnswer(int(status[1]), None if content_type is None else content_type.decode("ascii"), body)
    return PlainAnswer(answer, closes(found.get(b"connection", b""), old=False))


def _framing(lines: list[bytes]) -> dict[bytes, bytes] | None:
    """The headers that matter, by their names; None if one of them is odd, or there twice."""
    found: dict[bytes, bytes] = {}
    for line in lines:
        header = _HEADER.fullmatch(line)
        if header is None:
            return None
        name = header[1].lower()
        if name == b"transfer-encoding" or name in found:
            return None
        if name in _ONCE:
            found[name] = header[2] or b""
    return found
