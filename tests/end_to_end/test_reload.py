"""A changed configuration is applied without dropping the agent channel; a faulty one changes nothing."""

from __future__ import annotations

import json
import signal
from typing import Any

import pytest

from tests.end_to_end.daemons import RunningDaemon, Stage, Tables, wait_until

FIRST: Tables = {
    "ivr": {"channels": ["ivr1-{01..20}"]},
    "agent_channel": {"heartbeat_interval": "500ms", "heartbeat_misses": 3},
    "log": {"level": "info"},
}


@pytest.fixture
def session(stage: Stage, daemon: RunningDaemon) -> dict[str, Any]:
    """The session that must outlive the reload; the daemon has its first configuration."""
    daemon.configure(FIRST)
    daemon.type("reload")
    stage.wait_ready(daemon)
    (found,) = stage.pair.sessions()
    return {key: found[key] for key in ("session_id", "connection", "instance_id")}


def _same(stage: Stage, session: dict[str, Any]) -> bool:
    """Whether the session lives on."""
    return any(session.items() <= each.items() for each in stage.pair.sessions())


def test_channels(stage: Stage, daemon: RunningDaemon, session: dict[str, Any]) -> None:
    """Channels come and go by a reload: new ones become ready, gone ones are not ready; the others notice nothing."""
    told = len([row for row in stage.pair.history() if row["event"] == "readiness"])
    daemon.configure({"ivr": {"channels": ["ivr1-{03..20}"]}})
    assert daemon.type("reload") == "Applied: ivr.channels.\n"
    stage.all_is_well()
    believed = stage.pair.channels()
    assert {name for name, row in believed.items() if row["state"] != "Ready"} == {"ivr1-01", "ivr1-02"}
    daemon.configure({"ivr": {"channels": ["ivr1-{01..20}"]}})
    daemon.type("reload")
    stage.all_is_well()
    rows = [row for row in stage.pair.history() if row["event"] == "readiness"][told:]
    assert {name for row in rows for name, _, _ in row["details"]} == {"ivr1-01", "ivr1-02"}
    assert _same(stage, session)


def test_wishes_of_channels_that_come_back(stage: Stage, daemon: RunningDaemon, session: dict[str, Any]) -> None:
    """A channel that was taken out by hand is still out when it comes back to the list."""
    daemon.type("not-ready", "ivr1-01", "--reason", "broken")
    stage.wait_ready(daemon, not_ready=["ivr1-01"])
    daemon.configure({"ivr": {"channels": ["ivr1-{02..20}"]}})
    daemon.type("reload")
    stage.all_is_well()
    daemon.configure({"ivr": {"channels": ["ivr1-{01..20}"]}})
    daemon.type("reload")
    stage.all_is_well(not_ready=["ivr1-01"])
    assert _same(stage, session)


def test_intervals(stage: Stage, daemon: RunningDaemon, session: dict[str, Any]) -> None:
    """Intervals count from the reload on: heartbeats come as often as is configured now."""
    daemon.configure({"agent_channel": {"heartbeat_interval": "50ms", "heartbeat_misses": 20}})
    applied = daemon.ask("reload")["applied"]
    assert applied == ["agent_channel.heartbeat_interval", "agent_channel.heartbeat_misses"]
    before = stage.asked("ce1", "Heartbeat")
    wait_until(lambda: stage.asked("ce1", "Heartbeat") >= before + 20, "twenty heartbeats")
    stage.all_is_well()
    assert _same(stage, session)


def test_log_level(stage: Stage, daemon: RunningDaemon, session: dict[str, Any]) -> None:
    """The log's level can be changed."""
    daemon.configure({"log": {"level": "debug"}})
    assert daemon.ask("reload")["applied"] == ["log.level"]
    assert "debug" in daemon.type("config", "show", "--config", str(daemon.configuration))
    stage.all_is_well()
    assert _same(stage, session)


def test_list_that_ce_refuses(stage: Stage, daemon: RunningDaemon, session: dict[str, Any]) -> None:
    """CE refuses the new list of channels: an alarm says so, the session goes on, and a reload tries it again."""
    stage.pair.answer_wrongly("ce1", "invalid-request", operation="OpenSession")
    daemon.configure({"ivr": {"channels": ["ivr1-{02..20}"]}})
    daemon.type("reload")
    daemon.wait_status(lambda _: daemon.problems() == {"list-refused"}, "status says so")
    assert "ce1 refused the new list of channels" in daemon.type("status")
    assert daemon.status()["channels"]["ready"] == 19
    stage.pair.behave("ce1")
    daemon.type("reload")
    wait_until(lambda: stage.pair.sessions()[0]["channels"] == 19, "CE has the new list")
    stage.all_is_well()
    assert _same(stage, session)


@pytest.mark.parametrize("how", ["reload", "SIGHUP"])
def test_faulty(stage: Stage, daemon: RunningDaemon, session: dict[str, Any], how: str) -> None:
    """A faulty file is refused as a whole, with every fault; what was in force stays in force."""
    good = daemon.configuration.read_text(encoding="utf-8")
    daemon.configure(
        {"ivr": {"channels": ["ivr1-{01..05}"]}, "agent_channel": {"heartbeat_misses": 0, "colour": "red"}}
    )
    if how == "SIGHUP":
        daemon.send(signal.SIGHUP)
        wait_until(lambda: daemon.said("reload-refused"), "it was refused")
    else:
        said = daemon.type("reload", status=78)
        assert "agent_channel.heartbeat_misses" in said
        assert "agent_channel.colour" in said
    daemon.configuration.write_text(good, encoding="utf-8")
    daemon.tables["ivr"]["channels"] = ["ivr1-{01..20}"]
    del daemon.tables["agent_channel"]["colour"]
    stage.all_is_well(errors=["reload-refused"])
    assert _same(stage, session)


def test_sighup(stage: Stage, daemon: RunningDaemon, session: dict[str, Any]) -> None:
    """SIGHUP is a reload."""
    daemon.configure({"ivr": {"channels": ["ivr1-{05..20}"]}})
    for _ in range(3):  # nobody waits for the end of one before the next
        daemon.send(signal.SIGHUP)
    daemon.wait_status(lambda status: status["channels"]["total"] == 16, "16 channels are left")
    assert any("who=SIGHUP" in line for line in daemon.said("reloaded"))
    stage.all_is_well()
    assert _same(stage, session)


def test_what_needs_a_restart(stage: Stage, daemon: RunningDaemon, session: dict[str, Any]) -> None:
    """What a reload cannot change is named, and stays as it was; the rest is applied."""
    before = json.dumps(daemon.status()["ce"]["hosts"][0]["url"])
    urls = daemon.tables["component_link"]["urls"]
    daemon.configure({"component_link": {"urls": urls[:1]}, "ivr": {"channels": ["ivr1-{02..20}"]}})
    outcome = daemon.ask("reload")
    assert (outcome["applied"], outcome["needs_restart"]) == (["ivr.channels"], ["component_link.urls"])
    assert "These need a restart: component_link.urls." in daemon.type("reload")
    assert json.dumps(daemon.status()["ce"]["hosts"][0]["url"]) == before
    assert len(daemon.status()["ce"]["hosts"]) == 2
    daemon.configure({"component_link": {"urls": urls}, "ivr": {"channels": []}})
    assert daemon.ask("reload")["needs_restart"] == ["ivr.channels"]  # frontend mode has other parts
    daemon.configure({"ivr": {"channels": ["ivr1-{02..20}"]}})
    stage.all_is_well()
    assert _same(stage, session)


def test_while_nobody_is_active(stage: Stage, daemon: RunningDaemon, session: dict[str, Any]) -> None:
    """A reload while CE is away counts for the next sign-on."""
    del session
    stage.pair.demote()
    daemon.wait_status(lambda status: status["channels"]["ready"] == 0, "nobody is active")
    daemon.configure({"ivr": {"channels": ["ivr1-{11..20}"]}})
    daemon.type("reload")
    stage.pair.promote("ce2")
    stage.all_is_well()
    assert {row["channels"] for row in stage.pair.sessions()} == {10}
