"""The daemon ends while calls are in progress (design, Stopping)."""

from __future__ import annotations

import signal

import pytest

from tests.end_to_end.daemons import RunningDaemon, Stage, wait_until
from tests.end_to_end.doors import Door

TABLES = {"api": {"listen": "127.0.0.1:0"}, "signals": {"reply_timeout": "1s"}}


@pytest.fixture
def door(daemon: RunningDaemon) -> Door:
    """The daemon's TCP port."""
    return Door.listen_of(daemon)


def ended(stage: Stage, daemon: RunningDaemon, channel: str = "ivr1-01") -> None:
    """Start the daemon again, end the call, and see that all is well."""
    daemon.start()
    assert Door.listen_of(daemon).gone(channel, None, "10s").status == 200
    daemon.configure({"agent_channel": {"drain_on_stop": "0s"}})
    daemon.type("reload")
    stage.all_is_well()


def test_calls_go_on(stage: Stage, daemon: RunningDaemon, door: Door) -> None:
    """Without ``drain_on_stop`` nobody waits; the call goes on at CE and here after the next start."""
    assert door.new_call("ivr1-01", door.named("goes-on"), "10s").status == 200
    assert daemon.stop() == 0
    assert stage.pair.channels()["ivr1-01"]["state"] == "Busy"
    daemon.start()
    assert [call["call_id"] for call in daemon.ask("calls")["calls"]] == [door.named("goes-on")]
    assert daemon.stop() == 0
    ended(stage, daemon)


def test_drain_on_stop(stage: Stage, daemon: RunningDaemon, door: Door) -> None:
    """It waits for the calls in progress, ready for no other; what is told meanwhile is taken, and CE hears of it."""
    daemon.configure({"agent_channel": {"drain_on_stop": "60s"}})
    daemon.type("reload")
    assert door.new_call("ivr1-01", door.named("drains"), "10s").status == 200
    daemon.send(signal.SIGTERM)
    wait_until(lambda: stage.pair.states()["NotReady"] == 19, "no other channel is ready")
    assert door.new_call("ivr1-02", door.named("late"), "10s").status == 200
    assert door.gone("ivr1-02", None, "10s").status == 200
    assert daemon.running
    ready = door.get("/readyz")
    assert ready.status == 503
    assert any("told to stop" in reason for reason in ready.json["reasons"])
    assert door.gone("ivr1-01", None).status in (200, 202)
    assert daemon.wait() == 0
    assert stage.pair.states() == {"NotReady": 20}
    daemon.start()
    assert daemon.ask("calls")["calls"] == []
    daemon.configure({"agent_channel": {"drain_on_stop": "0s"}})
    daemon.type("reload")
    stage.all_is_well()


@pytest.mark.parametrize("state", ["well", "frozen"])
def test_told_twice(stage: Stage, daemon: RunningDaemon, door: Door, state: str) -> None:
    """The second SIGTERM ends it at once, whatever is in progress and whatever CE does."""
    daemon.configure(
        {"agent_channel": {"drain_on_stop": "10m", "reply_timeout": "5m"}, "signals": {"reply_timeout": "5m"}}
    )
    daemon.type("reload")
    assert door.new_call("ivr1-01", door.named("twice"), "10s").status == 200
    if state == "frozen":
        stage.pair.freeze("ce1")
        door.new_call("ivr1-02", door.named("never-answered"))
    daemon.send(signal.SIGTERM)
    wait_until(lambda: daemon.said("stopping"), "it stops")
    assert daemon.running
    daemon.send(signal.SIGTERM)
    assert daemon.wait(10.0) == 0
    if state == "frozen":
        stage.pair.thaw("ce1")
    daemon.configure(
        {"agent_channel": {"drain_on_stop": "0s", "reply_timeout": "2s"}, "signals": {"reply_timeout": "1s"}}
    )
    daemon.start()
    door = Door.listen_of(daemon)
    for call in daemon.ask("calls")["calls"]:
        assert door.gone(call["channel"], call["call_id"], "10s").status == 200
    stage.all_is_well()


def test_replies_are_let_arrive(stage: Stage, daemon: RunningDaemon, door: Door) -> None:
    """A signal that is out when the daemon ends is answered, and its fate is on disk."""
    stage.pair.slow("ce1", 0.5, operation="NewCall", times=1)
    began = door.new_call("ivr1-01", door.named("out")).json["signal_id"]
    assert daemon.stop() == 0
    daemon.start()
    row = daemon.ask("signals", "show", began)
    assert (row["fate"], row["attempts"]) == ("confirmed", 1)
    assert daemon.stop() == 0
    ended(stage, daemon)


def test_asleep(stage: Stage, daemon: RunningDaemon, door: Door) -> None:
    """A daemon that was stopped for a while (SIGSTOP) loses nothing: scripts wait, and signals go on."""
    assert door.new_call("ivr1-01", door.named("asleep"), "10s").status == 200
    daemon.send(signal.SIGSTOP)
    stage.pair.promote("ce2")
    daemon.send(signal.SIGCONT)
    assert door.gone("ivr1-01", None, "20s").status == 200
    assert stage.pair.channels(host="ce2")["ivr1-01"]["call_id"] is None
    stage.rest()
    stage.all_is_well()
