"""Whether the daemon lives is judged by what must come again, never by how CE is."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail
from twisted.internet.task import Clock

from agentchan.ce import watch_pace
from agentchan.ce.watch_pace import LinkTimings
from agentchan.journal.errors import JournalUnavailable
from agentchan.liveness import (
    CLOCK,
    GRACE,
    JOURNAL,
    JOURNAL_ANSWERS_WITHIN,
    JOURNAL_ASKED_EVERY,
    LONGEST_DEADLINE,
    SESSION,
    Liveness,
    longest_silence,
)

URL = "https://ce1.example.com/ComponentService"
TIMINGS = LinkTimings(timeout=1.0, watch_wait=1.0, poll_interval=1.0)


class Journal:
    """Answers by hand."""

    def __init__(self) -> None:
        self.asked: list[Deferred[None]] = []

    def ask(self, question: Callable[[Any], None]) -> Deferred[None]:
        """Keep the question open."""
        question(None)
        self.asked.append(Deferred())
        return self.asked[-1]

    def answer(self) -> None:
        """Answer everything."""
        asked, self.asked = self.asked, []
        for each in asked:
            each.callback(None)


class Daemon:
    """What a daemon does every second, each part of which can be stopped."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.journal = Journal()
        self.deadline = inf
        self.liveness = Liveness(self.clock.seconds, self.journal, lambda: self.deadline)
        self.parts: dict[str, Callable[[], None]] = {
            CLOCK: lambda: self.liveness.passed(1.0),
            JOURNAL: self.journal.answer,
            URL: lambda: self.liveness.observed(URL, TIMINGS),
        }
        for part in self.parts.values():
            part()

    def run(self, seconds: int, *, without: str | None = None) -> None:
        """Let so many seconds pass."""
        for _ in range(seconds):
            self.clock.advance(1.0)
            for name, part in self.parts.items():
                if name != without:
                    part()


def test_an_hour_without_ce_is_no_reason() -> None:
    """The watchers tell one failure after the other, the session has nobody to follow: the daemon lives."""
    daemon = Daemon()
    for _ in range(3600):
        daemon.run(1)
        assert daemon.liveness.reasons() == ()


@pytest.mark.parametrize(
    ("stopped", "named", "after"),
    [
        (CLOCK, CLOCK, 1.0 + GRACE),
        (JOURNAL, JOURNAL, JOURNAL_ASKED_EVERY + JOURNAL_ANSWERS_WITHIN + GRACE),
        (URL, URL, longest_silence(TIMINGS) + GRACE),
    ],
)
def test_a_part_that_stands_still_is_named(stopped: str, named: str, after: float) -> None:
    """Not before its time and the grace are over, then in words; and when it goes on, so does all."""
    daemon = Daemon()
    daemon.run(10)
    daemon.run(int(after), without=stopped)
    assert daemon.liveness.reasons() == ()
    daemon.run(2, without=stopped)
    (reason,) = daemon.liveness.reasons()
    assert named in reason
    assert "overdue by" in reason
    daemon.run(2)
    assert daemon.liveness.reasons() == ()


def test_a_session_that_missed_its_own_deadline_is_named() -> None:
    """Its timer is gone, whatever the reason."""
    daemon = Daemon()
    daemon.deadline = 100.0
    daemon.run(int(100 + GRACE))
    assert daemon.liveness.reasons() == ()
    daemon.run(1)
    assert daemon.liveness.reasons() == (f"{SESSION} is overdue by {GRACE + 1:.0f} s",)


def test_a_blocked_loop_is_found_by_the_first_who_asks_afterwards() -> None:
    """Nothing has run while it was blocked, and the clock tells."""
    daemon = Daemon()
    daemon.clock.advance(60.0)
    assert any(CLOCK in reason for reason in daemon.liveness.reasons())


def test_a_journal_that_cannot_be_read_still_answers() -> None:
    """A full disk is no reason to be restarted."""
    clock = Clock()
    journal = Journal()
    journal.ask = lambda _question: fail(JournalUnavailable("disk full"))  # type: ignore[method-assign]
    liveness = Liveness(clock.seconds, journal, lambda: inf)
    for _ in range(200):
        liveness.passed(1.0)
        clock.advance(1.0)
        assert liveness.reasons() == ()


def test_the_journal_is_asked_seldom() -> None:
    """Each question wakes its thread, which has nothing to do otherwise."""
    daemon = Daemon()
    asked = 0
    for _ in range(100):
        daemon.clock.advance(1.0)
        daemon.liveness.passed(1.0)
        asked += len(daemon.journal.asked)
        daemon.journal.answer()
    assert asked == 100 / JOURNAL_ASKED_EVERY


def test_one_question_at_a_time_is_put_to_the_journal() -> None:
    """A thread that hangs is not heaped with questions."""
    daemon = Daemon()
    daemon.run(50, without=JOURNAL)
    assert len(daemon.journal.asked) == 1


def test_a_daemon_that_signs_off_has_nothing_left_to_do_in_time() -> None:
    """Its timers have ended on purpose; the watchdog is fed as long as the loop turns."""
    daemon = Daemon()
    daemon.deadline = 0.0
    daemon.liveness.ending()
    daemon.clock.advance(1000.0)
    assert daemon.liveness.reasons() == ()


def test_slower_timings_are_waited_for_from_the_word_that_used_them() -> None:
    """A question that was asked by the old timings has the old time."""
    clock = Clock()
    liveness = Liveness(clock.seconds, Journal(), lambda: inf)
    slow = LinkTimings(timeout=30.0, watch_wait=60.0, poll_interval=60.0)
    liveness.observed(URL, slow)
    clock.advance(longest_silence(slow))
    assert liveness.reasons() == ()
    liveness.observed(URL, TIMINGS)
    clock.advance(longest_silence(TIMINGS) + GRACE + 0.1)
    assert len(liveness.reasons()) == 1


def test_the_longest_deadline_is_the_watchers_own() -> None:
    """A watcher is given no less time than it takes itself."""
    assert LONGEST_DEADLINE >= watch_pace._MOST_PATIENCE
