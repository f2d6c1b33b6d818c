"""The pace of the questions to one URL, as a table of what was and what follows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentchan.ce.watch_pace import HELD, PLAIN, LinkTimings, Question, WatchPace

BOTH = frozenset({PLAIN, HELD})
TIMINGS = LinkTimings(timeout=1.0, watch_wait=2.0, poll_interval=5.0)


def pace(duties: frozenset[str] = BOTH) -> WatchPace:
    """A pace whose chance always falls on the longest pause."""
    return WatchPace(duties, lambda _low, high: high)


@pytest.mark.parametrize(
    ("duties", "known", "question"),
    [
        (BOTH, False, Question(PLAIN, 0.0, 1.0)),
        (BOTH, True, Question(HELD, 2.0, 3.0)),
        (frozenset({PLAIN}), False, Question(PLAIN, 0.0, 1.0)),
        (frozenset({PLAIN}), True, Question(PLAIN, 0.0, 1.0)),
        (frozenset({HELD}), False, Question(HELD, 0.0, 1.0)),
        (frozenset({HELD}), True, Question(HELD, 2.0, 3.0)),
    ],
)
def test_what_is_asked(duties: frozenset[str], known: bool, question: Question) -> None:
    """By what the profile maps, and by whether there is something to compare with."""
    assert pace(duties).question(0.0, TIMINGS, known=known) == question


@pytest.mark.parametrize(
    ("duties", "known", "took", "changed", "pause"),
    [
        (BOTH, False, 0.01, True, 0.0),
        (BOTH, True, 2.0, False, 0.0),
        (BOTH, True, 0.01, True, 0.0),
        (BOTH, True, 0.9, False, 5.0),
        (frozenset({PLAIN}), False, 0.25, True, 4.75),
        (frozenset({PLAIN}), True, 0.25, False, 4.75),
        (frozenset({PLAIN}), True, 7.0, False, 0.0),
        (frozenset({HELD}), False, 0.01, True, 0.0),
    ],
)
def test_pause_after_an_answer(duties: frozenset[str], known: bool, took: float, changed: bool, pause: float) -> None:
    """None where questions are held back; the rest of the interval where they are not."""
    paced = pace(duties)
    question = paced.question(0.0, TIMINGS, known=known)
    assert paced.answered(question, took, took, TIMINGS, changed=changed) == pause


def failures(paced: WatchPace, *, known: bool, overdue: bool = False) -> Iterator[float]:
    """One failure after another, each as soon as it may be; yields the pauses."""
    now = 0.0
    while True:
        question = paced.question(now, TIMINGS, known=known)
        pause = paced.failed(question, now, TIMINGS, known=known, overdue=overdue)
        known = False
        now += pause
        yield pause


def test_pauses_after_failures() -> None:
    """Nothing after the first, if it had answered before; then twice as long each time, up to poll_interval."""
    pauses = failures(pace(), known=True)
    assert [next(pauses) for _ in range(9)] == [0.0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    pauses = failures(pace(), known=False)
    assert [next(pauses) for _ in range(2)] == [0.1, 0.2]


def test_an_answer_to_a_held_question_ends_the_failures() -> None:
    """A plain one does not, where held ones are the usual: it may be these that fail."""
    paced = pace()
    pauses = failures(paced, known=False)
    assert [next(pauses) for _ in range(3)] == [0.1, 0.2, 0.4]
    plain = paced.question(10.0, TIMINGS, known=False)
    paced.answered(plain, 10.0, 0.0, TIMINGS, changed=True)
    assert paced.failed(plain, 10.0, TIMINGS, known=False, overdue=False) == 0.8
    held = paced.question(20.0, TIMINGS, known=True)
    paced.answered(held, 20.0, 2.0, TIMINGS, changed=False)
    assert paced.failed(plain, 20.0, TIMINGS, known=False, overdue=False) == 0.1


def test_deadlines() -> None:
    """Doubled for each one that has passed in a row, up to four times; only the timeout, not the wait."""
    paced = pace()
    deadlines = []
    for _ in range(4):
        question = paced.question(0.0, TIMINGS, known=False)
        deadlines.append(question.deadline)
        paced.failed(question, 0.0, TIMINGS, known=False, overdue=True)
    assert deadlines == [1.0, 2.0, 4.0, 4.0]
    assert paced.question(0.0, TIMINGS, known=True) == Question(HELD, 2.0, 6.0)
    paced.answered(paced.question(0.0, TIMINGS, known=False), 0.0, 0.0, TIMINGS, changed=True)
    assert paced.question(0.0, TIMINGS, known=False).deadline == 1.0


def test_long_timeouts_are_not_shortened() -> None:
    """A configured timeout beyond the limit of patience is what counts."""
    timings = LinkTimings(timeout=50.0, watch_wait=1.0, poll_interval=1.0)
    paced = pace()
    question = paced.question(0.0, timings, known=False)
    paced.failed(question, 0.0, timings, known=False, overdue=True)
    assert paced.question(0.0, timings, known=False).deadline == 50.0


def test_polling_instead() -> None:
    """After three held questions in vain the host is polled for a minute; then each one decides anew."""
    paced = pace()
    for at in (0.0, 10.0, 20.0):
        held = paced.question(at, TIMINGS, known=True)
        assert held.duty == HELD
        paced.failed(held, at, TIMINGS, known=True, overdue=False)
    plain = paced.question(79.9, TIMINGS, known=True)
    assert plain.duty == PLAIN
    assert paced.answered(plain, 79.9, 1.0, TIMINGS, changed=False) == 4.0
    held = paced.question(80.0, TIMINGS, known=True)
    assert held.duty == HELD
    paced.failed(held, 80.0, TIMINGS, known=True, overdue=False)
    assert paced.question(139.9, TIMINGS, known=True).duty == PLAIN
    held = paced.question(140.0, TIMINGS, known=True)
    paced.answered(held, 142.0, 2.0, TIMINGS, changed=False)
    paced.failed(held, 142.0, TIMINGS, known=True, overdue=False)
    assert paced.question(142.0, TIMINGS, known=True).duty == HELD


STEPS = st.lists(st.tuples(st.sampled_from(["answered", "changed", "failed", "overdue"]), st.floats(0.0, 3.0)))


@given(STEPS, st.sampled_from([BOTH, frozenset({PLAIN}), frozenset({HELD})]))
def test_ten_times_a_second_at_most(steps: list[tuple[str, float]], duties: frozenset[str]) -> None:
    """Whatever becomes of the questions, and however fast, there are no more than ten a second in the long run."""
    paced, now, known = pace(duties), 0.0, False
    for count, (what, took) in enumerate(steps * 20):
        assert count <= 11 + now * 10.0001
        question = paced.question(now, TIMINGS, known=known)
        now += min(took, question.deadline)
        if what in {"answered", "changed"}:
            pause = paced.answered(question, now, took, TIMINGS, changed=what == "changed")
            known = True
        else:
            pause = paced.failed(question, now, TIMINGS, known=known, overdue=what == "overdue")
            known = False
        assert 0.0 <= pause <= TIMINGS.poll_interval
        now += pause
