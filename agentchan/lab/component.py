"""The Component Service: who this host is, now or as soon as it changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from xml.sax.saxutils import escape

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from agentchan.lab.domain import View
from agentchan.lab.http_wire import HttpConnection
from agentchan.lab.membership import Membership
from agentchan.lab.soap import Contract, Request, SoapFault
from agentchan.lab.values import seconds_of

CONTRACT = Contract("reference", "component_service.wsdl")
LONGEST_WAIT = 60.0
"""Seconds; a watch request is held at most a minute (contract)."""


@define(eq=False)
class Watch:
    """One watch request that is being held."""

    known: tuple[str, int, str]
    answer: Deferred[str]
    deadline: IDelayedCall
    connection: HttpConnection
    on_lost: Callable[[], object]


@define(eq=False)
class ComponentService:
    """Serves the Component Service of one host.

    Attributes:
        connector_url: this host's own IVR Connector.
        claims: wrong words about this host by field: ``domain``, ``server_name``, ``rank``, ``role``, ``state``,
            ``generation``, ``connector_url``, ``active_server``; None leaves the element out where it may be.
    """

    reactor: IReactorTime
    membership: Membership
    rank: str
    connector_url: str = ""
    claims: dict[str, Any] = field(factory=dict)
    _watches: list[Watch] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        self.membership.watchers.append(self._changed)

    @property
    def held(self) -> int:
        """How many watch requests are being held."""
        return len(self._watches)

    def execute(self, request: Request, connection: HttpConnection) -> str | Deferred[str]:
        """Carry out a valid request; returns the body of the answer, or a Deferred of it.

        Raises:
            SoapFault: MaxWait is negative or has months.
        """
        view = self.membership.look()
        if request.operation == "GetServerStatus":
            return self._response(request.operation, view)
        try:
            wait = min(seconds_of(request.fields["MaxWait"]), LONGEST_WAIT)
        except ValueError as error:
            raise SoapFault("Client", f"MaxWait: {error}") from None
        fields = request.fields
        known = (fields["KnownRole"], int(fields["KnownGeneration"]), fields["KnownState"])
        if known != self._shown(view) or wait == 0:
            return self._response(request.operation, view)
        answer: Deferred[str] = Deferred()
        deadline = self.reactor.callLater(wait, lambda: self._release(watch))
        watch = Watch(known, answer, deadline, connection, lambda: self._drop(watch))
        self._watches.append(watch)
        connection.on_lost[watch.on_lost] = None
        return answer

    def _release(self, watch: Watch) -> None:
        if self._drop(watch):
            watch.answer.callback(self._response("WatchServerStatus", self.membership.look()))

    def _drop(self, watch: Watch) -> bool:
        if watch not in self._watches:
            return False
        self._watches.remove(watch)
        watch.connection.on_lost.pop(watch.on_lost, None)
        if watch.deadline.active():
            watch.deadline.cancel()
        return True

    def claim(self, claims: dict[str, Any]) -> None:
        """Say these wrong words from now on; an empty dictionary: the truth again.

        Raises:
            ValueError: there is no such field.
        """
        wrong = claims.keys() - ELEMENTS.keys()
        if wrong:
            raise ValueError(f"unknown: {', '.join(sorted(wrong))}; there are {', '.join(ELEMENTS)}")
        self.claims = claims
        self._changed(self.membership.look())

    def _changed(self, view: View) -> None:
        shown = self._shown(view)
        for watch in [watch for watch in self._watches if watch.known != shown]:
            if self._drop(watch):
                watch.answer.callback(self._response("WatchServerStatus", view))

    def _shown(self, view: View) -> tuple[str, int, str]:
        role, generation, state = view.shown
        claims = self.claims
        return claims.get("role", role), claims.get("generation", generation), claims.get("state", state)

    def _response(self, operation: str, view: View) -> str:
        words: dict[str, Any] = {
            "domain": view.domain,
            "server_name": view.host,
            "rank": self.rank,
            "role": view.role,
            "state": view.state,
            "generation": view.generation,
            "since": view.since,
            "connector_url": self.connector_url,
            "active_server": view.active,
        }
        words.update(self.claims)
        status = "".join(
            f"<{element}>{escape(str(words[key]))}</{element}>"
            for key, element in ELEMENTS.items()
            if words[key] is not None
        )
        return f'<{operation}Response xmlns="{CONTRACT.namespace}"><Status>{status}</Status></{operation}Response>'


ELEMENTS = {
    "domain": "Domain",
    "server_name": "ServerName",
    "rank": "Rank",
    "role": "Role",
    "state": "State",
    "generation": "Generation",
    "since": "Since",
    "connector_url": "ConnectorUrl",
    "active_server": "ActiveServer",
}
"""The elements of ServerStatus in the schema's order, by the names of :attr:`ComponentService.claims`."""
