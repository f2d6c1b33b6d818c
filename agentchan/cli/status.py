"""``agentchan status``."""

from __future__ import annotations

import sys
import time

import click

from agentchan.cli.daemon import Daemon
from agentchan.cli.failures import ExitStatus, Failure
from agentchan.cli.options import end, json_option, json_text, print_json, print_lines, reader, with_daemon
from agentchan.cli.status_screen import problems_of, status_screen

_HOME, _TO_LINE_END, _TO_SCREEN_END = "\x1b[H", "\x1b[K", "\x1b[J"
_HIDE_CURSOR, _SHOW_CURSOR, _CLEAR = "\x1b[?25l", "\x1b[?25h", "\x1b[2J"


@click.command()
@click.option("--watch", "-w", is_flag=True, help="Show it again every second, until Ctrl-C.")
@click.option("--check", is_flag=True, help="End with 1 where something is wrong.")
@json_option
@with_daemon
def status(daemon: Daemon, *, watch: bool, check: bool, as_json: bool) -> None:
    """Is all well? If not: what is wrong, and what mends it.

    \b
    Examples:
      agentchan status
      agentchan status --watch
      agentchan status --json | jq .ce.active
      agentchan status --check >/dev/null || page-somebody
    """  # noqa: D301  \b is click's mark for text that is not to be wrapped
    if watch:
        _watch(daemon, as_json)
        return
    value = daemon.get("/v1/status")
    if as_json:
        print_json(value)
    else:
        print_lines(status_screen(value, reader()))
    if check and problems_of(value):
        end(ExitStatus.NO)


def _on_terminal() -> bool:
    return sys.stdout.isatty()


def _watch(daemon: Daemon, as_json: bool) -> None:
    terminal = _on_terminal() and not as_json
    if terminal:
        click.echo(_HIDE_CURSOR + _CLEAR, nl=False, color=True)
    try:
        while True:
            _show_once(daemon, as_json, terminal)
            time.sleep(1)
    except KeyboardInterrupt:
        # How a watch ends; nothing has failed.
        return
    finally:
        if terminal:
            click.echo(_SHOW_CURSOR, nl=False, color=True)


def _show_once(daemon: Daemon, as_json: bool, terminal: bool) -> None:
    """One screen; a daemon that is away is shown as such, and waited for."""
    whom = reader()
    try:
        value = daemon.get("/v1/status")
    except Failure as failure:
        if as_json:
            click.echo(json_text(failure.to_json()))
            return
        lines = [click.style(f"✗ {failure.message}", fg="red", bold=True), *(f"  {line}" for line in failure.remedies)]
    else:
        if as_json:
            click.echo(json_text(value))
            return
        lines = status_screen(value, whom)
    if not terminal:
        click.echo("\n".join([*lines, ""]))
        return
    foot = click.style(f"{whom.now.astimezone(whom.zone):%H:%M:%S}  Ctrl-C ends", dim=True)
    colour = click.get_current_context().color is not False
    screen = [line if colour else click.unstyle(line) for line in [*lines, "", foot]]
    click.echo(_HOME + "".join(f"{line}{_TO_LINE_END}\n" for line in screen) + _TO_SCREEN_END, nl=False, color=True)
