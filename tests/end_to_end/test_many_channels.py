"""Large IVRs: thousands of channels sign on, become ready, and are followed to the other host."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.end_to_end.daemons import staged


@pytest.mark.parametrize("count", [5_000, 12_000])
def test_many_channels(place: Path, count: int) -> None:
    """All channels are ready after a sign-on and after a failover, told in portions so that heartbeats fit in."""
    with staged(place / str(count), f"ivr1-{{00001..{count:05d}}}", session_timeout=5.0) as stage:
        daemon = stage.started()
        stage.pair.kill("ce1", promote="ce2")
        stage.all_is_well()
        sizes = [len(row["details"]) for row in stage.pair.history() if row["event"] == "readiness"]
        assert max(sizes) <= 500
        assert sum(sizes) == 2 * count
        why = [row["details"]["why"] for row in stage.pair.history() if row["event"] == "session-closed"]
        assert "silence" not in why
        assert daemon.stop() == 0
