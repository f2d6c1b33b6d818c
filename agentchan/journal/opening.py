"""Opens the journal's file: checks the place, makes or migrates it, and sets a damaged one aside."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

from agentchan.journal.errors import JournalMisplaced, JournalTooNew
from agentchan.journal.schema import APPLICATION_ID, MIGRATIONS, VERSION

BUSY_TIMEOUT = 1.0
"""Seconds that SQLite waits for a lock of another program, say somebody's SQLite shell."""

_COMPANIONS = ("-wal", "-shm")
"""SQLite's own files beside the journal's; they belong to it, damaged or not."""


def check_place(path: Path) -> None:
    """Make sure that a journal can be at this path.

    Raises:
        JournalMisplaced: the directory is missing, or there is something else.
    """
    directory = path.parent
    if not directory.is_dir():
        raise JournalMisplaced(f"{directory}: there is no such directory; make it, or change [journal] path")
    if path.exists() and not path.is_file():
        raise JournalMisplaced(f"{path}: this is no file; change [journal] path")


def open_writable(path: Path, now: datetime) -> sqlite3.Connection:
    """Open the journal to read and write, made or migrated to this program's version if need be.

    Raises:
        JournalMisplaced, JournalTooNew: it is left as it is.
        sqlite3.Error, OSError: it cannot be opened, or is damaged.
    """
    made = not path.exists()
    if made:
        # SQLite would make it by the umask; callers' numbers are nobody else's business.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640))
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT, isolation_level=None, cached_statements=256)
    try:
        version = _version(connection, path)
        if version == 0:
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")  # done between the groups instead, see maintenance
        connection.execute("PRAGMA journal_size_limit = 67108864")
        _migrate(connection, version, path, now)
    except BaseException:
        connection.close()
        raise
    if made:
        sync_directory(path.parent)
    return connection


def open_read_only(path: Path) -> sqlite3.Connection:
    """Open the journal to read alone, for a disk that cannot be written.

    Raises:
        JournalMisplaced, JournalTooNew: as :func:`open_writable`.
        sqlite3.Error: it cannot be read either.
    """
    log = path.with_name(path.name + "-wal")
    # Without a log the file is complete by itself; said so, SQLite needs no companion that it could not make.
    complete = not log.exists() or log.stat().st_size == 0
    query = "immutable=1" if complete else "mode=ro"
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?{query}", uri=True, timeout=BUSY_TIMEOUT, isolation_level=None
    )
    try:
        _require_this_version(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Everything inside is on disk afterwards, or nothing is."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # SQLite has rolled back by itself after some errors.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def set_aside(path: Path, now: datetime) -> Path:
    """Give a damaged file, and what belongs to it, another name; nothing is overwritten or deleted.

    The connection may still be open: SQLite sees that its file was moved, and leaves it alone when it closes.
    """
    target = free_name(path, f"damaged-{now:%Y%m%dT%H%M%SZ}")
    for companion in _COMPANIONS:
        part = path.with_name(path.name + companion)
        if part.exists():
            part.rename(target.with_name(target.name + companion))
    path.rename(target)
    sync_directory(path.parent)
    return target


def free_name(path: Path, suffix: str) -> Path:
    """A name beside ``path`` that nothing has."""
    candidate = path.with_name(f"{path.name}.{suffix}")
    number = 2
    while candidate.exists():
        candidate = path.with_name(f"{path.name}.{suffix}-{number}")
        number += 1
    return candidate


def sync_directory(directory: Path) -> None:
    """Make sure that the names in a directory survive a power cut."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _version(connection: sqlite3.Connection, path: Path) -> int:
    """The version of the file's tables; 0: there are none yet."""
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    application: int = connection.execute("PRAGMA application_id").fetchone()[0]
    tables: int = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    if tables and application != APPLICATION_ID:
        raise JournalMisplaced(f"{path}: this is a SQLite file of another program; change [journal] path")
    if version > VERSION:
        raise JournalTooNew(
            f"{path}: this journal is of version {version}, which a newer agentchan has written; this one knows "
            f"{VERSION}. Run the newer program, or put back the backup beside it (*.backup) that was made before the "
            "change, which does not hold the call signals since then"
        )
    return version


def _require_this_version(connection: sqlite3.Connection, path: Path) -> None:
    if _version(connection, path) != VERSION:
        raise sqlite3.OperationalError("it must be migrated first, and cannot be written")


def _migrate(connection: sqlite3.Connection, version: int, path: Path, now: datetime) -> None:
    if version == VERSION:
        return
    if version:
        back_up(connection, free_name(path, f"version-{version}-{now:%Y%m%dT%H%M%SZ}.backup"))
    for number, script in enumerate(MIGRATIONS[version:], version + 1):
        with transaction(connection):
            for statement in _statements(script):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {number}")


def back_up(connection: sqlite3.Connection, target: Path) -> None:
    """Copy the whole journal to a new file, on disk when this returns; half a copy is not left behind."""
    os.close(os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640))
    try:
        with closing(sqlite3.connect(target, isolation_level=None)) as copy:
            connection.backup(copy)
        sync_directory(target.parent)
    except BaseException:
        target.unlink()
        raise


def _statements(script: str) -> Iterator[str]:
    """The statements of a script, one by one: ``executescript`` would commit the transaction that is open."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
