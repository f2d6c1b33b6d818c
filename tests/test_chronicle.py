"""What is told of as it happens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from agentchan.core.observations import Answered, Failed, Pin
from agentchan.daemon import Daemon
from agentchan.vocabulary import DomainState, Role, ServerStatus
from tests.metrics.parts import URLS, built


@pytest.fixture
def daemon(tmp_path: Path) -> Daemon:
    """A daemon of which nothing runs."""
    return built(tmp_path)


def told(daemon: Daemon, name: str) -> list[dict[str, Any]]:
    """The fields of the events of that name."""
    return [event.fields for event in daemon.feed.after(0).events if event.name == name]


def test_what_the_hosts_say(daemon: Daemon) -> None:
    """A host that says something else is news, once; so is one that ceases to answer, whatever the reasons."""
    running = ServerStatus(Role.ACTIVE, server_name="ce1", generation=4)
    for status in (running, running, evolve(running, state=DomainState.FAILING_OVER)):
        daemon.chronicle.observed(Answered(URLS[0], status, 1.0, 1.0))
    for reason in ("refused", "silent"):
        daemon.chronicle.observed(Failed(URLS[0], reason, 2.0))
    daemon.chronicle.observed(Failed(URLS[1], "refused", 2.0))
    daemon.chronicle.observed(Answered(URLS[0], running, 3.0, 3.0))
    assert [(each["url"], each["answers"], each.get("state")) for each in told(daemon, "host")] == [
        (URLS[0], True, "Running"),
        (URLS[0], True, "FailingOver"),
        (URLS[0], False, None),
        (URLS[1], False, None),
        (URLS[0], True, "Running"),
    ]


def test_a_pin_ends_by_itself(daemon: Daemon) -> None:
    """When its time is over, that is told as if somebody had taken it away."""
    daemon.following.pin(Pin("ce2", daemon.reactor.seconds() + 2.5, "maintenance", "uid 0"))
    daemon._looked_at = daemon.reactor.seconds()
    daemon.reactor.advance(2.0)
    daemon._time_passed()
    assert told(daemon, "host-unpinned") == []
    daemon.reactor.advance(1.0)
    daemon._time_passed()
    (unpinned,) = told(daemon, "host-unpinned")
    assert unpinned == {"host": "ce2", "reason": "its time is over"}
