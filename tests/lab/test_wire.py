"""What is on the wire: SOAP 1.1 over HTTP/1.1, and what is neither (contract, introduction and Faults)."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from xml.sax.saxutils import escape

import pytest
from lxml import etree

from agentchan.lab.pair import Pair
from tests.lab.peers import COMPONENT, CONNECTOR, ENVELOPE, IvrPeer, Refused, Wire, schema_of, signal_id

Dial = Callable[..., IvrPeer]
STATUS = '<GetServerStatus xmlns="urn:agentchan:contract:component-service:1"/>'
NEW_CALL = (
    "<SignalId>{0}</SignalId><IvrName>{ivr}</IvrName><Channel>{ivr}-1</Channel><CallId>{0}</CallId>"
    "<StartedAt>{at}</StartedAt>"
)


def _fault(body: bytes) -> etree._Element:
    fault = etree.fromstring(body).find(f"{{{ENVELOPE}}}Body/{{{ENVELOPE}}}Fault")
    assert fault is not None, body
    return fault


def _code(body: bytes) -> str:
    """The code of a ConnectorFault, which must be valid."""
    (detail,) = _fault(body).find("detail")
    schema_of("connector").assertValid(detail)
    return str(detail.findtext(f"{{{CONNECTOR}}}Code"))


def test_keep_alive(pair: Pair) -> None:
    """SOAP 1.1, document/literal, over HTTP/1.1 with keep-alive."""
    with Wire(pair, "ce1", "component") as wire:
        assert {wire.post("GetServerStatus")[0] for _ in range(20)} == {200}
        rows = [row for row in pair.connections() if "GetServerStatus" in row["operations"]]
        assert rows[-1]["operations"]["GetServerStatus"]["count"] == 20
        assert wire.post("GetServerStatus", headers={"Connection": "close"})[0] == 200
        pair.wait_until(lambda: pair.status("ce1")["connections"]["component"] == 0)


def test_one_byte_at_a_time(pair: Pair) -> None:
    """A request may come in any pieces, and several at once, each answered in its turn."""
    body = f'<e:Envelope xmlns:e="{ENVELOPE}"><e:Body>{STATUS}</e:Body></e:Envelope>'.encode()
    head = (
        "POST /ComponentService HTTP/1.1\r\nHost: lab\r\nContent-Type: text/xml\r\n"
        f'SOAPAction: "{COMPONENT}/GetServerStatus"\r\nContent-Length: {len(body)}\r\n\r\n'
    ).encode()
    with socket.create_connection(("127.0.0.1", pair.processes["ce1"].ports["component"]), timeout=10) as connection:
        for octet in head + body:
            connection.sendall(bytes((octet,)))
        connection.sendall((head + body) * 2)
        received = b""
        while received.count(b"</soap:Envelope>") < 3:
            received += connection.recv(65536)
    assert received.count(b"HTTP/1.1 200 OK") == 3


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"404"),
        (b"GET /IVRConnector HTTP/1.1\r\nHost: x\r\n\r\n", b"404"),
        (b"PUT /IVRConnector HTTP/1.1\r\nHost: x\r\n\r\n", b"405"),
        (b"POST /IVRConnector HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\r\n", b"415"),
        (b"POST /IVRConnector HTTP/1.1\r\n\r\n", b"400"),
        (b"POST /IVRConnector\r\nHost: x\r\n\r\n", b"400"),
        (b"POST http://[/ HTTP/1.1\r\nHost: x\r\n\r\n", b"400"),
        (b"POST /IVRConnector HTTP/2.0\r\nHost: x\r\n\r\n", b"400"),
        (b"POST /IVRConnector HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", b"400"),
        (b"POST /IVRConnector HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", b"400"),
        (b"POST /IVRConnector HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n", b"400"),
        (b"POST /IVRConnector HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", b"411"),
        (b"POST /IVRConnector HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999999\r\n\r\n", b"413"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 20000, b"431"),
    ],
)
def test_what_is_no_request(pair: Pair, data: bytes, status: bytes) -> None:
    """What is no request of the services is answered with a status that says why, and the host goes on."""
    with socket.create_connection(("127.0.0.1", pair.processes["ce1"].ports["connector"]), timeout=10) as connection:
        connection.sendall(data)
        assert connection.recv(65536).split(b" ")[1] == status
    with Wire(pair, "ce1", "component") as wire:
        assert wire.post("GetServerStatus")[0] == 200


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "Client"),
        (b"not XML", "Client"),
        (b"<a/>", "Client"),
        (f'<e:Envelope xmlns:e="{ENVELOPE}"/>'.encode(), "Client"),
        (f'<e:Envelope xmlns:e="{ENVELOPE}"><e:Body/></e:Envelope>'.encode(), "Client"),
        (f'<e:Envelope xmlns:e="{ENVELOPE}"><e:Body>{STATUS}{STATUS}</e:Body></e:Envelope>'.encode(), "Client"),
        (b'<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"><e:Body/></e:Envelope>', "VersionMismatch"),
        (
            f'<e:Envelope xmlns:e="{ENVELOPE}"><e:Header><h:h xmlns:h="urn:h" e:mustUnderstand="1"/></e:Header>'
            f"<e:Body>{STATUS}</e:Body></e:Envelope>".encode(),
            "MustUnderstand",
        ),
        (f'<!DOCTYPE e><e:Envelope xmlns:e="{ENVELOPE}"><e:Body>{STATUS}</e:Body></e:Envelope>'.encode(), "Client"),
        (
            f'<!DOCTYPE e [<!ENTITY f SYSTEM "file:///etc/hostname">]><e:Envelope xmlns:e="{ENVELOPE}">'
            "<e:Body>&f;</e:Body></e:Envelope>".encode(),
            "Client",
        ),
        (f'<e:Envelope xmlns:e="{ENVELOPE}"><e:Body><Other xmlns="urn:x"/></e:Body></e:Envelope>'.encode(), "Client"),
    ],
)
def test_malformed_requests(pair: Pair, body: bytes, code: str) -> None:
    """What is no valid SOAP 1.1 request: InvalidRequest on the IVR Connector, a plain fault on the other service."""
    with Wire(pair, "ce1", "connector") as wire:
        status, answer = wire.post("Heartbeat", body=body)
        assert (status, _code(answer)) == (500, "InvalidRequest")
        assert _fault(answer).findtext("faultcode") == f"soap:{code}"
    with Wire(pair, "ce1", "component") as wire:
        status, answer = wire.post("GetServerStatus", body=body)
        assert (status, _fault(answer).findtext("faultcode")) == (500, f"soap:{code}")
        assert _fault(answer).find("detail") is None


def test_soap_action(pair: Pair) -> None:
    """The SOAPAction is the operation's own, with or without quotes; another or none is an InvalidRequest."""
    with Wire(pair, "ce1", "component") as wire:
        for action, status in (
            (f"{COMPONENT}/GetServerStatus", 200),
            (f"{COMPONENT}/WatchServerStatus", 500),
            ("", 500),
        ):
            assert wire.post("GetServerStatus", headers={"SOAPAction": action})[0] == status


@pytest.mark.parametrize("value", [" a", "a ", "a  b", "a\tb", "a\nb", "", "x" * 201, " " * 5])
def test_what_is_no_token(pair: Pair, ivr: str, value: str) -> None:
    """Names, ids and reasons are XSD tokens within the schema's lengths (no leading, trailing or doubled spaces)."""
    content = NEW_CALL.format(signal_id(), ivr=ivr, at="2026-11-24T12:00:00Z")
    with Wire(pair, "ce1", "connector") as wire:
        status, body = wire.post("NewCall", re.sub("<CallId>.*</CallId>", f"<CallId>{value}</CallId>", content))
        assert (status, _code(body)) == (500, "InvalidRequest")


@pytest.mark.parametrize("value", ["a", "a b", "x" * 200, "&amp;&lt;é&#x1F4DE;"])
def test_tokens(pair: Pair, ivr: str, value: str) -> None:
    """A token within the schema's lengths is taken as it is."""
    content = NEW_CALL.format(signal_id(), ivr=ivr, at="2026-11-24T12:00:00Z")
    with Wire(pair, "ce1", "connector") as wire:
        assert wire.post("NewCall", re.sub("<CallId>.*</CallId>", f"<CallId>{value}</CallId>", content))[0] == 200
    (held,) = [believed["call_id"] for believed in pair.channels(ivr).values() if believed["call_id"]]
    assert escape(held) == value.replace("&#x1F4DE;", "\N{TELEPHONE RECEIVER}")


@pytest.mark.parametrize("at", ["2026-11-24T12:00:00", "2026-11-24T12:00:00.5", "2026-11-24", "-0001-01-01T00:00:00Z"])
def test_times_carry_a_zone(pair: Pair, ivr: str, at: str) -> None:
    """Times carry a zone."""
    with Wire(pair, "ce1", "connector") as wire:
        status, body = wire.post("NewCall", NEW_CALL.format(signal_id(), ivr=ivr, at=at))
        assert (status, _code(body)) == (500, "InvalidRequest")


def test_schema_then_role_then_names(pair: Pair, dial: Dial, ivr: str) -> None:
    """A request is checked against the schema first, then the role, then names."""
    with Wire(pair, "ce2", "connector") as standby:
        _, body = standby.post("NewCall", NEW_CALL.format(signal_id(), ivr=ivr, at="no time"))
        assert _code(body) == "InvalidRequest"
    with pytest.raises(Refused, match="NotActive"):
        dial("ce2").new_call("unknown", "call")
    with pytest.raises(Refused, match="UnknownChannel"):
        dial("ce1").new_call("unknown", "call")


def test_faults_travel_with_500(pair: Pair) -> None:
    """HTTP 500 carries a fault; SOAP 1.1 faults with detail ``ConnectorFault``."""
    with Wire(pair, "ce2", "connector") as wire:
        status, body = wire.post("Heartbeat", "<SessionId>none</SessionId>")
    assert (status, _code(body)) == (500, "NotActive")
    assert _fault(body).findtext("faultcode") == "soap:Server"
    assert _fault(body).findtext("faultstring")


@pytest.mark.parametrize("service", ["component", "connector"])
def test_wsdl(pair: Pair, service: str) -> None:
    """Each host serves its WSDLs with its own address in them."""
    path = pair.url("ce2", service).rpartition("/")[2]
    with Wire(pair, "ce2", service) as wire:
        status, body = wire.request("GET", f"/{path}?wsdl")
    assert status == 200
    (address,) = etree.fromstring(body).iter("{http://schemas.xmlsoap.org/wsdl/soap/}address")
    assert address.get("location") == pair.url("ce2", service)
