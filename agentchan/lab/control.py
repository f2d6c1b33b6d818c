"""The control port of a host: plain HTTP and JSON, for tests, demo and people."""

from __future__ import annotations

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from attrs import define, field

from agentchan.lab.calls import HeldCall
from agentchan.lab.component import ELEMENTS
from agentchan.lab.core_host import CoreHost
from agentchan.lab.domain import DOMAIN_STATES
from agentchan.lab.history import Row, read_history
from agentchan.lab.http_wire import HttpRequest
from agentchan.lab.misbehaviour import Rule
from agentchan.lab.names import expand

Command = Callable[[dict[str, Any]], Any]
SERVICES = ("component", "connector")


@define(eq=False)
class Control:
    """Answers the control port of one host.

    ``GET /status``, ``/channels``, ``/sessions`` and ``/history?after=N`` tell; every other path is a POST with a JSON
    object of the arguments (``GET /`` lists them all).
    """

    host: CoreHost
    questions: dict[str, Callable[[str], Any]] = field(init=False)
    commands: dict[str, Command] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.questions = {
            "/": lambda _: {"GET": sorted(self.questions), "POST": sorted(self.commands)},
            "/status": lambda _: self.status(),
            "/channels": lambda _: self.channels(),
            "/sessions": lambda _: self.sessions(),
            "/history": self.history,
        }
        self.commands = {
            "/switch": self.switch,
            "/promote": self.promote,
            "/state": self.set_state,
            "/generation": self.set_generation,
            "/slow": lambda arguments: self.answer_wrongly({"kind": "slow", **arguments}),
            "/wrong": self.answer_wrongly,
            "/claim": self.claim,
            "/behave": self.behave,
            "/release": lambda _: sum(service.release() for service in self.host.services.values()),
            "/stick": self.stick,
            "/hang-up": self.hang_up,
            "/forget-sessions": lambda _: self.host.sessions.end_all("forgotten"),
            "/session-timeout": lambda arguments: self.host.sessions.set_timeout(_seconds(arguments)),
            "/heartbeat-after-role-change": self.set_heartbeat,
            "/know": self.know,
            "/stop-listening": lambda arguments: self.host.listeners[_service(arguments)].stop(),
            "/listen": lambda arguments: self.host.listeners[_service(arguments)].listen(),
            "/drop": lambda arguments: self.host.listeners[_service(arguments)].server.abort_all(),
        }

    def handle(self, request: HttpRequest) -> None:
        """Answer one request of the control port."""
        try:
            if request.method == "GET":
                answer = self.questions[request.path](request.query)
            else:
                answer = self.commands[request.path](_arguments(request.body))
        except KeyError as error:
            missing = request.path if error.args == (request.path,) else f"argument {error}"
            request.respond_json(HTTPStatus.NOT_FOUND, {"error": f"there is no {missing}"})
        except (TypeError, ValueError) as error:
            request.respond_json(HTTPStatus.BAD_REQUEST, {"error": str(error)})
        else:
            request.respond_json(HTTPStatus.OK, answer)

    # -- questions ---------------------------------------------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        """What this host is, and how busy."""
        view = self.host.membership.look()
        return {
            "host": view.host,
            "domain": view.domain,
            "rank": self.host.settings.rank,
            "role": view.role,
            "state": view.state,
            "generation": view.generation,
            "active": view.active,
            "since": view.since,
            "watches_held": self.host.component.held,
            "replies_held": sum(len(service.held) for service in self.host.services.values()),
            "connections": {name: len(listener.server.connections) for name, listener in self.host.listeners.items()},
        }

    def channels(self) -> dict[str, dict[str, dict[str, Any]]]:
        """What this host believes of each channel: by IVR, then by channel."""
        ivrs = set(self.host.connector.known) | set(self.host.sessions.live)
        ivrs |= {row[0] for row in self.host.database.execute("SELECT DISTINCT ivr FROM held_call")}
        believed: dict[str, dict[str, dict[str, Any]]] = {}
        for ivr in sorted(ivrs):
            session = self.host.sessions.live.get(ivr)
            wishes = session.readiness if session is not None else {}
            held = self.host.calls.all_held(ivr)
            names = self.host.connector.known.get(ivr, frozenset()) | wishes.keys() | held.keys()
            believed[ivr] = {
                name: {
                    "state": held[name].state if name in held else ("Ready" if wishes.get(name) else "NotReady"),
                    "call_id": held[name].call_id if name in held else None,
                    "wish": wishes.get(name),
                }
                for name in sorted(names)
            }
        return believed

    def sessions(self) -> list[dict[str, Any]]:
        """The live sessions."""
        return [
            {
                "session_id": session.session_id,
                "ivr": session.ivr,
                "instance_id": session.instance_id,
                "connection": session.connection.name,
                "peer_port": session.connection.peer_port,
                "generation": session.generation,
                "channels": len(session.readiness),
                "ready": sum(session.readiness.values()),
            }
            for session in self.host.sessions.live.values()
        ]

    def history(self, query: str) -> list[dict[str, Any]]:
        """The rows of the domain's history after a sequence number."""
        return read_history(self.host.settings.database, int(parse_qs(query).get("after", ["0"])[0]))

    # -- roles and states --------------------------------------------------------------------------------------------

    def switch(self, arguments: dict[str, Any]) -> None:
        """Make ``to`` (default: a host that is not active) active, after ``seconds`` of failing over or back."""
        view = self.host.domain.read()
        names = [view.host, *(name for name, _, _ in self.host.domain.others())]
        others = [name for name in reversed(names) if name != view.active]
        target = arguments.get("to") or (others[0] if others else view.host)
        if target not in names:
            raise ValueError(f"there is no host {target}; there are {', '.join(sorted(names))}")
        self.host.membership.hand_over(
            target, seconds=float(arguments.get("seconds", 0.0)), state=_state(arguments, optional=True)
        )

    def promote(self, arguments: dict[str, Any]) -> None:
        """This host is active at once, whatever the other one does."""
        del arguments
        self.host.membership.hand_over(self.host.settings.name)

    def set_state(self, arguments: dict[str, Any]) -> None:
        """Show ``state``; with ``only_here`` on this host alone."""
        state = _state(arguments)
        self.host.domain.set_state(str(state), only_here=bool(arguments.get("only_here", False)))
        self.host.membership.announce()

    def set_generation(self, arguments: dict[str, Any]) -> None:
        """Put ``generation`` into the database, also a lower one (a restored backup)."""
        self.host.domain.set_generation(int(arguments["generation"]))
        self.host.membership.announce()

    # -- wrong answers -----------------------------------------------------------------------------------------------

    def answer_wrongly(self, arguments: dict[str, Any]) -> None:
        """Add a rule; the arguments are those of :class:`agentchan.lab.misbehaviour.Rule`."""
        self.host.misbehaviour.rules.append(Rule(**arguments))

    def claim(self, arguments: dict[str, Any]) -> None:
        """Say wrong words in the Component Service, and a wrong generation in the IVR Connector too."""
        wrong = arguments.keys() - ELEMENTS.keys()
        if wrong:
            raise ValueError(f"unknown: {', '.join(sorted(wrong))}; there are {', '.join(ELEMENTS)}")
        self.host.component.claim(arguments)
        self.host.connector.claimed_generation = arguments.get("generation")

    def behave(self, arguments: dict[str, Any]) -> None:
        """No rule and no claim any more; held replies are sent."""
        del arguments
        self.host.misbehaviour.rules.clear()
        self.claim({})
        for service in self.host.services.values():
            service.release()

    # -- calls, sessions and names -----------------------------------------------------------------------------------

    def stick(self, arguments: dict[str, Any]) -> None:
        """``channel`` of ``ivr`` holds ``call_id`` in ``state`` (Busy or Wrapup), though nobody sent a NewCall."""
        call = HeldCall(str(arguments.get("state", "Busy")), str(arguments["call_id"]))
        if call.state not in ("Busy", "Wrapup"):
            raise ValueError("state is Busy or Wrapup")
        self._hold("stuck", str(arguments["ivr"]), str(arguments["channel"]), call)

    def hang_up(self, arguments: dict[str, Any]) -> None:
        """The caller on ``channel`` of ``ivr`` has left: Busy becomes Wrapup."""
        ivr, channel = str(arguments["ivr"]), str(arguments["channel"])
        held = self.host.calls.held(ivr, channel)
        if held is None:
            raise ValueError(f"{channel} of {ivr} holds no call")
        self._hold("hung-up", ivr, channel, HeldCall("Wrapup", held.call_id))

    def _hold(self, event: str, ivr: str, channel: str, call: HeldCall) -> None:
        with self.host.database.transaction():
            self.host.calls.hold(ivr, channel, call)
            generation = self.host.domain.read().generation
            row = Row(event, ivr=ivr, channel=channel, call_id=call.call_id, details={"state": call.state})
            self.host.history.add(generation, row)

    def set_heartbeat(self, arguments: dict[str, Any]) -> None:
        """What a Heartbeat is answered after a change of role: ``not-active``, ``unknown-session`` or ``reply``."""
        answer = arguments["answer"]
        if answer not in ("not-active", "unknown-session", "reply"):
            raise ValueError("answer is not-active, unknown-session or reply")
        self.host.connector.heartbeat_after_role_change = answer

    def know(self, arguments: dict[str, Any]) -> None:
        """Know these IVRs only, ``{ivr: [patterns]}``; an empty ``ivrs``: any name."""
        ivrs = {str(ivr): frozenset(expand(patterns)) for ivr, patterns in arguments["ivrs"].items()}
        self.host.connector.known = ivrs


def _arguments(body: bytes) -> dict[str, Any]:
    arguments = json.loads(body or b"{}")
    if not isinstance(arguments, dict):
        raise TypeError("the body is a JSON object")
    return arguments


def _service(arguments: dict[str, Any]) -> str:
    if arguments["service"] not in SERVICES:
        raise ValueError(f"service is one of {', '.join(SERVICES)}")
    return str(arguments["service"])


def _seconds(arguments: dict[str, Any]) -> float:
    seconds = float(arguments["seconds"])
    if seconds <= 0:
        raise ValueError("seconds are above 0")
    return seconds


def _state(arguments: dict[str, Any], *, optional: bool = False) -> str | None:
    state = arguments.get("state")
    if state is None and optional:
        return None
    if state not in DOMAIN_STATES:
        raise ValueError(f"state is one of {', '.join(DOMAIN_STATES)}")
    return str(state)
