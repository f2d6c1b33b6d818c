"""The machines that the tests share, and what is installed there."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.systemd.machine import Machine, cannot_boot
from tests.systemd.site import ROOT, SOURCE, WHEELS, Site, install_commands


@pytest.fixture(scope="session")
def bootable() -> None:
    """Machines can be booted here; where they cannot, whoever needs one is skipped with the reason."""
    reason = cannot_boot()
    if reason is not None:
        pytest.skip(reason)


@pytest.fixture(scope="session")
def release(bootable: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is released, in a folder: ``source``, with the wheel in it, and ``wheels`` of all that it depends on."""
    del bootable
    folder = tmp_path_factory.mktemp("release")
    source, wheels = folder / "source", folder / "wheels"
    source.mkdir()
    for command in (
        [sys.executable, "-m", "build", "--outdir", str(folder / "dist"), str(ROOT)],
        ["sh", "-c", f"tar -xf {folder}/dist/*.tar.gz --strip-components=1 -C {source}"],
        ["sh", "-c", f"cp {folder}/dist/*.whl {source}"],
        [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--require-hashes", "--only-binary=:all:"),
            *("--dest", str(wheels), "-r", str(ROOT / "requirements/run.lock")),
        ],
    ):
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        assert done.returncode == 0, done.stdout
    return folder


@pytest.fixture(scope="session")
def installed(release: Path) -> Iterator[Site]:
    """A machine with the service, installed by the documents' own commands, a CE pair, and the site's configuration."""
    prepare, begin = install_commands()
    with Machine({release / "source": SOURCE, release / "wheels": WHEELS}) as machine:
        site = Site(machine)
        # The machine has no network: what pip would fetch is at hand.
        offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": WHEELS, "PIP_CONFIG_FILE": os.devnull}
        machine.run("sh", "-euc", f"cd {SOURCE}\n{prepare}", timeout=300, **offline)
        site.start_pair()
        site.configure(site.tables())
        machine.run("sh", "-euc", begin)
        yield site


@pytest.fixture
def running(installed: Site) -> Site:
    """The shared site, with everything running and ready, for tests that change nothing."""
    installed.wait_ready()
    return installed


@pytest.fixture
def site(running: Site) -> Iterator[Site]:
    """The shared site, which is put back in order after the test."""
    yield running
    machine = running.machine
    for unit in ("agentchan.service", "agentchan.socket"):
        machine.run("rm", "-rf", f"/etc/systemd/system/{unit}.d")
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "stop", "agentchan.socket", "agentchan.service")
    machine.attempt("systemctl", "reset-failed", "agentchan.socket", "agentchan.service")
    for host in ("ce1", "ce2"):
        machine.attempt("/opt/agentchan/bin/agentchan", "lab", "start", host, "--directory", "/srv/lab")
    running.configure(running.tables())
    machine.run("systemctl", "start", "agentchan.service")
