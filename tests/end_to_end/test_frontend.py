"""Frontend mode: no channels, only the component link and the two questions of an IVR script."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.daemons import RunningDaemon, Stage, staged


@pytest.fixture(scope="module")
def shared(place: Path) -> Iterator[Stage]:
    """A pair, and a daemon without channels."""
    with staged(place) as stage:
        daemon = stage.daemon(channels=[])
        daemon.start()
        yield stage


@pytest.fixture
def daemon(shared: Stage) -> RunningDaemon:
    """The module's daemon, which knows that ce1 is active."""
    shared.rest()
    daemon = shared.daemons["agentchan"]
    daemon.wait_status(lambda status: status["ce"]["active"] == "ce1", "ce1 is active")
    return daemon


@pytest.fixture
def stage(shared: Stage) -> Stage:
    """The module's stage."""
    return shared


def test_failing_over(stage: Stage, daemon: RunningDaemon) -> None:
    """Is CE failing over? No, yes and unknown, as it comes to pass."""
    assert daemon.type("failing-over", status=1).startswith("no")
    stage.pair.switch("ce2", seconds=1.5)
    daemon.wait_status(lambda status: status["ce"]["failing_over"] is True, "CE is failing over")
    assert daemon.type("failing-over").startswith("yes")
    daemon.wait_status(lambda status: status["ce"]["active"] == "ce2", "ce2 is active")
    assert daemon.type("failing-over", status=1).startswith("no")
    stage.pair.kill("ce1")
    stage.pair.kill("ce2")
    daemon.wait_status(lambda status: status["ce"]["verdict"] == "unknown", "nobody answers")
    assert daemon.type("failing-over", status=4).startswith("unknown: no host answers")


def test_nobody_is_signed_on(stage: Stage, daemon: RunningDaemon) -> None:
    """There is no agent channel and nothing to be ready; status says in which mode it is, and all is well."""
    status = daemon.status()
    assert (status["mode"], status["agent_channel"], status["channels"]["total"]) == ("frontend", None, 0)
    assert status["problems"] == []
    assert "ce1" in daemon.type("status", "--check")
    assert "has no channels" in daemon.type("ready", "--all", status=1)
    assert daemon.ask("channels") == {"channels": []}
    assert not [row for row in stage.pair.requests() if row["service"] == "connector"]


def test_restart_and_end(stage: Stage, daemon: RunningDaemon) -> None:
    """SIGTERM ends it with 0, and what it knew of generations is known after the next start."""
    assert daemon.stop() == 0
    daemon.start()
    stage.pair.promote("ce2")
    daemon.wait_status(lambda status: status["ce"]["active"] == "ce2", "ce2 is active")
    assert daemon.offences() == []
    assert stage.pair.violations() == []
