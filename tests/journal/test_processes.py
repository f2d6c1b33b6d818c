"""Whole processes: killed at any moment, limited by the system, two at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from agentchan.journal import JournalInUse
from tests.journal.samples import accepted, new_call, opened
from tests.journal.threads import Desk

ROOT = Path(__file__).parents[2]


def start(module: str, *arguments: str) -> subprocess.Popen[str]:
    """Start one of the programs beside this file."""
    command = [sys.executable, "-m", f"tests.journal.{module}", *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def killed_after(path: Path, first: int, lines: int) -> list[str]:
    """Run a writer, kill it with SIGKILL after it has printed so many lines; returns all that it printed."""
    with start("writer", str(path), str(first)) as writer:
        assert writer.stdout is not None
        acknowledged = [writer.stdout.readline() for _ in range(lines)]
        writer.kill()
        acknowledged += writer.stdout.readlines()
    return [line.strip() for line in acknowledged if line.endswith("\n")]


def test_kill_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    """After any number of kills at any moment every signal that was acknowledged is there, in its channel's order."""
    acknowledged: list[str] = []
    for number, lines in enumerate((1, 7, 40, 111, 230, 501)):
        acknowledged += killed_after(tmp_path / "j", number * 100_000, lines)
    desk, _ = opened(tmp_path / "j")
    kept = desk.turns.result(desk.journal.signals(limit=10**6))
    ids = [signal.signal.signal_id for signal in reversed(kept)]
    assert set(acknowledged) <= set(ids)
    assert len(set(ids)) == len(ids)
    for call in {signal_id[1:] for signal_id in ids if signal_id[0] == "g"}:
        assert ids.index(f"n{call}") < ids.index(f"g{call}")
    counts = desk.journal.counts
    assert counts.pending + counts.confirmed == len(ids)
    # Half a batch is never there: a call's row comes with its signal.
    calls = desk.turns.result(desk.journal.ask(lambda c: c.execute("SELECT count(*) FROM call").fetchone()))
    assert calls == (len({signal_id[1:] for signal_id in ids}),)
    desk.closed()


def test_another_process_has_the_journal(tmp_path: Path) -> None:
    """A second daemon is told the first one's process number, and may have the journal when that was killed."""
    with start("writer", str(tmp_path / "j"), "0") as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        with pytest.raises(JournalInUse, match=f"process {writer.pid} has this journal"):
            Desk(tmp_path / "j").journal.load()
        writer.kill()
    desk, _ = opened(tmp_path / "j")
    desk.recorded(*accepted(new_call(999_999)))
    desk.closed()


def test_a_file_size_limit_refuses_and_heals(tmp_path: Path) -> None:
    """Where the system lets the file grow no further callers are refused, nothing is half-done, and it heals."""
    with start("limited_writer", str(tmp_path / "j")) as program:
        output, _ = program.communicate()
    lines = [line for line in output.splitlines() if "[" not in line[:25]]
    assert "reading or writing fails" in lines[0] or "disk is full" in lines[0]
    assert lines[-1] == "True"
    assert program.returncode == 0
