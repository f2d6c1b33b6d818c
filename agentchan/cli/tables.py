"""Tables without borders and paragraphs, as wide as the terminal at most."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from typing import NamedTuple

import click

from agentchan.cli.words import columns as columns_of
from agentchan.cli.words import cut, shown

_GAP = "  "
_LEAST = 8
_NARROWEST = 40


class Column(NamedTuple):
    """One column.

    Attributes:
        title: its head.
        right: whether it is aligned to the right.
        flexible: whether it may be cut where the terminal is narrow.
    """

    title: str
    right: bool = False
    flexible: bool = False


def width() -> int:
    """Columns of the terminal; 80 where there is none."""
    return max(_NARROWEST, shutil.get_terminal_size((80, 24)).columns)


def table(
    columns: Sequence[Column],
    rows: Iterable[Sequence[object]],
    room: int,
    colours: Mapping[str, str] | None = None,
    remarks: Iterable[str] = (),
) -> list[str]:
    """The lines of a table; columns that are empty in every row are left out.

    Args:
        columns: their heads.
        rows: as many cells each.
        room: columns of the terminal.
        colours: of cells that are exactly such a text.
        remarks: of each row, what is told below it; empty where there is nothing.
    """
    cells = [["" if cell is None else shown(cell) for cell in row] for row in rows]
    used = [index for index in range(len(columns)) if any(row[index] for row in cells)]
    widths = {index: max(len(columns[index].title), *(columns_of(row[index]) for row in cells)) for index in used}
    _narrow(columns, widths, room)
    head = _line(columns, used, widths, [column.title for column in columns], {})
    lines = [click.style(head, dim=True)]
    for row, remark in zip_longest(cells, remarks, fillvalue=""):
        lines.append(_line(columns, used, widths, row, colours or {}))
        if remark:
            lines += [click.style(line, dim=True) for line in paragraph(shown(remark), room, "    ")]
    return lines


def _narrow(columns: Sequence[Column], widths: dict[int, int], room: int) -> None:
    """Take room from the flexible columns, from the widest first, until all fits or none can be narrower."""
    flexible = [index for index in widths if columns[index].flexible]
    excess = sum(widths.values()) + len(_GAP) * (len(widths) - 1) - room
    while excess > 0 and flexible:
        widest = max(flexible, key=lambda index: widths[index])
        if widths[widest] <= max(_LEAST, len(columns[widest].title)):
            flexible.remove(widest)
            continue
        widths[widest] -= 1
        excess -= 1


def _line(
    columns: Sequence[Column],
    used: Sequence[int],
    widths: Mapping[int, int],
    cells: Sequence[str],
    colours: Mapping[str, str],
) -> str:
    parts = []
    for index in used:
        cell, room = cells[index], widths[index]
        text = cut(cell, room)
        padding = " " * (room - columns_of(text))
        if index == used[-1] and not columns[index].right:
            padding = ""
        colour = colours.get(cell)
        styled = click.style(text, fg=colour) if colour else text
        parts.append(padding + styled if columns[index].right else styled + padding)
    return _GAP.join(parts).rstrip()


def paragraph(text: str, room: int, first: str = "", rest: str | None = None) -> list[str]:
    """A text, with or without styles, broken between its words.

    Args:
        text: words with spaces between them; several spaces stay together with the word before them.
        room: columns of the terminal.
        first: what the first line begins with, with or without styles.
        rest: what the others begin with; None: as many spaces.
    """
    indent = " " * _visible(first) if rest is None else rest
    lines, line, used, gap = [], first, _visible(first), ""
    empty = True
    for word in text.split(" "):
        if not word:
            gap += " "
            continue
        size = _visible(word)
        if not empty and used + len(gap) + size > room:
            lines.append(line.rstrip())
            line, used, gap = indent, _visible(indent), ""
        line, used, gap, empty = line + gap + word, used + len(gap) + size, " ", False
    return [*lines, line.rstrip()]


def _visible(text: str) -> int:
    return columns_of(click.unstyle(text) if "\x1b" in text else text)
