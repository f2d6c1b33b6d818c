"""One CE Core Host: its parts, joined."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import define, field, frozen
from twisted.internet.interfaces import IListeningPort
from twisted.logger import Logger

from agentchan.lab import component, connector_replies, minimum
from agentchan.lab.agent_channels import AgentChannels
from agentchan.lab.callers import Callers
from agentchan.lab.calls import Calls
from agentchan.lab.component import ComponentService
from agentchan.lab.connector import Connector
from agentchan.lab.connector_replies import ConnectorFault
from agentchan.lab.database import REMEMBERED, Database
from agentchan.lab.domain import Domain
from agentchan.lab.history import History, Row
from agentchan.lab.http_wire import HttpConnection, HttpServer
from agentchan.lab.membership import Membership
from agentchan.lab.minimum import MinimumConnector
from agentchan.lab.misbehaviour import Misbehaviour, Rule
from agentchan.lab.names import expand
from agentchan.lab.request_log import RequestLog
from agentchan.lab.sessions import Sessions
from agentchan.lab.soap import SoapFault
from agentchan.lab.soap_service import Dialect, SoapService

HOUSEKEEPING = 600.0
"""Seconds between two rounds of forgetting what is older than 48 hours."""

log = Logger()


@frozen
class Settings:
    """What one host is told at its start (see ``python -m agentchan.lab.host --help``)."""

    name: str
    database: Path
    rank: str = "Primary"
    domain: str = "lab"
    address: str = "127.0.0.1"
    url_host: str = "127.0.0.1"
    component_port: int = 0
    connector_port: int = 0
    certificate: Path | None = None
    key: Path | None = None
    client_ca: Path | None = None
    session_timeout: float = 5.0
    auto_failover_interval: float | None = None
    failing_over_time: float = 0.0
    starting_time: float = 0.0
    stopping_time: float = 0.0
    wrapup_after: float | None = None
    heartbeat_after_role_change: str = "not-active"
    ivrs: Mapping[str, tuple[str, ...]] = field(factory=dict)
    request_log: Path | None = None


@define(eq=False)
class Listener:
    """One service's server side, which can stop and begin again on the same port."""

    reactor: Any
    server: HttpServer
    settings: Settings
    port: int
    listening: IListeningPort | None = None

    def listen(self) -> None:
        """Listen, if it does not yet."""
        if self.listening is not None:
            return
        where = self.settings.address
        if self.settings.certificate is None or self.settings.key is None:
            self.listening = self.reactor.listenTCP(self.port, self.server, interface=where, backlog=1024)
        else:
            # Imported only where it is needed: it doubles the time that a host takes to start.
            from agentchan.lab.tls import server_context  # noqa: PLC0415

            context = server_context(self.settings.certificate, self.settings.key, self.settings.client_ca)
            self.listening = self.reactor.listenSSL(self.port, self.server, context, interface=where, backlog=1024)
        self.port = self.listening.getHost().port  # type: ignore[union-attr]

    def stop(self) -> None:
        """Refuse new connections; those that are open stay."""
        if self.listening is not None:
            self.listening.stopListening()
            self.listening = None


class CoreHost:
    """One CE Core Host with its two services.

    Attributes:
        claims: the wrong words that it says at present.
    """

    def __init__(self, reactor: Any, settings: Settings) -> None:
        self.reactor = reactor
        self.settings = settings
        self.claims: dict[str, Any] = {}
        self.misbehaviour = Misbehaviour()
        self.database = Database(settings.database)
        self.history = History(self.database, settings.name)
        self.domain = Domain(self.database, self.history, settings.name)
        self.calls = Calls(self.database)
        self.sessions = Sessions(reactor, settings.session_timeout, lambda *_: None)
        self.membership = Membership(
            reactor,
            self.domain,
            self.history,
            settings.auto_failover_interval,
            settings.failing_over_time,
            lambda: self.sessions.end_all("role-changed"),
        )
        self.callers = Callers(reactor, self.database, self.membership, self.history, self.calls)
        self.agent_channels = AgentChannels(self.database, settings.name)
        self.component = ComponentService(reactor, self.membership, settings.rank)
        self.connector = Connector(
            settings.name,
            self.database,
            self.membership,
            self.history,
            self.sessions,
            self.calls,
            self.agent_channels,
            {ivr: frozenset(expand(patterns)) for ivr, patterns in settings.ivrs.items()},
            settings.heartbeat_after_role_change,
        )
        self.request_log = RequestLog(settings.request_log, settings.name)
        self.services = {
            "component": self._service(
                "component",
                "/ComponentService",
                reference=Dialect(component.CONTRACT, self.component.execute, _plain_fault, lambda *_: None),
            ),
            "connector": self._service(
                "connector",
                "/IVRConnector",
                reference=Dialect(
                    connector_replies.CONTRACT, self.connector.execute, _connector_fault, self._record_malformed
                ),
                minimum=Dialect(
                    minimum.CONTRACT, MinimumConnector(self.connector).execute, _plain_fault, self._record_malformed
                ),
            ),
        }
        ports = {"component": settings.component_port, "connector": settings.connector_port}
        self.listeners = {
            name: Listener(
                reactor,
                HttpServer(name, settings.name, service.handle, reactor.seconds, self._log_connection),
                settings,
                ports[name],
            )
            for name, service in self.services.items()
        }

    def _service(self, name: str, path: str, **dialects: Dialect) -> SoapService:
        return SoapService(self.reactor, name, path, dialects, self.misbehaviour, self.request_log)

    def start(self) -> dict[str, str]:
        """Join the domain and serve; returns the URLs of the services."""
        for name, listener in self.listeners.items():
            listener.listen()
            scheme = "http" if self.settings.certificate is None else "https"
            service = self.services[name]
            service.url = f"{scheme}://{self.settings.url_host}:{listener.port}{service.path}"
        self.component.connector_url = self.services["connector"].url
        with self.database.transaction():
            self.agent_channels.forget()
        starting = self.settings.starting_time > 0
        self.domain.join(self.settings.domain, self.settings.rank, self.membership.listen(), starting=starting)
        if starting:
            self.reactor.callLater(self.settings.starting_time, self._started)
        self.membership.start()
        self.membership.announce()
        self.callers.set_leave_after(self.settings.wrapup_after)
        self._forget_old()
        return {name: service.url for name, service in self.services.items()}

    def _started(self) -> None:
        self.domain.started(self.settings.rank)
        self.membership.announce()

    def _forget_old(self) -> None:
        self.reactor.callLater(HOUSEKEEPING, self._forget_old)
        try:
            self.database.forget_before(time.time() - REMEMBERED)
        except sqlite3.OperationalError as error:
            log.warn("old signals were not forgotten: {error}", error=error)  # noqa: G010 - the name in Twisted

    def begin_stopping(self) -> float:
        """Say ``Stopping`` if there is time for it; returns the seconds that it is to be shown."""
        if self.settings.stopping_time > 0:
            self.domain.set_state("Stopping", only_here=True)
            self.membership.announce()
        return self.settings.stopping_time

    def stop(self) -> None:
        """Serve no more."""
        for listener in self.listeners.values():
            listener.stop()
            listener.server.abort_all()
        self.sessions.end_all("host-stopped")
        self.callers.stop()
        self.membership.stop()
        self.history.add(self.domain.read().generation, Row("host-stopped"))

    def close(self) -> None:
        """Close the files, after the last connection has gone."""
        self.database.close()
        self.request_log.close()

    def _log_connection(self, connection: HttpConnection, opened: bool) -> None:
        what = "opened" if opened else "closed"
        self.request_log.write(what, connection.server.name, connection.name, connection.peer_port)

    def _record_malformed(self, connection: HttpConnection, fault: SoapFault) -> None:
        details = {"operation": None, "fault": "InvalidRequest", "message": fault.text[:200]}
        row = Row("refused", connection=connection.name, peer_port=connection.peer_port, details=details)
        self.history.add(self.domain.read().generation, row)


def _plain_fault(_reason: str, text: str, _rule: Rule | None) -> SoapFault:
    return SoapFault("Server", text)


def _connector_fault(reason: str, text: str, rule: Rule | None) -> ConnectorFault:
    return ConnectorFault(reason, text, active_server=None if rule is None else rule.active_server)
