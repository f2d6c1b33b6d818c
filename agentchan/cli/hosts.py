"""``agentchan follow``, ``unfollow`` and ``forget-generation``: what decides which CE host is active."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from agentchan.cli.daemon import Daemon
from agentchan.cli.options import DURATION, json_option, needed_reason_option, print_json, with_daemon
from agentchan.cli.words import moment, shown


@click.command()
@click.argument("host")
@click.option("--for", "for_", type=DURATION, required=True, help="How long; a pin that is forgotten is an outage.")
@needed_reason_option
@json_option
@with_daemon
def follow(daemon: Daemon, host: str, for_: str, reason: str, as_json: bool) -> None:
    """Pin the active CE host by hand, where 'status' says ambiguous or is wrong.

    HOST is the host's name in CE, or its Component Service URL.

    \b
    Example:
      agentchan follow ce2 --for 30m --reason 'split network, CE support says ce2'
    """  # noqa: D301  \b is click's mark for text that is not to be wrapped
    answer = daemon.post("/v1/follow", {"host": host, "for": for_, "reason": reason})
    if as_json:
        print_json(answer)
        return
    click.echo(
        f"Following {shown(answer.get('host', host))} until {moment(answer.get('until'), datetime.now(UTC))}; "
        "'agentchan unfollow' ends it."
    )


@click.command()
@json_option
@with_daemon
def unfollow(daemon: Daemon, as_json: bool) -> None:
    """End a pin: the hosts' own words decide again."""
    answer = daemon.post("/v1/unfollow")
    if as_json:
        print_json(answer)
        return
    pinned = answer.get("was_pinned")
    click.echo(f"{shown(pinned)} is no longer pinned." if pinned else "No host was pinned.")


@click.command("forget-generation")
@needed_reason_option
@json_option
@with_daemon
def forget_generation(daemon: Daemon, reason: str, as_json: bool) -> None:
    """Follow hosts of a lower generation again, after a restore of CE's database.

    The daemon follows no host below the highest generation it has signed on with. A restored database may count from
    lower; nobody else needs this command.

    \b
    Example:
      agentchan forget-generation --reason 'CE restored from the backup of Monday'
    """  # noqa: D301  \b is click's mark for text that is not to be wrapped
    answer = daemon.post("/v1/forget-generation", {"reason": reason})
    if as_json:
        print_json(answer)
        return
    forgotten = answer.get("forgotten")
    click.echo("There was no generation to forget." if forgotten is None else f"Generation {forgotten} is forgotten.")
