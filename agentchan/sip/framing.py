"""Cuts a TCP or TLS stream into SIP messages by their Content-Length (RFC 3261, 18.3)."""

from __future__ import annotations

import re

from agentchan.sip.errors import MalformedMessage
from agentchan.sip.message import LARGEST_MESSAGE

_LENGTH = re.compile(rb"^(?:content-length|l)[ \t]*:[ \t]*([0-9]{1,9})[ \t]*$", re.IGNORECASE | re.MULTILINE)
_END_OF_HEAD = b"\r\n\r\n"


class Frames:
    """The messages of one stream, as its bytes come."""

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> None:
        """More bytes have come; the messages have to be taken before the next ones do."""
        self._buffer += data

    def next(self) -> bytes | None:
        """The next message, None as long as it is not complete.

        Raises:
            MalformedMessage: the stream is of no use any more.
        """
        self._buffer = self._buffer.lstrip(b"\r\n")  # RFC 3261, 7.5; and keep-alives (RFC 5626, 4.4.1)
        length = self._length()
        if length is None or len(self._buffer) < length:
            return None
        message, self._buffer = self._buffer[:length], self._buffer[length:]
        return message

    def _length(self) -> int | None:
        """How many bytes the first message has; None while its head is not complete."""
        end = self._buffer.find(_END_OF_HEAD, 0, LARGEST_MESSAGE + len(_END_OF_HEAD))
        if end < 0:
            if len(self._buffer) > LARGEST_MESSAGE:
                raise MalformedMessage(f"a message head of more than {LARGEST_MESSAGE} bytes")
            return None
        declared = _LENGTH.search(self._buffer[:end].replace(b"\r\n", b"\n"))
        length = end + len(_END_OF_HEAD) + (int(declared[1]) if declared else 0)
        if length > LARGEST_MESSAGE:
            raise MalformedMessage(f"a message of {length} bytes")
        return length
