"""``agentchan support-bundle``: everything that helps is in it, and no secret that was planted anywhere."""

from __future__ import annotations

import json
import stat
import subprocess
import tarfile
import tomllib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agentchan.cli.daemon import Daemon
from agentchan.config import load
from agentchan.support.archive import contents, write_archive
from agentchan.support.gathering import Gatherer, Piece, summary, versions
from agentchan.support.redacting import Redactor
from tests.cli.running import run
from tests.cli.stub import Asked, json_answer, stub
from tests.profile_tools.serving import MINIMUM

AT = datetime(2026, 11, 24, 13, 5, tzinfo=UTC)
PASSWORD = "known-password-1"
TOKEN = "known-token-2"
PLANTED = "pl4nted"
NUMBER = "+4930123456"

CONFIGURATION = f"""
# a comment with {PLANTED}
[ivr]
name = "ivr1"
channels = ["ivr1-{{1..3}}"]
[ivr.channel_values."*"]
campaign = "billing"
password = "{PLANTED}"
[ivr.health]
check = "http://127.0.0.1:8080/alive?token={PLANTED}"
[ce]
profile = "./site"
active_by = "connector-answers"
[ce.auth]
method = "basic"
username = "ivr"
password_file = "password"
[agent_channel]
connector_urls = ["http://127.0.0.1:9/C"]
[api]
socket = "a.sock"
token_file = "token"
[[notify]]
events = ["failover"]
url = "https://hooks.example.com/services/{PLANTED}?key={PLANTED}"
[[notify]]
events = ["stuck"]
command = ["/bin/true", "--password", "{PLANTED}"]
"""

EVERYWHERE = f"https://ivr:{PLANTED}@ce1/C said {PASSWORD} to {TOKEN} of caller={NUMBER}"
"""What any text from anywhere may have in it."""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A configuration with a site profile, and secrets planted wherever one may be."""
    (tmp_path / "password").write_text(f"{PASSWORD}\n")
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    profile = tmp_path / "site"
    profile.mkdir()
    text = (MINIMUM / "profile.toml").read_text(encoding="utf-8")
    headers = f"<a:Auth xmlns:a='urn:a'><a:Key>{PLANTED}</a:Key></a:Auth>"
    text = text.replace("[ivr_connector]", f'[soap]\npassword = "digest"\nheaders = "{headers}"\n\n[ivr_connector]', 1)
    text = text.replace('IVR = "{ivr}"', f'IVR = "{{ivr}}"\nPassword = "{PLANTED}"\nKey = "{PASSWORD}"')
    (profile / "profile.toml").write_text(f"# {PLANTED}\n{text}", encoding="utf-8")
    wsdl = (MINIMUM / "ivr_connector.wsdl").read_text(encoding="utf-8")
    wsdl = wsdl.replace("http://localhost", f"http://ivr:{PLANTED}@localhost")
    extra = '<xs:element name="Password" type="xs:string"/><xs:element name="Key" type="xs:string"/>'
    mark = '<xs:element name="ChannelName" type="xs:string"/>'
    (profile / "ivr_connector.wsdl").write_text(wsdl.replace(mark, extra + mark, 1), encoding="utf-8")
    (profile / "notes.txt").write_text(PLANTED)
    path = tmp_path / "agentchan.toml"
    path.write_text(CONFIGURATION, encoding="utf-8")
    return path


def answer(asked: Asked) -> bytes:
    """What a daemon says that has met every secret."""
    path = asked.target.partition("?")[0]
    row = {"channel": "ivr1-1", "wanted": "ready", "reported": "NotReady", "reason": EVERYWHERE}
    signal = {"signal_id": "s-1", "fate": "refused", "caller": NUMBER, "called": NUMBER, "last_error": EVERYWHERE}
    values: dict[str, Any] = {
        "/v1/status": {"ivr": "ivr1", "problems": [{"text": EVERYWHERE}], "password": PLANTED},
        "/v1/configuration": {
            "ce": {"auth": {"password_file": "/etc/p", "password": PLANTED}},
            "notify": [{"url": f"https://h/?token={PLANTED}"}],
        },
        "/v1/channels": {"channels": [row, {**row, "reported": "Ready"}]},
        "/v1/signals": {"signals": [signal]},
        "/v1/events": {"events": [{"event": "failover", "cause": EVERYWHERE, "caller": NUMBER}] * 3},
        "/v1/calls": {"calls": [{"caller": NUMBER}]},
    }
    return json_answer(values.get(path, {"text": EVERYWHERE}))


def programs(command: Sequence[str], _patience: float) -> str:
    """What programs print that have met every secret."""
    if "doctor" in command:
        return json.dumps({"ok": False, "checks": [{"text": EVERYWHERE, "remedy": f"password={PLANTED}"}]})
    return f"{command[0]}: {EVERYWHERE}\nAuthorization: Basic {PLANTED}AAAA\npassword = '{PLANTED}'\n"


def gathered(site: Path) -> dict[str, Piece]:
    """The files of a bundle."""
    configuration = load(site)
    redactor = Redactor.of(PASSWORD, TOKEN)
    with stub(site.parent / "a.sock") as daemon:
        daemon.say(answer)
        gatherer = Gatherer(redactor, Daemon(daemon.path), site, configuration, (), "agentchan.service", programs)
        return {piece.name: piece for piece in gatherer.pieces()}


def test_no_secret_comes_through(site: Path) -> None:
    """Not one of those that were planted in every place, and no number."""
    found = gathered(site)
    assert not any(name.endswith(".missing") for name in found)
    for name, piece in found.items():
        for secret in (PLANTED, PASSWORD, TOKEN, "30123456"):
            assert secret not in piece.text, (name, piece.text)


def test_what_is_in_it(site: Path) -> None:
    """All that a colleague needs, each said in a line."""
    found = gathered(site)
    assert {
        "versions.json",
        "configuration.toml",
        "status.json",
        "configuration-in-force.json",
        "channels.json",
        "signals.json",
        "failovers.json",
        "events.json",
        "doctor.json",
        "systemd.txt",
        "journal.txt",
        "profile/profile.toml",
        "profile/ivr_connector.wsdl",
    } <= set(found)
    assert "profile/notes.txt" not in found
    assert json.loads(found["versions.json"].text)["agentchan"]
    configuration = tomllib.loads(found["configuration.toml"].text)
    assert configuration["ce"]["auth"]["username"] == "ivr"
    assert configuration["ivr"]["channel_values"]["*"] == {"campaign": "billing", "password": "***"}
    assert configuration["notify"][0]["url"] == "https://hooks.example.com/***"
    assert configuration["notify"][1]["command"] == ["/bin/true", "***", "***"]
    profile = tomllib.loads(found["profile/profile.toml"].text)
    parameters = profile["ivr_connector"]["new_call"]["parameters"]
    assert (parameters["ChannelName"], parameters["Password"]) == ("{channel}", "***")
    assert profile["soap"] == {"password": "digest", "headers": "***"}
    assert profile["ivr_connector"]["new_call"]["outcomes"][0]["means"] == "confirmed"
    assert json.loads(found["calls.json"].text) == {"calls": 1}


def test_channels_are_summed_up() -> None:
    """Twelve thousand rows help nobody: those that are not as they should be do."""
    rows = [{"channel": f"c{n}", "wanted": "ready", "reported": "Ready", "known_to_ce": True} for n in range(5)]
    rows[1]["reported"] = "NotReady"
    rows[2]["stuck"] = True
    rows[3]["known_to_ce"] = False
    found = summary({"channels": rows})
    assert found["channels"] == 5
    assert [row["channel"] for row in found["need_a_look"]] == ["c1", "c2", "c3"]
    assert found["states"] == {"wanted ready, reported Ready": 4, "wanted ready, reported NotReady": 1}


def test_without_a_daemon_and_programs(site: Path) -> None:
    """What cannot be had is said, and is no failure."""

    def none(command: Sequence[str], _patience: float) -> str:
        raise FileNotFoundError(2, "No such file", command[0])

    gatherer = Gatherer(Redactor(), Daemon(site.parent / "none"), site, None, [f"a: {EVERYWHERE}"], "u", none)
    found = {piece.name: piece for piece in gatherer.pieces()}
    assert "the daemon is not running" in found["status.json.missing"].text
    assert "No such file" in found["journal.txt.missing"].text
    assert "doctor.json.missing" in found
    assert found["configuration-faults.txt"].text.startswith("a: ")
    assert PLANTED not in found["configuration-faults.txt"].text


def test_what_is_too_long_is_cut(site: Path) -> None:
    """The newest is left."""

    def long(command: Sequence[str], _patience: float) -> str:
        return "{}" if "doctor" in command else "old line\n" * 1_000_000 + "newest"

    gatherer = Gatherer(Redactor(), Daemon(site.parent / "none"), site, None, (), "u", long)
    (journal,) = [piece for piece in gatherer.pieces() if piece.name == "journal.txt"]
    assert len(journal.text) < 5_000_000
    assert journal.text.startswith("… cut …\n")
    assert journal.text.endswith("newest")


def test_a_program_that_hangs(site: Path) -> None:
    """Is not waited for."""

    def hangs(command: Sequence[str], patience: float) -> str:
        raise subprocess.TimeoutExpired(command, patience)

    gatherer = Gatherer(Redactor(), Daemon(site.parent / "none"), site, None, (), "u", hangs)
    assert any("timed out" in piece.text for piece in gatherer.pieces())


def test_the_archive(tmp_path: Path) -> None:
    """Only its owner may read it; it has a list of its contents, and nothing is written over."""
    pieces = [Piece("a.txt", "hello\ud800", "a greeting"), Piece("profile/b.toml", "x = 1\n", "a profile")]
    path = tmp_path / "bundle.tar.gz"
    assert write_archive(path, pieces, AT) == path.stat().st_size
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with tarfile.open(path) as archive:
        names = archive.getnames()
        readme = archive.extractfile("agentchan-support/README.txt")
        assert readme is not None
        text = readme.read().decode()
    assert names == ["agentchan-support/README.txt", "agentchan-support/a.txt", "agentchan-support/profile/b.toml"]
    assert text == contents(pieces, AT)
    assert "a.txt           a greeting" in text
    with pytest.raises(FileExistsError):
        write_archive(path, pieces, AT)


def test_versions() -> None:
    """Of everything that matters here."""
    found = versions()
    assert found["packages"]["twisted"]
    assert found["python"].startswith("3.")


def test_the_command(site: Path, tmp_path: Path) -> None:
    """It says what is in the file, as a table or as JSON, and where the file is; the daemon need not run."""
    output = tmp_path / "out.tar.gz"
    result = run(None, "support-bundle", "--config", str(site), "--output", str(output))
    assert (result.exit_code, result.stderr) == (0, "")
    assert f"tar -xzf {output}" in result.stdout
    assert "configuration.toml" in result.stdout
    again = run(None, "support-bundle", "--config", str(site), "--output", str(output))
    assert again.exit_code == 1
    assert "cannot be written: File exists" in again.stderr
    with tarfile.open(output) as archive:
        for member in archive.getmembers():
            file = archive.extractfile(member)
            assert file is not None
            text = file.read().decode()
            for secret in (PLANTED, PASSWORD, TOKEN):
                assert secret not in text, member.name


def test_the_command_with_a_faulty_configuration(tmp_path: Path) -> None:
    """Its faults are in the bundle then."""
    path = tmp_path / "agentchan.toml"
    path.write_text("[ivr]\nnam = 1\n", encoding="utf-8")
    output = tmp_path / "out.tar.gz"
    result = run(None, "support-bundle", "--config", str(path), "--output", str(output), "--json")
    assert result.exit_code == 0
    value = json.loads(result.stdout)
    assert value["file"] == str(output)
    assert "configuration-faults.txt" in {each["name"] for each in value["contents"]}
