"""Numbers, times, tables and paragraphs as people read them."""

from __future__ import annotations

from datetime import UTC, datetime

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentchan.cli.options import json_text
from agentchan.cli.tables import Column, paragraph, table
from agentchan.cli.words import Reader, columns, count, cut, milliseconds, shown, span
from tests.cli.running import NOW, ZONE

READER = Reader(NOW, ZONE)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (3599, "59 min"),
        (3600, "1 h"),
        (7500, "2 h 5 min"),
        (86400, "1 day"),
        (93784, "1 day 2 h"),
        (864000, "10 days"),
    ],
)
def test_spans(seconds: float, text: str) -> None:
    """One or two units."""
    assert span(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (0, "0 ms"),
        (4.2, "4.2 ms"),
        (0.123456, "0.123 ms"),
        (999, "999 ms"),
        (1234, "1.2 s"),
        (42000, "42 s"),
    ],
)
def test_milliseconds(value: float | None, text: str) -> None:
    """With the unit that fits."""
    assert milliseconds(value) == text


@pytest.mark.parametrize(
    ("time", "text", "age"),
    [
        ("2026-11-24T14:05:00+01:00", "14:05:00", 0.0),
        ("2026-11-24T13:04:00Z", "14:04:00", 60.0),
        ("2026-11-23T23:30:00Z", "00:30:00", 48900.0),
        ("2026-11-23T14:05:00+01:00", "2026-11-23 14:05", 86400.0),
        ("2026-11-24T14:05:01+01:00", "14:05:01", 0.0),
        ("2026-11-24T14:05:00", "2026-11-24T14:05:00", None),
        ("yesterday\x1b", "yesterday\N{REPLACEMENT CHARACTER}", None),
        (None, "-", None),
        ("", "-", None),
        (7, "7", None),
    ],
)
def test_moments(time: object, text: str, age: float | None) -> None:
    """In the reader's zone, with the date where it is not today; what is no time is shown as it is."""
    assert (READER.moment(time), READER.age(time)) == (text, age)


def test_moments_on_this_machine() -> None:
    """Without a zone, in that of the machine."""
    now = datetime.now(UTC)
    assert Reader(now).moment(now.isoformat()) == now.astimezone().strftime("%H:%M:%S")


def test_counts() -> None:
    """One, and many."""
    assert [count(1, "call"), count(2, "call"), count(0, "try", "tries")] == ["1 call", "2 calls", "0 tries"]


@given(st.text())
def test_shown_texts_are_harmless(text: str) -> None:
    """Everything that steers is replaced, letter by letter; everything else stays."""
    assert shown(text).isprintable()
    assert len(shown(text)) == len(text)
    if text.isprintable():
        assert shown(text) == text


@given(
    st.recursive(
        st.text() | st.none() | st.integers(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=5,
    )
)
def test_json_is_harmless(value: object) -> None:
    """And says the same."""
    import json  # noqa: PLC0415  beside what is tested

    text = json_text(value)
    assert text.isprintable()
    assert json.loads(text) == value


@given(st.text("aé漢\u0301 ", max_size=30), st.integers(1, 20))
def test_cut_texts_fit(text: str, room: int) -> None:
    """By the columns they take; those that fit stay."""
    assert columns(cut(text, room)) <= room
    if columns(text) <= room:
        assert cut(text, room) == text


WORDS = st.lists(st.text("abcé漢", min_size=1, max_size=12), max_size=20)


@given(WORDS, st.integers(20, 60), st.booleans())
def test_paragraphs(words: list[str], room: int, styled: bool) -> None:
    """No word is lost, no line is too wide but one of a single word, and all but the first are indented."""
    text = " ".join(click.style(word, fg="red") if styled else word for word in words)
    lines = [click.unstyle(line) for line in paragraph(text, room, click.style("- ", fg="cyan"))]
    assert " ".join(lines).split() == ["-", *words]
    for line in lines[1:]:
        assert line.startswith("  ")
    for line in lines:
        assert columns(line) <= room or len(line.split()) <= 2


def test_paragraphs_keep_gaps() -> None:
    """Columns within a line stay where they are, as long as they fit."""
    assert paragraph("a    b  c", 20) == ["a    b  c"]
    assert paragraph("a    b  c", 6, "> ") == ["> a", "  b  c"]
    assert paragraph("", 20, "> ") == [">"]


@given(
    st.lists(st.tuples(st.text("aé漢", max_size=40), st.text("xyz", min_size=1, max_size=40)), min_size=1),
    st.integers(20, 90),
)
def test_tables(rows: list[tuple[str, str]], room: int) -> None:
    """They fit where their flexible columns can shrink so far, and are aligned."""
    lines = table((Column("FIRST", flexible=True), Column("SECOND", flexible=True, right=True)), rows, room)
    assert len(lines) == len(rows) + 1
    widths = {columns(click.unstyle(line)) for line in lines}
    assert max(widths) <= room
    assert len(widths) == 1


def test_empty_columns_are_left_out() -> None:
    """Nobody needs a head over nothing."""
    lines = table((Column("A"), Column("B"), Column("C")), [("1", None, "3"), ("4", "", "6")], 80)
    assert [click.unstyle(line) for line in lines] == ["A  C", "1  3", "4  6"]


def test_colours_and_remarks() -> None:
    """A cell that is exactly such a text is coloured; a remark stands below its row."""
    lines = table(
        (Column("A"), Column("B")), [("up", "upper")], 30, {"up": "green"}, ["because of a long reason that is told"]
    )
    assert lines[1] == click.style("up", fg="green") + "  upper"
    assert [click.unstyle(line) for line in lines[2:]] == ["    because of a long reason", "    that is told"]
