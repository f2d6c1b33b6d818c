"""A stand-in for the daemon: says what it is told to say, well-formed or not, and remembers what it was asked."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import define, field, frozen


@frozen
class Asked:
    """One request as it came."""

    method: str
    target: str
    headers: dict[str, str]
    body: Any


Answer = Callable[[Asked], bytes]


def json_answer(value: Any, status: int = 200) -> bytes:
    """A whole answer."""
    body = json.dumps(value).encode()
    return b"HTTP/1.1 %d Whatever\r\nContent-Length: %d\r\n\r\n" % (status, len(body)) + body


def refusal(code: str, message: str, status: int, **more: Any) -> bytes:
    """An error."""
    return json_answer({"error": {"code": code, "message": message}, **more}, status)


@define
class Stub:
    """The stand-in.

    Attributes:
        path: of its socket.
        answers: what it says, one after another; the last again and again. A callable is asked.
        asked: the requests that came.
    """

    path: Path
    answers: list[Any] = field(factory=list)
    asked: list[Asked] = field(factory=list)

    def say(self, *answers: Any) -> Stub:
        """Set the answers: bytes as they are, anything else as JSON."""
        self.answers = list(answers)
        return self

    def serve(self, listener: socket.socket) -> None:
        """Answer until the listener is closed."""
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                self._serve_one(connection)

    def _serve_one(self, connection: socket.socket) -> None:
        with connection.makefile("rb") as file:
            head = []
            while (line := file.readline().rstrip(b"\r\n")) != b"":
                head.append(line.decode())
            if not head:
                return
            headers = dict(line.lower().split(": ", 1) for line in head[1:])
            data = file.read(int(headers.get("content-length", "0")))
            method, target, _ = head[0].split(" ")
            asked = Asked(method, target, headers, json.loads(data) if data else None)
            self.asked.append(asked)
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            answer = answer(asked) if callable(answer) else answer
            connection.sendall(answer if isinstance(answer, bytes) else json_answer(answer))


@contextmanager
def stub(path: Path) -> Iterator[Stub]:
    """A stand-in that listens."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        found = Stub(path)
        thread = threading.Thread(target=found.serve, args=(listener,))
        thread.start()
        try:
            yield found
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
