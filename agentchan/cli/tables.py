"""Tables without borders, as wide as the terminal at most."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence

import click
from attrs import frozen

from agentchan.cli.words import shown

_GAP = "  "
_LEAST = 8


@frozen
class Column:
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
    return max(40, shutil.get_terminal_size((80, 24)).columns)


def table(
    columns: Sequence[Column],
    rows: Iterable[Sequence[object]],
    room: int,
    colours: Mapping[str, str] | None = None,
) -> list[str]:
    """The lines of a table; columns that are empty in every row are left out.

    Args:
        columns: their heads.
        rows: as many cells each.
        room: columns of the terminal.
        colours: of cells that are exactly such a text.
    """
    cells = [["" if cell is None else shown(cell) for cell in row] for row in rows]
    used = [index for index in range(len(columns)) if any(row[index] for row in cells)]
    widths = {index: max(len(columns[index].title), *(len(row[index]) for row in cells)) for index in used}
    excess = sum(widths.values()) + len(_GAP) * (len(used) - 1) - room
    for index in sorted((i for i in used if columns[i].flexible), key=lambda i: -widths[i]):
        if excess > 0:
            less = min(excess, widths[index] - max(_LEAST, len(columns[index].title)))
            if less > 0:
                widths[index] -= less
                excess -= less
    lines = [_line(columns, used, widths, [column.title for column in columns], {}).rstrip()]
    lines = [click.style(line, dim=True) for line in lines]
    return lines + [_line(columns, used, widths, row, colours or {}).rstrip() for row in cells]


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
        text = cell if len(cell) <= room else cell[: room - 1] + "…"
        text = text.rjust(room) if columns[index].right else text.ljust(room)
        colour = colours.get(cell)
        parts.append(click.style(text, fg=colour) if colour else text)
    return _GAP.join(parts)


def cut(text: str, room: int) -> str:
    """A text that fits."""
    return text if len(text) <= room else text[: max(0, room - 1)] + "…"
