"""The stage of a module of end-to-end tests, and where its files are kept.

A module says with ``PAIR`` what its pair is like, and with ``TABLES``, or ``tables`` of the pair, how its daemon is
configured. Its stories share both, since to start them takes seconds; each begins with everything as it was at first.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.daemons import RunningDaemon, Stage, staged


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory for a module's stage; short, since a socket's path has 107 bytes at most."""
    return tmp_path_factory.mktemp("stage")


@pytest.fixture(scope="module")
def shared(request: pytest.FixtureRequest, place: Path) -> Iterator[Stage]:
    """The module's stage, as the last story has left it."""
    module = request.module
    with staged(place, **getattr(module, "PAIR", {})) as stage:
        tables = module.tables(stage.pair) if hasattr(module, "tables") else getattr(module, "TABLES", {})
        stage.started(tables=tables)
        yield stage


@pytest.fixture
def stage(shared: Stage) -> Stage:
    """The module's stage: both hosts run and behave, ce1 is active, and all channels are ready there."""
    shared.begin_story()
    return shared


@pytest.fixture
def daemon(stage: Stage) -> RunningDaemon:
    """The module's daemon."""
    return stage.daemons["agentchan"]
