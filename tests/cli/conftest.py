"""The recorded daemon as a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.stub import Stub, stub


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a socket per scene, anew for each module: some commands change what the daemon says."""
    folder = tmp_path_factory.mktemp("recorded")
    command = [sys.executable, "-m", "tests.api.recorded", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield folder
        process.terminate()
        assert process.wait(20) is not None


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Stub]:
    """A stand-in that says what the test wants."""
    with stub(tmp_path / "stub.sock") as found:
        yield found
