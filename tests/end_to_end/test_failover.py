"""The active host changes, in every way that CE has: the daemon follows, at once and each time."""

from __future__ import annotations

import pytest

from tests.end_to_end.daemons import RunningDaemon, Stage, wait_until


def _newest(daemon: RunningDaemon) -> dict[str, object]:
    """The newest failover in the daemon's record."""
    row: dict[str, object] = daemon.ask("failovers")["failovers"][0]
    return row


def test_planned_switch_and_back(stage: Stage, daemon: RunningDaemon) -> None:
    """CE fails over and back in its own time: status says so meanwhile, and each record says from where to where."""
    for to, state in (("ce2", "FailingOver"), ("ce1", "FailingBack")):
        stage.pair.switch(to, seconds=1.5)
        seen = daemon.wait_status(
            lambda status, state=state: status["ce"]["domain_state"] == state, f"the domain is {state}"
        )
        assert (seen["ce"]["verdict"], seen["ce"]["active"], seen["ce"]["failing_over"]) == ("none-active", None, True)
        assert seen["channels"]["ready"] == 0
        assert state in daemon.type("status")
        assert daemon.type("failing-over").startswith("yes")
        stage.wait_ready(daemon)
        daemon.type("failing-over", status=1)
        wait_until(lambda to=to: _newest(daemon)["to"] == to, "the failover is recorded")
        assert _newest(daemon)["from"] == stage.pair.other(to)
    stage.all_is_well()


def test_three_in_a_row(stage: Stage, daemon: RunningDaemon) -> None:
    """Every switch is followed, not only the first (F6), and CE hears nothing of it twice."""
    before = len(daemon.ask("failovers")["failovers"])
    for to in ("ce2", "ce1", "ce2"):
        stage.pair.promote(to)
        stage.wait_ready(daemon)
    wait_until(lambda: len(daemon.ask("failovers")["failovers"]) == before + 3, "all three are recorded")
    stage.all_is_well()
    opened = [row["host"] for row in stage.pair.history() if row["event"] == "session-opened"]
    assert opened[-3:] == ["ce2", "ce1", "ce2"]


def test_switch_before_the_last_is_over(stage: Stage, daemon: RunningDaemon) -> None:
    """Switches that come faster than anybody can follow: all is ready where the last one ended (F11, F12)."""
    for to in ("ce2", "ce1") * 5:
        stage.pair.promote(to)
    stage.all_is_well(daemon)


def test_killed(stage: Stage, daemon: RunningDaemon) -> None:
    """The active host is killed and the standby takes over; the dead one comes back as standby and is left alone."""
    stage.pair.kill("ce1", promote="ce2")
    stage.wait_ready(daemon)
    # All may be ready at ce2 before the link has noticed that ce1 is gone.
    status = daemon.wait_status(
        lambda status: any(host["error"] for host in status["ce"]["hosts"]), "ce1 is known to be gone"
    )
    dead = next(host for host in status["ce"]["hosts"] if host["name"] == "ce1")
    assert dead["error"]
    assert dead["role"] == "Unknown"
    before = daemon.status()["agent_channel"]["since"]
    stage.pair.start("ce1")
    daemon.wait_status(
        lambda status: all(host["error"] is None for host in status["ce"]["hosts"]), "both hosts answer the link"
    )
    assert daemon.status()["agent_channel"]["since"] == before
    stage.all_is_well()


def test_killed_while_the_standby_is_away(stage: Stage, daemon: RunningDaemon) -> None:
    """Both hosts die, one after the other: nobody answers, which status says; who comes back is followed."""
    stage.pair.kill("ce2")
    stage.pair.kill("ce1")
    status = daemon.wait_status(lambda status: status["ce"]["verdict"] == "unknown", "no host answers")
    assert status["component_link"]["state"] == "down"
    assert status["agent_channel"]["state"] == "down"
    assert status["channels"]["unknown"] == len(daemon.channels)
    assert daemon.problems() == {"no-host-answers"}
    stage.pair.start("ce2")
    daemon.wait_status(lambda status: status["ce"]["verdict"] == "none-active", "ce2 says that it is standby")
    stage.pair.promote("ce2")
    stage.wait_ready(daemon)
    stage.pair.start("ce1")
    stage.all_is_well()


def test_restarted_in_a_higher_generation(stage: Stage, daemon: RunningDaemon) -> None:
    """The active host restarts on its ports, and is active again in a higher generation: a new sign-on, there."""
    pair = stage.pair
    before = pair.generation()
    pair.kill("ce1")
    pair.set_generation(before + 10)
    pair.start("ce1")
    stage.wait_ready(daemon)
    assert daemon.status()["ce"]["generation"] == before + 10
    stage.all_is_well()


def test_frozen(stage: Stage, daemon: RunningDaemon) -> None:
    """The active host hangs and the other is promoted: nobody waits for the one that hangs (F3)."""
    stage.pair.freeze("ce1", promote="ce2")
    status = stage.wait_ready(daemon)
    assert status["agent_channel"]["host"] == "ce2"
    # What the hanging host still believes when it wakes is its own affair.
    stage.pair.thaw("ce1")
    daemon.wait_status(
        lambda status: all(host["error"] is None for host in status["ce"]["hosts"]), "both hosts answer the link"
    )
    assert daemon.status()["agent_channel"]["host"] == "ce2"
    stage.all_is_well()


def test_frozen_and_nobody_promoted(stage: Stage, daemon: RunningDaemon) -> None:
    """A host that hangs with nobody promoted counts as dead after the heartbeats; it is signed on to when it wakes."""
    stage.pair.freeze("ce1")
    status = daemon.wait_channel("down", "dialing", "signing-on")
    assert status["channels"]["ready"] == 0
    assert any("3 heartbeats missed" in cause for cause in daemon.said("signed-off"))
    daemon.wait_status(lambda status: status["ce"]["verdict"] == "none-active", "its word counts no more")
    stage.pair.thaw("ce1")
    stage.all_is_well()


def test_frozen_during_restore(stage: Stage, daemon: RunningDaemon) -> None:
    """The new host hangs as soon as it has been promoted (F12): the next one is followed, and all is restored there."""
    stage.pair.slow("ce2", 1.5, operation="SetReadiness")
    stage.pair.promote("ce2")
    daemon.wait_channel("restoring", host="ce2")
    stage.pair.freeze("ce2", promote="ce1")
    stage.wait_ready(daemon)
    stage.pair.thaw("ce2")
    stage.pair.behave("ce2")
    stage.all_is_well()


@pytest.mark.parametrize("answer", ["not-active", "unknown-session", "reply"])
def test_old_connection_stays_open(stage: Stage, daemon: RunningDaemon, answer: str) -> None:
    """A demoted host keeps the agent channel open and the link says nothing: its answer to a heartbeat tells (F1)."""
    pair = stage.pair
    pair.set_heartbeat_after_role_change("ce1", answer)
    # Both Component Services hang, so that nothing but the agent channel itself can tell.
    for name in pair.processes:
        pair.blackhole(name, "component")
    daemon.wait_status(
        lambda status: all(host["error"] for host in status["ce"]["hosts"]), "the component link hears nothing"
    )
    assert daemon.status()["agent_channel"]["state"] == "up"
    pair.promote("ce2")
    status = daemon.wait_status(lambda status: status["channels"]["ready"] == 0, "the agent channel has ended")
    assert status["ce"]["active"] is None
    for name in pair.processes:
        pair.heal(name, "component")
    stage.all_is_well()


def test_emergency(stage: Stage, daemon: RunningDaemon) -> None:
    """In CE's emergency state the channels stay signed on and ready, and status says why no calls come."""
    stage.pair.emergency()
    daemon.wait_status(lambda status: status["ce"]["domain_state"] == "Emergency", "CE says Emergency")
    stage.all_is_well(problems=["emergency"])
    assert daemon.status()["ce"]["failing_over"] is False
    stage.pair.emergency(on=False)
    daemon.wait_status(lambda status: status["ce"]["domain_state"] == "Running", "CE says Running")
    stage.all_is_well()
