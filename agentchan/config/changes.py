"""What differs between two configurations, and what of it a reload can apply."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs
from attrs import frozen

from agentchan.config.faults import Place, dotted
from agentchan.config.model import Configuration, Contents
from agentchan.config.settings import sections_of, settings_of

_CHANNELS = ("channels", "aliases", "channel_values")


@frozen
class Changes:
    """The dotted keys that differ.

    Attributes:
        applied: a reload applies them without dropping the agent channel.
        needs_restart: they take effect when the daemon is started again.
    """

    applied: tuple[str, ...] = ()
    needs_restart: tuple[str, ...] = ()


def changes(old: Configuration, new: Configuration) -> Changes:
    """What differs, in the order of the model.

    A file whose content differs counts as a change of its key that a reload applies.
    """
    applied: list[str] = []
    needs_restart: list[str] = []
    for place, restart in _differences(old, new, ()):
        (needs_restart if restart else applied).append(dotted(place))
    known = {*applied, *needs_restart}
    applied += [key for key in _changed_contents(old.contents, new.contents) if key not in known]
    return Changes(tuple(applied), tuple(needs_restart))


def applicable(old: Configuration, new: Configuration) -> Configuration:
    """What the daemon runs with after a reload: the new configuration, with the old values of what needs a restart.

    Keys that make sense only together stay together: all of ``ce.auth`` stays old when its method or user does, and the
    channels with their aliases and values when frontend mode begins or ends.
    """
    effective: Configuration = _kept(old, new)
    contents = attrs.evolve(
        new.contents,
        api_token=(new if new.api.token_file == old.api.token_file else old).contents.api_token,
    )
    if _account(old) != _account(new):
        effective = attrs.evolve(effective, ce=attrs.evolve(effective.ce, auth=old.ce.auth))
        contents = attrs.evolve(contents, ce_password=old.contents.ce_password)
    if _mode_changes(old, new):
        channels = {name: getattr(old.ivr, name) for name in _CHANNELS}
        effective = attrs.evolve(effective, ivr=attrs.evolve(effective.ivr, **channels))
    return attrs.evolve(effective, contents=contents)


def _account(configuration: Configuration) -> tuple[str, str | None]:
    return configuration.ce.auth.method, configuration.ce.auth.username


def _mode_changes(old: Configuration, new: Configuration) -> bool:
    """Whether frontend mode begins or ends, which changes the parts that the daemon is built of."""
    return bool(old.ivr.channels) != bool(new.ivr.channels)


def _kept(old: Any, new: Any) -> Any:
    values: dict[str, Any] = {name: getattr(old, name) for name, about in settings_of(type(new)) if about.restart}
    for name, below in sections_of(type(new)):
        if not below.optional and not below.listed:
            values[name] = _kept(getattr(old, name), getattr(new, name))
    return attrs.evolve(new, **values)


def _differences(old: Any, new: Any, place: Place) -> Iterator[tuple[Place, bool]]:
    for name, about in settings_of(type(new)):
        if getattr(old, name) != getattr(new, name):
            here = (*place, name)
            frontend = here == ("ivr", "channels") and not (old.channels and new.channels)
            yield here, about.restart or frontend
    for name, below in sections_of(type(new)):
        before, after = getattr(old, name), getattr(new, name)
        here = (*place, name)
        if below.listed or before is None or after is None:
            if before != after:
                yield here, False
        else:
            yield from _differences(before, after, here)


def _changed_contents(old: Contents, new: Contents) -> Iterator[str]:
    if old.ce_password != new.ce_password:
        yield "ce.auth.password_file"
    if old.api_token != new.api_token:
        yield "api.token_file"
    before, after = dict(old.digests), dict(new.digests)
    for key in sorted({*before, *after}):
        if before.get(key) != after.get(key):
            yield key
