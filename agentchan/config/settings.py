"""How the configuration's classes say what their keys are: kind, default, meaning, and what a reload does with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
from attrs import NOTHING, frozen

from agentchan.config.faults import Place
from agentchan.config.kinds import Kind

_SETTING = "agentchan-setting"
_SECTION = "agentchan-section"


@frozen
class Setting:
    """What is known of one key besides its name.

    Attributes:
        kind: what its value may be.
        meaning: one sentence for people.
        restart: whether a change takes effect only after a restart; else a reload applies it.
        default: as it would stand in the file, or how it is found; None where the key is required.
        initial: the default as the program uses it; NOTHING where there is none yet.
    """

    kind: Kind
    meaning: str
    restart: bool
    default: object
    initial: Any

    def make_default(self) -> Any:
        """The default for one configuration; None where there is none yet."""
        if self.initial is NOTHING:
            return None
        return dict(self.initial) if isinstance(self.initial, dict) else self.initial


@frozen
class Section:
    """What is known of one table besides its name.

    Attributes:
        model: the attrs class that it becomes.
        meaning: one sentence for people.
        optional: None when the table is absent.
        listed: a list of tables, ``[[name]]``.
    """

    model: type[attrs.AttrsInstance]
    meaning: str
    optional: bool = False
    listed: bool = False


def setting(
    kind: Kind, meaning: str, *, default: object = NOTHING, restart: bool = False, computed: str | None = None
) -> Any:
    """A key of a section.

    Args:
        kind: what its value may be.
        meaning: one sentence for people.
        default: as it would stand in the file; a key without one is required.
        restart: whether a change takes effect only after a restart.
        computed: how a default is found that is not known before the program runs.
    """
    initial = NOTHING if default is NOTHING else kind.read(default, Path("/"))
    about = Setting(kind, meaning, restart, computed or (None if default is NOTHING else default), initial)
    if isinstance(initial, dict):
        return attrs.field(factory=about.make_default, metadata={_SETTING: about})
    return attrs.field(default=initial, metadata={_SETTING: about})


def section(model: type[attrs.AttrsInstance], meaning: str) -> Any:
    """A table, which has its defaults when it is absent."""
    metadata = {_SECTION: Section(model, meaning)}
    if any(attribute.default is NOTHING for attribute in attrs.fields(model)):
        return attrs.field(metadata=metadata)
    return attrs.field(factory=model, metadata=metadata)


def optional_section(model: type[attrs.AttrsInstance], meaning: str) -> Any:
    """A table that means something only when it is there; None otherwise."""
    return attrs.field(default=None, metadata={_SECTION: Section(model, meaning, optional=True)})


def listed_sections(model: type[attrs.AttrsInstance], meaning: str) -> Any:
    """A list of tables; a tuple inside."""
    return attrs.field(default=(), metadata={_SECTION: Section(model, meaning, listed=True)})


def settings_of(model: type[attrs.AttrsInstance]) -> Iterator[tuple[str, Setting]]:
    """Name and meaning of each key, in their order."""
    for attribute in attrs.fields(model):
        about = attribute.metadata.get(_SETTING)
        if about is not None:
            yield attribute.name, about


def sections_of(model: type[attrs.AttrsInstance]) -> Iterator[tuple[str, Section]]:
    """Name and meaning of each table below, in their order."""
    for attribute in attrs.fields(model):
        about = attribute.metadata.get(_SECTION)
        if about is not None:
            yield attribute.name, about


def all_settings(model: type[attrs.AttrsInstance], place: Place = ()) -> Iterator[tuple[tuple[str, ...], Setting]]:
    """Every key below a class with its place; the index within a list of tables is left out."""
    names = tuple(str(step) for step in place)
    for name, about in settings_of(model):
        yield (*names, name), about
    for name, below in sections_of(model):
        yield from all_settings(below.model, (*place, name))
