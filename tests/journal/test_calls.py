"""Calls on disk: what is open, and how a repeated signal is recognised."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from agentchan.vocabulary import Fate
from tests.journal.samples import accepted, gone, new_call, opened, settled
from tests.journal.threads import BEGIN


def test_a_repeated_new_call_is_recognised(tmp_path: Path) -> None:
    """The call of an earlier run is known with its signal and that signal's fate."""
    desk, _ = opened(tmp_path / "j")
    desk.recorded(*accepted(new_call(1)))
    desk.recorded(settled("n1"))
    desk.closed()
    desk, _ = opened(tmp_path / "j")
    call = desk.turns.result(desk.journal.call("ivr1-001", "c1"))
    assert call is not None
    assert (call.new_call, call.new_call_fate, call.since, call.ended_at) == ("n1", Fate.CONFIRMED, BEGIN, None)
    assert desk.turns.result(desk.journal.call("ivr1-002", "c1")) is None
    desk.closed()


def test_a_question_sees_what_was_recorded_before_it(tmp_path: Path) -> None:
    """Nobody has to wait for the disk before asking for a call that was just recorded."""
    desk, _ = opened(tmp_path / "j")
    recording = desk.journal.record(accepted(new_call(1)))
    call = desk.turns.result(desk.journal.call("ivr1-001", "c1"))
    assert call is not None
    assert call.new_call_fate is Fate.PENDING
    desk.turns.result(recording)
    desk.closed()


def test_a_new_call_after_its_gone_does_not_open_the_call_again(tmp_path: Path) -> None:
    """An ended call stays ended, and both its signals are known."""
    desk, _ = opened(tmp_path / "j")
    desk.recorded(*accepted(gone(1, at=BEGIN + timedelta(seconds=9))))
    only_gone = desk.turns.result(desk.journal.call("ivr1-001", "c1"))
    assert only_gone is not None
    assert (only_gone.since, only_gone.new_call, only_gone.gone) == (None, None, "g1")
    desk.recorded(*accepted(new_call(1)))
    call = desk.turns.result(desk.journal.call("ivr1-001", "c1"))
    assert call is not None
    assert (call.since, call.ended_at, call.new_call, call.gone) == (BEGIN, BEGIN + timedelta(seconds=9), "n1", "g1")
    desk.recorded(settled("g1", Fate.REFUSED))
    call = desk.turns.result(desk.journal.call("ivr1-001", "c1"))
    assert call is not None
    assert (call.new_call_fate, call.gone_fate) == (Fate.PENDING, Fate.REFUSED)
    desk.closed()


def test_open_calls_are_known_at_the_start(tmp_path: Path) -> None:
    """The calls in progress come with the facts of earlier runs, the oldest first."""
    desk, _ = opened(tmp_path / "j")
    desk.recorded(*accepted(new_call(2, "b", BEGIN + timedelta(minutes=2))))
    desk.recorded(*accepted(new_call(1, "a", BEGIN + timedelta(minutes=1))))
    desk.recorded(*accepted(new_call(3, "c")), *accepted(gone(3, "c")))
    desk.closed()
    desk, remembered = opened(tmp_path / "j")
    assert [(call.channel, call.call_id) for call in remembered.open_calls] == [("a", "c1"), ("b", "c2")]
    desk.closed()
