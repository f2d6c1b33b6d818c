"""The journal fails under a running daemon, in every way that disks have: 503, nothing half-done, and it heals."""

from __future__ import annotations

import os
import resource
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.daemons import RunningDaemon, Stage, wait_until
from tests.end_to_end.doors import Answer, Door, locked

TABLES = {"api": {"listen": "127.0.0.1:0"}, "signals": {"reply_timeout": "5s"}}
ERRORS = ("journal", "journal-failing", "journal-damaged", "journal-rescued", "journal-unavailable")


@pytest.fixture
def door(daemon: RunningDaemon) -> Door:
    """The daemon's TCP port."""
    return Door.listen_of(daemon)


def journal_of(daemon: RunningDaemon) -> Path:
    """The daemon's journal."""
    return Path(daemon.tables["journal"]["path"])


@contextmanager
def full(daemon: RunningDaemon) -> Iterator[None]:
    """The daemon may write no file beyond the size that its journal's log has now: as on a full disk."""
    log = journal_of(daemon).with_name(journal_of(daemon).name + "-wal")
    before = resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (max(1, log.stat().st_size), before[1]))
    try:
        yield
    finally:
        resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, before)


def refused(answer: Answer) -> None:
    """503, with when to come again."""
    assert (answer.status, answer.code) == (503, "journal-unavailable")
    assert answer.headers["Retry-After"] == "1"


def healed(daemon: RunningDaemon) -> None:
    """The journal works again, by itself."""
    daemon.wait_status(lambda status: status["journal"]["state"] == "ok", "the journal works again")


def signals(daemon: RunningDaemon, call_id: str) -> list[tuple[str, str]]:
    """Kind and fate of a call's signals, the oldest first."""
    rows = daemon.ask("signals")["signals"]
    return [(row["kind"], row["fate"]) for row in reversed(rows) if row["call_id"] == call_id]


@pytest.mark.parametrize("trouble", [locked, full], ids=["locked", "full"])
def test_refused_and_healed(stage: Stage, daemon: RunningDaemon, door: Door, trouble: Any) -> None:
    """Callers are refused, status and readyz say why, calls in progress go on; then all goes on by itself."""
    door.new_call("ivr1-01", door.named("before"), "5s")
    with trouble(daemon):
        refused(door.new_call("ivr1-02", door.named("amid")))
        refused(door.gone("ivr1-01"))
        status = daemon.status()
        assert (status["journal"]["state"], status["agent_channel"]["state"]) == ("failing", "up")
        assert "journal" in {problem["code"] for problem in status["problems"]} | {"journal"}
        ready = door.get("/readyz")
        assert ready.status == 503
        assert any("journal" in reason for reason in ready.json["reasons"])
        assert [call["call_id"] for call in daemon.ask("calls")["calls"]] == [door.named("before")]
    healed(daemon)
    assert door.get("/readyz").status == 200
    assert signals(daemon, door.named("amid")) == []
    assert door.new_call("ivr1-02", door.named("amid"), "5s").status == 200
    for channel in ("ivr1-01", "ivr1-02"):
        assert door.gone(channel, None, "5s").status == 200
    stage.all_is_well(errors=ERRORS)


def test_a_signal_that_is_confirmed_meanwhile(stage: Stage, daemon: RunningDaemon, door: Door) -> None:
    """What CE has answered while the journal failed is on disk once it works: memory and disk agree."""
    stage.pair.answer_wrongly("ce1", "hold", operation="NewCall", times=1)
    began = door.new_call("ivr1-01", door.named("confirmed")).json["signal_id"]
    wait_until(lambda: stage.pair.channels()["ivr1-01"]["state"] == "Busy", "CE has it")
    with locked(daemon):
        refused(door.gone("ivr1-01"))
        stage.pair.release("ce1")
        daemon.wait_status(lambda status: status["signals"]["pending"] == 0, "it is confirmed")
    healed(daemon)

    def on_disk() -> bool:
        with closing(sqlite3.connect(journal_of(daemon))) as journal:
            found = journal.execute("SELECT fate FROM signal WHERE signal_id = ?", (began,)).fetchone()
        return bool(found == ("confirmed",))

    wait_until(on_disk, "the fate is on disk")
    assert door.gone("ivr1-01", None, "5s").status == 200
    stage.all_is_well(errors=ERRORS)


def test_damaged_while_running(stage: Stage, daemon: RunningDaemon, door: Door) -> None:
    """The file is set aside, and everything that somebody waits for is in the fresh one, also what was not rescued."""
    stage.pair.demote()
    for number in range(1, 16):
        door.new_call(f"ivr1-{number:02}", door.named(f"damaged-{number}"), caller="+49301234567890" * 8)
    door.gone("ivr1-01")
    path = journal_of(daemon)
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(size - 4096))
    # What it finds in its own memory of the file may be whole; what is read or written next is not.
    wait_until(lambda: door.get("/v1/failing-over").status == 200 and _aside(daemon, door), "the damage is found")
    daemon.wait_status(lambda status: status["journal"]["set_aside"], "status says so")
    wait_until(lambda: daemon.said("journal-rewritten"), "all is written again")
    daemon.kill()
    daemon.start()
    before, door = door, Door.listen_of(daemon)
    daemon.wait_status(lambda status: status["signals"]["pending"] >= 16, "all that was pending is pending")
    stage.pair.promote("ce1")
    daemon.wait_status(lambda status: status["signals"]["pending"] == 0, "CE has been told")
    calls = daemon.ask("calls")["calls"]
    assert [row["call_id"] for row in calls] == [before.named(f"damaged-{number}") for number in range(2, 16)]
    for row in calls:
        assert door.gone(row["channel"], row["call_id"], "10s").status == 200
    stage.all_is_well(errors=ERRORS)


def _aside(daemon: RunningDaemon, door: Door) -> bool:
    """Have the journal read and written, and whether that has found it damaged."""
    door.gone("ivr1-20", door.named(f"probe-{time.monotonic_ns()}"))
    Door.socket_of(daemon).get("/v1/signals?limit=1000")
    return bool(daemon.status()["journal"]["set_aside"])


def test_locked_at_the_start(stage: Stage, daemon: RunningDaemon, door: Door) -> None:
    """The daemon serves without its memory, says so, and takes up what earlier runs have left when it can read it."""
    stage.pair.demote()
    call_id = door.named("earlier")
    began = door.new_call("ivr1-01", call_id).json["signal_id"]
    daemon.kill()
    with closing(sqlite3.connect(journal_of(daemon), isolation_level=None)) as shell:
        shell.execute("PRAGMA locking_mode = EXCLUSIVE")
        shell.execute("BEGIN EXCLUSIVE")
        daemon.start()
        door = Door.listen_of(daemon)
        stage.pair.promote("ce1")
        daemon.wait_channel("up")
        assert daemon.status()["journal"]["state"] == "failing"
        refused(door.new_call("ivr1-02", door.named("amid")))
        shell.execute("ROLLBACK")
    healed(daemon)
    wait_until(lambda: stage.pair.channels()["ivr1-01"]["call_id"] == call_id, "CE is told")
    again = door.new_call("ivr1-01", call_id)
    assert (again.json["signal_id"], again.json["repeated"]) == (began, True)
    assert [call["call_id"] for call in daemon.ask("calls")["calls"]] == [call_id]
    assert door.gone("ivr1-01", None, "10s").status == 200
    stage.all_is_well(errors=ERRORS)


def test_killed_between_accept_and_answer(stage: Stage, daemon: RunningDaemon, door: Door) -> None:
    """Whoever got no answer asks again, and gets the id of the signal that was accepted, if it was."""
    answers: list[Answer | None] = []

    def ask() -> None:
        try:
            answers.append(door.new_call("ivr1-01", door.named("killed"), "5s"))
        except OSError:
            answers.append(None)

    stage.pair.answer_wrongly("ce1", "hold", operation="NewCall", times=1)
    asking = threading.Thread(target=ask)
    asking.start()
    wait_until(lambda: stage.pair.channels()["ivr1-01"]["state"] == "Busy", "CE has it")
    daemon.kill()
    asking.join()
    assert answers == [None]
    stage.pair.behave("ce1")
    daemon.start()
    door = Door.listen_of(daemon)
    again = door.new_call("ivr1-01", stage.pair.channels()["ivr1-01"]["call_id"], "10s")
    assert again.status == 200
    assert again.json["repeated"]
    assert door.gone("ivr1-01", None, "10s").status == 200
    stage.all_is_well()
