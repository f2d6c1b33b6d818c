"""``agentchan doctor``: check everything from here to CE, with remedies."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from agentchan.cli.doctor_screen import doctor_screen
from agentchan.cli.failures import ExitStatus
from agentchan.cli.options import config_option, end, json_option, print_json, print_lines, reader
from agentchan.cli.sockets import SOCKET_VARIABLE, configuration_path


@click.command()
@click.option("--socket", metavar="PATH", help="The daemon's socket.", hidden=True)
@click.option("--config", "config_", metavar="FILE", help="The configuration.")
@click.option(
    "--sign-on",
    is_flag=True,
    help="Sign on and off, too, where no daemon runs. For that moment CE believes that this IVR is here.",
)
@json_option
@click.pass_context
def doctor(context: click.Context, *, socket: str | None, config_: str | None, sign_on: bool, as_json: bool) -> None:
    """Check everything from here to CE: a line each, and what to do about each failure.

    The configuration, names, TCP, TLS and certificates, the profile against the live WSDL, who is active, SIP
    endpoints, permissions, disk, clocks, and the daemon's own view, if it runs. Nothing is changed: no call signal is
    ever sent, and no sign-on unless it is asked for. Ends with 0 where nothing failed, with 1 where something did, with
    78 where the configuration is faulty.

    \b
    Examples:
      agentchan doctor
      agentchan doctor --json | jq '.checks[] | select(.result == "failed")'
      agentchan doctor --config new.toml --sign-on
    """  # noqa: D301  \b is click's mark for text that is not to be wrapped
    path = configuration_path(config_option(context, config_), os.environ).absolute()
    named = socket or context.find_root().params.get("socket") or os.environ.get(SOCKET_VARIABLE)
    report = examined(path, named, sign_on=sign_on)
    if as_json:
        print_json(report.as_json())
    else:
        print_lines(doctor_screen(report, reader()))
    if report.faulty_configuration:
        end(ExitStatus.CONFIGURATION)
    elif not report.healthy:
        end(ExitStatus.NO)


def examined(path: Path, socket: str | None, *, sign_on: bool) -> Any:
    """The report on a configuration, and on all that it names.

    Args:
        path: of the configuration.
        socket: the daemon's; None: as configured.
        sign_on: whether a sign-on is tried.
    """
    from agentchan import configured  # noqa: PLC0415  loads Twisted, which no other command may pay for
    from agentchan.ce.profile_reading import ProfileError  # noqa: PLC0415  the same
    from agentchan.ce.tls import TlsSettingsError  # noqa: PLC0415  the same
    from agentchan.config import ConfigurationError, load  # noqa: PLC0415  the same
    from agentchan.config.with_profile import profile_of  # noqa: PLC0415  the same
    from agentchan.doctor.configuration_checks import faulty, unusable_tls  # noqa: PLC0415  the same
    from agentchan.doctor.examination import examine  # noqa: PLC0415  the same
    from agentchan.doctor.findings import Report  # noqa: PLC0415  the same
    from agentchan.doctor.patient import Patient  # noqa: PLC0415  the same
    from agentchan.run_once import run_once  # noqa: PLC0415  the same

    try:
        configuration = load(path)
        profile = profile_of(configuration)
        tls = configured.tls_settings(configuration)
    except ConfigurationError as error:
        return Report(tuple(faulty(error.faults, "configuration")), faulty_configuration=True)
    except ProfileError as error:
        return Report(tuple(faulty(error.faults, "profile")), faulty_configuration=True)
    except TlsSettingsError as error:
        return Report((unusable_tls(error, path),), faulty_configuration=True)
    place = Path(socket) if socket else configuration.api.socket
    patient = Patient(configuration, profile, tls, place, os.environ, sign_on=sign_on)
    return run_once(lambda reactor: examine(reactor, patient))
