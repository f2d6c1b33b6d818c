"""What can be wrong with a configuration, said so that the reader knows what to change."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from datetime import date, time
from pathlib import Path

from attrs import frozen

Place = tuple[str | int, ...]
"""Where a value stands: table names and keys, and the index within a list."""

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_LONGEST_QUOTE = 60
_LARGEST_QUOTE = 10**18


@frozen
class Problem:
    """Something wrong at a place of the values, before it is known on which line of the file that is."""

    place: Place
    wrong: str
    allowed: str


@frozen
class Fault:
    """One fault of a configuration file.

    Attributes:
        file: the file.
        line: its line, counted from 1; 0 where the file as a whole is meant.
        key: the dotted key, or ``file`` or ``TOML``.
        wrong: what is wrong.
        allowed: what is allowed, or what to do.
    """

    file: Path
    line: int
    key: str
    wrong: str
    allowed: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.key}: {self.wrong} ({self.allowed})"


class ConfigurationError(Exception):
    """The configuration cannot be used; every fault is listed.

    Attributes:
        faults: all of them, in the order of the file's lines.
    """

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


class WrongValueError(ValueError):
    """A value is not what its key allows.

    Attributes:
        problems: each with its place below the value, which is empty where the value itself is meant.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(f"{problem.wrong} ({problem.allowed})" for problem in problems))

    @classmethod
    def here(cls, wrong: str, allowed: str) -> WrongValueError:
        """The value itself is wrong."""
        return cls([Problem((), wrong, allowed)])


def quoted(text: str) -> str:
    """The text as a TOML basic string (which is JSON's string, but for DEL)."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def key_text(key: str) -> str:
    """The key as TOML writes it: bare where that is possible."""
    return key if _BARE_KEY.fullmatch(key) else quoted(key)


def dotted(place: Place) -> str:
    """The place as people write it: ``ivr.aliases."sip:7001@pbx"``, ``component_link.urls[0]``."""
    text = ""
    for step in place:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += f".{key_text(step)}" if text else key_text(step)
    return text


def described(value: object) -> str:
    """What kind of TOML value this is, with the value where it is short."""
    if isinstance(value, bool):
        return f"the boolean {str(value).lower()}"
    if isinstance(value, int):
        return f"the integer {value}" if abs(value) < _LARGEST_QUOTE else "a very large integer"
    if isinstance(value, float):
        return f"the float {value}"
    if isinstance(value, str):
        return f"the string {quoted(value if len(value) <= _LONGEST_QUOTE else value[:_LONGEST_QUOTE] + '…')}"
    if isinstance(value, date | time):
        return "a date or time"
    return "a list" if isinstance(value, list) else "a table"
