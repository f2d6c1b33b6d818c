"""The daemon under test or on show: a real ``twistd agentchan`` as a child process, with a configuration of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agentchan.cli.daemon import Daemon
from agentchan.cli.failures import Failure
from agentchan.lab.host_process import LabError

START_TIMEOUT = 30.0
STOP_TIMEOUT = 20.0
LONGEST_SOCKET = 107
"""Bytes of a Unix socket's path (unix(7))."""


def toml(tables: Mapping[str, Mapping[str, str | Sequence[str]]]) -> str:
    """A configuration of tables with texts and lists of texts."""
    lines: list[str] = []
    for name, values in tables.items():
        lines += [f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in values.items()), ""]
    return "\n".join(lines)


class DaemonProcess:
    """One daemon in a directory: ``agentchan.toml``, ``agentchan.sock``, its journal and its log.

    It is killed by the kernel if the program that started it ends without stopping it, and if the thread does.

    Attributes:
        tables: its configuration as it was written.

    Args:
        directory: where all of it is kept; it exists.
        tables: the configuration; what is said here of ``api`` and ``journal`` comes on top of its own places.
        name: of the files, where several daemons share a directory.

    Raises:
        LabError: the directory's path is too long for a socket.
    """

    def __init__(
        self, directory: Path, tables: Mapping[str, Mapping[str, str | Sequence[str]]], name: str = "agentchan"
    ) -> None:
        self.configuration = directory / f"{name}.toml"
        self.socket = directory / f"{name}.sock"
        self.log = directory / f"{name}.log"
        if len(os.fsencode(self.socket)) > LONGEST_SOCKET:
            raise LabError(f"{self.socket} is too long for a socket, which has {LONGEST_SOCKET} bytes; choose another")
        own: dict[str, dict[str, str | Sequence[str]]] = {
            "api": {"socket": str(self.socket), "listen": ""},
            "journal": {"path": str(directory / f"{name}.sqlite3")},
        }
        self.tables = {**own, **{table: {**own.get(table, {}), **values} for table, values in tables.items()}}
        self.configuration.write_text(toml(self.tables), encoding="utf-8")
        self.listen = str(self.tables["api"]["listen"])
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def command(self) -> list[str]:
        """What is run: ``twistd`` of this interpreter, as the systemd unit runs it."""
        script = Path(sysconfig.get_path("scripts")) / "twistd"
        twistd = [str(script), "--nodaemon", "--pidfile="] if script.exists() else [sys.executable, "-m", "twisted"]
        return [*twistd, "agentchan", "--config", str(self.configuration)]

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The process id.

        Raises:
            LabError: it was not started.
        """
        if self._process is None:
            raise LabError("the daemon was not started")
        return self._process.pid

    @property
    def client(self) -> Daemon:
        """The daemon as the command line asks it."""
        return Daemon(self.socket)

    def start(self) -> None:
        """Start it, and return when it answers on its socket.

        Raises:
            LabError: it ended, or does not answer for ``START_TIMEOUT``.
        """
        leash = [sys.executable, "-m", "agentchan.lab.leash", str(os.getpid())]
        with self.log.open("ab") as log:
            # In a process group of its own: Ctrl-C in a terminal reaches the lab alone, which stops it in order.
            self._process = subprocess.Popen(
                [*leash, *self.command], stdin=subprocess.DEVNULL, stdout=log, stderr=log, process_group=0
            )
        deadline = time.monotonic() + START_TIMEOUT
        while not self._answers():
            if not self.running:
                raise LabError(f"the daemon ended with status {self._process.wait()}: {self.last_words()}")
            if time.monotonic() > deadline:
                raise LabError(f"the daemon does not answer on {self.socket}; see {self.log}")
            time.sleep(0.01)

    def _answers(self) -> bool:
        try:
            self.client.get("/v1/status")
        except Failure:
            return False
        return True

    def status(self) -> dict[str, Any]:
        """What ``agentchan status --json`` prints.

        Raises:
            Failure: it does not answer.
        """
        found: dict[str, Any] = self.client.get("/v1/status")
        return found

    def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> int:
        """SIGTERM, and SIGKILL if that does not end it; returns the exit status."""
        if self._process is None:
            return 0
        self._process.terminate()
        try:
            return self._process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def last_words(self, lines: int = 3) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
