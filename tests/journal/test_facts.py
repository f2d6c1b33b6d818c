"""The facts that must be known before the first network act."""

from __future__ import annotations

from datetime import timedelta, timezone
from pathlib import Path

import pytest

from agentchan.journal import Health, JournalUnavailable, Remembered, State
from agentchan.journal.writes import (
    DrainBegun,
    DrainEnded,
    EventHappened,
    FailoverHappened,
    MarkFallen,
    MarkRaised,
    PinLifted,
    PinSet,
    ReadinessLifted,
    ReadinessWanted,
    Write,
)
from tests.journal.threads import BEGIN, Desk


def remembered_after(path: Path, *batches: list[Write]) -> Remembered:
    """What the next run knows after these batches, each recorded by a run of its own."""
    for batch in batches:
        desk = Desk(path)
        desk.journal.load()
        desk.turns.result(desk.journal.record(batch))
        desk.journal.close_now()
    desk = Desk(path)
    remembered = desk.journal.load()
    desk.journal.close_now()
    return remembered


def test_a_fresh_journal_remembers_nothing(tmp_path: Path) -> None:
    """The first run begins with no wishes, marks, pin or drain."""
    assert remembered_after(tmp_path / "j") == Remembered()


def test_readiness_by_hand_survives(tmp_path: Path) -> None:
    """Wishes come back exactly as they were set, with and without an end."""
    until = (BEGIN + timedelta(minutes=30)).astimezone(timezone(timedelta(hours=1)))
    first = ReadinessWanted("ivr1-001", ready=False, reason="línea rota", set_at=BEGIN, until=until, who="root")
    second = ReadinessWanted("ivr1-002", ready=False, reason="x", set_at=BEGIN)
    assert remembered_after(tmp_path / "j", [first, second]).readiness == (first, second)


def test_the_newest_wish_counts_and_a_lifted_one_is_gone(tmp_path: Path) -> None:
    """A wish replaces the one before; lifting removes it."""
    first = ReadinessWanted("ivr1-001", ready=False, reason="a", set_at=BEGIN)
    second = ReadinessWanted("ivr1-001", ready=True, reason="b", set_at=BEGIN)
    other = ReadinessWanted("ivr1-002", ready=False, reason="c", set_at=BEGIN)
    kept = remembered_after(tmp_path / "j", [first, other], [second, ReadinessLifted("ivr1-002")])
    assert kept.readiness == (second,)


def test_marks_are_kept_per_domain_and_home_is_the_newest(tmp_path: Path) -> None:
    """A mark replaces its domain's; the domain of the newest is home; a fallen mark is gone."""
    nameless = MarkRaised(None, 3, "ce1", BEGIN)
    first = MarkRaised("a", 7, "ce1", BEGIN)
    other = MarkRaised("b", 2, "ce3", BEGIN)
    again = MarkRaised("a", 8, "ce2", BEGIN)
    kept = remembered_after(tmp_path / "j", [nameless, first, other], [again])
    assert kept.marks == (nameless, other, again)
    assert kept.home == "a"
    fallen = remembered_after(tmp_path / "j", [MarkFallen("a"), MarkFallen(None)])
    assert fallen.marks == (other,)
    assert fallen.home == "b"


@pytest.mark.parametrize("generation", [0, 2**63 - 1, 2**63, 2**64 - 1])
def test_any_generation_of_the_contract_is_kept(tmp_path: Path, generation: int) -> None:
    """CE's generations have 64 bits without a sign, one more than SQLite's integers: each comes back as it was."""
    mark = MarkRaised("a", generation, "ce1", BEGIN)
    assert remembered_after(tmp_path / "j", [mark]).marks == (mark,)
    desk = Desk(tmp_path / "j")
    desk.journal.load()
    failover = FailoverHappened(BEGIN, "ce1", "ce2", "reset", generation, 0.1, 0.2, 0.3, 0.4, 0.5, 1.5)
    desk.turns.result(desk.journal.record([failover]))
    assert desk.turns.result(desk.journal.failovers()) == (failover,)
    desk.journal.close_now()


def test_pin_and_drain_survive_until_lifted(tmp_path: Path) -> None:
    """There is one pin and one drain; both come back until they are taken away."""
    pin = PinSet("ce2", "maintenance", BEGIN, BEGIN + timedelta(hours=1), "alice")
    drain = DrainBegun(BEGIN, "update", None, "bob")
    kept = remembered_after(tmp_path / "j", [PinSet("ce1", "wrong", BEGIN), pin, drain])
    assert (kept.pin, kept.drain) == (pin, drain)
    kept = remembered_after(tmp_path / "j", [PinLifted(), DrainEnded()])
    assert (kept.pin, kept.drain) == (None, None)


def test_failovers_come_newest_first(tmp_path: Path) -> None:
    """The history of failovers is kept with its phases, also unfinished ones."""
    desk = Desk(tmp_path / "j")
    desk.journal.load()
    first = FailoverHappened(BEGIN, "ce1", "ce2", "reset", 8, 0.1, 0.2, 0.3, 0.4, 0.5, 1.5)
    second = FailoverHappened(BEGIN, None, "ce1", "first", None, 0.25)
    desk.turns.result(desk.journal.record([first, second]))
    assert desk.turns.result(desk.journal.failovers()) == (second, first)
    assert desk.turns.result(desk.journal.failovers(1)) == (second,)
    desk.journal.close_now()


def test_events_are_a_ring(tmp_path: Path) -> None:
    """The newest ten thousand events are kept, with numbers that go on rising."""
    desk = Desk(tmp_path / "j")
    desk.journal.load()
    desk.turns.result(desk.journal.record([EventHappened(BEGIN, "tick", str(n)) for n in range(10_050)]))
    newest = desk.turns.result(desk.journal.events(2))
    assert [(kept.number, kept.event.fields) for kept in newest] == [(10_049, "10048"), (10_050, "10049")]
    oldest = desk.turns.result(desk.journal.events(1, after=0))
    assert oldest[0].number == 51
    desk.journal.close_now()


def test_close_finishes_what_was_handed_over(tmp_path: Path) -> None:
    """Batches recorded before close are kept, those after it are refused, and closing twice is harmless."""
    desk = Desk(tmp_path / "j")
    desk.journal.load()
    before = desk.journal.record([EventHappened(BEGIN, "last")], lazily=True)
    closed, again = desk.journal.close(), desk.journal.close()
    with pytest.raises(JournalUnavailable, match="closed"):
        desk.turns.result(desk.journal.record([EventHappened(BEGIN, "late")]))
    desk.turns.result(closed)
    desk.turns.result(again)
    assert desk.turns.result(before) is None
    assert desk.journal.health == Health(State.CLOSED, BEGIN)


def test_a_journal_that_was_never_loaded_closes(tmp_path: Path) -> None:
    """Closing without loading is no error and makes no file."""
    desk = Desk(tmp_path / "j")
    desk.turns.result(desk.journal.close())
    assert list(tmp_path.iterdir()) == []
