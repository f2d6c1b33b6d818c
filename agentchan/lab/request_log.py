"""Every request with its time, as JSON lines: what the invariants about order are checked with.

Each line is one unbuffered append, so the log of a killed host is complete. The times are the monotonic clock of the
machine, which all processes share on Linux.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any


class RequestLog:
    """Appends to one host's log; does nothing without a path.

    A row has ``monotonic``, ``host``, ``what``, ``service``, ``connection`` and ``peer_port``. ``what`` is ``opened``,
    ``closed``, ``request`` (with ``operation``, empty for what is no valid request, and ``arrived``, when the kernel
    had its last byte), or ``answered``: written just before the answer is given to the kernel, with ``operation``,
    ``status``, ``wrong`` (the kind of a wrong answer, else None) and ``says`` (the words of the answer that tell who is
    active). An answer whose caller had hung up before is ``unheard`` instead.
    """

    def __init__(self, path: Path | None, host: str) -> None:
        self._host = host
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._file = None if path is None else os.open(path, flags, 0o644)

    def write(self, what: str, service: str, connection: str, peer_port: int, **more: Any) -> None:
        """Add a row."""
        if self._file is not None:
            line = {
                "monotonic": time.monotonic(),
                "host": self._host,
                "what": what,
                "service": service,
                "connection": connection,
                "peer_port": peer_port,
                **more,
            }
            os.write(self._file, json.dumps(line).encode() + b"\n")

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def read_requests(path: Path) -> list[dict[str, Any]]:
    """The rows of one host's log; a line that is still being written is left out."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]
