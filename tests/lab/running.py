"""Programs of the lab as processes, and commands on a running lab."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import frozen
from click.testing import CliRunner

from agentchan.cli.lab import lab

AGENTCHAN = [sys.executable, "-m", "agentchan.cli"]
PATIENCE = 60.0


@contextmanager
def lab_up(*options: str, environ: dict[str, str] | None = None) -> Iterator[subprocess.Popen[str]]:
    """``agentchan lab up`` as a process, from when it has said that it runs; ended if the test has not."""
    with subprocess.Popen(
        [*AGENTCHAN, "lab", "up", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **(environ or {})},
        start_new_session=True,
    ) as process:
        try:
            assert process.stdout is not None
            said = []
            for line in process.stdout:
                said.append(line)
                if line.startswith("Ctrl-C ends"):
                    break
            assert said[-1].startswith("Ctrl-C ends"), said
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            process.communicate(timeout=PATIENCE)


@frozen
class Operator:
    """Somebody at a terminal with a running lab."""

    directory: Path

    def type(self, *words: str, status: int = 0) -> str:
        """Run ``agentchan lab …``; returns what it prints."""
        result = CliRunner().invoke(lab, [*words, "--directory", str(self.directory)], prog_name="agentchan lab")
        assert result.exit_code == status, (result.output, result.exception)
        return result.output

    def status(self) -> dict[str, Any]:
        """``lab status --json``."""
        found: dict[str, Any] = json.loads(self.type("status", "--json"))
        return found

    def last(self, event: str) -> dict[str, Any]:
        """The newest row of this event in ``lab history --json``."""
        rows = [json.loads(line) for line in self.type("history", "--json").splitlines()]
        found: dict[str, Any] = [row for row in rows if row["event"] == event][-1]
        return found
