"""Pruning: what goes, what stays, in slices, by counted time."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from attrs import evolve

from agentchan.journal import State
from agentchan.journal.housekeeping import SLICE, Housekeeping
from agentchan.journal.journal import FIRST_TIDYING_AFTER
from agentchan.journal.writes import SignalAccepted, SignalSettled
from agentchan.vocabulary import Fate
from tests.journal.samples import accepted, gone, new_call, opened, settled
from tests.journal.threads import BEGIN, Clocks, Desk

DAY = 86400.0


def tidied(desk: Desk) -> None:
    """Let housekeeping do all that is due: each answer comes after one slice at most."""
    desk.clocks.advance(FIRST_TIDYING_AFTER)
    for _ in range(20):
        desk.clocks.advance(60.0)
        desk.turns.result(desk.journal.failovers())


def ids(desk: Desk) -> set[str]:
    """The ids of all signals that are kept."""
    return {kept.signal.signal_id for kept in desk.turns.result(desk.journal.signals(limit=10**6))}


def test_old_settled_signals_and_ended_calls_go(tmp_path: Path) -> None:
    """After ``keep`` confirmed, expired and discarded signals go with their calls; waiting and refused ones stay."""
    clocks = Clocks()
    desk, _ = opened(tmp_path / "j", clocks, keep=7 * DAY)
    for number in range(1, 7):
        desk.recorded(*accepted(new_call(number, f"c{number}")))
    desk.recorded(*accepted(gone(1, "c1")), *accepted(gone(2, "c2")), *accepted(gone(6, "c6")))
    desk.recorded(settled("n1"), settled("g1"), settled("n2"), settled("n3", Fate.EXPIRED))
    desk.recorded(settled("n4", Fate.REFUSED), settled("n5", Fate.DISCARDED))
    clocks.advance(7 * DAY - 3600.0)
    desk.recorded(*accepted(gone(7, "c7")), settled("g7"))
    tidied(desk)
    assert len(ids(desk)) == 10
    clocks.advance(3600.0)
    tidied(desk)
    assert ids(desk) == {"g2", "n4", "n6", "g6", "g7"}
    assert desk.turns.result(desk.journal.call("c1", "c1")) is None
    assert desk.turns.result(desk.journal.call("c2", "c2")) is not None
    assert desk.turns.result(desk.journal.call("c3", "c3")) is not None  # still open
    desk.recorded(settled("n6"))
    counts = desk.journal.counts
    assert (counts.confirmed, counts.pending, counts.expired, counts.refused, counts.discarded) == (5, 2, 0, 1, 0)
    desk.closed()


def test_a_jump_of_the_clock_prunes_nothing(tmp_path: Path) -> None:
    """What is old is counted, not read off the wall clock."""
    clocks = Clocks()
    desk, _ = opened(tmp_path / "j", clocks, keep=DAY)
    desk.recorded(*accepted(gone(1)), settled("g1"))
    clocks.now += timedelta(days=4000)
    tidied(desk)
    assert ids(desk) == {"g1"}
    desk.closed()


def test_another_keep_counts_at_once(tmp_path: Path) -> None:
    """A reload may shorten ``keep``."""
    clocks = Clocks()
    desk, _ = opened(tmp_path / "j", clocks, keep=30 * DAY)
    desk.recorded(*accepted(gone(1)), settled("g1"))
    clocks.advance(2 * DAY)
    desk.journal.keep_for(DAY)
    tidied(desk)
    assert ids(desk) == set()
    desk.closed()


@pytest.mark.parametrize("lingering", [0, 3 * SLICE])
def test_many_go_in_slices(tmp_path: Path, lingering: int) -> None:
    """More than one slice goes, also behind old signals that are still pending; the file shrinks."""
    clocks = Clocks()
    path = tmp_path / "j"
    desk, _ = opened(path, clocks, keep=DAY)
    numbers = range(4 * SLICE + lingering)
    desk.recorded(*(SignalAccepted(evolve(new_call(number), parameters="x" * 500), BEGIN) for number in numbers))
    desk.recorded(
        *(SignalSettled(f"n{number}", Fate.CONFIRMED, BEGIN, 1) for number in range(lingering, 4 * SLICE + lingering))
    )
    clocks.advance(2 * DAY)
    tidied(desk)
    assert len(ids(desk)) == lingering
    pages = desk.turns.result(desk.journal.ask(lambda c: c.execute("PRAGMA page_count").fetchone()[0]))
    assert pages < (4 * SLICE + lingering) * 700 // 4096
    desk.closed()


def test_too_large_a_file_prunes_before_time(tmp_path: Path) -> None:
    """Above the limit the oldest settled signals go early, only as many as needed; the others stay."""
    desk, _ = opened(tmp_path / "j", Clocks(), keep=300 * DAY, largest=1_000_000)
    for begin in range(0, 2000, 500):
        numbers = range(begin, begin + 500)
        desk.recorded(*(SignalAccepted(evolve(new_call(number), parameters="x" * 500), BEGIN) for number in numbers))
        desk.recorded(*(settled(f"n{number}") for number in numbers if number >= 10))
    tidied(desk)
    kept = ids(desk)
    assert {f"n{number}" for number in range(10)} <= kept
    assert "n1999" in kept
    assert "n10" not in kept
    assert 500 < len(kept) < 1500
    desk.closed()


def test_a_fault_in_housekeeping_does_not_end_the_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever goes wrong there shows in the health, and signals are accepted afterwards as before."""
    desk, _ = opened(tmp_path / "j")

    def fail(*_: object) -> None:
        raise RuntimeError("unforeseen")

    with monkeypatch.context() as patch:
        patch.setattr(Housekeeping, "tidy", fail)
        desk.clocks.advance(FIRST_TIDYING_AFTER)
        desk.recorded(*accepted(new_call(1)))
        desk.turns.until(lambda: "unforeseen" in desk.journal.health.reason)
    desk.clocks.advance(1.0)
    desk.turns.until(lambda: desk.journal.health.state is State.OK)
    desk.recorded(*accepted(new_call(2)))
    assert ids(desk) == {"n1", "n2"}
    desk.closed()
