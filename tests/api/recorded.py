"""A recorded daemon: an Operator with a believable day behind it, for the tests of the API and the command line.

``python -m tests.api.recorded SOCKET SCENE [PORT]`` serves it as a process and prints ``ready`` when it listens.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs
from twisted.internet.defer import Deferred, succeed

from agentchan.api import requests
from agentchan.api.events import EventFeed
from agentchan.api.refusals import NotOffered, Refused, unknown_channel, unknown_signal
from agentchan.config.service import Api

NOW = "2026-11-24T14:05:00+01:00"

STATUS: dict[str, Any] = {
    "ivr": "ivr1",
    "version": "0.1.0",
    "uptime_s": 93784,
    "draining": False,
    "drain": None,
    "component_link": {"state": "up", "url": "https://ce1.example.com:8094/ComponentService", "age_ms": 120},
    "ce": {
        "verdict": "following",
        "active": "ce1",
        "generation": 7,
        "generation_mark": 7,
        "since": "2026-11-23T12:01:10+01:00",
        "domain_state": "Running",
        "failing_over": False,
        "pinned": None,
        "reason": None,
        "hosts": [
            {
                "url": "https://ce1.example.com:8094/ComponentService",
                "name": "ce1",
                "rank": "Primary",
                "role": "Active",
                "state": "Running",
                "generation": 7,
                "age_ms": 120,
                "error": None,
            },
            {
                "url": "https://ce2.example.com:8094/ComponentService",
                "name": "ce2",
                "rank": "Secondary",
                "role": "Standby",
                "state": "Running",
                "generation": 7,
                "age_ms": 340,
                "error": None,
            },
        ],
    },
    "agent_channel": {
        "state": "up",
        "host": "ce1",
        "since": "2026-11-23T12:01:10+01:00",
        "heartbeat_age_ms": 300,
        "error": None,
    },
    "channels": {
        "total": 120,
        "ready": 118,
        "busy": 1,
        "wrapup": 0,
        "not_ready": 1,
        "unknown": 0,
        "stuck": 0,
        "unknown_to_ce": 0,
    },
    "signals": {"pending": 0, "oldest_s": 0, "confirmed": 812, "refused": 0, "expired": 0, "repairs": 0},
    "journal": {"state": "ok", "error": None},
    "ivr_health": {"up": True, "since": "2026-11-23T12:01:08+01:00", "error": None},
    "problems": [],
}


def away() -> dict[str, Any]:
    """The status while no CE host answers."""
    status = copy.deepcopy(STATUS)
    status["component_link"] = {"state": "down", "url": status["component_link"]["url"], "age_ms": 42000}
    status["ce"] |= {
        "verdict": "unknown",
        "active": None,
        "failing_over": None,
        "domain_state": None,
        "since": "2026-11-24T14:04:18+01:00",
        "reason": "no host answers",
    }
    for host, error in zip(
        status["ce"]["hosts"], ("connection refused", "timeout: no answer within 1s of connecting"), strict=True
    ):
        host |= {"role": "Unknown", "state": None, "age_ms": 42000, "error": error}
    status["agent_channel"] = {
        "state": "down",
        "host": None,
        "since": "2026-11-24T14:04:18+01:00",
        "heartbeat_age_ms": None,
        "error": "reset by ce1 (192.0.2.1:8095)",
    }
    status["channels"] |= {"ready": 0, "busy": 0, "not_ready": 0, "unknown": 120, "stuck": 0}
    status["signals"] |= {"pending": 14, "oldest_s": 41, "refused": 1}
    status["problems"] = [
        {
            "code": "no-host-answers",
            "text": "no CE host answers the component link",
            "since": "2026-11-24T14:04:18+01:00",
            "remedy": "agentchan doctor",
        },
        {
            "code": "signals-refused",
            "text": "CE has refused 1 call signal for good",
            "since": "2026-11-24T13:10:02+01:00",
            "remedy": "agentchan signals list --fate refused",
        },
    ]
    return status


def draining() -> dict[str, Any]:
    """The status while the IVR is drained and a channel is stuck."""
    status = copy.deepcopy(STATUS)
    status["draining"] = True
    status["drain"] = {
        "since": "2026-11-24T14:00:00+01:00",
        "who": "anna",
        "reason": "kernel update",
        "calls": 3,
        "timeout_s": 900,
    }
    status["channels"] |= {"ready": 0, "busy": 3, "not_ready": 116, "wrapup": 1, "stuck": 1}
    status["problems"] = [
        {
            "code": "channels-stuck",
            "text": "CE holds a call on ivr1-017 that nobody here knows",
            "since": "2026-11-24T13:40:00+01:00",
            "remedy": "agentchan free ivr1-017 --reason 'no such call on the IVR'",
        }
    ]
    return status


SCENES = {"well": lambda: copy.deepcopy(STATUS), "away": away, "draining": draining}


def row(number: int) -> dict[str, Any]:
    """A channel's row."""
    plain: dict[str, Any] = {
        "channel": f"ivr1-{number:03}",
        "wanted": "ready",
        "reason": None,
        "reported": "Ready",
        "call_id": None,
        "since": "2026-11-24T08:00:02+01:00",
        "stuck": False,
        "who": None,
        "until": None,
    }
    special: dict[int, dict[str, Any]] = {
        2: {"reported": "Busy", "call_id": "20261124-135907-0002", "since": "2026-11-24T13:59:07+01:00"},
        3: {
            "wanted": "not-ready",
            "reason": "maintenance of the card",
            "reported": "NotReady",
            "who": "anna",
            "until": "2026-11-24T14:30:00+01:00",
        },
        17: {
            "reported": "Wrapup",
            "call_id": "1763985600.4711",
            "stuck": True,
            "since": "2026-11-24T13:40:00+01:00",
        },
    }
    return plain | special.get(number, {})


SIGNALS: list[dict[str, Any]] = [
    {
        "signal_id": "0198c3a4-7c1e-7d39-b0a1-5c1d2e3f4a5b",
        "kind": "gone",
        "channel": "ivr1-002",
        "call_id": "20261124-131000-0002",
        "fate": "refused",
        "accepted_at": "2026-11-24T13:10:00+01:00",
        "settled_at": "2026-11-24T13:10:02+01:00",
        "attempts": 1,
        "last_error": "InvalidRequest: Outcome is not known here",
        "repair": False,
    },
    {
        "signal_id": "0198c3a4-6b0d-7d39-b0a1-000000000001",
        "kind": "new-call",
        "channel": "ivr1-002",
        "call_id": "20261124-131000-0002",
        "fate": "confirmed",
        "accepted_at": "2026-11-24T13:05:00+01:00",
        "settled_at": "2026-11-24T13:05:00+01:00",
        "attempts": 1,
        "last_error": None,
        "repair": False,
    },
]

FAILOVERS: list[dict[str, Any]] = [
    {
        "at": "2026-11-23T12:01:10+01:00",
        "from": "ce2",
        "to": "ce1",
        "cause": "planned switch: ce2 said Standby",
        "generation": 7,
        "detect": 1,
        "discover": 4,
        "sign_on": 3,
        "restore": 9,
        "drain_outbox": 12,
        "total": 29,
    },
    {
        "at": "2026-11-21T03:12:44+01:00",
        "from": "ce1",
        "to": "ce2",
        "cause": "connection reset by ce1 (192.0.2.1:8095)",
        "generation": 6,
        "detect": 0,
        "discover": 61012,
        "sign_on": 5,
        "restore": 11,
        "drain_outbox": 240,
        "total": 61268,
    },
]

EXPLAIN: dict[str, Any] = {
    "channel": "ivr1-003",
    "headline": "ivr1-003 is not ready because anna said so, until 14:30.",
    "row": row(3),
    "causes": [
        {
            "text": "it is wanted not ready by hand: maintenance of the card",
            "since": "2026-11-24T13:30:00+01:00",
            "who": "anna",
        },
        {"text": "CE was told and reports NotReady", "since": "2026-11-24T13:30:00+01:00", "who": None},
    ],
    "remedies": [{"text": "make it ready now", "command": "agentchan ready ivr1-003"}],
}


class RecordedOperator:
    """Answers from the record, and remembers what it was asked to do.

    Attributes:
        asked: name and value of every change that was asked for.
        waiting: when set, new_call answers with this Deferred.
    """

    soap_paths = ("/ce/ivr.asmx",)

    def __init__(self, scene: str = "well", channels: int = 120) -> None:
        self.state: dict[str, Any] = SCENES[scene]()
        self.scene = scene
        self.rows = [row(number) for number in range(1, channels + 1)]
        self.asked: list[tuple[str, Any]] = []
        self.feed = EventFeed("run1", lambda: NOW)
        self.waiting: Deferred[Mapping[str, Any]] | None = None
        self.reload_outcome: dict[str, Any] = {
            "applied": ["ivr.channels", "log.level"],
            "needs_restart": ["api.socket"],
            "faults": [],
            "warnings": [],
        }

    def livez(self) -> Mapping[str, Any]:
        return {"live": True, "reasons": []}

    def readyz(self) -> Mapping[str, Any]:
        reasons = [] if self.scene == "well" else [f"{problem['text']}" for problem in self.state["problems"]]
        return {"ready": not reasons, "reasons": reasons}

    def metrics(self) -> tuple[str, bytes]:
        return "text/plain; version=0.0.4; charset=utf-8", b"agentchan_up 1\n"

    def status(self) -> Mapping[str, Any]:
        return self.state

    def channels(self, names: tuple[str, ...]) -> Iterable[Mapping[str, Any]]:
        by_name = {row["channel"]: row for row in self.rows}
        for name in names:
            if name not in by_name:
                raise unknown_channel(name)
        return (by_name[name] for name in names) if names else iter(self.rows)

    def failovers(self, query: requests.FailoversQuery) -> Iterable[Mapping[str, Any]]:
        return FAILOVERS[: query.limit]

    def explain(self, name: str) -> Mapping[str, Any]:
        if name != "ivr1-003":
            raise unknown_channel(name)
        return EXPLAIN

    def timing(self) -> Mapping[str, Any]:
        raise NotOffered("the timing formula")

    def failing_over(self) -> Mapping[str, Any]:
        value = self.state["ce"]["failing_over"]
        return {
            "failing_over": value,
            "state": self.state["ce"]["domain_state"],
            "active": self.state["ce"]["active"],
            "since": self.state["ce"]["since"],
            "observed_at": NOW,
            "age_ms": 120 if value is not None else 42000,
            "reason": self.state["ce"]["reason"],
        }

    def endpoint_available(self, uri: str) -> Mapping[str, Any]:
        known = {"sip:up@example.com": True, "sip:down@example.com": False}
        available = known.get(uri)
        return {
            "available": available,
            "uri": uri,
            "status_code": {True: 200, False: 503, None: None}[available],
            "latency_ms": None if available is None else 4.2,
            "checked_at": NOW,
            "age_ms": 900,
            "reason": None if available else "disabled" if available is None else "503 Service Unavailable",
        }

    def endpoints(self) -> Iterable[Mapping[str, Any]]:
        return [
            {
                "uri": "sip:sales@sip1.example.com;transport=tls",
                "available": True,
                "status_code": 200,
                "latency_ms": 4.2,
                "since": "2026-11-23T12:01:08+01:00",
                "age_ms": 900,
                "reason": None,
                "configured": True,
            },
            {
                "uri": "sip:down@example.com",
                "available": False,
                "status_code": 503,
                "latency_ms": 3.0,
                "since": "2026-11-24T14:01:08+01:00",
                "age_ms": 1900,
                "reason": "503 Service Unavailable",
                "configured": False,
            },
        ]

    def configuration(self) -> Mapping[str, Any]:
        return {"ivr": {"name": "ivr1"}}

    def set_readiness(self, request: requests.ReadinessRequest) -> Mapping[str, Any]:
        self.asked.append(("set_readiness", request))
        for name in request.channels or ():
            self.channels((name,))
        count = len(self.rows) if request.channels is None else len(request.channels)
        until = "2026-11-24T14:35:00+01:00" if request.for_ else None
        return {"channels": count, "changed": count, "until": until}

    def drain(self, request: requests.DrainRequest) -> Mapping[str, Any]:
        self.asked.append(("drain", request))
        calls = self.state["channels"]["busy"]
        self.state["draining"] = True
        self.state["drain"] = {
            "since": NOW,
            "who": request.who,
            "reason": request.reason,
            "calls": calls,
            "timeout_s": request.timeout,
        }
        self.feed.publish("drain-started", who=request.who)
        return {"draining": True, "calls": calls}

    def resume(self, who: str) -> Mapping[str, Any]:
        self.asked.append(("resume", who))
        was, self.state["draining"], self.state["drain"] = self.state["draining"], False, None
        return {"draining": False, "was_draining": was}

    def follow(self, request: requests.FollowRequest) -> Mapping[str, Any]:
        self.asked.append(("follow", request))
        if request.host not in ("ce1", "ce2"):
            raise Refused("unknown-host", f"there is no host {request.host!r}; known: ce1, ce2", 404)
        return {"host": request.host, "until": "2026-11-24T14:35:00+01:00"}

    def unfollow(self, who: str) -> Mapping[str, Any]:
        self.asked.append(("unfollow", who))
        return {"was_pinned": "ce2"}

    def forget_generation(self, request: requests.ForgetGenerationRequest) -> Mapping[str, Any]:
        self.asked.append(("forget_generation", request))
        return {"domain": "contact-centre", "forgotten": 7}

    def reload(self, who: str) -> Deferred[Mapping[str, Any]]:
        self.asked.append(("reload", who))
        return succeed(self.reload_outcome)

    def new_call(self, request: requests.NewCallRequest) -> Any:
        self.asked.append(("new_call", request))
        if request.channel not in {row["channel"] for row in self.rows}:
            raise unknown_channel(request.channel)
        return self.waiting or {"signal_id": "s-1", "fate": "confirmed" if request.wait else "pending"}

    def gone(self, request: requests.GoneRequest) -> Any:
        self.asked.append(("gone", request))
        if request.call_id is None and request.channel != "ivr1-002":
            raise Refused("no-open-call", f"{request.channel} has no open call; give the call's id", 409)
        return {"signal_id": "s-2", "fate": "pending"}

    def calls(self, query: requests.CallsQuery) -> Iterable[Mapping[str, Any]]:
        self.asked.append(("calls", query))
        return [
            {
                "channel": "ivr1-002",
                "call_id": "20261124-135907-0002",
                "since": "2026-11-24T13:59:07+01:00",
                "caller": "+3612345678",
                "called": "+3618000000",
                "known_to_ce": True,
                "reported": "Busy",
            }
        ]

    def put_calls(self, request: requests.PutCallsRequest) -> Mapping[str, Any]:
        self.asked.append(("put_calls", request))
        return {"open": len(request.calls), "gone": [], "unknown": []}

    def signals(self, query: requests.SignalsQuery) -> Deferred[Iterable[Mapping[str, Any]]]:
        self.asked.append(("signals", query))
        return succeed([signal for signal in SIGNALS if not query.fates or signal["fate"] in query.fates])

    def signal(self, signal_id: str) -> Mapping[str, Any]:
        for signal in SIGNALS:
            if signal["signal_id"] == signal_id:
                return signal | {
                    "ended_at": "2026-11-24T13:10:00+01:00",
                    "outcome": "transfered",
                    "who": "asterisk",
                    "history": [
                        {"at": "2026-11-24T13:10:00+01:00", "text": "accepted"},
                        {"at": "2026-11-24T13:10:02+01:00", "text": "refused by ce1: InvalidRequest"},
                    ],
                }
        raise unknown_signal(signal_id)

    def retry(self, request: requests.SignalRequest) -> Mapping[str, Any]:
        self.asked.append(("retry", request))
        return dict(self.signal(request.signal_id)) | {"fate": "pending"}

    def discard(self, request: requests.SignalRequest) -> Mapping[str, Any]:
        self.asked.append(("discard", request))
        return dict(self.signal(request.signal_id)) | {"fate": "discarded"}

    def free(self, request: requests.FreeRequest) -> Mapping[str, Any]:
        self.asked.append(("free", request))
        if request.channel != "ivr1-017":
            raise Refused("not-stuck", f"{request.channel} is not stuck", 409)
        return {"channel": "ivr1-017", "call_id": "1763985600.4711", "signal_id": "s-3"}

    def soap(self, request: requests.SoapRequest) -> requests.SoapAnswer:
        self.asked.append(("soap", request))
        return requests.SoapAnswer(200, "text/xml; charset=utf-8", b"<ok/>")

    def wsdl(self, base_url: str) -> requests.SoapAnswer:
        return requests.SoapAnswer(200, "text/xml; charset=utf-8", f"<wsdl at='{base_url}'/>".encode())


def api(socket: Path, **changes: Any) -> Api:
    """An ``[api]`` section."""
    return attrs.evolve(Api(), socket=socket, **changes)


def serve(socket: str, scene: str) -> None:
    """Serve the record until SIGTERM."""
    from twisted.internet import reactor as installed  # noqa: PLC0415  a program chooses its reactor when it runs

    from agentchan.api.doors import Doors  # noqa: PLC0415  the same

    reactor: Any = installed
    operator = RecordedOperator(scene)
    doors = Doors(reactor, operator, api(Path(socket)))
    doors.open()
    for name in ("started", "signed-on", "failover"):
        operator.feed.publish(name, host="ce1")
    reactor.addSystemEventTrigger("before", "shutdown", doors.close)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    reactor.run()


if __name__ == "__main__":
    serve(*sys.argv[1:])
