"""HTTP on one connection: several requests, limits, slow and ill-behaved clients."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred

from agentchan.api.limits import HEADER_LINES, HEADERS, Limits
from tests.api.wires import House, Wire, request

NEW_CALL = json.dumps({"channel": "ivr1-001", "call_id": "c-1"}).encode()
JSON = "application/json"


def raw(*lines: str) -> bytes:
    """Lines as they go over the wire."""
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


@pytest.fixture
def house() -> House:
    """A door."""
    return House()


@pytest.fixture
def wire(house: House) -> Wire:
    """A client at the door."""
    return house.connect()


def test_a_connection_takes_one_request_after_another(house: House, wire: Wire) -> None:
    """It stays open between them, with and without bodies, until the client leaves."""
    for _ in range(3):
        assert wire.ask("GET", "/livez").json == {"live": True, "reasons": []}
        assert wire.ask("POST", "/v1/new-call", NEW_CALL, content_type=JSON).status == 202
    assert not wire.is_closed
    wire.transport.end()
    house.assert_at_rest()


@pytest.mark.parametrize("connection", ["close", "Close", "te, close", "close,te", "keep-alive, close"])
def test_a_connection_ends_when_the_client_says_so(wire: Wire, connection: str) -> None:
    """``close`` among the options ends it after the answer, which says so too."""
    answer = wire.ask("GET", "/livez", connection=connection)
    assert answer.status == 200
    assert answer.headers["Connection"] == "close"
    assert wire.is_closed


def test_http_1_0_ends_after_its_answer(wire: Wire) -> None:
    """And long answers to it come without chunks."""
    wire.send(b"GET /v1/channels HTTP/1.0\r\n\r\n")
    wire.turns(10)
    (answer,) = wire.answers()
    assert len(answer.json["channels"]) == 120
    assert wire.is_closed


def test_pipelined_requests_are_answered_in_order(house: House, wire: Wire) -> None:
    """Also when one of them waits for the daemon, and the next ones come in pieces."""
    house.operator.waiting = Deferred()
    whole = request("GET", "/livez") + request("POST", "/v1/new-call", NEW_CALL, content_type=JSON)
    whole += request("GET", "/v1/failing-over") + request("GET", "/nowhere")
    for start in range(0, len(whole), 7):
        wire.send(whole[start : start + 7])
        wire.turns()
    (first,) = wire.answers()
    assert first.json == {"live": True, "reasons": []}
    house.operator.waiting.callback({"signal_id": "s-9", "fate": "pending"})
    wire.turns(10)
    second, third, fourth = wire.answers()
    assert second.json["signal_id"] == "s-9"
    assert third.json["failing_over"] is False
    assert fourth.code == "not-found"


def test_a_packet_full_of_requests_holds_nobody_up(wire: Wire) -> None:
    """Each turn of the reactor answers one of them, however many have come."""
    wire.send(request("GET", "/livez") * 200)
    for _ in range(200):
        wire.answers(1)
        wire.turns()
    wire.answers(0)


def test_head_says_what_get_would_without_the_body(wire: Wire) -> None:
    """For short answers, for long ones, for errors, and for the stream of events."""
    for target in ("/livez", "/v1/status", "/v1/channels", "/nowhere", "/v1/events"):
        answer = wire.ask("HEAD", target)
        assert answer.body == b""
        assert answer.headers["Content-Type"]
    assert wire.ask("GET", "/livez").status == 200


def test_long_answers_are_written_in_parts(house: House, wire: Wire) -> None:
    """Between the parts the reactor turns, and the client sees one list."""
    house.operator.rows = house.operator.rows * 10
    wire.send(request("GET", "/v1/channels"))
    written = []
    for _ in range(20):
        written.append(len(wire.transport.value()))
        wire.turns()
    assert len(set(written)) > 10
    (answer,) = wire.answers()
    assert len(answer.json["channels"]) == 1200


def test_a_list_that_fails_midway_is_cut_off(house: House, wire: Wire, said: list[Any]) -> None:
    """The client must not take half of it for the whole."""

    def rows(_: object) -> object:
        yield from house.operator.rows
        raise ZeroDivisionError

    house.operator.channels = rows  # type: ignore[assignment,method-assign]
    wire.send(request("GET", "/v1/channels"))
    wire.turns(10)
    assert b"0\r\n\r\n" not in wire.transport.value()
    assert wire.transport.aborted
    assert said.pop()["event"] == "answer-failed-midway"
    house.assert_at_rest()


def test_a_client_that_does_not_read_a_long_answer_is_cut_off(house: House, wire: Wire) -> None:
    """After a while; one that goes on reading in time gets all of it."""
    wire.transport.reads = False
    wire.send(request("GET", "/v1/channels"))
    wire.turns(10)
    assert len(wire.transport.value()) < 20000
    house.reactor.advance(house.door.limits.stall_time - 1)
    wire.transport.read_on()
    wire.turns(10)
    wire.answers(1)
    wire.transport.reads = False
    wire.send(request("GET", "/v1/channels"))
    wire.turns(10)
    house.reactor.advance(house.door.limits.stall_time + 1)
    wire.turns()
    assert wire.transport.aborted
    house.assert_at_rest()


@pytest.mark.parametrize(
    "lines",
    [
        ("GET /livez HTTP/1.1", "Host: a", "Content-Length: 3", "Transfer-Encoding: chunked"),
        ("GET /livez HTTP/1.1", "Host: a", "Transfer-Encoding: chunked", "Content-Length: 3"),
        ("POST /v1/gone HTTP/1.1", "Host: a", "Content-Length: 3", "Content-Length: 3"),
        ("POST /v1/gone HTTP/1.1", "Host: a", "Content-Length: 3", "Content-Length: 4", "A: b"),
        ("POST /v1/gone HTTP/1.1", "Host: a", "Content-Length: +3"),
        ("POST /v1/gone HTTP/1.1", "Host: a", "Content-Length: 3, 3"),
        ("POST /v1/gone HTTP/1.1", "Host: a", "Content-Length: -1"),
        ("POST /v1/gone HTTP/1.1", "Host: a", "Content-Length: 0x3"),
        ("POST /v1/gone HTTP/1.1", "Host: a", "Content-Length:"),
        ("POST /v1/gone HTTP/1.1", "Host: a", "Content-Length: " + "9" * 5000),
        ("POST /v1/gone HTTP/1.1", "Host: a", "Content-Length: " + "9" * 5000, "A: b"),
        ("POST /v1/gone HTTP/1.1", "Host: a", "Content-Length : 3"),
        ("POST /v1/gone HTTP/1.1", "Host: a", "Transfer-Encoding: identity", "Content-Length: 3"),
        ("POST /v1/gone HTTP/1.1", "Host: a", "Transfer-Encoding: gzip, chunked"),
        ("POST /v1/gone HTTP/1.1", "Host: a", "Transfer-Encoding: xchunked"),
        ("POST /v1/gone HTTP/1.1", "Host: a", "Transfer-Encoding : chunked"),
        ("POST /v1/gone HTTP/1.1", "Host: a", "Transfer-Encoding: chunked", "Transfer-Encoding: identity"),
        ("POST /v1/gone HTTP/1.1", "Host: a", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
        ("POST /v1/gone HTTP/1.1", " Content-Length: 3", "Host: a"),
        ("POST /v1/gone HTTP/1.1", "Host: a\nContent-Length: 3"),
        ("POST /v1/gone HTTP/1.1", "Host: a", "X: a\0b"),
        ("POST /v1/gone HTTP/1.1", "Host: a", "no colon"),
        ("POST /v1/gone HTTP/1.1", "Host: a", ": nameless"),
        ("POST  /v1/gone HTTP/1.1", "Host: a"),
        ("POST /v1/gone", "Host: a"),
        ("POST /v1/gone HTTP/2.0", "Host: a"),
        ("POST /v1/gone http/1.1", "Host: a"),
        ("PO(ST /v1/gone HTTP/1.1", "Host: a"),
        ("GET\t/livez HTTP/1.1", "Host: a"),
        ("\x16\x03\x01\x02\x00\x01\x00\x01", ""),
    ],
)
def test_what_another_reader_might_take_otherwise_is_refused(house: House, wire: Wire, lines: tuple[str, ...]) -> None:
    """Lengths that contradict each other, odd names, other versions: 400, and nothing after counts."""
    smuggled = request("POST", "/v1/new-call", NEW_CALL, content_type=JSON)
    wire.send(raw(*lines) + b"abc" + smuggled)
    wire.send(smuggled)
    wire.turns(3)
    wire.send(smuggled)
    (answer,) = wire.answers()
    assert (answer.status, answer.code) == (400, "malformed")
    assert answer.headers["Connection"] == "close"
    assert wire.is_closed
    assert house.operator.asked == []
    house.assert_at_rest()


def test_after_a_refusal_nothing_is_listened_to(house: House, wire: Wire) -> None:
    """TLS hands on bytes until the connection has really ended; they are no requests any more."""
    wire.send(b"nonsense\r\n\r\n")
    wire.send(request("POST", "/v1/new-call", NEW_CALL, content_type=JSON))
    assert wire.answers(1)[0].status == 400
    assert house.operator.asked == []


def test_folded_headers_and_chunks_are_read(house: House, wire: Wire) -> None:
    """What RFC 9112 still allows, or wants: chunks with extensions and trailers, folded values, an empty line."""
    body = b"%x;why=not\r\n%s\r\n0\r\nTrailer: x\r\n\r\n" % (len(NEW_CALL), NEW_CALL)
    head = raw(
        "POST /v1/new-call HTTP/1.1", "Host: a", "Content-Type:", " application/json", "Transfer-Encoding: Chunked"
    )
    wire.send(b"\r\n" + head + body + request("GET", "/livez"))
    wire.turns(5)
    first, second = wire.answers()
    assert (first.status, second.status) == (202, 200)
    assert house.operator.asked[0][1].call_id == "c-1"


@pytest.mark.parametrize(
    "chunk", [b"x\r\n", b"-1\r\n", b"1_0\r\n", b"3\r\nabcd\r\n", b"3;\x01\r\nabc\r\n", b"f" * 2000]
)
def test_bad_chunks_are_refused(house: House, wire: Wire, chunk: bytes) -> None:
    """With 400 and the end of the connection."""
    wire.send(raw("POST /v1/gone HTTP/1.1", "Host: a", "Transfer-Encoding: chunked") + chunk)
    assert wire.answers(1)[0].code == "malformed"
    wire.turns()
    assert wire.is_closed
    house.assert_at_rest()


def test_bytes_that_are_no_text_in_a_header_do_no_harm(wire: Wire) -> None:
    """They are answered as what they are: an Accept that says nothing, a type that is not known, another token."""
    wire.send(
        b"GET /livez HTTP/1.1\r\nHost: a\xff\r\nAccept: \xff\xfe\r\nOrigin: \xff\r\nAuthorization: Bearer \xff\r\n\r\n"
    )
    assert wire.answers(1)[0].status == 200
    wire.send(b"POST /v1/gone HTTP/1.1\r\nHost: a\r\nContent-Type: \xff\r\nContent-Length: 1\r\n\r\nx")
    assert wire.answers(1)[0].status == 415
    wire.send(b"GET /caf\xa9 HTTP/1.1\r\nHost: a\r\n\r\n")
    assert wire.answers(1)[0].code == "malformed"


def test_only_one_host_may_be_named(wire: Wire) -> None:
    """Two Host headers are 400 (RFC 9112, 3.2)."""
    wire.send(raw("GET /livez HTTP/1.1", "Host: a", "Host: b"))
    assert wire.answers(1)[0].status == 400


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"a" * HEADERS + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /" + b"a" * HEADERS * 3,
        b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * HEADERS + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: abcdefgh\r\n" * (HEADER_LINES + 2) + b"\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: a\r\n" + b" abcdefghijkl\r\n" * 2000 + b"\r\n",
    ],
)
def test_too_large_heads_are_refused(house: House, wire: Wire, head: bytes) -> None:
    """With 431, and the end of the connection."""
    for start in range(0, len(head), 4096):
        wire.send(head[start : start + 4096])
    answer = wire.answers(1)[0]
    assert (answer.status, answer.code) == (431, "headers-too-large")
    wire.turns()
    assert wire.is_closed
    house.assert_at_rest()


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_the_limit_is_thrown_away_and_refused(chunked: bool) -> None:
    """The client gets to send it and to read why; the connection serves on, and nothing of the body was kept."""
    house = House(limits=Limits(body=1000))
    wire = house.connect()
    body = b"x" * 3000
    if chunked:
        head = raw(
            "POST /v1/new-call HTTP/1.1", "Host: a", "Content-Type: application/json", "Transfer-Encoding: chunked"
        )
        wire.send(head)
        for _ in range(30):
            wire.send(b"64\r\n" + b"x" * 100 + b"\r\n")
            assert house.door._body_bytes <= 1000
        wire.send(b"0\r\n\r\n")
    else:
        wire.send(request("POST", "/v1/new-call", body, content_type=JSON))
        assert house.door._body_bytes == 0
    answer = wire.answers(1)[0]
    assert (answer.status, answer.code) == (413, "body-too-large")
    assert wire.ask("POST", "/v1/new-call", NEW_CALL, content_type=JSON).status == 202


def test_a_body_far_over_the_limit_ends_the_connection() -> None:
    """At once where its length is told, else when so much has come."""
    house = House(limits=Limits(body=1000))
    wire = house.connect()
    wire.send(raw("POST /v1/new-call HTTP/1.1", "Host: a", "Content-Length: 4001"))
    assert wire.answers(1)[0].status == 413
    other = house.connect()
    other.send(raw("POST /v1/new-call HTTP/1.1", "Host: a", "Transfer-Encoding: chunked"))
    other.send(b"fff\r\n" + b"x" * 4001)
    assert other.answers(1)[0].status == 413
    other.send(b"x" * 100)
    wire.turns(3)
    assert wire.is_closed
    assert other.is_closed
    house.assert_at_rest()


def test_leave_to_send_a_body_is_given_only_where_it_is_wanted() -> None:
    """A client that waits for 100 gets it, or the refusal instead of it: too large, unknown path, wrong token."""
    house = House(limits=Limits(body=1000))
    wire = house.connect()
    wire.send(
        raw(
            "POST /v1/new-call HTTP/1.1",
            "Host: a",
            "Content-Type: application/json",
            f"Content-Length: {len(NEW_CALL)}",
            "Expect: 100-continue",
        )
    )
    assert wire.transport.value() == b"HTTP/1.1 100 Continue\r\n\r\n"
    wire.transport.clear()
    wire.send(NEW_CALL)
    assert wire.answers(1)[0].status == 202
    for target, length, status in (("/v1/new-call", 1001, 413), ("/v1/nothing", 10, 404)):
        other = house.connect()
        other.send(raw(f"POST {target} HTTP/1.1", "Host: a", f"Content-Length: {length}", "Expect: 100-continue"))
        assert other.answers(1)[0].status == status
        other.turns()
        assert other.is_closed


def test_all_bodies_together_are_bounded() -> None:
    """When too much is being received, a request is told to come again; when the others have ended, there is room."""
    house = House(limits=Limits(body=1000, bodies=1500))
    others = [house.connect() for _ in range(2)]
    for other in others:
        other.send(raw("POST /v1/new-call HTTP/1.1", "Host: a", "Content-Length: 1000"))
    others[0].send(b"x" * 900)
    others[1].send(b"x" * 500)
    third = house.connect()
    answer = third.ask("POST", "/v1/new-call", NEW_CALL + b" " * 200, content_type=JSON)
    assert (answer.status, answer.code, answer.headers["Retry-After"]) == (503, "busy", "1")
    others[1].send(b"x" * 300)
    others[1].send(b"x" * 200)
    assert others[1].answers(1)[0].code == "busy"
    assert third.ask("POST", "/v1/new-call", NEW_CALL + b" " * 200, content_type=JSON).status == 202
    others[0].transport.end()
    others[1].transport.end()
    third.transport.end()
    house.assert_at_rest()


def test_a_request_that_drips_in_is_cut_off(house: House) -> None:
    """408 when it has not come whole in time, however often a byte comes; the time counts from its first byte."""
    for sent in (b"GET /livez", raw("POST /v1/gone HTTP/1.1", "Host: a", "Content-Length: 100")):
        wire = house.connect()
        house.reactor.advance(30)
        wire.send(sent)
        for _ in range(9):
            house.reactor.advance(1)
            wire.send(b"x")
        wire.answers(0)
        house.reactor.advance(1.1)
        assert wire.answers(1)[0].code == "too-slow"
        house.reactor.advance(0)
        assert wire.is_closed
    house.assert_at_rest()


def test_the_rest_of_a_packet_has_its_deadline_too(house: House, wire: Wire) -> None:
    """A second request that began in the first one's packet has as much time as any other."""
    wire.send(request("GET", "/livez") + b"GET /li")
    wire.answers(1)
    house.reactor.advance(house.door.limits.request_time + 0.1)
    assert wire.answers(1)[0].code == "too-slow"


def test_waiting_for_the_daemon_is_not_the_clients_slowness(house: House, wire: Wire) -> None:
    """A request that has come whole is answered whenever the daemon answers."""
    house.operator.waiting = Deferred()
    wire.send(request("POST", "/v1/new-call?wait=60s", NEW_CALL, content_type=JSON))
    house.reactor.advance(300)
    assert not wire.is_closed
    house.operator.waiting.callback({"signal_id": "s-1", "fate": "confirmed"})
    assert wire.answers(1)[0].status == 200


def test_a_client_that_leaves_while_the_daemon_works_does_no_harm(house: House, wire: Wire) -> None:
    """Its answer goes nowhere; what it asked for is done."""
    house.operator.waiting = Deferred()
    wire.send(request("POST", "/v1/new-call?wait=60s", NEW_CALL, content_type=JSON) + request("GET", "/livez"))
    wire.transport.end()
    house.operator.waiting.callback({"signal_id": "s-1", "fate": "confirmed"})
    assert [name for name, _ in house.operator.asked] == ["new_call"]
    house.assert_at_rest()


def test_a_client_that_leaves_between_its_requests_does_no_harm(house: House, wire: Wire) -> None:
    """Requests that still wait for their turn are forgotten."""
    wire.send(request("GET", "/livez") * 3)
    wire.transport.end()
    house.assert_at_rest()


def test_idle_connections_are_ended(house: House, wire: Wire) -> None:
    """After a while without a request, before the first one and after."""
    other = house.connect()
    other.ask("GET", "/livez")
    house.reactor.advance(house.door.limits.idle_time + 1)
    wire.turns()
    assert wire.is_closed
    assert other.is_closed
    house.assert_at_rest()


def test_a_client_that_never_reads_its_small_answers_is_ended_by_force(house: House, wire: Wire) -> None:
    """What it has not read does not keep the connection for ever."""
    wire.send(request("GET", "/livez"))
    wire.transport.reads = False
    house.reactor.advance(house.door.limits.idle_time + 1)
    assert not wire.is_closed
    house.reactor.advance(6)
    wire.turns()
    assert wire.transport.aborted
    house.assert_at_rest()


def test_connections_over_the_limit_are_told_so() -> None:
    """503 to what they ask; many more are closed without a word; when others leave, there is room again."""
    house = House(limits=Limits(connections=2, overflow=2))
    first, _ = house.connect(), house.connect()
    third, silent, closed = house.connect(), house.connect(), house.connect()
    third.send(request("GET", "/livez"))
    answer = third.answers(1)[0]
    assert (answer.status, answer.code) == (503, "too-many-connections")
    assert closed.is_closed
    house.reactor.advance(1.1)
    house.reactor.advance(0)
    assert silent.is_closed
    assert third.is_closed
    first.transport.end()
    assert house.connect().ask("GET", "/livez").status == 200
    house.assert_at_rest()


def test_when_the_door_closes_answers_are_finished() -> None:
    """Idle connections and streams end at once, requests under way get their answer, and then all is at rest."""
    house = House()
    idle, stream, working = house.connect(), house.connect(), house.connect()
    idle.ask("GET", "/livez")
    stream.send(request("GET", "/v1/events"))
    house.operator.waiting = Deferred()
    working.send(request("POST", "/v1/new-call?wait=60s", NEW_CALL, content_type=JSON))
    late = house.connect()
    late.send(request("GET", "/livez")[:-2])
    closed: list[None] = []
    house.door.close(2.0).addCallback(closed.append)
    house.reactor.advance(0)
    assert idle.is_closed
    assert stream.is_closed
    assert stream.transport.value().endswith(b"0\r\n\r\n")
    assert house.connect().is_closed
    late.send(b"\r\n")
    assert late.answers(1)[0].headers["Connection"] == "close"
    house.operator.waiting.callback({"signal_id": "s-1", "fate": "confirmed"})
    answer = working.answers(1)[0]
    assert answer.status == 200
    assert answer.headers["Connection"] == "close"
    house.reactor.advance(0)
    assert closed == [None]
    house.assert_at_rest()


def test_who_has_just_come_when_the_door_closes_is_still_answered() -> None:
    """A connection that was accepted, and whose request has not arrived yet, is not cut off: nobody else answers it."""
    house = House()
    newcomer = house.connect()
    closed: list[None] = []
    house.door.close(2.0).addCallback(closed.append)
    house.reactor.advance(0.1)
    assert not newcomer.is_closed
    newcomer.send(request("GET", "/livez"))
    answer = newcomer.answers(1)[0]
    assert (answer.status, answer.headers["Connection"]) == (200, "close")
    house.reactor.advance(0)
    assert closed == [None]
    house.assert_at_rest()


def test_when_the_door_closes_nobody_holds_it_open() -> None:
    """What has not ended by itself is ended by force."""
    house = House()
    half, waiting, stream = house.connect(), house.connect(), house.connect()
    half.send(b"GET /livez HTT")
    house.operator.waiting = Deferred()
    waiting.send(request("POST", "/v1/new-call?wait=60s", NEW_CALL, content_type=JSON))
    stream.send(request("GET", "/v1/events"))
    stream.transport.reads = False
    closed: list[None] = []
    house.door.close(2.0).addCallback(closed.append)
    house.reactor.advance(1.9)
    assert closed == []
    house.reactor.advance(0.2)
    house.reactor.advance(0)
    assert closed == [None]
    house.operator.waiting.callback({"signal_id": "s-1", "fate": "confirmed"})
    house.assert_at_rest()


def test_a_closed_door_with_nobody_in_it_is_closed_at_once() -> None:
    """Nothing is waited for."""
    closed: list[None] = []
    House().door.close(2.0).addCallback(closed.append)
    assert closed == [None]


@given(st.lists(st.integers(1, 40), min_size=1, max_size=60), st.randoms(use_true_random=False))
def test_how_bytes_are_cut_into_packets_changes_nothing(cuts: list[int], chance: object) -> None:
    """Any split of the same bytes gives the same answers."""
    del chance
    whole = (
        request("GET", "/livez")
        + request("POST", "/v1/new-call", NEW_CALL, content_type=JSON)
        + raw("POST /v1/gone HTTP/1.1", "Host: a", "Content-Type: application/json", "Transfer-Encoding: chunked")
        + b"5\r\nabcde\r\n0\r\n\r\n"
        + request("PUT", "/v1/calls", b'{"calls": []}', content_type=JSON)
        + request("GET", "/nowhere")
    )
    house = House()
    wire = house.connect()
    start = 0
    for size in cuts:
        wire.send(whole[start : start + size])
        start += size
    wire.send(whole[start:])
    wire.turns(10)
    assert [answer.status for answer in wire.answers()] == [200, 202, 400, 200, 404]
