"""``agentchan support-bundle``: what a colleague needs to help, in one file."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from agentchan.cli.failures import ExitStatus, Failure
from agentchan.cli.options import config_option, daemon_of, json_option, print_json, print_lines, reader
from agentchan.cli.sockets import configuration_path
from agentchan.cli.tables import paragraph
from agentchan.cli.words import Reader, count, shown

_KIB = 1024


@click.command("support-bundle")
@click.option("--output", metavar="FILE", type=click.Path(path_type=Path), help="Where it is written.")
@click.option("--socket", metavar="PATH", help="The daemon's socket.", hidden=True)
@click.option("--config", "config_", metavar="FILE", help="The configuration.")
@json_option
@click.pass_context
def support_bundle(
    context: click.Context, *, output: Path | None, socket: str | None, config_: str | None, as_json: bool
) -> None:
    """Gather what a colleague needs into one file: versions, configuration, status, events, doctor, log, profile.

    Secrets are taken out, and telephone numbers masked; it says what is in it. Works with and without a running daemon.

    \b
    Examples:
      agentchan support-bundle
      agentchan support-bundle --output /tmp/ivr1.tar.gz
    """  # noqa: D301  \b is click's mark for text that is not to be wrapped
    from agentchan.support.archive import write_archive  # noqa: PLC0415  no other command needs it
    from agentchan.support.gathering import Gatherer, run_program  # noqa: PLC0415  the same

    path = configuration_path(config_option(context, config_), os.environ).absolute()
    configuration, faults = _loaded(path)
    # Where the configuration is named but faulty, the socket it names may still be found.
    daemon = daemon_of(context, socket, config_ if path.exists() else None)
    redactor = _redactor(configuration)
    gatherer = Gatherer(redactor, daemon, path, configuration, faults, _unit(daemon.path), run_program)
    at = datetime.now().astimezone()
    pieces = list(gatherer.pieces())
    file = output or Path(_name(configuration, at))
    try:
        size = write_archive(file, pieces, at)
    except OSError as error:
        text = f"{file} cannot be written: {error.strerror or error}"
        raise Failure("not-written", text, ExitStatus.NO, ("name another with --output",)) from None
    if as_json:
        files = [{"name": piece.name, "about": piece.about, "bytes": len(piece.text.encode())} for piece in pieces]
        print_json({"file": str(file.absolute()), "bytes": size, "contents": files})
    else:
        print_lines(_screen(file, size, pieces, reader()))


def _screen(file: Path, size: int, pieces: list[Any], whom: Reader) -> list[str]:
    lines = [click.style(f"{shown(file)}: {count(len(pieces), 'file')}, {max(1, size // _KIB)} KiB", bold=True)]
    widest = min(32, max(len(piece.name) for piece in pieces))
    for piece in pieces:
        lines += paragraph(shown(piece.about), whom.room, f"  {shown(piece.name):<{widest}}  ")
    lines.append("")
    text = (
        "Secrets were taken out and telephone numbers masked, but nobody can foresee where a site writes its own: look "
        "through it before you hand it on."
    )
    return [*lines, *paragraph(text, whom.room), f"{click.style('→', fg='cyan')} tar -xzf {shown(file)}"]


def _loaded(path: Path) -> tuple[Any, list[str]]:
    """The configuration with what its files hold, as far as they can be read; or its faults."""
    from agentchan.config import ConfigurationError, load  # noqa: PLC0415  costs 50 ms

    try:
        return load(path), []
    except ConfigurationError as error:
        faults = [str(fault) for fault in error.faults]
    try:
        # A file that it names may be for the daemon's user alone.
        return load(path, environment=False), faults
    except ConfigurationError:
        return None, faults


def _redactor(configuration: Any) -> Any:
    from agentchan.support.redacting import Redactor  # noqa: PLC0415  no other command needs it

    if configuration is None:
        return Redactor.of()
    secrets = (configuration.contents.ce_password, configuration.contents.api_token)
    return Redactor.of(*(secret.value for secret in secrets if secret is not None))


def _unit(socket: Path) -> str:
    """The systemd unit of the daemon that listens there."""
    from agentchan.doctor.running import who_listens  # noqa: PLC0415  no other command needs it
    from agentchan.doctor.systemd_checks import unit_of  # noqa: PLC0415  the same

    pid, _ = who_listens(socket)
    return unit_of(pid)


def _name(configuration: Any, at: datetime) -> str:
    ivr = configuration.ivr.name if configuration is not None else "unknown"
    plain = "".join(letter if letter.isalnum() and letter.isascii() else "-" for letter in ivr)
    return f"agentchan-support-{plain}-{at:%Y%m%d-%H%M%S}.tar.gz"
