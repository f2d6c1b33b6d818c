"""Proves a profile against another WSDL than its own: the one that a live CE serves now, say.

The profile is loaded again with that WSDL in the place of its own, by the same code as ever, so that every fault has
its line. What has changed without being a fault is found by comparing the two.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from attrs import evolve, frozen

from agentchan.ce.profile import Duty, Profile
from agentchan.ce.profile_loader import load_profile
from agentchan.ce.profile_reading import ProfileError
from agentchan.ce.shapes import Shape
from agentchan.config.faults import Fault, quoted
from agentchan.profile_tools.described import about, leaves
from agentchan.profile_tools.download import Bundle


@frozen
class Change:
    """Something that differs, and is no fault.

    Attributes:
        duty: whose operation it is.
        text: what differs.
        harmless: whether messages stay what they are.
    """

    duty: str
    text: str
    harmless: bool


@frozen
class Comparison:
    """What came of it.

    Attributes:
        faults: what would keep the profile from being used with that WSDL.
        changes: what differs otherwise.
    """

    faults: tuple[Fault, ...]
    changes: tuple[Change, ...]


def names_in_use(profile: Profile) -> set[str]:
    """The names of the files of a profile, which a bundle that is put among them must not use."""
    used = {"profile.toml", *profile.connector.files.files}
    return used | set(profile.component.files.files if profile.component is not None else ())


def compare(profile: Profile, connector: Bundle | None, component: Bundle | None) -> Comparison:
    """Prove a profile against other WSDLs; blocks.

    Args:
        profile: sound by its own WSDLs.
        connector: instead of the IVR Connector's; None: its own.
        component: instead of the Component Service's.
    """
    with tempfile.TemporaryDirectory(prefix="agentchan-profile-") as temporary:
        place = Path(temporary)
        _copy(profile, place)
        for bundle, service in ((connector, profile.connector), (component, profile.component)):
            if bundle is not None and service is not None:
                _put(bundle, place / service.files.main)
        try:
            other = load_profile(f"{place}/")
        except ProfileError as error:
            return Comparison(tuple(_here(fault, place, profile.folder) for fault in error.faults), ())
        return Comparison((), tuple(_changes(profile, other)))


def _copy(profile: Profile, place: Path) -> None:
    for name in names_in_use(profile):
        target = place / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(profile.folder / name, target)


def _put(bundle: Bundle, target: Path) -> None:
    """A bundle in the place of a WSDL: its files refer to each other by their names alone."""
    for name, octets in bundle.files.items():
        (target if name == bundle.main else target.parent / name).write_bytes(octets)


def _here(fault: Fault, place: Path, folder: Path) -> Fault:
    """A fault of the copy, as one of the profile itself."""
    return evolve(
        fault,
        file=folder / fault.file.name,
        wrong=fault.wrong.replace(f"{place}/", ""),
        allowed=fault.allowed.replace(f"{place}/", ""),
    )


def _changes(own: Profile, other: Profile) -> Iterator[Change]:
    for name, duty in own.mapped.items():
        yield from _of_duty(duty, other.mapped[name])
    yield from _of_service(own, other)


def _of_service(own: Profile, other: Profile) -> Iterator[Change]:
    pairs = [(own.connector, other.connector)]
    if own.component is not None and other.component is not None:
        pairs.append((own.component, other.component))
    for mine, theirs in pairs:
        if mine.version is not theirs.version:
            yield Change("", f"{mine.files.main}: another version of SOAP is spoken", harmless=False)
        if mine.port != theirs.port:
            yield Change("", f"{mine.files.main}: port {theirs.port} is used, not {mine.port}", harmless=False)


def _of_duty(own: Duty, other: Duty) -> Iterator[Change]:
    mine, theirs = own.operation, other.operation
    if mine.action != theirs.action:
        text = f"{mine.name}: SOAPAction is {quoted(theirs.action)}, not {quoted(mine.action)}"
        yield Change(own.name, text, harmless=False)
    yield from _of_message(own.name, f"{mine.name}, request", mine.request, theirs.request)
    if mine.reply is not None and theirs.reply is not None:
        yield from _of_message(own.name, f"{mine.name}, reply", mine.reply, theirs.reply)
    elif (mine.reply is None) is not (theirs.reply is None):
        yield Change(own.name, f"{mine.name}: it has {'a' if mine.reply is None else 'no'} reply", harmless=False)


def _of_message(duty: str, where: str, mine: Shape, theirs: Shape) -> Iterator[Change]:
    if mine.tag != theirs.tag:
        yield Change(duty, f"{where}: its element is {theirs.tag}, not {mine.tag}", harmless=False)
    before, after = _described(mine), _described(theirs)
    for path in _either(before, after):
        if path not in before:
            harmless = after[path].endswith("optional") or where.endswith("reply")
            yield Change(duty, f"{where}: {quoted(path)} is new ({after[path]})", harmless)
        elif path not in after:
            yield Change(duty, f"{where}: {quoted(path)} is gone ({before[path]})", harmless=True)
        elif before[path] != after[path]:
            yield Change(duty, f"{where}: {quoted(path)} is {after[path]}, was {before[path]}", harmless=False)


def _described(shape: Shape) -> dict[str, str]:
    return {path: about(shape, path, target) for path, target in leaves(shape)}


def _either(one: Iterable[str], other: Iterable[str]) -> list[str]:
    return list(dict.fromkeys((*one, *other)))
