"""``agentchan failovers``: what each failover cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import click

from agentchan.cli.daemon import Daemon
from agentchan.cli.options import json_option, print_json, print_lines, reader, with_daemon
from agentchan.cli.tables import Column, table
from agentchan.cli.words import Reader, milliseconds

_PHASES = ("total", "detect", "discover", "sign_on", "restore", "drain_outbox")
_COLUMNS = (
    Column("AT"),
    Column("FROM", flexible=True),
    Column("TO", flexible=True),
    Column("TOTAL", right=True),
    Column("DETECT", right=True),
    Column("DISCOVER", right=True),
    Column("SIGN-ON", right=True),
    Column("RESTORE", right=True),
    Column("OUTBOX", right=True),
)
_NONE = "No failover has been recorded."


def failovers_screen(rows: Iterable[Mapping[str, Any]], whom: Reader) -> list[str]:
    """Each failover on a line, and its cause below."""
    rows = list(rows)
    if not rows:
        return [_NONE]
    cells = [
        (
            whom.moment(row.get("at")),
            row.get("from") or "-",
            row.get("to") or "-",
            *(milliseconds(row.get(phase)) for phase in _PHASES),
        )
        for row in rows
    ]
    return table(_COLUMNS, cells, whom.room, remarks=[row.get("cause") or "" for row in rows])


@click.command()
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="At most so many.")
@json_option
@with_daemon
def failovers(daemon: Daemon, *, limit: int, as_json: bool) -> None:
    """What each failover cost, phase by phase, the newest first.

    The phases: detect, until the old host was known to be lost; discover, until the new one was known; sign-on;
    restore, until CE knew all readiness; outbox, until every waiting call signal was confirmed.

    \b
    Examples:
      agentchan failovers
      agentchan failovers --limit 1 --json
    """  # noqa: D301  \b is click's mark for text that is not to be wrapped
    value = daemon.get("/v1/failovers", [("limit", str(limit))])
    if as_json:
        print_json(value)
    else:
        print_lines(failovers_screen(value.get("failovers", ()), reader()))
