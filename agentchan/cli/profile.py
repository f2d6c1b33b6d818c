"""``agentchan profile``: begin a site profile, prove it, show it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from agentchan.cli.failures import ExitStatus, Failure
from agentchan.cli.options import config_option, end, json_option, print_json, print_lines, reader
from agentchan.cli.profile_screens import begun_screen, check_screen, show_screen
from agentchan.cli.sockets import USUAL_CONFIGURATION, configuration_path
from agentchan.cli.words import shown

_LARGEST_PASSWORD = 4096

_config = click.option("--config", "config_", metavar="FILE", help="The configuration, for its profile and [tls].")


def _asking_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Who asks for a WSDL, and whom to believe."""
    options = (
        click.option("--username", metavar="NAME", help="Who asks, by HTTP Basic."),
        click.option("--password-file", metavar="FILE", type=click.Path(path_type=Path), help="Its password."),
        click.option(
            "--ca-file", metavar="FILE", type=click.Path(path_type=Path), help="Authorities to believe; else [tls]."
        ),
        _config,
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.group()
def profile() -> None:
    """Site profiles: what a site's CE speaks, mapped onto what agentchan does."""


@profile.command()
@click.argument("name", metavar="[NAME|PATH]", required=False)
@click.option("--wsdl", metavar="FILE|URL", help="Prove it against this WSDL of the IVR Connector, too.")
@click.option("--component-wsdl", metavar="FILE|URL", help="And against this one of the Component Service.")
@_asking_options
@json_option
@click.pass_context
def check(context: click.Context, /, *, name: str | None, as_json: bool, **given: Any) -> None:
    """Prove a profile, and show each duty's message as it would go out.

    Without a name it is the profile of the configuration. Ends with 78 where the profile itself is faulty, with 1 where
    it does not fit the WSDL that was given.

    \b
    Examples:
      agentchan profile check reference
      agentchan profile check ./our-ce
      agentchan profile check ./our-ce --wsdl https://ce1.example.com:8095/IVRConnector?wsdl
    """  # noqa: D301  \b is click's mark for text that is not to be wrapped
    where = _place(context, name, given["config_"])
    loaded, faults = _loaded(where)
    if loaded is None:
        if as_json:
            print_json({"profile": where, "faults": _plain(faults)})
        for fault in () if as_json else faults:
            click.echo(shown(fault), err=True)
        end(ExitStatus.CONFIGURATION)
        return
    from agentchan.profile_tools.about import about  # noqa: PLC0415  loaded where the profile is, too

    value = about(loaded)
    comparison = _compared(context, loaded, given)
    against = [source for source in (given["wsdl"], given["component_wsdl"]) if source]
    if as_json:
        extra = {"against": against, "faults": [], "changes": []}
        if comparison is not None:
            extra["faults"] = _plain(comparison.faults)
            extra["changes"] = [
                {"duty": each.duty, "text": each.text, "harmless": each.harmless} for each in comparison.changes
            ]
        print_json({"profile": where, **value, **extra})
    else:
        print_lines(check_screen(value, against, comparison, reader()))
    if comparison is not None and comparison.faults:
        end(ExitStatus.NO)


@profile.command()
@click.argument("name", metavar="[NAME|PATH]", required=False)
@_config
@json_option
@click.pass_context
def show(context: click.Context, *, name: str | None, config_: str | None, as_json: bool) -> None:
    """Show a profile: its services, what each duty is mapped to, and what can be done with it.

    \b
    Examples:
      agentchan profile show
      agentchan profile show minimum
    """  # noqa: D301  \b is click's mark for text that is not to be wrapped
    where = _place(context, name, config_)
    loaded, faults = _loaded(where)
    if loaded is None:
        raise Failure(
            "profile-faulty",
            f"the profile {where} is faulty",
            ExitStatus.CONFIGURATION,
            tuple(str(fault) for fault in faults),
        )
    from agentchan.profile_tools.about import about  # noqa: PLC0415  the same

    value = about(loaded)
    if as_json:
        print_json(value)
    else:
        print_lines(show_screen(value, reader()))


@profile.command()
@click.option("--wsdl", metavar="URL", required=True, help="The IVR Connector's WSDL, mostly its address with ?wsdl.")
@click.option("--component-wsdl", metavar="URL", help="The Component Service's WSDL.")
@click.option("--output", metavar="FOLDER", required=True, type=click.Path(path_type=Path), help="Where it is written.")
@_asking_options
@json_option
@click.pass_context
def init(context: click.Context, /, *, output: Path, as_json: bool, **given: Any) -> None:
    """Begin a site profile from a live CE.

    Fetches the WSDL and all that it imports, writes them into a folder, and beside them a profile.toml in which every
    parameter is mapped by its name, or marked where somebody has to decide.

    \b
    Example:
      agentchan profile init --wsdl http://ce1.example.com:8095/IVRConnector?wsdl \\
        --component-wsdl http://ce1.example.com:8094/ComponentService?wsdl --output ./our-ce
    """  # noqa: D301  \b is click's mark for text that is not to be wrapped
    from agentchan.profile_tools.beginning import CannotBeginError, begin  # noqa: PLC0415  costs 300 ms
    from agentchan.profile_tools.fetching import Wanted  # noqa: PLC0415  the same

    taken = frozenset({"profile.toml"})
    wanted = [Wanted(source, None, taken) for source in (given["wsdl"], given["component_wsdl"]) if source]
    bundles = _fetched(context, wanted, given)
    try:
        begun = begin(output, bundles[0], bundles[1] if len(bundles) > 1 else None)
    except CannotBeginError as error:
        raise Failure("profile-not-begun", str(error), ExitStatus.NO) from None
    if as_json:
        print_json(
            {
                "folder": str(begun.folder),
                "files": [
                    {"name": name, "url": url, "bytes": len(bundle.files[name])}
                    for bundle in begun.bundles
                    for name, url in bundle.origins.items()
                ],
                "notes": [note for bundle in begun.bundles for note in bundle.notes],
                "unspoken": [each for service in begun.services for each in service.unspoken],
                "decisions": [{"line": each.line, "key": each.key, "text": each.text} for each in begun.decisions],
                "faults": _plain(begun.faults),
            }
        )
    else:
        print_lines(begun_screen(begun, reader()))


def _place(context: click.Context, name: str | None, config_: str | None) -> str:
    """Which profile is meant: a shipped one's name, or a path with a slash in it."""
    if name is not None:
        is_path = "/" in name or (Path(name) / "profile.toml").is_file()
        return name if "/" in name or not is_path else f"./{name}"
    path = configuration_path(config_option(context, config_), os.environ)
    configuration = _configuration(path)
    if configuration is None:
        raise click.UsageError(f"name a profile; there is no configuration {path} that names one")
    chosen: str = configuration.ce.profile
    return str(path.parent / chosen) if "/" in chosen else chosen


def _configuration(path: Path) -> Any:
    """The configuration, without a look at the files that it names; None where the usual one is not there."""
    from agentchan.config import ConfigurationError, load  # noqa: PLC0415  costs 50 ms

    if path == USUAL_CONFIGURATION and not path.exists():
        return None
    try:
        return load(path, environment=False)
    except ConfigurationError as error:
        faults = tuple(str(fault) for fault in error.faults)
        raise Failure("configuration-faulty", f"{path} is faulty", ExitStatus.CONFIGURATION, faults) from None


def _loaded(where: str) -> tuple[Any, Sequence[Any]]:
    """The profile, or None and its faults."""
    from agentchan.ce.profile_loader import load_profile  # noqa: PLC0415  costs 300 ms
    from agentchan.ce.profile_reading import ProfileError  # noqa: PLC0415  the same

    try:
        return load_profile(where), ()
    except ProfileError as error:
        return None, error.faults


def _compared(context: click.Context, loaded: Any, given: dict[str, Any]) -> Any:
    """What came of the comparison with other WSDLs; None without one."""
    services = {"wsdl": loaded.connector, "component_wsdl": loaded.component}
    if given["component_wsdl"] and loaded.component is None:
        raise click.UsageError("this profile maps no Component Service")
    asked = {key: service for key, service in services.items() if given[key]}
    if not asked:
        return None
    from agentchan.profile_tools.comparing import compare, names_in_use  # noqa: PLC0415  loads Twisted
    from agentchan.profile_tools.fetching import Wanted  # noqa: PLC0415  the same

    used = {Path(name).name for name in names_in_use(loaded)}
    wanted = [
        Wanted(given[key], Path(service.files.main).name, frozenset(used - {Path(service.files.main).name}))
        for key, service in asked.items()
    ]
    found = dict(zip(asked, _fetched(context, wanted, given), strict=True))
    return compare(loaded, found.get("wsdl"), found.get("component_wsdl"))


def _fetched(context: click.Context, wanted: Sequence[Any], given: dict[str, Any]) -> Any:
    from agentchan.ce.tls import TlsSettings, TlsSettingsError  # noqa: PLC0415  loads Twisted's TLS
    from agentchan.config.ce import Tls  # noqa: PLC0415  costs 50 ms
    from agentchan.profile_tools.download import DownloadError  # noqa: PLC0415  costs 300 ms
    from agentchan.profile_tools.fetching import fetch  # noqa: PLC0415  the same

    tls = Tls(ca_file=given["ca_file"])
    if given["ca_file"] is None:
        configuration = _configuration(configuration_path(config_option(context, given["config_"]), os.environ))
        tls = tls if configuration is None else configuration.tls
    try:
        settings = TlsSettings.from_files(tls.ca_file, tls.certificate_file, tls.key_file)
        return fetch(wanted, settings, _account(given))
    except TlsSettingsError as error:
        raise Failure("tls-unusable", str(error), ExitStatus.CONFIGURATION) from None
    except DownloadError as error:
        raise Failure("wsdl-not-fetched", str(error), ExitStatus.NO) from None


def _account(given: dict[str, Any]) -> Any:
    """Who asks."""
    from agentchan.config.files import FileUnusableError, read_file  # noqa: PLC0415  costs 50 ms
    from agentchan.profile_tools.http_get import Account  # noqa: PLC0415  costs 300 ms
    from agentchan.vocabulary import Secret  # noqa: PLC0415  the same

    username, path = given["username"], given["password_file"]
    if (username is None) is not (path is None):
        raise click.UsageError("--username and --password-file belong together")
    if username is None:
        return None
    try:
        password = read_file(path, _LARGEST_PASSWORD).decode(errors="replace").rstrip("\r\n")
    except FileUnusableError as error:
        raise Failure("password-unusable", f"{path} {error}", ExitStatus.CONFIGURATION) from None
    return Account(username, Secret(password))


def _plain(faults: Sequence[Any]) -> list[dict[str, Any]]:
    return [
        {"file": str(fault.file), "line": fault.line, "key": fault.key, "wrong": fault.wrong, "allowed": fault.allowed}
        for fault in faults
    ]
