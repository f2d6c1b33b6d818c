"""profile.toml, beside any of the WSDLs that are at hand: a profile that can say all its duties, or faults."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from agentchan.ce import profile_loader
from agentchan.ce.door_codec import DoorCodec
from agentchan.ce.errors import CannotEncode
from agentchan.ce.profile import SHIPPED, Profile
from agentchan.ce.profile_loader import load_profile
from agentchan.ce.profile_reading import ProfileError
from agentchan.ce.samples import sample_message
from agentchan.ce.wsdl import Service, WsdlError, read_service
from tests.ce.wsdls import ALL, FOLDER, SITES
from tests.fuzz.configuration import TOML
from tests.fuzz.target import THREAD, Target, allowed, tried

_PIECES = (
    *TOML,
    *(
        b"{channel}",
        b"{channel.a}",
        b"{started_at:%Y}",
        b"{",
        b"}",
        b"{}",
        b"{{",
        b"equals",
        b"fault",
        b"means",
        b"each",
    ),
    *(b"operation", b"parameters", b"results", b"[[ivr_connector.outcomes]]\n", b"values", b"*", b"/", b"@", b"../x"),
)


@cache
def _folder() -> Path:
    """A folder with all WSDLs, each in its own folder."""
    folder = Path(tempfile.mkdtemp(prefix="profile-"))
    for name in ALL:
        shutil.copytree(FOLDER / name if name in SITES else SHIPPED / name, folder / name)
    return folder


@cache
def _service(folder: Path, name: str, port: str | None) -> Service | WsdlError:
    try:
        return read_service(folder, name, port)
    except WsdlError as error:
        return error


def _read_service(folder: Path, name: str, port: str | None) -> Service:
    """As read_service, which takes zeep's 50 ms, once for each WSDL."""
    service = _service(folder, name, port)
    if isinstance(service, WsdlError):
        raise service
    return service


def _loaded(folder: Path) -> Profile:
    kept, profile_loader.read_service = profile_loader.read_service, _read_service
    try:
        return load_profile(f"{folder}/")
    finally:
        profile_loader.read_service = kept


def _works(data: bytes) -> Iterator[Callable[[], object]]:
    folder = _folder()
    (folder / "profile.toml").write_bytes(data)
    found: list[Profile] = []
    yield tried(lambda: found.append(_loaded(folder)), ProfileError)
    for profile in found:
        yield from _said(profile)


def _said(profile: Profile) -> Iterator[Callable[[], object]]:
    for duty in profile.mapped:
        yield tried(lambda duty=duty: sample_message(profile, duty), CannotEncode)  # type: ignore[misc]  # of now
    yield lambda: DoorCodec(profile).wsdl("http://here/")
    yield lambda: (profile.channel_keys, profile.has_signal_id, profile.tells_held_call, profile.one_change_at_a_time)


allowed.append("/profile-")
TARGET = Target("profiles", _works, _PIECES, most=THREAD)
