"""Durations as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentchan.config import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("250ms", 0.25),
        ("0s", 0.0),
        ("2s", 2.0),
        ("0.5s", 0.5),
        ("5m", 300.0),
        ("1m30s", 90.0),
        ("1h", 3600.0),
        ("7d", 604800.0),
        ("1d2h3m4s5ms", 93784.005),
    ],
)
def test_a_duration_is_read_as_seconds(text: str, seconds: float) -> None:
    """Each unit, and several in falling order, come out as seconds."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5",
        "5 s",
        "-1s",
        "s",
        "1s1m",
        "1s1s",
        "1e3s",
        "\u0665s",
        "1,5s",
        "1S",
        "1w",
        "1234567890123456s",
        "36501d",
        "1s\n",
        "1.5.5s",
    ],
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    """Numbers without units, signs, spaces, foreign digits and units out of order are no durations."""
    with pytest.raises(ValueError, match="not"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0s"),
        (0.25, "250ms"),
        (0.0005, "0.5ms"),
        (2.0, "2s"),
        (90.0, "90s"),
        (300.0, "5m"),
        (86400.0, "24h"),
        (604800.0, "7d"),
    ],
)
def test_seconds_are_written_in_the_largest_whole_unit(seconds: float, text: str) -> None:
    """The text is the one that an operator would have written."""
    assert format_duration(seconds) == text


@given(st.integers(min_value=0, max_value=400 * 86400 * 10**6))
def test_written_and_read_again_it_is_the_same(microseconds: int) -> None:
    """No duration of up to a year, in microseconds, changes by being written and read."""
    seconds = microseconds / 10**6
    assert parse_duration(format_duration(seconds)) == seconds
