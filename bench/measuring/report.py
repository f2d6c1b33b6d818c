"""What a benchmark has found: told to people as it comes, and kept for programs."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import asdict, frozen

from measuring import machine
from measuring.options import RESULTS
from measuring.spread import Spread

SPREAD = ("median", "p95", "least", "most", "count")
HEADS = {"least": "min", "most": "max"}


@frozen
class Column:
    """One column of a table.

    Attributes:
        key: of the value in a row; a value that is a :class:`Spread` takes several columns.
        head: what stands above it, with the unit.
        digits: after the decimal point.
        shown: of a spread, what is shown of it.
    """

    key: str
    head: str = ""
    digits: int = 1
    shown: tuple[str, ...] = SPREAD

    def heads(self, rows: Sequence[Mapping[str, Any]]) -> list[str]:
        """What stands above."""
        head = self.head or self.key
        if any(isinstance(row.get(self.key), Spread) for row in rows):
            return [f"{head} {HEADS.get(part, part)}" if part != "count" else "n" for part in self.shown]
        return [head]

    def cells(self, row: Mapping[str, Any], width: int) -> list[str]:
        """What stands in a row, in so many columns."""
        value = row.get(self.key)
        values = [getattr(value, part) for part in self.shown] if isinstance(value, Spread) else [value]
        return [self._cell(each) for each in values] + [""] * (width - len(values))

    def _cell(self, value: Any) -> str:
        if value is None:
            return "-"
        return f"{value:,.{self.digits}f}" if isinstance(value, float) else str(value)


class Report:
    """One benchmark's findings.

    Args:
        name: of the benchmark.
        title: what it is about, in one sentence.
        given: the options: ``json`` says where the findings are written at the end, None: where results belong.
    """

    def __init__(self, name: str, title: str, given: argparse.Namespace) -> None:
        self._json_file: Path = given.json or RESULTS / f"{name}.json"
        self._began = time.monotonic()
        self._neighbours = machine.Neighbours()
        self._found: dict[str, Any] = {
            "bench": name,
            "title": title,
            "machine": machine.machine(),
            "versions": machine.versions(),
            "tables": [],
            "smallest": given.smallest,
            "promises": [],
            "checks": [],
            "notes": [],
        }
        self.say(f"{name}: {title}")
        for line in machine.lines(self._found):
            self.say(f"  {line}")
        if given.smallest:
            self.say("  the smallest run: its figures say nothing")

    def say(self, text: str = "") -> None:
        """A line for people alone."""
        print(text, flush=True)

    def note(self, text: str) -> None:
        """What a reader of the figures should know."""
        self._found["notes"].append(text)
        self.say(f"  {text}")

    def keep(self, key: str, value: Any) -> None:
        """Something for programs alone."""
        self._found[key] = value

    def disk(self, directory: Path) -> None:
        """State the disk that the journal is on; figures of a disk that is none are worth nothing."""
        found = self._found["disk"] = machine.disk(directory)
        fsync = found["fsync_ms"]
        self.say(
            f"  journal on {found['file_system']} ({found['device']}, {found['mounted_on']}), whose fsync takes "
            f"{fsync['median']:.2f} ms (p95 {fsync['p95']:.2f})"
        )
        if found["file_system"] in ("tmpfs", "ramfs"):
            self.check("the journal is on a disk", [f"{directory} is in memory; give another with --directory"])

    def table(self, title: str, columns: Sequence[Column], rows: Iterable[Mapping[str, Any]]) -> None:
        """A table; what its rows have beside the columns is kept for programs."""
        given = [dict(row) for row in rows]
        self._found["tables"].append({"title": title, "rows": [_plain(row) for row in given]})
        heads = [column.heads(given) for column in columns]
        cells = [[head for each in heads for head in each]]
        cells += [
            [cell for column, each in zip(columns, heads, strict=True) for cell in column.cells(row, len(each))]
            for row in given
        ]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        self.say()
        self.say(title)
        for line in cells:
            first, *others = (cell.rjust(width) for cell, width in zip(line, widths, strict=True))
            self.say("  " + "  ".join([first.strip().ljust(widths[0]), *others]))

    def promise(self, what: str, found: float, limit: float, unit: str, *, at_least: bool = False) -> None:
        """A figure beside what is promised of it. Times are no test: the exit status does not know of it."""
        kept = found >= limit if at_least else found <= limit
        self._found["promises"].append(
            {"what": what, "found": found, "limit": limit, "unit": unit, "at_least": at_least, "kept": kept}
        )
        sign = ">=" if at_least else "<="
        self.say(f"  {'kept    ' if kept else 'NOT KEPT'}  {what}: {found:,.4g} {unit} ({sign} {limit:,g} {unit})")

    def check(self, what: str, offences: Sequence[str]) -> None:
        """What must hold whatever the machine; each offence is one sentence."""
        self._found["checks"].append({"what": what, "offences": list(offences)})
        self.say(f"  {'holds   ' if not offences else 'BROKEN  '}  {what}")
        for offence in offences[:10]:
            self.say(f"            {offence}")
        if len(offences) > 10:
            self.say(f"            and {len(offences) - 10} more")

    def finish(self) -> None:
        """Write it down; ends the program, with 1 where something that must hold did not."""
        neighbours = self._found["neighbours"] = self._neighbours.found()
        self._found["seconds"] = round(time.monotonic() - self._began, 1)
        self.say()
        self.say(
            f"  load average before: {neighbours['load_before']}; other programs used {neighbours['others_cores']} "
            f"cores meanwhile; took {self._found['seconds']:.0f} s"
        )
        self._json_file.parent.mkdir(parents=True, exist_ok=True)
        self._json_file.write_text(json.dumps(self._found, indent=1), encoding="utf-8")
        self.say(f"  written to {self._json_file}")
        sys.exit(1 if any(check["offences"] for check in self._found["checks"]) else 0)


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: asdict(value) if isinstance(value, Spread) else value for key, value in row.items()}
