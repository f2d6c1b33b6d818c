"""Other parts of a benchmark, as processes that end with it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

_HERE = Path(__file__).resolve().parents[1]


def leashed(*command: str) -> list[str]:
    """The command, to be killed by the kernel when this program ends, however that happens."""
    return [sys.executable, "-m", "agentchan.lab.leash", str(os.getpid()), *command]


class Child:
    """``python -m measuring.MODULE ARGUMENTS``; inside its context it runs, and its output can be read line by line."""

    def __init__(self, module: str, *arguments: str, log: Path) -> None:
        with log.open("ab") as errors:
            self.process = subprocess.Popen(
                leashed(sys.executable, "-m", f"measuring.{module}", *arguments),
                env={**os.environ, "PYTHONPATH": str(_HERE)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        self._log = log

    @property
    def pid(self) -> int:
        """The process id."""
        return self.process.pid

    def say(self, **words: Any) -> None:
        """Give it a line of JSON."""
        if self.process.stdin is None:
            raise RuntimeError("it cannot be told anything")
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()

    def hear(self) -> Any:
        """Wait for a line of JSON from it."""
        if self.process.stdout is None:
            raise RuntimeError("it cannot say anything")
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.process.args!r} has ended: {self._log.read_text(encoding='utf-8')[-2000:]}")
        return json.loads(line)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
