"""Saves what can still be read of a damaged journal into the fresh one that takes its place.

Only what somebody waits for is worth it: the facts, the calls, and the signals that CE has not confirmed. The damaged
file itself is only read.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

from attrs import frozen

from agentchan.journal.opening import transaction
from agentchan.journal.schema import VERSION

_TABLES = {
    "clock": "SELECT * FROM clock NOT INDEXED",
    "readiness": "SELECT * FROM readiness",
    "mark": "SELECT * FROM mark NOT INDEXED ORDER BY number {order}",
    "pin": "SELECT * FROM pin NOT INDEXED",
    "drain": "SELECT * FROM drain NOT INDEXED",
    "call": "SELECT * FROM call ORDER BY channel {order}, call_id {order}",
    "signal": "SELECT * FROM signal NOT INDEXED WHERE +fate <> 'confirmed' ORDER BY position {order}",
    "failover": "SELECT * FROM failover NOT INDEXED ORDER BY number {order}",
}
"""How each table is read in its own order, forwards and backwards: damage in the middle leaves both ends."""

_HAPPENED_AT = 6
"""The column of ``signal`` with the call's own time."""


@frozen
class Rescued:
    """What was saved.

    Attributes:
        signals: the signals that were not confirmed.
        rows: of the other tables.
        complete: whether everything could be read.
    """

    signals: int = 0
    rows: int = 0
    complete: bool = False


def rescue(damaged: Path, connection: sqlite3.Connection) -> Rescued:
    """Copy what can be read.

    Args:
        damaged: the file that was set aside.
        connection: to the fresh journal, in which there is nothing yet.

    Raises:
        sqlite3.Error: the fresh journal cannot be written.
    """
    saved: dict[str, int] = {}
    complete = True
    try:
        source = sqlite3.connect(f"{damaged.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
    except sqlite3.Error:
        return Rescued()
    with closing(source), transaction(connection):
        if not _same_version(source):
            return Rescued()
        for table, query in _TABLES.items():
            rows, whole = _rows(source, query)
            complete = complete and whole
            saved[table] = 0
            for row in rows:
                if table == "signal" and not _makes_sense(row):
                    complete = False
                    continue
                saved[table] += _put(connection, table, row)
    signals = saved.pop("signal")
    return Rescued(signals, sum(saved.values()), complete)


def _same_version(source: sqlite3.Connection) -> bool:
    try:
        version: int = source.execute("PRAGMA user_version").fetchone()[0]
    except sqlite3.Error:
        return False
    return version == VERSION


def _rows(source: sqlite3.Connection, query: str) -> tuple[list[tuple[object, ...]], bool]:
    """The rows that can be read, and whether these are all."""
    forwards, whole = _until_damage(source, query.format(order="ASC"))
    if whole:
        return forwards, True
    backwards, _ = _until_damage(source, query.format(order="DESC"))
    seen = set(forwards)
    return forwards + [row for row in reversed(backwards) if row not in seen], False


def _until_damage(source: sqlite3.Connection, query: str) -> tuple[list[tuple[object, ...]], bool]:
    rows: list[tuple[object, ...]] = []
    try:
        rows.extend(source.execute(query))  # one by one: what comes before the damage stays
    except (sqlite3.Error, UnicodeDecodeError):
        return rows, False
    return rows, True


def _makes_sense(row: tuple[object, ...]) -> bool:
    """Whether a signal's own time is one; anything else in its place would stop every later start."""
    try:
        return datetime.fromisoformat(str(row[_HAPPENED_AT])).tzinfo is not None
    except ValueError:
        return False


def _put(connection: sqlite3.Connection, table: str, row: tuple[object, ...]) -> int:
    """Write one row as it is; returns how many were written: a row that cannot be right is left out."""
    places = ", ".join("?" * len(row))
    try:
        return connection.execute(f"INSERT OR REPLACE INTO {table} VALUES ({places})", row).rowcount  # noqa: S608 - a constant
    except sqlite3.IntegrityError:
        return 0
