"""The daemon as the command line sees it: JSON over HTTP on its Unix socket."""

from __future__ import annotations

import grp
import http.client
import json
import socket
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from agentchan.cli.failures import ExitStatus, Failure

PATIENCE = 5.0
"""Seconds that an answer may take: the daemon answers from what it knows."""

STREAM_PATIENCE = 45.0
"""Seconds without a byte after which an event stream counts as dead; the daemon says something every 15."""

_LARGEST = 256 * 1024 * 1024
_STATUSES = {400: ExitStatus.USAGE, 415: ExitStatus.USAGE, 422: ExitStatus.CONFIGURATION}


class _Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path, patience: float) -> None:
        super().__init__("localhost", timeout=patience)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class Daemon:
    """The daemon behind a socket.

    Args:
        path: of the socket.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def get(self, path: str, query: Sequence[tuple[str, str]] = (), patience: float = PATIENCE) -> Any:
        """Ask for something; raises Failure."""
        return self._exchange("GET", _with_query(path, query), None, patience)

    def post(self, path: str, body: Mapping[str, Any] | None = None, patience: float = PATIENCE) -> Any:
        """Have something done; raises Failure."""
        return self._exchange("POST", path, {} if body is None else body, patience)

    def events(self, last_id: str | None) -> Iterator[dict[str, Any]]:
        """Follow the events after ``last_id`` until the connection ends (http.client.HTTPException, OSError).

        Raises:
            Failure: the daemon cannot be reached, or does not let this client follow.
        """
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last_id} if last_id else {})
        connection = _Connection(self.path, PATIENCE)
        try:
            answer = self._request(connection, "GET", "/v1/events", None, headers)
            if answer.status != http.client.OK:
                raise _refusal(answer.status, answer.read(_LARGEST))
            connection.sock.settimeout(STREAM_PATIENCE)
            for line in answer:
                if line.startswith(b"data:"):
                    yield json.loads(line[5:])
        finally:
            connection.close()

    def _exchange(self, method: str, path: str, body: Mapping[str, Any] | None, patience: float) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Accept": "application/json"} | ({} if data is None else {"Content-Type": "application/json"})
        connection = _Connection(self.path, patience)
        try:
            answer = self._request(connection, method, path, data, headers)
            octets = answer.read(_LARGEST)
        except TimeoutError:
            raise self._silent(patience) from None
        except (http.client.HTTPException, OSError) as error:
            raise self._lost(error) from None
        finally:
            connection.close()
        # 503 is how readyz says no; that is an answer.
        if answer.status >= http.client.BAD_REQUEST and not (answer.status == 503 and b'"reasons"' in octets):  # noqa: PLR2004
            raise _refusal(answer.status, octets)
        try:
            return json.loads(octets)
        except ValueError:
            raise self._lost("what it answers is not JSON") from None

    def _request(
        self, connection: _Connection, method: str, path: str, data: bytes | None, headers: Mapping[str, str]
    ) -> http.client.HTTPResponse:
        try:
            connection.connect()
        except (FileNotFoundError, ConnectionRefusedError):
            raise self._not_running() from None
        except PermissionError:
            raise self._forbidden() from None
        except TimeoutError:
            raise self._silent(PATIENCE) from None
        except OSError as error:
            raise Failure("socket-unusable", f"{self.path} cannot be used: {error}", ExitStatus.USAGE) from None
        connection.request(method, path, data, dict(headers))
        return connection.getresponse()

    def _not_running(self) -> Failure:
        return Failure(
            "not-running",
            f"the daemon is not running: nobody answers at {self.path}",
            ExitStatus.NOT_RUNNING,
            (
                "start it:      systemctl start agentchan   (or: agentchan run --config FILE)",
                "see why not:   journalctl -u agentchan -n 50",
                "elsewhere:     agentchan --socket PATH …   (or: --config FILE)",
            ),
        )

    def _forbidden(self) -> Failure:
        group = _group_of(self.path) or _group_of(self.path.parent) or "agentchan"
        return Failure(
            "forbidden",
            f"you may not use {self.path}, which is for the group {group!r}",
            ExitStatus.NO,
            (
                f"join it:       sudo usermod -aG {group} $USER   and log in again",
                "or, this once: sudo agentchan …",
            ),
        )

    def _silent(self, patience: float) -> Failure:
        return Failure(
            "no-answer",
            f"the daemon at {self.path} does not answer within {patience:g} seconds",
            ExitStatus.UNKNOWN,
            ("see what it does: journalctl -u agentchan -n 50", "if it hangs:      systemctl restart agentchan"),
        )

    def _lost(self, error: object) -> Failure:
        return Failure(
            "answer-lost",
            f"the daemon at {self.path} broke off: {error}",
            ExitStatus.UNKNOWN,
            ("it may be stopping or starting: try again, or journalctl -u agentchan -n 50",),
        )


def _with_query(path: str, query: Sequence[tuple[str, str]]) -> str:
    return f"{path}?{urlencode(query)}" if query else path


def _refusal(status: int, octets: bytes) -> Failure:
    try:
        value = json.loads(octets)
        error = value["error"]
        failure = Failure(
            str(error["code"]),
            str(error["message"]),
            _STATUSES.get(status, ExitStatus.NO),
            tuple(value.get("faults", ())),
        )
    except (ValueError, KeyError, TypeError):
        failure = Failure("unexpected-answer", f"the daemon answered with HTTP status {status}")
    return failure


def _group_of(path: Path) -> str | None:
    try:
        group = path.stat().st_gid
    except OSError:
        return None
    try:
        return grp.getgrgid(group).gr_name
    except KeyError:
        return str(group)
