"""Reads a profile's TOML strictly: every fault at once, each with its line."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from agentchan.config.faults import Fault, Place, described, dotted, quoted
from agentchan.config.files import FileUnusableError, read_file
from agentchan.config.key_lines import key_lines

Words = Mapping[str, Mapping[str, str]]
"""By result or field, the site's words and ours."""

_LARGEST = 1024 * 1024
_MOST_LISTED = 12


class ProfileError(Exception):
    """A profile cannot be used; every fault is listed.

    Attributes:
        faults: all of them, in the order of the file's lines.
    """

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


class ProfileText:
    """The values of a profile.toml, and what is wrong with them.

    Args:
        path: the file.

    Raises:
        ProfileError: it is no TOML file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            text = read_file(path, _LARGEST).decode()
            self.values: dict[str, Any] = tomllib.loads(text)
            self._lines = key_lines(text)
        except FileUnusableError as error:
            raise self._unusable(
                "file", str(error), "a profile is a folder with a profile.toml (docs/profiles.md)"
            ) from None
        except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
            raise self._unusable("TOML", str(error), "TOML 1.0 in UTF-8, see https://toml.io/en/v1.0.0") from None
        self._faults: dict[Fault, None] = {}

    def _unusable(self, key: str, wrong: str, allowed: str) -> ProfileError:
        return ProfileError([Fault(self.path, 0, key, wrong, allowed)])

    @property
    def sound(self) -> bool:
        """Whether nothing wrong has been found so far."""
        return not self._faults

    def fault(self, place: Place, wrong: str, allowed: str) -> None:
        """Remember what is wrong at a place."""
        above = (place[:length] for length in range(len(place), 0, -1))
        line = next((self._lines[each] for each in above if each in self._lines), 1)
        self._faults[Fault(self.path, line, dotted(place), wrong, allowed)] = None

    def refused(self) -> ProfileError:
        """What is to be raised for all that was found."""
        return ProfileError(sorted(self._faults, key=lambda fault: fault.line))

    # -- values --------------------------------------------------------------------------------------------------------

    def has(self, place: Place) -> bool:
        """Whether there is anything at a place."""
        return self._at(place) is not None

    def table(self, place: Place, known: Collection[str] | None = None) -> Mapping[str, Any]:
        """A table; empty where it is missing or is none.

        Args:
            place: where.
            known: the keys that it may have; None: any.
        """
        value = self._at(place)
        if value is None:
            return {}
        if not isinstance(value, dict):
            self.fault(place, f"is {described(value)}", "a table")
            return {}
        for key in value if known is not None else ():
            if key not in (known or ()):
                self.fault((*place, key), "is unknown", suggestion(key, known or ()))
        return value

    def text(self, place: Place, default: str | None = None) -> str | None:
        """A string; the default where it is missing."""
        value = self._at(place)
        if value is None:
            return default
        if not isinstance(value, str):
            self.fault(place, f"is {described(value)}", "a string")
            return default
        return value

    def required_text(self, place: Place, allowed: str) -> str | None:
        """A string that must be there, and not be empty."""
        if self._at(place) in (None, ""):
            self.fault(place, "is missing", allowed)
        return self.text(place) or None

    def choice(self, place: Place, allowed: tuple[str, ...], default: str) -> str:
        """One of some words."""
        value = self.text(place, default)
        if value not in allowed:
            self.fault(place, f"is {quoted(value or '')}", " or ".join(quoted(each) for each in allowed))
            return default
        return value

    def flag(self, place: Place, *, default: bool) -> bool:
        """A boolean."""
        value = self._at(place)
        if value is None:
            return default
        if not isinstance(value, bool):
            self.fault(place, f"is {described(value)}", "true or false, without quotes")
            return default
        return value

    def texts(self, place: Place) -> dict[str, str]:
        """A table of strings."""
        found = {}
        for key, value in self.table(place).items():
            if isinstance(value, str):
                found[key] = value
            else:
                self.fault((*place, key), f"is {described(value)}", "a string")
        return found

    def tables(self, place: Place) -> list[Mapping[str, Any]]:
        """A list of tables."""
        value = self._at(place)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            self.fault(place, "is no list of tables", f"[[{dotted(place)}]]")
            return []
        return value

    def _at(self, place: Place) -> Any:
        here: Any = self.values
        for step in place:
            if isinstance(here, dict):
                here = here.get(str(step))
            elif isinstance(here, list) and isinstance(step, int) and step < len(here):
                here = here[step]
            else:
                return None
        return here


def suggestion(name: str, known: Collection[str]) -> str:
    """What may have been meant: a name that is alike, or is alike at the end of a path; else all names."""
    ends: dict[str, str] = {}
    for each in known:
        ends.setdefault(each.rpartition("/")[2].lower(), each)
        ends.setdefault(each.lower(), each)
    near = get_close_matches(name.lower(), ends, n=1, cutoff=0.6)
    near = near or [each for each in ends if name and each.startswith(name.lower())]
    if near:
        return f'did you mean "{ends[near[0]]}"?'
    listed = sorted(known)
    more = f", and {len(listed) - _MOST_LISTED} more" if len(listed) > _MOST_LISTED else ""
    return f"known here: {', '.join(listed[:_MOST_LISTED]) or 'nothing'}{more}"
