"""What SQLite's and the system's errors mean for an operator: a reason with its remedy."""

from __future__ import annotations

import sqlite3
from pathlib import Path

_PRIMARY = 0xFF
"""The bits of an extended result code that name its family (sqlite.org/rescode.html)."""

_DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})

_REASONS = {
    sqlite3.SQLITE_FULL: "the disk is full; make room",
    sqlite3.SQLITE_READONLY: "file or file system is read-only; make it writable for this user",
    sqlite3.SQLITE_BUSY: "another program has locked it; end that program",
    sqlite3.SQLITE_LOCKED: "another program has locked it; end that program",
    sqlite3.SQLITE_IOERR: "reading or writing fails; see the kernel's log, free space, quotas and file size limits",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened; check the directory, its owner, mode and free space",
    sqlite3.SQLITE_PERM: "this user may not use it; check owner and mode",
    sqlite3.SQLITE_AUTH: "this user may not use it; check owner and mode",
    sqlite3.SQLITE_NOMEM: "memory is short",
    sqlite3.SQLITE_CORRUPT: "the file is damaged",
    sqlite3.SQLITE_NOTADB: "the file is damaged, or is no SQLite file",
}


def _code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & _PRIMARY


def is_damage(error: BaseException) -> bool:
    """Whether an error says that the file itself is damaged."""
    return isinstance(error, sqlite3.DatabaseError) and _code(error) in _DAMAGE


def is_outage(error: BaseException) -> bool:
    """Whether an error says that the journal cannot be used now, rather than that the request was wrong."""
    return isinstance(error, OSError) or (isinstance(error, sqlite3.Error) and _code(error) in _REASONS)


def passes_by_itself(error: BaseException) -> bool:
    """Whether the open file is still good after this error; else it is opened anew before the next try."""
    return isinstance(error, sqlite3.Error) and _code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_FULL)


def describe(path: Path, error: BaseException) -> str:
    """One line for an operator: which file, what is wrong, what helps, and the system's own words."""
    if isinstance(error, sqlite3.Error):
        name = getattr(error, "sqlite_errorname", "")
        return f"{path}: {_REASONS.get(_code(error), 'SQLite refuses')} ({error}{', ' + name if name else ''})"
    if isinstance(error, OSError):
        return f"{path}: {error.strerror or error}; check the directory, its owner, mode and free space"
    return f"{path}: {error}"
