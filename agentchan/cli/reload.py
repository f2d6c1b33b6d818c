"""``agentchan reload``."""

from __future__ import annotations

from typing import Any

import click

from agentchan.cli.daemon import Daemon
from agentchan.cli.options import json_option, print_json, with_daemon
from agentchan.cli.words import shown

_PATIENCE = 60.0
"""Seconds: files may be on a slow disk, and systemd waits as long as it is told to."""


@click.command()
@json_option
@with_daemon
def reload(daemon: Daemon, *, as_json: bool) -> None:
    """Apply a changed configuration without dropping the agent channel, and wait for the outcome.

    What can only change with a restart is named. Ends with 78 where the new configuration is faulty; the old one then
    stays in force.

    \b
    Example:
      agentchan config check && agentchan reload
    """  # noqa: D301  \b is click's mark for text that is not to be wrapped
    outcome = daemon.post("/v1/reload", patience=_PATIENCE)
    if as_json:
        print_json(outcome)
        return
    applied, restart = _keys(outcome, "applied"), _keys(outcome, "needs_restart")
    click.echo(f"Applied: {', '.join(applied)}." if applied else "Nothing to apply has changed.")
    for warning in _keys(outcome, "warnings"):
        click.echo(click.style("warning: ", fg="yellow") + warning, err=True)
    if restart:
        click.echo(f"These need a restart: {', '.join(restart)}.")
        click.echo(
            "  " + click.style("→", fg="cyan") + " agentchan drain && systemctl restart agentchan && agentchan resume"
        )


def _keys(outcome: dict[str, Any], name: str) -> list[str]:
    return [shown(key) for key in outcome.get(name) or ()]
