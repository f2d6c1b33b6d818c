"""``agentchan config``: check or show the configuration, and what may stand in it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from agentchan.cli.failures import ExitStatus
from agentchan.cli.options import config_option, daemon_of, end, json_option, print_json
from agentchan.cli.reference import configuration_page
from agentchan.cli.sockets import configuration_path
from agentchan.cli.words import count, shown

_file = click.option("--config", "config_", metavar="FILE", help="The configuration.")


@click.group()
def config() -> None:
    """Check or show the configuration."""


@config.command()
@_file
@click.option(
    "--no-files", is_flag=True, help="Do not look at the files that it names: certificates, secrets, profile."
)
@json_option
@click.pass_context
def check(context: click.Context, *, config_: str | None, no_files: bool, as_json: bool) -> None:
    """List everything that is wrong with the configuration, with file and line.

    Ends with 78 where something is.

    \b
    Examples:
      agentchan config check
      agentchan config check --config new.toml --no-files
    """  # noqa: D301  \b is click's mark for text that is not to be wrapped
    path = _path(context, config_)
    configuration, faults = _loaded(path, files=not no_files)
    warnings = [] if configuration is None else list(configuration.warnings)
    if configuration is not None and not no_files:
        faults, more = _with_profile(configuration)
        warnings += more
    if as_json:
        print_json({"file": str(path), "faults": _plain(faults), "warnings": _plain(warnings)})
    else:
        for fault in faults:
            click.echo(shown(fault), err=True)
        for warning in warnings:
            click.echo(click.style("warning: ", fg="yellow") + shown(warning), err=True)
        if not faults:
            remark = f", {count(len(warnings), 'warning')}" if warnings else ""
            click.echo(f"{shown(path)}: no fault{remark}.")
    if faults:
        end(ExitStatus.CONFIGURATION)


@config.command()
@_file
@click.option("--running", is_flag=True, help="What the daemon that runs has in force; as JSON.")
@json_option
@click.pass_context
def show(context: click.Context, *, config_: str | None, running: bool, as_json: bool) -> None:
    """Show the effective configuration as TOML, with the defaults filled in and the secrets left out.

    \b
    Examples:
      agentchan config show
      agentchan config show --json | jq .agent_channel
      agentchan config show --running
    """  # noqa: D301  \b is click's mark for text that is not to be wrapped
    if running:
        print_json(daemon_of(context, config=config_).get("/v1/configuration"))
        return
    from agentchan.config import as_json as plain_of  # noqa: PLC0415  costs 50 ms that other commands need not pay
    from agentchan.config import show as shown_as_toml  # noqa: PLC0415  the same

    path = _path(context, config_)
    configuration, faults = _loaded(path, files=False)
    if configuration is None:
        if as_json:
            print_json({"file": str(path), "faults": _plain(faults)})
        for fault in () if as_json else faults:
            click.echo(shown(fault), err=True)
        end(ExitStatus.CONFIGURATION)
    elif as_json:
        print_json(plain_of(configuration))
    else:
        click.echo(shown_as_toml(configuration), nl=False)


@config.command()
def reference() -> None:
    """Print every key as Markdown: type, default, meaning, and what a change needs.

    \b
    Example:
      agentchan config reference | less
    """  # noqa: D301  \b is click's mark for text that is not to be wrapped
    click.echo(configuration_page(), nl=False)


def _path(context: click.Context, own: str | None) -> Path:
    return configuration_path(config_option(context, own), os.environ)


def _loaded(path: Path, *, files: bool) -> tuple[Any, list[Any]]:
    """The configuration, or None and its faults."""
    from agentchan.config import ConfigurationError, load  # noqa: PLC0415  costs 50 ms

    try:
        return load(path, environment=files), []
    except ConfigurationError as error:
        return None, list(error.faults)


def _with_profile(configuration: Any) -> tuple[list[Any], list[Any]]:
    """What is wrong with the profile or between the two, with which the daemon would not start either; and warnings."""
    from agentchan.ce.profile_reading import ProfileError  # noqa: PLC0415  costs 300 ms: it reads WSDLs
    from agentchan.config.with_profile import profile_of, warnings  # noqa: PLC0415  the same

    try:
        return [], list(warnings(configuration, profile_of(configuration)))
    except ProfileError as error:
        return list(error.faults), []


def _plain(faults: Iterable[Any]) -> list[Any]:
    return [
        {"file": str(fault.file), "line": fault.line, "key": fault.key, "wrong": fault.wrong, "allowed": fault.allowed}
        if hasattr(fault, "allowed")
        else {"wrong": str(fault)}
        for fault in faults
    ]
