"""One host of the lab as a child process: start, kill, freeze, thaw, ask."""

from __future__ import annotations

import http.client
import json
import os
import select
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

LOOPBACK = "127.0.0.1"
START_TIMEOUT = 30.0
STOP_TIMEOUT = 10.0
FREEZE_TRIES = 200


class LabError(Exception):
    """A host of the lab did not do what it was asked; the text says why."""


class HostProcess:
    """A host with ports of its own, which it keeps over restarts.

    The ports are reserved by sockets that are bound and never listen: the kernel gives them to nothing else while
    the host is down, not even as the local port of a client that dials the dead host (and would meet itself).
    """

    def __init__(self, name: str, options: list[str], database: Path, log: Path) -> None:
        self.name = name
        self.options = options
        self.frozen = False
        self._database = database
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._reserved = {what: _reserve() for what in ("component", "connector", "control")}
        self.ports = {what: int(held.getsockname()[1]) for what, held in self._reserved.items()}

    @property
    def running(self) -> bool:
        """Whether the process lives (a frozen one does)."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The process id.

        Raises:
            LabError: it does not run.
        """
        if self._process is None or not self.running:
            raise LabError(f"{self.name} is not running")
        return self._process.pid

    def spawn(self) -> None:
        """Start the process; :meth:`wait_serving` waits for it."""
        if self.running:
            raise LabError(f"{self.name} is running already")
        self.reap()
        ports = [f"--{what}-port={port}" for what, port in self.ports.items()]
        command = [sys.executable, "-m", "agentchan.lab.host", *self.options, *ports, "--end-with-stdin"]
        with self._log.open("ab") as log:
            # It ends when its standard input is closed, however this process ends. A frozen one cannot see that: in a
            # process group of its own, which is orphaned then, the kernel itself hangs it up and continues it.
            self._process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=log, stdin=subprocess.PIPE, process_group=0
            )

    def wait_serving(self) -> None:
        """Return when both services are served.

        Raises:
            LabError: the process ended, or said nothing for ``START_TIMEOUT``.
        """
        if self._process is None or self._process.stdout is None:
            raise LabError(f"{self.name} was not started")
        if not select.select([self._process.stdout], [], [], START_TIMEOUT)[0]:
            raise LabError(f"{self.name} said nothing for {START_TIMEOUT:.0f} s; see {self._log}")
        if not self._process.stdout.readline():
            raise LabError(f"{self.name} did not start; see {self._log}")

    def kill(self) -> float:
        """SIGKILL; returns the monotonic time at which it was sent. :meth:`reap` waits for its end."""
        pid = self.pid
        at = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        return at

    def freeze(self) -> float:
        """SIGSTOP; returns the monotonic time at which it was sent.

        A host frozen in the middle of a transaction would hold SQLite's lock and freeze the other host with it, where a
        real domain's database server would cut it off; in that case it is thawed for a moment and frozen again.

        Raises:
            LabError: it is caught in a transaction every time.
        """
        for _ in range(FREEZE_TRIES):
            at = time.monotonic()
            os.kill(self.pid, signal.SIGSTOP)
            self.frozen = True
            while _process_state(self.pid) not in "TZ":
                time.sleep(0.0002)
            if _can_write(self._database):
                return at
            self.thaw()
            time.sleep(0.001)
        raise LabError(f"{self.name} could not be frozen outside a transaction")

    def thaw(self) -> float:
        """SIGCONT; returns the monotonic time at which it was sent."""
        at = time.monotonic()
        os.kill(self.pid, signal.SIGCONT)
        self.frozen = False
        return at

    def terminate(self) -> None:
        """SIGTERM, to a frozen process too; SIGKILL if it does not end."""
        if self._process is not None and self.running:
            self._process.terminate()
            if self.frozen:
                self.thaw()
            try:
                self._process.wait(STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self.reap()

    def close(self) -> None:
        """End the process and give the ports back."""
        self.terminate()
        for held in self._reserved.values():
            held.close()

    def reap(self) -> None:
        """Wait for the end of a process that was killed, and forget it."""
        if self._process is not None:
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    pipe.close()
        self._process = None
        self.frozen = False

    def ask(self, path: str, arguments: dict[str, Any] | None = None, *, timeout: float = 5.0) -> Any:
        """GET ``path`` of the control port, or POST ``arguments`` to it; returns what it answers.

        Raises:
            LabError: the host does not answer, or refuses.
        """
        connection = http.client.HTTPConnection(LOOPBACK, self.ports["control"], timeout=timeout)
        try:
            if arguments is None:
                connection.request("GET", path)
            else:
                connection.request("POST", path, json.dumps(arguments))
            response = connection.getresponse()
            answer = json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise LabError(f"{self.name} does not answer {path}: {error!r}") from error
        finally:
            connection.close()
        if response.status != http.client.OK:
            raise LabError(f"{self.name} refuses {path}: {answer['error']}")
        return answer


def _reserve() -> socket.socket:
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind((LOOPBACK, 0))
    return held


def _process_state(pid: int) -> str:
    # Linux: the letter after the command's name, T for stopped (proc(5)).
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]


def _can_write(database: Path) -> bool:
    connection = sqlite3.connect(database, timeout=0.05, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
    except sqlite3.OperationalError:
        return False
    finally:
        connection.close()
    return True
