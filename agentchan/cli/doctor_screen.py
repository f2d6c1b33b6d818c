"""What the doctor has found, as a screen."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

import click

from agentchan.cli.tables import paragraph
from agentchan.cli.words import Reader, count, shown

_SIGNS = {
    "passed": ("✓", "green", ""),
    "warning": ("!", "yellow", "warning: "),
    "failed": ("✗", "red", "failed: "),
    "skipped": ("-", None, "not checked: "),
}


def doctor_screen(report: Any, whom: Reader) -> list[str]:
    """The findings by group, a line each, remedies below; and what it comes to."""
    lines: list[str] = []
    for group, findings in groupby(report.findings, key=lambda finding: finding.group):
        lines += [click.style(group.value, bold=True)]
        for finding in findings:
            lines += _finding(finding, whom)
        lines.append("")
    if report.faulty_configuration:
        lines += paragraph("All else depends on the configuration, and was not looked at.", whom.room)
    return [*lines, *_sum(report, whom)]


def _finding(finding: Any, whom: Reader) -> Iterator[str]:
    sign, colour, word = _SIGNS[finding.result.value]
    styled = click.style(sign, fg=colour, bold=colour is not None)
    text = click.style(word, fg=colour) if word else ""
    yield from paragraph(text + shown(finding.text), whom.room, f"  {styled} ")
    if finding.remedy:
        arrow = click.style("→", fg="cyan")
        yield from paragraph(click.style(shown(finding.remedy), bold=True), whom.room, f"    {arrow} ")


def _sum(report: Any, whom: Reader) -> Iterator[str]:
    counts = report.as_json()["counts"]
    parts = [count(counts["failed"], "check failed", "checks failed")] if counts["failed"] else []
    parts += [count(counts["warning"], "warning")] if counts["warning"] else []
    seconds = f"{report.seconds:.1f} s"
    looked = f"{count(len(report.findings), 'check')} in {seconds}"
    if not counts["failed"]:
        sign, colour = ("!", "yellow") if counts["warning"] else ("●", "green")
        text = f"nothing failed, {', '.join(parts)}" if parts else "all is well"
    else:
        sign, colour, text = "✗", "red", ", ".join(parts)
    for line in paragraph(f"{text} ({looked})", whom.room, f"{sign} "):
        yield click.style(line, fg=colour, bold=True)
