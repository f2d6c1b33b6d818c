"""Full, read-only, locked and damaged: callers are told, nothing is half-done, and it heals by itself."""

from __future__ import annotations

import errno
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from io import FileIO
from pathlib import Path

import pytest
from attrs import evolve

from agentchan.journal import JournalUnavailable, State
from agentchan.journal.writes import MarkRaised, ReadinessWanted
from tests.journal.samples import accepted, gone, new_call, opened, settled
from tests.journal.threads import BEGIN, Clocks, Desk

WISH = ReadinessWanted("ivr1-001", ready=False, reason="broken", set_at=BEGIN)
SUFFIX = "damaged-20261124T120000Z"


def healed(desk: Desk) -> None:
    """Let the time go by after which a failing journal is tried again, and wait until it is well."""
    desk.clocks.advance(1.0)
    desk.turns.until(lambda: desk.journal.health.state is State.OK)


def pending(desk: Desk) -> list[str]:
    """The ids of the pending signals."""
    return [kept.signal.signal_id for kept in desk.turns.result(desk.journal.pending(after=0, until=10**9))]


def test_a_full_file_refuses_and_heals(tmp_path: Path) -> None:
    """Where SQLite finds no room, nothing of the batch is kept; when there is room again, all goes on."""
    desk, _ = opened(tmp_path / "j")
    desk.recorded(*accepted(new_call(1)))
    desk.turns.result(desk.journal.ask(lambda connection: connection.execute("PRAGMA max_page_count = 1").fetchall()))
    with pytest.raises(JournalUnavailable, match="disk is full; make room"):
        desk.recorded(*accepted(new_call(2)), *accepted(evolve(new_call(3), parameters="x" * 2_000_000)))
    assert desk.journal.health.state is State.FAILING
    assert "disk is full" in desk.journal.health.reason
    assert pending(desk) == ["n1"]
    desk.turns.result(
        desk.journal.ask(lambda connection: connection.execute("PRAGMA max_page_count = 1000000").fetchall())
    )
    healed(desk)
    desk.recorded(*accepted(new_call(2)))
    assert pending(desk) == ["n1", "n2"]
    desk.closed()


def test_a_lock_of_another_program_passes(tmp_path: Path) -> None:
    """While somebody's SQLite shell holds a write lock callers are refused; afterwards all goes on."""
    desk, _ = opened(tmp_path / "j")
    with closing(sqlite3.connect(tmp_path / "j", isolation_level=None)) as shell:
        shell.execute("BEGIN IMMEDIATE")
        with pytest.raises(JournalUnavailable, match="another program has locked it"):
            desk.recorded(*accepted(new_call(1)))
        shell.execute("ROLLBACK")
    healed(desk)
    desk.recorded(*accepted(new_call(2)))
    assert pending(desk) == ["n2"]
    assert [health.state for health in desk.healths] == [State.FAILING, State.OK]
    desk.closed()


def test_garbage_is_set_aside_and_a_fresh_journal_begun(tmp_path: Path) -> None:
    """A file that is no SQLite file at all is kept under a dated name, never overwritten, and said so."""
    path = tmp_path / "j"
    path.write_bytes(b"garbage" * 1000)
    older = tmp_path / f"j.{SUFFIX}"
    older.write_bytes(b"older")
    desk, remembered = opened(path)
    assert remembered.readiness == ()
    assert (desk.journal.health.state, desk.journal.health.set_aside) == (State.OK, tmp_path / f"j.{SUFFIX}-2")
    assert (tmp_path / f"j.{SUFFIX}-2").read_bytes() == b"garbage" * 1000
    assert older.read_bytes() == b"older"
    desk.recorded(*accepted(new_call(1)))
    desk.closed()


def read_all(desk: Desk, prefix: str, signals: int) -> None:
    """Read signals one by one."""
    for number in range(signals):
        desk.turns.result(desk.journal.signal(f"{prefix}{number}"))


def damage(path: Path, from_page: int, to_page: int) -> None:
    """Overwrite some pages of a closed journal."""
    with path.open("r+b") as file:
        file.seek(from_page * 4096)
        file.write(b"\xa5" * 4096 * (to_page - from_page))


def test_what_can_be_read_of_a_damaged_journal_is_rescued(tmp_path: Path) -> None:
    """Facts and waiting signals that lie in whole pages survive the damage of others."""
    path = tmp_path / "j"
    desk, _ = opened(path)
    desk.recorded(WISH, MarkRaised("a", 7, "ce1", BEGIN))
    for number in range(400):
        desk.recorded(*accepted(new_call(number)))
    desk.recorded(settled("n5"))
    desk.closed()
    pages = path.stat().st_size // 4096
    damage(path, pages // 2, pages // 2 + 3)
    before = path.read_bytes()

    desk, remembered = opened(path)
    aside = desk.journal.health.set_aside
    if aside is None:  # found when the damaged pages are read
        with pytest.raises(JournalUnavailable, match="damaged"):
            read_all(desk, "n", 400)
        aside = desk.journal.health.set_aside
    assert aside is not None
    assert aside.stat().st_size == len(before)
    assert remembered.readiness == (WISH,)
    ids = pending(desk)
    assert 100 < len(ids) < 400
    assert (ids[0], ids[-1], "n5" in ids) == ("n0", "n399", False)
    assert desk.journal.health.state is State.OK
    desk.closed()
    desk, remembered = opened(path)
    assert remembered.readiness == (WISH,)
    assert remembered.home == "a"
    assert pending(desk) == ids
    assert remembered.counts.pending == len(ids)
    desk.closed()


def test_damage_while_running_is_survived(tmp_path: Path) -> None:
    """A file that turns out damaged in mid-run is set aside; the next call is kept in the fresh one."""
    path = tmp_path / "j"
    desk, _ = opened(path)
    for number in range(3000):
        desk.journal.record(accepted(gone(number, f"channel-{number % 50}")))
    desk.closed()
    desk, _ = opened(path)
    damage(path, 2, path.stat().st_size // 4096)
    with pytest.raises(JournalUnavailable, match="damaged"):
        read_all(desk, "g", 3000)
    assert desk.journal.health.state is State.OK
    assert desk.journal.health.set_aside is not None
    desk.recorded(*accepted(gone(9999)))
    assert pending(desk)[-1] == "g9999"
    desk.closed()


def fill(disk: Path) -> Path:
    """Fill a disk to the last byte; returns the file that does."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        while not full(file):
            pass
    return ballast


def full(file: FileIO) -> bool:
    """Write some; False if there was room."""
    try:
        file.write(b"x" * 4096)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        return True
    return False


def accept_many(desk: Desk, first: int, accepted_ids: list[str]) -> None:
    """Accept signals until that fails, and note those that did not."""
    for number in range(first, 5000):
        desk.recorded(*accepted(new_call(number, f"channel-{number}")))
        accepted_ids.append(f"n{number}")


needs_mount = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a file system")


def mount(*arguments: str) -> None:
    """Mount a file system."""
    subprocess.run(["mount", *arguments], check=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    try:
        mount("-t", "tmpfs", "-o", "size=1m", "agentchan-test", str(disk))
    except subprocess.CalledProcessError:
        pytest.skip("this machine does not let root mount")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


@needs_mount
def test_a_full_disk_refuses_and_heals(small_disk: Path) -> None:
    """On a disk that is really full callers are refused, and what was accepted stays; room heals it."""
    desk, _ = opened(small_disk / "j")
    desk.recorded(*accepted(new_call(1)))
    ballast = fill(small_disk)
    kept = ["n1"]
    with pytest.raises(JournalUnavailable, match=r"disk is full|fails"):
        accept_many(desk, 2, kept)
    assert desk.journal.health.state is State.FAILING
    ballast.unlink()
    healed(desk)
    desk.recorded(*accepted(gone(1)))
    assert pending(desk) == [*kept, "g1"]
    desk.closed()


@needs_mount
def test_a_start_on_a_full_disk_knows_the_facts(small_disk: Path) -> None:
    """With no room at all the daemon still knows what was wanted, says what is wrong, and heals."""
    desk, _ = opened(small_disk / "j")
    desk.recorded(WISH)
    desk.closed()
    ballast = fill(small_disk)
    desk, remembered = opened(small_disk / "j")
    assert remembered.readiness == (WISH,)
    assert desk.journal.health.state is State.FAILING
    with pytest.raises(JournalUnavailable):
        desk.recorded(*accepted(new_call(1)))
    ballast.unlink()
    healed(desk)
    desk.recorded(*accepted(new_call(1)))
    desk.closed()


@needs_mount
def test_a_start_on_a_read_only_disk_knows_the_facts(small_disk: Path) -> None:
    """On a read-only file system the daemon knows what was wanted and says what is wrong; remounted, it heals."""
    clocks = Clocks()
    desk, _ = opened(small_disk / "j", clocks)
    desk.recorded(WISH, *accepted(new_call(1)))
    desk.closed()
    mount("-o", "remount,ro", str(small_disk))
    desk, remembered = opened(small_disk / "j", clocks)
    assert remembered.readiness == (WISH,)
    assert remembered.counts.pending == 1
    assert desk.journal.health.state is State.FAILING
    assert "read-only" in desk.journal.health.reason.lower()
    with pytest.raises(JournalUnavailable, match=r"(?i)read-only"):
        desk.recorded(*accepted(gone(1)))
    mount("-o", "remount,rw", str(small_disk))
    healed(desk)
    desk.recorded(*accepted(gone(1)))
    assert pending(desk) == ["n1", "g1"]
    desk.closed()
