"""A small fleet that loses its host at once (the great one is a command: ``python -m tests.faults.fleet``)."""

from __future__ import annotations

from pathlib import Path

from tests.faults.fleet import ALLOWED, played

DAEMONS = 10


def test_no_storm(tmp_path: Path) -> None:
    """Every daemon comes back, whether somebody takes over at once, late, or both hosts were gone; none hammers."""
    stories = list(played(tmp_path, DAEMONS, 1, outage=2.0))
    assert [story.name for story in stories] == ["takeover", "nobody", "all gone"]
    for story in stories:
        assert {dial.ivr for dial in story.dials} == {f"ivr{number:02}" for number in range(1, DAEMONS + 1)}
        assert story.burst <= ALLOWED, story.name
