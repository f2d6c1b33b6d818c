"""One request, a POST or a GET, and its answer, as twisted.web's HTTP/1.1 client wants and gives them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Protocol

from attrs import frozen
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import ITransport
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web._newclient import HTTP11ClientProtocol
from twisted.web.http_headers import Headers
from twisted.web.iweb import IClientRequest, IResponse
from zope.interface import implementer

from agentchan import __version__
from agentchan.ce.answer_head import Limits
from agentchan.ce.service_url import ServiceUrl

_LINE_ENDS = (b"\r", b"\n")
_BETWEEN_TOKENS = re.compile(rb"[\s,]+")


class Message(Protocol):
    """What is posted: the codec's Message, or anything of its shape."""

    @property
    def body(self) -> bytes:
        """The envelope."""

    @property
    def headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """Content-Type, SOAPAction and the like; Host, Content-Length and User-Agent are the connection's."""

    @property
    def duty(self) -> str:
        """The profile's duty that it serves, as exchanges are measured by it; empty: it serves none."""


@frozen
class HttpAnswer:
    """A complete answer: whatever was said about its length, it was all received.

    Attributes:
        status: 200 to 599.
        content_type: as the server wrote it, None without one.
    """

    status: int
    content_type: str | None
    body: bytes


def request_head(method: str, url: ServiceUrl) -> bytes:
    """The part of every such request to a URL that stays the same."""
    return (
        f"{method} {url.target} HTTP/1.1\r\nHost: {url.authority}\r\nUser-Agent: agentchan/{__version__}\r\n"
    ).encode("ascii")


@implementer(IClientRequest)
class _Request:
    """A request that the connection sends in one piece.

    It takes the place of twisted.web's own, which makes a producer of each body, and has what the reading of an answer
    needs.

    Attributes:
        octets: all of it.
    """

    method: bytes
    absoluteURI = None  # noqa: N815 - Twisted's name
    persistent = True
    headers = Headers()

    def __init__(self, octets: bytes) -> None:
        self.octets = octets

    def writeTo(self, _transport: ITransport) -> Deferred[None]:  # noqa: N802 - twisted.web's name
        """It was sent before."""
        return succeed(None)

    def stopWriting(self) -> None:  # noqa: N802 - twisted.web's name
        """Nothing is ever left to write."""


class Post(_Request):
    """A message that is posted.

    Raises:
        ValueError: a header holds a line end.
    """

    method = b"POST"

    def __init__(self, head: bytes, message: Message) -> None:
        lines = [head]
        for name, value in message.headers:
            if any(end in name or end in value for end in _LINE_ENDS):
                raise ValueError(f"the header {name!r} holds a line end")
            lines.append(b"%b: %b\r\n" % (name, value))
        lines.append(b"Content-Length: %d\r\n\r\n" % len(message.body))
        lines.append(message.body)
        super().__init__(b"".join(lines))


class Get(_Request):
    """What is at a URL, asked for."""

    method = b"GET"

    def __init__(self, url: ServiceUrl) -> None:
        super().__init__(request_head("GET", url) + b"\r\n")


def too_long(limits: Limits) -> str:
    """What is said of a peer whose answer's body is longer than allowed."""
    return f"sent an answer of more than {limits.body_bytes} bytes"


class AnswerBody(TwistedProtocol):
    """Collects the body of an answer.

    Args:
        limits: what it may cost; after they are exceeded all that comes is thrown away.
        on_refused: called once, with words to go after the peer's name, when they are.
        on_end: called once, with what has been received and how it ended: ResponseDone, PotentialDataLoss for a body
            that ends with the connection, ResponseFailed.
    """

    def __init__(
        self, limits: Limits, on_refused: Callable[[str], None], on_end: Callable[[bytes, Failure], None]
    ) -> None:
        self._limits = limits
        self._body = bytearray()
        self._pieces = 0
        self._refused = False
        self._on_refused = on_refused
        self._on_end = on_end

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """A part of the body, without the transfer coding."""
        if self._refused:
            return
        self._body += data
        self._pieces += 1
        if len(self._body) > self._limits.body_bytes:
            self._refuse(too_long(self._limits))
        elif self._pieces > self._limits.body_pieces + len(self._body) // self._limits.bytes_a_piece:
            self._refuse("sends its answer in too small pieces")

    def _refuse(self, why: str) -> None:
        self._refused = True
        self._body.clear()
        self._on_refused(why)

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802 - Twisted's name
        """The body has ended, or what carried it."""
        self._on_end(bytes(self._body), reason)


class Outlet:
    """What twisted.web's client has for a transport: it only reads, the rest is the connection's to decide.

    Its pauses are pointless, since the body's receiver is there as soon as the head is; two system calls an answer
    are spared.

    Args:
        on_give_up: called when the client wants no more of the connection.
    """

    def __init__(self, on_give_up: Callable[[], None]) -> None:
        self.loseConnection = on_give_up
        self.abortConnection = on_give_up

    def pauseProducing(self) -> None:  # noqa: N802 - Twisted's name
        """Nothing: see above."""

    def resumeProducing(self) -> None:  # noqa: N802 - Twisted's name
        """Nothing: see above."""


def closes(connection: bytes, *, old: bool) -> bool:
    """Whether the server closes the connection after its answer (RFC 9112, 9.3).

    Args:
        connection: the header of that name; empty if there is none.
        old: whether the answer's version is below HTTP/1.1.
    """
    tokens = _BETWEEN_TOKENS.split(connection.lower())
    return b"close" in tokens or (old and b"keep-alive" not in tokens)


class HttpClient(HTTP11ClientProtocol):
    """twisted.web's client: reads an answer, and tells what it otherwise keeps to itself about the end of it.

    Args:
        on_answer_end: called with (whether the server will close, the bytes that followed the answer) when an answer
            has ended, before its body's receiver hears of it.
    """

    def __init__(self, on_answer_end: Callable[[bool, bytes], None]) -> None:
        super().__init__()
        self._on_answer_end = on_answer_end

    def sent(self, request: Post | Get) -> Deferred[IResponse]:
        """Read the answer to a request that was sent; of twisted.web's own Request no more is used than these have."""
        answer: Deferred[IResponse] = self.request(request)  # type: ignore[arg-type]
        return answer

    def _finishResponse(self, rest: bytes) -> None:  # noqa: N802 - twisted.web's name
        parser: Any = self._parser
        if parser is not None:
            connection = b",".join(parser.connHeaders.getRawHeaders(b"connection", ()))
            self._on_answer_end(closes(connection, old=parser.response.version < (b"HTTP", 1, 1)), rest)
        super()._finishResponse(rest)
