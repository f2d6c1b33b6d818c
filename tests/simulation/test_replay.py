"""A seed is all that is needed to see the same again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def shown(*arguments: str) -> subprocess.CompletedProcess[str]:
    """What the command prints."""
    return subprocess.run(
        [sys.executable, "-m", "tests.simulation", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_a_seed_plays_the_same_way_again() -> None:
    """Every event, every value, every moment."""
    first, second = shown("--seed", "18"), shown("--seed", "18")
    assert first.returncode == 0, first.stderr
    assert len(first.stdout.splitlines()) > 100
    assert first.stdout == second.stdout
