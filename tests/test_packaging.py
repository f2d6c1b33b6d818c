"""What a packager relies on: metadata, the twistd plugin, the commands of the Makefile."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from twisted.application.service import IServiceMaker
from twisted.plugin import getPlugins

import agentchan

ROOT = Path(__file__).parents[1]
METADATA = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_twistd_finds_the_plugin() -> None:
    """``twistd agentchan`` is offered once, with a description, by a module that only points elsewhere."""
    (plugin,) = [each for each in getPlugins(IServiceMaker) if each.tapname == "agentchan"]
    assert plugin.module == "agentchan.service_maker"
    assert "agent channel" in plugin.description
    # A package there would hide the plugins of everybody else.
    assert not (ROOT / "twisted" / "__init__.py").exists()
    assert not (ROOT / "twisted" / "plugins" / "__init__.py").exists()


def test_the_version_is_told_once() -> None:
    """The package's version is that of the metadata."""
    assert agentchan.__version__ == METADATA["project"]["version"]


def test_every_dependency_has_its_reason() -> None:
    """Each line of a dependency says what it is for, and the least version."""
    groups = METADATA["dependency-groups"].values()
    names = [*METADATA["project"]["dependencies"], *(each for group in groups for each in group)]
    text = (ROOT / "pyproject.toml").read_text()
    for name in names:
        assert re.search(rf'^ +"{re.escape(name)}", +# \S', text, re.MULTILINE), name
        assert re.search(r"[=>]=", name), name


def test_every_file_that_is_no_module_is_in_the_wheel() -> None:
    """Files that the program reads at run time match a pattern of the package data."""
    patterns = METADATA["tool"]["setuptools"]["package-data"]["agentchan"]
    package = ROOT / "agentchan"
    others = [
        path for path in package.rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc")
    ]  # fmt: skip
    covered = {path for pattern in patterns for path in package.glob(pattern)}
    assert [path for path in others if path not in covered] == []


def test_the_sdist_names_every_folder() -> None:
    """Tests, sample, units and documents are shipped with the source."""
    named = set(re.findall(r"^graft (\S+)", (ROOT / "MANIFEST.in").read_text(), re.MULTILINE))
    assert named >= {
        *("etc", "systemd", "tests", "docs", "bench", "twisted/plugins", ".ci", "packaging", "requirements")
    }


@pytest.mark.parametrize("name", ["run", "ci"])
def test_the_locks_name_releases_and_hashes_only(name: str) -> None:
    """Every dependency is there, each line is a release or a hash, and nothing tells of the machine it was made on."""
    lines = (ROOT / f"requirements/{name}.lock").read_text().splitlines()
    assert "make lock" in lines[0]
    releases = [line for line in lines[1:] if not line.startswith("    --hash=sha256:")]
    pinned = [re.fullmatch(r"([a-z0-9-]+)==[0-9][0-9a-z.]*(?: ; [^/]+)? \\", line) for line in releases]
    assert all(pinned), releases
    names = {found[1] for found in pinned if found}
    groups = METADATA["dependency-groups"].values() if name == "ci" else []
    for wanted in [*METADATA["project"]["dependencies"], *(each for group in groups for each in group)]:
        assert re.match(r"[A-Za-z0-9-]+", wanted)[0].lower() in names  # type: ignore[index]


def test_the_locks_agree() -> None:
    """What is tested is what is shipped."""
    shipped, tested = (
        set(re.findall(r"^\S+==\S+", (ROOT / f"requirements/{name}.lock").read_text(), re.MULTILINE))
        for name in ("run", "ci")
    )
    assert shipped <= tested


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@pytest.mark.parametrize(
    "target",
    [
        *("venv", "test", "demo", "check", "coverage", "bench", "packaging", "systemd", "deb", "lock", "audit"),
        "clean",
    ],
)
def test_make_knows_its_targets(target: str) -> None:
    """Each is a target, and ``make`` alone lists it."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    for arguments in (["--dry-run", target], []):
        done = subprocess.run(
            ["make", *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    assert f"make {target} " in done.stdout


@pytest.mark.parametrize(
    "script",
    [
        *(".ci/run", "tests/packaging/check.sh", "tests/packaging/make_venv.sh", "tests/systemd/boot.sh"),
        *("packaging/make_deb.sh", "packaging/make_locks.sh", "packaging/audit.sh"),
        *("packaging/postinst", "packaging/prerm", "packaging/postrm"),
    ],
)
def test_scripts_can_be_run(script: str) -> None:
    """They are executable, stop at the first failure, and their shell can read them."""
    path = ROOT / script
    text = path.read_text()
    assert os.access(path, os.X_OK)
    assert re.search(r"^set -e", text, re.MULTILINE)
    shell = text.splitlines()[0].removeprefix("#!")
    subprocess.run([shell, "-n", str(path)], check=True)


def test_an_old_or_missing_python_is_told_what_to_do(tmp_path: Path) -> None:
    """Without a Python that will do, the message names the command that brings one."""
    old = tmp_path / "python"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    for python in ("", str(old)):
        done = subprocess.run(
            [ROOT / "tests/packaging/make_venv.sh", python, tmp_path / "venv"],
            cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 1
        assert "apt-get install -y python3 python3-venv" in done.stderr
    assert not (tmp_path / "venv").exists()


def test_without_the_venv_module_its_package_is_named_or_installed(tmp_path: Path) -> None:
    """Debian keeps a part of venv in a package of its own: root gets it installed, others are told which it is."""
    scripts = {
        "python": 'case "$*" in *ensurepip*) exit 1;; *) exit 0;; esac',
        "apt-get": f'echo "$@" >> {tmp_path}/installed',
    }
    for name, script in scripts.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    done = subprocess.run(
        [ROOT / "tests/packaging/make_venv.sh", tmp_path / "python", tmp_path / "venv"],
        cwd=tmp_path, env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    if os.getuid() == 0:
        assert "python3-venv" in (tmp_path / "installed").read_text().splitlines()[-1]
    else:
        assert "sudo apt-get install -y python3-venv" in done.stderr
