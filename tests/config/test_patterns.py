"""Shell patterns of names."""

from __future__ import annotations

import time
from fnmatch import fnmatchcase

from hypothesis import given
from hypothesis import strategies as st

from agentchan.config.patterns import Patterns

WORDS = st.text("ab*?[]!-", max_size=6)


@given(st.lists(WORDS, max_size=8), st.text("ab-", max_size=6))
def test_as_fnmatch(patterns: list[str], name: str) -> None:
    """They match what fnmatch says, and tell it in order."""
    expected = [place for place, pattern in enumerate(patterns) if fnmatchcase(name, pattern)]
    assert Patterns.of(patterns).matching(name) == expected


def test_thousands_of_plain_names() -> None:
    """A pattern for each of ten thousand channels: each is found at once."""
    names = [f"ivr1-{number:05}" for number in range(10_000)]
    began = time.thread_time()
    patterns = Patterns.of(["ivr1-*", *names])
    assert all(patterns.matching(name) == [0, place + 1] for place, name in enumerate(names))
    assert time.thread_time() - began < 2
