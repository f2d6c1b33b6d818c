"""What a CE host sends on a connection, whole and byte by byte: one outcome, the same one, and then one end."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from agentchan.ce.errors import ExchangeFailed
from agentchan.ce.http_post import HttpAnswer
from agentchan.ce.tls import TlsSettings
from tests.ce.test_any_bytes import Life, check, nothing_logged
from tests.fuzz.target import Target

_PIECES = (
    *(
        b"\r\n",
        b"\n",
        b"\r",
        b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.0 ",
        b"HTTP/1.1 100 \r\n\r\n",
        b":",
        b" ",
        b"\t",
    ),
    *(
        b"Content-Length: 3\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Connection: close\r\n",
        b"0\r\n\r\n",
        b"3\r\nabc\r\n",
    ),
    *(
        b",",
        b";",
        b"\0",
        b"\xff",
        b"+3",
        b"0x3",
        b"gzip",
        b"identity",
        b"upgrade",
        b"204",
        b"304",
        b"-1",
        b"ffffffffff",
    ),
)


def _works(data: bytes) -> Iterator[Callable[[], object]]:
    whole, pieces = Life(tls=_TLS), Life(tls=_TLS)
    with nothing_logged():
        for life in (whole, pieces):
            life.ask()
        if data:
            yield lambda: _hear(whole, data)
        for place in range(len(data)):
            yield lambda place=place: _hear(pieces, data[place : place + 1])  # type: ignore[misc]  # the place of now
        for life in (whole, pieces):
            life.hear([], ConnectionDone())
            check(life, 1)
    one, other = _comes_to(whole.outcomes[0]), _comes_to(pieces.outcomes[0])
    yield lambda: one
    # Why it is none may differ, since something is found wrong sooner; and a body byte by byte is refused for that.
    assert one == other or "200" not in (one[:3], other[:3]) or "too small pieces" in other


def _hear(life: Life, read: bytes) -> None:
    if not life.transport.aborting:
        life.wire.dataReceived(read)


def _comes_to(outcome: HttpAnswer | Failure) -> str:
    if isinstance(outcome, Failure):
        error = outcome.value
        assert isinstance(error, ExchangeFailed)
        return error.reason
    return f"{outcome.status} {outcome.content_type} {outcome.body!r}"


_TLS = TlsSettings.from_files()
"""Read once: the system's store has hundreds of certificates."""

TARGET = Target("http_answers", _works, _PIECES, largest=4096)
