"""Compares names, and finds what one most likely stands for."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from unicodedata import normalize

_NOT_PLAIN = re.compile(r"[^a-z0-9]+")
_HUNGARIAN = re.compile(r"^(?:bstr|str|sz|guid|int|lng|dt|p)(?=[A-Z])")

_SHORTEST_PART = 4
"""Letters of a name that counts also as a part of another one."""

_FAR = 100
"""What a part is worse than a whole name."""


def plain(name: str) -> str:
    """A name as names are compared: letters and digits, without accents and case."""
    without = "".join(letter for letter in normalize("NFKD", name) if letter.isascii())
    return _NOT_PLAIN.sub("", without.lower())


def variants(path: str) -> Iterator[str]:
    """The names under which a path is looked for: its last step without a prefix of its type, and with the step above.

    Args:
        path: of a parameter or result.
    """
    steps = [step.removeprefix("@") for step in path.split("/")]
    last = _HUNGARIAN.sub("", steps[-1])
    yield plain(last)
    if len(steps) > 1:
        yield plain(steps[-2] + last)


def best(path: str, table: Mapping[str, Sequence[str]], allowed: Collection[str]) -> str | None:
    """What a path most likely stands for.

    Args:
        path: of a parameter or result.
        table: names by what they stand for, the likeliest first.
        allowed: what it may stand for.
    """
    meanings = [meaning for meaning in table if meaning in allowed]
    distances = {meaning: _distance(path, table[meaning]) for meaning in meanings}
    nearest = min(meanings, key=lambda meaning: distances[meaning], default=None)
    return None if nearest is None or distances[nearest] >= 2 * _FAR else nearest


def _distance(path: str, names: Sequence[str]) -> int:
    """How far a path is from a list of names: 0 is the first of them itself."""
    distances = [2 * _FAR]
    for worse, name in enumerate(variants(path)):
        for index, known in enumerate(names):
            if name == known or name.removesuffix("s") == known:
                distances.append(index + worse)
            elif len(known) >= _SHORTEST_PART and (name.endswith(known) or name.startswith(known)):
                distances.append(_FAR + index + worse)
    return min(distances)


def word_for(their: str, ours: Mapping[str, Sequence[str]]) -> str | None:
    """Which of our words one of theirs stands for.

    Args:
        their: a word of the WSDL.
        ours: of each of our words, those that may stand for it.
    """
    name = plain(their)
    exact = next((word for word, names in ours.items() if name == plain(word) or name in names), None)
    if exact is not None:
        return exact
    found = {
        word
        for word, names in ours.items()
        for each in (plain(word), *names)
        if len(each) >= _SHORTEST_PART and (name.startswith(each) or name.endswith(each))
    }
    return found.pop() if len(found) == 1 else None
