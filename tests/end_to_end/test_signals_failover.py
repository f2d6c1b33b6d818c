"""Calls in progress while CE fails over, forgets, remembers, and holds what it should not (issue 3, 2 and 4)."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.end_to_end.daemons import RunningDaemon, Stage, wait_until
from tests.end_to_end.doors import Door

TABLES = {"api": {"listen": "127.0.0.1:0"}, "signals": {"reply_timeout": "1s"}}


@pytest.fixture
def door(daemon: RunningDaemon) -> Door:
    """The daemon's TCP port."""
    return Door.listen_of(daemon)


def applied(stage: Stage, call_id: str) -> list[str]:
    """What has changed something of a call, by the pair's history."""
    rows = [row for row in stage.pair.history() if row["call_id"] == call_id and row["event"] in ("new-call", "gone")]
    return [row["event"] for row in rows if not row["duplicate"]]


def settled(daemon: RunningDaemon) -> None:
    """Everything has met its fate."""
    daemon.wait_status(lambda status: status["signals"]["pending"] == 0, "nothing is pending")


def holds(stage: Stage, channel: str, call_id: str | None) -> None:
    """CE holds this call on the channel, or none."""
    wait_until(lambda: stage.pair.channels()[channel]["call_id"] == call_id, f"{channel} holds {call_id}")


def everything_applied_once(stage: Stage, daemon: RunningDaemon) -> None:
    """Every signal of the IVR was applied once and in order, and nobody has lost a channel."""
    rows = [row for row in daemon.ask("signals", "--limit", "10000")["signals"] if row["fate"] == "confirmed"]
    accepted = [row["signal_id"] for row in reversed(rows) if not row["repair"]]
    stage.all_is_well(accepted=accepted)


@pytest.mark.parametrize("story", ["switch", "kill", "freeze", "cut"])
def test_calls_live_through_a_failover(stage: Stage, daemon: RunningDaemon, door: Door, story: str) -> None:
    """Calls that began before it end after it, those that lived and died amid it are reported, all in order."""
    pair = stage.pair
    for number in (1, 2, 3):
        assert door.new_call(f"ivr1-0{number}", door.named(f"c{number}"), "10s").status == 200
    if story == "switch":
        pair.switch("ce2", seconds=1.0)
    elif story == "kill":
        pair.kill("ce1", promote="ce2")
    elif story == "freeze":
        pair.freeze("ce1", promote="ce2")
    else:
        pair.blackhole("ce1")
        pair.promote("ce2")
    began = time.monotonic()
    door.gone("ivr1-01", door.named("c1"))
    for number in range(10, 20):
        door.new_call(f"ivr1-{number}", door.named(f"c{number}"))
    for number in range(10, 20):
        door.gone(f"ivr1-{number}", door.named(f"c{number}"))
    assert time.monotonic() - began < 10.0
    settled(daemon)
    assert pair.active() == "ce2"
    for number in (2, 3):
        holds(stage, f"ivr1-0{number}", door.named(f"c{number}"))
        assert door.gone(f"ivr1-0{number}", None, "10s").status == 200
    for number in range(10, 20):
        assert applied(stage, door.named(f"c{number}")) == ["new-call", "gone"]
    stage.rest()
    everything_applied_once(stage, daemon)


@pytest.mark.parametrize("how", ["reset-after", "reset-before", "close-mid-reply", "truncated", "http-503", "garbage"])
def test_a_reply_that_is_lost(stage: Stage, daemon: RunningDaemon, door: Door, how: str) -> None:
    """Neither yes nor no: the signal goes again with its id, and is applied once."""
    for operation in ("NewCall", "Gone"):
        stage.pair.answer_wrongly("ce1", how, operation=operation, times=2)
    assert door.new_call("ivr1-01", door.named("lost"), "20s").status == 200
    assert door.gone("ivr1-01", None, "20s").status == 200
    assert applied(stage, door.named("lost")) == ["new-call", "gone"]
    everything_applied_once(stage, daemon)


def test_ce_has_forgotten_a_call(stage: Stage, daemon: RunningDaemon, door: Door) -> None:
    """After a restore of CE's database a call in progress is told again before its channel is made ready (I5)."""
    backup = stage.pair.back_up()
    assert door.new_call("ivr1-01", door.named("forgotten"), "10s").status == 200
    stage.pair.restore(backup)
    stage.pair.set_generation(stage.pair.generation() + 2)
    holds(stage, "ivr1-01", door.named("forgotten"))
    daemon.wait_status(lambda status: status["channels"]["busy"] == 1, "CE says so")
    rows = [row for row in stage.pair.history() if row["event"] in ("restored", "readiness", "new-call")]
    after = rows[[row["event"] for row in rows].index("restored") :]
    told = next(index for index, row in enumerate(after) if row["call_id"] == door.named("forgotten"))
    for row in after[:told]:
        if row["event"] == "readiness":
            assert ["ivr1-01", True] not in [change[:2] for change in row["details"]]
    assert door.gone("ivr1-01", None, "10s").status == 200
    stage.wait_ready(daemon)
    repairs = [row for row in daemon.ask("signals")["signals"] if row["repair"]]
    assert ("new-call", door.named("forgotten")) in [(row["kind"], row["call_id"]) for row in repairs]
    stage.all_is_well()


def test_ce_holds_a_call_that_has_ended(stage: Stage, daemon: RunningDaemon, door: Door) -> None:
    """After a restore CE believes that a call goes on which has ended: a new Gone goes out."""
    assert door.new_call("ivr1-01", door.named("ended"), "10s").status == 200
    backup = stage.pair.back_up()
    assert door.gone("ivr1-01", None, "10s").status == 200
    stage.pair.restore(backup)
    stage.pair.set_generation(stage.pair.generation() + 2)
    holds(stage, "ivr1-01", None)
    stage.wait_ready(daemon)
    (repair,) = [
        row for row in daemon.ask("signals")["signals"] if row["call_id"] == door.named("ended") and row["repair"]
    ]
    assert repair["kind"] == "gone"
    stage.all_is_well()


def test_ce_holds_a_call_that_nobody_knows(stage: Stage, daemon: RunningDaemon) -> None:
    """It is shown as stuck, with the command that frees it; which then does."""
    stage.pair.kill("ce1")
    stage.pair.stick("ivr1-01", "stranger")
    stage.pair.promote("ce2")
    status = daemon.wait_status(lambda status: status["channels"]["stuck"] == 1, "the channel is stuck")
    assert status["channels"]["stuck_names"] == ["ivr1-01"]
    assert "agentchan free" in daemon.type("explain", "ivr1-01")
    (row,) = daemon.ask("channels", "ivr1-01")["channels"]
    assert (row["stuck"], row["call_id"]) == (True, "stranger")
    daemon.type("free", "ivr1-01", "--reason", "nobody is there")
    holds(stage, "ivr1-01", None)
    stage.pair.start("ce1")
    stage.wait_ready(daemon)
    assert daemon.status()["channels"]["stuck"] == 0
    assert "CE holds no call" in daemon.type("free", "ivr1-01", "--reason", "x", status=1)
    stage.all_is_well()


def test_strangers_go_by_themselves(stage: Stage, daemon: RunningDaemon) -> None:
    """With ``unknown_calls = "gone"``, also those that were stuck when that was configured."""
    stage.pair.kill("ce1")
    stage.pair.stick("ivr1-01", "another stranger")
    stage.pair.promote("ce2")
    daemon.wait_status(lambda status: status["channels"]["stuck"] == 1, "the channel is stuck")
    daemon.configure({"signals": {"unknown_calls": "gone"}})
    daemon.type("reload")
    holds(stage, "ivr1-01", None)
    stage.pair.stick("ivr1-02", "a third")
    stage.pair.start("ce1")
    stage.pair.promote("ce1")
    holds(stage, "ivr1-02", None)
    stage.wait_ready(daemon)
    daemon.configure({"signals": {"unknown_calls": "report"}})
    daemon.type("reload")
    stage.all_is_well()


def test_wrapup(stage: Stage, daemon: RunningDaemon, door: Door) -> None:
    """A caller who has left: the channel is in wrap-up until the IVR's Gone, over a failover too."""
    assert door.new_call("ivr1-01", door.named("wrapup"), "10s").status == 200
    stage.pair.hang_up("ivr1-01")
    stage.pair.kill("ce1", promote="ce2")
    daemon.wait_status(lambda status: status["channels"]["wrapup"] == 1, "it is in wrap-up")
    assert door.gone("ivr1-01", None, "10s").status == 200
    stage.rest()
    stage.all_is_well()


def test_a_channel_that_ce_does_not_know(stage: Stage, daemon: RunningDaemon, door: Door) -> None:
    """Its signals are refused, visibly, and only they; known again, the refused Gone is tried at the next sign-on."""
    pair = stage.pair
    assert door.new_call("ivr1-01", door.named("unknown"), "10s").status == 200
    pair.register("ivr1", ["ivr1-{02..20}"])
    refused = door.gone("ivr1-01", None, "10s").json
    assert refused["fate"] == "refused"
    assert door.new_call("ivr1-02", door.named("other"), "10s").status == 200
    assert door.gone("ivr1-02", None, "10s").status == 200
    assert daemon.status()["signals"]["refused"] == 1
    assert "refused" in daemon.problems()
    pair.register("ivr1", ["ivr1-{01..20}"])
    pair.promote("ce2")
    daemon.wait_status(lambda status: status["signals"]["refused"] == 0, "it is tried again")
    holds(stage, "ivr1-01", None)
    stage.rest()
    daemon.type("reload")
    stage.wait_ready(daemon)
    assert applied(stage, door.named("unknown")) == ["new-call", "gone"]
    assert daemon.ask("signals", "show", refused["signal_id"])["fate"] == "confirmed"


def test_a_refused_gone_outlives_a_restart(stage: Stage, daemon: RunningDaemon, door: Door) -> None:
    """It is tried again after the next start, too."""
    assert door.new_call("ivr1-01", door.named("refused"), "10s").status == 200
    stage.pair.answer_wrongly("ce1", "invalid-request", operation="Gone", times=1)
    refused = door.gone("ivr1-01", None, "10s").json
    assert refused["fate"] == "refused"
    daemon.type("signals", "show", refused["signal_id"])
    daemon.kill()
    daemon.start()
    holds(stage, "ivr1-01", None)
    wait_until(lambda: daemon.ask("signals", "show", refused["signal_id"])["fate"] == "confirmed", "it is confirmed")
    stage.all_is_well()


def test_standing_by(stage: Stage, door: Door) -> None:
    """Signals flow while another instance is signed on; on a channel that holds that one's call they wait."""
    other = stage.daemon("other", tables=TABLES)
    other.start()
    try:
        other.wait_channel("standing-by")
        its = Door.listen_of(other)
        assert its.new_call("ivr1-05", its.named("its"), "10s").status == 200
        assert door.new_call("ivr1-06", door.named("mine"), "10s").status == 200
        assert its.new_call("ivr1-06", its.named("held"), "1s").status == 202
        assert stage.pair.channels()["ivr1-06"]["call_id"] == door.named("mine")
        assert door.gone("ivr1-06", None, "10s").status == 200
        holds(stage, "ivr1-06", its.named("held"))
        for channel in ("ivr1-05", "ivr1-06"):
            assert its.gone(channel, None, "10s").status == 200
        settled(other)
        assert other.stop() == 0
        assert other.offences() == []
    finally:
        other.end()
        del stage.daemons["other"]
    stage.all_is_well(link_is_shared=True)


def test_expiry_while_nobody_is_active(stage: Stage, daemon: RunningDaemon, door: Door) -> None:
    """A NewCall expires loudly, its Gone never does; an operator may send the NewCall all the same."""
    daemon.configure({"signals": {"new_call_max_age": "1s"}})
    daemon.type("reload")
    stage.pair.demote()
    daemon.wait_status(lambda status: status["ce"]["active"] is None, "nobody is active")
    began = door.new_call("ivr1-01", door.named("expires")).json["signal_id"]
    ended = door.gone("ivr1-01").json["signal_id"]
    daemon.wait_status(lambda status: status["signals"]["expired"] == 1, "it expires")
    assert daemon.said("signal-expired")
    assert daemon.ask("signals", "show", ended)["fate"] == "pending"
    daemon.configure({"signals": {"new_call_max_age": "24h"}})
    daemon.type("reload")
    daemon.type("signals", "retry", began, "--reason", "wanted for the books")
    stage.pair.promote("ce1")
    settled(daemon)
    assert applied(stage, door.named("expires")) == ["new-call", "gone"]
    stage.all_is_well()


def test_gone_only(stage: Stage, daemon: RunningDaemon, door: Door) -> None:
    """With ``ended_call = "gone-only"`` CE hears nothing of the begin of a call that ended before it heard of it."""
    daemon.configure({"signals": {"ended_call": "gone-only"}})
    daemon.type("reload")
    stage.pair.demote()
    daemon.wait_status(lambda status: status["ce"]["active"] is None, "nobody is active")
    began = door.new_call("ivr1-01", door.named("short")).json["signal_id"]
    door.gone("ivr1-01")
    door.new_call("ivr1-02", door.named("long"))
    stage.pair.promote("ce1")
    settled(daemon)
    assert daemon.ask("signals", "show", began)["fate"] == "discarded"
    assert applied(stage, door.named("short")) == ["gone"]
    assert applied(stage, door.named("long")) == ["new-call"]
    assert door.gone("ivr1-02", None, "10s").status == 200
    daemon.configure({"signals": {"ended_call": "send"}})
    daemon.type("reload")
    stage.all_is_well()


def test_the_ivr_is_dead(stage: Stage, daemon: RunningDaemon, door: Door) -> None:
    """``[calls]``: the calls of an IVR that does not answer get their Gone, and so do calls that never end."""
    dead: dict[str, Any] = {
        "ivr.health": {"check": "tcp://127.0.0.1:9", "interval": "200ms", "timeout": "200ms"},
        "calls": {"on_ivr_down": "gone", "on_ivr_down_after": "500ms"},
    }
    assert door.new_call("ivr1-01", door.named("dead"), "10s").status == 200
    daemon.configure(dead)
    daemon.type("reload")
    wait_until(lambda: applied(stage, door.named("dead")) == ["new-call", "gone"], "it gets its Gone")
    (row,) = [
        row
        for row in daemon.ask("signals")["signals"]
        if row["call_id"] == door.named("dead") and row["kind"] == "gone"
    ]
    assert daemon.ask("signals", "show", row["signal_id"])["outcome"] == "ivr-down"
    tables = {name: values for name, values in daemon.tables.items() if name not in dead}
    daemon.tables = tables
    daemon.configure({"calls": {"on_max": "gone", "max_duration": "1s"}})
    daemon.type("reload")
    stage.wait_ready(daemon)
    assert door.new_call("ivr1-01", door.named("endless"), "10s").status == 200
    wait_until(lambda: applied(stage, door.named("endless")) == ["new-call", "gone"], "it gets its Gone")
    assert daemon.said("call-too-long")
    daemon.configure({"calls": {"on_max": "warn", "max_duration": "4h"}})
    daemon.type("reload")
    stage.all_is_well()
