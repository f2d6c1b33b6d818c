"""What the tests of the call-signal service share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.signals.house import House


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., House]]:
    """Makes a house; at the end no timer of it is left."""
    houses: list[House] = []

    def made(**how: object) -> House:
        house = House(tmp_path / "journal.sqlite3", **how)  # type: ignore[arg-type]
        houses.append(house)
        return house

    yield made
    for house in houses:
        house.closed()
        left = [call for call in house.clock.getDelayedCalls() if call.active()]
        assert not left, left


@pytest.fixture
def house(make: Callable[..., House]) -> House:
    """A house with three channels."""
    return make()
