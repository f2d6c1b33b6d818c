"""The SOAP door's side of each profile: a script is read, and answered as CE would (interfaces.md 3)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from agentchan.ce.door_codec import Asked, DoorCodec, DoorFault, Said
from agentchan.ce.profile_loader import load_profile
from agentchan.ce.wsdl import SoapVersion
from agentchan.ce.xml_input import local_name
from agentchan.vocabulary import ChannelState, Gone, Meaning, NewCall
from tests.ce.test_profile import WSDL
from tests.ce.wsdls import ALL, URL, codec, envelope, profile

AT = datetime(2026, 11, 24, 10, 15, 30, tzinfo=UTC)
NEW_CALL = NewCall("signal-1", "ivr1", "ivr1-001", "call-1", AT, "+4930", "+4940")
GONE = Gone("signal-2", "ivr1", "ivr1-001", "call-1", AT, "completed", "token-1")
NAMESPACE = "urn:agentchan:contract:ivr-connector:1"
words = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zs", "Zl", "Zp", "Cn"]), min_size=1, max_size=40)


@cache
def door(name: str) -> DoorCodec:
    """The door of a profile."""
    return DoorCodec(profile(name))


def request(**fields: str) -> bytes:
    """A NewCall of the reference contract with these elements, in order."""
    inside = "".join(f"<{name}>{value}</{name}>" for name, value in fields.items())
    return envelope(f'<NewCall xmlns="{NAMESPACE}">{inside}</NewCall>')


GOOD = {"SignalId": "s1", "IvrName": "ivr1", "Channel": "c1", "CallId": "1", "StartedAt": "2026-11-24T10:15:30Z"}


def fault_of(body: bytes, name: str = "reference", action: str | None = None) -> DoorFault:
    """The fault that a request comes to."""
    with pytest.raises(DoorFault) as fault:
        door(name).read(body, action)
    return fault.value


# Requests.


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("signal", [NEW_CALL, GONE], ids=["NewCall", "Gone"])
def test_what_the_daemon_writes_the_door_reads(name: str, signal: NewCall | Gone) -> None:
    """Both go by the same templates: every field of the profile comes back, with nothing left to carry."""
    duty = "new_call" if isinstance(signal, NewCall) else "gone"
    asked = door(name).read(codec(name).encode(signal, URL).body, profile(name).mapped[duty].operation.action)
    assert (asked.duty, asked.operation) == (duty, profile(name).mapped[duty].operation.name)
    known = {field: getattr(signal, field, None) for field in profile(name).mapped[duty].fields}
    for field, value in asked.fields.items():
        if known.get(field) is not None:
            assert value == known[field], field
    for at in asked.times.values():
        assert abs((at - AT).total_seconds()) < 60


@given(caller=words, call_id=words, channel=words)
def test_any_words(caller: str, call_id: str, channel: str) -> None:
    """Whatever XML allows goes through the door as it is."""
    signal = evolve(NEW_CALL, caller=caller, call_id=call_id, channel=channel)
    asked = door("reference").read(codec("reference").encode(signal, URL).body, None)
    assert (asked.fields["caller"], asked.fields["call_id"], asked.fields["channel"]) == (caller, call_id, channel)


@given(st.binary(max_size=300))
def test_any_bytes(body: bytes) -> None:
    """What is no request is answered by a fault, whatever it is."""
    assert fault_of(body).means is Meaning.REFUSED


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "cannot be read"),
        (b"<a/>", "not a SOAP Envelope"),
        (envelope("<a/>", SoapVersion.SOAP_12), "another version"),
        (envelope(""), "has 0 elements"),
        (envelope('<Other xmlns="urn:x"/>'), "is no operation of this service"),
        (envelope("<NewCall/>"), "is no operation of this service"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]>' + request(**GOOD), "cannot be read"),
        (request(**{**GOOD, "StartedAt": "yesterday"}), "is not as its WSDL says"),
        (request(**{**GOOD, "CallId": "x" * 201}), "is not as its WSDL says"),
        (request(Channel="c1"), "is not as its WSDL says"),
        (request(**{**GOOD, "StartedAt": "2026-11-24T10:15:30"}), "has no zone"),
    ],
)
def test_what_is_no_request(body: bytes, says: str) -> None:
    """The caller is told what is wrong with it; it is the sender's fault."""
    fault = fault_of(body)
    assert says in fault.text
    assert (fault.means, fault.senders) == (Meaning.REFUSED, True)


def test_headers() -> None:
    """Credentials and addresses are for CE and mean nothing here; what else must be understood is refused."""
    wsse = (
        '<w:Security xmlns:w="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd" '
        's:mustUnderstand="1"><w:UsernameToken><w:Username>ivr</w:Username></w:UsernameToken></w:Security>'
    )
    address = '<a:To xmlns:a="http://www.w3.org/2005/08/addressing" s:mustUnderstand="1">http://ce1/</a:To>'
    body = request(**GOOD)[len(envelope("").partition(b"<s:Body>")[0]) + 8 : -len(b"</s:Body></s:Envelope>")].decode()
    assert door("reference").read(envelope(body, header=wsse + address), None).duty == "new_call"
    assert door("reference").read(envelope(body, header='<x:A xmlns:x="urn:x"/>'), None).duty == "new_call"
    odd = envelope(body, header='<x:A xmlns:x="urn:x" s:mustUnderstand="1"/>')
    assert "{urn:x}A is not understood" in fault_of(odd).text


def test_other_operations() -> None:
    """An operation that is no call signal is named, for whoever decides what to do with it."""
    heartbeat = envelope(f'<Heartbeat xmlns="{NAMESPACE}"><SessionId>1</SessionId></Heartbeat>')
    assert door("reference").read(heartbeat, None) == Asked(None, "Heartbeat")


def test_zones_of_times() -> None:
    """A time keeps the instant that the script meant."""
    asked = door("reference").read(request(**{**GOOD, "StartedAt": "2026-11-24T11:15:30.250+01:00"}), None)
    assert asked.times["started_at"] == AT.replace(microsecond=250_000)


# What no duty maps is carried through.


SHAPES = "shapes"


@pytest.mark.parametrize("name", ["reference", "minimum", "shapes", "wcf", "soap12", "bare", "rpc"])
def test_what_is_carried_comes_out_again(name: str) -> None:
    """Whatever optional parameter a script gives is in the daemon's own request, at its place."""
    mapped = profile(name).mapped["new_call"]
    optional = [path for path in mapped.request.optional if "/" not in path]
    body = codec(name).encode(NEW_CALL, URL).body
    root = etree.fromstring(body)
    version = profile(name).connector.version
    (element,) = root.find(f"{{{version.value}}}Body")  # type: ignore[union-attr]
    wanted = {}
    for path in optional:
        shape = mapped.operation.request.find(path)
        assert shape is not None
        if shape.children or shape.kind is None or shape.kind.name != "TEXT":
            continue
        wanted[path] = f"carried {path}"
    if not wanted:
        return
    shape = mapped.operation.request
    given_by_script = _with(element, shape, wanted)
    asked = door(name).read(etree.tostring(given_by_script.getroottree()), mapped.operation.action)
    assert set(json.loads(asked.parameters)) == set(wanted)
    sent = codec(name).encode(evolve(NEW_CALL, parameters=asked.parameters), URL).body
    found = {local_name(each): each.text for each in etree.fromstring(sent).iter() if isinstance(each.tag, str)}
    for path, text in wanted.items():
        assert found[path] == text


def _with(element: etree._Element, shape: object, texts: dict[str, str]) -> etree._Element:
    """The request with more elements, in the order of its shape."""
    there = {local_name(child): child for child in element}
    for child in list(element):
        element.remove(child)
    for part in shape.children:  # type: ignore[attr-defined]
        if part.name in texts:
            made = etree.SubElement(element, part.tag)
            made.text = texts[part.name]
        elif part.name in there:
            element.append(there[part.name])
    return element


# Answers.


def site(folder: Path, outcomes: str) -> DoorCodec:
    """The door of a profile whose answer has two optional texts, with these outcomes."""
    (folder / "all.wsdl").write_text(WSDL)
    duty = 'operation = "All"\nparameters = { A = "{channel}", B = "{call_id}" }'
    text = f'name = "site"\n[ivr_connector]\nwsdl = "all.wsdl"\n[ivr_connector.gone]\n{duty}\n'
    (folder / "profile.toml").write_text(f"{text}[ivr_connector.new_call]\n{duty}\n{outcomes}")
    return DoorCodec(load_profile(str(folder)))


def test_an_element_whose_presence_means_trouble(tmp_path: Path) -> None:
    """It is not there in a good answer."""
    outcomes = '[[ivr_connector.new_call.outcomes]]\npath = "R"\nmeans = "refused"'
    body = site(tmp_path, outcomes).reply(Asked("new_call", "All"), Said(ChannelState.BUSY, "1", None, False))
    assert b"<R" not in body


def test_a_profile_without_a_word_for_duplicates(tmp_path: Path) -> None:
    """A signal that is said again is answered as if it were said for the first time."""
    outcomes = '[[ivr_connector.new_call.outcomes]]\npath = "R"\nequals = "ok"\nmeans = "confirmed"'
    body = site(tmp_path, outcomes).reply(Asked("new_call", "All"), Said(ChannelState.BUSY, "1", None, True))
    assert b"<R>ok</R>" in body


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("repeated", [False, True])
@pytest.mark.parametrize("signal", [NEW_CALL, GONE], ids=["NewCall", "Gone"])
def test_answers_are_as_ce_would_give_them(name: str, repeated: bool, signal: NewCall | Gone) -> None:
    """The daemon's own codec, which goes by the WSDL, finds a good answer with state and token in it."""
    duty = "new_call" if isinstance(signal, NewCall) else "gone"
    mapped = profile(name).mapped[duty]
    asked = Asked(duty, mapped.operation.name)
    state = ChannelState.BUSY if duty == "new_call" else ChannelState.READY
    body = door(name).reply(asked, Said(state, "call-1", "token-1", repeated))
    reply = codec(name).decode(signal, 200, door(name).media_type, body)
    assert reply.good
    tells = any(each.means is Meaning.DUPLICATE for each in mapped.reply.outcomes)
    assert (reply.meaning is Meaning.DUPLICATE) is (repeated and tells)
    if "state" in mapped.results.values():
        assert reply.reports[0].state is state
    if "call_token" in mapped.results.values():
        assert reply.call_token == "token-1"


def test_a_token_that_is_not_known_yet() -> None:
    """While CE has not answered the call id stands for it."""
    body = door("minimum").reply(Asked("new_call", "NewCall"), Said(ChannelState.BUSY, "call-1", None, False))
    assert b"<CallToken>call-1</CallToken>" in body


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("means", [Meaning.REFUSED, Meaning.UNKNOWN_CHANNEL, Meaning.UNKNOWN_IVR, Meaning.RETRY])
def test_faults_are_as_ce_would_give_them(name: str, means: Meaning) -> None:
    """With the detail of the WSDL, where the profile says which stands for what."""
    fault = DoorFault(means, "it is <so>")
    status = door(name).status(fault)
    reply = codec(name).decode(NEW_CALL, status, door(name).media_type, door(name).fault(fault))
    assert not reply.good
    assert "it is <so>" in reply.message
    if name == "reference":
        assert reply.meaning is means
    sender = profile(name).connector.version is SoapVersion.SOAP_12 and fault.senders
    assert status == (400 if sender else 500)


@pytest.mark.parametrize("name", ALL)
def test_the_wsdl(name: str) -> None:
    """It is the profile's own, with the door's address in it, and so is everything that it imports."""
    files = profile(name).connector.files
    served = door(name).wsdl("http://here:1/IVRConnector")
    assert served is not None
    assert b'location="http://here:1/IVRConnector"' in served
    for other in files.files:
        assert door(name).wsdl("http://here:1/IVRConnector", other) is not None
    assert door(name).wsdl("http://here:1/IVRConnector", "../profile.toml") is None
