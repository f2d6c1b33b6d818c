"""Fall and rise, and when the next probe is due."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentchan.core.presence import Evidence, Presence, Thresholds, first_pause, pause

_LETTERS = {"+": Evidence.ANSWERS, "-": Evidence.FAILS, "?": Evidence.NOTHING}
_THRESHOLDS = st.builds(Thresholds, fall=st.integers(1, 5), rise=st.integers(1, 5))
_EVIDENCE = st.lists(st.sampled_from(Evidence), max_size=60)


def states(probes: str, *, fall: int, rise: int) -> str:
    """What is known after each probe: U(p), D(own), N(obody knows)."""
    presence, told = Presence(), ""
    for now, letter in enumerate(probes):
        presence = presence.observed(_LETTERS[letter], float(now), Thresholds(fall, rise))
        told += {True: "U", False: "D", None: "N"}[presence.available]
    return told


@pytest.mark.parametrize(
    ("probes", "fall", "rise", "told"),
    [
        ("+--+", 2, 1, "UUDU"),
        ("-", 2, 1, "N"),
        ("--", 2, 1, "ND"),
        ("++--++", 2, 2, "NUUDDU"),
        ("+-+-+-+-", 2, 1, "UUUUUUUU"),
        ("--+-+-+-", 2, 2, "NDDDDDDD"),
        ("-+-+-+", 2, 2, "NNNNNN"),
        ("+-?-", 2, 1, "UUUD"),
        ("+??", 2, 1, "UUN"),
        ("+??-", 2, 1, "UUNN"),
        ("+??+", 2, 1, "UUNU"),
        ("--??--", 2, 1, "NDDNND"),
        ("---+++", 1, 1, "DDDUUU"),
    ],
)
def test_counting(probes: str, fall: int, rise: int, told: str) -> None:
    """Up after ``rise`` good probes in a row, down after ``fall`` bad ones, unknown after ``fall`` empty ones."""
    assert states(probes, fall=fall, rise=rise) == told


@given(_EVIDENCE, _THRESHOLDS)
def test_never_too_early(evidence: list[Evidence], thresholds: Thresholds) -> None:
    """Nothing becomes up before ``rise`` good probes in a row, nor down before ``fall`` bad ones."""
    presence = Presence()
    for position, each in enumerate(evidence):
        before = presence
        presence = presence.observed(each, float(position), thresholds)
        if presence.available is before.available:
            continue
        assert presence.since == float(position)
        weighty = [other for other in evidence[: position + 1] if other is not Evidence.NOTHING]
        if presence.available is True:
            assert weighty[-thresholds.rise :] == [Evidence.ANSWERS] * thresholds.rise
        elif presence.available is False:
            assert weighty[-thresholds.fall :] == [Evidence.FAILS] * thresholds.fall


def test_since_of_what_does_not_change() -> None:
    """The time of a state is that of its beginning."""
    presence, thresholds = Presence(), Thresholds(2, 1)
    for now in (1.0, 2.0, 3.0):
        presence = presence.observed(Evidence.ANSWERS, now, thresholds)
    assert presence.since == 1.0


@pytest.mark.parametrize(
    ("probes", "doubt"),
    [("", True), ("+", False), ("+-", True), ("+--", False), ("--", False), ("+?", True), ("+??", False), ("-", True)],
)
def test_doubt(probes: str, doubt: bool) -> None:
    """What the last probe puts into question is in doubt; what is settled, or cannot be settled, is not."""
    presence, thresholds = Presence(), Thresholds(2, 1)
    for letter in probes:
        presence = presence.observed(_LETTERS[letter], 0.0, thresholds)
    assert presence.in_doubt(thresholds) is doubt


@pytest.mark.parametrize(
    ("probes", "interval", "took", "least", "most"),
    [
        ("+", 5.0, 0.0, 4.5, 5.0),
        ("+", 5.0, 0.5, 4.0, 4.5),
        ("+-", 5.0, 0.5, 0.4, 0.5),
        ("+-", 1.0, 0.0, 0.225, 0.25),
        ("+-", 0.1, 0.0, 0.09, 0.1),
        ("+", 5.0, 60.0, 0.0, 0.0),
    ],
)
def test_pause(probes: str, interval: float, took: float, least: float, most: float) -> None:
    """Probes begin an interval apart, oftener in doubt, and not all together."""
    presence, thresholds = Presence(), Thresholds(2, 1)
    for letter in probes:
        presence = presence.observed(_LETTERS[letter], 0.0, thresholds)

    def drawn(jitter_end: int) -> float:
        return pause(presence, thresholds, interval=interval, took=took, jitter=lambda *ends: ends[jitter_end])

    assert (drawn(0), drawn(1)) == (pytest.approx(least), pytest.approx(most))


@given(_THRESHOLDS, st.floats(0.1, 3600.0), st.floats(0.01, 1.0), st.booleans())
def test_silence_is_noticed_in_time(thresholds: Thresholds, interval: float, share: float, late: bool) -> None:
    """What falls silent right after a good probe is down within ``fall`` times (interval + timeout)."""
    timeout, now = interval * share, 0.0
    presence = Presence(available=True, since=0.0, answers=1)
    took = 0.0
    while presence.available:
        now += pause(presence, thresholds, interval=interval, took=took, jitter=lambda *ends: ends[late])
        took = timeout
        now += timeout
        presence = presence.observed(Evidence.FAILS, now, thresholds)
    assert now <= thresholds.fall * (interval + timeout) * 1.000001


@pytest.mark.parametrize(("count", "most"), [(1, 0.005), (100, 0.5), (2000, 5.0)])
def test_first_probes(count: int, most: float) -> None:
    """Few are probed nearly at once, many within the interval."""
    drawn = first_pause(count, interval=5.0, a_second=200.0, jitter=lambda *ends: ends[1])
    assert drawn == pytest.approx(most)
    assert first_pause(count, interval=5.0, a_second=200.0, jitter=lambda *ends: ends[0]) == 0.0
