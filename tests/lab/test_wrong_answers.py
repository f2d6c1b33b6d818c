"""Hosts that answer wrongly, slowly, or not at all: every kind that can be ordered."""

from __future__ import annotations

import http.client
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from lxml import etree

from agentchan.lab.host_process import LabError
from agentchan.lab.misbehaviour import FAULTS, KINDS, Misbehaviour, Rule
from agentchan.lab.pair import Pair
from tests.lab.peers import CONNECTOR, IvrPeer, Peer, Refused, Wire, schema_of, signal_id, states

Dial = Callable[..., IvrPeer]
HEARTBEAT = "<SessionId>none</SessionId>"
NEW_CALL = (
    "<SignalId>{0}</SignalId><IvrName>{ivr}</IvrName><Channel>{ivr}-1</Channel><CallId>{0}</CallId>"
    "<StartedAt>2026-11-24T12:00:00Z</StartedAt>"
)
EXPECTED: dict[str, Callable[[int, bytes], bool]] = {
    "http-503": lambda status, _: status == 503,
    "http-404": lambda status, _: status == 404,
    "http-401": lambda status, _: status == 401,
    "empty": lambda status, body: (status, body) == (200, b""),
    "garbage": lambda status, body: status == 200 and not _is_xml(body),
    "html": lambda status, body: status == 200 and body.startswith(b"<!DOCTYPE html>"),
    "truncated": lambda status, body: status == 200 and b"<soap:Body>" in body and not _is_xml(body),
    "wrong-namespace": lambda _, body: _is_xml(body) and b"urn:example:somewhere-else" in body,
    "wrong-types": lambda _, body: _is_xml(body) and b">purple<" in body,
    "wrong-operation": lambda status, body: status == 200 and _is_xml(body),
    "dtd": lambda _, body: b"<!DOCTYPE x" in body and b"<!ENTITY" in body,
    "oversized": lambda status, body: status == 200 and len(body) == 100_000,
}


def _is_xml(body: bytes) -> bool:
    try:
        etree.fromstring(body)
    except etree.XMLSyntaxError:
        return False
    return True


@pytest.mark.parametrize("service", ["component", "connector"])
@pytest.mark.parametrize("kind", sorted(EXPECTED))
def test_wrong_answers(pair: Pair, ivr: str, kind: str, service: str) -> None:
    """Each service can be made to answer wrongly in each way, so many times, and is right again afterwards."""
    rule = {"size": 100_000} if kind == "oversized" else {}
    pair.answer_wrongly("ce1", kind, service=service, times=2, **rule)
    with Wire(pair, "ce1", service) as wire:
        for _ in range(2):
            status, body = _ask(wire, service, ivr)
            assert EXPECTED[kind](status, body), (status, body[:500])
        status, body = _ask(wire, service, ivr)
        assert status == 200
        schema_of(service).assertValid(etree.fromstring(body)[0][0])


def _ask(wire: Wire, service: str, ivr: str) -> tuple[int, bytes]:
    if service == "component":
        return wire.post("GetServerStatus")
    return wire.post("Gone", NEW_CALL.format(signal_id(), ivr=ivr).replace("StartedAt", "EndedAt"))


def test_every_kind_is_tested() -> None:
    """The tests here know every kind of wrong answer that there is."""
    assert EXPECTED.keys() | FAULTS.keys() | {"slow", "hold", "close-mid-reply", "reset-before", "reset-after"} == KINDS


@pytest.mark.parametrize(("kind", "code"), FAULTS.items())
def test_faults_on_order(pair: Pair, dial: Dial, link: Callable[[str], Peer], kind: str, code: str) -> None:
    """The IVR Connector can be made to answer with a fault without cause; nothing is applied."""
    pair.answer_wrongly("ce1", kind, service="connector", operation="NewCall", times=1, active_server="ce9")
    peer, signal = dial(), signal_id()
    with pytest.raises(Refused) as caught:
        peer.new_call(f"{peer.ivr}-1", "call", signal)
    assert (caught.value.code, caught.value.active_server) == (code, "ce9")
    assert not peer.new_call(f"{peer.ivr}-1", "call", signal).Duplicate
    assert link("ce1").say("GetServerStatus").Role == "Active"


def test_applied_and_yet_refused(pair: Pair, dial: Dial, channels: list[str]) -> None:
    """A request can be applied and answered with a fault all the same: sent again, it is a duplicate."""
    pair.answer_wrongly("ce1", "unavailable", operation="NewCall", times=1, applied=True)
    peer, signal = dial(), signal_id()
    with pytest.raises(Refused, match="Unavailable"):
        peer.new_call(channels[0], "call", signal)
    assert peer.new_call(channels[0], "call", signal).Duplicate


@pytest.mark.parametrize(
    ("kind", "applied"), [("reset-before", False), ("reset-after", True), ("close-mid-reply", True)]
)
def test_connections_that_break(pair: Pair, ivr: str, kind: str, applied: bool) -> None:
    """A connection can be reset before or after a request is applied, and be closed in the middle of the reply."""
    signal = signal_id()
    pair.answer_wrongly("ce1", kind, operation="NewCall", times=1)
    with Wire(pair, "ce1", "connector") as wire, pytest.raises((OSError, http.client.HTTPException)):
        wire.post("NewCall", NEW_CALL.format(signal, ivr=ivr))
    with Wire(pair, "ce1", "connector") as wire:
        _, body = wire.post("NewCall", NEW_CALL.format(signal, ivr=ivr))
    assert etree.fromstring(body).findtext(f".//{{{CONNECTOR}}}Duplicate") == str(applied).lower()


@pytest.mark.parametrize("when", ["before", "after"])
def test_slow(pair: Pair, dial: Dial, channels: list[str], when: str) -> None:
    """An operation can be made slow before or after it is applied; others are not held up."""
    pair.slow("ce1", 30.0, operation="NewCall", when=when, times=1)
    peer, other = dial(), dial()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(peer.new_call, channels[0], "call")
        pair.wait_until(lambda: [row for row in pair.requests("ce1") if row.get("operation") == "NewCall"])
        if when == "after":
            pair.wait_until(lambda: pair.channels(peer.ivr)[channels[0]]["state"] == "Busy")
        else:
            assert pair.channels(peer.ivr)[channels[0]]["state"] == "NotReady"
        assert other.new_call(channels[1], "call").State == "Busy"
        assert not waiting.done()
        pair.drop("ce1", "connector")
        assert waiting.exception(10) is not None


def test_held_replies(pair: Pair, dial: Dial, channels: list[str]) -> None:
    """Replies can be held until they are released, in the order in which they were held."""
    pair.answer_wrongly("ce1", "hold", operation="Gone", times=2)
    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(dial().gone, channels[0], f"call-{number}") for number in range(2)]
        pair.wait_until(lambda: pair.status("ce1")["replies_held"] == 2)
        assert not any(each.done() for each in waiting)
        pair.behave("ce1")
        assert [each.result(10).State for each in waiting] == ["NotReady", "NotReady"]


def test_newest_rule_counts() -> None:
    """Of several rules that cover an operation the newest counts; delays are looked for apart."""
    rules = Misbehaviour(
        [
            Rule("empty"),
            Rule("http-503", service="connector", times=1),
            Rule("slow", seconds=1.0, operation="Gone"),
            Rule("slow", seconds=2.0, when="after"),
        ]
    )
    assert [_kind(rules.take("connector", "Gone")) for _ in range(2)] == ["http-503", "empty"]
    assert _kind(rules.take("component", "GetServerStatus")) == "empty"
    assert (rules.delay("connector", "Gone", "before"), rules.delay("connector", "NewCall", "before")) == (1.0, 0.0)
    assert rules.delay("connector", "NewCall", "after") == 2.0


def _kind(rule: Rule | None) -> str | None:
    return None if rule is None else rule.kind


@pytest.mark.parametrize(
    "rule",
    [
        {"kind": "rude"},
        {"kind": "empty", "service": "telephone"},
        {"kind": "slow", "when": "never"},
        {"kind": "slow", "seconds": -1},
        {"kind": "slow", "seconds": 4000},
        {"kind": "empty", "times": 0},
        {"kind": "empty", "colour": "purple"},
    ],
)
def test_rules_are_checked(pair: Pair, rule: dict[str, object]) -> None:
    """A rule that means nothing is refused, and the host says what is allowed."""
    with pytest.raises(LabError, match="refuses /wrong"):
        pair.answer_wrongly("ce1", **rule)  # type: ignore[arg-type]


@pytest.mark.parametrize("direction", ["both", "answers"])
def test_silent_network_drop(pair: Pair, dial: Dial, channels: list[str], direction: str) -> None:
    """A network can be cut without a word: what was sent meanwhile arrives when it is whole again."""
    peer = dial()
    peer.open(channels)
    pair.blackhole("ce1", "connector", direction=direction)
    with ThreadPoolExecutor(2) as pool:
        waiting = [
            pool.submit(peer.set_readiness, [(channels[0], True)]),
            pool.submit(dial().new_call, channels[1], "call"),  # a new connection is taken, and as silent
        ]
        if direction == "answers":
            pair.wait_until(lambda: pair.states(peer.ivr)["Ready"] == 1)
            pair.wait_until(lambda: pair.states(peer.ivr)["Busy"] == 1)
        else:
            pair.wait_until(lambda: pair.status("ce1")["connections"]["connector"] == 2)
            assert pair.states(peer.ivr) == {"NotReady": len(channels)}
        assert not any(each.done() for each in waiting)
        pair.heal("ce1", "connector")
        assert states(waiting[0].result(10)) == {channels[0]: "Ready"}
        assert waiting[1].result(10).State == "Busy"


def test_caller_that_hung_up_during_a_drop(pair: Pair, ivr: str) -> None:
    """A caller that hangs up during a silent drop is missed when the network is whole again; it was told nothing."""
    sign_on = f"<IvrName>{ivr}</IvrName><InstanceId>a</InstanceId><Channel>{ivr}-1</Channel>"
    with Wire(pair, "ce1", "connector") as wire:
        assert wire.post("OpenSession", sign_on)[0] == 200
        pair.blackhole("ce1")
        wire.send("OpenSession", sign_on)
    assert [row for row in pair.sessions("ce1") if row["ivr"] == ivr]
    pair.heal("ce1")
    pair.wait_until(lambda: not [row for row in pair.sessions("ce1") if row["ivr"] == ivr])
    closed = [row for row in pair.requests("ce1") if row["what"] == "closed"][-1]
    told = [row["what"] for row in pair.requests("ce1") if row["connection"] == closed["connection"]]
    assert told == ["opened", "request", "answered", "request", "unheard", "closed"]
