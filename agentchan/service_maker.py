"""What ``twistd agentchan`` needs: the options, and the service made of them.

Everything that is wrong with the configuration ends the process here with status 78 (EX_CONFIG of sysexits.h), before
anything runs: systemd is told not to start such a service again.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

from twisted.application.service import Service
from twisted.python.usage import Options as TwistedOptions

from agentchan import __version__
from agentchan.config import VARIABLE, Configuration, ConfigurationError, find, load

EX_CONFIG = 78


class Options(TwistedOptions):
    """The options of ``twistd agentchan``."""

    synopsis = "[--config FILE]"
    longdesc = "Keeps an IVR's agent channel to the active Contact Expert host. See agentchan(1)."
    optParameters = [  # noqa: N815, RUF012 - Twisted's way
        ["config", "c", None, f"The configuration file [default: {VARIABLE}, else /etc/agentchan/agentchan.toml]."],
    ]

    def opt_version(self) -> None:
        """Print the version and exit."""
        print(f"agentchan {__version__}")  # noqa: T201 - asked for
        sys.exit(0)


def make_service(options: Mapping[str, Any]) -> Service:
    """The service, ready to be started.

    Raises:
        SystemExit: the configuration is faulty: status 78, all faults on standard error.
    """
    path = find(options.get("config"), os.environ).absolute()
    try:
        configuration = load(path)
    except ConfigurationError as error:
        _refuse(error.faults)
    return service_of(configuration)


makeService = make_service  # noqa: N816 - the name that twistd asks for


def service_of(configuration: Configuration) -> Service:
    """The service of a configuration without faults; its profile is read here.

    Raises:
        SystemExit: the profile is faulty or does not fit, or a file of [tls] is faulty: status 78.
    """
    # Late, since twistd imports every plugin to list it, and these take a while.
    from twisted.internet import reactor  # noqa: PLC0415

    from agentchan import configured, logs  # noqa: PLC0415
    from agentchan.ce.profile_reading import ProfileError  # noqa: PLC0415
    from agentchan.ce.tls import TlsSettingsError  # noqa: PLC0415
    from agentchan.config.with_profile import profile_of  # noqa: PLC0415
    from agentchan.daemon import Daemon  # noqa: PLC0415
    from agentchan.monotonic import count_monotonically  # noqa: PLC0415
    from agentchan.systemd import environment_at_start, speaks_to_journal  # noqa: PLC0415

    try:
        profile = profile_of(configuration)
        tls = configured.tls_settings(configuration)
    except ProfileError as error:
        _refuse(error.faults)
    except TlsSettingsError as error:
        _refuse([f"{configuration.path}: tls: {error}"])
    errors = sys.__stderr__ or sys.stderr
    logs.configure(configuration.log, journald=speaks_to_journal(os.environ, errors.fileno()), stream=errors)
    count_monotonically(reactor)
    return Daemon(reactor, configuration, profile, tls, environ=environment_at_start())


def _refuse(faults: Any) -> Any:
    for fault in faults:
        print(fault, file=sys.stderr)  # noqa: T201 - there is no log yet
    raise SystemExit(EX_CONFIG)
