"""``agentchan follow``, ``unfollow`` and ``forget-generation``: what decides which CE host is active."""

from __future__ import annotations

import click

from agentchan.cli.daemon import Daemon
from agentchan.cli.options import DURATION, done, json_option, needed_reason_option, reader, with_daemon
from agentchan.cli.words import shown


@click.command()
@click.argument("host")
@click.option("--for", "for_", type=DURATION, required=True, help="How long; a pin that is forgotten is an outage.")
@needed_reason_option
@json_option
@with_daemon
def follow(daemon: Daemon, *, host: str, for_: str, reason: str, as_json: bool) -> None:
    """Pin the active CE host by hand, where 'status' says ambiguous or is wrong.

    HOST is the host's name in CE, or its Component Service URL.

    \b
    Example:
      agentchan follow ce2 --for 30m --reason 'split network, CE support says ce2'
    """  # noqa: D301  \b is click's mark for text that is not to be wrapped
    answer = daemon.post("/v1/follow", {"host": host, "for": for_, "reason": reason})
    until = reader().moment(answer.get("until"))
    text = f"Following {shown(answer.get('host', host))} until {until}; 'agentchan unfollow' ends it."
    done(answer, text, as_json=as_json)


@click.command()
@json_option
@with_daemon
def unfollow(daemon: Daemon, *, as_json: bool) -> None:
    """End a pin: the hosts' own words decide again.

    \b
    Example:
      agentchan unfollow
    """  # noqa: D301  \b is click's mark for text that is not to be wrapped
    answer = daemon.post("/v1/unfollow")
    pinned = answer.get("was_pinned")
    done(answer, f"{shown(pinned)} is no longer pinned." if pinned else "No host was pinned.", as_json=as_json)


@click.command("forget-generation")
@needed_reason_option
@json_option
@with_daemon
def forget_generation(daemon: Daemon, *, reason: str, as_json: bool) -> None:
    """Follow hosts of a lower generation again, after a restore of CE's database.

    The daemon follows no host below the highest generation it has signed on with. A restored database may count from
    lower; nobody else needs this command.

    \b
    Example:
      agentchan forget-generation --reason 'CE restored from the backup of Monday'
    """  # noqa: D301  \b is click's mark for text that is not to be wrapped
    answer = daemon.post("/v1/forget-generation", {"reason": reason})
    number = answer.get("forgotten")
    text = "There was no generation to forget." if number is None else f"Generation {shown(number)} is forgotten."
    done(answer, text, as_json=as_json)
