"""Runs commands as a reader with a known clock, zone and terminal would see them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from agentchan.cli.program import program
from agentchan.cli.words import Reader

ZONE = timezone(timedelta(hours=1), "CET")
NOW = datetime(2026, 11, 24, 14, 5, 0, tzinfo=ZONE)
GOLDEN = Path(__file__).parent / "golden"
REWRITE = "AGENTCHAN_REWRITE_GOLDEN"
"""Set in the environment, the tests write the screens down instead of comparing them: look at the difference."""


def run(
    socket: Path | None,
    *arguments: str,
    room: int = 80,
    colour: bool = False,
    environ: Mapping[str, str] | None = None,
) -> Result:
    """Run a command against the daemon behind a socket."""
    where = [] if socket is None else ["--socket", str(socket)]
    given: dict[str, Any] = {"AGENTCHAN_CONFIG": None, "AGENTCHAN_SOCKET": None, "NO_COLOR": None, **(environ or {})}
    return CliRunner().invoke(
        program, [*where, *arguments], obj=Reader(NOW, ZONE, room), color=colour, env=given, prog_name="agentchan"
    )


def transcript(arguments: tuple[str, ...], result: Result) -> str:
    """What one sees of a command."""
    shown = f"$ agentchan {' '.join(arguments)}\n{result.stdout}"
    if result.stderr:
        shown += f"--- standard error\n{result.stderr}"
    return f"{shown}--- exit status {result.exit_code}\n"


def assert_golden(name: str, text: str) -> None:
    """Compare with what is written down under this name."""
    path = GOLDEN / f"{name}.txt"
    if os.environ.get(REWRITE):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), f"if that is meant: {REWRITE}=1 pytest {__package__}"
