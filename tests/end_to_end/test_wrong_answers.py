"""Whatever a host answers: the daemon goes on, follows nobody wrong, says what is wrong, and recovers by itself."""

from __future__ import annotations

from typing import Any

import pytest

from agentchan.lab.misbehaviour import FAULTS, KINDS
from tests.end_to_end.daemons import RunningDaemon, Stage, wait_until

WAYS = sorted(KINDS - {"slow"})
OVERSIZED = 17 * 1024 * 1024
"""Bytes: just above what an answer may have."""

TABLES = {
    "component_link": {"timeout": "500ms", "watch_wait": "100ms", "poll_interval": "100ms"},
    "agent_channel": {"reply_timeout": "500ms", "backoff_maximum": "100ms"},
}
LAB_WORDS = "a wrong answer, asked for by the lab"
BROKEN = {
    "close-mid-reply": "closed the connection amid its answer",
    "dtd": "document type declaration",
    "empty": "an empty body",
    "garbage": "not well-formed XML",
    "html": "text/html, not XML",
    "http-401": "HTTP status 401: it does not accept who we are",
    "http-404": "HTTP status 404: there is no service at this URL",
    "http-503": "HTTP status 503",
    "oversized": "an answer of more than 16777216 bytes",
    "reset-after": "before its answer",
    "reset-before": "before its answer",
    "truncated": "not well-formed XML",
    "wrong-namespace": "{urn:example:somewhere-else}",
    "wrong-operation": "answered ",
    "wrong-types": "The value 'purple' is not an element of the set",
}
"""What the reason says of answers that are none of the contract, whatever was asked."""
LINK = BROKEN | dict.fromkeys(FAULTS, LAB_WORDS) | {"hold": "no answer within"}
SIGN_ON = (
    BROKEN
    | dict.fromkeys(FAULTS, f"refused the sign-on: {LAB_WORDS}")
    | {
        "hold": "no reply to OpenSession within",
        "not-active": "ce1 is not active",
        "session-already-open": "another instance is signed on to ce1",
        "unknown-ivr": "ce1 knows no IVR named ivr1",
    }
)
HEARTBEAT = (
    BROKEN
    | dict.fromkeys(FAULTS, f"ce1 answers heartbeats with: {LAB_WORDS}")
    | {
        "hold": "3 heartbeats missed",
        "not-active": "ce1 is not active",
        "session-already-open": "ce1 does not know our session any more",
        "unknown-session": "ce1 does not know our session any more",
    }
)
READINESS = (
    BROKEN
    | dict.fromkeys(FAULTS, f"ce1 refused the readiness of ivr1-01: {LAB_WORDS}")
    | {
        "hold": "no reply to SetReadiness within",
        "not-active": "ce1 is not active",
        "session-already-open": "ce1 does not know our session any more",
        "unavailable": f"ce1 answered: {LAB_WORDS}",
        "unknown-session": "ce1 does not know our session any more",
        "wrong-types": "purple",
    }
)


def _answers_wrongly(stage: Stage, kind: str, **rule: Any) -> None:
    if kind == "oversized":
        rule["size"] = OVERSIZED
    stage.pair.answer_wrongly("ce1", kind, **rule)


def _told(daemon: RunningDaemon) -> list[str]:
    """What its log says of sessions that ended and of what CE refused."""
    return daemon.said("signed-off", "heartbeat-refused", "readiness-refused", "readiness-put-off")


def _begin_anew(stage: Stage, daemon: RunningDaemon) -> None:
    """In a new generation no session that was taken from the daemon counts any more."""
    stage.pair.promote("ce1")
    stage.wait_ready(daemon)


@pytest.mark.parametrize("kind", WAYS)
def test_component_service(stage: Stage, daemon: RunningDaemon, kind: str) -> None:
    """A Component Service that answers wrongly is shown with the reason; the agent channel to its host stays."""
    before = daemon.status()["agent_channel"]["since"]
    _answers_wrongly(stage, kind, service="component")
    status = daemon.wait_status(lambda status: status["ce"]["hosts"][0]["error"], "the link to ce1 has an error")
    assert LINK[kind] in status["ce"]["hosts"][0]["error"]
    assert status["ce"]["active"] == "ce1"
    stage.pair.behave("ce1")
    daemon.wait_status(lambda status: not status["ce"]["hosts"][0]["error"], "the link to ce1 is well again")
    stage.all_is_well()
    assert daemon.status()["agent_channel"]["since"] == before


@pytest.mark.parametrize("kind", WAYS)
def test_sign_on(stage: Stage, daemon: RunningDaemon, kind: str) -> None:
    """A sign-on that is answered wrongly is tried again and again, nowhere else, and status says what came of it."""
    _answers_wrongly(stage, kind, service="connector", operation="OpenSession")
    stage.pair.drop("ce1", "connector")
    status = daemon.wait_status(
        lambda status: SIGN_ON[kind] in (status["agent_channel"]["error"] or ""), "the sign-on has come to nothing"
    )
    assert status["channels"]["ready"] == 0
    assert status["problems"]
    stage.pair.behave("ce1")
    stage.all_is_well()


@pytest.mark.parametrize("kind", WAYS)
def test_heartbeat(stage: Stage, daemon: RunningDaemon, kind: str) -> None:
    """A heartbeat that is answered wrongly is told of; the session ends where nothing else can be believed any more."""
    _begin_anew(stage, daemon)
    daemon.begin_story()
    _answers_wrongly(stage, kind, service="connector", operation="Heartbeat")
    wait_until(lambda: any(HEARTBEAT[kind] in line for line in _told(daemon)), "it was told of")
    stage.pair.behave("ce1")
    stage.all_is_well()


@pytest.mark.parametrize("kind", WAYS)
def test_readiness(stage: Stage, daemon: RunningDaemon, kind: str) -> None:
    """What CE was told of readiness and answered wrongly is told again, until CE and the daemon agree."""
    _begin_anew(stage, daemon)
    daemon.begin_story()
    _answers_wrongly(stage, kind, service="connector", operation="SetReadiness")
    daemon.type("not-ready", "ivr1-01", "--reason", "a test")
    wait_until(lambda: any(READINESS[kind] in line for line in _told(daemon)), "it was told of")
    if kind in ("invalid-request", "unknown-ivr"):  # no word of it can help, so it is put off for five minutes
        assert "readiness-refused" in daemon.problems()
        stage.pair.drop("ce1", "connector")
    stage.pair.behave("ce1")
    stage.all_is_well(not_ready=["ivr1-01"])
    assert stage.pair.channels()["ivr1-01"]["wish"] is False
