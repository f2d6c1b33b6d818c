"""What is known of the running daemon, and of the process behind its socket."""

from __future__ import annotations

import socket
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

PATIENCE = 2.0
"""Seconds that the daemon may take: it answers from what it knows."""

_CREDENTIALS = struct.Struct("3i")


@frozen
class Running:
    """What is known of the running daemon.

    Attributes:
        status: its own view (interfaces, section 5); None where it does not run, or does not answer.
        in_force: its configuration; None likewise.
        why_not: why it could not be asked.
        is_there: whether something runs, answering or not.
        pid: its process; None where that is not known.
        uid: its user; None likewise.
    """

    status: Mapping[str, Any] | None = None
    in_force: Mapping[str, Any] | None = None
    why_not: str = ""
    is_there: bool = False
    pid: int | None = None
    uid: int | None = None


def who_listens(path: Path) -> tuple[int | None, int | None]:
    """The process and the user behind a socket, as the kernel tells."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(PATIENCE)
        try:
            connection.connect(str(path))
            found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        except OSError:
            return None, None
    pid, uid, _ = _CREDENTIALS.unpack(found)
    return pid, uid
