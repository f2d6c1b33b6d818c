"""The channels of an IVR: names, ranges of names, aliases, and values of their own."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from math import prod
from pathlib import Path

from attrs import frozen

from agentchan.config.faults import Problem, WrongValueError, described, dotted
from agentchan.config.kinds import Token, has_control_characters, text_of

CHANNEL_NAME = Token(longest=128)
"""``Name`` of contract/ivr_connector.wsdl."""

_MOST_CHANNELS = 100_000
_MOST_ENTRIES = 100_000
_MOST_PATTERNS = 1000
_LONGEST_ALIAS = 256
_LONGEST_VALUE = 1024
_RANGE = re.compile(r"\{([0-9]{1,9})\.\.([0-9]{1,9})\}")
_VALUE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")


class ChannelNames(tuple[str, ...]):
    """Channel names in full, which remember how they were written.

    Attributes:
        written: the list as it stands in the file, ranges and all.
    """

    written: tuple[str, ...]

    def __new__(cls, names: Sequence[str], written: Sequence[str]) -> ChannelNames:
        """Make the tuple of all names."""
        self = super().__new__(cls, names)
        self.written = tuple(written)
        return self


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
        ValueError: a range is not well formed, or there are too many names.
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
    if prod(map(len, ranges)) > room:
        raise ValueError(f"more than {_MOST_CHANNELS} channels")
    return [
        texts[0] + "".join(itertools.chain.from_iterable(zip(numbers, texts[1:], strict=True)))
        for numbers in itertools.product(*ranges)
    ]


@frozen
class Channels:
    """A list of channel names and ranges of them; all names, in order, inside."""

    title: str = "list of channel names and ranges"
    allowed: str = (
        f'a list of up to {_MOST_CHANNELS} different names of 1 to 128 characters, and ranges such as "ivr1-{{001..120}}"'
    )

    def read(self, value: object, folder: Path) -> ChannelNames:
        if not isinstance(value, list):
            raise WrongValueError.here(f"is {described(value)}", self.allowed)
        owners: dict[str, int] = {}
        problems = []
        for index, item in enumerate(value):
            try:
                text = text_of(item, self.allowed)
                names = expand(text, room=_MOST_CHANNELS - len(owners))
                for name in (names[0], names[-1]):
                    CHANNEL_NAME.read(name, folder)
            except WrongValueError as error:
                problems += [Problem((index,), each.wrong, each.allowed) for each in error.problems]
                continue
            except ValueError as error:
                problems.append(Problem((index,), str(error), self.allowed))
                continue
            for name in names:
                if owners.setdefault(name, index) != index:
                    what = f"names {name} again, after item [{owners[name]}]"
                    problems.append(Problem((index,), what, "each channel only once"))
                    break
        if problems:
            raise WrongValueError(problems)
        return ChannelNames(list(owners), value)

    def plain(self, value: tuple[str, ...]) -> list[str]:
        return list(value.written if isinstance(value, ChannelNames) else value)


def _table_of(value: object, most: int, allowed: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise WrongValueError.here(f"is {described(value)}", allowed)
    if len(value) > most:
        raise WrongValueError.here(f"has {len(value)} entries", f"at most {most}")
    return value


def _each[Read](
    table: Mapping[str, object], read: Callable[[str, object], Read]
) -> dict[str, Read]: ...
