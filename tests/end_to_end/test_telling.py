"""What the whole daemon tells of its own accord: notifications by a command, metrics of its exchanges with CE."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

from tests.end_to_end.daemons import RunningDaemon, Stage, wait_until
from tests.end_to_end.doors import Door


def _hook(daemon: RunningDaemon, events: list[str]) -> Path:
    """Let a command keep what the daemon tells of these events; returns where."""
    told, script = daemon.configuration.with_name("told.json"), daemon.configuration.with_name("hook.sh")
    script.write_text(f'#!/bin/sh\ncat >>"{told}"\n', encoding="utf-8")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    with daemon.configuration.open("a", encoding="utf-8") as file:
        file.write(f"\n[[notify]]\nevents = {json.dumps(events)}\ncommand = [{json.dumps(str(script))}]\n")
    return told


def _told(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def _metrics(daemon: RunningDaemon) -> str:
    return Door.socket_of(daemon).get("/metrics").body.decode()


def test_a_failover_is_told_of(stage: Stage, daemon: RunningDaemon) -> None:
    """A hook that a reload brings runs at the next failover, and hears where the channel went and what it took."""
    told = _hook(daemon, ["failover"])
    assert "notify" in daemon.type("reload")
    stage.pair.promote("ce2")
    stage.wait_ready(daemon)
    (notice,) = wait_until(lambda: _told(told), "the hook has run")
    assert (notice["notify"], notice["event"]["to"]) == ("failover", "ce2")
    assert "from ce1 to ce2" in notice["text"]
    delivered = 'agentchan_notifications_total{event="failover",outcome="delivered"} 1.0'
    wait_until(lambda: delivered in _metrics(daemon), "it is counted")
    daemon.configure({})
    daemon.type("reload")
    stage.all_is_well()


def test_exchanges_are_measured(stage: Stage, daemon: RunningDaemon) -> None:
    """Each duty that was exchanged with CE is in the metrics, and so are the event loop's delays."""
    stage.wait_ready(daemon)

    def counted(series: str) -> float:
        lines = _metrics(daemon).splitlines()
        return next(float(line.rpartition(" ")[2]) for line in lines if line.startswith(series))

    for request in ("open-session", "set-readiness", "get-status"):
        assert counted(f'agentchan_exchange_seconds_count{{request="{request}"}}') > 0, request
    wait_until(lambda: counted('agentchan_exchange_seconds_count{request="heartbeat"}'), "a heartbeat")
    wait_until(lambda: counted("agentchan_reactor_delay_seconds_count"), "a second has passed")
