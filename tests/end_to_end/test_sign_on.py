"""What CE may answer to a sign-on, and how sessions end while their host stays active."""

from __future__ import annotations

from tests.end_to_end.daemons import RunningDaemon, Stage, wait_until
from tests.end_to_end.stubborn import StubbornConnector

ALL = ["ivr1-{01..20}"]
TABLES = {"agent_channel": {"backoff_maximum": "300ms"}}


def test_unknown_ivr(stage: Stage, daemon: RunningDaemon) -> None:
    """CE does not know the IVR: status says so, and it is tried again until CE does."""
    pair = stage.pair
    pair.register("other", ["x"])
    pair.unregister("ivr1")
    pair.drop("ce1", "connector")
    daemon.wait_status(lambda _: "ivr-unknown" in daemon.problems(), "CE knows no ivr1")
    assert "knows no IVR named ivr1; check [ivr] name" in daemon.type("status")
    pair.register("ivr1", ALL)
    stage.all_is_well()


def test_unknown_channels(stage: Stage, daemon: RunningDaemon) -> None:
    """Channels that CE does not know are left out, loudly, and the rest is ready; a reload brings them back."""
    pair = stage.pair
    pair.register("ivr1", ["ivr1-{01..15}"])
    pair.drop("ce1", "connector")
    status = daemon.wait_status(lambda status: status["channels"]["ready"] == 15, "15 channels are ready")
    assert status["channels"]["unknown_to_ce"] == 5
    assert daemon.problems() == {"channel-unknown"}
    said = daemon.type("channels", "ivr1-20")
    assert "CE does not know this channel" in said
    assert "left out: CE has no channel of that name" in daemon.type("explain", "ivr1-20")
    assert any("ce1 does not know ivr1-16, ivr1-17" in text for text in daemon.said("channel-unknown"))
    (session,) = pair.sessions()
    pair.register("ivr1", ALL)
    daemon.type("reload")
    stage.all_is_well()
    assert pair.sessions()[0]["session_id"] == session["session_id"]


def test_no_channel_known(stage: Stage, daemon: RunningDaemon) -> None:
    """CE knows the IVR and none of its channels: no session, a reason, and a new attempt until it does."""
    pair = stage.pair
    pair.register("ivr1", ["another"])
    pair.drop("ce1", "connector")
    status = daemon.wait_status(
        lambda status: "knows none of the channels" in (status["agent_channel"]["error"] or ""), "none is known"
    )
    assert status["channels"]["ready"] == 0
    pair.register("ivr1", ALL)
    stage.wait_ready(daemon)
    wait_until(lambda: daemon.problems() == set(), "nothing is wrong any more")
    stage.all_is_well()


def test_session_forgotten(stage: Stage, daemon: RunningDaemon) -> None:
    """CE has forgotten the session while the connection is open: a new one is opened on it at once."""
    (before,) = stage.pair.sessions()
    stage.pair.forget_sessions("ce1")
    stage.all_is_well(daemon)
    (after,) = stage.pair.sessions()
    assert after["session_id"] != before["session_id"]
    assert after["connection"] == before["connection"]


def test_session_forgotten_again_and_again(stage: Stage, daemon: RunningDaemon) -> None:
    """Sessions that are taken away again and again are an alarm, and no reason to hammer; it ends by itself."""
    pair = stage.pair
    pair.promote("ce1")
    stage.wait_ready(daemon)
    while not daemon.said("contended"):
        sessions = pair.sessions("ce1")
        pair.forget_sessions("ce1")
        wait_until(
            lambda sessions=sessions: pair.sessions("ce1") not in ([], sessions) or daemon.said("contended"), "anew"
        )
    daemon.wait_status(lambda _: "contended" in daemon.problems(), "status says so")
    stage.all_is_well()


def test_short_session_timeout(stage: Stage, daemon: RunningDaemon) -> None:
    """Heartbeats are as frequent as CE's SessionTimeout needs, whatever is configured: no session ends by silence."""
    pair = stage.pair
    daemon.configure({"agent_channel": {"heartbeat_interval": "1m"}})
    daemon.type("reload")
    pair.set_session_timeout("ce2", 2.0)
    pair.promote("ce2")
    stage.wait_ready(daemon)
    beats = stage.asked("ce2", "Heartbeat")
    wait_until(lambda: stage.asked("ce2", "Heartbeat") >= beats + 4, "it beats")
    closed = [row["details"]["why"] for row in pair.history() if row["event"] == "session-closed"]
    assert "silence" not in closed
    pair.set_session_timeout("ce2", 5.0)
    daemon.configure({"agent_channel": {"heartbeat_interval": "500ms"}})
    daemon.type("reload")
    stage.all_is_well()


def test_readiness_not_taken(stage: Stage, daemon: RunningDaemon) -> None:
    """CE answers well and leaves a channel NotReady all the same: an alarm, and it is told again until CE takes it."""
    pair = stage.pair
    pair.promote("ce2")
    stage.wait_ready(daemon)
    with StubbornConnector(pair.url("ce1", "connector")) as connector:
        pair.claim("ce1", connector_url=connector.url)
        pair.promote("ce1")
        daemon.wait_status(lambda _: daemon.problems() == {"readiness-not-taken"}, "status says so")
        assert daemon.status()["channels"]["not_ready"] == 20
        assert "ce1 did not take the readiness of ivr1-01, ivr1-02" in daemon.type("status")
        connector.stubborn = False
        daemon.wait_status(lambda status: status["channels"]["ready"] == 20, "they were told again, and taken")
        assert daemon.problems() == set()
        pair.behave("ce1")
        pair.promote("ce1")
        stage.all_is_well()
