"""The list of seeded bugs stays true, and some of them are made and caught in every test run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.seeded_bugs.bugs import Bug, hunted, listed

BUGS = listed()
FOR_REAL = {
    "old-agent-channel-left-open": "I2",
    "readiness-before-signals": "I5",
    "accepted-before-it-is-on-disk": "I4",
}
"""Those that the simulation finds within a few seeds, and by which invariant."""


def test_there_are_enough() -> None:
    """Each has a name of its own, and says what goes wrong."""
    assert len(BUGS) >= 25
    assert all(bug.why and bug.new != bug.old for bug in BUGS)


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_it_can_still_be_made(bug: Bug) -> None:
    """The text that it changes is there, once."""
    assert bug.places() == 1, f"{bug.file} has {bug.places()} times: {bug.old}"


@pytest.mark.parametrize("name", FOR_REAL)
def test_it_is_caught(name: str, tmp_path: Path) -> None:
    """Made in a copy of the tree, the simulation finds it."""
    bug = next(bug for bug in BUGS if bug.name == name)
    caught = hunted(bug, tmp_path, seeds=100, tests=False)
    assert caught.invariant == FOR_REAL[name]
