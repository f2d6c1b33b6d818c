"""A first profile from nothing but a WSDL: what can be guessed by names, and what is left to people."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from agentchan.ce.profile_loader import load_profile
from agentchan.ce.wsdl import read_service
from agentchan.profile_tools.beginning import CannotBeginError, begin
from agentchan.profile_tools.download import Bundle
from agentchan.profile_tools.first_profile import decisions, profile_text
from agentchan.profile_tools.guessing import choose, draft
from agentchan.profile_tools.name_tables import OPERATIONS
from agentchan.profile_tools.names import best, plain, variants, word_for
from tests.profile_tools.drafting import duty, guessed, values, wsdl
from tests.profile_tools.serving import MINIMUM, REFERENCE, WSDLS

CALL = ["Channel", "CallId"]
BOTH = {"NewCall": (CALL, ["Ok?:boolean"]), "Gone": (CALL, ["Ok?:boolean"])}


def begun(tmp_path: Path, folder: Path, connector: str, component: str | None = None) -> Path:
    """The folder of a profile that was begun from files."""

    def bundle(main: str) -> Bundle:
        files = {
            str(path.relative_to(folder)): path.read_bytes()
            for path in folder.rglob("*.*")
            if path.suffix in (".wsdl", ".xsd")
        }
        return Bundle(main, files, {main: f"http://ce1/{main}"})

    # Files in folders below are no bundle's; these are read where they are.
    assert all("/" not in name for name in bundle(connector).files)
    output = tmp_path / "our-ce"
    begin(output, bundle(connector), None if component is None else bundle(component))
    return output


def mapping(profile: Path) -> dict[str, object]:
    """A profile's tables without what is only about the profile itself."""
    found = tomllib.loads((profile / "profile.toml").read_text(encoding="utf-8"))
    return {
        section: {key: value for key, value in found[section].items() if key not in ("wsdl", "port")}
        for section in ("ivr_connector", "component_service")
        if section in found
    }


# -- whole profiles ---------------------------------------------------------------------------------------------------


def test_the_reference_contract(tmp_path: Path) -> None:
    """Everything in it can be guessed: what comes out is the shipped profile."""
    output = begun(tmp_path, REFERENCE, "ivr_connector.wsdl", "component_service.wsdl")
    expected, found = mapping(REFERENCE), mapping(output)
    component = expected["component_service"]
    assert isinstance(component, dict)
    component["watch_status"]["results"] = component["get_status"]["results"]
    for section in (expected["ivr_connector"], found["ivr_connector"]):
        assert isinstance(section, dict)
        section["outcomes"].sort(key=lambda outcome: outcome["equals"])
    assert found == expected
    assert decisions((output / "profile.toml").read_text(encoding="utf-8")) == ()
    assert load_profile(str(output)).duties == load_profile("reference").duties


def test_the_minimum(tmp_path: Path) -> None:
    """Its parameters are mapped; what the result codes mean is left to people. It loads as it is."""
    output = begun(tmp_path, MINIMUM, "ivr_connector.wsdl")
    profile = load_profile(str(output))
    assert (profile.duties, profile.probe, profile.component) == ({"new_call", "gone"}, "tcp", None)
    assert profile.name == "our-ce"
    assert dict(profile.channel_keys) == {"campaign": False}
    text = (output / "profile.toml").read_text(encoding="utf-8")
    found = decisions(text)
    assert [each.text.partition(" ")[0] for each in found] == ['"withhold-gone"', "NewCallResult", "GoneResult"]
    assert all("DECIDE" in text.splitlines()[each.line - 1] for each in found)
    assert "# [ivr_connector.open_session]\n" in text


def test_rpc(tmp_path: Path) -> None:
    """The style rpc/literal is spoken like any other."""
    profile = load_profile(str(begun(tmp_path, WSDLS / "rpc", "connector.wsdl")))
    assert profile.mapped["new_call"].operation.name == "begin"


def test_soap_12_only(tmp_path: Path) -> None:
    """Is spoken where there is nothing else; the port is named, since there are others."""
    folder = tmp_path / "wsdl"
    folder.mkdir()
    text = (WSDLS / "soap12/connector.wsdl").read_text(encoding="utf-8")
    start = text.index('<wsdl:port name="Soap11"')
    text = text[:start] + text[text.index("</wsdl:port>", start) + len("</wsdl:port>") :]
    (folder / "connector.wsdl").write_text(text, encoding="utf-8")
    output = begun(tmp_path, folder, "connector.wsdl")
    written = (output / "profile.toml").read_text(encoding="utf-8")
    assert 'port = "Soap12"' in written
    assert "#   port Mail (SOAP over http://schemas.xmlsoap.org/soap/smtp, not HTTP)" in written
    path = output / "profile.toml"
    path.write_text(written.replace('# "@Version" = "…"', '"@Version" = "2"'), encoding="utf-8")
    assert load_profile(str(output)).connector.version.name == "SOAP_12"


def test_encoded_operations_are_named(tmp_path: Path) -> None:
    """What cannot be spoken is said; where that is everything, no profile is begun, and nothing is left on disk."""
    folder = tmp_path / "wsdl"
    folder.mkdir()
    text = (WSDLS / "rpc/connector.wsdl").read_text(encoding="utf-8")
    (folder / "connector.wsdl").write_text(text.replace('use="literal"', 'use="encoded"'), encoding="utf-8")
    with pytest.raises(CannotBeginError, match=r"none of its operations can be spoken: operation begin .*encoded"):
        begun(tmp_path, folder, "connector.wsdl")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["wsdl"]


def test_no_soap_at_all(tmp_path: Path) -> None:
    """Nor is one begun from a WSDL without a port that speaks SOAP over HTTP."""
    folder = tmp_path / "wsdl"
    folder.mkdir()
    (folder / "s.wsdl").write_text(wsdl(BOTH).replace("soap/http", "soap/tcp"), encoding="utf-8")
    with pytest.raises(CannotBeginError, match=r"http://ce1/s\.wsdl: s\.wsdl has no port that speaks SOAP"):
        begun(tmp_path, folder, "s.wsdl")


def test_a_folder_that_is_not_empty(tmp_path: Path) -> None:
    """Somebody's work is not written over."""
    (tmp_path / "our-ce").mkdir()
    (tmp_path / "our-ce/profile.toml").write_text("mine")
    with pytest.raises(CannotBeginError, match="is there already"):
        begun(tmp_path, MINIMUM, "ivr_connector.wsdl")
    assert (tmp_path / "our-ce/profile.toml").read_text() == "mine"


def test_an_empty_folder(tmp_path: Path) -> None:
    """Is taken."""
    (tmp_path / "our-ce").mkdir()
    assert (begun(tmp_path, MINIMUM, "ivr_connector.wsdl") / "profile.toml").exists()


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    """Is said."""
    (tmp_path / "file").write_text("")
    bundle = Bundle("s.wsdl", {"s.wsdl": b""}, {"s.wsdl": "http://ce1"})
    with pytest.raises(CannotBeginError, match="cannot be written"):
        begin(tmp_path / "file/our-ce", bundle, None)


# -- parts ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operations", "expected"),
    [
        (["NewCall", "Gone"], {"new_call": "NewCall", "gone": "Gone"}),
        (["IVR_NewCall_v2", "IVR_CallGone_v2"], {"new_call": "IVR_NewCall_v2", "gone": "IVR_CallGone_v2"}),
        (["CallStarted", "CallEnded", "Ping"], {"new_call": "CallStarted", "gone": "CallEnded", "heartbeat": "Ping"}),
        (["Register", "Unregister"], {"open_session": "Register", "close_session": "Unregister"}),
        (["GetState", "WaitState"], {"get_status": "GetState", "watch_status": "WaitState"}),
        (
            ["GetServerStatus", "WatchServerStatus"],
            {"get_status": "GetServerStatus", "watch_status": "WatchServerStatus"},
        ),
        (["Frobnicate"], {}),
    ],
)
def test_which_operation_does_which_duty(operations: list[str], expected: dict[str, str]) -> None:
    """Each one at most, by its name or a part of it."""
    assert choose(operations, tuple(OPERATIONS)) == expected


@pytest.mark.parametrize(
    ("spec", "value"),
    [
        ("ChannelName", "{channel}"),
        ("strChannel", "{channel}"),
        ("IVR", "{ivr}"),
        ("CallID", "{call_id}"),
        ("ANI", "{caller}"),
        ("DNIS", "{called}"),
        ("StartTime:dateTime", "{started_at}"),
        ("SignalId", "{signal_id}"),
        ("Campaign", "{channel.campaign}"),
        ("Skill", "{channel.skill}"),
        ("Frobs", None),
        ("StartTime:boolean", None),
        ("CallId:boolean", None),
        ("Priority:High|Low", None),
    ],
)
def test_what_goes_into_a_parameter(spec: str, value: str | None) -> None:
    """By its name, as far as its type allows."""
    found = duty(guessed({**BOTH, "NewCall": (["X", spec], [])}), "new_call")
    expected = None if value is None else f'"{value}"'
    assert values(found)[spec.partition(":")[0]] == expected


def test_what_the_wsdl_says_stands_beside_it() -> None:
    """Type, words, and whether it is required; what is required and was not guessed is to be decided."""
    request = ["Channel", "CallId:int", "Kind:New|Old", "Note?", "At"]
    lines = {line.path: line for line in duty(guessed({**BOTH, "NewCall": (request, [])}), "new_call").parameters}
    assert lines["Channel"].about == "text, required"
    assert lines["CallId"].about == "whole number, required; the IVR must use numbers, then"
    assert lines["Kind"].about == "one of New, Old, required"
    assert lines["Kind"].decide
    assert (lines["Note"].about, lines["Note"].decide) == ("text, optional", "")
    assert "in the site's own form" in lines["At"].about


def test_a_field_is_used_once() -> None:
    """Of two parameters that look alike the first is mapped."""
    found = values(duty(guessed({**BOTH, "NewCall": (["Channel", "ChannelId", "CallId"], [])}), "new_call"))
    assert found == {"Channel": '"{channel}"', "ChannelId": None, "CallId": '"{call_id}"'}


def test_a_session_id_must_have_been_given() -> None:
    """Only where OpenSession gives one, others speak of it."""
    with_ticket = {**BOTH, "Logon": (["Ivr", "Lines*"], ["Ticket"]), "Ping": (["Ticket"], [])}
    assert values(duty(guessed(with_ticket), "heartbeat")) == {"Ticket": '"{session_id}"'}
    assert values(duty(guessed({**BOTH, "Ping": (["Ticket"], [])}), "heartbeat")) == {"Ticket": None}


def test_a_token_is_the_calls_or_the_sessions() -> None:
    """The call's, where NewCall gives one."""
    token = {"NewCall": (CALL, ["Token"]), "Gone": (["Token"], [])}
    assert values(duty(guessed(token), "gone")) == {"Token": '"{call_token}"'}


def test_a_duty_that_could_not_mean_anything() -> None:
    """Is a comment as a whole, with the reason; NewCall and Gone are not, since a profile needs them."""
    found = guessed({**BOTH, "SetState": (["Foo"], [])})
    assert "looks like" in duty(found, "set_readiness").unusable
    text = profile_text(found, ["http://ce1/s?wsdl"], "./site")
    assert "# DECIDE: SetState looks like set_readiness, but none of its parameters looks like" in text
    assert '# operation = "SetState"' in text
    assert duty(guessed({"NewCall": (["Foo"], []), "Gone": (["Foo"], [])}), "new_call").unusable == ""


def test_who_is_active_in_the_same_wsdl() -> None:
    """Is a Component Service, if something in its reply looks like a role; a boolean will do."""
    found = guessed({**BOTH, "GetStatus": ([], ["IsActive:boolean", "Host"])})
    assert found.component is not None
    assert duty(found, "get_status").values["role"] == {
        "true": "Active",
        "1": "Active",
        "false": "Standby",
        "0": "Standby",
    }
    assert guessed({**BOTH, "GetStatus": ([], ["Host"])}).component is None


def test_words_of_a_site() -> None:
    """Those of other languages are ours where that can be seen; else somebody says what each means."""
    found = guessed({**BOTH, "GetStatus": ([], ["Role:Aktiv|Passiv"])})
    assert duty(found, "get_status").values == {"role": {"Aktiv": "Active", "Passiv": "Standby"}}
    strange = guessed({**BOTH, "Ping": ([], ["Role:Blau|Rot"])})
    (line,) = duty(strange, "heartbeat").results
    assert line.value is None
    assert "say in values.role" in line.decide


def test_readiness_as_a_number() -> None:
    """Which number means ready is a guess, and is said to be one."""
    found = duty(guessed({**BOTH, "SetReady": (["Channel", "Ready:int"], [])}), "set_readiness")
    assert found.values["ready"] == {"1": "true", "0": "false"}
    assert "a guess" in found.parameters[1].about


def test_faults() -> None:
    """A fault whose cause is one of some words is taken apart; any other is left to people."""
    causes = guessed(BOTH, ["Code:NotActive|UnknownChannel|Strange", "Channel"])
    means = [outcome.keys["means"] for outcome in causes.connector.outcomes]
    assert means == ['"not-active"', '"unknown-channel"', '"retry"']
    assert [bool(outcome.decide) for outcome in causes.connector.outcomes] == [False, False, True]
    assert [line.path for line in causes.connector.fault_results] == ["Problem/Channel"]
    (outcome,) = guessed(BOTH, ["Text"]).connector.outcomes
    assert outcome.decide


@pytest.mark.parametrize("word", ['a"b', "a\\b", "a # b", "{x}", "ä", "a&#10;b = 1&#10;[c]"])
def test_words_from_outside_stay_words(word: str, tmp_path: Path) -> None:
    """Whatever a WSDL has in it, no more comes of it in the profile than a text or a comment."""
    safe = word.replace('"', "&quot;")
    text = wsdl({**BOTH, "NewCall": ([*CALL, f"Kind:{safe}|Other"], [f"Code:{safe}|Ok"])})
    (tmp_path / "s.wsdl").write_text(text, encoding="utf-8")
    found = draft("site", read_service(tmp_path, "s.wsdl"), None)
    written = profile_text(found, ["http://ce1/s?wsdl"], "./site")
    assert set(tomllib.loads(written)) == {"name", "ivr_connector"}


def test_names() -> None:
    """Are compared without case, accents and anything but letters and digits; a plural is the same."""
    assert plain("Ruck-Schaltung_É1") == "ruckschaltunge1"
    assert list(variants("Call/@strId")) == ["id", "callid"]
    table = {"a": ("line",), "b": ("number",)}
    assert best("x/Lines", table, {"a", "b"}) == "a"
    assert best("CallerNumber", table, {"a", "b"}) == "b"
    assert best("Frob", table, {"a", "b"}) is None
    assert best("Line", table, {"b"}) is None
    assert word_for("ACTIVE", {"Active": (), "Standby": ()}) == "Active"
    assert word_for("RoleActive", {"Active": (), "Standby": ()}) == "Active"
    assert word_for("x", {"Active": ()}) is None
