"""What must agree between a configuration and its profile, and who says so: the daemon, the checks, a reload."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from agentchan.ce.profile import SHIPPED, Profile
from agentchan.ce.profile_loader import load_profile
from agentchan.ce.profile_reading import ProfileError
from agentchan.config import load, parse
from agentchan.config.with_profile import faults, profile_of, warnings
from agentchan.reload import _read as read_anew
from agentchan.service_maker import service_of
from tests.ce.wsdls import profile
from tests.cli.running import run
from tests.config.texts import FILE, MINIMAL

ANSWERS = """\
[ivr]
name = "ivr1"
channels = ["ivr1-{001..003}", "other"]
[ce]
profile = "minimum"
active_by = "connector-answers"
[agent_channel]
connector_urls = ["http://ce1.example.com:8095/IVRConnector"]
"""
CAMPAIGN = '[ivr.channel_values."*"]\ncampaign = "billing"\n'


def without(one: Profile, *duties: str, **changes: Any) -> Profile:
    """A profile that lacks something."""
    return evolve(one, mapped={name: duty for name, duty in one.mapped.items() if name not in duties}, **changes)


def without_result(one: Profile, name: str) -> Profile:
    """A profile no duty of which has this result."""
    mapped = {
        duty: evolve(each, results={path: result for path, result in each.results.items() if result != name})
        for duty, each in one.mapped.items()
    }
    return evolve(one, mapped=mapped)


def needing(folder: Path) -> Path:
    """Write the minimum profile there, with a WSDL that makes its campaign a must; its folder."""
    shutil.copytree(SHIPPED / "minimum", folder, dirs_exist_ok=True)
    wsdl = folder / "ivr_connector.wsdl"
    optional = '<xs:element name="Campaign" type="xs:string" minOccurs="0"/>'
    assert optional in wsdl.read_text()
    wsdl.write_text(wsdl.read_text().replace(optional, optional.replace(' minOccurs="0"', "")))
    return folder


with tempfile.TemporaryDirectory() as place:
    NEEDING = load_profile(f"{needing(Path(place))}/")
REFERENCE, MINIMUM = profile("reference"), profile("minimum")
BY_LINK = MINIMAL + CAMPAIGN
FRONTEND = BY_LINK.replace('["ivr1-{001..003}"]', "[]")

FAULTY: dict[str, tuple[str, Profile, list[tuple[int, str, str, str]]]] = {
    "nobody to ask who is active": (
        BY_LINK + '[ce]\nprofile = "minimum"\n',
        MINIMUM,
        [(9, "ce.profile", "has no [component_service]", 'set active_by = "connector-answers"')],
    ),
    "nobody to ask in frontend mode": (
        FRONTEND,
        MINIMUM,
        [(1, "ce.profile", "has no [component_service]", "frontend mode only asks the component link")],
    ),
    "frontend mode, and connectors that answer": (
        FRONTEND + '[ce]\nprofile = "minimum"\nactive_by = "connector-answers"\n',
        MINIMUM,
        [(9, "ce.profile", "has no [component_service]", "frontend mode only asks the component link")],
    ),
    "nobody names the connectors": (
        BY_LINK + "[agent_channel]\nlanes = 1\n".replace("lanes = 1", 'backoff_initial = "100ms"'),
        without_result(REFERENCE, "connector_url"),
        [(8, "agent_channel.connector_urls", "is missing, and the component link does not name them", "connector_url")],
    ),
    "a silent host would never be seen": (
        ANSWERS + CAMPAIGN,
        without(MINIMUM, probe=None),
        [(6, "ce.active_by", "would never see a silent host", 'probe = "tcp"')],
    ),
    "no channel has a value": (
        ANSWERS,
        NEEDING,
        [(1, "ivr.channel_values", 'ivr1-001 and 3 other channels have no value "campaign"', 'campaign = "…"')],
    ),
    "some have none": (
        ANSWERS + '[ivr.channel_values."ivr1-00[12]"]\ncampaign = "x"\n[ivr.channel_values.other]\ncampaign = ""\n',
        NEEDING,
        [(9, "ivr.channel_values", 'ivr1-003 has no value "campaign"', '[ivr.channel_values."*"] campaign')],
    ),
    "another value": (
        ANSWERS + '[ivr.channel_values."*"]\nqueue = "x"\n',
        NEEDING,
        [(9, "ivr.channel_values", 'ivr1-001 and 3 other channels have no value "campaign"', "campaign")],
    ),
    "several at once": (
        MINIMAL + '[ce]\nprofile = "minimum"\n',
        NEEDING,
        [
            (1, "ivr.channel_values", "ivr1-001 and 2 other channels have no value", "campaign"),
            (7, "ce.profile", "has no [component_service]", "connector-answers"),
        ],
    ),
}


@pytest.mark.parametrize("name", FAULTY)
def test_what_cannot_work(name: str) -> None:
    """Each with the line of what is to be changed, what is wrong, and what mends it."""
    text, fitting, expected = FAULTY[name]
    found = faults(parse(text.encode(), FILE, host_name="h"), fitting)
    assert [(fault.file, fault.line, fault.key) for fault in found] == [(FILE, line, key) for line, key, *_ in expected]
    for fault, (_, _, wrong, allowed) in zip(found, expected, strict=True):
        assert wrong in fault.wrong
        assert allowed in fault.allowed


@pytest.mark.parametrize(
    ("text", "fitting"),
    [
        (MINIMAL, REFERENCE),
        (ANSWERS + CAMPAIGN, NEEDING),
        (ANSWERS, MINIMUM),
        (FRONTEND, REFERENCE),
        (FRONTEND, without_result(REFERENCE, "connector_url")),
        (MINIMAL, without(REFERENCE, "heartbeat")),
        (ANSWERS + '[ivr.channel_values."*"]\ncampaign = ""\n', NEEDING),
        (
            MINIMAL + '[agent_channel]\nconnector_urls = ["http://ce1/"]\n',
            without_result(REFERENCE, "connector_url"),
        ),
    ],
)
def test_what_fits(text: str, fitting: Profile) -> None:
    """Nothing is said of what works."""
    assert faults(parse(text.encode(), FILE, host_name="h"), fitting) == ()


HEALTH = '[ivr.health]\ncheck = "tcp://127.0.0.1:5060"\n'


@pytest.mark.parametrize(
    ("text", "fitting", "expected"),
    [
        (MINIMAL + HEALTH + '[ce]\ndomain = "d"\n', REFERENCE, []),
        (MINIMAL + '[ce]\ndomain = "d"\n', without_result(REFERENCE, "domain"), [(7, "ce.domain")]),
        (ANSWERS + CAMPAIGN + "[signals]\n[ce.auth]\n", MINIMUM, []),
        (ANSWERS.replace("[ce]", '[ce]\ndomain = "d"') + CAMPAIGN, MINIMUM, [(5, "ce.domain")]),
        (ANSWERS + CAMPAIGN + HEALTH, MINIMUM, [(11, "ivr.health")]),
        (ANSWERS + CAMPAIGN + HEALTH, evolve(MINIMUM, withholds_gone=True), []),
    ],
)
def test_what_has_no_effect(text: str, fitting: Profile, expected: list[tuple[int, str]]) -> None:
    """Warnings, with their lines; the daemon works all the same."""
    found = warnings(parse(text.encode(), FILE, host_name="h"), fitting)
    assert [(warning.line, warning.key) for warning in found] == expected


def test_as_many_patterns_as_channels() -> None:
    """Some thousand channels with a value each are looked over before anybody notices."""
    values = "".join(f'[ivr.channel_values.c-{number:05}]\ncampaign = "x"\n' for number in range(1, 10_000))
    text = ANSWERS.replace('"ivr1-{001..003}", "other"', '"c-{00001..10000}"') + values
    configuration = parse(text.encode(), FILE, host_name="h")
    began = time.thread_time()
    (fault,) = faults(configuration, NEEDING)
    assert time.thread_time() - began < 1
    assert fault.wrong.startswith('c-10000 has no value "campaign"')


@pytest.fixture
def unfit(tmp_path: Path) -> Path:
    """A configuration that its profile cannot work with."""
    needing(tmp_path / "site")
    path = tmp_path / "agentchan.toml"
    path.write_text(ANSWERS.replace('"minimum"', '"./site"'))
    return path


def test_the_daemon_does_not_start(unfit: Path) -> None:
    """78, which systemd takes for an answer; the fault is on standard error."""
    command = [str(Path(sys.executable).with_name("twistd")), "-n", "--pidfile=", "agentchan", "--config", str(unfit)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 78
    assert ended.stderr.startswith(f"{unfit}:1: ivr.channel_values: ivr1-001 and 3 other channels have no value")


def test_the_service_is_not_made(unfit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nor in this process."""
    with pytest.raises(SystemExit) as ended:
        service_of(load(unfit))
    assert ended.value.code == 78
    assert "campaign" in capsys.readouterr().err


def test_config_check(unfit: Path) -> None:
    """The same, as text and as JSON; with --no-files the profile is not looked at."""
    result = run(None, "config", "check", "--config", str(unfit))
    assert (result.exit_code, result.stdout) == (78, "")
    assert result.stderr == str(faults(load(unfit), NEEDING)[0]) + "\n"
    as_json = run(None, "config", "check", "--config", str(unfit), "--json")
    assert as_json.exit_code == 78
    (fault,) = json.loads(as_json.stdout)["faults"]
    assert (fault["line"], fault["key"]) == (1, "ivr.channel_values")
    assert run(None, "config", "check", "--config", str(unfit), "--no-files").exit_code == 0


def test_config_check_warns(unfit: Path) -> None:
    """What has no effect is said, and is no fault."""
    unfit.write_text(unfit.read_text() + CAMPAIGN + HEALTH)
    result = run(None, "config", "check", "--config", str(unfit))
    assert result.exit_code == 0
    assert "1 warning" in result.stdout
    assert f"{unfit}:11: ivr.health: takes no channel out" in result.stderr


def test_a_reload_is_refused(unfit: Path) -> None:
    """With channels that have no value the old configuration stays in force; with a value they are taken."""
    unfit.write_text(unfit.read_text().replace(', "other"', "") + CAMPAIGN.replace('"*"', '"ivr1-*"'))
    running = load(unfit)
    assert read_anew(running, NEEDING).faults == ()
    unfit.write_text(unfit.read_text().replace('{001..003}"', '{001..003}", "other"'))
    read = read_anew(running, NEEDING)
    assert read.configuration is None
    assert read.faults == tuple(str(fault) for fault in faults(load(unfit), NEEDING))
    assert "9: ivr.channel_values: other has no value" in read.faults[0]


def test_doctor(unfit: Path) -> None:
    """The doctor says it too, and ends there."""
    result = run(None, "doctor", "--config", str(unfit))
    assert result.exit_code == 78
    assert "campaign" in result.output


def test_a_profile_beside_the_configuration(unfit: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its path starts from the configuration's folder, wherever one is."""
    monkeypatch.chdir("/")
    (unfit.parent / "site" / "profile.toml").write_text("nonsense = 1\n")
    with pytest.raises(ProfileError, match=re.escape("site/profile.toml:1: nonsense")):
        profile_of(load(unfit))
