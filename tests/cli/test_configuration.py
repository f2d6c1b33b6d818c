"""``agentchan config``, and where the command line finds configuration and socket."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from agentchan.cli.failures import Failure
from agentchan.cli.sockets import USUAL_SOCKET, find_socket
from tests.cli.running import run
from tests.cli.stub import Stub

SOUND = """
[ivr]
name = "ivr1"
channels = ["ivr1-{001..003}"]
[component_link]
urls = ["http://ce1.example.com:8094/ComponentService"]
[ce]
profile = "reference"
"""
FAULTY = """
[ivr]
nam = "ivr1"
channels = "all"
"""


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    """A configuration without a fault."""
    path = tmp_path / "a.toml"
    path.write_text(SOUND)
    return path


@pytest.fixture
def faulty(tmp_path: Path) -> Path:
    """One with several."""
    path = tmp_path / "faulty.toml"
    path.write_text(FAULTY)
    return path


def test_check(sound: Path) -> None:
    """A sound one is 0, however it is named."""
    for arguments in (("--config", str(sound), "config", "check"), ("config", "check", "--config", str(sound))):
        result = run(None, *arguments)
        assert (result.exit_code, result.stdout) == (0, f"{sound}: no fault.\n")
    assert run(None, "config", "check", environ={"AGENTCHAN_CONFIG": str(sound)}).exit_code == 0
    result = run(None, "config", "check", "--config", str(sound), "--json")
    assert json.loads(result.stdout) == {"file": str(sound), "faults": [], "warnings": []}


def test_check_lists_every_fault(faulty: Path) -> None:
    """78, with file and line of each, as text or as JSON."""
    result = run(None, "config", "check", "--config", str(faulty))
    assert (result.exit_code, result.stdout) == (78, "")
    lines = result.stderr.splitlines()
    assert len(lines) >= 3
    assert all(line.startswith(f"{faulty}:") for line in lines)
    as_json = run(None, "config", "check", "--config", str(faulty), "--json")
    assert (as_json.exit_code, as_json.stderr) == (78, "")
    faults = json.loads(as_json.stdout)["faults"]
    assert len(faults) == len(lines)
    assert {"line", "key", "wrong", "allowed"} <= set(faults[0])


def test_check_of_no_file(tmp_path: Path) -> None:
    """78, and how it is named."""
    result = run(None, "config", "check", "--config", str(tmp_path / "none.toml"))
    assert result.exit_code == 78
    assert "does not exist" in result.stderr


def test_check_looks_at_files_and_profile(sound: Path) -> None:
    """With which the daemon would not start either; on a machine that has them not, only the text is checked."""
    sound.write_text(SOUND + '[tls]\nca_file = "/nowhere/ca.pem"\n')
    result = run(None, "config", "check", "--config", str(sound))
    assert result.exit_code == 78
    assert "/nowhere/ca.pem" in result.stderr
    assert run(None, "config", "check", "--config", str(sound), "--no-files").exit_code == 0
    sound.write_text(SOUND.replace('"reference"', '"./site.toml"'))
    (sound.parent / "site.toml").write_text("nonsense = 1\n")
    result = run(None, "config", "check", "--config", str(sound))
    assert result.exit_code == 78
    assert "site.toml" in result.stderr


def test_check_tells_what_looks_wrong(sound: Path, tmp_path: Path) -> None:
    """A warning is no fault."""
    secret = tmp_path / "token"
    secret.write_text("abc")
    secret.chmod(0o644)
    sound.write_text(SOUND + f'[api]\ntoken_file = "{secret}"\n')
    result = run(None, "config", "check", "--config", str(sound))
    assert result.exit_code == 0
    assert "1 warning" in result.stdout
    assert "every user of this machine may read" in result.stderr
    as_json = run(None, "config", "check", "--config", str(sound), "--json")
    assert json.loads(as_json.stdout)["warnings"][0]["key"] == "api.token_file"


def test_show(sound: Path) -> None:
    """The effective configuration, as TOML that reads the same, or as JSON; no file is looked at, no secret told."""
    sound.write_text(SOUND + '[api]\ntoken_file = "/nowhere/token"\n')
    result = run(None, "config", "show", "--config", str(sound))
    assert result.exit_code == 0
    shown = tomllib.loads(result.stdout)
    assert shown["agent_channel"]["heartbeat_interval"] == "500ms"
    as_json = json.loads(run(None, "config", "show", "--config", str(sound), "--json").stdout)
    assert as_json["agent_channel"]["heartbeat_interval"] == "500ms"


def test_show_of_a_faulty_one(faulty: Path) -> None:
    """78 with the faults."""
    result = run(None, "config", "show", "--config", str(faulty))
    assert (result.exit_code, result.stdout) == (78, "")
    assert "ivr.nam" in result.stderr
    as_json = run(None, "config", "show", "--config", str(faulty), "--json")
    assert (as_json.exit_code, as_json.stderr) == (78, "")
    assert json.loads(as_json.stdout)["faults"]


def test_show_what_runs(daemon: Stub) -> None:
    """What the daemon has in force."""
    result = run(daemon.say({"ivr": {"name": "ivr1"}}).path, "config", "show", "--running")
    assert json.loads(result.stdout) == {"ivr": {"name": "ivr1"}}


def test_where_the_socket_is(tmp_path: Path) -> None:
    """The option, else the variable, else the configuration's, else the usual one."""
    configuration = tmp_path / "a.toml"
    configuration.write_text('[api]\nsocket = "run/a.sock"\n')
    environ = {"AGENTCHAN_CONFIG": str(configuration)}
    assert find_socket("x.sock", None, {**environ, "AGENTCHAN_SOCKET": "y.sock"}) == Path("x.sock")
    assert find_socket(None, None, {**environ, "AGENTCHAN_SOCKET": "y.sock"}) == Path("y.sock")
    assert find_socket(None, None, environ) == tmp_path / "run/a.sock"
    assert find_socket(None, str(configuration), {}) == tmp_path / "run/a.sock"
    for text in ("", "[api]", "api = 1", "[api]\nsocket = 1", '[api]\nsocket = ""'):
        configuration.write_text(text)
        assert find_socket(None, None, environ) == USUAL_SOCKET


def test_a_configuration_that_is_just_being_edited(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It keeps nobody from looking at the daemon that runs: the usual socket is tried, and that is said."""
    configuration = tmp_path / "a.toml"
    for data in (b"[api", b"\xff", b" " * (1024 * 1024 + 1)):
        configuration.write_bytes(data)
        assert find_socket(None, str(configuration), {}) == USUAL_SOCKET
        assert f"looking at {USUAL_SOCKET}" in capsys.readouterr().err


def test_a_configuration_that_is_not_there(tmp_path: Path) -> None:
    """A named one is a fault, 78; without a name the usual socket is tried."""
    with pytest.raises(Failure, match="there is no configuration file") as failure:
        find_socket(None, str(tmp_path / "none.toml"), {})
    assert failure.value.exit_code == 78
    assert find_socket(None, None, {}) == USUAL_SOCKET


def test_a_configuration_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who may use the socket need not be allowed to read the configuration."""

    def forbidden(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "open", forbidden)
    assert find_socket(None, str(tmp_path / "a.toml"), {}) == USUAL_SOCKET
