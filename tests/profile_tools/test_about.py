"""What a profile is and does, told from the profile itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agentchan.ce.profile_loader import load_profile
from agentchan.profile_tools.about import abilities, about
from tests.profile_tools.serving import WSDLS


@pytest.mark.parametrize("name", ["reference", "minimum", *(f"{WSDLS}/{each}" for each in ("wcf", "soap12", "rpc"))])
def test_everything_is_plain(name: str) -> None:
    """It is JSON; each duty has a message, what goes into it, and what comes out of its reply."""
    profile = load_profile(name)
    value = about(profile)
    json.dumps(value)
    assert {duty["duty"] for duty in value["duties"]} == profile.duties
    for duty in value["duties"]:
        assert duty["message"].startswith("<s:Envelope")
        assert duty["headers"]["Content-Type"]
        for parameter in duty["parameters"]:
            assert parameter["value"]
            assert parameter["kind"]


def test_a_message_with_plausible_values() -> None:
    """As it would go out, with its headers, and nothing against it by the WSDL."""
    value = about(load_profile("minimum"))
    (new_call,) = [duty for duty in value["duties"] if duty["duty"] == "new_call"]
    assert "<ChannelName>ivr1-001</ChannelName>" in new_call["message"]
    assert new_call["headers"]["SOAPAction"] == '"urn:agentchan:contract:minimum:1/NewCall"'
    assert new_call["problems"] == []
    assert {"path": "CallToken", "result": "call_token"} in new_call["results"]
    outcome = {"fault": None, "path": "NewCallResult", "equals": ["2"], "means": "duplicate"}
    assert outcome in new_call["outcomes"]
    assert value["not_mapped"] == [
        "open_session",
        "set_readiness",
        "heartbeat",
        "close_session",
        "get_status",
        "watch_status",
    ]


def test_forms_words_and_lists() -> None:
    """A time's form, the site's words for ours, and what is there once for each channel, are told."""
    soap12 = about(load_profile(f"{WSDLS}/soap12"))["duties"]
    assert any(each["value"] == "{started_at:%d.%m.%Y %H:%M:%S}" for each in soap12[0]["parameters"])
    wcf = {duty["duty"]: duty for duty in about(load_profile(f"{WSDLS}/wcf"))["duties"]}
    assert {"path": "lines/string", "value": "each channel: {channel}", "kind": "text", "required": False} in wcf[
        "open_session"
    ]["parameters"]
    (role,) = wcf["heartbeat"]["results"]
    assert role == {"path": "KeepAliveResult", "result": "role", "words": {"Aktiv": "Active", "Passiv": "Standby"}}
    assert any(each["fault"] == "Problem" for each in wcf["new_call"]["outcomes"])


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("reference", "the Component Service, at once when it changes"),
        ("reference", "many channels in one request"),
        ("reference", "is sent again at once"),
        ("minimum", "the first IVR Connector in line that accepts"),
        ("minimum", "There is no sign-on"),
        ("minimum", "Channels cannot be taken out"),
        ("minimum", "a probe (tcp) stands for it"),
        ("minimum", "retry_guard"),
        ("minimum", "may have a value 'campaign'"),
        ("minimum", "where that was lost: call-id"),
        ("wcf", "one channel in each request"),
        ("soap12", "by keeping back the Gone of its last call"),
        ("soap12", "closes the connection after each reply"),
    ],
)
def test_what_can_be_done_with_it(name: str, said: str) -> None:
    """In sentences for people who have never seen it."""
    found = " ".join(abilities(load_profile(name if not Path(WSDLS / name).exists() else f"{WSDLS}/{name}")))
    assert said in found
