"""The Debian package in a real systemd: installed, run, upgraded under a running script, removed, purged."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.systemd.machine import Machine
from tests.systemd.site import ROOT, Site

PACKAGES = "/srv/packages"
NEWER = "9.0.0-1"


@pytest.fixture(scope="module")
def packages(bootable: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``agentchan.deb``, and ``newer.deb``, which differs in its version alone."""
    del bootable
    folder = tmp_path_factory.mktemp("packages")
    for command in (
        f"{ROOT}/packaging/make_deb.sh {sys.executable} {folder}",
        f"mv {folder}/agentchan_*.deb {folder}/agentchan.deb",
        f"dpkg-deb --raw-extract {folder}/agentchan.deb {folder}/tree",
        f"sed -i 's/^Version: .*/Version: {NEWER}/' {folder}/tree/DEBIAN/control",
        f"dpkg-deb --root-owner-group -Zgzip -z1 --build {folder}/tree {folder}/newer.deb",
        f"rm -r {folder}/tree",
    ):
        done = subprocess.run(
            ["sh", "-euc", command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        assert done.returncode == 0, done.stdout
    return folder


@pytest.fixture(scope="module")
def debian(packages: Path) -> Iterator[Site]:
    """A machine that has the packages at hand."""
    with Machine({packages: PACKAGES}) as machine:
        yield Site(machine)


def test_the_life_of_the_package(debian: Site) -> None:
    """It is not started before it is configured; an upgrade cuts no script off; a purge leaves nothing behind."""
    site, machine = debian, debian.machine

    said = machine.run("dpkg", "--install", f"{PACKAGES}/agentchan.deb")
    assert "systemctl enable --now agentchan" in said
    assert site.show("ActiveState") == "inactive"
    assert machine.run("id", "--user", "--name", "agentchan").strip() == "agentchan"
    assert machine.run("agentchan", "--version").startswith("agentchan")
    assert machine.run("man", "--where", "agentchan").strip() == "/usr/share/man/man1/agentchan.1.gz"
    machine.run("agentchan", "config", "check")
    assert "/etc/agentchan/agentchan.toml" in machine.run(
        "dpkg-query", "--show", "--showformat=${Conffiles}", "agentchan"
    )
    assert machine.run("dpkg", "--verify", "agentchan") == ""

    site.start_pair()
    site.configure(site.tables())
    machine.run("systemctl", "enable", "--now", "agentchan.socket", "agentchan.service")
    site.wait_ready()
    # Nothing has been written into the package's own folders by having run.
    assert "opt/agentchan" not in machine.run("dpkg", "--verify", "agentchan")
    assert machine.run("find", "/opt/agentchan", "-newer", "/run/agentchan/agentchan.sock") == ""

    assert site.agentchan("new-call", "ivr1-007", "--call-id", "call-7").returncode == 0
    asking = (
        "while [ ! -e /run/enough ]; do "
        "curl -sSf --max-time 20 -o /dev/null http://127.0.0.1:8093/v1/failing-over || exit 7; done"
    )
    machine.run("systemd-run", "--quiet", "--unit=script", "--remain-after-exit", "sh", "-c", asking)
    before = site.show("MainPID")
    machine.run("dpkg", "--install", f"{PACKAGES}/newer.deb")
    assert machine.run("dpkg-query", "--show", "--showformat=${Version}", "agentchan") == NEWER
    assert site.show("MainPID") not in (before, "0")
    site.wait_ready(119)
    machine.run("touch", "/run/enough")
    site.until(lambda: site.show("SubState", "script.service") != "running", "the script's end")
    assert site.show("ExecMainStatus", "script.service") == "0"
    assert "lab.pem" in machine.run("cat", "/etc/agentchan/agentchan.toml")
    assert site.agentchan("gone", "ivr1-007").returncode == 0
    site.wait_ready()

    machine.run("systemctl", "stop", "lab.service")
    machine.run("dpkg", "--remove", "agentchan")
    assert site.show("ActiveState") == "inactive"
    assert site.show("ActiveState", "agentchan.socket") == "inactive"
    machine.run("test", "!", "-e", "/opt/agentchan")
    machine.run("test", "-e", "/etc/agentchan/agentchan.toml", "-a", "-e", "/var/lib/agentchan/journal.sqlite3")

    machine.run("rm", "/etc/agentchan/lab.pem")  # the operator's own
    machine.run("dpkg", "--purge", "agentchan")
    left = machine.run(
        "find", "/etc", "/usr", "/lib/systemd", "/opt", "/run", "/var/lib", "-xdev", "-name", "*agentchan*"
    )
    # Debian leaves users be; dpkg and the journal of systemd keep their own records.
    assert [line for line in left.splitlines() if "/var/lib/dpkg/" not in line] == []
