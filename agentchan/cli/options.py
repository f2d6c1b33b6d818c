"""Options that many commands have, and how a command gets at the daemon and at its reader."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import wraps
from typing import Any, TypeVar

import click

from agentchan.cli.daemon import Daemon
from agentchan.cli.failures import ExitStatus
from agentchan.cli.sockets import find_socket
from agentchan.cli.tables import width
from agentchan.cli.words import Reader, shown

Command = TypeVar("Command", bound=Callable[..., Any])

_ODD = re.compile(r"[^\n -~]")


def with_daemon(command: Command) -> Command:
    """Give a command the daemon as its first argument, and the options that say where it is."""

    @click.option("--socket", metavar="PATH", help="The daemon's socket.", hidden=True)
    @click.option("--config", metavar="FILE", help="The configuration that names the socket.", hidden=True)
    @click.pass_context
    @wraps(command)
    def wrapped(context: click.Context, /, **options: Any) -> Any:
        return command(daemon_of(context, options.pop("socket"), options.pop("config")), **options)

    return wrapped  # type: ignore[return-value]  # click's decorators say Any


def daemon_of(context: click.Context, socket: str | None = None, config: str | None = None) -> Daemon:
    """The daemon that is meant by a command's own options, or those given to ``agentchan`` before it.

    Raises:
        Failure: a configuration was named and is not there.
    """
    above = context.find_root().params
    path = find_socket(socket or above.get("socket"), config or above.get("config"), os.environ)
    return Daemon(path)


def config_option(context: click.Context, own: str | None) -> str | None:
    """``--config`` as given to the command itself, or to ``agentchan`` before it."""
    above: str | None = context.find_root().params.get("config")
    return own or above


def reader() -> Reader:
    """Whom the present command's screen is made for."""
    given = click.get_current_context().find_object(Reader)
    return given or Reader(datetime.now(UTC), None, width())


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
"""Every reading command has it."""

_WHY = "Why; whoever comes next will read it."
reason_option = click.option("--reason", metavar="TEXT", help=_WHY)
needed_reason_option = click.option("--reason", metavar="TEXT", required=True, help=_WHY)


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


def print_lines(lines: Iterable[str]) -> None:
    """A screen."""
    for line in lines:
        click.echo(line)


def print_json(value: Any) -> None:
    """A JSON value, on a line, or indented on a terminal."""
    click.echo(json_text(value, indent=2 if sys.stdout.isatty() else None))


def done(answer: Mapping[str, Any], text: str, *, as_json: bool) -> None:
    """What an acting command says when it is done: its sentence, or the daemon's answer as JSON.

    What the daemon has done but warns of goes to standard error.
    """
    if as_json:
        print_json(answer)
    else:
        click.echo(text)
    if answer.get("warning"):
        click.echo(click.style("agentchan: warning: ", fg="yellow") + shown(answer["warning"]), err=True)


def json_text(value: Any, indent: int | None = None) -> str:
    """A JSON value as text that can be read, and that steers no terminal."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    return text if text.isascii() and "\x7f" not in text else _ODD.sub(_harmless, text)


def _harmless(found: re.Match[str]) -> str:
    letter = found[0]
    if letter.isprintable():
        return letter
    return json.dumps(letter)[1:-1] if letter != "\x7f" else "\\u007f"


def end(status: ExitStatus) -> None:
    """End the program with this status."""
    click.get_current_context().exit(int(status))
