"""Shell patterns of channel names, of which thousands may be plain names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from fnmatch import translate

from attrs import frozen

WILDCARD = re.compile(r"[*?\[]")
"""What makes a text a pattern of more than itself."""


@frozen
class Patterns:
    """Patterns, in order.

    fnmatch itself keeps 256 patterns compiled, so that a value for each of some thousand channels would cost minutes.
    """

    _names: Mapping[str, tuple[int, ...]]
    _wildcards: tuple[tuple[int, Callable[[str], object]], ...]

    @classmethod
    def of(cls, patterns: Iterable[str]) -> Patterns:
        """Compile them."""
        names: dict[str, tuple[int, ...]] = {}
        wildcards = []
        for place, pattern in enumerate(patterns):
            if WILDCARD.search(pattern):
                wildcards.append((place, re.compile(translate(pattern)).match))
            else:
                names[pattern] = (*names.get(pattern, ()), place)
        return cls(names, tuple(wildcards))

    def matching(self, name: str) -> list[int]:
        """The places, in order, of the patterns that match a name."""
        return sorted((*self._names.get(name, ()), *(place for place, match in self._wildcards if match(name))))
