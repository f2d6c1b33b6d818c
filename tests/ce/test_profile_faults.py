"""Faulty profiles: every fault at once, with its line and what to do about it."""

from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentchan.ce.profile import SHIPPED
from agentchan.ce.profile_loader import load_profile
from agentchan.ce.profile_reading import ProfileError, suggestion
from tests.ce.wsdls import FOLDER

WCF = (FOLDER / "wcf" / "profile.toml").read_text()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of a site's profile."""
    return Path(shutil.copytree(FOLDER / "wcf", tmp_path / "site"))


def faults(folder: Path, text: str) -> list[str]:
    """What is wrong with a profile, from the line on."""
    (folder / "profile.toml").write_text(text)
    with pytest.raises(ProfileError) as caught:
        load_profile(str(folder))
    return [str(fault).partition("profile.toml:")[2].replace(str(folder), "FOLDER") for fault in caught.value.faults]


def test_all_at_once(folder: Path) -> None:
    """Of a profile with dozens of faults each is told: file, line, key, what is wrong, what is allowed or meant."""
    shutil.copy(FOLDER / "faulty.toml", folder / "profile.toml")
    with pytest.raises(ProfileError) as caught:
        load_profile(str(folder))
    expected = (FOLDER / "faulty.txt").read_text().replace("FOLDER", str(folder))
    assert f"{caught.value}\n" == expected


OUTCOME = 'outcome = "{outcome}"'

ONE = [
    ('name = "wcf"', "name = ''", "3: name: is missing (the profile's name)"),
    (
        '"service.wsdl"',
        '"service.wsdl"\nport = "P"',
        "6: ivr_connector.wsdl: service.wsdl has no port P that speaks SOAP 1.1",
    ),
    (
        '"service.wsdl"',
        '"service.wsd"',
        "6: ivr_connector.wsdl: FOLDER/service.wsd does not exist, but the profile names it (",
    ),
    (
        'operation = "KeepAlive"',
        "",
        "58: ivr_connector.heartbeat.operation: is missing (the name of an operation of the WSDL)",
    ),
    (
        '"KeepAlive"',
        '"KeepAlve"',
        '59: ivr_connector.heartbeat.operation: is "KeepAlve", which service.wsdl does not offer',
    ),
    ('"KeepAlive"', '"KeepAlve"', 'on port BasicHttpBinding_IConnector (did you mean "KeepAlive"?)'),
    ('"call/Line"', '"line"', '.parameters.line: is no parameter of NewCall (did you mean "call/Line"?)'),
    (
        'available = "{ready}"',
        "",
        ".set_readiness.parameters: use no {ready} (CE could not know what SetState is about)",
    ),
    ('1 = "true"', '1 = "yes"', '55: ivr_connector.set_readiness.values.ready.1: is "yes" ("false" or "true")'),
    (
        'Passiv = "Standby"',
        "",
        '61: ivr_connector.heartbeat.results.KeepAliveResult: may be "Passiv" by the WSDL, which',
    ),
    ('Passiv = "Standby"', "", 'which values.role does not explain (map each to "Active" or "Standby")'),
    ("Passiv =", 'Pasiv = "Standby"\nPassiv =', '.values.role.Pasiv: is no word of the WSDL (did you mean "Passiv"?)'),
    (
        OUTCOME,
        'outcome = "{outcome!r}"',
        ".outcome: {outcome!r} is no field; a field is such as {call_id} or {channel.KEY} (",
    ),
    (
        OUTCOME,
        'outcome = "{channel.}"',
        ".outcome: {channel.} is no field; a field is such as {call_id} or {channel.KEY} (",
    ),
    (OUTCOME, 'outcome = "{ivr.name}"', '.outcome: {ivr.name} is not known here (did you mean "ivr"?)'),
    (OUTCOME, 'outcome = "{a} {"', ".outcome: its braces are wrong: "),
    (
        'Result/Lines/LineReport/Line" = "channel"',
        'Result/Lines/LineReport/Line" = "state"',
        'LineReport": does not say which channel each is (',
    ),
    (
        'LineReport" = { each = "channel" }',
        'LineReport" = { each = "x" }',
        '(the name of a result, or { each = "channel" })',
    ),
    ('SetStateResult = "state"', '"SetStateResult/@x" = "state"', "is not in the reply of SetState (did you mean "),
    (
        'equals = "2"',
        "equals = [2]",
        "77: ivr_connector.new_call.outcomes[0].equals: is a list (a string or a list of strings",
    ),
    (
        'means = "duplicate"',
        "",
        ".outcomes[0].means: is missing (confirmed, duplicate, not-active, unknown-session, session-",
    ),
    ('means = "duplicate"', 'means = "dup"', '.outcomes[0].means: is "dup" (did you mean "duplicate"?)'),
    (
        "[ivr_connector]\nwsdl",
        '[soap]\nheaders = "<a>"\n[ivr_connector]\nwsdl',
        "soap.headers: it is not well-formed XML (",
    ),
    (
        "[ivr_connector]\nwsdl",
        "[soap]\naddressing = 1\n[ivr_connector]\nwsdl",
        "soap.addressing: is the integer 1 (true or",
    ),
    ('LineReport/Line" = "channel"\n"P', 'LineReport/Line" = 1\n"P', '/LineReport/Line": is the integer 1 (a string)'),
    ('KeepAliveResult = "role"', 'KeepAliveResult = { each = "channel" }', ".KeepAliveResult: is a table (the name of"),
    (
        '"RegisterResult/Timeout" = "',
        '"RegisterResult/Lines" = { each = "channel" }\nx = "',
        ": is a second list of channels",
    ),
    (
        "[component_service]",
        "[componentservice]",
        '98: componentservice: is unknown (did you mean "component_service"?)',
    ),
    (
        'missing = "refuse"',
        "missing = true",
        "86: ivr_connector.gone.call_token_missing: is the boolean true (a string)",
    ),
    ('"Unregister"', "'Unregister'\nreply = { a = 'b' }", "the SOAP door replies to new_call and gone only"),
]
"""What stands in the site's profile, what stands there instead, and what is said of it."""


@pytest.mark.parametrize(("old", "new", "fault"), ONE)
def test_one(folder: Path, old: str, new: str, fault: str) -> None:
    """One fault is told with its line, and without many that would only follow from it."""
    assert old in WCF
    found = faults(folder, WCF.replace(old, new, 1))
    assert any(fault in each for each in found), found
    assert len(found) <= 2, found


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"name = ", "0: TOML: Invalid value (at end of document) (TOML 1.0 in UTF-8, see https://toml.io/en/v1.0.0)"),
        (b"\xff", "0: TOML: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte (TOML 1.0 in UTF-8"),
        (b"a = " + b"[" * 10_000, "0: TOML: "),
        (b"", "1: name: is missing (the profile's name)"),
        (b"ivr_connector = 5", "1: ivr_connector: is the integer 5 (a table)"),
        (b"[[ivr_connector]]", "1: ivr_connector: is a list (a table)"),
        (b"ivr_connector.outcomes = 5", "1: ivr_connector.outcomes: is no list of tables ([[ivr_connector.outcomes]])"),
    ],
)
def test_no_profile(tmp_path: Path, content: bytes, fault: str) -> None:
    """A file that is no profile at all."""
    (tmp_path / "profile.toml").write_bytes(content)
    with pytest.raises(ProfileError) as caught:
        load_profile(str(tmp_path))
    assert any(str(each).partition("profile.toml:")[2].startswith(fault) for each in caught.value.faults)


def test_no_file(tmp_path: Path) -> None:
    """A folder without a profile, or none at all."""
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(
            ProfileError, match=r"profile.toml:0: file: does not exist \(a profile is a folder with a profil"
        ):
            load_profile(str(path))


@pytest.mark.parametrize(
    ("site", "old", "new", "fault"),
    [
        (
            "shapes",
            'CallId = "{call_id}"\nPri',
            'CallId = "{call_id}"\nCallNumber = "5"\nPri',
            ".new_call.parameters: make Begin other than the WSDL says: Element 'CallNumber': This",
        ),
        ("shapes", 'CallId = "{call_id}"\nPri', "Pri", ".new_call.parameters: make Begin other than the WSDL says: "),
        (
            "shapes",
            '"@version" = "3"',
            '"@version" = "v3"',
            "@version\": 'v3' is not a valid value of the atomic type 'xs:int' (",
        ),
        (
            "shapes",
            'Priority = "high"',
            'Priority = "High"',
            ".Priority: The value 'High' is not an element of the set {'low'",
        ),
        (
            "shapes",
            '"@version" = "3"',
            "",
            '.parameters: the required parameter "@version" is missing (a template or a ',
        ),
        (
            "shapes",
            'Price = "0"',
            "",
            '.parameters: the required parameter "Price" is missing (a template or a constant)',
        ),
        ("shapes", 'Priority = "high"', 'Priority = "{ivr}"\n"From/Name" = ""', ""),
        (
            "bare",
            '{ "." = "call_token" }',
            '{ ".." = "call_token" }',
            'is not in the reply of Begin (did you mean "."?)',
        ),
        (
            "bare",
            '{ "." = "{call_token}" }',
            "{ }",
            '.gone.parameters: the required parameter "." is missing (a template',
        ),
        (
            "rpc",
            "literal",
            "encoded",
            '.gone.operation: is "end", which cannot be spoken: its messages are encoded, which WS-I',
        ),
    ],
)
def test_by_the_wsdl(tmp_path: Path, site: str, old: str, new: str, fault: str) -> None:
    """What the WSDL does not allow is told in its own words; what depends on values of the site is not judged."""
    folder = Path(shutil.copytree(FOLDER / site, tmp_path / "site"))
    text = (folder / "profile.toml").read_text()
    if old == "literal":
        begin, end = (folder / "connector.wsdl").read_text().split('"urn:end"')
        (folder / "connector.wsdl").write_text(f'{begin}"urn:end"{end.replace(old, new)}')
    if not fault:
        (folder / "profile.toml").write_text(text.replace(old, new))
        assert load_profile(str(folder)).name == site
        return
    found = faults(folder, text.replace(old, new))
    assert len(found) == 1
    assert fault in found[0]


REFERENCE = (SHIPPED / "reference" / "profile.toml").read_text()


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (
            'equals = "NotActive"',
            'equals = "NotActiv"',
            'outcomes[0].equals: is "NotActiv", which the WSDL does not have there (did you mean "NotActive"?)',
        ),
        (
            'path = "ConnectorFault/Code"',
            'path = "ConnectorFault/Cod"',
            'path: is "ConnectorFault/Cod", which is not in the fault (did you mean "ConnectorFault/Code"?)',
        ),
        (
            '"ConnectorFault/Channel" =',
            '"ConnectorFault/Chanel" =',
            'Chanel": is not in the fault ConnectorFault (did you mean "ConnectorFault/Channel"?)',
        ),
        (
            'equals = ["true", "1"]',
            'equals = ["yes"]',
            '.outcomes[0].equals: is "yes", which the WSDL does not have there (known here: 0, 1, false, true)',
        ),
        ('"ConnectorFault/Channel" =', '"OtherFault/Channel" =', ""),
    ],
)
def test_faults_of_the_wsdl(tmp_path: Path, old: str, new: str, fault: str) -> None:
    """Paths and words of faults are those of the WSDL; a fault that it does not declare may be anything."""
    folder = Path(shutil.copytree(SHIPPED / "reference", tmp_path / "site"))
    assert old in REFERENCE
    if not fault:
        (folder / "profile.toml").write_text(REFERENCE.replace(old, new, 1))
        assert load_profile(str(folder)).name == "reference"
        return
    found = faults(folder, REFERENCE.replace(old, new, 1))
    assert len(found) == 1
    assert fault in found[0]


def test_broken_wsdl(folder: Path) -> None:
    """Where the WSDL cannot be read, what does not depend on it is still told."""
    (folder / "service.wsdl").write_text("<html/>")
    found = faults(folder, WCF.replace('outcome = "{outcome}"', 'outcome = "{outcome}"\n[ivr_connector.gone.outcome]'))
    assert [each.split(":")[1] for each in found] == [
        " ivr_connector.wsdl",
        " ivr_connector.gone.outcome",
        " component_service.wsdl",
    ]


@pytest.mark.parametrize(
    ("name", "known", "suggested"),
    [
        ("chanel", ["channel", "call_id"], 'did you mean "channel"?'),
        ("REFERENCE", ["call/Reference", "call"], 'did you mean "call/Reference"?'),
        ("callreference", ["a/b/CallReference", "x"], 'did you mean "a/b/CallReference"?'),
        ("dup", ["duplicate", "retry"], 'did you mean "duplicate"?'),
        ("zzz", ["b", "a"], "known here: a, b"),
        ("zzz", [], "known here: nothing"),
        (
            "zzz",
            [f"p{number:02}" for number in range(20)],
            f"known here: {', '.join(f'p{n:02}' for n in range(12))}, and 8 more",
        ),
    ],
)
def test_suggestions(name: str, known: list[str], suggested: str) -> None:
    """The nearest name is suggested, whatever its case and wherever in a path; else all are listed, up to a dozen."""
    assert suggestion(name, known) == suggested


def written(value: Any) -> str:
    """A value as TOML, on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {written(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    return json.dumps(value)


texts = st.sampled_from(
    ["", "role", "channel", "{channel}", "{", "{ivr:%Y}", "state", "Active", "retry", "R", "@x", "."]
)
scalars = st.none() | st.booleans() | st.integers(-9, 9) | texts
values = st.recursive(
    scalars.filter(lambda value: value is not None),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2),
    max_leaves=4,
)


def mutated(data: st.DataObject, value: Any) -> Any:
    """The value with something in it exchanged, renamed or left out."""
    if not isinstance(value, dict | list) or not value or data.draw(st.integers(0, 5)) == 0:
        return data.draw(values)
    if isinstance(value, list):
        index = data.draw(st.integers(0, len(value) - 1))
        return [mutated(data, each) if index == number else each for number, each in enumerate(value)]
    key = data.draw(st.sampled_from(sorted(value)))
    rest = {name: each for name, each in value.items() if name != key}
    match data.draw(st.integers(0, 4)):
        case 0:
            return rest
        case 1:
            return {data.draw(texts): value[key], **rest}
    return {key: mutated(data, value[key]), **rest}


@settings(max_examples=80)
@given(data=st.data())
def test_anything(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whatever stands in a profile, it is loaded or refused with faults that have lines, and nothing else happens."""
    site = data.draw(st.sampled_from([FOLDER / "wcf", FOLDER / "shapes", SHIPPED / "reference", SHIPPED / "minimum"]))
    folder = tmp_path_factory.getbasetemp() / "any" / site.name
    if not folder.exists():
        shutil.copytree(site, folder)
    content = tomllib.loads((site / "profile.toml").read_text())
    for _ in range(data.draw(st.integers(1, 3))):
        content = mutated(data, content)
        if not isinstance(content, dict):
            content = {"name": content}
    lines = [f"{json.dumps(key)} = {written(value)}" for key, value in content.items()]
    (folder / "profile.toml").write_text("\n".join(lines))
    try:
        load_profile(str(folder))
    except ProfileError as error:
        every = [fault.line > 0 and fault.wrong.isprintable() for fault in error.faults]
    else:
        every = [True]
    assert all(every)
