"""Runs the command of a ``[[notify]]`` entry: no shell, bounded in time and output, and nothing of it is left behind.

It blocks, so it has a thread of its own. The command leads a process group, and what it has started there ends with it.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from threading import Lock

from agentchan.ce.errors import one_line

_GRACE = 1.0
"""Seconds between SIGTERM and SIGKILL."""

_LONGEST_WORDS = 4096
"""Bytes of what the command said on its standard error that are kept: the last ones."""

_PIECE = 16 * 1024

_OURS = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES")
"""What systemd says to the daemon alone: a command that answered it would speak in the daemon's name."""


class CommandFailedError(Exception):
    """The command did not end well; the text says how, with its own last words."""


class Command:
    """One run of one command.

    Args:
        command: the program, by absolute path, and its arguments.
        octets: what it reads on its standard input.
        timeout: seconds.
        environ: the daemon's environment, of which it gets all but what is for the daemon alone.
        name: of the notice, which it finds as ``AGENTCHAN_NOTIFY``.
    """

    def __init__(
        self, command: Sequence[str], octets: bytes, timeout: float, environ: Mapping[str, str], name: str
    ) -> None:
        self._command = list(command)
        self._octets = octets
        self._timeout = timeout
        self._environ = {key: value for key, value in environ.items() if key not in _OURS} | {"AGENTCHAN_NOTIFY": name}
        self._lock = Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._given_up = False

    def run(self) -> None:
        """Run it to its end; blocks for the timeout, and a second, at most.

        Raises:
            CommandFailedError: it could not be started, did not end in time, or ended with another status than 0.
        """
        deadline = time.monotonic() + self._timeout
        # A file rather than a pipe: a command that does not read its input keeps nobody waiting.
        with os.fdopen(os.memfd_create("agentchan-notice"), "w+b") as given:
            given.write(self._octets)
            given.seek(0)
            process = self._start(given.fileno())
        with process:
            words, ended = self._watch(process, deadline)
        if not ended:
            raise CommandFailedError(f"did not end within {self._timeout:g} s and was killed{_said(words)}")
        if process.returncode:
            raise CommandFailedError(f"ended with status {process.returncode}{_said(words)}")

    def give_up(self) -> None:
        """Kill it, from any thread; ``run`` then ends, and fails."""
        with self._lock:
            self._given_up = True
            if self._process is not None:
                _kill(self._process, signal.SIGKILL)

    def _start(self, given: int) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._given_up:
                raise CommandFailedError("was given up before it was started")
            try:
                process = subprocess.Popen(
                    self._command,
                    stdin=given,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                    env=self._environ,
                    cwd="/",
                    process_group=0,
                )
            except OSError as error:
                raise CommandFailedError(f"cannot be started: {error.strerror or error}") from None
            self._process = process
            return process

    def _watch(self, process: subprocess.Popen[bytes], deadline: float) -> tuple[bytes, bool]:
        """What it said last, and whether it ended by itself; nothing of its process group is left afterwards."""
        try:
            exited = os.pidfd_open(process.pid)
            try:
                words, ended = _follow(process, exited, deadline)
                if not ended:
                    _kill(process, signal.SIGTERM)
                    words += _follow(process, exited, time.monotonic() + _GRACE)[0]
            finally:
                os.close(exited)
        finally:
            with self._lock:
                # As long as its leader is not waited for, nobody else can get the group's number.
                self._process = None
                _kill(process, signal.SIGKILL)
                process.wait()
        return words, ended


def _follow(process: subprocess.Popen[bytes], exited: int, deadline: float) -> tuple[bytes, bool]:
    """Read what it says until it has exited, or the time is over."""
    words = b""
    poll = select.poll()
    poll.register(exited, select.POLLIN)
    if process.stderr is not None and not process.stderr.closed:
        poll.register(process.stderr, select.POLLIN)
    while True:
        left = deadline - time.monotonic()
        ready = {descriptor for descriptor, _ in poll.poll(max(0.0, left) * 1000)}
        for descriptor in ready - {exited}:
            piece = os.read(descriptor, _PIECE)
            words = (words + piece)[-_LONGEST_WORDS:]
            if not piece:
                poll.unregister(descriptor)
        if exited in ready:
            return words, True
        if left <= 0.0:
            return words, False


def _kill(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _said(words: bytes) -> str:
    text = one_line(words.decode(errors="replace"))
    return f"; it said: {text}" if text else ""
