"""``agentchan explain``: why is this channel in this state?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import click

from agentchan.cli.channels import complete_channel
from agentchan.cli.daemon import Daemon
from agentchan.cli.options import json_option, print_json, print_lines, reader, with_daemon
from agentchan.cli.tables import paragraph
from agentchan.cli.words import Reader, milliseconds, shown, span

_DEEPEST = 5
"""Causes from here on are not indented any more."""


def explain_screen(value: Mapping[str, Any], whom: Reader) -> list[str]:
    """The chain of causes, from the nearest to the deepest, and what can be done."""
    lines = paragraph(click.style(shown(value.get("headline", "")), bold=True), whom.room)
    causes = value.get("causes") or ()
    if causes:
        lines += ["", click.style("Because", dim=True)]
    for depth, cause in enumerate(causes):
        mark = "  " * min(depth, _DEEPEST) + ("└ " if depth else "  ")
        lines += paragraph(shown(cause.get("text", "")) + _circumstances(cause, whom), whom.room, mark)
    remedies = value.get("remedies") or ()
    if remedies:
        lines += ["", click.style("What can be done", dim=True)]
    for remedy in remedies:
        lines += _remedy(shown(remedy.get("text", "")), shown(remedy.get("command") or ""), whom.room)
    return lines


def _remedy(text: str, command: str, room: int) -> list[str]:
    """What is to be done, and the command; on a line of its own rather than broken, since it is copied from here."""
    mark = "  " + click.style("→", fg="cyan") + " "
    styled = click.style(command, bold=True) if command else ""
    whole = paragraph(f"{text}: {styled}" if text and command else text or styled, room, mark)
    if not text or command in click.unstyle(whole[-1]):
        return whole
    return [*paragraph(f"{text}:", room, mark), *paragraph(styled, room, "    ")]


def _circumstances(cause: Mapping[str, Any], whom: Reader) -> str:
    parts = []
    if cause.get("who"):
        parts.append(f"by {shown(cause['who'])}")
    age = whom.age(cause.get("since"))
    if age is not None:
        parts.append(f"since {whom.moment(cause['since'])}, {span(age)}")
    return f" ({', '.join(parts)})" if parts else ""


def timing_screen(rows: Iterable[Mapping[str, Any]], whom: Reader) -> list[str]:
    """What failover time is made of, with the configured numbers."""
    lines = []
    for row in rows:
        time = click.style(f"{milliseconds(row.get('ms')):>9}", bold=True)
        lines += paragraph(shown(row.get("case", "")), whom.room, f"{time}  ", " " * 11)
        lines += paragraph(click.style(f"= {shown(row.get('formula', ''))}", dim=True), whom.room, " " * 11)
    return lines


@click.command()
@click.argument("name", required=False, shell_complete=complete_channel)
@click.option("--timing", is_flag=True, help="How failover time is made up, with the configured numbers.")
@json_option
@with_daemon
def explain(daemon: Daemon, *, name: str | None, timing: bool, as_json: bool) -> None:
    """Why is this channel in this state? The whole chain of causes, and what can be done.

    \b
    Examples:
      agentchan explain ivr1-007
      agentchan explain --timing
    """  # noqa: D301  \b is click's mark for text that is not to be wrapped
    if timing == (name is not None):
        raise click.UsageError("give either the name of a channel, or --timing")
    value = daemon.get("/v1/timing") if name is None else daemon.get("/v1/explain", [("name", name)])
    if as_json:
        print_json(value)
    elif name is None:
        print_lines(timing_screen(value.get("rows", ()), reader()))
    else:
        print_lines(explain_screen(value, reader()))
