"""Call signals on disk: order, fates, counts, ages, pages."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from sqlite3 import Connection
from typing import Any

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentchan.journal import WriteRefused
from agentchan.journal.writes import CallTokenLearnt, EventHappened, SignalTried
from agentchan.vocabulary import Fate, Gone, NewCall
from tests.journal.samples import accepted, gone, new_call, opened, settled, with_token
from tests.journal.threads import BEGIN, Clocks


def test_pending_signals_come_back_in_order_after_a_restart(tmp_path: Path) -> None:
    """A later run reads, page by page, exactly the pending signals of earlier runs, in the order of acceptance."""
    desk, _ = opened(tmp_path / "j")
    for number in range(5):
        desk.recorded(*accepted(new_call(number)))
        desk.recorded(*accepted(gone(number)))
    desk.recorded(settled("n0"), settled("g2"))
    desk.closed()

    desk, remembered = opened(tmp_path / "j")
    desk.recorded(*accepted(new_call(99)))
    read: list[str] = []
    position = 0
    while page := desk.turns.result(desk.journal.pending(after=position, until=remembered.last_position, limit=3)):
        read += [kept.signal.signal_id for kept in page]
        position = page[-1].position
    assert read == ["g0", "n1", "g1", "n2", "n3", "g3", "n4", "g4"]
    desk.closed()


def test_a_signal_comes_back_as_it_was(tmp_path: Path) -> None:
    """Every field survives, the zone of its time, foreign letters and carried parameters included."""
    at = datetime(2026, 11, 24, 13, 0, 0, 999_999, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    first = NewCall("n1", "ivr1", "ivr1-001", "c1", at, "+49 30 Größe", None, "<a>ü</a>")
    second = Gone("g1", "ivr1", "ivr1-001", "c1", at, "línea")
    desk, _ = opened(tmp_path / "j")
    desk.recorded(*accepted(first))
    desk.recorded(*accepted(second, repair=True, who="root"))
    desk.closed()
    desk, _ = opened(tmp_path / "j")
    one = desk.turns.result(desk.journal.signal("n1"))
    other = desk.turns.result(desk.journal.signal("g1"))
    assert one is not None
    assert isinstance(one.signal, NewCall)
    assert one.signal == first
    assert one.signal.started_at.isoformat() == at.isoformat()
    assert (one.repair, one.accepted_at) == (False, BEGIN)
    assert other is not None
    assert other.signal == second
    assert (other.repair, other.who) == (True, "root")
    assert desk.turns.result(desk.journal.signal("n2")) is None
    desk.closed()


def test_the_call_token_comes_with_the_gone(tmp_path: Path) -> None:
    """What CE answered to the NewCall is offered to the call's Gone, also after a restart."""
    desk, _ = opened(tmp_path / "j")
    desk.recorded(*accepted(new_call(1)))
    desk.recorded(settled("n1"), CallTokenLearnt("ivr1-001", "c1", "T-1"))
    desk.recorded(*accepted(gone(1)))
    desk.closed()
    desk, remembered = opened(tmp_path / "j")
    (kept,) = desk.turns.result(desk.journal.pending(after=0, until=remembered.last_position))
    assert kept.signal == with_token(gone(1), "T-1")
    desk.closed()


def test_fates_with_their_times_attempts_and_errors(tmp_path: Path) -> None:
    """Tries in vain and the fate are kept; a refused signal that is wanted again is pending in its old place."""
    desk, _ = opened(tmp_path / "j")
    desk.recorded(*accepted(new_call(1)))
    desk.recorded(SignalTried("n1", 3, BEGIN + timedelta(seconds=5), "reset"))
    kept = desk.turns.result(desk.journal.signal("n1"))
    assert kept is not None
    assert (kept.fate, kept.attempts, kept.tried_at, kept.last_error) == (
        Fate.PENDING,
        3,
        BEGIN + timedelta(seconds=5),
        "reset",
    )
    desk.recorded(evolve(settled("n1", Fate.REFUSED, "UnknownChannel"), attempts=4))
    refused = desk.turns.result(desk.journal.signal("n1"))
    assert refused is not None
    assert (refused.fate, refused.attempts, refused.settled_at) == (Fate.REFUSED, 4, BEGIN + timedelta(seconds=1))
    assert (refused.last_error, refused.host) == ("UnknownChannel", "ce1")
    desk.recorded(*accepted(gone(1)), settled("n1", Fate.PENDING, "operator"))
    page = desk.turns.result(desk.journal.pending(after=0, until=99))
    assert [(kept.signal.signal_id, kept.settled_at) for kept in page] == [("n1", None), ("g1", None)]
    desk.closed()


def test_counts(tmp_path: Path) -> None:
    """The counts follow every change, know the oldest pending signal, and survive a restart."""
    clocks = Clocks()
    desk, remembered = opened(tmp_path / "j", clocks)
    assert remembered.counts.pending == 0
    assert remembered.counts.oldest is None
    for number in range(6):
        desk.recorded(*accepted(new_call(number), repair=number == 5))
        clocks.advance(10.0)
    desk.recorded(
        settled("n0"), settled("n1", Fate.REFUSED), settled("n2", Fate.EXPIRED), settled("n3", Fate.DISCARDED)
    )
    counts = desk.journal.counts
    assert (counts.pending, counts.confirmed, counts.refused, counts.expired) == (2, 1, 1, 1)
    assert (counts.discarded, counts.repairs, counts.oldest) == (1, 1, 1040.0)
    desk.recorded(settled("n1", Fate.PENDING))
    assert (desk.journal.counts.pending, desk.journal.counts.refused, desk.journal.counts.oldest) == (3, 0, 1010.0)
    before = desk.journal.counts
    desk.closed()
    desk, remembered = opened(tmp_path / "j", clocks)
    assert remembered.counts == before == desk.journal.counts
    desk.closed()


def test_age_is_counted_while_running_only(tmp_path: Path) -> None:
    """Neither a jump of the clock nor time without a daemon makes a signal older."""
    first, second = Clocks(), Clocks()
    desk, _ = opened(tmp_path / "j", first)
    first.seconds += 5.0
    desk.recorded(*accepted(new_call(1)))
    first.advance(7.0)
    first.now += timedelta(days=400)
    desk.recorded(EventHappened(BEGIN, "time goes by"))
    desk.closed()
    second.seconds = 50.0
    second.now -= timedelta(days=400)
    desk, _ = opened(tmp_path / "j", second)
    kept = desk.turns.result(desk.journal.signal("n1"))
    assert kept is not None
    assert kept.accepted == pytest.approx(50.0 - 7.0)
    desk.closed()


def test_a_taken_signal_id_fails_its_own_batch_alone(tmp_path: Path) -> None:
    """Batches of the same commit are kept; of the one that contradicts nothing is."""
    desk, _ = opened(tmp_path / "j")
    desk.recorded(*accepted(new_call(1)))
    good = desk.journal.record(accepted(new_call(2)))
    bad = desk.journal.record((*accepted(new_call(3)), *accepted(evolve(new_call(4), signal_id="n1"))))
    other = desk.journal.record(accepted(new_call(5)))
    with pytest.raises(WriteRefused, match="signal_id"):
        desk.turns.result(bad)
    desk.turns.result(good)
    desk.turns.result(other)
    page = desk.turns.result(desk.journal.pending(after=0, until=99))
    assert [kept.signal.signal_id for kept in page] == ["n1", "n2", "n5"]
    assert desk.turns.result(desk.journal.call("ivr1-001", "c3")) is None
    assert desk.journal.counts.pending == 3
    desk.closed()


def test_what_is_no_write_is_refused(tmp_path: Path) -> None:
    """A value that the journal does not know fails its batch, not the journal."""
    desk, _ = opened(tmp_path / "j")
    with pytest.raises(WriteRefused):
        desk.turns.result(desk.journal.record(["nonsense"]))  # type: ignore[list-item]
    desk.recorded(*accepted(new_call(1)))
    desk.closed()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, ["g3", "n3", "g2", "n2", "g1", "n1", "g0", "n0"]),
        ({"limit": 2}, ["g3", "n3"]),
        ({"before": "n3"}, ["g2", "n2", "g1", "n1", "g0", "n0"]),
        ({"before": "unknown", "limit": 1}, ["g3"]),
        ({"channel": "b"}, ["g3", "n3", "g1", "n1"]),
        ({"channel": "b", "fates": (Fate.PENDING,)}, ["g3"]),
        ({"channel": "nobody"}, []),
        ({"fates": (Fate.CONFIRMED,)}, ["n1", "g0", "n0"]),
        ({"fates": (Fate.REFUSED, Fate.EXPIRED)}, ["n3", "n2"]),
        ({"fates": (Fate.REFUSED, Fate.EXPIRED), "limit": 1}, ["n3"]),
        ({"fates": (Fate.PENDING, Fate.CONFIRMED), "before": "g3"}, ["g2", "n1", "g0", "n0"]),
    ],
)
def test_signals_newest_first(tmp_path: Path, arguments: dict[str, object], expected: list[str]) -> None:
    """Lists are filtered by fate and channel, and go on below the last row of an earlier page."""
    desk, _ = opened(tmp_path / "j")
    for number in range(4):
        channel = "ab"[number % 2]
        desk.recorded(*accepted(new_call(number, channel)), *accepted(gone(number, channel)))
    desk.recorded(settled("n0"), settled("g0"), settled("n1"))
    desk.recorded(settled("g1", Fate.DISCARDED), settled("n2", Fate.EXPIRED), settled("n3", Fate.REFUSED))
    page = desk.turns.result(desk.journal.signals(**arguments))  # type: ignore[arg-type]
    assert [kept.signal.signal_id for kept in page] == expected
    desk.closed()


def rows_of(connection: Connection, query: str) -> list[tuple[Any, ...]]:
    """The rows of a query."""
    return connection.execute(query).fetchall()


def test_the_hot_questions_use_their_indexes(tmp_path: Path) -> None:
    """What is asked at each commit and at a start does not read through the whole table."""
    desk, _ = opened(tmp_path / "j")
    for query in (
        "SELECT accepted_counted FROM signal WHERE fate = 'pending' AND fate <> 'confirmed' ORDER BY position LIMIT 1",
        "SELECT * FROM signal WHERE fate = 'pending' AND fate <> 'confirmed' AND position > 5 ORDER BY position",
        "SELECT * FROM signal WHERE channel = 'a' AND +fate = 'pending' AND position < 5 ORDER BY position DESC",
        "SELECT * FROM call WHERE ended_at IS NULL ORDER BY since",
    ):
        plan = desk.turns.result(desk.journal.ask(partial(rows_of, query=f"EXPLAIN QUERY PLAN {query}")))
        assert "USING INDEX" in plan[0][3], query
        assert len(plan) == 1, query
    desk.closed()


FATES = st.sampled_from([fate for fate in Fate if fate is not Fate.PENDING])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(fates=st.lists(st.none() | FATES, max_size=30), restart_at=st.integers(0, 30))
def test_whatever_happens_the_counts_and_the_pending_agree(
    tmp_path_factory: pytest.TempPathFactory, fates: list[Fate | None], restart_at: int
) -> None:
    """After any history, restarts included, what is pending is what was accepted and not settled, in order."""
    path = tmp_path_factory.mktemp("journal") / "j"
    desk, _ = opened(path)
    for number, fate in enumerate(fates):
        if number == restart_at:
            desk.closed()
            desk, _ = opened(path)
        accepting = desk.journal.record(accepted(new_call(number)))
        if fate is not None:
            desk.turns.result(desk.journal.record([settled(f"n{number}", fate)], lazily=True))
        desk.turns.result(accepting)
    expected = [f"n{number}" for number, fate in enumerate(fates) if fate is None]
    page = desk.turns.result(desk.journal.pending(after=0, until=10**6))
    assert [kept.signal.signal_id for kept in page] == expected
    assert desk.journal.counts.pending == len(expected)
    assert desk.journal.counts.confirmed == fates.count(Fate.CONFIRMED)
    desk.closed()
