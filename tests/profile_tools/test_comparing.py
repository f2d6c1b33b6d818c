"""A profile against another WSDL than its own: what would break, with its line, and what has merely changed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from agentchan.ce.profile import Profile
from agentchan.ce.profile_loader import load_profile
from agentchan.profile_tools.comparing import Comparison, compare, names_in_use
from agentchan.profile_tools.download import Bundle
from tests.profile_tools.drafting import wsdl
from tests.profile_tools.serving import REFERENCE, WSDLS

PROFILE = """
name = "site"
[ivr_connector]
wsdl = "s.wsdl"
[ivr_connector.new_call]
operation = "NewCall"
parameters = { Channel = "{channel}", CallId = "{call_id}" }
results = { Token = "call_token" }
[ivr_connector.gone]
operation = "Gone"
parameters = { Channel = "{channel}", CallId = "{call_id}" }
"""
CALL = ["Channel", "CallId"]
BOTH = {"NewCall": (CALL, ["Token?"]), "Gone": (CALL, ["Ok?"])}


@pytest.fixture
def profile(tmp_path: Path) -> Profile:
    """A small one."""
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "profile.toml").write_text(PROFILE, encoding="utf-8")
    (folder / "s.wsdl").write_text(wsdl(BOTH), encoding="utf-8")
    return load_profile(str(folder))


def against(profile: Profile, text: str) -> Comparison:
    """What comes of a comparison with another WSDL."""
    return compare(profile, Bundle("live.wsdl", {"live.wsdl": text.encode()}, {"live.wsdl": "http://ce1"}), None)


def test_the_same(profile: Profile) -> None:
    """Nothing has changed, and nothing of the profile is touched."""
    before = sorted(path.name for path in profile.folder.iterdir())
    assert against(profile, wsdl(BOTH)) == Comparison((), ())
    assert sorted(path.name for path in profile.folder.iterdir()) == before


@pytest.mark.parametrize(
    ("operations", "wrong"),
    [
        ({"NewCall": ([*CALL, "Campaign"], ["Token?"])}, 'the required parameter "Campaign" is missing'),
        ({"NewCall": (["Channel"], ["Token?"])}, "is no parameter of NewCall"),
        ({"NewCall": (CALL, ["Ticket"])}, "is not in the reply of NewCall"),
        ({"NewCall": (["Channel:boolean", "CallId"], ["Token?"])}, ""),
    ],
)
def test_what_would_break(profile: Profile, operations: dict[str, tuple[list[str], list[str]]], wrong: str) -> None:
    """As faults of the profile itself, with its path and line."""
    found = against(profile, wsdl({**BOTH, **operations}))
    if not wrong:
        assert [change.text for change in found.changes if not change.harmless] == [
            'NewCall, request: "Channel" is true or false, required, was text, required'
        ]
        return
    assert found.changes == ()
    assert wrong in str(found.faults[0])
    assert found.faults[0].file == profile.folder / "profile.toml"
    assert found.faults[0].line in (5, 7, 8)


def test_an_operation_that_is_gone(profile: Profile) -> None:
    """Is the plainest of all."""
    found = against(profile, wsdl({"NewCall": BOTH["NewCall"]}))
    assert "does not offer" in str(found.faults[0])


def test_a_wsdl_that_is_none(profile: Profile) -> None:
    """Is a fault, without a path of this machine in it."""
    found = against(profile, "<a/>")
    assert "is no WSDL 1.1" in str(found.faults[0])
    assert "agentchan-profile-" not in found.faults[0].wrong


def test_what_has_changed_without_harm(profile: Profile) -> None:
    """Something new that is optional, or in a reply."""
    more = {"NewCall": ([*CALL, "Note?"], ["Token?", "More"]), "Gone": (CALL, [])}
    found = against(profile, wsdl({**BOTH, **more}))
    assert all(change.harmless for change in found.changes)
    texts = [change.text for change in found.changes]
    assert 'NewCall, request: "Note" is new (text, optional)' in texts
    assert 'NewCall, reply: "More" is new (text, required)' in texts
    assert 'Gone, reply: "Ok" is gone (text, optional)' in texts


def test_what_has_changed_on_the_wire(profile: Profile) -> None:
    """Another SOAPAction, namespace, or version of SOAP: each message is another one."""
    text = wsdl(BOTH)
    found = against(profile, text.replace("urn:NewCall", "urn:Other"))
    assert [change.text for change in found.changes] == ['NewCall: SOAPAction is "urn:Other", not "urn:NewCall"']
    found = against(profile, text.replace("urn:s", "urn:t"))
    assert any("its element is {urn:t}NewCall, not {urn:s}NewCall" in change.text for change in found.changes)
    soap12 = text.replace("schemas.xmlsoap.org/wsdl/soap/", "schemas.xmlsoap.org/wsdl/soap12/")
    assert any("another version of SOAP" in change.text for change in against(profile, soap12).changes)


def test_a_component_service() -> None:
    """Has a WSDL of its own."""
    profile = load_profile("reference")
    text = (REFERENCE / "component_service.wsdl").read_text(encoding="utf-8")

    def live(changed: str) -> Comparison:
        return compare(profile, None, Bundle("c.wsdl", {"c.wsdl": changed.encode()}, {}))

    assert live(text) == Comparison((), ())
    assert "role" in str(live(text.replace('value="Standby"', 'value="Passive"')).faults)


def test_a_profile_of_many_files(tmp_path: Path) -> None:
    """Its files may have the names of the other WSDL's; those in folders below stay where they are."""
    profile = load_profile(str(WSDLS / "wcf"))
    assert "xsd/messages.xsd" in names_in_use(profile)
    folder = tmp_path / "flat"
    shutil.copytree(WSDLS / "wcf", folder)
    files = {
        str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.*") if path.name != "profile.toml"
    }
    assert compare(profile, Bundle("service.wsdl", files, {}), None) == Comparison((), ())
