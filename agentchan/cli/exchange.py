"""One HTTP request over a Unix socket, and its answer.

The standard library's client would do, but to import it takes a quarter of the time that ``agentchan status`` may take.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

_LONGEST_LINE = 64 * 1024
_MOST_HEADERS = 100
_PIECE = 64 * 1024


class BrokenAnswerError(Exception):
    """What came is no whole HTTP answer; the text says why."""


def connect(path: Path, patience: float) -> Exchange:
    """Connect to a socket.

    Args:
        path: of the socket.
        patience: seconds that each step may take.

    Raises:
        OSError: nobody listens there, or not for this user.
    """
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(patience)
        connection.connect(str(path))
    except OSError:
        connection.close()
        raise
    return Exchange(connection)


class Exchange:
    """One request and its answer; to be used as a context, which closes the connection.

    Attributes:
        status: the HTTP status, once it is there.

    Args:
        connection: connected.
    """

    def __init__(self, connection: socket.socket) -> None:
        self.status = 0
        self._socket = connection
        self._file = connection.makefile("rb")
        self._is_chunked = False
        self._length: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._socket.close()

    def ask(self, method: str, target: str, body: bytes | None, headers: dict[str, str]) -> None:
        """Send the request, and read the head of its answer.

        Raises:
            OSError: the connection is lost, or nothing came in time.
            BrokenAnswerError: what came is no HTTP.
        """
        lines = [f"{method} {target} HTTP/1.1", "Host: localhost", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        # A daemon that is busy or stopping may have answered without reading.
        with suppress(BrokenPipeError):
            self._socket.sendall("\r\n".join([*lines, "", ""]).encode() + (body or b""))
        words = self._line().split(b" ", 2)
        if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit():  # noqa: PLR2004  version, status
            raise BrokenAnswerError("what it answers is not HTTP")
        self.status = int(words[1])
        for _ in range(_MOST_HEADERS):
            line = self._line()
            if not line:
                return
            name, _, value = line.partition(b":")
            if name.lower() == b"transfer-encoding":
                self._is_chunked = value.strip().lower() == b"chunked"
            elif name.lower() == b"content-length" and value.strip().isdigit():
                self._length = int(value)
        raise BrokenAnswerError("its answer has too many headers")

    def wait_longer(self, patience: float) -> None:
        """Let each further step take so many seconds."""
        self._socket.settimeout(patience)

    def body(self, largest: int) -> bytes:
        """The whole body.

        Raises:
            OSError: the connection is lost, or nothing came in time.
            BrokenAnswerError: it ended early, or is larger.
        """
        pieces, size = [], 0
        for piece in self._pieces():
            size += len(piece)
            if size > largest:
                raise BrokenAnswerError(f"its answer has more than {largest} bytes")
            pieces.append(piece)
        return b"".join(pieces)

    def lines(self) -> Iterator[bytes]:
        """The lines of the body as they come, until it ends; raises as :meth:`body`."""
        rest = b""
        for piece in self._pieces():
            *whole, rest = (rest + piece).split(b"\n")
            if len(rest) > _LONGEST_LINE:
                raise BrokenAnswerError("a line of its answer is too long")
            yield from whole

    def _pieces(self) -> Iterator[bytes]:
        if not self._is_chunked:
            left = self._length
            while left is None or left > 0:
                piece = self._file.read1(_PIECE if left is None else min(_PIECE, left))
                if not piece and left is None:
                    return
                if not piece:
                    raise BrokenAnswerError("its answer ended early")
                left = None if left is None else left - len(piece)
                yield piece
            return
        while True:
            try:
                size = int(self._line().partition(b";")[0], 16)
            except ValueError:
                raise BrokenAnswerError("its answer is cut into pieces wrongly") from None
            if size <= 0:
                return
            piece = self._file.read(size)
            if len(piece) < size or self._line():
                raise BrokenAnswerError("its answer ended early")
            yield piece

    def _line(self) -> bytes:
        line = self._file.readline(_LONGEST_LINE)
        if not line.endswith(b"\n"):
            raise BrokenAnswerError("its answer ended early" if line or self.status else "it ended without an answer")
        return line.rstrip(b"\r\n")
