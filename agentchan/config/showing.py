"""The effective configuration as TOML and as JSON values, and the reference of all keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs

from agentchan.config.faults import Place, dotted, key_text, quoted
from agentchan.config.model import Configuration
from agentchan.config.settings import Setting, sections_of, settings_of

_WIDTH = 100


def show(configuration: Configuration) -> str:
    """The effective configuration as TOML, defaults filled in and marked; it reads as an equal configuration.

    Secrets are in files, and what is in them is not shown.
    """
    lines = [f"# The effective configuration of {quoted(str(configuration.path))}"]
    lines += _section(configuration, (), configuration.given)
    return "\n".join(lines) + "\n"


def _section(values: attrs.AttrsInstance, place: Place, given: frozenset[Place]) -> Iterator[str]:
    tables: list[str] = []
    for name, about in settings_of(type(values)):
        plain = about.kind.plain(getattr(values, name))
        note = "" if (*place, name) in given else "  # default"
        if plain is None:
            yield f"# {name} is not set"
        elif isinstance(plain, dict) and plain:
            tables += _table(plain, (*place, name))
        else:
            yield f"{name} = {toml_text(plain)}{note}"
    yield from tables
    for name, below in sections_of(type(values)):
        inner, inner_place = getattr(values, name), (*place, name)
        if below.listed:
            for index, item in enumerate(inner):
                yield from ("", f"[[{dotted(inner_place)}]]")
                yield from _section(item, (*inner_place, index), given)
        elif inner is None:
            yield from ("", f"# [{dotted(inner_place)}] is not set")
        else:
            yield from ("", f"[{dotted(inner_place)}]")
            yield from _section(inner, inner_place, given)


def _table(entries: dict[str, Any], place: Place) -> Iterator[str]:
    """A table of strings, or of such tables."""
    texts = {key: entry for key, entry in entries.items() if isinstance(entry, str)}
    if texts or not entries:
        yield from ("", f"[{dotted(place)}]")
    for key, entry in texts.items():
        yield f"{key_text(key)} = {quoted(entry)}"
    for key, entry in entries.items():
        if isinstance(entry, dict):
            yield from _table(entry, (*place, key))


def toml_text(value: Any) -> str:
    """A string, integer, boolean, list of them, or empty table as TOML."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, list):
        items = [toml_text(item) for item in value]
        line = f"[{', '.join(items)}]"
        return line if len(line) <= _WIDTH else "[\n" + "".join(f"    {item},\n" for item in items) + "]"
    return "{}" if isinstance(value, dict) else str(value)


def as_json(configuration: Configuration) -> dict[str, Any]:
    """The effective configuration as values that JSON has, named and written as in TOML; null where not set."""
    return _plain(configuration)


def _plain(values: attrs.AttrsInstance) -> dict[str, Any]:
    plain = {name: about.kind.plain(getattr(values, name)) for name, about in settings_of(type(values))}
    for name, below in sections_of(type(values)):
        inner = getattr(values, name)
        if below.listed:
            plain[name] = [_plain(item) for item in inner]
        else:
            plain[name] = None if inner is None else _plain(inner)
    return plain


def reference() -> str:
    """Every key with its type, default and meaning, as Markdown: a table per section."""
    return "\n".join(_reference(Configuration, ())).strip() + "\n"


def _reference(model: type[attrs.AttrsInstance], place: Place) -> Iterator[str]:
    for name, below in sections_of(model):
        inner = (*place, name)
        brackets = f"[[{dotted(inner)}]]" if below.listed else f"[{dotted(inner)}]"
        yield from ("", f"## `{brackets}`", "", below.meaning + (" Optional." if below.optional else ""))
        yield from ("", "| key | type | default | a change needs | meaning |", "| --- | --- | --- | --- | --- |")
        for key, about in settings_of(below.model):
            cells = (
                f"`{key}`",
                about.kind.title,
                _default(about),
                "restart" if about.restart else "reload",
                f"{about.meaning} Allowed: {about.kind.allowed}.",
            )
            yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
        yield from _reference(below.model, inner)


def _default(about: Setting) -> str:
    if about.default is None:
        return "required"
    if about.default == "":
        return "not set"
    if about.default == "the host name":
        return "the host name"
    return f"`{toml_text(about.default)}`"
