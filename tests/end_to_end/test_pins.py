"""An operator pins the active host by hand: what that can do, what it cannot, and how it ends."""

from __future__ import annotations

from tests.end_to_end.daemons import RunningDaemon, Stage, wait_until

PINNED = ["ce2"]
"""The host that the stories pin: what reaches it may be against its own word."""


def _split(stage: Stage) -> None:
    """Both hosts claim to be active in one generation, and act like it."""
    stage.pair.claim("ce2", obey=True, role="Active")


def _wait_at(stage: Stage, daemon: RunningDaemon, host: str, verdict: str) -> None:
    """Wait until all channels are ready at a host, by both sides' word."""
    status = daemon.wait_status(
        lambda status: (
            status["ce"]["verdict"] == verdict
            and (status["agent_channel"]["state"], status["agent_channel"]["host"]) == ("up", host)
            and status["channels"]["ready"] == len(daemon.channels)
        ),
        f"{verdict} {host}",
    )
    assert status["ce"]["active"] == host
    wait_until(lambda: stage.pair.states(host=host)["Ready"] == len(daemon.channels), f"all ready at {host}")


def test_pin_and_unpin(stage: Stage, daemon: RunningDaemon) -> None:
    """Of two claimants the pinned one is followed, also after a restart; then their words decide again."""
    _split(stage)
    daemon.wait_status(lambda status: status["ce"]["verdict"] == "ambiguous", "two claim it")
    assert "Following ce2 until" in daemon.type("follow", "ce2", "--for", "1h", "--reason", "CE support says ce2")
    _wait_at(stage, daemon, "ce2", "pinned")
    pinned = daemon.status()["ce"]["pinned"]
    assert (pinned["host"], pinned["reason"]) == ("ce2", "CE support says ce2")
    assert "pinned by hand" in daemon.type("status")
    assert daemon.problems() == set()
    assert daemon.stop() == 0
    daemon.start()
    _wait_at(stage, daemon, "ce2", "pinned")
    assert daemon.status()["ce"]["pinned"] == pinned
    assert "ce2 is no longer pinned" in daemon.type("unfollow")
    # Nothing decides between the two, so it stays with the present one.
    _wait_at(stage, daemon, "ce2", "ambiguous")
    stage.pair.behave("ce2")
    stage.all_is_well(pinned=PINNED)
    assert "No host was pinned" in daemon.type("unfollow")


def test_pin_that_ends(stage: Stage, daemon: RunningDaemon) -> None:
    """A pin ends by itself at its time."""
    stage.pair.promote("ce2")
    stage.wait_ready(daemon)
    daemon.type("follow", stage.pair.component_urls[1], "--for", "3s", "--reason", "a test")
    assert daemon.status()["ce"]["verdict"] == "pinned"
    stage.pair.promote("ce1")
    status = daemon.wait_status(lambda status: status["channels"]["ready"] == 0, "ce2 is pinned and not active")
    assert (status["ce"]["verdict"], status["ce"]["active"]) == ("pinned", None)
    assert "pinned by hand (a test), but ce2 says it is not active" in daemon.type("status")
    stage.all_is_well(pinned=PINNED)
    assert daemon.status()["ce"]["pinned"] is None


def test_pinned_standby(stage: Stage, daemon: RunningDaemon) -> None:
    """A host that says that it is standby is not signed on to, pinned or not: nobody is served, and status says why."""
    before = stage.asked("ce2", "OpenSession")
    daemon.type("follow", "ce2", "--for", "1h", "--reason", "a mistake")
    status = daemon.wait_status(lambda status: status["channels"]["ready"] == 0, "ce1 was left")
    assert (status["ce"]["verdict"], status["ce"]["active"]) == ("pinned", None)
    assert daemon.problems() == {"pinned-not-active"}
    assert "agentchan unfollow" in daemon.type("status")
    daemon.type("unfollow")
    stage.all_is_well(pinned=PINNED)
    assert stage.asked("ce2", "OpenSession") == before


def test_wrong_names(daemon: RunningDaemon) -> None:
    """A host that nobody knows cannot be pinned, and a pin needs an end and a reason."""
    said = daemon.type("follow", "ce9", "--for", "1h", "--reason", "a mistake", status=1)
    assert "no host 'ce9'; known are ce1, ce2" in said
    daemon.type("follow", "ce2", "--reason", "no end", status=2)
    daemon.type("follow", "ce2", "--for", "1h", status=2)
    assert daemon.status()["ce"]["verdict"] == "following"
