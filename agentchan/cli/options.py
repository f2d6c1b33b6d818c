"""Options that many commands have, and how a command gets at the daemon."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import click

from agentchan.cli.daemon import Daemon
from agentchan.cli.failures import ExitStatus
from agentchan.cli.sockets import find_socket

Command = TypeVar("Command", bound=Callable[..., Any])


def with_daemon(command: Command) -> Command:
    """Give a command the daemon as its first argument, and the options that say where it is."""

    @click.option("--socket", metavar="PATH", help="The daemon's socket.", hidden=True)
    @click.option("--config", metavar="FILE", help="The configuration that names the socket.", hidden=True)
    @click.pass_context
    @wraps(command)
    def wrapped(context: click.Context, /, *arguments: Any, **options: Any) -> Any:
        socket, config = options.pop("socket"), options.pop("config")
        above = (context.find_root().params if context.find_root() is not context else {}) or {}
        path = find_socket(socket or above.get("socket"), config or above.get("config"), os.environ)
        return command(Daemon(path), *arguments, **options)

    return wrapped  # type: ignore[return-value]  # click's decorators say Any


def config_option(context: click.Context, own: str | None) -> str | None:
    """``--config`` as given to the command itself, or to ``agentchan`` before it."""
    above: str | None = context.find_root().params.get("config")
    return own or above


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
"""Every reading command has it."""

reason_option = click.option("--reason", metavar="TEXT", help="Why; whoever comes next will read it.")
needed_reason_option = click.option(
    "--reason", metavar="TEXT", required=True, help="Why; whoever comes next will read it."
)


class Duration(click.ParamType[str]):
    """A duration such as 30m, checked here and sent as it is."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check it."""
        from agentchan.config.durations import parse_duration  # noqa: PLC0415  costs 50 ms that status need not pay

        try:
            parse_duration(value)
        except ValueError as error:
            self.fail(f"{value!r}: {error}; durations are such as 250ms, 30s, 30m, 2h or 1d", param, ctx)
        return str(value)

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:  # noqa: ARG002  click's signature
        """How help names it."""
        return "DURATION"


DURATION = Duration()


def print_json(value: Any) -> None:
    """A JSON value, on a line, or indented on a terminal."""
    terminal = click.get_text_stream("stdout").isatty()
    click.echo(json.dumps(value, indent=2 if terminal else None, ensure_ascii=False))


def end(status: ExitStatus) -> None:
    """End the program with this status."""
    click.get_current_context().exit(int(status))
