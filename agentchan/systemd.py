"""What systemd is told, and what it hands over: sd_notify(3), sd_listen_fds(3), sd_watchdog_enabled(3).

The Python packages for this are unmaintained or need a compiler, and it is not much. Without systemd every call does
nothing.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from pathlib import Path

from attrs import frozen

_FIRST_DESCRIPTOR = 3  # SD_LISTEN_FDS_START
_MOST_DESCRIPTORS = 64
_LONGEST_STATUS = 500
# systemd reads its socket all the time; more than this the reactor does not wait for anybody.
_SEND_TIMEOUT = 0.01


def environment_at_start(file: Path = Path("/proc/self/environ")) -> dict[str, str]:
    """The environment that the process was started with, and what has been set since.

    Twisted takes LISTEN_PID and LISTEN_FDS out of ``os.environ`` as soon as its endpoints are imported.

    Args:
        file: where the kernel keeps it (proc(5)).
    """
    try:
        entries = file.read_bytes().split(b"\0")
    except OSError:
        entries = []
    pairs = (os.fsdecode(entry).partition("=") for entry in entries if b"=" in entry)
    return {**{name: value for name, _, value in pairs}, **os.environ}


@frozen
class Notifier:
    """Tells systemd how the service is.

    Every method answers whether systemd took the message; none ever fails.

    Attributes:
        address: of systemd's socket, a path or ``@`` and an abstract name; None without systemd.
    """

    address: str | None = None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Notifier:
        """Speak to the socket that systemd named, if it did."""
        return cls(environ.get("NOTIFY_SOCKET") or None)

    def ready(self, status: str | None = None) -> bool:
        """The service runs, or has finished a reload.

        Args:
            status: one line for ``systemctl status``.
        """
        return self._send("READY=1", *_status(status))

    def status(self, status: str) -> bool:
        """One line for ``systemctl status``."""
        return self._send(*_status(status))

    def reloading(self, monotonic_microseconds: int, status: str | None = None) -> bool:
        """A reload has begun; ``ready`` ends it.

        Args:
            monotonic_microseconds: CLOCK_MONOTONIC now, for which Type=notify-reload (systemd 253 and later) asks.
            status: one line for ``systemctl status``.
        """
        return self._send("RELOADING=1", f"MONOTONIC_USEC={monotonic_microseconds}", *_status(status))

    def stopping(self, status: str | None = None) -> bool:
        """The service is about to end.

        Args:
            status: one line for ``systemctl status``.
        """
        return self._send("STOPPING=1", *_status(status))

    def extend_timeout(self, seconds: float) -> bool:
        """Ask for more time to start, reload or stop: so many seconds from now, whatever the unit says.

        A drain that is longer than TimeoutStopSec is not cut off then.
        """
        return self._send(f"EXTEND_TIMEOUT_USEC={max(0, round(seconds * 1_000_000))}")

    def watchdog(self) -> bool:
        """The service is alive; to be called every ``watchdog_interval``."""
        return self._send("WATCHDOG=1")

    def _send(self, *lines: str) -> bool:
        if self.address is None:
            return False
        address = "\0" + self.address[1:] if self.address.startswith("@") else self.address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as to_systemd:
                to_systemd.settimeout(_SEND_TIMEOUT)
                to_systemd.sendto("\n".join(lines).encode(errors="replace"), address)
        except (OSError, ValueError):
            return False
        return True


def _status(text: str | None) -> tuple[str, ...]:
    return () if text is None else (f"STATUS={' '.join(text.split())[:_LONGEST_STATUS]}",)


def watchdog_interval(environ: Mapping[str, str], pid: int) -> float | None:
    """Seconds from one ``Notifier.watchdog`` to the next: half of what systemd allows; None without a watchdog.

    Args:
        environ: the process's environment.
        pid: this process; a watchdog over another one is not ours to feed.
    """
    microseconds = environ.get("WATCHDOG_USEC", "")
    if environ.get("WATCHDOG_PID", str(pid)) != str(pid) or not _is_number(microseconds):
        return None
    return int(microseconds) / 2_000_000 or None


@frozen
class ListeningSocket:
    """A listening stream socket that systemd holds for us.

    Attributes:
        descriptor: the file descriptor, open until the process ends.
        family: AF_INET, AF_INET6 or AF_UNIX.
        name: FileDescriptorName= of the socket unit, by default the unit's name.
    """

    descriptor: int
    family: socket.AddressFamily
    name: str


def listening_sockets(environ: Mapping[str, str], pid: int) -> tuple[ListeningSocket, ...]:
    """The listening stream sockets that systemd has handed over; child processes do not inherit them.

    Args:
        environ: the process's environment.
        pid: this process; descriptors meant for another one are left alone.
    """
    count = environ.get("LISTEN_FDS", "")
    if environ.get("LISTEN_PID") != str(pid) or not _is_number(count):
        return ()
    names = environ.get("LISTEN_FDNAMES", "").split(":")
    sockets = []
    for index in range(min(int(count), _MOST_DESCRIPTORS)):
        descriptor = _FIRST_DESCRIPTOR + index
        family = _listening_family(descriptor)
        if family is not None:
            name = names[index] if index < len(names) and names[index] else "unknown"
            sockets.append(ListeningSocket(descriptor, family, name))
    return tuple(sockets)


def _listening_family(descriptor: int) -> socket.AddressFamily | None:
    """The family of a listening stream socket, None of anything else; the descriptor is made close-on-exec."""
    try:
        os.set_inheritable(descriptor, False)
        with socket.socket(fileno=os.dup(descriptor)) as same:
            if same.type != socket.SOCK_STREAM or not same.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                return None
            return socket.AddressFamily(same.family)
    except (OSError, ValueError):
        return None


def speaks_to_journal(environ: Mapping[str, str], descriptor: int) -> bool:
    """Whether what is written to the descriptor goes to the journal (JOURNAL_STREAM in systemd.exec(5)).

    Args:
        environ: the process's environment.
        descriptor: mostly 2, standard error.
    """
    try:
        about = os.fstat(descriptor)
    except OSError:
        return False
    return environ.get("JOURNAL_STREAM") == f"{about.st_dev}:{about.st_ino}"


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < len(str(2**64))
