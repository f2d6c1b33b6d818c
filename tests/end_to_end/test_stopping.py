"""The daemon ends, however it is told to and whatever CE does meanwhile; and it sleeps without losing anything."""

from __future__ import annotations

import signal
import time

import pytest

from tests.end_to_end.daemons import RunningDaemon, Stage, wait_until

TABLES = {"agent_channel": {"reply_timeout": "1s"}}
ASLEEP = 5.0
"""Seconds that the daemon is stopped: longer than any heartbeat, watch or reply may take."""


def _last_end(stage: Stage) -> str:
    """Why the newest session ended, by CE's word."""
    rows = [row for row in stage.pair.history() if row["event"] == "session-closed"]
    why: str = rows[-1]["details"]["why"]
    return why


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_end(stage: Stage, daemon: RunningDaemon, number: signal.Signals) -> None:
    """SIGTERM and SIGINT: it signs off, CE believes no channel ready, and the exit status is 0."""
    daemon.send(number)
    assert daemon.wait() == 0
    assert _last_end(stage) == "signed-off"
    assert stage.pair.states() == {"NotReady": 20}
    assert not daemon.socket.exists()
    assert daemon.said("stopped")
    stage.all_is_well()


@pytest.mark.parametrize(
    "state", ["frozen", "cut off", "away", "no reply", "no reply to the sign-on", "no reply to readiness"]
)
def test_told_to_end_without_ce(stage: Stage, daemon: RunningDaemon, state: str) -> None:
    """It ends with 0 also when CE does not answer any more, and within the replies' deadlines."""
    pair = stage.pair
    if state == "frozen":
        pair.freeze("ce1")
    elif state == "cut off":
        pair.blackhole("ce1")
    elif state == "no reply":
        pair.answer_wrongly("ce1", "hold", operation="CloseSession")
    elif state == "no reply to the sign-on":
        pair.answer_wrongly("ce1", "hold", operation="OpenSession")
        pair.drop("ce1", "connector")
        daemon.wait_channel("signing-on")
    elif state == "no reply to readiness":
        pair.answer_wrongly("ce1", "hold", operation="SetReadiness")
        pair.drop("ce1", "connector")
        daemon.wait_channel("restoring")
    else:
        pair.kill("ce1")
        pair.kill("ce2")
        daemon.wait_status(lambda status: status["ce"]["verdict"] == "unknown", "nobody answers")
    daemon.send(signal.SIGTERM)
    assert daemon.wait(10.0) == 0
    assert daemon.offences() == []
    assert pair.violations(link_is_shared=True) == []


def test_told_twice(stage: Stage, daemon: RunningDaemon) -> None:
    """Told to end a second time, it waits for nobody any more."""
    stage.pair.answer_wrongly("ce1", "hold", operation="CloseSession")
    daemon.configure({"agent_channel": {"reply_timeout": "5m"}})
    daemon.type("reload")
    before = stage.asked("ce1", "CloseSession")
    daemon.send(signal.SIGTERM)
    wait_until(lambda: stage.asked("ce1", "CloseSession") > before, "CE was asked to close the session")
    assert daemon.running
    daemon.send(signal.SIGTERM)
    assert daemon.wait(10.0) == 0
    daemon.configure(TABLES)
    assert daemon.offences() == []


def test_told_to_end_amid_a_reload(stage: Stage, daemon: RunningDaemon) -> None:
    """Told to end while it reads its configuration, it ends as ever."""
    for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGHUP):
        daemon.send(number)
    assert daemon.wait() == 0
    assert _last_end(stage) == "signed-off"
    assert daemon.offences() == []


def test_calls_in_progress(stage: Stage, daemon: RunningDaemon) -> None:
    """Configured to, it waits for calls: no channel becomes ready any more, and with the last Gone it signs off."""
    daemon.configure({"agent_channel": {"drain_on_stop": "5m"}})
    daemon.type("reload")
    daemon.type("new-call", "ivr1-01", "c1", "--wait", "10s")
    daemon.send(signal.SIGTERM)
    wait_until(lambda: stage.pair.states() == {"Busy": 1, "NotReady": 19}, "the idle channels are not ready")
    assert daemon.status()["agent_channel"]["state"] == "up"
    daemon.type("gone", "ivr1-01")
    assert daemon.wait() == 0
    assert _last_end(stage) == "signed-off"
    assert stage.pair.states() == {"NotReady": 20}
    daemon.start()
    daemon.type("new-call", "ivr1-01", "c2", "--wait", "10s")
    daemon.send(signal.SIGTERM)
    wait_until(lambda: stage.pair.states() == {"Busy": 1, "NotReady": 19}, "it waits again")
    daemon.send(signal.SIGTERM)
    assert daemon.wait(10.0) == 0
    daemon.configure({"agent_channel": {"drain_on_stop": "0s"}})
    daemon.start()
    daemon.type("gone", "ivr1-01", "--wait", "10s")
    stage.all_is_well(link_is_shared=True)


def test_while_standing_by(stage: Stage, daemon: RunningDaemon) -> None:
    """A stand-by ends at once: there is nothing to sign off from."""
    spare = stage.daemon("spare")
    spare.start()
    spare.wait_channel("standing-by")
    assert spare.stop() == 0
    assert spare.offences() == []
    del stage.daemons["spare"]
    stage.all_is_well(daemon, link_is_shared=True)


def test_killed_and_started_again(stage: Stage, daemon: RunningDaemon) -> None:
    """After a kill -9 it starts in its own old places, replaces its old session, and all is as before."""
    daemon.kill()
    assert daemon.socket.exists()
    daemon.start()
    stage.all_is_well(link_is_shared=True)


def test_asleep(stage: Stage, daemon: RunningDaemon) -> None:
    """A daemon that was not scheduled for a while blames nobody when it wakes (F16): the same session goes on."""
    for name in stage.pair.processes:
        stage.pair.set_session_timeout(name, 60.0)
    stage.pair.promote("ce1")
    stage.wait_ready(daemon)
    daemon.begin_story()
    (session,) = stage.pair.sessions()
    daemon.send(signal.SIGSTOP)
    at = time.monotonic()
    wait_until(lambda: time.monotonic() > at + ASLEEP, "time has passed")
    daemon.send(signal.SIGCONT)
    beats = stage.asked("ce1", "Heartbeat")
    wait_until(lambda: stage.asked("ce1", "Heartbeat") >= beats + 3, "three more heartbeats")
    stage.all_is_well(link_is_shared=True)
    assert stage.pair.sessions() == [session]
    assert daemon.said("signed-off") == []
    for name in stage.pair.processes:
        stage.pair.set_session_timeout(name, 5.0)


def test_asleep_too_long(stage: Stage, daemon: RunningDaemon) -> None:
    """Asleep for longer than CE waits it has lost its session: it signs on again at the same host, and nowhere else."""
    stage.pair.set_session_timeout("ce1", 1.0)
    stage.pair.promote("ce1")
    stage.wait_ready(daemon)
    daemon.send(signal.SIGSTOP)
    wait_until(lambda: stage.pair.sessions("ce1") == [], "CE has given the session up")
    assert _last_end(stage) == "silence"
    daemon.send(signal.SIGCONT)
    stage.all_is_well(link_is_shared=True)
    stage.pair.set_session_timeout("ce1", 5.0)
