"""What the daemon's status says in the situations that an operator meets."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from agentchan.api.problems import problems
from tests.api.record import STATUS

SCENES: dict[str, Callable[[], dict[str, Any]]] = {}
"""By name; each call gives a status of its own."""

ESC = "\x1b[31m\x9b2J\u202e\u2066\ud800\n"
"""What would steer a terminal, turn the text around, or not be written at all."""


def _scene(change: Callable[[dict[str, Any]], None]) -> Callable[[dict[str, Any]], None]:
    def made() -> dict[str, Any]:
        status = copy.deepcopy(STATUS)
        change(status)
        status["problems"] = problems(status)
        return status

    SCENES[change.__name__.replace("_", "-")] = made
    return change


def _agent_channel(status: dict[str, Any], state: str, error: str | None, host: str | None = "ce1") -> None:
    since = "2026-11-24T14:04:18+01:00"
    status["agent_channel"] = {"state": state, "host": host, "since": since, "heartbeat_age_ms": None, "error": error}
    status["channels"] |= {"ready": 0, "busy": 0, "not_ready": 0, "unknown": 120}


@_scene
def well(status: dict[str, Any]) -> None:
    """The good day."""


@_scene
def away(status: dict[str, Any]) -> None:
    """The night: no CE host answers."""
    status["component_link"] |= {"state": "down", "age_ms": 42000}
    status["ce"] |= {
        "verdict": "unknown",
        "active": None,
        "generation": None,
        "failing_over": None,
        "domain_state": None,
        "since": "2026-11-24T14:04:18+01:00",
        "reason": "no host answers (https://ce1.example.com:8094/ComponentService: connection refused)",
    }
    for host, error in zip(
        status["ce"]["hosts"], ("connection refused", "timeout: no answer within 1s of connecting"), strict=True
    ):
        host |= {"role": "Unknown", "state": None, "age_ms": 42000, "error": error}
    _agent_channel(status, "down", "reset by ce1 (192.0.2.1:8095)", host=None)
    status["signals"] |= {"pending": 14, "oldest_s": 41, "refused": 1}


@_scene
def failing_over(status: dict[str, Any]) -> None:
    """One host is gone, and the other is about to take over."""
    status["ce"] |= {
        "verdict": "none-active",
        "active": None,
        "generation": None,
        "failing_over": True,
        "domain_state": "FailingOver",
        "since": "2026-11-24T14:04:58+01:00",
        "reason": "hosts answer, but none says that it is active",
    }
    first, second = status["ce"]["hosts"]
    first |= {"role": "Unknown", "state": None, "age_ms": 2100, "error": "connection refused"}
    second |= {"state": "FailingOver", "age_ms": 90}
    _agent_channel(status, "down", "reset by ce1 (192.0.2.1:8095)", host=None)
    status["signals"] |= {"pending": 3, "oldest_s": 2}


@_scene
def dialing(status: dict[str, Any]) -> None:
    """A host is active, but cannot be reached."""
    _agent_channel(status, "dialing", "192.0.2.1:8095: no connection within 1s")


@_scene
def signing_on(status: dict[str, Any]) -> None:
    """CE has not answered the sign-on yet."""
    _agent_channel(status, "signing-on", None)


@_scene
def restoring(status: dict[str, Any]) -> None:
    """CE is being told which channels are ready."""
    _agent_channel(status, "restoring", None)
    status["channels"] |= {"ready": 60, "not_ready": 60, "unknown": 0}


@_scene
def suspect(status: dict[str, Any]) -> None:
    """A heartbeat is missing."""
    status["agent_channel"] |= {"state": "suspect", "heartbeat_age_ms": 1100}


@_scene
def standing_by(status: dict[str, Any]) -> None:
    """Another instance has the session."""
    _agent_channel(status, "standing-by", "another instance is signed on to ce1 as ivr1: host-b")


@_scene
def contended(status: dict[str, Any]) -> None:
    """Another daemon has the same instance_id."""
    text = (
        "another daemon with instance_id host-a keeps replacing us at ce1; "
        "give each its own [ivr] instance_id"
    )  # fmt: skip
    _agent_channel(status, "contended", text)
    status["alarms"] = [{"code": "contended", "text": text, "since": "2026-11-24T14:03:00+01:00"}]


@_scene
def signing_off(status: dict[str, Any]) -> None:
    """The daemon is told to stop."""
    _agent_channel(status, "signing-off", None)


@_scene
def ambiguous(status: dict[str, Any]) -> None:
    """Two hosts claim to be active."""
    status["ce"] |= {
        "verdict": "ambiguous",
        "reason": "ce1 and ce2 both claim to be active in generation 7; staying with ce1",
        "since": "2026-11-24T14:04:58+01:00",
    }
    status["ce"]["hosts"][1]["role"] = "Active"


@_scene
def pinned(status: dict[str, Any]) -> None:
    """An operator has said whom to follow, and that host is no longer active."""
    status["ce"] |= {
        "verdict": "pinned",
        "active": None,
        "generation": None,
        "reason": "pinned by hand (CE support says so), but ce2 says it is not active",
        "pinned": {
            "host": "ce2",
            "until": "2026-11-24T14:30:00+01:00",
            "reason": "CE support says so",
            "who": "anna",
        },
    }
    _agent_channel(status, "down", None, host=None)


@_scene
def draining(status: dict[str, Any]) -> None:
    """Out of service by hand, and CE holds a call that nobody here knows."""
    status["draining"] = True
    status["drain"] = {
        "since": "2026-11-24T14:00:00+01:00",
        "who": "anna",
        "reason": "kernel update",
        "calls": 3,
        "timeout_s": 900,
    }
    status["channels"] |= {"ready": 0, "busy": 3, "not_ready": 116, "wrapup": 1, "stuck": 1}
    status["channels"]["stuck_names"] = ["ivr1-017"]


@_scene
def ailing(status: dict[str, Any]) -> None:
    """In service, with everything wrong that does not keep calls away."""
    status["ivr_health"] |= {"up": False, "since": "2026-11-24T14:04:00+01:00", "error": "timeout after 500 ms"}
    status["journal"] = {
        "state": "failing",
        "error": "disk I/O error",
        "since": "2026-11-24T14:04:30+01:00",
        "set_aside": "/var/lib/agentchan/journal.sqlite3.damaged-1",
    }
    status["ce"]["domain_state"] = "Emergency"
    status["ce"]["hosts"][0]["state"] = "Emergency"
    status["ce"]["hosts"][1]["refusal"] = "its generation 3 is below 7, with which ce1 was signed on to"
    status["channels"] |= {"unknown_to_ce": 2, "unknown": 2, "stuck": 7}
    status["channels"]["stuck_names"] = ["ivr1-001", "ivr1-004", "ivr1-005", "ivr1-009", "ivr1-011"]
    status["signals"] |= {"pending": 1, "oldest_s": 7384, "refused": 2, "expired": 1, "repairs": 4}
    status["alarms"] = [
        {
            "code": "channel-unknown",
            "text": "ce1 does not know ivr1-118 and ivr1-119: left out, tried again later",
            "since": "2026-11-24T09:00:00+01:00",
        },
        {"code": "certificate-expiring", "text": "the certificate of ce2 ends in 6 days", "since": None},
    ]


@_scene
def ivr_unknown(status: dict[str, Any]) -> None:
    """The daemon has only just begun: two checks of the IVR have failed, and it takes three to say that it is down."""
    error = "no answer within 500 ms (2 of 3 in a row)"
    status["ivr_health"] |= {"up": None, "since": None, "error": error}
    status["uptime_s"] = 6.0


@_scene
def frontend(status: dict[str, Any]) -> None:
    """No channels: only the two questions are answered."""
    status["agent_channel"] = None
    status["channels"] = dict.fromkeys(("total", "ready", "busy", "wrapup", "not_ready", "unknown", "stuck"), 0)
    status["ivr_health"] = None


@_scene
def hostile(status: dict[str, Any]) -> None:
    """Every text from outside tries to take the terminal over."""
    status["ivr"] = f"ivr{ESC}1"
    status["ce"]["active"] = f"ce{ESC}1"
    status["ce"]["hosts"][0] |= {"name": f"ce{ESC}1" + "x" * 80, "state": f"Run{ESC}ning"}
    status["ce"]["hosts"][1] |= {"role": f"Stand{ESC}by", "error": f"bad answer: {ESC}"}
    status["agent_channel"] |= {"state": "dialing", "host": f"ce{ESC}1", "error": f"{ESC}" * 3, "since": ESC}
    status["drain"] = {"since": ESC, "who": f"an{ESC}na", "reason": f"up{ESC}date", "calls": 0, "timeout_s": None}
    status["draining"] = True
    status["alarms"] = [{"code": f"a{ESC}", "text": f"b{ESC}", "since": ESC, "remedy": f"c{ESC}"}]


def ancient() -> dict[str, Any]:
    """The status of a daemon that knew almost nothing yet."""
    return {"ivr": "ivr1", "draining": False, "ce": {"verdict": "following"}, "agent_channel": {"state": "up"}}


SCENES["ancient"] = ancient


def without(status: Any, names: list[str]) -> Any:
    """The status without these fields, wherever they are."""
    if isinstance(status, dict):
        return {name: without(value, names) for name, value in status.items() if name not in names}
    return [without(item, names) for item in status] if isinstance(status, list) else status


def emptied(status: Any, names: list[str]) -> Any:
    """The status with null in these fields, wherever they are."""
    if isinstance(status, dict):
        return {name: None if name in names else emptied(value, names) for name, value in status.items()}
    return [emptied(item, names) for item in status] if isinstance(status, list) else status


def _names_in(status: Any) -> set[str]:
    if isinstance(status, dict):
        return set(status) | {name for value in status.values() for name in _names_in(value)}
    return {name for item in status for name in _names_in(item)} if isinstance(status, list) else set()


ALL_NAMES = sorted({name for make in SCENES.values() for name in _names_in(make())})
"""Every name of a field."""
