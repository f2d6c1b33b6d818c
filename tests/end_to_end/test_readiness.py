"""What operators want of the channels: it reaches CE, is explained, and comes back after every restart and failover."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.end_to_end.daemons import RunningDaemon, Stage, wait_until


def _row(daemon: RunningDaemon, channel: str) -> dict[str, Any]:
    (row,) = daemon.ask("channels", channel)["channels"]
    found: dict[str, Any] = row
    return found


def _reasons(stage: Stage, channel: str) -> list[tuple[bool, str | None]]:
    """What CE was told of a channel's readiness, in order."""
    rows = [row["details"] for row in stage.pair.history() if row["event"] == "readiness"]
    return [(ready, reason) for changes in rows for name, ready, reason in changes if name == channel]


def test_not_ready_and_ready(stage: Stage, daemon: RunningDaemon) -> None:
    """Channels taken out by hand are NotReady at CE, with the reason, and explained; brought back they are Ready."""
    out = ["ivr1-03", "ivr1-04"]
    assert "2 channels not ready until" in daemon.type("not-ready", *out, "--reason", "noise on the line")
    stage.all_is_well(not_ready=out)
    assert _reasons(stage, "ivr1-03")[-1] == (False, "noise on the line")
    row = _row(daemon, "ivr1-03")
    assert (row["wanted"], row["reported"], row["reason"]) == ("not-ready", "NotReady", "noise on the line")
    assert "noise on the line" in daemon.type("explain", "ivr1-03")
    daemon.type("ready", "ivr1-0*")
    stage.all_is_well()


def test_for_a_while(stage: Stage, daemon: RunningDaemon) -> None:
    """With --for a channel comes back by itself."""
    daemon.type("not-ready", "ivr1-07", "--reason", "a moment", "--for", "2s")
    stage.wait_ready(daemon, not_ready=["ivr1-07"])
    stage.all_is_well()
    assert _reasons(stage, "ivr1-07")[-1][0] is True


@pytest.mark.parametrize("how", ["failover", "restart", "killed"])
def test_survives(stage: Stage, daemon: RunningDaemon, how: str) -> None:
    """What was wanted by hand survives a failover, a restart and a kill -9 of the daemon."""
    daemon.type("not-ready", "ivr1-11", "--reason", "for good")
    daemon.type("not-ready", "ivr1-12", "--reason", "for an hour", "--for", "1h")
    out = ["ivr1-11", "ivr1-12"]
    stage.wait_ready(daemon, not_ready=out)
    until = _row(daemon, "ivr1-12")["until"]
    if how == "failover":
        stage.pair.kill("ce1", promote="ce2")
    elif how == "restart":
        assert daemon.stop() == 0
    else:
        daemon.kill()
    told = len(_reasons(stage, "ivr1-11"))
    if how != "failover":
        daemon.start()
    stage.all_is_well(daemon, not_ready=out)
    assert (True, None) not in _reasons(stage, "ivr1-11")[told:]
    assert _row(daemon, "ivr1-11")["reason"] == "for good"
    assert _row(daemon, "ivr1-12")["until"][:16] == until[:16]
    daemon.type("ready", "--all")
    stage.all_is_well(daemon)


def test_everything(stage: Stage, daemon: RunningDaemon) -> None:
    """All channels can be taken out at once, and the agent channel stays up."""
    daemon.type("not-ready", "--all", "--reason", "database upgrade")
    stage.all_is_well(not_ready=daemon.channels)
    daemon.type("ready", "--all")
    stage.all_is_well()


def test_wrong_names(daemon: RunningDaemon) -> None:
    """A name that does not exist changes nothing, not even for the others that were named."""
    assert "ivr9-01" in daemon.type("not-ready", "ivr1-01", "ivr9-01", "--reason", "x", status=1)
    assert _row(daemon, "ivr1-01")["wanted"] == "ready"


@pytest.mark.parametrize("how", ["failover", "restart"])
def test_drain_and_resume(stage: Stage, daemon: RunningDaemon, how: str) -> None:
    """A drain takes every channel out, survives, and its end brings back what was wanted before."""
    daemon.type("not-ready", "ivr1-05", "--reason", "broken")
    assert "Drained: no call is left" in daemon.type("drain", "--reason", "kernel update")
    stage.all_is_well(not_ready=daemon.channels, problems=["draining"])
    assert "kernel update" in daemon.type("status")
    if how == "failover":
        stage.pair.promote("ce2")
    else:
        assert daemon.stop() == 0
        daemon.start()
    stage.all_is_well(not_ready=daemon.channels, problems=["draining"])
    assert daemon.status()["drain"]["reason"] == "kernel update"
    assert "Back in service" in daemon.type("resume")
    stage.all_is_well(not_ready=["ivr1-05"])
    daemon.type("ready", "--all")
    assert "not draining" in daemon.type("resume")
    stage.all_is_well()


def test_changes_while_nobody_is_active(stage: Stage, daemon: RunningDaemon) -> None:
    """What is wanted while CE is away counts from the next sign-on, and CE hears the newest of it only."""
    stage.pair.demote()
    daemon.wait_status(lambda status: status["channels"]["ready"] == 0, "nobody is active")
    for reason in ("first", "second", "third"):
        daemon.type("not-ready", "ivr1-15", "--reason", reason)
    told = len(_reasons(stage, "ivr1-15"))
    stage.pair.promote("ce1")
    stage.all_is_well(not_ready=["ivr1-15"])
    wait_until(lambda: _reasons(stage, "ivr1-15")[told:], "CE was told why")
    assert _reasons(stage, "ivr1-15")[told:] == [(False, "third")]


def test_everything_is_told(stage: Stage, daemon: RunningDaemon) -> None:
    """Whoever follows the events hears of readiness, with who wanted it."""
    daemon.type("not-ready", "ivr1-02", "--reason", "told")
    events = [json.loads(line) for line in daemon.type("events", "--json").splitlines()]
    found = [event for event in events if event.get("event") == "readiness-wanted" and event.get("reason") == "told"]
    assert found[-1]["who"]
    daemon.type("ready", "ivr1-02")
    stage.all_is_well()
