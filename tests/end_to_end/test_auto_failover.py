"""CE promotes its standby by itself, after its Auto-Failover Interval: the daemon learns it from the hosts alone."""

from __future__ import annotations

from tests.end_to_end.daemons import RunningDaemon, Stage, wait_until

PAIR = {"auto_failover_interval": 1.0, "failing_over_time": 0.5}
TABLES = {"ce": {"auto_failover_interval": "1s"}}


def test_killed(stage: Stage, daemon: RunningDaemon) -> None:
    """The active host dies: nobody is active until the interval is over and CE has failed over; then ce2 is."""
    stage.pair.kill("ce1")
    daemon.wait_status(
        lambda status: (status["ce"]["verdict"], status["ce"]["failing_over"]) == ("none-active", None),
        "nobody is active, and nobody fails over yet",
    )
    daemon.wait_status(lambda status: status["ce"]["failing_over"] is True, "CE fails over")
    stage.wait_ready(daemon)
    row = wait_until(lambda: daemon.ask("failovers")["failovers"], "the failover is recorded")[0]
    assert (row["from"], row["to"]) == ("ce1", "ce2")
    # The interval is CE's own, and the record says so: it was spent in discovering, not in what is done here.
    assert row["discover"] > row["sign_on"] + row["restore"]
    stage.pair.start("ce1")
    stage.all_is_well()


def test_frozen_and_thawed(stage: Stage, daemon: RunningDaemon) -> None:
    """The active host hangs until CE has replaced it; what it believes when it wakes leads nobody astray."""
    stage.pair.freeze("ce1")
    daemon.wait_channel("up", host="ce2")
    stage.wait_ready(daemon)
    assert stage.pair.active() == "ce2"
    stage.pair.thaw("ce1")
    daemon.wait_status(lambda status: all(host["error"] is None for host in status["ce"]["hosts"]), "both answer")
    stage.all_is_well()
    assert daemon.status()["agent_channel"]["host"] == "ce2"
