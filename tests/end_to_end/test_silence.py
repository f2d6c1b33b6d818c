"""Networks that swallow what is said, hosts that are slow, and connections that break off: what each costs, and why."""

from __future__ import annotations

import pytest

from tests.end_to_end.daemons import RunningDaemon, Stage, wait_until


@pytest.mark.parametrize("direction", ["both", "answers"])
def test_silent_drop(stage: Stage, daemon: RunningDaemon, direction: str) -> None:
    """The network swallows what the active host says: suspect, then dead by the heartbeats; the next is followed."""
    stage.pair.blackhole("ce1", direction=direction)
    daemon.wait_channel("suspect", host="ce1")
    assert daemon.problems() == {"suspect"}
    daemon.wait_channel("down", "dialing", "signing-on")
    assert any("3 heartbeats missed" in cause for cause in daemon.said("signed-off"))
    stage.pair.promote("ce2")
    stage.wait_ready(daemon)
    stage.pair.heal("ce1")
    stage.all_is_well()


def test_connector_refuses(stage: Stage, daemon: RunningDaemon) -> None:
    """The active host's IVR Connector alone is away: status names it, and no other host is tried."""
    stage.pair.stop_listening("ce1", "connector")
    stage.pair.drop("ce1", "connector")
    refused = f":{stage.pair.processes['ce1'].ports['connector']} refused the connection"
    status = daemon.wait_status(
        lambda status: refused in (status["agent_channel"]["error"] or ""), "the connector refuses"
    )
    assert (status["ce"]["verdict"], status["ce"]["active"]) == ("following", "ce1")
    assert daemon.problems() == {"agent-channel-down"}
    stage.pair.listen("ce1", "connector")
    stage.all_is_well()


def test_component_services_away(stage: Stage, daemon: RunningDaemon) -> None:
    """Both Component Services are away: the agent channel goes on by its own host's word, and status says both."""
    before = daemon.status()["agent_channel"]["since"]
    for name in stage.pair.processes:
        stage.pair.stop_listening(name, "component")
        stage.pair.drop(name, "component")
    status = daemon.wait_status(lambda status: status["component_link"]["state"] == "down", "the link is down")
    assert (status["agent_channel"]["state"], status["agent_channel"]["since"]) == ("up", before)
    assert (status["ce"]["verdict"], status["ce"]["active"]) == ("following", "ce1")
    for name in stage.pair.processes:
        stage.pair.listen(name, "component")
    daemon.wait_status(
        lambda status: all(host["error"] is None for host in status["ce"]["hosts"]), "both answer the link"
    )
    stage.all_is_well()
    assert daemon.status()["agent_channel"]["since"] == before


def test_slow_heartbeat(stage: Stage, daemon: RunningDaemon) -> None:
    """A slow host is suspected, and not left: only missed heartbeats end the agent channel."""
    daemon.configure({"agent_channel": {"heartbeat_misses": 10}})
    daemon.type("reload")
    (session,) = stage.pair.sessions()
    stage.pair.slow("ce1", 1.5, operation="Heartbeat", times=1)
    daemon.wait_channel("suspect", host="ce1")
    stage.all_is_well()
    assert stage.pair.sessions() == [session]
    daemon.configure({"agent_channel": {"heartbeat_misses": 3}})
    daemon.type("reload")


def test_slow_sign_on(stage: Stage, daemon: RunningDaemon) -> None:
    """A sign-on slower than its deadline is given more time at each attempt: a slow CE is not a dead one."""
    stage.pair.slow("ce2", 3.0, operation="OpenSession")
    stage.pair.promote("ce2")
    daemon.wait_status(
        lambda status: "no reply to OpenSession within 2.0 s" in (status["agent_channel"]["error"] or ""),
        "the first deadline has passed",
    )
    stage.wait_ready(daemon)
    stage.pair.behave("ce2")
    stage.all_is_well()


@pytest.mark.parametrize("kind", ["reset-before", "reset-after", "close-mid-reply"])
@pytest.mark.parametrize("operation", ["OpenSession", "SetReadiness"])
def test_broken_off_while_restoring(stage: Stage, daemon: RunningDaemon, kind: str, operation: str) -> None:
    """The new host breaks off in the middle of the sign-on or of the readiness (F12, F13): all is done anew, once."""
    stage.pair.answer_wrongly("ce2", kind, operation=operation, times=2)
    stage.pair.promote("ce2")
    stage.all_is_well(daemon)
    channels = stage.pair.channels(host="ce2")
    assert all(channels[name]["wish"] is True for name in daemon.channels)


def test_not_active_while_the_link_lags(stage: Stage, daemon: RunningDaemon) -> None:
    """The link still says that a host is active, and its connector that it is not: the connector is believed (F4)."""
    pair = stage.pair
    pair.blackhole("ce1", "component", direction="answers")
    pair.promote("ce2")
    wait_until(
        lambda: any(
            "ce1 is not active" in cause or "ce2 is to be followed" in cause for cause in daemon.said("signed-off")
        ),
        "ce1 was left",
    )
    stage.wait_ready(daemon)
    pair.heal("ce1")
    stage.all_is_well()
