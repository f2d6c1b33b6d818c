"""Where no Component Service says who is active, the connectors' own answers do."""

from __future__ import annotations

from typing import Any

import pytest

from agentchan.lab.pair import Pair
from tests.end_to_end.daemons import RunningDaemon, Stage, merged, wait_until


def tables(pair: Pair) -> dict[str, Any]:
    """The daemon knows the connectors alone."""
    return {
        "ce": {"active_by": "connector-answers"},
        "component_link": {"urls": []},
        "agent_channel": {"connector_urls": pair.connector_urls, "backoff_maximum": "200ms"},
    }


def _well(stage: Stage) -> None:
    stage.all_is_well(connector_answers=True)


def test_in_line(stage: Stage, daemon: RunningDaemon) -> None:
    """The first connector in line that accepts is the active one; its answers give names and generations."""
    status = daemon.status()
    first, second = status["ce"]["hosts"]
    assert (first["name"], first["role"], first["url"]) == ("ce1", "Active", stage.pair.connector_urls[0])
    assert second["url"] == stage.pair.connector_urls[1]
    _well(stage)


def test_switch_and_back(stage: Stage, daemon: RunningDaemon) -> None:
    """A host that is not active any more says so on the agent channel, and the next one in line is asked."""
    for to in ("ce2", "ce1", "ce2"):
        stage.pair.promote(to)
        stage.wait_ready(daemon)
    _well(stage)


def test_killed_and_frozen(stage: Stage, daemon: RunningDaemon) -> None:
    """Hosts that die or hang are left for the next one in line."""
    stage.pair.kill("ce1", promote="ce2")
    stage.wait_ready(daemon)
    stage.pair.start("ce1")
    stage.pair.freeze("ce2", promote="ce1")
    stage.wait_ready(daemon)
    stage.pair.thaw("ce2")
    _well(stage)


def test_nobody_active(stage: Stage, daemon: RunningDaemon) -> None:
    """With nobody active, or nobody there, the daemon goes round in line until somebody accepts, and says so."""
    stage.pair.demote()
    status = daemon.wait_status(lambda status: status["ce"]["verdict"] == "none-active", "nobody is active")
    assert status["channels"]["ready"] == 0
    stage.pair.kill("ce1")
    stage.pair.kill("ce2")
    daemon.wait_status(lambda status: status["ce"]["verdict"] == "unknown", "nobody answers")
    assert "no-host-answers" in daemon.problems()
    stage.pair.start("ce2")
    stage.pair.promote("ce2")
    stage.wait_ready(daemon)
    stage.pair.start("ce1")
    _well(stage)


def test_generation_of_a_restored_database(stage: Stage, daemon: RunningDaemon) -> None:
    """A connector of a generation below the mark is not followed, and status says so, until that is forgotten."""
    before = stage.pair.generation()
    stage.pair.set_generation(before + 10)
    stage.wait_ready(daemon)
    stage.pair.set_generation(before)
    daemon.wait_status(lambda _: "wrong-host" in daemon.problems(), "status says so")
    assert f"in generation {before}, below {before + 10}: not followed" in daemon.type("status")
    assert daemon.status()["channels"]["ready"] == 0
    daemon.type("forget-generation", "--reason", "restored from the backup of Monday")
    _well(stage)


@pytest.mark.parametrize("restarted", [False, True])
def test_pin(stage: Stage, daemon: RunningDaemon, restarted: bool) -> None:
    """A pinned host's connector is the only one in line, also after a restart of the daemon, until the pin ends."""
    stage.pair.promote("ce2")
    stage.wait_ready(daemon)
    daemon.type("follow", "ce2", "--for", "1h", "--reason", "a test")
    if restarted:
        assert daemon.stop() == 0
        daemon.start()
        stage.wait_ready(daemon)
    asked = stage.asked("ce1", "OpenSession")
    stage.pair.promote("ce1")
    status = daemon.wait_status(lambda status: status["channels"]["ready"] == 0, "ce2 is not active any more")
    assert status["ce"]["verdict"] == "pinned"
    assert status["ce"]["pinned"]["host"] == "ce2"
    wait_until(lambda: "it names ce1" in (daemon.status()["agent_channel"]["error"] or ""), "ce2 is asked")
    assert stage.asked("ce1", "OpenSession") == asked
    assert "ce2 is no longer pinned" in daemon.type("unfollow")
    _well(stage)


def test_smallest_profile(stage: Stage, daemon: RunningDaemon) -> None:
    """With NewCall and Gone alone there is no readiness to tell; calls reach whichever host takes them."""
    assert daemon.stop() == 0
    own = {"ce": {"profile": "minimum", "domain": ""}, 'ivr.channel_values."*"': {"campaign": "billing"}}
    smallest = stage.daemon("smallest", tables=merged(tables(stage.pair), own))
    smallest.start()
    for host, call in (("ce1", "c1"), ("ce2", "c2")):
        if host == "ce2":
            stage.pair.kill("ce1", promote="ce2")
        smallest.type("new-call", "ivr1-01", call)
        wait_until(lambda call=call: stage.pair.channels()["ivr1-01"]["call_id"] == call, f"{host} holds {call}")
        smallest.type("gone", "ivr1-01", "--call-id", call)
        wait_until(lambda: stage.pair.channels()["ivr1-01"]["call_id"] is None, f"{host} holds nothing")
        status = smallest.wait_channel("up")
        assert status["agent_channel"]["url"] == stage.pair.url(host, "connector")
    assert {row["reported"] for row in smallest.ask("channels")["channels"]} == {"unknown"}
    assert "cannot tell CE of readiness" in smallest.type("not-ready", "ivr1-01", "--reason", "x", status=1)
    assert "in service" in smallest.type("check")
    smallest.type("new-call", "ivr1-01", "c3", "--wait", "10s")
    said = smallest.type("drain", "--no-wait")
    assert "1 call in progress" in said
    assert "CE goes on giving calls" in said
    smallest.type("gone", "ivr1-01", "--wait", "10s")
    smallest.type("resume")
    assert smallest.stop() == 0
    assert smallest.offences() == []
    del stage.daemons["smallest"]
