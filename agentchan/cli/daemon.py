"""The daemon as the command line sees it: JSON over HTTP on its Unix socket."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from agentchan.cli.exchange import BrokenAnswerError, Exchange, connect
from agentchan.cli.failures import ExitStatus, Failure

PATIENCE = 5.0
"""Seconds that an answer may take: the daemon answers from what it knows."""

STREAM_PATIENCE = 45.0
"""Seconds without a byte after which an event stream counts as dead; the daemon says something every 15."""

_LARGEST = 256 * 1024 * 1024
_OK = 200
_ERRORS = 400
_STATUSES = {
    400: ExitStatus.USAGE,
    415: ExitStatus.USAGE,
    422: ExitStatus.CONFIGURATION,
    500: ExitStatus.UNKNOWN,
}


class Daemon:
    """The daemon behind a socket.

    Args:
        path: of the socket.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def get(self, path: str, query: Sequence[tuple[str, str]] = (), patience: float = PATIENCE) -> Any:
        """Ask for something; raises Failure."""
        return self._asked("GET", f"{path}?{urlencode(query)}" if query else path, None, patience)

    def post(self, path: str, body: Mapping[str, Any] | None = None, patience: float = PATIENCE) -> Any:
        """Have something done; raises Failure."""
        return self._asked("POST", path, {} if body is None else body, patience)

    def events(self, last_id: str | None) -> Iterator[dict[str, Any]]:
        """Follow the events after ``last_id``, until the daemon ends the stream.

        Raises:
            Failure: the daemon cannot be reached, does not let this client follow, or has broken off.
        """
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last_id} if last_id else {})
        with self._connected(PATIENCE) as exchange:
            try:
                exchange.ask("GET", "/v1/events", None, headers)
                if exchange.status != _OK:
                    raise _refusal(exchange.status, exchange.body(_LARGEST))
                exchange.wait_longer(STREAM_PATIENCE)
                for line in exchange.lines():
                    if line.startswith(b"data:"):
                        yield json.loads(line[5:])
            except (BrokenAnswerError, OSError, ValueError) as error:
                raise self._lost(error) from None

    def _asked(self, method: str, target: str, body: Mapping[str, Any] | None, patience: float) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Accept": "application/json"} | ({} if data is None else {"Content-Type": "application/json"})
        with self._connected(patience) as exchange:
            try:
                exchange.ask(method, target, data, headers)
                octets = exchange.body(_LARGEST)
            except TimeoutError:
                raise self._silent(patience) from None
            except (BrokenAnswerError, OSError) as error:
                raise self._lost(error) from None
        if exchange.status >= _ERRORS:
            raise _refusal(exchange.status, octets)
        try:
            return json.loads(octets)
        except ValueError:
            raise self._lost("what it answers is not JSON") from None

    def _connected(self, patience: float) -> Exchange:
        try:
            return connect(self.path, patience)
        except (FileNotFoundError, ConnectionRefusedError):
            raise self._not_running() from None
        except PermissionError:
            raise self._forbidden() from None
        except (TimeoutError, BlockingIOError):
            # The second: so many wait there already that the kernel lets nobody else wait.
            raise self._silent(patience) from None
        except OSError as error:
            raise Failure("socket-unusable", f"{self.path} cannot be used: {error}", ExitStatus.USAGE) from None

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


def _refusal(status: int, octets: bytes) -> Failure:
    try:
        value = json.loads(octets)
        code, message = str(value["error"]["code"]), str(value["error"]["message"])
        faults = tuple(str(fault) for fault in value.get("faults", ()))
    except (ValueError, KeyError, TypeError):
        return Failure("unexpected-answer", f"the daemon answered with HTTP status {status}", ExitStatus.UNKNOWN)
    if code == "not-found":
        remedy = "if agentchan was just upgraded: systemctl restart agentchan"
        return Failure(code, "the daemon that runs does not know this command yet", ExitStatus.NO, (remedy,))
    return Failure(code, message, _STATUSES.get(status, ExitStatus.NO), faults)


def _group_of(path: Path) -> str | None:
    import grp  # noqa: PLC0415  only after a refusal

    try:
        group = path.stat().st_gid
    except OSError:
        return None
    try:
        return grp.getgrgid(group).gr_name
    except KeyError:
        return str(group)
