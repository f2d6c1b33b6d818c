"""Begins a site profile: fetches a WSDL, guesses, writes a folder, and says what is left to decide."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from attrs import frozen

from agentchan.ce.profile_loader import load_profile
from agentchan.ce.profile_reading import ProfileError
from agentchan.ce.wsdl import Service, read_service
from agentchan.ce.wsdl_files import WsdlError
from agentchan.config.faults import Fault
from agentchan.profile_tools.download import Bundle
from agentchan.profile_tools.drafts import Draft
from agentchan.profile_tools.first_profile import Decision, decisions, profile_text
from agentchan.profile_tools.guessing import draft


class CannotBeginError(Exception):
    """No profile can be begun from this WSDL; the text says why."""


@frozen
class Begun:
    """A profile that was begun.

    Attributes:
        folder: where it is.
        bundles: what was fetched.
        services: what they offer.
        draft: what was guessed.
        decisions: what is left to decide.
        faults: what keeps the profile from being loaded.
    """

    folder: Path
    bundles: tuple[Bundle, ...]
    services: tuple[Service, ...]
    draft: Draft
    decisions: tuple[Decision, ...]
    faults: tuple[Fault, ...]


def begin(folder: Path, connector: Bundle, component: Bundle | None) -> Begun:
    """Write the folder; blocks.

    Args:
        folder: it must not exist, or be empty.
        connector: the IVR Connector's WSDL.
        component: the Component Service's, if there is one.

    Raises:
        CannotBeginError: there is something at the folder's place, or no operation can be spoken.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CannotBeginError(f"{folder} is there already, and is no empty folder; name another with --output")
    bundles = (connector,) if component is None else (connector, component)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        # Beside its place, so that it can be moved there whole.
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".profile-") as temporary:
            place = Path(temporary) / "profile"
            place.mkdir(mode=0o755)
            found, services, text = _written(place, folder, bundles)
            if folder.exists():
                folder.rmdir()
            shutil.move(place, folder)
    except OSError as error:
        raise CannotBeginError(f"{folder} cannot be written: {error.strerror or error}") from None
    return Begun(folder, bundles, services, found, decisions(text), loading_faults(folder))


def loading_faults(folder: Path) -> tuple[Fault, ...]:
    """What keeps a profile from being loaded; blocks."""
    try:
        load_profile(f"{folder.absolute()}/")
    except ProfileError as error:
        return error.faults
    return ()


def _written(place: Path, folder: Path, bundles: tuple[Bundle, ...]) -> tuple[Draft, tuple[Service, ...], str]:
    for bundle in bundles:
        bundle.write(place)
    services = []
    for bundle in bundles:
        origin = bundle.origins[bundle.main]
        try:
            service = read_service(place, bundle.main)
        except WsdlError as error:
            raise CannotBeginError(f"{origin}: {str(error).replace(f'{place}/', '')}") from None
        if not service.operations:
            why = "; ".join(service.unspoken)
            raise CannotBeginError(f"{origin}: none of its operations can be spoken: {why}")
        services.append(service)
    found = draft(folder.absolute().name, services[0], services[1] if len(services) > 1 else None)
    text = profile_text(found, [bundle.origins[bundle.main] for bundle in bundles], str(folder))
    (place / "profile.toml").write_text(text, encoding="utf-8")
    return found, tuple(services), text
