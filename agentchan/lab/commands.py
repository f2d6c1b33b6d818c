"""What can be done to a running lab from the command line: ``agentchan lab switch`` and its kind."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from agentchan.cli.failures import ExitStatus, Failure
from agentchan.lab.host_process import LabError

Command = TypeVar("Command", bound=Callable[..., Any])

HOST = click.argument("host", metavar="HOST", type=click.Choice(["ce1", "ce2"]))
PROMOTE = click.option("--promote", is_flag=True, help="Make the other host active in the same instant.")
OTHER = {"ce1": "ce2", "ce2": "ce1"}
STATES = ("Running", "Starting", "FailingOver", "FailingBack", "Emergency", "Stopping")


def with_lab(command: Command) -> Command:
    """Give a command the running lab as its first argument, and the option that says which."""

    @click.option(
        "--directory", type=click.Path(path_type=Path, file_okay=False), help="The lab's directory; else the only lab."
    )
    @wraps(command)
    def wrapped(directory: Path | None, **options: Any) -> Any:
        from agentchan.lab.remote import RunningLab  # noqa: PLC0415  not needed for help

        try:
            return command(RunningLab.find(directory), **options)
        except LabError as error:
            raise failure(error) from None

    return wrapped  # type: ignore[return-value]  # click's decorators say Any


def failure(error: LabError) -> Failure:
    """As the command line tells it."""
    running = not str(error).startswith("no lab runs")
    return Failure("lab", str(error), ExitStatus.NO if running else ExitStatus.NOT_RUNNING)


@click.command()
@click.option("--to", metavar="HOST", type=click.Choice(list(OTHER)), help="Else the host that is not active.")
@click.option("--seconds", type=click.FloatRange(0, 3600), default=0.0, help="So long nobody is active.")
@with_lab
def switch(lab: Any, to: str | None, seconds: float) -> None:
    """Make the other host active.

    A planned failover or, towards the primary, failback.

    \b
    Examples:
      agentchan lab switch               at once
      agentchan lab switch --seconds 3   3 s of FailingOver or FailingBack first
      agentchan lab switch --to ce1
    """  # noqa: D301  \b is click's mark for text that is not to be wrapped
    lab.order("switch", to=to, seconds=seconds)
    found = lab.order("status")
    click.echo(f"{found['active'] or 'No host'} is active, generation {found['generation']}.")


@click.command()
@HOST
@PROMOTE
@with_lab
def kill(lab: Any, host: str, promote: bool) -> None:
    """Kill a host, as 'kill -9' does.

    'start' starts it again, on the same ports.

    \b
    Examples:
      agentchan lab kill ce1             CE's Auto Failover interval begins
      agentchan lab kill ce1 --promote   the other takes over at once
    """  # noqa: D301
    lab.order("kill", name=host, promote=OTHER[host] if promote else None)
    click.echo(f"{host} is dead; 'agentchan lab start {host}' starts it again.")


@click.command()
@HOST
@PROMOTE
@with_lab
def freeze(lab: Any, host: str, promote: bool) -> None:
    """Freeze a host, as a hanging machine does.

    Its connections stay open, and nothing is answered until 'thaw'.

    \b
    Example:
      agentchan lab freeze ce1 --promote
    """  # noqa: D301
    lab.order("freeze", name=host, promote=OTHER[host] if promote else None)
    click.echo(f"{host} is frozen; 'agentchan lab thaw {host}' lets it go on.")


@click.command()
@HOST
@with_lab
def thaw(lab: Any, host: str) -> None:
    """Let a frozen host go on."""
    lab.order("thaw", name=host)
    click.echo(f"{host} goes on.")


@click.command()
@HOST
@with_lab
def start(lab: Any, host: str) -> None:
    """Start a host that was killed or stopped."""
    lab.order("start", name=host)
    click.echo(f"{host} runs again.")


@click.command()
@HOST
@with_lab
def stop(lab: Any, host: str) -> None:
    """Stop a host in good order, by SIGTERM."""
    lab.order("stop", name=host)
    click.echo(f"{host} has stopped; 'agentchan lab start {host}' starts it again.")


@click.command()
@HOST
@with_lab
def promote(lab: Any, host: str) -> None:
    """Make a host active at once, whatever the other one does."""
    lab.order("promote", name=host)
    click.echo(f"{host} is active.")


@click.command()
@click.argument("state", metavar="STATE", type=click.Choice(STATES, case_sensitive=False))
@click.option("--at", metavar="HOST", type=click.Choice(list(OTHER)), help="Only this host says so.")
@with_lab
def state(lab: Any, state: str, at: str | None) -> None:  # its own name is the field's word
    """Have the domain, or one host, say its state.

    \b
    Examples:
      agentchan lab state Emergency
      agentchan lab state Running        all is well again
      agentchan lab state Stopping --at ce1
    """  # noqa: D301
    lab.order("state", state=state, only_at=at)
    click.echo(f"{at or 'The domain'} says {state}.")


@click.command()
@click.argument("channel")
@click.option("--call-id", default="ghost", show_default=True, help="The call that CE believes in.")
@click.option("--wrapup", is_flag=True, help="In wrap-up, not busy.")
@with_lab
def stick(lab: Any, channel: str, call_id: str, wrapup: bool) -> None:
    """Make a channel stuck.

    CE holds a call there that nobody has told it of, until the call's Gone.

    \b
    Example:
      agentchan lab stick ivr1-007 --wrapup
    """  # noqa: D301
    lab.order("stick", channel=channel, call_id=call_id, state="Wrapup" if wrapup else "Busy")
    click.echo(
        f"{channel} holds the call {call_id}. The daemon hears of it when CE next reports the channel:\n"
        f"after a sign-on ('agentchan lab switch'), or a readiness ('agentchan not-ready {channel}',\n"
        f"then 'ready'). Then 'agentchan free {channel} --reason …' frees it."
    )


@click.command("hang-up")
@click.argument("channel")
@with_lab
def hang_up(lab: Any, channel: str) -> None:
    """Let the caller on a channel leave.

    The channel is in wrap-up until the IVR's Gone.
    """
    lab.order("hang-up", channel=channel)
    click.echo(f"The caller on {channel} has left.")


@click.command()
@click.argument("number", type=click.IntRange(min=1))
@with_lab
def generation(lab: Any, number: int) -> None:
    """Set the generation, also to a lower one."""
    lab.order("generation", generation=number)
    click.echo(f"The generation is {number}.")


@click.command("back-up")
@with_lab
def back_up(lab: Any) -> None:
    """Back the domain's database up.

    Prints the file, for 'restore'.
    """
    click.echo(lab.order("back-up"))


@click.command()
@click.argument("backup", type=click.Path(exists=True, dir_okay=False, resolve_path=True))
@with_lab
def restore(lab: Any, backup: str) -> None:
    """Restore a backup while hosts run.

    CE forgets what has happened since, and the generation falls.

    \b
    Example:
      backup=$(agentchan lab back-up)
      agentchan lab switch
      agentchan lab restore "$backup"
    """  # noqa: D301
    lab.order("restore", backup=backup)
    click.echo("The backup is restored; see 'agentchan forget-generation'.")


HOSTS = (switch, promote, kill, freeze, thaw, stop, start)
DOMAIN = (state, stick, hang_up, generation, back_up, restore)
