"""The channels of an IVR: names, ranges of names, aliases, and values of their own."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Self

from attrs import frozen

from agentchan.config.faults import Problem, WrongValueError, described
from agentchan.config.kinds import Kind, Token, has_control_characters, text_of

CHANNEL_NAME = Token(longest=128)
"""``Name`` of contract/ivr_connector.wsdl."""

_ENTRY = f'a name ({CHANNEL_NAME.allowed}), or a range such as "ivr1-{{001..120}}"'
_MOST_CHANNELS = 100_000
_MOST_ENTRIES = 100_000
_MOST_PATTERNS = 10_000
_LONGEST_ALIAS = 256
_LONGEST_VALUE = 1024
_RANGE = re.compile(r"\{([0-9]{1,9})\.\.([0-9]{1,9})\}")
_VALUE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")


class ChannelNames(tuple[str, ...]):  # noqa: SLOT001  CPython allows no non-empty slots in a tuple
    """Channel names in full, which remember how they were written.

    Attributes:
        written: the list as it stands in the file, ranges and all.
    """

    written: tuple[str, ...]

    def __new__(cls, names: Sequence[str], written: Sequence[str]) -> Self:
        """Make the tuple of all names."""
        self = super().__new__(cls, names)
        self.written = tuple(written)
        return self


class TooManyChannelsError(ValueError):
    """More channels than one daemon can have."""

    def __init__(self) -> None:
        super().__init__(f"more than {_MOST_CHANNELS} channels")


def _numbers(first: str, last: str) -> Sequence[str]:
    """The numbers of a range, with its leading zeros.

    Raises:
        ValueError: saying what is wrong with the range.
    """
    padded = any(len(each) > 1 and each.startswith("0") for each in (first, last))
    if padded and len(first) != len(last):
        raise ValueError("has leading zeros, but its ends are not equally long")
    if int(first) > int(last):
        raise ValueError("ends before it begins")
    if int(last) - int(first) >= _MOST_CHANNELS:
        raise ValueError(f"has more than {_MOST_CHANNELS} numbers")
    width = len(first) if padded else 0
    return [f"{number:0{width}d}" for number in range(int(first), int(last) + 1)]


def expand(written: str, room: int = _MOST_CHANNELS) -> list[str]:
    """The channels that an entry names: ``ivr1-{001..120}`` are ``ivr1-001`` to ``ivr1-120``.

    Args:
        written: a name; each ``{first..last}`` in it stands for all numbers from first to last.
        room: how many names there may be.

    Raises:
        ValueError: a range is not well formed, a name is too long, or (TooManyChannelsError) there are too many names.
    """
    pieces = _RANGE.split(written)
    texts = pieces[0::3]
    if any("{" in text or "}" in text for text in texts):
        raise ValueError("has a brace that belongs to no range")
    ranges = []
    for first, last in zip(pieces[1::3], pieces[2::3], strict=True):
        try:
            ranges.append(_numbers(first, last))
        except ValueError as error:
            raise ValueError(f"the range {{{first}..{last}}} {error}") from None
    count = prod(map(len, ranges))
    if count > room:
        raise TooManyChannelsError
    # The longest name is the last one; looked at first, it keeps a long text from being copied many times.
    longest = len("".join(texts)) + sum(len(numbers[-1]) for numbers in ranges)
    if longest > CHANNEL_NAME.longest:
        raise ValueError(f"has {longest} characters")
    return [
        texts[0] + "".join(itertools.chain.from_iterable(zip(numbers, texts[1:], strict=True)))
        for numbers in itertools.product(*ranges)
    ]


@frozen
class Channels(Kind):
    """A list of channel names and ranges of them; all names, in order, inside."""

    title: str = "list of channel names and ranges"
    allowed: str = (
        f'a list of up to {_MOST_CHANNELS} different names (1 to 128 characters) and ranges ("ivr1-{{001..120}}")'
    )

    def _read(self, value: object, folder: Path) -> ChannelNames:
        if not isinstance(value, list):
            raise WrongValueError.here(f"is {described(value)}", self.allowed)
        if len(value) > _MOST_CHANNELS:
            raise WrongValueError.here(f"has {len(value)} items", self.allowed)
        owners: dict[str, int] = {}
        problems = []
        # Names that come again count too: the work done here is bounded, not only its outcome.
        room = _MOST_CHANNELS
        for index, item in enumerate(value):
            try:
                text = text_of(item, _ENTRY)
                names = expand(text, room=room)
                for name in (names[0], names[-1]):
                    CHANNEL_NAME.read(name, folder)
            except WrongValueError as error:
                problems += [Problem((index,), each.wrong, _ENTRY) for each in error.problems]
                continue
            except ValueError as error:
                problems.append(Problem((index,), str(error), _ENTRY))
                if isinstance(error, TooManyChannelsError):
                    break
                continue
            room -= len(names)
            again = next((name for name in names if name in owners), None)
            if again is None and len(set(names)) < len(names):
                problems.append(Problem((index,), "names a channel twice", "each channel only once"))
            elif again is not None:
                what = f"names {again} again, after item [{owners[again]}]"
                problems.append(Problem((index,), what, "each channel only once"))
            owners.update(dict.fromkeys(names, index))
        if problems:
            raise WrongValueError(problems)
        return ChannelNames(list(owners), value)

    def _plain(self, value: tuple[str, ...]) -> list[str]:
        return list(value.written if isinstance(value, ChannelNames) else value)


def _texts(
    value: object,
    allowed: str,
    most: int,
    read: Callable[[str, object], object],
) -> None:
    """Check every entry of a table with ``read``, which raises WrongValueError.

    Raises:
        WrongValueError: with the problems of all entries.
    """
    if not isinstance(value, dict):
        raise WrongValueError.here(f"is {described(value)}", allowed)
    if len(value) > most:
        raise WrongValueError.here(f"has {len(value)} entries", f"at most {most}")
    problems = []
    for key, entry in value.items():
        try:
            read(key, entry)
        except WrongValueError as error:
            problems += [Problem((key, *each.place), each.wrong, each.allowed) for each in error.problems]
    if problems:
        raise WrongValueError(problems)


def _check_key(key: str, allowed: str) -> None:
    if not 1 <= len(key) <= _LONGEST_ALIAS or has_control_characters(key):
        raise WrongValueError.here("is empty, too long or has control characters", allowed)


@frozen
class Aliases(Kind):
    """What the IVR calls a channel -> the channel."""

    title: str = "table of channel names"
    allowed: str = f"alias = channel, the alias of 1 to {_LONGEST_ALIAS} characters"

    def _read(self, value: object, folder: Path) -> dict[str, str]:
        aliases: dict[str, str] = {}

        def read_one(key: str, entry: object) -> None:
            _check_key(key, self.allowed)
            aliases[key] = CHANNEL_NAME.read(entry, folder)

        _texts(value, self.allowed, _MOST_ENTRIES, read_one)
        return aliases

    def _plain(self, value: Mapping[str, str]) -> dict[str, str]:
        return dict(value)


@frozen
class ChannelValues(Kind):
    """Shell pattern of channel names -> values that a profile's messages need."""

    title: str = "table of tables of strings"
    allowed: str = (
        'a table per pattern of channel names, its values strings: [ivr.channel_values."ivr1-0*"] campaign = "x"'
    )

    def _read(self, value: object, _folder: Path) -> dict[str, dict[str, str]]:
        values: dict[str, dict[str, str]] = {}

        def read_pattern(pattern: str, table: object) -> None:
            _check_key(pattern, self.allowed)
            own: dict[str, str] = {}

            def read_one(key: str, entry: object) -> None:
                if not _VALUE_NAME.fullmatch(key):
                    raise WrongValueError.here("is no name", "letters, digits, - and _, a letter or _ first")
                text = text_of(entry, self.allowed)
                if len(text) > _LONGEST_VALUE or has_control_characters(text):
                    what = "is too long or has control characters"
                    raise WrongValueError.here(what, f"at most {_LONGEST_VALUE} characters")
                own[key] = text

            _texts(table, self.allowed, _MOST_PATTERNS, read_one)
            values[pattern] = own

        _texts(value, self.allowed, _MOST_PATTERNS, read_pattern)
        return values

    def _plain(self, value: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
        return {pattern: dict(own) for pattern, own in value.items()}
