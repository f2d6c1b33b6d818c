"""Where the daemon's socket is, found without loading the whole configuration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from agentchan.cli.failures import ExitStatus, Failure

USUAL_CONFIGURATION = Path("/etc/agentchan/agentchan.toml")
USUAL_SOCKET = Path("/run/agentchan/agentchan.sock")
CONFIGURATION_VARIABLE = "AGENTCHAN_CONFIG"
SOCKET_VARIABLE = "AGENTCHAN_SOCKET"

_LARGEST = 1024 * 1024


def configuration_path(option: str | None, environ: Mapping[str, str]) -> Path:
    """The configuration file: the option, else the variable, else the usual place."""
    return Path(option or environ.get(CONFIGURATION_VARIABLE) or USUAL_CONFIGURATION)


def find_socket(socket: str | None, config: str | None, environ: Mapping[str, str]) -> Path:
    """The daemon's socket.

    It is the option, else the variable, else what the configuration says, else the usual place. A configuration that
    somebody is just editing must not keep an operator from looking at the daemon that runs with the old one.

    Raises:
        Failure: a configuration was named and is not there.
    """
    named = socket or environ.get(SOCKET_VARIABLE)
    if named:
        return Path(named)
    path = configuration_path(config, environ)
    explicit = path != USUAL_CONFIGURATION
    try:
        text = _read(path)
    except FileNotFoundError:
        if not explicit:
            return USUAL_SOCKET
        raise Failure(
            "no-configuration",
            f"there is no configuration file {path}",
            ExitStatus.CONFIGURATION,
            (f"name it with --config or {CONFIGURATION_VARIABLE}, or name the daemon's socket with --socket",),
        ) from None
    except PermissionError:
        # The file may hold secrets' names; who may use the socket need not be allowed to read it.
        return USUAL_SOCKET
    except (OSError, ValueError) as error:
        click.echo(f"agentchan: {path} cannot be read ({error}); looking at {USUAL_SOCKET}", err=True)
        return USUAL_SOCKET
    api: Any = text.get("api")
    value = api.get("socket") if isinstance(api, dict) else None
    return path.absolute().parent / value if isinstance(value, str) and value else USUAL_SOCKET


def _read(path: Path) -> dict[str, Any]:
    import tomllib  # noqa: PLC0415  not needed where the socket is named

    with path.open("rb") as file:
        data = file.read(_LARGEST + 1)
    if len(data) > _LARGEST:
        raise ValueError("more than 1 MiB")
    return tomllib.loads(data.decode().removeprefix("\ufeff"))
