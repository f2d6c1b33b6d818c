"""The daemon's two doors as clients see them: HTTP over its Unix socket or its TCP port, with no code of its own."""

from __future__ import annotations

import json
import re
import socket
import sqlite3
import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from itertools import count
from typing import Any

from attrs import define, field, frozen

from tests.end_to_end.daemons import RunningDaemon

PATIENCE = 30.0
_NUMBERS = count()
_LISTENING = re.compile(r"host=(\S+) port=(\d+) ")


@frozen
class Answer:
    """What a client got."""

    status: int
    body: bytes
    headers: dict[str, str]

    @property
    def json(self) -> Any:
        """The body."""
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The code of the error that it is."""
        found: str = self.json["error"]["code"]
        return found


class _Connection(HTTPConnection):
    """To a Unix socket, or by TLS without a look at the certificate."""

    def __init__(self, door: Door) -> None:
        super().__init__(door.host, door.port, timeout=PATIENCE)
        self._door = door

    def connect(self) -> None:
        """Connect."""
        door = self._door
        if door.path is not None:
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(PATIENCE)
            self.sock.connect(door.path)
            return
        super().connect()
        if door.tls:
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            self.sock = context.wrap_socket(self.sock)


@define(eq=False)
class Door:
    """One of the doors.

    Attributes:
        path: of the Unix socket; None: the TCP port.
    """

    path: str | None = None
    host: str = "localhost"
    port: int = 0
    tls: bool = False
    _number: int = field(factory=lambda: next(_NUMBERS), init=False)

    @classmethod
    def socket_of(cls, daemon: RunningDaemon) -> Door:
        """The Unix socket of a daemon."""
        return cls(path=str(daemon.socket))

    @classmethod
    def listen_of(cls, daemon: RunningDaemon, *, tls: bool = False) -> Door:
        """The TCP port of a daemon that was configured with ``listen = "127.0.0.1:0"``, as its newest run has it."""
        text = daemon.log.read_text(encoding="utf-8", errors="replace")
        lines = [line for line in text.splitlines() if " api-listening host=" in line]
        found = _LISTENING.search(lines[-1]) if lines else None
        assert found is not None, text
        return cls(host=found[1], port=int(found[2]), tls=tls)

    @property
    def url(self) -> str:
        """Its beginning of every URL."""
        return f"{'https' if self.tls else 'http'}://{self.host}:{self.port}"

    def named(self, name: str) -> str:
        """A call id that no other door has used: CE knows each call once."""
        return f"{name}-{self._number}"

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """One request, on a connection of its own."""
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        with closing(_Connection(self)) as connection:
            connection.request(method, path, body, names)
            response = connection.getresponse()
            return Answer(response.status, response.read(), dict(response.getheaders()))

    def get(self, path: str) -> Answer:
        """GET."""
        return self.ask("GET", path)

    def post(self, path: str, body: Any, method: str = "POST") -> Answer:
        """POST JSON."""
        return self.ask(method, path, json.dumps(body).encode(), Content_Type="application/json")

    def new_call(self, channel: str, call_id: str, wait: str | None = None, **others: Any) -> Answer:
        """POST /v1/new-call."""
        query = f"?wait={wait}" if wait else ""
        return self.post(f"/v1/new-call{query}", {"channel": channel, "call_id": call_id, **others})

    def gone(self, channel: str, call_id: str | None = None, wait: str | None = None, **others: Any) -> Answer:
        """POST /v1/gone."""
        query = f"?wait={wait}" if wait else ""
        body = {"channel": channel, **({} if call_id is None else {"call_id": call_id}), **others}
        return self.post(f"/v1/gone{query}", body)


@contextmanager
def locked(daemon: RunningDaemon) -> Iterator[None]:
    """Somebody's SQLite shell holds the write lock of a daemon's journal."""
    journal = daemon.tables["journal"]["path"]
    with closing(sqlite3.connect(journal, isolation_level=None, timeout=PATIENCE)) as shell:
        shell.execute("BEGIN IMMEDIATE")
        yield
        shell.execute("ROLLBACK")
