"""Every file of tests/scenarios/session: what happens to the agent channel, and exactly what it does then."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.core.play import EXPECTED, START, Play, written
from tests.core.scenarios import differences, failure, files, loaded, only


def phases(scenario: Mapping[str, Any]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The phases, numbered, those with ``times`` as often as they say."""
    for number, phase in enumerate(scenario["phases"], 1):
        for _ in range(phase.get("times", 1)):
            yield number, {key: value for key, value in phase.items() if key != "times"}


@pytest.mark.parametrize("path", files("session"), ids=lambda path: path.stem)
def test_session(path: Path) -> None:
    """Each phase's event leads to the actions that it lists and no others, and to what it shows."""
    scenario = loaded(path)
    only(scenario, ("description", "covers", "start", "phases"), path.name)
    start = scenario.get("start", {})
    only(start, START, path.name)
    play = Play(start)
    for number, phase in phases(scenario):
        early = play.until(phase.get("at", play.now), asleep=phase.get("asleep", False))
        if early:
            lines = [
                "  before it, without a phase of their own:",
                *(f"    + {written(each, play.timings)}" for each in early),
            ]
            pytest.fail(failure(path, number, phase["description"], [*lines, f"  at {play.now:g}"]), pytrace=False)
        actions = play.happens(phase)
        expected = {"actions": [], **{key: phase[key] for key in EXPECTED if key in phase}}
        wrong = differences(expected, play.seen(actions, phase))
        if wrong:
            pytest.fail(failure(path, number, phase["description"], wrong), pytrace=False)
