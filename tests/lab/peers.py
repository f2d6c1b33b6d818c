"""Clients of the lab that share no code with it: zeep for what a client says, bare HTTP for what none should."""

from __future__ import annotations

import http.client
import itertools
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any, Self

import zeep
from attrs import frozen
from lxml import etree
from requests import Session
from requests.adapters import HTTPAdapter

from agentchan.lab.pair import Pair

PROFILE = Path(str(resources.files("agentchan.ce"))) / "profiles" / "reference"
ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
CONNECTOR = "urn:agentchan:contract:ivr-connector:1"
COMPONENT = "urn:agentchan:contract:component-service:1"
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
WSDLS = {"component": "component_service.wsdl", "connector": "ivr_connector.wsdl"}
NAMESPACES = {"component": COMPONENT, "connector": CONNECTOR}
_signals = itertools.count(1)


def signal_id() -> str:
    """A SignalId never used before."""
    return f"signal-{next(_signals)}"


@lru_cache
def _document(service: str) -> zeep.wsdl.Document:
    return zeep.wsdl.Document(str(PROFILE / WSDLS[service]), zeep.Transport())


@lru_cache
def schema_of(service: str) -> etree.XMLSchema:
    """The schema inside a service's WSDL."""
    tree = etree.parse(PROFILE / WSDLS[service])
    schema = tree.find(".//{http://www.w3.org/2001/XMLSchema}schema")
    return etree.XMLSchema(etree.fromstring(etree.tostring(schema)))


@frozen
class Refused(Exception):  # noqa: N818 - what the contract calls it
    """A ConnectorFault as a client sees it."""

    code: str
    active_server: str | None
    channels: list[str]
    call_id: str | None
    fault_code: str


class StrictReplies(zeep.Plugin):  # type: ignore[misc]
    """Every reply must be valid by the WSDL's schema."""

    def __init__(self, service: str) -> None:
        self._schema = schema_of(service)

    def ingress(self, envelope: etree._Element, http_headers: Any, operation: Any) -> tuple[Any, Any]:
        """Check one reply."""
        del operation
        body = envelope.find(f"{{{ENVELOPE}}}Body")
        payload = body[0]
        if payload.tag == f"{{{ENVELOPE}}}Fault":
            payload = next(iter(payload.find("detail")), None) if payload.find("detail") is not None else None
        if payload is not None:
            self._schema.assertValid(payload)
        return envelope, http_headers


class Peer:
    """A client with one TCP connection to one service of one host."""

    def __init__(self, pair: Pair, host: str, service: str) -> None:
        self._session = Session()
        self._session.trust_env = False
        adapter = HTTPAdapter(pool_connections=1, pool_maxsize=1, pool_block=True)
        self._session.mount("http://", adapter)
        transport = zeep.Transport(session=self._session, timeout=10, operation_timeout=10)
        self._client = zeep.Client(_document(service), transport=transport, plugins=[StrictReplies(service)])
        binding = "ComponentServiceSoap" if service == "component" else "IVRConnectorSoap"
        self._service = self._client.create_service(f"{{{NAMESPACES[service]}}}{binding}", pair.url(host, service))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; the peer may be used again, on a new one."""
        self._session.close()

    def say(self, operation: str, **fields: Any) -> Any:
        """One operation; raises Refused for a ConnectorFault, zeep's Fault for a plain one."""
        try:
            return self._service[operation](**fields)
        except zeep.exceptions.Fault as fault:
            detail = fault.detail.find(f"{{{CONNECTOR}}}ConnectorFault") if fault.detail is not None else None
            if detail is None:
                raise
            words = {name: detail.findtext(f"{{{CONNECTOR}}}{name}") for name in ("Code", "ActiveServer", "CallId")}
            channels = [str(element.text) for element in detail.iterfind(f"{{{CONNECTOR}}}Channel")]
            raise Refused(
                str(words["Code"]), words["ActiveServer"], channels, words["CallId"], str(fault.code)
            ) from None


class IvrPeer(Peer):
    """An IVR with a connection to one host's IVR Connector."""

    def __init__(self, pair: Pair, host: str, ivr: str) -> None:
        super().__init__(pair, host, "connector")
        self.ivr = ivr
        self.session_id = ""

    def open(self, channels: Sequence[str], instance_id: str = "host-a") -> Any:
        """Sign on."""
        reply = self.say("OpenSession", IvrName=self.ivr, InstanceId=instance_id, Channel=list(channels))
        self.session_id = reply.SessionId
        return reply

    def set_readiness(self, changes: Iterable[tuple[str, bool]], session_id: str | None = None) -> list[Any]:
        """Make channels ready or not; returns the reports."""
        reports: list[Any] = self.say(
            "SetReadiness",
            SessionId=session_id or self.session_id,
            Change=[{"Channel": channel, "Ready": ready, "Reason": "test"} for channel, ready in changes],
        )
        return reports

    def heartbeat(self, session_id: str | None = None) -> Any:
        """Keep the session."""
        return self.say("Heartbeat", SessionId=session_id or self.session_id)

    def close_session(self, session_id: str | None = None) -> Any:
        """Sign off."""
        return self.say("CloseSession", SessionId=session_id or self.session_id, Reason="test")

    def new_call(self, channel: str, call_id: str, signal: str | None = None, **more: Any) -> Any:
        """A call began."""
        fields = {"StartedAt": NOON, "Caller": "+15550100", **more}
        return self.say(
            "NewCall",
            SignalId=signal or signal_id(),
            IvrName=self.ivr,
            Channel=channel,
            CallId=call_id,
            **fields,
        )

    def gone(self, channel: str, call_id: str, signal: str | None = None, **more: Any) -> Any:
        """A call has ended."""
        fields = {"EndedAt": NOON, **more}
        return self.say(
            "Gone", SignalId=signal or signal_id(), IvrName=self.ivr, Channel=channel, CallId=call_id, **fields
        )


def states(reports: Iterable[Any]) -> dict[str, str]:
    """Channel to state."""
    return {report.Channel: report.State for report in reports}


class Wire:
    """Bare HTTP to one service, for what zeep would never send."""

    def __init__(self, pair: Pair, host: str, service: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", pair.processes[host].ports[service], timeout=10)
        self._service = service
        self._path = "/ComponentService" if service == "component" else "/IVRConnector"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def send(
        self, operation: str, content: str = "", *, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> None:
        """POST an operation with this XML inside, or this whole body, and do not wait for the answer."""
        namespace = NAMESPACES[self._service]
        if body is None:
            body = (
                f'<e:Envelope xmlns:e="{ENVELOPE}"><e:Body><{operation} xmlns="{namespace}">{content}</{operation}>'
                "</e:Body></e:Envelope>"
            ).encode()
        usual = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": f'"{namespace}/{operation}"'}
        self._connection.request("POST", self._path, body, {**usual, **(headers or {})})

    def receive(self) -> tuple[int, bytes]:
        """The answer to what was sent."""
        response = self._connection.getresponse()
        return response.status, response.read()

    def post(self, operation: str, content: str = "", **more: Any) -> tuple[int, bytes]:
        """Send and receive."""
        self.send(operation, content, **more)
        return self.receive()

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        """One HTTP exchange on the connection."""
        self._connection.request(method, path, body, headers or {})
        return self.receive()
