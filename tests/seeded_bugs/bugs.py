"""The list of faults, and how one is made in a copy of the tree and looked for by the tests."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from attrs import frozen

ROOT = Path(__file__).parent.parent.parent
"""The tree."""

SUITES = ("tests/core", "tests/signals", "tests/journal", "tests/test_following.py", "tests/ce/test_component_link.py")
"""The tests that have a look before the simulation."""

PATIENCE = 900.0
"""Seconds that tests, or seeds, may take: a fault may also make something go on for ever."""

_COPIED = ("agentchan", "tests", "twisted", "pyproject.toml")
_FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)
_BROKEN = re.compile(r"^seed (\d+): (I\d)", re.MULTILINE)


@frozen
class Bug:
    """One fault.

    Attributes:
        why: what goes wrong with it.
        simulated: whether the simulation finds it soon, so that it is asked first, before the other tests.
    """

    name: str
    file: str
    old: str
    new: str
    why: str
    simulated: bool = False

    def places(self, root: Path = ROOT) -> int:
        """How often the old text is in its file."""
        return (root / self.file).read_text("utf-8").count(self.old)

    def make(self, root: Path) -> None:
        """Put it into a tree."""
        path = root / self.file
        path.write_text(path.read_text("utf-8").replace(self.old, self.new), "utf-8")


@frozen
class Caught:
    """Who has caught a fault.

    Attributes:
        test: the first test that failed, None if none did.
        invariant: the one that the simulation found broken, None if it found none.
        seed: with which seed.
    """

    bug: Bug
    test: str | None
    invariant: str | None
    seed: int | None

    @property
    def survived(self) -> bool:
        """Whether nobody has."""
        return self.test is None and self.invariant is None


def listed() -> tuple[Bug, ...]:
    """All faults."""
    with (Path(__file__).parent / "bugs.toml").open("rb") as file:
        return tuple(Bug(name, **fields) for name, fields in tomllib.load(file).items())


def copied(folder: Path) -> Path:
    """A copy of the tree, in a folder."""
    root = folder / "tree"
    for name in _COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, root / name)
    return root


def hunted(bug: Bug, folder: Path, *, seeds: int, tests: bool = True, both: bool = False) -> Caught:
    """Make a fault in a copy, and look who catches it.

    Args:
        bug: the fault.
        folder: an empty one, for the copy.
        seeds: so many are played at most; 0: none.
        tests: whether the tests are run.
        both: also if one of the two has caught it.
    """
    root = copied(folder)
    bug.make(root)
    test = _tested(root) if tests and (both or not bug.simulated) else None
    invariant, seed = _simulated(root, seeds) if seeds and (both or test is None) else (None, None)
    if tests and not both and bug.simulated and invariant is None:
        test = _tested(root)
    return Caught(bug, test, invariant, seed)


def _tested(root: Path) -> str | None:
    try:
        done = _run(root, "pytest", "-x", "-q", *SUITES)
    except subprocess.TimeoutExpired:
        return "the tests do not end"
    if done.returncode == 0:
        return None
    found = _FAILED.search(done.stdout)
    return found[1] if found else "tests do not run"


def _simulated(root: Path, seeds: int) -> tuple[str | None, int | None]:
    done = _run(root, "tests.simulation", "--seeds", str(seeds), "--jobs", "1")
    found = _BROKEN.search(done.stderr)
    if found:
        return found[2], int(found[1])
    if done.returncode != 0:
        raise RuntimeError(f"the simulation does not run: {done.stderr[-2000:]}")
    return None, None


def _run(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    environ.pop("PYTEST_ADDOPTS", None)
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=root,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
