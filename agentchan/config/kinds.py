"""What a key's value may be: how it is read, checked, written and described.

TOML values are taken strictly: "no" is not false, true is not 1, 5 is not "5s".
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import field, frozen

from agentchan.config.durations import format_duration, parse_duration
from agentchan.config.faults import Problem, WrongValueError, described, quoted

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_LONGEST_PATH = 4095
_LONGEST_SOCKET_PATH = 107  # sun_path of sockaddr_un: 108 bytes, the last one NUL (unix(7))
_MODE = re.compile(r"0?[0-7]{3}")
_OWNER_READS_AND_WRITES = 0o600
_PROFILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


class Kind(ABC):
    """One kind of value.

    Attributes:
        title: the kind in a word or two, for the reference.
        allowed: what is allowed, as the end of a sentence.
    """

    title: str
    allowed: str

    def read(self, value: object, folder: Path) -> Any:
        """The value as the program uses it.

        Args:
            value: as tomllib gave it.
            folder: what relative paths start from: the folder of the configuration file.

        Raises:
            WrongValueError: it is not allowed.
        """
        return self._read(value, folder)

    def plain(self, value: Any) -> Any:
        """The value as TOML and JSON have it; None where it is not set."""
        return self._plain(value)

    @abstractmethod
    def _read(self, value: object, folder: Path) -> Any: ...

    def _plain(self, value: Any) -> Any:
        return value


def text_of(value: object, allowed: str) -> str:
    """The value, which must be a string."""
    if not isinstance(value, str):
        raise WrongValueError.here(f"is {described(value)}", allowed)
    return value


def has_control_characters(text: str) -> bool:
    """Whether the text has characters that belong neither in XML nor on a terminal."""
    return _CONTROL.search(text) is not None


@frozen
class Token(Kind):
    """An ``xs:token`` of the contract: no leading, trailing or doubled spaces, no control characters."""

    longest: int
    title: str = "name"

    allowed: str = field(init=False)

    @allowed.default
    def _allowed(self) -> str:
        return f"1 to {self.longest} characters without leading, trailing or doubled spaces or control characters"

    def _read(self, value: object, _folder: Path) -> str:
        text = text_of(value, self.allowed)
        if not text:
            raise WrongValueError.here("is empty", self.allowed)
        if len(text) > self.longest:
            raise WrongValueError.here(f"has {len(text)} characters", self.allowed)
        if has_control_characters(text):
            raise WrongValueError.here("has control characters", self.allowed)
        if text != " ".join(part for part in text.split(" ") if part):
            raise WrongValueError.here("has leading, trailing or doubled spaces", self.allowed)
        return text


@frozen
class Flag(Kind):
    """True or false."""

    title: str = "boolean"
    allowed: str = "true or false, without quotes"

    def _read(self, value: object, _folder: Path) -> bool:
        if not isinstance(value, bool):
            raise WrongValueError.here(f"is {described(value)}", self.allowed)
        return value


@frozen
class Whole(Kind):
    """A whole number within bounds."""

    least: int
    most: int
    title: str = "integer"

    allowed: str = field(init=False)

    @allowed.default
    def _allowed(self) -> str:
        return f"a whole number from {self.least} to {self.most}"

    def _read(self, value: object, _folder: Path) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not self.least <= value <= self.most:
            raise WrongValueError.here(f"is {described(value)}", self.allowed)
        return value


@frozen
class Duration(Kind):
    """A duration within bounds; float seconds inside."""

    least: str
    most: str
    title: str = "duration"

    allowed: str = field(init=False)

    @allowed.default
    def _allowed(self) -> str:
        return f'a duration from "{self.least}" to "{self.most}", such as "250ms", "2s", "5m" or "1h30m"'

    def _read(self, value: object, _folder: Path) -> float:
        text = text_of(value, self.allowed)
        try:
            seconds = parse_duration(text)
        except ValueError:
            raise WrongValueError.here(f"is {described(text)}, no duration", self.allowed) from None
        if not parse_duration(self.least) <= seconds <= parse_duration(self.most):
            long_or_short = "short" if seconds < parse_duration(self.least) else "long"
            raise WrongValueError.here(f"is {quoted(text)}, too {long_or_short}", self.allowed)
        return seconds

    def _plain(self, value: float) -> str:
        return format_duration(value)


@frozen
class Choice(Kind):
    """One of a few words."""

    words: tuple[str, ...]
    title: str = "choice"

    allowed: str = field(init=False)

    @allowed.default
    def _allowed(self) -> str:
        return " or ".join(quoted(word) for word in self.words)

    def _read(self, value: object, _folder: Path) -> str:
        if not isinstance(value, str) or value not in self.words:
            raise WrongValueError.here(f"is {described(value)}", self.allowed)
        return value


@frozen
class FilePath(Kind):
    """A path; a relative one starts from the folder of the configuration file."""

    longest: int = _LONGEST_PATH
    title: str = "path"

    allowed: str = field(init=False)

    @allowed.default
    def _allowed(self) -> str:
        return f"a path of at most {self.longest} bytes, absolute or from this file's folder"

    def _read(self, value: object, folder: Path) -> Path:
        text = text_of(value, self.allowed)
        if not text or has_control_characters(text):
            raise WrongValueError.here("has control characters" if text else "is empty", self.allowed)
        path = folder / text
        if len(str(path).encode(errors="surrogateescape")) > self.longest:
            raise WrongValueError.here("is too long", self.allowed)
        return path

    def _plain(self, value: Path) -> str:
        return str(value)


SOCKET_PATH = FilePath(longest=_LONGEST_SOCKET_PATH)


@frozen
class ProfileName(Kind):
    """The name of a shipped profile, or the path of a site's own."""

    title: str = "profile"
    allowed: str = 'the name of a shipped profile, such as "reference", or the path of a site profile, with a "/" in it'

    def _read(self, value: object, folder: Path) -> str:
        text = text_of(value, self.allowed)
        if "/" in text or text.endswith(".toml"):
            return str(FilePath().read(text, folder))
        if not _PROFILE_NAME.fullmatch(text):
            raise WrongValueError.here(f"is {described(text)}", self.allowed)
        return text


@frozen
class Mode(Kind):
    """The permissions of a socket as an octal string; an integer inside."""

    title: str = "octal string"
    allowed: str = 'an octal string that lets the owner read and write, such as "0660"'

    def _read(self, value: object, _folder: Path) -> int:
        text = text_of(value, self.allowed)
        if not _MODE.fullmatch(text) or int(text, 8) & _OWNER_READS_AND_WRITES != _OWNER_READS_AND_WRITES:
            raise WrongValueError.here(f"is {described(text)}", self.allowed)
        return int(text, 8)

    def _plain(self, value: int) -> str:
        return f"{value:04o}"


@frozen
class Maybe(Kind):
    """A value that may be absent; an empty string says so too. None inside."""

    kind: Kind

    title: str = field(init=False)

    @title.default
    def _title(self) -> str:
        return self.kind.title

    allowed: str = field(init=False)

    @allowed.default
    def _allowed(self) -> str:
        return self.kind.allowed

    def _read(self, value: object, folder: Path) -> Any:
        return None if value == "" else self.kind.read(value, folder)

    def _plain(self, value: Any) -> Any:
        return None if value is None else self.kind.plain(value)


def _itself(value: Any) -> Any:
    return value


@frozen
class ListOf(Kind):
    """A list without duplicates; a tuple inside.

    Attributes:
        kind: of each item.
        least: so many items at least.
        most: so many items at most.
        sameness: two items for which it gives the same value are duplicates; None allows duplicates.
    """

    kind: Kind
    least: int = 0
    most: int = 1000
    sameness: Callable[[Any], Any] | None = _itself

    title: str = field(init=False)

    @title.default
    def _title(self) -> str:
        return f"list of {self.kind.title}"

    allowed: str = field(init=False)

    @allowed.default
    def _allowed(self) -> str:
        return f"a list of {self.least} to {self.most} items, each {self.kind.allowed}"

    def _read(self, value: object, folder: Path) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise WrongValueError.here(f"is {described(value)}", self.allowed)
        if not self.least <= len(value) <= self.most:
            raise WrongValueError.here(f"has {len(value)} items", self.allowed)
        read: list[Any] = []
        problems: list[Problem] = []
        seen: dict[Any, int] = {}
        for index, item in enumerate(value):
            try:
                read.append(self.kind.read(item, folder))
            except WrongValueError as error:
                problems += [Problem((index, *each.place), each.wrong, each.allowed) for each in error.problems]
                continue
            if self.sameness is None:
                continue
            first = seen.setdefault(self.sameness(read[-1]), index)
            if first != index:
                problems.append(Problem((index,), f"is the same as item [{first}]", "each only once"))
        if problems:
            raise WrongValueError(problems)
        return tuple(read)

    def _plain(self, value: tuple[Any, ...]) -> list[Any]:
        return [self.kind.plain(item) for item in value]


@frozen
class Argument(Kind):
    """One argument of a command."""

    title: str = "string"
    allowed: str = "a string of at most 4096 bytes without a NUL"

    def _read(self, value: object, _folder: Path) -> str:
        text = text_of(value, self.allowed)
        if "\0" in text or len(text.encode()) > _LONGEST_PATH + 1:
            raise WrongValueError.here("has a NUL in it" if "\0" in text else "is too long", self.allowed)
        return text
