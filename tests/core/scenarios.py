"""What the scenario runners share: reading the files (tests/scenarios/README.md), and telling what differs."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent.parent / "scenarios"


def files(kind: str) -> list[Path]:
    """The scenario files of a kind."""
    return sorted((FOLDER / kind).glob("*.toml"))


def loaded(path: Path) -> dict[str, Any]:
    """A scenario."""
    return tomllib.loads(path.read_text("utf-8"))


def only(table: Mapping[str, Any], allowed: Collection[str], where: str) -> None:
    """Refuse keys that mean nothing: a misspelt expectation would never fail."""
    strange = sorted(set(table) - set(allowed))
    assert not strange, f"{where}: what is {', '.join(strange)}? Known are {', '.join(sorted(allowed))}"


def agrees(expected: Any, actual: Any) -> bool:
    """Whether something is as expected; a text with ``*`` in it is a pattern, a number may be off by a millionth."""
    if isinstance(expected, str) and isinstance(actual, str) and "*" in expected:
        return fnmatchcase(actual, expected)
    if isinstance(expected, list) and isinstance(actual, list):
        return len(expected) == len(actual) and all(map(agrees, expected, actual))
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        return expected.keys() == actual.keys() and all(agrees(value, actual[key]) for key, value in expected.items())
    if isinstance(expected, float) and isinstance(actual, int | float):
        return abs(expected - actual) < 1e-6
    return bool(expected == actual)


def differences(expected: Mapping[str, Any], actual: Mapping[str, Any]) -> list[str]:
    """What is not as expected, a few lines for each key."""
    lines: list[str] = []
    for key, value in expected.items():
        if agrees(value, actual[key]):
            continue
        if isinstance(value, list) and isinstance(actual[key], list):
            lines += [f"  {key}:", *(f"    {line}" for line in _compared(value, actual[key]))]
        else:
            lines += [f"  {key}: expected {value!r}", f"  {' ' * len(key)}       but is {actual[key]!r}"]
    return lines


def _compared(expected: Iterable[str], actual: Iterable[str]) -> Iterable[str]:
    """Two lists, one under the other: what both have, what is missing (-), what is too much (+)."""
    left, right = list(expected), list(actual)
    while left or right:
        if left and right and agrees(left[0], right[0]):
            yield f"  {right.pop(0)}"
            del left[0]
        elif right and not any(agrees(each, right[0]) for each in left):
            yield f"+ {right.pop(0)}"
        elif left:
            yield f"- {left.pop(0)}"
        else:
            yield f"+ {right.pop(0)}"


def failure(path: Path, number: int, description: str, lines: Iterable[str]) -> str:
    """The message of a phase that went otherwise."""
    return "\n".join([f"{path.parent.name}/{path.name}, phase {number}: {description}", *lines])
