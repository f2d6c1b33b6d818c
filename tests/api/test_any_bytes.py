"""Whatever bytes come: an answer or an end, never an unhandled error, never a hang, nothing left behind."""

from __future__ import annotations

import http.client
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from agentchan.api.guards import Guard
from agentchan.api.limits import Limits
from agentchan.vocabulary import Secret
from tests.api.wires import House, Wire, request

STATUSES = {200, 202, 400, 401, 403, 404, 405, 408, 409, 413, 415, 422, 431, 501, 503}
SMALL = Limits(connections=4, body=2000, bodies=5000)

TARGETS = [
    "/v1/new-call",
    "/v1/gone?wait=1s",
    "/v1/calls",
    "/v1/failing-over",
    "/v1/endpoint-available?uri=sip:up@example.com",
    "/v1/channels?name=ivr1-001",
    "/v1/signals/%C3%A9/retry",
    "/v1/signals?fate=refused",
    "/v1/events?since=run1-1",
    "/v1/readiness",
    "/v1/drain",
    "/v1/follow",
    "/IVRConnector?wsdl",
    "/IVRConnector",
    "/readyz",
    "/v1/explain?name=x",
    "*",
    "http://h/livez",
    "/%ff",
    "/v1/signals/%00",
    "/v1/signals/",
    "/?a=b&a=b&a=b",
    "/v1/calls?older_than=1h&x",
]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
NAMES = [
    "channel",
    "call_id",
    "caller",
    "called",
    "started_at",
    "ended_at",
    "outcome",
    "calls",
    "channels",
    "ready",
    "reason",
    "for",
    "timeout",
    "host",
    "signal_id",
]
BODIES = st.one_of(
    st.binary(max_size=60),
    st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=6).map(lambda value: json.dumps(value).encode()),
    st.dictionaries(st.sampled_from(NAMES), st.just("all") | st.text(max_size=20), max_size=6).map(
        lambda value: json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
    ),
    st.integers(1, 3000).map(lambda count: b"[" * count),
    st.integers(1, 700).map(lambda count: b'{"a":' * count),
    st.just(b"channel=ivr1-001&call_id=c&caller=%ff"),
    st.integers(1, 9000).map(lambda digits: b'{"ready":' + b"9" * digits + b"}"),
)
LINES = """Content-Type: application/json
Content-Type: application/x-www-form-urlencoded
Content-Type: text/xml
Accept: text/plain
Accept: text/event-stream;q=x, application/json;q=0
Origin: null
Expect: 100-continue
Authorization: Basic x
Authorization: Bearer token
Connection: close
Transfer-Encoding: chunked
Content-Length: 10
Content-Length: 9999999999
Last-Event-ID: run1-99999999999999999999
Host: b
Cookie: =;=;;a
Content-Encoding: gzip
Upgrade: websocket
SOAPAction: \"""".splitlines()
HEADERS = st.lists(st.sampled_from(LINES), max_size=4)


def survives(house: House, wire: Wire, pieces: list[bytes]) -> None:
    """Feed the pieces; whatever is answered is HTTP, and in the end everything is at rest."""
    for piece in pieces:
        wire.send(piece)
        wire.turns(3)
    wire.turns(50)
    wire.transport.read_on()
    written = wire.transport.value()
    while written.startswith(b"HTTP/1.1 100 Continue\r\n\r\n"):
        written = written[25:]
    assert not written or written.startswith(b"HTTP/1.")
    house.reactor.advance(house.door.limits.request_time + 1)
    house.reactor.advance(house.door.limits.idle_time + 10)
    house.reactor.advance(10)
    if not house.door._streams:
        assert wire.is_closed
    wire.transport.end()
    house.assert_at_rest()


@given(st.lists(st.binary(max_size=200), max_size=8))
def test_any_bytes(pieces: list[bytes]) -> None:
    """Bytes without any sense."""
    house = House(limits=SMALL)
    survives(house, house.connect(), pieces)


@st.composite
def almost_requests(draw: Any) -> list[bytes]:
    """Requests with a few bytes changed, cut into pieces."""
    whole = bytearray()
    for _ in range(draw(st.integers(1, 4))):
        method = draw(st.sampled_from(["GET", "POST", "PUT", "HEAD", "DELETE", "OPTIONS", "get"]))
        head = f"{method} {draw(st.sampled_from(TARGETS))} HTTP/1.1\r\nHost: a\r\n"
        lines = draw(HEADERS)
        body = draw(BODIES)
        if draw(st.booleans()):
            lines = [*lines, f"Content-Length: {len(body)}"]
        whole += (head + "".join(line + "\r\n" for line in lines) + "\r\n").encode("latin-1") + body
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, len(whole) - 1))
        change = draw(st.sampled_from(["swap", "drop", "double", "insert"]))
        if change == "swap":
            whole[place] = draw(st.integers(0, 255))
        elif change == "drop":
            del whole[place : place + draw(st.integers(1, 20))]
        elif change == "double":
            whole[place:place] = whole[place : place + draw(st.integers(1, 40))]
        else:
            whole[place:place] = draw(st.sampled_from([b"\r\n", b"\n", b"\0", b"\r\n\r\n", b"\xff", b": ", b" "]))
        if not whole:
            whole += b"\n"
    cuts = sorted(draw(st.lists(st.integers(0, len(whole)), max_size=4)))
    return [bytes(whole[a:b]) for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]


@given(almost_requests(), st.booleans())
def test_almost_requests(pieces: list[bytes], guarded: bool) -> None:
    """Requests that are nearly right."""
    house = House(limits=SMALL, guard=Guard(None, Secret("token")) if guarded else None)
    survives(house, house.connect(), pieces)


@given(st.sampled_from(["POST", "PUT", "GET"]), st.sampled_from(TARGETS), BODIES, HEADERS)
def test_any_body(method: str, target: str, body: bytes, headers: list[str]) -> None:
    """Well-formed requests with any body: always one answer with a known status, JSON where it is an error."""
    house = House(limits=SMALL)
    wire = house.connect()
    fit = [line for line in headers if not line.startswith(("Content-L", "Transfer", "Host", "Expect"))]
    fields = dict(line.split(": ", 1) for line in fit)
    wire.send(request(method, target, body, **{name.replace("-", "_"): value for name, value in fields.items()}))
    wire.turns(50)
    if house.door._streams:
        assert wire.transport.value().startswith(b"HTTP/1.1 200 ")
    else:
        (answer,) = wire.answers()
        assert answer.status in STATUSES
        if answer.status >= http.client.BAD_REQUEST and not target.startswith(("/readyz", "/IVR")):
            assert answer.code
    wire.transport.end()
    house.assert_at_rest()
