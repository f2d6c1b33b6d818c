"""What comes on a connection of a door, in two cuts: HTTP answers, the same ones, and in the end nothing is left.

That the cut changes nothing is what keeps one reader from seeing a request where another sees a body.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator

from agentchan.api.limits import Limits
from tests.api.recorded import RecordedOperator
from tests.api.wires import House, Wire
from tests.ce.test_any_bytes import nothing_logged
from tests.fuzz.target import Target

LIMITS = Limits(connections=4, body=2000, bodies=5000)
STATUSES = {200, 202, 400, 403, 404, 405, 408, 409, 413, 415, 422, 431, 501, 503}

_ERROR = re.compile(rb'"code": "([^"]*)", "message": "([^"\\]*)')
_PIECES = (
    *(
        b"\r\n",
        b"\n",
        b"\r",
        b"\r\n\r\n",
        b"GET ",
        b"POST ",
        b"PUT ",
        b"HEAD ",
        b" HTTP/1.1\r\n",
        b" HTTP/1.0\r\n",
        b"\t",
    ),
    *(b"Host: a\r\n", b"Content-Length: 3\r\n", b"Content-Length: 0\r\n", b"Transfer-Encoding: chunked\r\n", b"\0"),
    *(b"Connection: close\r\n", b"Expect: 100-continue\r\n", b"Content-Type: application/json\r\n", b"0\r\n\r\n", b":"),
    *(b"Content-Type: application/x-www-form-urlencoded\r\n", b"3\r\nabc\r\n", b"/v1/new-call", b"/v1/gone?wait=1s"),
    *(b"/v1/readiness", b"/v1/calls", b"/IVRConnector?wsdl", b"/v1/events", b"%00", b"%ff", b"?", b"&", b"=", b"*"),
    *(b'{"channel":"ivr1-001","call_id":"c"}', b'"ready":true', b"[" * 100, b"NaN", b"\\ud800", b"1e999", b"9" * 50),
    *(b" chunked", b"identity", b", ", b"+3", b"0x3", b";", b"\xff", b"\x0b", b"http://h/", b"gzip", b'"for":"30m"'),
)


def _works(data: bytes) -> Iterator[Callable[[], object]]:
    heard: list[bytes] = []
    for bounds in ((len(data),), _cuts(data)):
        house = House(limits=LIMITS, operator=RecordedOperator(channels=3))
        wire = house.connect()
        with nothing_logged():
            begin = 0
            for end in bounds:
                yield _send(wire, data[begin:end])
                begin = end
            while _due(house):
                yield house.reactor.turn
            heard.append(_without_dates(wire.transport.value()))
            _ends(house, wire)
    one, other = heard
    assert one == other, (one, other)
    yield lambda: _errors(one)


def _cuts(data: bytes) -> tuple[int, ...]:
    """Some places to cut at, always the same ones for the same bytes; short inputs byte by byte."""
    if len(data) < 300:
        return tuple(range(1, len(data) + 1))
    chance, step = zlib.crc32(data), len(data) // 7
    return (*sorted({(chance >> shift) % len(data) for shift in range(0, 28, 4)} | {step, 2 * step}), len(data))


def _send(wire: Wire, piece: bytes) -> Callable[[], object]:
    return lambda: wire.send(piece) if piece and not wire.transport.disconnecting else None


def _due(house: House) -> bool:
    reactor = house.reactor
    return any(call.getTime() <= reactor.seconds() for call in reactor.getDelayedCalls())


def _without_dates(written: bytes) -> bytes:
    return b"\r\n".join(line for line in written.split(b"\r\n") if not line.startswith(b"Date: "))


def _ends(house: House, wire: Wire) -> None:
    """Time passes, then the client goes: nothing is kept."""
    limits = house.door.limits
    for seconds in (limits.request_time + 1, limits.idle_time + 10, 10):
        house.reactor.advance(seconds)
    assert wire.is_closed or house.door._streams
    wire.transport.end()
    house.assert_at_rest()


def _errors(written: bytes) -> str:
    """The errors among the answers, all of them with known statuses."""
    lines = [line for line in written.split(b"\r\n") if line.startswith((b"HTTP/1.1 ", b"HTTP/1.0 "))]
    assert not written or written.startswith((b"HTTP/1.1 ", b"HTTP/1.0 "))
    statuses = [int(line.split()[1]) for line in lines]
    assert STATUSES.union({100}).issuperset(statuses), statuses
    assert b'"code": "internal"' not in written
    errors = {f"{code.decode()}: {message.decode()}" for code, message in _ERROR.findall(written)}
    return "; ".join(sorted(errors)) or f"{len(statuses)} answers"


TARGET = Target("json_door", _works, _PIECES, largest=8192)
