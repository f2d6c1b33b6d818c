"""What status says of the daemon itself."""

from __future__ import annotations

from datetime import UTC, datetime
from math import inf
from pathlib import Path
from typing import Any

from agentchan.core.calls import Call
from agentchan.core.outbox_values import Entry
from agentchan.daemon import Daemon
from agentchan.operations import Operations
from agentchan.vocabulary import ChannelState, Gone
from agentchan.wishes import Drain
from tests.metrics.parts import built


def test_since_when_the_agent_channel_is_down(tmp_path: Path) -> None:
    """Before the first attempt: since the daemon began, not since the machine was started."""
    daemon = built(tmp_path)
    daemon.reactor.advance(5.0)
    status: dict[str, Any] = dict(Operations(daemon).status())
    assert status["agent_channel"]["state"] == "down"
    assert status["uptime_s"] == 5.0
    assert status["agent_channel"]["since"] == "2027-01-15T08:00:00.000Z"


def test_calls_that_a_drain_waits_for(tmp_path: Path) -> None:
    """Those that CE reports and those that the IVR has open: without an agent channel only the IVR's word is there."""
    daemon = built(tmp_path)
    daemon.wishes.drain = Drain(1000.0, "", inf, "")
    daemon.calls.began(Call("c1", "a", 1000.0))
    assert _calls_left(daemon) == 1
    for name, call_id in (("c1", "a"), ("c2", "nobody's")):
        daemon.channels[name].report(ChannelState.BUSY, call_id, 1000.0)
    assert _calls_left(daemon) == 2


def test_drain_does_not_wait_for_what_is_kept_back(tmp_path: Path) -> None:
    """A call whose Gone is kept back is over, although CE holds it until the channel is wanted again."""
    daemon = built(tmp_path)
    daemon.wishes.drain = Drain(1000.0, "", inf, "")
    daemon.channels["c1"].report(ChannelState.BUSY, "a", 1000.0)
    gone = Gone("1", "ivr1", "c1", "a", datetime(2026, 11, 24, tzinfo=UTC))
    daemon.delivering.outbox.accepted(Entry(gone, 1000.0))
    assert _calls_left(daemon) == 1
    daemon.delivering.outbox.withheld.add("c1")
    assert _calls_left(daemon) == 0


def _calls_left(daemon: Daemon) -> int:
    status: dict[str, Any] = dict(Operations(daemon).status())
    left: int = status["drain"]["calls"]
    return left
