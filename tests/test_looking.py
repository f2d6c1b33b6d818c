"""What status says of the daemon itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agentchan.operations import Operations
from tests.metrics.parts import built


def test_since_when_the_agent_channel_is_down(tmp_path: Path) -> None:
    """Before the first attempt: since the daemon began, not since the machine was started."""
    daemon = built(tmp_path)
    daemon.reactor.advance(5.0)
    status: dict[str, Any] = dict(Operations(daemon).status())
    assert status["agent_channel"]["state"] == "down"
    assert status["uptime_s"] == 5.0
    assert status["agent_channel"]["since"] == "2027-01-15T08:00:00.000Z"
