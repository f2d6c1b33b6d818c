"""A recorded daemon: an Operator with a believable day behind it, for the tests of the API and the command line.

``python -m tests.api.recorded FOLDER`` serves each scene at ``FOLDER/SCENE.sock``, and prints ``ready``.
"""

# ruff: noqa: D102  the methods are described where Operator is

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

import attrs
import structlog
from twisted.internet.defer import Deferred, succeed

from agentchan.api import requests
from agentchan.api.events import EventFeed
from agentchan.api.refusals import Refused, UnknownChannel, unknown_signal
from agentchan.config.service import Api
from tests.api.record import CALLS, ENDPOINTS, EXPLAIN, FAILOVERS, NOW, SIGNALS, TIMING, row
from tests.api.scenes import SCENES


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
        reasons = [problem["text"] for problem in self.state.get("problems", [])]
        return {"ready": not reasons, "reasons": reasons}

    def metrics(self) -> tuple[str, bytes]:
        return "text/plain; version=0.0.4; charset=utf-8", b"agentchan_up 1\n"

    def status(self) -> Mapping[str, Any]:
        return self.state

    def channels(self, names: tuple[str, ...]) -> Iterable[Mapping[str, Any]]:
        by_name = {row["channel"]: row for row in self.rows}
        for name in names:
            if name not in by_name:
                raise UnknownChannel(name)
        return (by_name[name] for name in names) if names else iter(self.rows)

    def failovers(self, query: requests.FailoversQuery) -> Iterable[Mapping[str, Any]]:
        return FAILOVERS[: query.limit]

    def explain(self, name: str) -> Mapping[str, Any]:
        if name != "ivr1-003":
            raise UnknownChannel(name)
        return EXPLAIN

    def timing(self) -> Mapping[str, Any]:
        return TIMING

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
        if self.scene == "ancient":
            raise Refused("not-offered", "this daemon does not offer endpoint checks", HTTPStatus.NOT_IMPLEMENTED)
        return ENDPOINTS

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
            raise UnknownChannel(request.channel)
        return self.waiting or {"signal_id": "s-1", "fate": "confirmed" if request.wait else "pending"}

    def gone(self, request: requests.GoneRequest) -> Any:
        self.asked.append(("gone", request))
        if request.call_id is None and request.channel != "ivr1-002":
            raise Refused("no-open-call", f"{request.channel} has no open call; give the call's id", 409)
        return {"signal_id": "s-2", "fate": "pending"}

    def calls(self, query: requests.CallsQuery) -> Iterable[Mapping[str, Any]]:
        self.asked.append(("calls", query))
        return CALLS

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

    def wsdl(self, base_url: str, name: str | None = None) -> requests.SoapAnswer:
        named = f" name='{name}'" if name is not None else ""
        return requests.SoapAnswer(200, "text/xml; charset=utf-8", f"<wsdl at='{base_url}'{named}/>".encode())


def api(socket: Path, **changes: Any) -> Api:
    """An ``[api]`` section."""
    return attrs.evolve(Api(), socket=socket, **changes)


def serve(folder: Path) -> None:
    """Serve the record until SIGTERM."""
    from twisted.internet import reactor as installed  # noqa: PLC0415  a program chooses its reactor when it runs

    from agentchan.api.doors import Doors  # noqa: PLC0415  the same

    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger("warning"),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    reactor: Any = installed
    for scene in SCENES:
        operator = RecordedOperator(scene)
        doors = Doors(reactor, operator, api(folder / f"{scene}.sock"))
        doors.open()
        operator.feed.publish("started", version="0.1.0")
        operator.feed.publish("signed-on", host="ce1", generation=7)
        operator.feed.publish("failover", **FAILOVERS[0])
        reactor.addSystemEventTrigger("before", "shutdown", doors.close)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    reactor.run()


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
