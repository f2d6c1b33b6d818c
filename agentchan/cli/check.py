"""``agentchan check``: one line and a status for Nagios and its kin."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any

import click

from agentchan.cli.daemon import Daemon
from agentchan.cli.failures import ExitStatus, Failure
from agentchan.cli.options import json_option, print_json, with_daemon
from agentchan.cli.status_screen import problems_of, serves
from agentchan.cli.words import count, shown


class Level(IntEnum):
    """The exit statuses of the Monitoring Plugins Development Guidelines."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


def judged(status: Mapping[str, Any]) -> tuple[Level, str]:
    """How a status is, and the one line about it.

    Out of service is critical, unless somebody meant it: a drain and a stand-by are warnings, as is everything that
    needs a look while calls are taken.
    """
    wrong = problems_of(status)
    channels = status.get("channels") or {}
    standing_by = (status.get("agent_channel") or {}).get("state") == "standing-by"
    if not wrong and serves(status):
        level, text = Level.OK, "in service"
    elif serves(status) or status.get("draining") or standing_by:
        level, text = Level.WARNING, "; ".join(shown(problem.get("text")) for problem in wrong) or "out of service"
    else:
        level, text = Level.CRITICAL, "; ".join(shown(problem.get("text")) for problem in wrong) or "out of service"
    if channels.get("total"):
        text += f" ({channels.get('ready', 0)} of {count(channels['total'], 'channel')} ready)"
    return level, text.replace("|", "/")


def performance(status: Mapping[str, Any]) -> str:
    """The figures that a monitor draws."""
    channels, signals = status.get("channels") or {}, status.get("signals") or {}
    total = channels.get("total", 0)
    figures = [f"{key}={channels.get(key, 0)};;;0;{total}" for key in ("ready", "busy", "stuck")]
    figures += [f"{key}={signals.get(key, 0)};;;0" for key in ("pending", "refused", "expired")]
    return " ".join(figures)


@click.command()
@json_option
@with_daemon
def check(daemon: Daemon, *, as_json: bool) -> None:
    """One line and a status for monitors of the Nagios kind.

    Ends as these want it, unlike other commands: 0 OK, 1 WARNING (needs a look, draining, standing by), 2 CRITICAL (out
    of service, or the daemon is not running), 3 UNKNOWN.

    \b
    Example:
      agentchan check
    """  # noqa: D301  \b is click's mark for text that is not to be wrapped
    figures = ""
    try:
        status = daemon.get("/v1/status")
    except Failure as failure:
        away = failure.exit_code == ExitStatus.NOT_RUNNING
        level, text = (Level.CRITICAL if away else Level.UNKNOWN), shown(failure.message)
    else:
        level, text = judged(status)
        figures = performance(status)
    if as_json:
        print_json({"level": level.name, "text": text})
    else:
        click.echo(f"AGENTCHAN {level.name} - {text}" + (f" | {figures}" if figures else ""))
    click.get_current_context().exit(int(level))
