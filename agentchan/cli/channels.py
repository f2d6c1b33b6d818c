"""``agentchan channels``, and how commands name channels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from fnmatch import fnmatchcase
from typing import Any

import click

from agentchan.cli.daemon import Daemon
from agentchan.cli.failures import Failure
from agentchan.cli.options import json_option, print_json, with_daemon
from agentchan.cli.tables import Column, table, width
from agentchan.cli.words import moment

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
    import os  # noqa: PLC0415  only while completing

    from agentchan.cli.sockets import find_socket  # noqa: PLC0415  the same

    above = ctx.find_root().params
    try:
        path = find_socket(above.get("socket"), above.get("config"), os.environ)
        rows = Daemon(path).get("/v1/channels", patience=0.2)["channels"]
    except (Failure, KeyError, TypeError):
        return []
    return [row["channel"] for row in rows if row["channel"].startswith(incomplete)]


def fetch_channels(daemon: Daemon, names: Sequence[str]) -> list[dict[str, Any]]:
    """The rows of some channels, by names or shell patterns; of all, where there are none.

    Raises:
        Failure: an unknown name, or a pattern that matches nothing.
    """
    if len(names) <= _MOST_IN_A_QUERY and not any(_PATTERN & set(name) for name in names):
        rows: list[dict[str, Any]] = daemon.get("/v1/channels", [("name", name) for name in names])["channels"]
        return rows
    rows = daemon.get("/v1/channels", patience=30.0)["channels"]
    for name in names:
        if not any(fnmatchcase(row["channel"], name) for row in rows):
            raise Failure("unknown-channel", f"there is no channel {name!r}", remedies=("agentchan channels",))
    return [row for row in rows if any(fnmatchcase(row["channel"], name) for name in names)]


def channels_screen(
    rows: Iterable[Mapping[str, Any]], now: datetime, room: int = 80, zone: tzinfo | None = None
) -> list[str]:
    """The rows as a table."""
    cells = [
        (
            row.get("channel"),
            row.get("wanted"),
            "stuck" if row.get("stuck") else row.get("reported"),
            moment(row.get("since"), now, zone),
            row.get("call_id"),
            _reason(row, now, zone),
        )
        for row in rows
    ]
    return table(_COLUMNS, cells, room, COLOURS) if cells else ["No channel is like that."]


def _reason(row: Mapping[str, Any], now: datetime, zone: tzinfo | None) -> str:
    text = row.get("reason") or ""
    if row.get("who"):
        text += f" ({row['who']})"
    if row.get("until"):
        text += f" until {moment(row['until'], now, zone)}"
    return text.strip()


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME…]", shell_complete=complete_channel)
@click.option("--stuck", is_flag=True, help="Only stuck ones.")
@click.option("--unknown", is_flag=True, help="Only those of which CE has not said anything.")
@click.option("--not-ready", is_flag=True, help="Only those that CE sends no calls to.")
@json_option
@with_daemon
def channels(
    daemon: Daemon, names: tuple[str, ...], stuck: bool, unknown: bool, not_ready: bool, as_json: bool
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
    for line in channels_screen(rows, datetime.now(UTC), width()):
        click.echo(line)
    if any(row.get("stuck") for row in rows):
        click.echo("\n" + click.style("→ ", fg="cyan") + "a stuck channel is freed by: agentchan free NAME --reason …")
