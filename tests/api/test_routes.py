"""Every route of both doors: what is asked of the daemon, and what is answered."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail

from agentchan.api import requests
from agentchan.api.refusals import Refused, journal_unavailable
from agentchan.api.routes import TABLE, Router
from tests.api.recorded import RecordedOperator
from tests.api.wires import House, Wire, request

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
WHO = "192.0.2.7"
AT = datetime(2026, 11, 24, 14, 5, tzinfo=timezone(timedelta(hours=1)))

T_MARKED = {
    ("POST", "/v1/new-call"),
    ("POST", "/v1/gone"),
    ("PUT", "/v1/calls"),
    ("GET", "/v1/failing-over"),
    ("GET", "/v1/endpoint-available"),
    ("GET", "/livez"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
    ("POST", "/IVRConnector"),
    ("GET", "/IVRConnector"),
}
"""What interfaces.md 3 marks T."""


@pytest.fixture
def house() -> House:
    """A door with everything."""
    return House()


@pytest.fixture
def wire(house: House) -> Wire:
    """A client."""
    return house.connect()


def post(wire: Wire, target: str, body: Any, method: str = "POST") -> Any:
    """Send JSON."""
    return wire.ask(method, target, json.dumps(body).encode(), content_type=JSON)


# -- what is where ----------------------------------------------------------------------------------------------------


def test_listen_has_exactly_what_is_marked() -> None:
    """From there nobody can change readiness, or look into the daemon."""
    assert {(route.method, route.path) for route in Router.for_listen().routes} == T_MARKED


@pytest.mark.parametrize(("method", "path"), sorted({(route.method, route.path) for route in TABLE}))
def test_each_route_is_where_it_belongs(method: str, path: str) -> None:
    """Everything answers on the socket; on listen what is not marked is not there, by any method."""
    target = path.replace("{id}", "s-1")
    anywhere = House().connect().ask(method, target, accept=JSON)
    assert anywhere.status not in (404, 405) or anywhere.code in ("unknown-signal", "unknown-channel")
    on_listen = House(router=Router.for_listen()).connect().ask(method, target, accept=JSON)
    if (method, path) in T_MARKED:
        assert on_listen.status == anywhere.status
    else:
        assert on_listen.status in (404, 405)


@pytest.mark.parametrize(
    ("method", "target", "status", "allow"),
    [
        ("POST", "/v1/status", 405, "GET, HEAD"),
        ("DELETE", "/v1/calls", 405, "GET, HEAD, PUT"),
        ("GET", "/v1/new-call", 405, "POST"),
        ("OPTIONS", "/v1/new-call", 405, "POST"),
        ("get", "/v1/status", 405, "GET, HEAD"),
        ("GET", "/v1/status/", 404, None),
        ("GET", "//v1/status", 404, None),
        ("GET", "/v1/../v1/status", 404, None),
        ("GET", "/V1/status", 404, None),
        ("GET", "/", 404, None),
        ("GET", "*", 404, None),
    ],
)
def test_other_paths_and_methods(wire: Wire, method: str, target: str, status: int, allow: str | None) -> None:
    """404, or 405 with what is possible there."""
    answer = wire.ask(method, target)
    assert answer.status == status
    assert answer.headers["Allow"] == allow
    assert answer.code == ("not-found" if status == 404 else "method-not-allowed")


def test_answers_are_not_to_be_kept_or_guessed(wire: Wire) -> None:
    """JSON says so, has a date, and is in nobody's cache."""
    answer = wire.ask("GET", "/v1/status")
    assert answer.headers["Content-Type"] == JSON
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Date"]


# -- call signals -----------------------------------------------------------------------------------------------------


def test_a_new_call_as_json_and_as_a_form_is_the_same(house: House, wire: Wire) -> None:
    """Every field comes through, and who asked."""
    fields = {
        "channel": "ivr1-001",
        "call_id": "c é 1",
        "caller": "+36 1 234",
        "called": "5",
        "started_at": "2026-11-24T14:05:00+01:00",
        "signal_id": "s-7",
    }
    assert post(wire, "/v1/new-call", fields).status == 202
    form = "channel=ivr1-001&call_id=c+%C3%A9+1&caller=%2B36+1+234&called=5&signal_id=s-7"
    form += "&started_at=2026-11-24T14:05:00%2B01:00"
    answer = wire.ask("POST", "/v1/new-call", form.encode(), content_type=f"{FORM}; charset=UTF-8")
    assert (answer.status, answer.json) == (202, {"signal_id": "s-1", "fate": "pending"})
    (_, first), (_, second) = house.operator.asked
    assert first == second
    assert first == requests.NewCallRequest(
        channel="ivr1-001", call_id="c é 1", who=WHO, caller="+36 1 234", called="5", started_at=AT, signal_id="s-7"
    )


def test_a_gone_needs_only_its_channel(house: House, wire: Wire) -> None:
    """Empty fields of a form count as missing, since a dialplan's empty variable still names its field."""
    answer = wire.ask("POST", "/v1/gone", b"channel=ivr1-002&call_id=&outcome=&ended_at=", content_type=FORM)
    assert answer.status == 202
    whole = {"channel": "ivr1-002", "call_id": "c-1", "outcome": "transferred", "ended_at": "2026-11-24T13:05:00Z"}
    assert post(wire, "/v1/gone?wait=250ms", whole).status == 202
    assert house.operator.asked == [
        ("gone", requests.GoneRequest("ivr1-002", WHO)),
        (
            "gone",
            requests.GoneRequest(
                "ivr1-002",
                WHO,
                call_id="c-1",
                outcome="transferred",
                ended_at=datetime(2026, 11, 24, 13, 5, tzinfo=UTC),
                wait=0.25,
            ),
        ),
    ]


def test_waiting_for_ce(house: House, wire: Wire) -> None:
    """With wait= the answer comes when the daemon has it: 200 where CE has confirmed, else 202."""
    body = json.dumps({"channel": "ivr1-001", "call_id": "c"}).encode()
    assert wire.ask("POST", "/v1/new-call?wait=2s", body, content_type=JSON).status == 200
    for fate, status in (("confirmed", 200), ("pending", 202), ("refused", 202)):
        house.operator.waiting = Deferred()
        other = house.connect()
        other.send(request("POST", "/v1/new-call?wait=2s", body, content_type=JSON))
        other.answers(0)
        house.operator.waiting.callback({"signal_id": "s", "fate": fate})
        assert other.answers(1)[0].status == status
    assert house.operator.asked[0][1].wait == 2.0


def test_what_the_daemon_refuses_is_told(house: House, wire: Wire) -> None:
    """Its code, its text, its status, its headers; failures of Deferreds too."""
    unknown = post(wire, "/v1/new-call", {"channel": "ivr1-999", "call_id": "c"})
    assert (unknown.status, unknown.code) == (404, "unknown-channel")
    no_call = post(wire, "/v1/gone", {"channel": "ivr1-001"})
    assert (no_call.status, no_call.code) == (409, "no-open-call")
    house.operator.waiting = fail(journal_unavailable("disk full"))
    full = post(wire, "/v1/new-call", {"channel": "ivr1-001", "call_id": "c"})
    assert (full.status, full.code, full.headers["Retry-After"]) == (503, "journal-unavailable", "1")
    house.operator.waiting = fail(Refused("odd", "has more to say", 409, details={"call_id": "c"}))
    odd = post(wire, "/v1/new-call", {"channel": "ivr1-001", "call_id": "c"})
    assert odd.json["error"] == {"code": "odd", "message": "has more to say", "call_id": "c"}


def test_a_fault_of_the_daemon_is_500_and_logged(house: House, wire: Wire, said: list[Any]) -> None:
    """The client learns nothing of it but that the log tells more."""
    house.operator.waiting = fail(ZeroDivisionError("secret"))
    answer = post(wire, "/v1/new-call", {"channel": "ivr1-001", "call_id": "c"})
    assert (answer.status, answer.code) == (500, "internal")
    assert b"secret" not in answer.body
    assert said.pop(-2)["event"] == "api-request-failed"


def test_an_answer_that_is_no_json_is_500_and_logged(house: House, wire: Wire, said: list[Any]) -> None:
    """Better no number than one that is none."""
    house.operator.state["uptime_s"] = float("nan")
    assert wire.ask("GET", "/v1/status").code == "internal"
    assert said.pop(-2)["event"] == "api-request-failed"


def test_an_answer_that_cannot_be_written_ends_the_connection(house: House, wire: Wire, said: list[Any]) -> None:
    """Better no answer than a client that waits for the rest of one."""
    house.operator.metrics = lambda: (None, b"")  # type: ignore[assignment,method-assign,return-value]
    wire.send(request("GET", "/metrics"))
    wire.turns(2)
    assert wire.transport.aborted
    assert said.pop()["event"] == "api-answer-not-written"
    house.assert_at_rest()


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        (b"", "malformed", "empty"),
        (b"  ", "malformed", "empty"),
        (b"{", "malformed", "line 1"),
        (b"[]", "malformed", "a list"),
        (b"null", "malformed", "null"),
        (b"\xff", "malformed", "UTF-8"),
        (b'{"a": NaN}', "malformed", "NaN"),
        (b'{"a": ' + b"9" * 5000 + b"}", "malformed", "digits"),
        (b'{"channel": "a", "channel": "b"}', "malformed", "twice"),
        (b"[" * 100000, "malformed", "deep"),
        (b'{"channel": ' + b"[" * 20 + b"]" * 20 + b"}", "malformed", "deep"),
        (b'{"call_id": "c"}', "malformed", "'channel' is missing"),
        (b'{"channel": 7, "call_id": "c"}', "malformed", "a number"),
        (b'{"channel": true, "call_id": "c"}', "malformed", "a boolean"),
        (b'{"channel": null, "call_id": "c"}', "malformed", "missing"),
        (b'{"channel": " a", "call_id": "c"}', "malformed", "spaces"),
        (b'{"channel": "a\\u0000", "call_id": "c"}', "malformed", "control"),
        (b'{"channel": "a\\ud800", "call_id": "c"}', "malformed", "control"),
        (b'{"channel": "ivr1-001", "call_id": "' + b"c" * 201 + b'"}', "malformed", "201 characters"),
        (b'{"channel": "ivr1-001", "call_id": "c", "calle": "5"}', "unknown-field", "did you mean 'caller'"),
        (b'{"channel": "ivr1-001", "call_id": "c", "zzz": "5"}', "unknown-field", "known: "),
        (b'{"channel": "ivr1-001", "call_id": "c", "started_at": "2026-11-24T14:05:00"}', "malformed", "no zone"),
        (b'{"channel": "ivr1-001", "call_id": "c", "started_at": "2026-13-24T14:05:00Z"}', "malformed", "a time is"),
        (b'{"channel": "ivr1-001", "call_id": "c", "started_at": "0001-01-01T00:00:00Z"}', "malformed", "a time is"),
        (b'{"channel": "ivr1-001", "call_id": "c", "started_at": 1}', "malformed", "a string"),
    ],
)
def test_malformed_bodies(house: House, wire: Wire, body: bytes, code: str, words: str) -> None:
    """400 with what is wrong and what is allowed; nothing reaches the daemon."""
    answer = wire.ask("POST", "/v1/new-call", body, content_type=JSON)
    assert (answer.status, answer.code) == (400, code)
    assert words in answer.json["error"]["message"]
    assert house.operator.asked == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"channel", "name=value"),
        (b"channel=a&channel=b", "twice"),
        (b"channel=%ff&call_id=c", "UTF-8"),
        (b"\xff=1", "UTF-8"),
        (b"&".join(b"a%d=1" % number for number in range(101)), "at most 100"),
        (b"channel=a&call_id=c&started_at=2026-11-24T14:05:00+01:00", "write + as %2B"),
    ],
)
def test_malformed_forms(wire: Wire, body: bytes, words: str) -> None:
    """The same for forms."""
    answer = wire.ask("POST", "/v1/new-call", body, content_type=FORM)
    assert (answer.status, answer.code) == (400, "malformed")
    assert words in answer.json["error"]["message"]


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "multipart/form-data; boundary=x", "application/json; charset=latin-1", "application/json5", ""],
)
def test_other_media_types(wire: Wire, content_type: str) -> None:
    """415, also where none is given."""
    answer = wire.ask("POST", "/v1/new-call", b"{}", content_type=content_type)
    assert (answer.status, answer.code) == (415, "unsupported-media-type")
    assert "application/json" in answer.json["error"]["message"]


def test_packed_bodies_are_not_taken(wire: Wire) -> None:
    """415: a small packet may unpack to a large one."""
    answer = wire.ask("POST", "/v1/new-call", b"{}", content_type=JSON, content_encoding="gzip")
    assert (answer.status, answer.code) == (415, "unsupported-media-type")


def test_large_bodies_are_read_in_a_thread(house: House, wire: Wire) -> None:
    """The IVR's list of 12,000 calls is as good as a short one."""
    calls = [{"channel": f"ivr1-{number:05}", "call_id": "x" * 60} for number in range(12000)]
    answer = post(wire, "/v1/calls", {"calls": calls}, "PUT")
    assert answer.json["open"] == 12000
    assert house.operator.asked[0][1].who == WHO


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "'calls' must be a list"),
        ({"calls": {}}, "'calls' must be a list"),
        ({"calls": ["c"]}, "a string"),
        ({"calls": [{"channel": "a"}]}, "'call_id' is missing"),
        ({"calls": [{"channel": "a", "call_id": "c", "x": 1}]}, "unknown field 'x'"),
        ({"calls": [{"channel": "a", "call_id": "c"}] * 2}, "twice"),
    ],
)
def test_malformed_lists_of_calls(wire: Wire, body: Any, words: str) -> None:
    """400, with nothing half-done."""
    answer = post(wire, "/v1/calls", body, "PUT")
    assert answer.status == 400
    assert words in answer.json["error"]["message"]


# -- the two questions and health -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scene", "word", "value"), [("well", "no", False), ("failing-over", "yes", True), ("away", "unknown", None)]
)
def test_failing_over_in_json_and_in_a_word(scene: str, word: str, value: bool | None) -> None:
    """JSON unless a plain text is preferred."""
    wire = House(operator=RecordedOperator(scene)).connect()
    answer = wire.ask("GET", "/v1/failing-over")
    assert answer.json["failing_over"] is value
    assert set(answer.json) >= {"failing_over", "state", "active", "since", "observed_at", "age_ms", "reason"}
    for accept in ("text/plain", "text/*, application/json;q=0.5", "text/plain;q=0.9, */*;q=0.8", "TEXT/PLAIN"):
        plain = wire.ask("GET", "/v1/failing-over", accept=accept)
        assert (plain.body, plain.headers["Content-Type"]) == (word.encode() + b"\n", "text/plain; charset=utf-8")
    for accept in (
        "application/json",
        "*/*",
        "text/html",
        "text/plain;q=0",
        "text/plain;q=x",
        "text/plain;q=0.1, */*",
        "",
    ):
        assert wire.ask("GET", "/v1/failing-over", accept=accept).json["failing_over"] is value


@pytest.mark.parametrize(
    ("uri", "word"), [("sip:up@example.com", "yes"), ("sip:down@example.com", "no"), ("sip:x;transport=tls", "unknown")]
)
def test_endpoint_available(wire: Wire, uri: str, word: str) -> None:
    """The URI is a query parameter, encoded or not; the same two forms."""
    assert wire.ask("GET", f"/v1/endpoint-available?uri={uri}", accept="text/plain").body == word.encode() + b"\n"
    encoded = uri.replace(":", "%3A").replace("@", "%40").replace(";", "%3B").replace("=", "%3D")
    answer = wire.ask("GET", f"/v1/endpoint-available?uri={encoded}")
    assert answer.json["uri"] == uri
    assert set(answer.json) >= {"available", "uri", "status_code", "latency_ms", "checked_at", "age_ms", "reason"}


@pytest.mark.parametrize("written", ["tel:+15550100", "tel:%2B15550100"])
def test_endpoint_available_for_a_number(wire: Wire, written: str) -> None:
    """A plus sign stands for itself: a dialplan pastes the URI as it is."""
    assert wire.ask("GET", f"/v1/endpoint-available?uri={written}").json["uri"] == "tel:+15550100"


@pytest.mark.parametrize(
    "query", ["", "?uri=", "?uri=a&uri=b", "?ur=a", "?uri=a&x=1", "?uri=%ff", "?uri=" + "a" * 3000, "?uri=a%0Ab"]
)
def test_endpoint_available_with_another_query(wire: Wire, query: str) -> None:
    """400."""
    answer = wire.ask("GET", f"/v1/endpoint-available{query}")
    assert answer.status == 400


def test_health() -> None:
    """200 or 503 with the reasons, in both forms; whether the loop lives never depends on CE."""
    well, away = House().connect(), House(operator=RecordedOperator("away")).connect()
    assert well.ask("GET", "/readyz").json == {"ready": True, "reasons": []}
    assert well.ask("GET", "/readyz", accept="text/plain").body == b"ok\n"
    not_ready = away.ask("GET", "/readyz")
    assert (not_ready.status, not_ready.json["ready"]) == (503, False)
    plain = away.ask("GET", "/readyz", accept="text/plain")
    assert (plain.status, plain.body.decode().splitlines()) == (503, not_ready.json["reasons"])
    assert away.ask("GET", "/livez").status == 200


def test_metrics_have_their_own_type(wire: Wire) -> None:
    """As Prometheus wants it."""
    answer = wire.ask("GET", "/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    assert answer.body == b"agentchan_up 1\n"


# -- the SOAP door's frame --------------------------------------------------------------------------------------------


def test_soap_requests_are_handed_on_as_they_are(house: House, wire: Wire) -> None:
    """On the usual path and the vendor's, with what the codec needs to know."""
    for path in ("/IVRConnector", "/ce/ivr.asmx"):
        answer = wire.ask("POST", path, b"<a\xff/>", content_type="text/xml; charset=utf-8", soapaction='"urn:NewCall"')
        assert (answer.status, answer.body) == (200, b"<ok/>")
        assert house.operator.asked.pop() == (
            "soap",
            requests.SoapRequest(
                path, b"<a\xff/>", "text/xml; charset=utf-8", "urn:NewCall", "http://ivr.example.com", WHO
            ),
        )
    wire.ask("POST", "/IVRConnector", b"<a/>")
    assert house.operator.asked.pop()[1].action is None
    wire.ask("POST", "/IVRConnector", b"<a/>", soapaction='""')
    assert house.operator.asked.pop()[1].action == ""


def test_the_wsdl_names_the_address_that_the_caller_used(wire: Wire) -> None:
    """By the Host header, unless that is no host; only ?wsdl gives it, and by a name a file that it imports."""
    for query in ("wsdl", "WSDL", "wsdl="):
        assert wire.ask("GET", f"/IVRConnector?{query}").body == b"<wsdl at='http://ivr.example.com'/>"
    wire.send(b"GET /IVRConnector?wsdl HTTP/1.1\r\nHost: '/><evil>\r\n\r\n")
    assert wire.answers(1)[0].body == b"<wsdl at='http://10.0.0.1:12345'/>"
    assert wire.ask("GET", "/IVRConnector").status == 400
    for query in ("wsdl=a%2Fb.xsd", "xsd=a/b.xsd"):
        assert wire.ask("GET", f"/IVRConnector?{query}").body.endswith(b" name='a/b.xsd'/>")
    for query in ("xsd", "xsd=", "wsdl=a&b=c", "other", "wsdl=%ff"):
        assert wire.ask("GET", f"/IVRConnector?{query}").status == 400


# -- looking ----------------------------------------------------------------------------------------------------------


def test_looking(wire: Wire) -> None:
    """Each gives what the daemon says."""
    assert wire.ask("GET", "/v1/status").json["ivr"] == "ivr1"
    assert [row["channel"] for row in wire.ask("GET", "/v1/channels?name=ivr1-003&name=ivr1-001").json["channels"]] == [
        "ivr1-003",
        "ivr1-001",
    ]
    assert wire.ask("GET", "/v1/channels?name=nobody").code == "unknown-channel"
    assert wire.ask("GET", "/v1/explain?name=ivr1-003").json["remedies"]
    assert wire.ask("GET", "/v1/explain?name=x").code == "unknown-channel"
    assert wire.ask("GET", "/v1/explain").status == 400
    assert wire.ask("GET", "/v1/timing").json["rows"]
    assert len(wire.ask("GET", "/v1/failovers?limit=1").json["failovers"]) == 1
    assert wire.ask("GET", "/v1/endpoints").json["endpoints"]
    assert wire.ask("GET", "/v1/configuration").json == {"ivr": {"name": "ivr1"}}
    assert wire.ask("GET", "/v1/signals/0198c3a4-7c1e-7d39-b0a1-5c1d2e3f4a5b").json["history"]
    assert wire.ask("GET", "/v1/signals/nobody").code == "unknown-signal"


def test_queries_are_checked(house: House, wire: Wire) -> None:
    """Values come through as values; faults are 400."""
    wire.ask("GET", "/v1/calls?older_than=1h30m")
    wire.ask("GET", "/v1/signals?fate=refused,expired&channel=ivr1-002&before=s-9&limit=7")
    assert house.operator.asked == [
        ("calls", requests.CallsQuery(5400.0)),
        ("signals", requests.SignalsQuery(("refused", "expired"), "ivr1-002", "s-9", 7)),
    ]
    for target in (
        "/v1/status?x=1",
        "/v1/calls?older_than=1",
        "/v1/calls?older_than=400d",
        "/v1/signals?fate=lost",
        "/v1/signals?limit=0",
        "/v1/signals?limit=10001",
        "/v1/signals?limit=1e3",
        "/v1/signals?limit=%D9%A1",
        "/v1/failovers?limit=-1",
        "/v1/new-call?wait=61s",
        "/v1/channels?name=",
        "/v1/events?since=a%00",
    ):
        method = "POST" if "new-call" in target else "GET"
        assert wire.ask(method, target, b"{}" if method == "POST" else b"", content_type=JSON).status == 400, target


def test_a_body_where_none_belongs(house: House, wire: Wire) -> None:
    """An empty object is none; anything in it is refused."""
    assert post(wire, "/v1/resume", {}).status == 200
    assert wire.ask("POST", "/v1/resume").status == 200
    assert post(wire, "/v1/resume", {"reason": "x"}).code == "unknown-field"
    assert wire.ask("POST", "/v1/resume", b"x=1", content_type=FORM).status == 415
    assert [name for name, _ in house.operator.asked] == ["resume", "resume"]


# -- acting -----------------------------------------------------------------------------------------------------------


def test_acting(house: House, wire: Wire) -> None:
    """Each reaches the daemon as a checked value, with who asked."""
    asked: list[tuple[str, Any, str, Any]] = [
        (
            "/v1/readiness",
            {"channels": ["ivr1-001", "ivr1-001"], "ready": False, "reason": " much \n noise ", "for": "30m"},
            "set_readiness",
            requests.ReadinessRequest(("ivr1-001",), ready=False, reason="much noise", for_=1800.0, who=WHO),
        ),
        (
            "/v1/readiness",
            {"channels": "all", "ready": True},
            "set_readiness",
            requests.ReadinessRequest(None, ready=True, reason=None, for_=None, who=WHO),
        ),
        ("/v1/drain", {}, "drain", requests.DrainRequest(None, None, WHO)),
        ("/v1/drain", {"timeout": "15m", "reason": "update"}, "drain", requests.DrainRequest(900.0, "update", WHO)),
        ("/v1/resume", {}, "resume", WHO),
        (
            "/v1/follow",
            {"host": "ce2", "for": "30m", "reason": "r"},
            "follow",
            requests.FollowRequest("ce2", 1800.0, "r", WHO),
        ),
        ("/v1/unfollow", {}, "unfollow", WHO),
        ("/v1/forget-generation", {"reason": "r"}, "forget_generation", requests.ForgetGenerationRequest("r", WHO)),
        ("/v1/reload", {}, "reload", WHO),
        ("/v1/free", {"channel": "ivr1-017", "reason": "r"}, "free", requests.FreeRequest("ivr1-017", "r", WHO)),
        (
            "/v1/signals/0198c3a4-7c1e-7d39-b0a1-5c1d2e3f4a5b/retry",
            {"reason": "r"},
            "retry",
            requests.SignalRequest("0198c3a4-7c1e-7d39-b0a1-5c1d2e3f4a5b", "r", WHO),
        ),
        (
            "/v1/signals/0198c3a4-7c1e-7d39-b0a1-5c1d2e3f4a5b/discard",
            {"reason": "r"},
            "discard",
            requests.SignalRequest("0198c3a4-7c1e-7d39-b0a1-5c1d2e3f4a5b", "r", WHO),
        ),
    ]
    for target, body, name, value in asked:
        assert post(wire, target, body).status == 200, target
        assert house.operator.asked.pop() == (name, value)


@pytest.mark.parametrize(
    ("target", "body", "words"),
    [
        ("/v1/readiness", {"channels": [], "ready": True}, "at least one"),
        ("/v1/readiness", {"channels": "some", "ready": True}, "at least one"),
        ("/v1/readiness", {"channels": [1], "ready": True}, "a number"),
        ("/v1/readiness", {"channels": "all"}, "'ready' is missing"),
        ("/v1/readiness", {"channels": "all", "ready": "yes"}, "true or false"),
        ("/v1/readiness", {"channels": "all", "ready": False}, "'reason' is missing"),
        ("/v1/readiness", {"channels": "all", "ready": False, "reason": " \t"}, "'reason' is missing"),
        ("/v1/readiness", {"channels": "all", "ready": False, "reason": "r" * 129}, "129 characters"),
        ("/v1/readiness", {"channels": "all", "ready": True, "for": "30"}, "not a duration"),
        ("/v1/readiness", {"channels": "all", "ready": True, "for": 30}, "a string"),
        ("/v1/readiness", {"channels": ["a"] * 100_001, "ready": True}, "at most 100000"),
        ("/v1/drain", {"timeout": "8d"}, "more than"),
        ("/v1/follow", {"host": "ce2", "reason": "r"}, "'for' is missing"),
        ("/v1/follow", {"host": "ce2", "for": "0s", "reason": "r"}, "'for' is missing"),
        ("/v1/follow", {"host": "ce2", "for": "1h"}, "'reason' is missing"),
        ("/v1/forget-generation", {}, "'reason' is missing"),
        ("/v1/free", {"channel": "a"}, "'reason' is missing"),
        ("/v1/signals/s/retry", {}, "'reason' is missing"),
        ("/v1/signals/%20s/retry", {"reason": "r"}, "spaces"),
        ("/v1/signals/%ff/retry", {"reason": "r"}, "UTF-8"),
    ],
)
def test_malformed_acts(house: House, wire: Wire, target: str, body: Any, words: str) -> None:
    """400 with what is wrong."""
    answer = post(wire, target, body)
    assert answer.status == 400
    assert words in answer.json["error"]["message"]
    assert house.operator.asked == []


def test_a_reload_with_faults_is_422(house: House, wire: Wire) -> None:
    """With all of them; the old configuration stays."""
    house.operator.reload_outcome = {
        "applied": [],
        "needs_restart": [],
        "faults": ["a.toml:2: ivr.nam: is no known key"],
        "warnings": [],
    }
    answer = post(wire, "/v1/reload", {})
    assert (answer.status, answer.code) == (422, "configuration-faulty")
    assert "1 fault;" in answer.json["error"]["message"]
    assert answer.json["faults"] == ["a.toml:2: ivr.nam: is no known key"]


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:8093"])
def test_web_pages_change_nothing(house: House, wire: Wire, origin: str) -> None:
    """A browser on this machine names the page that it acts for; only looking is allowed then."""
    body = b"channel=ivr1-001&call_id=c"
    answer = wire.ask("POST", "/v1/new-call", body, content_type=FORM, origin=origin)
    assert (answer.status, answer.code) == (403, "cross-origin")
    assert post(wire, "/v1/drain", {}).status == 200
    assert wire.ask("PUT", "/v1/calls", b"{}", content_type=JSON, origin=origin).status == 403
    assert wire.ask("GET", "/livez", origin=origin).status == 200
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert [name for name, _ in house.operator.asked] == ["drain"]
