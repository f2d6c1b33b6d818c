"""The SOAP door: an IVR script that speaks to CE today only changes its URL (interfaces.md 3)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from attrs import evolve
from twisted.internet.defer import Deferred, fail, succeed

from agentchan.api.requests import SoapAnswer
from agentchan.ce.dialer import DialFailed
from agentchan.ce.errors import ExchangeFailed
from agentchan.ce.http_post import HttpAnswer
from agentchan.core.channel import Wish
from agentchan.core.outbox_values import Rules
from agentchan.vocabulary import ChannelState, Gone, NewCall
from tests.ce.wsdls import URL, codec, envelope
from tests.signals.house import BACKOFF, House, refusal, result
from tests.signals.operators import Operations, operations, post, request, texts, value

Make = Callable[..., House]
AT = datetime(2026, 11, 24, 11, 0, tzinfo=UTC)
NEW_CALL = NewCall("script-1", "ivr1", "c1", "call-1", AT, "+491", "+492")
GONE = Gone("script-2", "ivr1", "c1", "call-1", AT, "completed")


@pytest.fixture
def door(house: House) -> Operations:
    """The door of the reference profile."""
    return operations(house)


# Call signals.


def test_a_call(house: House, door: Operations) -> None:
    """Both signals are kept with the script's SignalIds and all that it said, and answered with a foretold state."""
    answer = post(door, NEW_CALL)
    assert (answer.status, answer.content_type) == (200, "text/xml; charset=utf-8")
    assert texts(answer) == {"State": "Busy", "Duplicate": "false"}
    assert texts(post(door, GONE)) == {"State": "Ready", "Duplicate": "false"}
    assert house.confirm() == NEW_CALL
    assert house.confirm() == GONE


def test_repeats_say_duplicate(house: House, door: Operations) -> None:
    """Whether CE has answered meanwhile or not, and after a restart."""
    for _ in range(2):
        post(door, NEW_CALL)
        post(door, GONE)
        assert texts(post(door, NEW_CALL))["Duplicate"] == "true"
        assert texts(post(door, GONE))["Duplicate"] == "true"
        house.confirm_all()
    house = house.restarted()
    door = operations(house)
    assert texts(post(door, GONE))["Duplicate"] == "true"
    assert texts(post(door, NEW_CALL)) == {"State": "Ready", "Duplicate": "true"}
    assert len(house.delivering) == 0
    house.closed()


def test_a_late_new_call(house: House, door: Operations) -> None:
    """After its Gone, under an id not seen before, it changes nothing and says so as CE does (contract, Details)."""
    post(door, GONE)
    house.channels.wished("c1", Wish(ready=False, reason="noise"))
    assert texts(post(door, NEW_CALL)) == {"State": "NotReady", "Duplicate": "false"}
    assert house.pending() == ["Gone call-1 (completed)"]


def test_a_state_that_ce_has_told(house: House, door: Operations) -> None:
    """Once CE has answered, its own word counts."""
    post(door, NEW_CALL)
    house.confirm(ChannelState.BUSY)
    house.channels["c1"].report(ChannelState.WRAPUP, "call-1", 0.0)
    assert texts(post(door, NEW_CALL)) == {"State": "Wrapup", "Duplicate": "true"}


def test_what_is_carried_through(house: House) -> None:
    """Parameters that no duty maps go to CE as the script wrote them."""
    door = operations(house, name="wcf")
    body = codec("wcf").encode(NEW_CALL, URL).body
    answer: SoapAnswer = value(door.soap(request(body)))
    assert answer.status == 200
    signal = house.taken()
    assert codec("wcf").encode(signal, URL).body == body or signal.parameters == ""


# Faults.


def fault(answer: SoapAnswer) -> tuple[int, str, str]:
    """Status, code and text of a fault of the reference contract."""
    said = texts(answer)
    return answer.status, said["Code"], said["faultstring"]


def test_an_unknown_channel(house: House, door: Operations) -> None:
    """As the WSDL has it."""
    answer = post(door, evolve(NEW_CALL, channel="nope"))
    status, code, text = fault(answer)
    assert (status, code) == (500, "UnknownChannel")
    assert texts(answer)["Channel"] == "nope"
    assert "'nope'" in text
    assert len(house.calls) == 0


def test_another_ivr(door: Operations) -> None:
    """This is the daemon of one IVR."""
    assert fault(post(door, evolve(NEW_CALL, ivr="ivr2")))[:2] == (500, "UnknownIvr")


def test_a_signal_id_that_another_signal_has(door: Operations) -> None:
    """Other content under a SignalId is an invalid request (contract, Idempotency)."""
    post(door, NEW_CALL)
    status, code, text = fault(post(door, evolve(GONE, signal_id="script-1")))
    assert (status, code) == (500, "InvalidRequest")
    assert "'script-1' is that of the NewCall" in text


def test_what_is_no_request(door: Operations) -> None:
    """Not XML, not SOAP, not of the WSDL: InvalidRequest, and what is wrong."""
    for body in (b"", b"<", envelope("<x/>"), envelope("")):
        assert fault(value(door.soap(request(body))))[:2] == (500, "InvalidRequest")


def test_the_journal_fails(house: House, door: Operations) -> None:
    """HTTP 500, Unavailable: the script tries again."""
    house.journal.fail()
    status, code, text = fault(post(door, NEW_CALL))
    assert (status, code) == (500, "Unavailable")
    assert "nothing was accepted" in text
    house.journal.heal()
    assert post(door, NEW_CALL).status == 200


# soap_reply = "confirmed".


def test_confirmed(house: House) -> None:
    """The answer waits for CE, within reply_timeout; then it is foretold."""
    door = operations(house, '[api]\nsoap_reply = "confirmed"\n')
    answering = door.soap(request(codec("reference").encode(NEW_CALL, URL).body))
    assert isinstance(answering, Deferred)
    assert not answering.called
    house.confirm(ChannelState.WRAPUP)
    assert texts(result(answering)) == {"State": "Wrapup", "Duplicate": "false"}
    late = door.soap(request(codec("reference").encode(GONE, URL).body))
    house.clock.advance(2.0)
    assert texts(value(late)) == {"State": "Ready", "Duplicate": "false"}


def test_confirmed_and_refused(house: House) -> None:
    """A script that waits for CE's word hears its refusal, and again when it repeats."""
    door = operations(house, '[api]\nsoap_reply = "confirmed"\n')
    answering = door.soap(request(codec("reference").encode(NEW_CALL, URL).body))
    house.refuse()
    assert fault(value(answering))[:2] == (500, "InvalidRequest")
    assert fault(post(door, NEW_CALL))[:2] == (500, "InvalidRequest")


# Profiles of other shapes.


def minimum(house: House) -> Operations:
    """The door of the smallest profile."""
    return operations(house, name="minimum")


def test_tokens(make: Make) -> None:
    """The script gets CE's token, or the call id while CE has not answered, and may give either with the Gone."""
    house = make(rules=Rules(backoff=BACKOFF, retry_guard=10.0))
    door = minimum(house)
    assert texts(post(door, NEW_CALL, "minimum")) == {"NewCallResult": "0", "CallToken": "call-1"}
    house.confirm(token="ce-token")
    assert texts(post(door, NEW_CALL, "minimum")) == {"NewCallResult": "2", "CallToken": "ce-token"}
    for token in ("call-1", "ce-token"):
        answer = post(door, evolve(GONE, call_token=token), "minimum")
        assert answer.status == 200
    signal = house.taken()
    assert isinstance(signal, Gone)
    assert signal.call_token == "ce-token"
    assert texts(post(door, NEW_CALL, "minimum"))["NewCallResult"] == "2"


@pytest.mark.parametrize("restart", [True, False])
def test_a_gone_that_names_its_call_by_a_token_alone(make: Make, restart: bool) -> None:
    """The token tells channel and call, also when it is said again or the daemon was started anew."""
    house = make(rules=Rules(backoff=BACKOFF, retry_guard=10.0))
    door = operations(house, name="bare")
    begin = post(door, NEW_CALL, "bare")
    assert texts(begin) == {"Ticket": "call-1"}
    house.confirm(token="t-1")
    if restart:
        house = house.restarted(rules=Rules(backoff=BACKOFF, retry_guard=10.0))
        door = operations(house, name="bare")
    first = post(door, evolve(GONE, call_token="t-1"), "bare")
    assert first.status == 200
    house.calls._known.clear()
    house.calls._named.clear()
    again = post(door, evolve(GONE, call_token="t-1"), "bare")
    assert texts(again) == {"Code": "2"}
    assert house.pending() == ["Gone call-1"]
    unknown = post(door, evolve(GONE, call_token="t-9"), "bare")
    assert unknown.status == 500
    house.closed()


def test_scripts_that_give_no_call_id(house: House) -> None:
    """A call gets an id here; while it is open a NewCall of its channel can only be said again."""
    door = operations(house, name="soap12")
    assert texts(post(door, NEW_CALL, "soap12")) == {"Taken": "true"}
    (call,) = house.calls.open()
    assert texts(post(door, evolve(NEW_CALL, signal_id="other"), "soap12")) == {"Taken": "false"}
    assert post(door, GONE, "soap12").status == 200
    assert house.pending() == [f"NewCall {call.call_id}", f"Gone {call.call_id}"]
    post(door, evolve(NEW_CALL, signal_id="third"), "soap12")
    assert len(house.delivering) == 3


def test_soap_12(house: House) -> None:
    """A fault of the sender has status 400 (SOAP 1.2 part 2, 7.5.2.2)."""
    door = operations(house, name="soap12")
    assert post(door, evolve(NEW_CALL, channel="nope"), "soap12").status == 400
    house.journal.fail()
    assert post(door, NEW_CALL, "soap12").status == 500
    house.journal.heal()


# The WSDL.


def test_the_wsdl(door: Operations) -> None:
    """With the door's own address in it, as the caller reached it; files that it does not have are not found."""
    answer = door.wsdl("https://ivr.example:8093")
    assert (answer.status, answer.content_type) == (200, "text/xml; charset=utf-8")
    assert b'location="https://ivr.example:8093/IVRConnector"' in answer.body
    assert refusal(lambda: door.wsdl("http://here:1", "other.xsd")) == ("not-found", 404)


# Other operations.


HEARTBEAT = envelope('<Heartbeat xmlns="urn:agentchan:contract:ivr-connector:1"><SessionId>1</SessionId></Heartbeat>')


def test_what_the_daemon_does_itself(house: House) -> None:
    """Sessions, readiness and heartbeats are the daemon's, however the door is configured."""
    for keys in ("", '[api]\nother_operations = "forward"\n'):
        answer: SoapAnswer = value(operations(house, keys).soap(request(HEARTBEAT)))
        status, code, text = fault(answer)
        assert (status, code) == (500, "InvalidRequest")
        assert "the daemon does itself" in text


EXTRA = envelope('<Strict xmlns="urn:s"><Must>x</Must></Strict>')


class Host:
    """The active host, as the door forwards to it."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.dialled: list[str] = []
        self.asked: list[Any] = []
        self.aborted = 0

    def dial(self, url: str, **_: Any) -> Deferred[Any]:
        """A connection."""
        self.dialled.append(url)
        return fail(self.answer) if isinstance(self.answer, DialFailed) else succeed(self)

    def exchange(self, message: Any) -> Deferred[HttpAnswer]:
        """A request."""
        self.asked.append(message)
        if self.answer is None:
            return Deferred()
        return fail(self.answer) if isinstance(self.answer, ExchangeFailed) else succeed(self.answer)

    def abort(self, _reason: str) -> None:
        """The end."""
        self.aborted += 1


def forwarding(house: House, host: Host, monkeypatch: pytest.MonkeyPatch, keys: str) -> Operations:
    """A door whose profile has an operation that is no duty."""
    door = operations(house, keys, "minimum")
    other = SimpleNamespace(read=lambda _body, _action: SimpleNamespace(duty=None, operation="Strict"))
    for name in ("fault", "status", "media_type"):
        setattr(other, name, getattr(door._door, name))
    monkeypatch.setattr(door, "_door", other)
    door._daemon.dialer = host  # type: ignore[misc,assignment]
    return door


FORWARD = '[api]\nother_operations = "forward"\n'


def test_refused(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """By default; and the script is told what would change that."""
    host = Host(None)
    answer: SoapAnswer = value(forwarding(house, host, monkeypatch, "").soap(request(EXTRA)))
    assert answer.status == 500
    assert b"other_operations" in answer.body
    assert host.dialled == []


def test_forwarded(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the active host, once, as it is; its answer goes back as it is."""
    host = Host(HttpAnswer(200, "text/xml", b"<answer/>"))
    door = forwarding(house, host, monkeypatch, FORWARD)
    answer: SoapAnswer = value(door.soap(request(EXTRA, "strict")))
    assert (answer.status, answer.body) == (200, b"<answer/>")
    assert (host.dialled, host.asked[0].body, host.aborted) == (["http://ce1"], EXTRA, 1)
    assert (b"SOAPAction", b'"strict"') in host.asked[0].headers


@pytest.mark.parametrize(
    ("trouble", "says"),
    [
        (DialFailed("connect", "ce1 refuses connections"), "ce1 refuses connections"),
        (ExchangeFailed("reset by ce1"), "reset by ce1"),
        (None, "no answer within"),
    ],
)
def test_forwarded_in_vain(house: House, monkeypatch: pytest.MonkeyPatch, trouble: Any, says: str) -> None:
    """Whether it was done is not known, and it is not tried again: the script is told so."""
    host = Host(trouble)
    answering = forwarding(house, host, monkeypatch, FORWARD).soap(request(EXTRA))
    house.clock.advance(10.0)
    answer: SoapAnswer = value(answering)
    assert answer.status == 500
    assert says in answer.body.decode()
    assert len(host.dialled) == 1


def test_forwarded_nowhere(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """While no host is active."""
    house.delivering.serve(None, None)
    answer: SoapAnswer = value(forwarding(house, Host(None), monkeypatch, FORWARD).soap(request(EXTRA)))
    assert b"no CE host is active" in answer.body
