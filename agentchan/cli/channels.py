"""``agentchan channels``, and how commands name channels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import click

from agentchan.cli.daemon import Daemon
from agentchan.cli.failures import Failure
from agentchan.cli.options import daemon_of, json_option, print_json, print_lines, reader, with_daemon
from agentchan.cli.tables import Column, table
from agentchan.cli.words import Reader

_PATTERN = frozenset("*?[")
_MOST_IN_A_QUERY = 50
_COLUMNS = (
    Column("CHANNEL"),
    Column("WANTED"),
    Column("REPORTED"),
    Column("SINCE"),
    Column("CALL", flexible=True),
    Column("REASON", flexible=True),
)
COLOURS = {"Ready": "green", "Busy": "green", "Wrapup": "yellow", "unknown": "yellow", "stuck": "red"}


def complete_channel(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Names of channels for the shell; nothing where the daemon does not answer at once."""
    try:
        rows = daemon_of(ctx).get("/v1/channels", patience=0.2)["channels"]
    except (Failure, KeyError, TypeError):
        return []
    return [row["channel"] for row in rows if row["channel"].startswith(incomplete)]


def fetch_channels(daemon: Daemon, names: Sequence[str]) -> list[dict[str, Any]]:
    """The rows of some channels, by names or shell patterns; of all, where there are none.

    Raises:
        Failure: an unknown name, or a pattern that matches nothing.
    """
    patterns = [name for name in names if _PATTERN & set(name)]
    plain = [name for name in names if not _PATTERN & set(name)]
    rows: list[dict[str, Any]] = []
    for start in range(0, len(plain), _MOST_IN_A_QUERY):
        query = [("name", name) for name in plain[start : start + _MOST_IN_A_QUERY]]
        rows += daemon.get("/v1/channels", query)["channels"]
    if names and not patterns:
        return rows
    all_rows: list[dict[str, Any]] = daemon.get("/v1/channels", patience=30.0)["channels"]
    if not names:
        return all_rows
    for pattern in patterns:
        if not any(fnmatchcase(row["channel"], pattern) for row in all_rows):
            raise Failure("unknown-channel", f"there is no channel {pattern!r}", remedies=("agentchan channels",))
    given = {row["channel"] for row in rows}
    return [
        row
        for row in all_rows
        if row["channel"] in given or any(fnmatchcase(row["channel"], pattern) for pattern in patterns)
    ]


def channels_screen(rows: Iterable[Mapping[str, Any]], whom: Reader) -> list[str]:
    """The rows as a table."""
    cells = [
        (
            row.get("channel"),
            row.get("wanted"),
            "stuck" if row.get("stuck") else row.get("reported"),
            whom.moment(row.get("since")),
            row.get("call_id"),
            _reason(row, whom),
        )
        for row in rows
    ]
    return table(_COLUMNS, cells, whom.room, COLOURS) if cells else ["No channel is like that."]


def _reason(row: Mapping[str, Any], whom: Reader) -> str:
    text = row.get("reason") or ""
    if row.get("known_to_ce") is False:
        text = f"CE does not know this channel {text}"
    if row.get("who"):
        text += f" ({row['who']})"
    if row.get("until"):
        text += f" until {whom.moment(row['until'])}"
    return text.strip()


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME…]", shell_complete=complete_channel)
@click.option("--stuck", is_flag=True, help="Only stuck ones.")
@click.option("--unknown", is_flag=True, help="Only those of which CE has not said anything.")
@click.option("--not-ready", is_flag=True, help="Only those that CE sends no calls to.")
@json_option
@with_daemon
def channels(
    daemon: Daemon, *, names: tuple[str, ...], stuck: bool, unknown: bool, not_ready: bool, as_json: bool
) -> None:
    """Each channel: what is wanted of it, what CE reports, and its call.

    NAME is a channel, an alias, or a pattern in quotes.

    \b
    Examples:
      agentchan channels
      agentchan channels 'ivr1-0*' --not-ready
      agentchan channels --stuck --json
    """  # noqa: D301  \b is click's mark for text that is not to be wrapped
    rows = fetch_channels(daemon, names)
    if stuck:
        rows = [row for row in rows if row.get("stuck")]
    if unknown:
        rows = [row for row in rows if row.get("reported") == "unknown"]
    if not_ready:
        rows = [row for row in rows if row.get("reported") in ("NotReady", "unknown")]
    if as_json:
        print_json({"channels": rows})
        return
    print_lines(channels_screen(rows, reader()))
    if any(row.get("stuck") for row in rows):
        click.echo("\n" + click.style("→ ", fg="cyan") + "a stuck channel is freed by: agentchan free NAME --reason …")
