"""Backups of the domain's database, and their restore while hosts run: CE forgets what has happened since."""

from __future__ import annotations

import sqlite3
import tempfile
from pathlib import Path

from agentchan.lab.database import Database
from agentchan.lab.history import History, Row

REMEMBERED_TABLES = ("held_call", "signal", "gone_call")
"""What a backup brings back, beside the generation. Who is active, and the history, stay as they are."""


def back_up(path: Path) -> Path:
    """Copy the database at ``path``, as it is now, into a new file beside it; returns that file."""
    with tempfile.NamedTemporaryFile(prefix="backup-", suffix=".sqlite3", dir=path.parent, delete=False) as file:
        backup = Path(file.name)
    source, target = sqlite3.connect(path), sqlite3.connect(backup)
    try:
        source.backup(target)
    finally:
        target.close()
        source.close()
    return backup


def restore(path: Path, backup: Path, host: str) -> None:
    """Put what ``backup`` knows in place of what the database at ``path`` knows, in one transaction.

    Args:
        path: the database in use.
        backup: made by :func:`back_up`.
        host: whom the history names for it.

    Raises:
        sqlite3.OperationalError: the database is locked, or the backup is none.
    """
    database = Database(path)
    try:
        database.execute("ATTACH ? AS backup", (str(backup),))
        with database.transaction():
            for table in REMEMBERED_TABLES:
                database.execute(f"DELETE FROM main.{table}")  # noqa: S608 - a constant
                database.execute(f"INSERT INTO main.{table} SELECT * FROM backup.{table}")  # noqa: S608 - a constant
            (generation,) = database.execute("SELECT generation FROM backup.domain").fetchone()
            (last,) = database.execute("SELECT ifnull(max(sequence), 0) FROM backup.history").fetchone()
            held = database.execute("SELECT ivr, channel, call_id FROM main.held_call").fetchall()
            database.execute("UPDATE main.domain SET generation = ?", (generation,))
            details = {"last_known": last, "held": held}
            History(database, host).add(generation, Row("restored", details=details))
    finally:
        database.close()
