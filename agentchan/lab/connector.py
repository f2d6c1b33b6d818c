"""The IVR Connector: the six operations of the contract."""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Collection
from typing import NoReturn
from xml.sax.saxutils import escape

from attrs import define, field
from lxml import etree
from twisted.logger import Logger

from agentchan.lab.agent_channels import AgentChannels
from agentchan.lab.calls import Calls, HeldCall, content_of
from agentchan.lab.connector_replies import NAMESPACE, ConnectorFault, reports, response
from agentchan.lab.database import Database
from agentchan.lab.domain import View
from agentchan.lab.history import History, Row
from agentchan.lab.http_wire import HttpConnection
from agentchan.lab.membership import Membership
from agentchan.lab.sessions import Session, Sessions
from agentchan.lab.soap import Request
from agentchan.lab.values import duration_of, instant

OTHER_FIELDS = frozenset({"StartedAt", "EndedAt", "Caller", "Called", "Outcome"})

log = Logger()


@define(eq=False)
class Connector:
    """Serves the IVR Connector of one host.

    Attributes:
        known: every IVR name and its channels; empty: any name is known.
        heartbeat_after_role_change: what a Heartbeat of a session that a change of role ended is answered:
            ``not-active``, ``unknown-session`` or ``reply`` (the contract allows each).
        claimed_generation: a wrong generation to tell callers, None for the true one.
        claimed_role: a wrong role to act by, ``Active`` or ``Standby``; None for the true one.
    """

    host: str
    database: Database
    membership: Membership
    history: History
    sessions: Sessions
    calls: Calls
    agent_channels: AgentChannels
    known: dict[str, frozenset[str]]
    heartbeat_after_role_change: str = "not-active"
    claimed_generation: int | None = None
    claimed_role: str | None = None
    _operations: dict[str, Callable[[Request, HttpConnection, View], str]] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._operations = {
            "OpenSession": self._open_session,
            "SetReadiness": self._set_readiness,
            "Heartbeat": self._heartbeat,
            "CloseSession": self._close_session,
            "NewCall": self._new_call,
            "Gone": self._gone,
        }
        self.sessions.on_end = self._session_ended

    def execute(self, request: Request, connection: HttpConnection) -> str:
        """Carry out a valid request in one transaction; returns the body of the answer.

        Raises:
            ConnectorFault: it is refused; nothing was applied.
        """
        if request.operation == "Heartbeat":  # applies nothing, so it need not wait for the other host
            outcome = self._attempt(request, connection)
        else:
            with self.database.transaction():
                outcome = self._attempt(request, connection)
        if isinstance(outcome, ConnectorFault):
            raise outcome
        return outcome

    def _attempt(self, request: Request, connection: HttpConnection) -> str | ConnectorFault:
        # A fault is returned, not raised, so that the transaction keeps the history's row about it. Operations raise
        # before they change anything.
        view = self.membership.look()
        try:
            self._check_times(request)
            self._check_role(request, connection, view)
            return self._operations[request.operation](request, connection, view)
        except ConnectorFault as fault:
            fields = request.fields
            details = {"operation": request.operation, "fault": fault.reason, "message": fault.text[:200]}
            self.history.add(
                view.generation,
                Row(
                    "refused",
                    ivr=fields.get("IvrName"),
                    instance_id=fields.get("InstanceId"),
                    channel=fields["Channel"] if "SignalId" in fields else None,
                    call_id=fields.get("CallId"),
                    signal_id=fields.get("SignalId"),
                    connection=connection.name,
                    peer_port=connection.peer_port,
                    details=details,
                ),
            )
            return fault

    def acts_active(self, view: View) -> bool:
        """Whether this host takes sessions and signals."""
        return (self.claimed_role or view.role) == "Active"

    def claim(self, role: str | None, generation: int | None) -> None:
        """Act by a wrong role and tell a wrong generation, or (None) the true ones; sessions end with the role."""
        view = self.membership.look()
        before = self.acts_active(view)
        self.claimed_role, self.claimed_generation = role, generation
        if self.acts_active(view) != before:
            self.sessions.end_all("role-changed")

    def _check_role(self, request: Request, connection: HttpConnection, view: View) -> None:
        if not self.acts_active(view) and not self._over_but_answered(request, connection):
            active = None if view.active == self.host else view.active
            raise ConnectorFault("NotActive", f"{self.host} is not active", active_server=active)

    def _check_times(self, request: Request) -> None:
        for name in ("StartedAt", "EndedAt"):
            if name in request.fields:
                try:
                    instant(request.fields[name])
                except ValueError as error:
                    raise ConnectorFault("InvalidRequest", f"{name}: {error}") from None

    # -- sessions ----------------------------------------------------------------------------------------------------

    def _open_session(self, request: Request, connection: HttpConnection, view: View) -> str:
        ivr, instance_id = request.fields["IvrName"], request.fields["InstanceId"]
        channels = [element.text or "" for element in request.element.iterchildren(f"{{{NAMESPACE}}}Channel")]
        self._check_names(ivr, channels)
        if len(set(channels)) < len(channels):
            twice = [channel for channel, count in Counter(channels).items() if count > 1]
            raise ConnectorFault("InvalidRequest", f"named twice: {', '.join(twice[:10])}", channels=twice)
        session = self.sessions.live.get(ivr)
        if session is not None and session.instance_id != instance_id:
            raise ConnectorFault("SessionAlreadyOpen", f"{ivr} is signed on by instance {session.instance_id}")
        if session is not None and session.connection is connection:
            self.sessions.change_channels(session, channels)
            event = "session-channels"
        else:
            if session is not None:
                self.sessions.end(session, "replaced")
            session = self.sessions.open(ivr, instance_id, connection, view.generation, channels)
            session.open_elsewhere = self.agent_channels.opened(ivr, instance_id, connection)
            event = "session-opened"
        self._record(event, session, view, {"session_id": session.session_id, "channels": len(channels)})
        generation = view.generation if self.claimed_generation is None else self.claimed_generation
        return response(
            "OpenSession",
            f"<SessionId>{session.session_id}</SessionId><ServerName>{escape(self.host)}</ServerName>"
            f"<Generation>{generation}</Generation>"
            f"<SessionTimeout>{duration_of(self.sessions.timeout)}</SessionTimeout>" + self._reports(ivr, channels),
        )

    def _set_readiness(self, request: Request, connection: HttpConnection, view: View) -> str:
        session = self._session(request, connection)
        self._note_open_elsewhere(session, view)
        changes = [_change(element) for element in request.element.iterchildren(f"{{{NAMESPACE}}}Change")]
        unknown = list(dict.fromkeys(c for c, _, _ in changes if c not in session.readiness))
        if unknown:
            raise ConnectorFault("UnknownChannel", "the session has no such channels", channels=unknown)
        for channel, ready, _ in changes:
            session.readiness[channel] = ready
        self._record("readiness", session, view, changes)
        return response("SetReadiness", self._reports(session.ivr, [channel for channel, _, _ in changes]))

    def _note_open_elsewhere(self, session: Session, view: View) -> None:
        session.open_elsewhere = self.agent_channels.still_open(session.open_elsewhere)
        for other in session.open_elsewhere:
            self._record("old-connection-open", session, view, {"host": other.host, "connection": other.connection})

    def _heartbeat(self, request: Request, connection: HttpConnection, view: View) -> str:
        if not self._over_but_answered(request, connection):
            self._session(request, connection)
        generation = view.generation if self.claimed_generation is None else self.claimed_generation
        role = self.claimed_role or view.role
        return response("Heartbeat", f"<Role>{role}</Role><Generation>{generation}</Generation>")

    def _over_but_answered(self, request: Request, connection: HttpConnection) -> bool:
        if request.operation != "Heartbeat" or self.heartbeat_after_role_change == "not-active":
            return False
        if self.sessions.over_by_role.get(request.fields["SessionId"]) is not connection:
            return False
        if self.heartbeat_after_role_change == "unknown-session":
            self._unknown_session(request)
        return True

    def _close_session(self, request: Request, connection: HttpConnection, view: View) -> str:
        del view
        self.sessions.end(self._session(request, connection), "signed-off")
        return response("CloseSession", "")

    def _session(self, request: Request, connection: HttpConnection) -> Session:
        session = self.sessions.find(request.fields["SessionId"], connection)
        return self._unknown_session(request) if session is None else session

    def _unknown_session(self, request: Request) -> NoReturn:
        name = request.fields["SessionId"]
        raise ConnectorFault("UnknownSession", f"no session {name} lives on this connection")

    def _session_ended(self, session: Session, why: str) -> None:
        try:
            self._record("session-closed", session, self.membership.domain.read(), {"why": why})
        except sqlite3.OperationalError as error:  # the session is over all the same
            log.warn("the end of a session was not recorded: {error}", error=error)  # noqa: G010 - the name in Twisted

    # -- calls -------------------------------------------------------------------------------------------------------

    def _new_call(self, request: Request, connection: HttpConnection, view: View) -> str:
        ivr, channel, call_id = (request.fields[name] for name in ("IvrName", "Channel", "CallId"))
        content, seen = self._identify(request)
        held = self.calls.held(ivr, channel)
        if not seen:
            if not self.calls.is_gone(ivr, channel, call_id):
                if held is not None and held.call_id != call_id:
                    raise ConnectorFault(
                        "ChannelHeld", f"{channel} holds the call {held.call_id}", call_id=held.call_id
                    )
                if held is None:
                    held = HeldCall("Busy", call_id)
                    self.calls.hold(ivr, channel, held, time.monotonic())
            self.calls.remember(request.fields["SignalId"], content, time.time())
        return self._signal_answer(request, connection, view, held, seen=seen)

    def _gone(self, request: Request, connection: HttpConnection, view: View) -> str:
        ivr, channel, call_id = (request.fields[name] for name in ("IvrName", "Channel", "CallId"))
        content, seen = self._identify(request)
        held = self.calls.held(ivr, channel)
        if not seen:
            if held is not None and held.call_id == call_id:
                self.calls.free(ivr, channel)
                held = None
            self.calls.remember_gone(ivr, channel, call_id, time.time())
            self.calls.remember(request.fields["SignalId"], content, time.time())
        return self._signal_answer(request, connection, view, held, seen=seen)

    def _identify(self, request: Request) -> tuple[bytes, bool]:
        self._check_names(request.fields["IvrName"], (request.fields["Channel"],))
        content = content_of(request)
        remembered = self.calls.remembered(request.fields["SignalId"])
        if remembered not in (None, content):
            raise ConnectorFault("InvalidRequest", "this SignalId was used for another signal")
        return content, remembered is not None

    def _signal_answer(
        self, request: Request, connection: HttpConnection, view: View, held: HeldCall | None, *, seen: bool
    ) -> str:
        fields = request.fields
        ready = self.sessions.wishes(fields["IvrName"]).get(fields["Channel"], False)
        state = held.state if held else ("Ready" if ready else "NotReady")
        self.history.add(
            view.generation,
            Row(
                "new-call" if request.operation == "NewCall" else "gone",
                ivr=fields["IvrName"],
                channel=fields["Channel"],
                call_id=fields["CallId"],
                signal_id=fields["SignalId"],
                connection=connection.name,
                peer_port=connection.peer_port,
                duplicate=seen,
                details={
                    "state": state,
                    **{name: value for name, value in fields.items() if name in OTHER_FIELDS},
                },
            ),
        )
        duplicate = "true" if seen else "false"
        return response(request.operation, f"<State>{state}</State><Duplicate>{duplicate}</Duplicate>")

    # -- what all share ----------------------------------------------------------------------------------------------

    def _check_names(self, ivr: str, channels: Collection[str]) -> None:
        if not self.known:
            return
        known = self.known.get(ivr)
        if known is None:
            raise ConnectorFault("UnknownIvr", f"no IVR is registered as {ivr}")
        if not known.issuperset(channels):
            unknown = list(dict.fromkeys(channel for channel in channels if channel not in known))
            raise ConnectorFault("UnknownChannel", f"not registered for {ivr}", channels=unknown)

    def _reports(self, ivr: str, channels: list[str]) -> str:
        return reports(channels, self.calls.held_among(ivr, channels), self.sessions.wishes(ivr))

    def _record(self, event: str, session: Session, view: View, details: object) -> None:
        connection = session.connection
        self.history.add(
            view.generation,
            Row(
                event,
                ivr=session.ivr,
                instance_id=session.instance_id,
                connection=connection.name,
                peer_port=connection.peer_port,
                details=details,
            ),
        )


def _change(element: etree._Element) -> tuple[str, bool, str | None]:
    channel, ready, *reason = [child.text or "" for child in element]
    return channel, ready.strip() in ("true", "1"), reason[0] if reason else None
