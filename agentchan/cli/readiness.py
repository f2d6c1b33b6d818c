"""``agentchan ready`` and ``agentchan not-ready``."""

from __future__ import annotations

from typing import Any

import click

from agentchan.cli.channels import complete_channel, fetch_channels
from agentchan.cli.daemon import Daemon
from agentchan.cli.options import (
    DURATION,
    done,
    json_option,
    needed_reason_option,
    reader,
    reason_option,
    with_daemon,
)
from agentchan.cli.words import count

_names = click.argument("names", nargs=-1, metavar="NAME…", shell_complete=complete_channel)
_all = click.option("--all", "everything", is_flag=True, help="Every channel.")


@click.command()
@_names
@_all
@reason_option
@json_option
@with_daemon
def ready(daemon: Daemon, *, names: tuple[str, ...], everything: bool, reason: str | None, as_json: bool) -> None:
    """Let channels be ready; takes back 'not-ready'.

    \b
    Examples:
      agentchan ready ivr1-007
      agentchan ready 'ivr1-0*'
      agentchan ready --all
    """  # noqa: D301  \b is click's mark for text that is not to be wrapped
    body: dict[str, Any] = {"channels": _chosen(daemon, names, everything), "ready": True}
    if reason:
        body["reason"] = reason
    answer = daemon.post("/v1/readiness", body)
    done(answer, f"{count(answer.get('channels', 0), 'channel')} may be ready again.", as_json=as_json)


@click.command("not-ready")
@_names
@_all
@needed_reason_option
@click.option("--for", "for_", type=DURATION, help="Ready again after so long, by itself.")
@json_option
@with_daemon
def not_ready(
    daemon: Daemon, *, names: tuple[str, ...], everything: bool, reason: str, for_: str | None, as_json: bool
) -> None:
    """Keep channels not ready; calls in progress go on.

    It survives restarts and failovers, until 'agentchan ready' or the end of --for.

    \b
    Examples:
      agentchan not-ready ivr1-007 --reason 'noise on the line' --for 30m
      agentchan not-ready --all --reason 'database upgrade'
    """  # noqa: D301  \b is click's mark for text that is not to be wrapped
    body: dict[str, Any] = {"channels": _chosen(daemon, names, everything), "ready": False, "reason": reason}
    if for_:
        body["for"] = for_
    answer = daemon.post("/v1/readiness", body)
    until = answer.get("until")
    end = reader().moment(until) if until else "'agentchan ready'"
    done(answer, f"{count(answer.get('channels', 0), 'channel')} not ready until {end}.", as_json=as_json)


def _chosen(daemon: Daemon, names: tuple[str, ...], everything: bool) -> Any:
    if everything == bool(names):
        raise click.UsageError("give either names of channels, or --all")
    if everything:
        return "all"
    if any(set(name) & set("*?[") for name in names):
        return [row["channel"] for row in fetch_channels(daemon, names)]
    return list(names)
