"""The systemd units: sound by systemd's own judgement, hardened, and agreeing with each other and the program."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentchan.config import parse

ROOT = Path(__file__).parents[1]
UNITS = ROOT / "systemd"
SERVICES = ("agentchan.service", "agentchan@.service")
EXPOSURE = "15"
"""systemd's scale, times ten: 1.5."""

analyze = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")


def analyzed(*arguments: str) -> str:
    """What systemd-analyze has to say.

    Raises:
        AssertionError: it found a fault.
    """
    done = subprocess.run(
        ["systemd-analyze", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def settings(name: str) -> Iterator[tuple[str, str]]:
    """The keys and values of a unit, in order."""
    for line in (UNITS / name).read_text().splitlines():
        if line and not line.startswith(("#", "[")):
            key, _, value = line.partition("=")
            yield key, value


@analyze
def test_systemd_finds_no_fault_in_the_units(tmp_path: Path) -> None:
    """Every key is known and every program is where the unit says: as the README and the package put them."""
    units, programs = tmp_path / "etc/systemd/system", tmp_path / "opt/agentchan/bin"
    for folder in (units, programs, tmp_path / "usr/bin"):
        folder.mkdir(parents=True)
    for unit in UNITS.glob("agentchan*.*"):
        shutil.copy(unit, units)
    for name in ("twistd", "agentchan"):
        (programs / name).write_text("#!/bin/sh\n")
        (programs / name).chmod(0o755)
    (tmp_path / "usr/bin/agentchan").symlink_to("../../opt/agentchan/bin/agentchan")
    # The template of the socket has no address of its own.
    (units / "agentchan@ivr1.socket.d").mkdir()
    (units / "agentchan@ivr1.socket.d/listen.conf").write_text("[Socket]\nListenStream=127.0.0.1:8094\n")
    names = ("agentchan.service", "agentchan@ivr1.service", "agentchan.socket", "agentchan@ivr1.socket")
    said = analyzed("verify", "--man=no", "--recursive-errors=no", f"--root={tmp_path}", *names)
    assert "agentchan" not in said


@analyze
@pytest.mark.parametrize("name", SERVICES)
def test_the_services_expose_little(name: str) -> None:
    """By systemd's measure at most 1.5 of 10."""
    said = analyzed("security", "--offline=true", f"--threshold={EXPOSURE}", "--no-pager", str(UNITS / name))
    assert "Overall exposure level" in said


@pytest.mark.parametrize("name", SERVICES)
def test_what_breaks_the_daemon_is_not_in_its_sandbox(name: str) -> None:
    """Executable memory is needed for TLS, true user ids for the journal, and Type=notify-reload is unknown to 252."""
    keys = dict(settings(name))
    assert not {"MemoryDenyWriteExecute", "PrivateUsers", "PrivateNetwork"} & set(keys)
    assert keys["Type"] == "notify"
    assert keys["RestartPreventExitStatus"] == "78"


def test_the_template_differs_from_the_service_by_its_instance_only() -> None:
    """What is mended in one unit is mended in the other."""
    plain = [
        (key, value.replace("agentchan.toml", "%i.toml") if key == "Environment" else value)
        for key, value in settings("agentchan.service")
    ]
    template = [
        (
            key,
            value.replace(" (%i)", "")
            if key == "Description"
            else re.sub(r"^agentchan-%i$", "agentchan", value).replace("credentials/%i/", "credentials/"),
        )
        for key, value in settings("agentchan@.service")
    ]
    assert template == plain


def test_the_template_of_the_socket_differs_by_its_address_only() -> None:
    """Each instance has to be given one of its own."""
    plain = dict(settings("agentchan.socket"))
    assert plain.pop("ListenStream") == "127.0.0.1:8093"
    plain["Description"] += " (%i)"
    assert dict(settings("agentchan@.socket")) == plain


def test_instances_share_no_folder_with_each_other_or_the_plain_service() -> None:
    """A runtime directory is removed with all that is below it when its service stops."""
    for name in ("StateDirectory", "RuntimeDirectory"):
        plain, instance = (dict(settings(unit))[name] for unit in SERVICES)
        assert not Path(instance).is_relative_to(plain)
        assert "%i" in instance


def test_an_empty_credential_is_never_a_secret(tmp_path: Path) -> None:
    """What stands in for a credential that is not there is refused as a password or token."""
    values = dict(settings("agentchan.service"))
    assert values["SetCredential"] == "token:\\n"
    (tmp_path / "token").write_text("\n")
    text = '[ivr]\nname = "a"\nchannels = []\n[component_link]\nurls = ["http://h"]\n[api]\ntoken_file = "token"\n'
    with pytest.raises(Exception, match="token is empty"):
        parse(text.encode(), tmp_path / "agentchan.toml", environment=True)


def test_the_folders_are_those_of_the_defaults() -> None:
    """The daemon's default paths are in folders that systemd makes for it."""
    text = b'[ivr]\nname = "a"\nchannels = []\n[component_link]\nurls = ["http://h"]\n'
    configuration = parse(text, Path("/etc/agentchan/agentchan.toml"))
    keys = dict(settings("agentchan.service"))
    assert configuration.api.socket.parent == Path("/run", keys["RuntimeDirectory"])
    assert configuration.journal.path.parent == Path("/var/lib", keys["StateDirectory"])
    assert keys["Environment"] == f"AGENTCHAN_CONFIG={configuration.path}"


@pytest.mark.skipif(shutil.which("systemd-sysusers") is None, reason="systemd-sysusers is not installed")
@pytest.mark.parametrize("tool", ["sysusers", "tmpfiles"])
def test_user_and_folders_can_be_made(tool: str, tmp_path: Path) -> None:
    """systemd-sysusers and systemd-tmpfiles take their files, in a root of their own."""
    (tmp_path / "etc").mkdir()
    arguments = ["--create"] if tool == "tmpfiles" else []
    command = [f"systemd-{tool}", *arguments, f"--root={tmp_path}", str(UNITS / f"{tool}.d" / "agentchan.conf")]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, done.stdout
    if tool == "sysusers":
        assert "agentchan:" in (tmp_path / "etc/passwd").read_text()
    else:
        assert (tmp_path / "etc/agentchan/credentials").stat().st_mode & 0o777 == 0o700
