"""The journal's disk is full to the last byte, under the whole daemon: 503, said loudly, and healed by itself."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus

import pytest

from tests.end_to_end.daemons import RunningDaemon, Stage, staged, wait_until
from tests.end_to_end.doors import Answer, Door
from tests.faults.disks import Disk, mounted, why_not

ERRORS = ("journal", "journal-failing", "journal-unavailable")
MOST = 20_000
"""Signals by which the disk must be full: SQLite may have room in its log for some."""


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disk]:
    """The journal's disk."""
    reason = why_not(tmp_path_factory.mktemp("try"))
    if reason:
        pytest.skip(reason)
    with mounted(tmp_path_factory.mktemp("disk") / "journal") as made:
        yield made


@pytest.fixture(scope="module")
def shared(disk: Disk, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A pair, and a daemon whose journal is on that disk."""
    with staged(tmp_path_factory.mktemp("full")) as stage:
        journal = {"path": str(disk.directory / "journal.sqlite3")}
        stage.started(tables={"api": {"listen": "127.0.0.1:0"}, "journal": journal})
        yield stage


@pytest.fixture
def daemon(shared: Stage, disk: Disk) -> RunningDaemon:
    """The module's daemon, with all channels ready and room on the disk."""
    disk.make_room()
    return shared.begin_story()


def told(door: Door, *, began: int = 0) -> list[tuple[str, str, str]]:
    """Make calls until one is refused; channel, call and SignalId of each NewCall that was accepted and goes on."""
    accepted: list[tuple[str, str, str]] = []
    for number in range(began, MOST):
        channel, call_id = f"ivr1-{number % 20 + 1:02}", door.named(f"call{number}")
        # Long numbers, so that the disk is full soon.
        answer = door.new_call(channel, call_id, caller="+49301234567890" * 8)
        if answer.status == HTTPStatus.SERVICE_UNAVAILABLE:
            refused(answer)
            return accepted
        assert answer.status == HTTPStatus.ACCEPTED, answer
        accepted.append((channel, call_id, answer.json["signal_id"]))
    raise AssertionError("the disk was never full")


def refused(answer: Answer) -> None:
    """503, with when to come again."""
    assert (answer.status, answer.code) == (HTTPStatus.SERVICE_UNAVAILABLE, "journal-unavailable")
    assert answer.headers["Retry-After"] == "1"


def healed(daemon: RunningDaemon, door: Door) -> None:
    """The journal works again, nobody has done anything about it but clear up, and CE knows all."""
    daemon.wait_status(lambda status: status["journal"]["state"] == "ok", "the journal works again")
    wait_until(lambda: door.get("/readyz").status == HTTPStatus.OK, "readyz says so")
    daemon.wait_status(lambda status: status["signals"]["pending"] == 0, "CE has been told")


def ended(door: Door) -> None:
    """Every call ends."""
    for call in Door.get(door, "/v1/calls").json["calls"]:
        assert door.gone(call["channel"], call["call_id"], "10s").status == HTTPStatus.OK


def test_full(shared: Stage, daemon: RunningDaemon, door_of: tuple[Door, Door], disk: Disk) -> None:
    """Accepted to the last byte, then 503; readyz and status say why; calls in progress and readiness stay."""
    door, operator = door_of
    disk.fill()
    accepted = told(door)
    status = daemon.status()
    assert (status["journal"]["state"], status["agent_channel"]["state"]) == ("failing", "up")
    assert "full" in status["journal"]["error"]
    ready = door.get("/readyz")
    assert ready.status == HTTPStatus.SERVICE_UNAVAILABLE
    assert any("journal" in reason for reason in ready.json["reasons"])
    refused(door.gone("ivr1-01", door.named("nobody-knows")))
    disk.make_room()
    healed(daemon, door)
    ended(operator)
    applied = {row["signal_id"] for row in shared.pair.history() if row["event"] == "new-call"}
    assert {signal_id for _, _, signal_id in accepted} <= applied
    shared.all_is_well(errors=ERRORS)


def test_full_at_the_start(shared: Stage, daemon: RunningDaemon, disk: Disk) -> None:
    """A daemon that starts on a full disk serves its channels, refuses signals, and remembers as soon as it can."""
    door = Door.listen_of(daemon)
    call_id = door.named("before")
    assert door.new_call("ivr1-01", call_id, "10s").status == HTTPStatus.OK
    daemon.kill()
    disk.fill()
    daemon.start()
    door = Door.listen_of(daemon)
    daemon.wait_channel("up")
    told(door, began=1)
    disk.make_room()
    healed(daemon, door)
    wait_until(lambda: shared.pair.channels()["ivr1-01"]["call_id"] is not None, "CE holds a call")
    ended(Door.socket_of(daemon))
    shared.all_is_well(errors=ERRORS)


@pytest.fixture
def door_of(daemon: RunningDaemon) -> tuple[Door, Door]:
    """The daemon's TCP port, and its socket."""
    return Door.listen_of(daemon), Door.socket_of(daemon)
