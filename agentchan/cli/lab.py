"""``agentchan lab``: a CE pair to play with, and the day that shows what the daemon does."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from agentchan.cli.failures import Failure
from agentchan.cli.options import json_option, print_json
from agentchan.cli.tables import width
from agentchan.cli.words import shown
from agentchan.lab import commands, wrong_commands
from agentchan.lab.commands import failure, with_lab
from agentchan.lab.host_process import LabError

LOOK_AGAIN = 0.1
"""Seconds between two looks of ``--follow``."""
MOST_CHANNELS = 12_000

EVENTS = {"promoted": "green", "demoted": "yellow", "killed": "red", "frozen": "red", "refused": "yellow"}


class Interval(click.ParamType[Any]):
    """A duration such as 5s, or never."""

    name = "interval"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float | None:
        """Make it seconds; None: never."""
        from agentchan.config.durations import parse_duration  # noqa: PLC0415  only where it is given

        if value == "never":
            return None
        try:
            seconds: float = parse_duration(value)
        except ValueError as error:
            self.fail(f"{value!r}: {error}; intervals are such as 0s, 500ms, 5s, or never", param, ctx)
        return seconds

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:  # noqa: ARG002  click's signature
        """How help names it."""
        return "DURATION|never"


class Lab(click.Group):
    """A group that lists its commands in sections, in the order in which they were added."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.sections: dict[str, list[click.Command]] = {}

    def add(self, section: str, *commands: click.Command) -> None:
        """Add commands to a section."""
        self.sections.setdefault(section, []).extend(commands)
        for command in commands:
            self.add_command(command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  click's
        """The commands by section."""
        for title, members in self.sections.items():
            with formatter.section(title):
                formatter.write_dl([(str(each.name), each.get_short_help_str(60)) for each in members], col_max=20)


@click.group(cls=Lab)
def lab() -> None:
    """A CE pair to play with, and a daemon that follows it.

    'up' starts them and stays in the foreground; all else works on what 'up' runs, from another terminal.

    \b
    agentchan lab demo                     one day with three failovers
    agentchan lab up                       begin to play
    agentchan lab kill ce1                 … and see what happens
    agentchan lab history --follow
    """  # noqa: D301  \b is click's mark for text that is not to be wrapped


@click.command()
@click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep everything here; else in a temporary directory, which is removed at the end.",
)
@click.option(
    "--channels", type=click.IntRange(1, MOST_CHANNELS), default=120, show_default=True, help="Channels of ivr1."
)
@click.option("--tls", is_flag=True, help="Both services of both hosts are https.")
@click.option(
    "--port", type=click.IntRange(0, 65535), help="Where the daemon listens for IVR scripts; else 8093 if it is free."
)
@click.option(
    "--auto-failover-interval",
    "interval",
    type=Interval(),
    default="5s",
    show_default=True,
    help="So long after the active host's death the other takes over.",
)
@click.option("--no-daemon", is_flag=True, help="The pair alone.")
def up(
    *, directory: Path | None, channels: int, tls: bool, port: int | None, interval: float | None, no_daemon: bool
) -> None:
    """Run a CE pair and a daemon until Ctrl-C.

    Says what runs where, and what to type next in another terminal. SIGTERM ends it, too; both end with 0.

    \b
    Examples:
      agentchan lab up
      agentchan lab up --channels 2000 --tls
      agentchan lab up --auto-failover-interval never --directory ./lab
    """  # noqa: D301
    from agentchan.lab.lab import Settings  # noqa: PLC0415  not needed for help
    from agentchan.lab.up import up as run  # noqa: PLC0415  the same

    settings = Settings(directory, channels, tls, port, interval, daemon=not no_daemon)
    try:
        run(settings, click.echo)
    except LabError as error:
        raise failure(error) from None


@click.command()
@click.option("--channels", type=click.IntRange(1, MOST_CHANNELS), default=120, show_default=True, help="Of ivr1.")
@click.option("--tls", is_flag=True, help="Both services of both hosts are https.")
@click.option("--keep", is_flag=True, help="Keep logs, history and journal, and say where.")
def demo(channels: int, tls: bool, keep: bool) -> None:
    """Show one day with three failovers.

    A planned switch, a killed host, a frozen one, and calls that live through them: how long each failover took, and
    how long each call signal waited. Ends with 0 if all went as it must, with 1 and a reason if not.

    \b
    Examples:
      agentchan lab demo
      agentchan lab demo --channels 2000 --tls
    """  # noqa: D301
    from agentchan.lab.demo import show  # noqa: PLC0415  not needed for help
    from agentchan.lab.demo_stage import DemoFailure  # noqa: PLC0415  the same

    try:
        show(click.echo, channels=channels, tls=tls, keep=keep)
    except DemoFailure as error:
        raise Failure("demo-failed", str(error)) from None


@click.command()
@json_option
@with_lab
def status(lab: Any, as_json: bool) -> None:
    """Each host, and how many channels are in which state."""
    found = lab.order("status")
    if as_json:
        print_json({"lab": lab.state, **found})
        return
    for name, host in found["hosts"].items():
        role, state = host.get("role", "-"), host.get("state", "-")
        process = f"process {host['pid']}" if "pid" in host else ""
        click.echo(f"{name}  {host['process']:<8} {role:<8} {state:<12} {process}")
    channels = ", ".join(f"{count} {state}" for state, count in sorted(found["channels"].items()))
    click.echo(f"{found['active'] or 'No host'} is active, generation {found['generation']}")
    click.echo(f"channels: {channels or 'unknown, the active host does not answer'}")
    daemon = lab.state["daemon"]
    if daemon is not None:
        click.echo(f"daemon: agentchan --socket {daemon['socket']} status")


@click.command()
@click.option("--follow", "-f", is_flag=True, help="Go on as things happen, until Ctrl-C.")
@json_option
@with_lab
def history(lab: Any, follow: bool, as_json: bool) -> None:
    """What happened in the domain.

    Roles, sign-ons, readiness and call signals, complete also for hosts that are frozen or dead.

    \b
    Examples:
      agentchan lab history --follow
      agentchan lab history --json | jq 'select(.event == "promoted")'
    """  # noqa: D301
    from agentchan.lab.telling import history_line  # noqa: PLC0415  not needed for help

    room = width()
    for row in _rows(lab.database, follow):
        if as_json:
            click.echo(json.dumps(row))
        else:
            line = shown(history_line(row))
            click.secho(line if len(line) <= room else line[: room - 1] + "…", fg=EVENTS.get(row["event"]))


def _rows(database: Path, follow: bool) -> Iterator[dict[str, Any]]:
    from agentchan.lab.history import read_history  # noqa: PLC0415  not needed for help

    last = 0
    try:
        while True:
            for row in read_history(database, last):
                last = row["sequence"]
                yield row
            if not follow:
                return
            time.sleep(LOOK_AGAIN)
    except KeyboardInterrupt:  # how a --follow ends; nothing has failed
        return


@click.command()
@json_option
@with_lab
def requests(lab: Any, as_json: bool) -> None:
    """Every connection, request and answer of both hosts.

    \b
    Example:
      agentchan lab requests | grep -v Watch
    """  # noqa: D301
    from agentchan.lab.request_log import read_requests  # noqa: PLC0415  not needed for help
    from agentchan.lab.telling import request_line  # noqa: PLC0415  the same

    directory = Path(lab.state["directory"])
    rows = [row for name in lab.hosts for row in read_requests(directory / f"{name}-requests.jsonl")]
    wall_at = time.time() - time.monotonic()
    for row in sorted(rows, key=lambda row: float(row["monotonic"])):
        click.echo(json.dumps(row) if as_json else shown(request_line(row, wall_at)))


@click.command()
@json_option
@with_lab
def check(lab: Any, as_json: bool) -> None:
    """Look for what must never happen.

    Readiness at a host after it had said that it is not active, for instance. Ends with 1 if something is found.
    """
    found = lab.order("violations")
    if as_json:
        print_json({"violations": found})
    else:
        click.echo("\n".join(map(shown, found)) if found else "Nothing has happened that must not.")
    if found:
        click.get_current_context().exit(1)


lab.add("Run", up, demo)
lab.add("Look", status, history, requests, check)
lab.add("Hosts", *commands.HOSTS)
lab.add("Wrong answers", *wrong_commands.WRONG)
lab.add("The domain", *commands.DOMAIN)
