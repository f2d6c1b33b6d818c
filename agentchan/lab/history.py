"""What happened in the domain, row by row, in the shared database."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from attrs import frozen

from agentchan.lab.database import Database, open_to_read

COLUMNS = (
    "sequence",
    "wall",
    "monotonic",
    "host",
    "generation",
    "event",
    "ivr",
    "instance_id",
    "channel",
    "call_id",
    "signal_id",
    "connection",
    "peer_port",
    "duplicate",
    "details",
)
INSERT = f"INSERT INTO history ({', '.join(COLUMNS[1:])}) VALUES ({', '.join('?' * (len(COLUMNS) - 1))})"  # noqa: S608 - constants


@frozen
class Row:
    """One thing that happened.

    Attributes:
        event: ``host-started``, ``host-stopped``, ``killed``, ``frozen``, ``thawed``, ``promoted``, ``demoted``,
            ``role-noticed``, ``state``, ``generation``, ``claimed``, ``restored``, ``session-opened``,
            ``session-channels``, ``session-closed``, ``readiness``, ``old-connection-open``, ``new-call``, ``gone``,
            ``stuck``, ``hung-up``, ``refused``.
        details: what else there is to say, as JSON: for ``readiness`` the list of ``[channel, ready, reason]``, for
            ``session-closed`` why, for ``refused`` operation, fault code and text, for ``claimed`` the claims and
            whether the host obeys them, for ``old-connection-open`` at which host and which connection, for
            ``restored`` the last row that the backup knows and the calls that are held now.
    """

    event: str
    ivr: str | None = None
    instance_id: str | None = None
    channel: str | None = None
    call_id: str | None = None
    signal_id: str | None = None
    connection: str | None = None
    peer_port: int | None = None
    duplicate: bool | None = None
    details: Any = None


class History:
    """Adds rows for one host, inside the transaction of the caller."""

    def __init__(self, database: Database, host: str) -> None:
        self._database = database
        self._host = host

    def add(self, generation: int, row: Row, *, host: str | None = None, at: float | None = None) -> None:
        """Add ``row``.

        Args:
            generation: the domain's.
            row: what happened.
            host: whom it happened to where that is not this host.
            at: monotonic seconds; None: now.
        """
        now = time.monotonic()
        at = now if at is None else at
        self._database.execute(
            INSERT,
            (
                time.time() + at - now,
                at,
                host or self._host,
                generation,
                row.event,
                row.ivr,
                row.instance_id,
                row.channel,
                row.call_id,
                row.signal_id,
                row.connection,
                row.peer_port,
                row.duplicate,
                None if row.details is None else json.dumps(row.details),
            ),
        )


def record(path: Path, host: str, event: str, at: float) -> None:
    """Add a row from outside: what was done to a whole host at ``at`` (monotonic seconds)."""
    database = Database(path)
    try:
        with database.transaction():
            (generation,) = database.execute("SELECT max(generation) FROM domain").fetchone()
            History(database, host).add(generation or 0, Row(event), at=at)
    finally:
        database.close()


def read_history(path: Path, after: int = 0) -> list[dict[str, Any]]:
    """The rows of the database at ``path`` with a sequence number above ``after``, in order.

    The monotonic time is that of the whole machine on Linux, so rows of both hosts and times of other processes can
    be compared.
    """
    connection = open_to_read(path)
    try:
        query = f"SELECT {', '.join(COLUMNS)} FROM history WHERE sequence > ? ORDER BY sequence"  # noqa: S608 - constants
        rows = connection.execute(query, (after,)).fetchall()
    finally:
        connection.close()
    found = []
    for row in rows:
        values = dict(zip(COLUMNS, row, strict=True))
        values["details"] = None if values["details"] is None else json.loads(values["details"])
        values["duplicate"] = None if values["duplicate"] is None else bool(values["duplicate"])
        found.append(values)
    return found
