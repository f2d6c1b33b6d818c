"""The domain's shared database: one SQLite file, opened by both hosts.

Every change is one transaction of a few statements. ``synchronous`` is off: what is committed survives ``kill -9`` of a
host (the kernel holds it), which is all a lab needs; a power cut is not survived.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

REMEMBERED = 48 * 3600.0
"""Seconds that SignalIds and the CallIds of ended calls are remembered (contract, what survives)."""
BUSY_TIMEOUT = 0.5
"""Seconds to wait for the other host's transaction, which lasts well under a millisecond."""

TABLES = """
CREATE TABLE IF NOT EXISTS domain (
    one INTEGER PRIMARY KEY CHECK (one = 1), name TEXT NOT NULL, generation INTEGER NOT NULL,
    active TEXT, last_active TEXT, state TEXT NOT NULL, renewed REAL NOT NULL);
CREATE TABLE IF NOT EXISTS host (
    name TEXT PRIMARY KEY, rank TEXT NOT NULL, since TEXT NOT NULL, state TEXT,
    notify_port INTEGER NOT NULL, link_port INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS held_call (
    ivr TEXT NOT NULL, channel TEXT NOT NULL, state TEXT NOT NULL, call_id TEXT NOT NULL, began REAL NOT NULL,
    PRIMARY KEY (ivr, channel)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS signal (
    signal_id TEXT PRIMARY KEY, content BLOB NOT NULL, applied REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS gone_call (
    ivr TEXT NOT NULL, channel TEXT NOT NULL, call_id TEXT NOT NULL, applied REAL NOT NULL,
    PRIMARY KEY (ivr, channel, call_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS agent_channel (
    host TEXT NOT NULL, ivr TEXT NOT NULL, instance_id TEXT NOT NULL, connection TEXT NOT NULL,
    local TEXT NOT NULL, local_port INTEGER NOT NULL, remote TEXT NOT NULL, remote_port INTEGER NOT NULL,
    PRIMARY KEY (host, ivr, instance_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS history (
    sequence INTEGER PRIMARY KEY, wall REAL NOT NULL, monotonic REAL NOT NULL, host TEXT NOT NULL,
    generation INTEGER NOT NULL, event TEXT NOT NULL, ivr TEXT, instance_id TEXT, channel TEXT, call_id TEXT,
    signal_id TEXT, connection TEXT, peer_port INTEGER, duplicate INTEGER, details TEXT);
"""


def open_to_read(path: Path) -> sqlite3.Connection:
    """A connection that changes nothing and never waits; works while hosts are running, frozen or dead."""
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5.0)


class Database:
    """One host's connection to the domain's database."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT, isolation_level=None, cached_statements=256)
        self.execute = self._connection.execute
        self.execute("PRAGMA journal_mode = WAL")
        self.execute("PRAGMA synchronous = OFF")
        with self.transaction():
            for statement in TABLES.split(";"):
                self.execute(statement)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside is applied, or nothing; the other host waits meanwhile."""
        self.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.execute("ROLLBACK")
            raise
        self.execute("COMMIT")

    def forget_before(self, wall: float) -> None:
        """Forget SignalIds and ended calls applied before ``wall`` (seconds since 1970)."""
        with self.transaction():
            self.execute("DELETE FROM signal WHERE applied < ?", (wall,))
            self.execute("DELETE FROM gone_call WHERE applied < ?", (wall,))

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
