"""SIP: a message as an answer, as the begin of a stream, and as a URI."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from agentchan.sip.errors import MalformedMessage, UnusableUri
from agentchan.sip.framing import Frames
from agentchan.sip.message import read_answer
from agentchan.sip.uri import SipUri, gateway_uri, is_tel
from tests.fuzz.target import Target, tried

_PIECES = (
    *(b"\r\n", b"\r\n ", b" ", b";", b";a=b", b",", b":", b'"', b"\\", b"[", b"%00", b"="),
    *(b"\xff", b"a-", b"a.", b"v:"),
)


def _works(data: bytes) -> Iterator[Callable[[], object]]:
    def first_of_stream() -> bytes | None:
        frames = Frames()
        frames.feed(data)
        return frames.next()

    def uri() -> SipUri:
        text = data.decode("latin-1")
        return gateway_uri(text, "sip:{number}@gw.example.com") if is_tel(text) else SipUri.parse(text)

    for work in (lambda: read_answer(data), first_of_stream, uri):
        yield tried(work, MalformedMessage, UnusableUri)


TARGET = Target("sip_messages", _works, _PIECES)
