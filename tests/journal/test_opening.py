"""Opening a journal: the wrong place, another's file, a newer or an older version, a second daemon."""

from __future__ import annotations

import shutil
import sqlite3
import stat
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from agentchan.journal import JournalInUse, JournalMisplaced, JournalTooNew, JournalUnavailable, State, opening
from agentchan.journal.schema import APPLICATION_ID, MIGRATIONS, VERSION
from agentchan.journal.writes import ReadinessWanted
from tests.journal.samples import accepted, new_call, opened
from tests.journal.threads import BEGIN, Desk


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    """No directory is made: the fault names it and the key to change."""
    desk = Desk(tmp_path / "missing" / "j")
    with pytest.raises(JournalMisplaced, match=r"missing: there is no such directory; make it, or change \[journal\]"):
        desk.journal.load()
    assert list(tmp_path.iterdir()) == []
    assert desk.journal.health.state is State.CLOSED


def test_a_directory_is_no_journal(tmp_path: Path) -> None:
    """A path that is a directory is refused."""
    with pytest.raises(JournalMisplaced, match="this is no file"):
        Desk(tmp_path).journal.load()


def test_another_programs_file_is_left_alone(tmp_path: Path) -> None:
    """A SQLite file that is no journal is refused and not changed."""
    path = tmp_path / "j"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE precious (x)")
        other.commit()
    before = path.read_bytes()
    with pytest.raises(JournalMisplaced, match="another program"):
        Desk(path).journal.load()
    assert path.read_bytes() == before


def test_a_newer_journal_is_left_alone(tmp_path: Path) -> None:
    """An older program says which versions there are and what to do, and changes nothing."""
    path = tmp_path / "j"
    desk, _ = opened(path)
    desk.closed()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute(f"PRAGMA user_version = {VERSION + 1}")
    before = path.read_bytes()
    with pytest.raises(JournalTooNew, match=rf"version {VERSION + 1}.*Run the newer program"):
        Desk(path).journal.load()
    assert path.read_bytes() == before


def first_version(path: Path) -> ReadinessWanted:
    """Make a journal as the first version of this program left it, with one wish."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript(MIGRATIONS[0])
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("PRAGMA user_version = 1")
        connection.execute("INSERT INTO readiness VALUES ('ivr1-001', 0, 'broken', 0, NULL, 'root')")
    return ReadinessWanted("ivr1-001", ready=False, reason="broken", set_at=datetime.fromtimestamp(0, UTC), who="root")


def test_an_older_journal_is_migrated_after_a_backup(tmp_path: Path) -> None:
    """All that an older program kept is there, new kinds of writes work, and the backup is the old journal."""
    path = tmp_path / "j"
    wish = first_version(path)
    desk, remembered = opened(path)
    assert remembered.readiness == (wish,)
    desk.recorded(*accepted(new_call(1)))
    desk.closed()
    backup = tmp_path / "j.version-1-20261124T120000Z.backup"
    with closing(sqlite3.connect(backup)) as old:
        assert old.execute("PRAGMA user_version").fetchone() == (1,)
        assert old.execute("SELECT channel FROM readiness").fetchall() == [("ivr1-001",)]
    desk, _ = opened(path)
    desk.closed()
    assert len(list(tmp_path.glob("*.backup"))) == 1


def test_a_backup_that_fails_stops_the_migration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a backup nothing is changed and the start says why; the next start tries again."""
    path = tmp_path / "j"
    first_version(path)

    def fail(_connection: sqlite3.Connection, _target: Path) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(opening, "back_up", fail)
        desk = Desk(path)
        with pytest.raises(JournalUnavailable, match=r"No space left.*must be migrated first"):
            desk.journal.load()
        desk.closed()
    with closing(sqlite3.connect(path)) as old:
        assert old.execute("PRAGMA user_version").fetchone() == (1,)
    desk, remembered = opened(path)
    assert len(remembered.readiness) == 1
    desk.closed()


def test_a_migration_that_fails_halfway_leaves_the_old_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A migration is one transaction."""
    path = tmp_path / "j"
    first_version(path)
    with monkeypatch.context() as patch:
        patch.setattr(opening, "MIGRATIONS", (MIGRATIONS[0], "CREATE TABLE call (x);\nNONSENSE;\n"))
        with pytest.raises(sqlite3.OperationalError, match="NONSENSE"):
            opening.open_writable(path, BEGIN)
    with closing(sqlite3.connect(path)) as old:
        assert old.execute("PRAGMA user_version").fetchone() == (1,)
        assert old.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'call'").fetchone() == (0,)


def test_a_second_daemon_is_told_who_has_the_journal(tmp_path: Path) -> None:
    """Two daemons cannot use one journal; the second is told the first one's process, and may have it afterwards."""
    first, _ = opened(tmp_path / "j")
    with pytest.raises(JournalInUse, match=r"j\.lock: process \d+ has this journal"):
        Desk(tmp_path / "j").journal.load()
    first.recorded(*accepted(new_call(1)))
    first.closed()
    second, remembered = opened(tmp_path / "j")
    assert remembered.counts.pending == 1
    second.closed()


def test_others_may_not_read_the_journal(tmp_path: Path) -> None:
    """It holds callers' numbers: no right for anybody outside owner and group."""
    desk, _ = opened(tmp_path / "j")
    desk.recorded(*accepted(new_call(1)))
    for path in tmp_path.iterdir():
        assert not stat.S_IMODE(path.stat().st_mode) & 0o007, path
    desk.closed()


def test_a_journal_copied_while_in_use_opens(tmp_path: Path) -> None:
    """What a killed daemon leaves, file and write-ahead log, opens with everything that was on disk."""
    desk, _ = opened(tmp_path / "j")
    desk.recorded(*accepted(new_call(1)))
    for name in ("j", "j-wal"):
        shutil.copy(tmp_path / name, tmp_path / name.replace("j", "copy"))
    desk.closed()
    desk, remembered = opened(tmp_path / "copy")
    assert remembered.counts.pending == 1
    desk.closed()


def test_every_commit_reaches_the_disk(tmp_path: Path) -> None:
    """What a killed process cannot show: a power cut is survived by WAL with synchronous FULL."""
    desk, _ = opened(tmp_path / "j")
    for pragma, expected in (("journal_mode", "wal"), ("synchronous", 2)):
        question = partial(pragma_of, pragma=pragma)
        assert desk.turns.result(desk.journal.ask(question)) == expected
    desk.closed()


def pragma_of(connection: sqlite3.Connection, pragma: str) -> object:
    """A setting of the connection in use."""
    return connection.execute(f"PRAGMA {pragma}").fetchone()[0]
