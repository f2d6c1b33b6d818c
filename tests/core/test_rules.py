"""The scenarios cover what they must: every failure mode, and every rule of tests/scenarios/rules.toml."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.core.scenarios import FOLDER, files, loaded

RULES = loaded(FOLDER / "rules.toml")
KINDS = ("topology", "session")


def covered(kind: str) -> set[str]:
    """What the scenarios of a kind say that they cover."""
    return {rule for path in files(kind) for rule in loaded(path)["covers"]}


@pytest.mark.parametrize("kind", KINDS)
def test_each_rule_is_covered(kind: str) -> None:
    """Each rule has a scenario that proves it."""
    assert not sorted(set(RULES[kind]) - covered(kind))


@pytest.mark.parametrize("rule", RULES["signals"])
def test_each_rule_of_signals_has_its_test(rule: str) -> None:
    """Rules that no scenario can play name the test that proves them."""
    file, _, name = RULES["signals"][rule].partition("::")
    assert f"\ndef {name}(" in (Path(__file__).parent / file).read_text("utf-8")


def test_each_failure_mode_is_covered() -> None:
    """Each failure mode that a pure core can meet has a scenario."""
    assert not sorted(set(RULES["failures"]) - covered("topology") - covered("session"))
    assert sorted(RULES["failures"]) == sorted(f"F{number}" for number in (*range(1, 15), 16))


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_else_is_claimed(kind: str) -> None:
    """A scenario names rules and failure modes that there are, and says in a sentence what it shows."""
    known = {*RULES[kind], *RULES["failures"]}
    for path in files(kind):
        scenario: dict[str, Any] = loaded(path)
        assert scenario["description"], path.name
        assert scenario["covers"], path.name
        assert not sorted(set(scenario["covers"]) - known), path.name
