"""The control port of a host: plain HTTP and JSON, for tests, demo and people."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from attrs import define, field

from agentchan.lab.breaks import Break
from agentchan.lab.calls import HeldCall
from agentchan.lab.core_host import CoreHost, Listener
from agentchan.lab.domain import DOMAIN_STATES
from agentchan.lab.history import Row, read_history
from agentchan.lab.http_wire import HttpRequest
from agentchan.lab.misbehaviour import Rule
from agentchan.lab.names import expand

Command = Callable[[dict[str, Any]], Any]


@define(eq=False)
class Control:
    """Answers the control port of one host.

    ``GET /status``, ``/channels``, ``/states``, ``/sessions`` and ``/history?after=N`` tell; every other path is a POST
    with a JSON object of the arguments (``GET /`` lists them all).
    """

    host: CoreHost
    questions: dict[str, Callable[[str], Any]] = field(init=False)
    commands: dict[str, Command] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.questions = {
            "/": lambda _: {"GET": sorted(self.questions), "POST": sorted(self.commands)},
            "/status": lambda _: self.status(),
            "/channels": lambda _: self.channels(),
            "/states": lambda _: self.states(),
            "/sessions": lambda _: self.sessions(),
            "/history": self.history,
        }
        self.commands = {
            "/switch": self.switch,
            "/promote": lambda _: self.host.membership.hand_over(self.host.settings.name),
            "/demote": lambda _: self.host.membership.demote(),
            "/state": self.set_state,
            "/generation": self.set_generation,
            "/slow": lambda arguments: self.answer_wrongly({"kind": "slow", **arguments}),
            "/wrong": self.answer_wrongly,
            "/claim": self.claim,
            "/behave": lambda _: self.behave(),
            "/release": lambda _: sum(service.release() for service in self.host.services.values()),
            "/blackhole": self.blackhole,
            "/heal": self.heal,
            "/break-off": self.break_off,
            "/stick": self.stick,
            "/hang-up": lambda arguments: self.host.callers.hang_up(str(arguments["ivr"]), str(arguments["channel"])),
            "/wrapup-after": self.set_wrapup_after,
            "/forget-sessions": lambda _: self.host.sessions.end_all("forgotten"),
            "/session-timeout": lambda arguments: self.host.sessions.set_timeout(_seconds(arguments)),
            "/heartbeat-after-role-change": self.set_heartbeat,
            "/know": self.know,
            "/stop-listening": lambda arguments: self._listener(arguments).stop(),
            "/listen": lambda arguments: self._listener(arguments).listen(),
            "/drop": lambda arguments: self._listener(arguments).server.abort_all(),
        }

    def handle(self, request: HttpRequest) -> None:
        """Answer one request of the control port."""
        head = request.head
        try:
            if head.method == "GET":
                answer = self.questions[head.path](head.query)
            else:
                answer = self.commands[head.path](_arguments(request.body))
        except KeyError as error:
            missing = head.path if error.args == (head.path,) else f"argument {error}"
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
            "pid": os.getpid(),
            "domain": view.domain,
            "rank": self.host.settings.rank,
            "role": view.role,
            "state": view.state,
            "generation": view.generation,
            "active": view.active,
            "since": view.since,
            "linked": sorted(self.host.membership.linked),
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
            wishes = self.host.sessions.wishes(ivr)
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

    def states(self) -> dict[str, dict[str, int]]:
        """How many channels are in which state, by IVR."""
        return {
            ivr: Counter(believed["state"] for believed in channels.values())
            for ivr, channels in self.channels().items()
        }

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
        """Say wrong words in the Component Service, and a wrong generation in the IVR Connector too.

        With ``obey`` the IVR Connector acts by the claimed role.
        """
        obey = bool(arguments.pop("obey", False))
        self.host.component.claim(arguments)
        role = arguments.get("role") if obey else None
        if arguments or self.host.claims:
            self.host.domain.record(Row("claimed", details={"claims": arguments, "obey": obey}))
        self.host.claims = dict(arguments)
        self.host.connector.claim(role, arguments.get("generation"))

    def behave(self) -> None:
        """No rule and no claim any more, and nothing breaks off; held replies are sent."""
        self.host.misbehaviour.rules.clear()
        for listener in self.host.listeners.values():
            listener.server.breaks.waiting.clear()
        self.claim({})
        for service in self.host.services.values():
            service.release()

    def blackhole(self, arguments: dict[str, Any]) -> None:
        """A silent network drop of a ``service`` or ``*``; with ``direction`` ``answers`` only what is said is lost."""
        direction = arguments.get("direction", "both")
        if direction not in ("both", "answers"):
            raise ValueError("direction is both or answers")
        for listener in self._listeners(arguments):
            listener.server.cut(deaf=direction == "both")

    def heal(self, arguments: dict[str, Any]) -> None:
        """The end of :meth:`blackhole`."""
        for listener in self._listeners(arguments):
            listener.server.heal()

    def break_off(self, arguments: dict[str, Any]) -> None:
        """Break the next ``times`` requests or answers (``within``) of a ``service`` off after a ``share`` of them."""
        breaks = Break(str(arguments["within"]), float(arguments.get("share", 0.5)))
        self._listener(arguments).server.breaks.waiting.extend([breaks] * int(arguments.get("times", 1)))

    def _listeners(self, arguments: dict[str, Any]) -> list[Listener]:
        if arguments.get("service", "*") == "*":
            return list(self.host.listeners.values())
        return [self._listener(arguments)]

    def _listener(self, arguments: dict[str, Any]) -> Listener:
        service = arguments["service"]
        if service not in self.host.listeners:
            raise ValueError(f"service is one of {', '.join(self.host.listeners)}")
        return self.host.listeners[service]

    # -- calls, sessions and names -----------------------------------------------------------------------------------

    def stick(self, arguments: dict[str, Any]) -> None:
        """``channel`` of ``ivr`` holds ``call_id`` in ``state`` (Busy or Wrapup), though nobody sent a NewCall."""
        call = HeldCall(str(arguments.get("state", "Busy")), str(arguments["call_id"]))
        if call.state not in ("Busy", "Wrapup"):
            raise ValueError("state is Busy or Wrapup")
        ivr, channel = str(arguments["ivr"]), str(arguments["channel"])
        with self.host.database.transaction():
            self.host.calls.hold(ivr, channel, call, time.monotonic())
            row = Row("stuck", ivr=ivr, channel=channel, call_id=call.call_id, details={"state": call.state})
            self.host.history.add(self.host.domain.read().generation, row)

    def set_wrapup_after(self, arguments: dict[str, Any]) -> None:
        """Callers leave so many ``seconds`` after their NewCall; None: never by themselves."""
        seconds = arguments["seconds"]
        self.host.callers.set_leave_after(None if seconds is None else float(seconds))

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
