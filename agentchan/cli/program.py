"""The program ``agentchan``: the table of its commands, each loaded when it is used."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

import click

from agentchan.cli.failures import ExitStatus, Failure

SECTIONS: dict[str, dict[str, tuple[str, str]]] = {
    "Look": {
        "status": ("agentchan.cli.status:status", "Is all well? If not: what is wrong, and what mends it."),
        "channels": ("agentchan.cli.channels:channels", "Each channel: wanted, reported, its call."),
        "calls": ("agentchan.cli.calls:calls", "Open calls, and what CE knows of each."),
        "signals": ("agentchan.cli.signals:signals", "Call signals and their fates; retry, discard."),
        "failovers": ("agentchan.cli.failovers:failovers", "What each failover cost, phase by phase."),
        "events": ("agentchan.cli.events:events", "What has happened; --follow: as it happens."),
        "explain": ("agentchan.cli.explain:explain", "Why is this channel in this state?"),
        "doctor": ("agentchan.cli.doctor:doctor", "Check everything from here to CE, with remedies."),
        "check": ("agentchan.cli.check:check", "One line and a status for monitors."),
        "support-bundle": ("agentchan.cli.support_bundle:support_bundle", "Gather what a colleague needs, in a file."),
    },
    "Act": {
        "ready": ("agentchan.cli.readiness:ready", "Let channels be ready."),
        "not-ready": ("agentchan.cli.readiness:not_ready", "Keep channels not ready."),
        "drain": ("agentchan.cli.drain:drain", "Take the IVR out of service without cutting a call."),
        "resume": ("agentchan.cli.drain:resume", "End a drain."),
        "free": ("agentchan.cli.calls:free", "Free a stuck channel."),
        "follow": ("agentchan.cli.hosts:follow", "Pin the active CE host by hand."),
        "unfollow": ("agentchan.cli.hosts:unfollow", "End a pin."),
        "forget-generation": ("agentchan.cli.hosts:forget_generation", "After a restore of CE's database."),
        "reload": ("agentchan.cli.reload:reload", "Apply a changed configuration."),
    },
    "For IVR scripts": {
        "new-call": ("agentchan.cli.calls:new_call", "A call began on a channel."),
        "gone": ("agentchan.cli.calls:gone", "A call has ended."),
        "failing-over": ("agentchan.cli.questions:failing_over", "Is CE failing over or back?"),
        "endpoint-available": ("agentchan.cli.questions:endpoint_available", "Does a SIP endpoint answer?"),
        "endpoints": ("agentchan.cli.questions:endpoints", "The SIP endpoints that are watched."),
    },
    "Set up": {
        "config": ("agentchan.cli.configuration:config", "Check or show the configuration."),
        "profile": ("agentchan.cli.profile:profile", "Check, show or begin a site profile."),
        "run": ("agentchan.cli.run:run", "Run the daemon in the foreground."),
        "lab": ("agentchan.cli.lab:lab", "A CE pair to play with."),
        "completion": ("agentchan.cli.completion:completion", "Completion for bash, zsh or fish."),
    },
}

_PLACES = {name: place for commands in SECTIONS.values() for name, (place, _) in commands.items()}
_HIDDEN = {"manual": "agentchan.cli.manual:manual"}

EXIT_STATUSES = {
    ExitStatus.DONE: "done, or yes",
    ExitStatus.NO: "no, or refused",
    ExitStatus.USAGE: "wrong usage",
    ExitStatus.NOT_RUNNING: "the daemon is not running",
    ExitStatus.UNKNOWN: "unknown",
    ExitStatus.CONFIGURATION: "bad configuration",
}


class Program(click.Group):
    """A group whose commands are loaded when they are used: ``status`` must not wait for what ``doctor`` needs."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        """All commands, in the order of the help."""
        return list(_PLACES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  click's signature
        """One command; None where there is none of that name."""
        place = _PLACES.get(cmd_name) or _HIDDEN.get(cmd_name)
        return None if place is None else _load(cmd_name, place)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """A command by name, with the nearest ones where there is none."""
        try:
            return super().resolve_command(ctx, args)
        except click.exceptions.NoSuchCommand as error:
            raise click.exceptions.NoSuchCommand(error.command_name, possibilities=_PLACES, ctx=ctx) from None

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the program's own options; note whether the command is asked for JSON, in case it cannot be parsed."""
        ctx.meta[_WANTS_JSON] = "--json" in args
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; whoever asked for JSON gets wrong usage told as JSON, too."""
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            if not ctx.meta[_WANTS_JSON]:
                raise
            raise Failure("usage", error.format_message(), ExitStatus.USAGE, as_json=True) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The commands by section, without loading one."""
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name, text) for name, (_, text) in commands.items()], col_max=20)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The exit statuses."""
        with formatter.section("Exit status"):
            formatter.write_text(" · ".join(f"{status:d} {meaning}" for status, meaning in EXIT_STATUSES.items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        """Commands that begin so, without loading one, and the program's own options."""
        from click.shell_completion import CompletionItem  # noqa: PLC0415  only while completing

        words = [
            CompletionItem(name, help=text)
            for commands in SECTIONS.values()
            for name, (_, text) in commands.items()
            if name.startswith(incomplete)
        ]
        return [*words, *click.Command.shell_complete(self, ctx, incomplete)]


_WANTS_JSON = "agentchan.wants_json"


def is_installed(name: str) -> bool:
    """Whether a command of the table is part of this installation."""
    from importlib.util import find_spec  # noqa: PLC0415  only for the manual

    return find_spec(_PLACES[name].partition(":")[0]) is not None


def _load(name: str, place: str) -> click.Command:
    module, _, attribute = place.partition(":")
    try:
        command: click.Command = getattr(import_module(module), attribute)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        return _missing(name, module)
    return command


def _missing(name: str, module: str) -> click.Command:
    """A command whose module is not part of this installation."""

    @click.command(name, context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
    def missing() -> None:
        """Not part of this installation."""
        raise Failure(
            "not-installed",
            f"'agentchan {name}' is not part of this installation (there is no {module})",
            remedies=("install the whole package: pip install --force-reinstall agentchan",),
        )

    return missing


def _version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from platform import python_version  # noqa: PLC0415  only for --version

        from agentchan import __version__  # noqa: PLC0415  the same

        click.echo(f"agentchan {__version__} (Python {python_version()})")
        ctx.exit()


@click.group(
    cls=Program,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    invoke_without_command=False,
    subcommand_metavar="COMMAND …",
)
@click.option(
    "--config", metavar="FILE", help="The configuration; else $AGENTCHAN_CONFIG, else /etc/agentchan/agentchan.toml."
)
@click.option("--socket", metavar="PATH", help="The daemon's socket; else $AGENTCHAN_SOCKET, else as configured.")
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
@click.pass_context
def program(ctx: click.Context, config: str | None, socket: str | None) -> None:  # noqa: ARG001  read by commands
    """Keep an IVR's agent channel to the active Contact Expert host.

    \b
    agentchan status                              is all well?
    agentchan explain ivr1-007                    why is this channel not ready?
    agentchan drain --timeout 15m                 out of service, without cutting a call
    """  # noqa: D301  \b is click's mark for text that is not to be wrapped
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        ctx.color = False
