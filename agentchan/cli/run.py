"""``agentchan run``: the daemon in the foreground."""

from __future__ import annotations

import os
import sys

import click

from agentchan.cli.options import config_option
from agentchan.cli.sockets import configuration_path


@click.command()
@click.option("--config", "config_", metavar="FILE", help="The configuration.")
@click.pass_context
def run(context: click.Context, config_: str | None) -> None:
    """Run the daemon in the foreground, as 'twistd agentchan' does, until Ctrl-C or SIGTERM.

    Ends with 0 when it was told to stop, with 78 where the configuration is faulty.

    \b
    Example:
      agentchan run --config ./agentchan.toml
    """  # noqa: D301  \b is click's mark for text that is not to be wrapped
    path = configuration_path(config_option(context, config_), os.environ)
    from twisted.scripts.twistd import run as twistd  # noqa: PLC0415  no other command may load Twisted

    sys.argv = ["twistd", "--nodaemon", "--pidfile=", "agentchan", "--config", str(path)]
    twistd()
