"""The seeds of a test run, in chunks, in two files: so two workers of pytest-xdist share them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SEEDS = 500
CHUNK = 50
CHUNKS = tuple(range(1, SEEDS + 1, CHUNK))
"""The first seed of each chunk."""


def played_well(first: int) -> None:
    """Play a chunk, in a process of its own, since the order of sets is chance that must repeat, too."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.simulation", "--from", str(first), "--seeds", str(CHUNK), "--jobs", "1"],
        cwd=Path(__file__).parent.parent.parent,
        env={**os.environ, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
