"""This machine: files and their permissions, free disk, the clocks. Everything here blocks."""

from __future__ import annotations

import ctypes
import os
import pwd
import shutil
import socket
import sqlite3
import stat
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

from agentchan.core.observations import Mark
from agentchan.doctor.findings import Finding, Group, failed, passed, skipped, warning
from agentchan.doctor.patient import Patient
from agentchan.doctor.running import Running

_GROUP = Group.MACHINE
_MIB = 1024 * 1024
_LEAST_FREE = 64 * _MIB
_FEW_FREE = 512 * _MIB
_ASLEEP = 60.0
_OTHERS = 0o007
_MAY_WRITE = 0o003
"""To make files in a folder needs its write and its search permission."""

_TIME_ERROR = 5
"""What adjtimex(2) answers where nobody keeps the clock."""


def machine_findings(patient: Patient, running: Running, uid: int) -> list[Finding]:
    """What is to be said of this machine.

    Args:
        patient: what is examined.
        running: the daemon.
        uid: of the user that the daemon runs as, or would run as.
    """
    return [
        *_folder("journal", patient.configuration.journal.path, uid),
        *_journal(patient.configuration.journal.path),
        *_disk(patient.configuration.journal.path),
        *_socket(patient, running, uid),
        *_listen(patient, running),
        *_clock(),
    ]


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def may_write(folder: Path, uid: int) -> bool:
    """Whether a user may make files in a folder, by its permissions.

    Raises:
        OSError: it is not there, or may not be looked at.
    """
    info = folder.stat()
    if uid == 0:
        return True
    groups = {info.st_gid} if uid == os.getuid() and info.st_gid in os.getgroups() else set()
    with suppress(KeyError):
        user = pwd.getpwuid(uid)
        groups |= set(os.getgrouplist(user.pw_name, user.pw_gid))
    shift = 6 if info.st_uid == uid else 3 if info.st_gid in groups else 0
    return (info.st_mode >> shift) & _MAY_WRITE == _MAY_WRITE


def _folder(what: str, path: Path, uid: int) -> Iterator[Finding]:
    folder, user = path.parent, _user(uid)
    try:
        allowed = may_write(folder, uid)
    except FileNotFoundError:
        remedy = f"install -d -o {user} -m 0750 {folder}   (the systemd unit makes it by itself)"
        yield failed(_GROUP, what, f"{folder} is not there, where the {what} is kept", remedy)
        return
    except OSError as error:
        yield skipped(_GROUP, what, f"{folder} cannot be looked at: {error.strerror}", "try it as root")
        return
    if allowed:
        yield passed(_GROUP, what, f"{folder}, where the {what} is kept, can be written by {user}")
    else:
        text = f"{folder}, where the {what} is kept, cannot be written by {user}"
        yield failed(_GROUP, what, text, f"chown {user} {folder}")


def _journal(path: Path) -> Iterator[Finding]:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return
    if mode & _OTHERS:
        text = f"every user of this machine may read {path}, which holds callers' numbers"
        yield warning(_GROUP, "journal", text, f"chmod o= {path}")


def _disk(path: Path) -> Iterator[Finding]:
    folder = next((each for each in path.parents if each.exists()), Path("/"))
    try:
        usage = shutil.disk_usage(folder)
    except OSError as error:
        yield skipped(_GROUP, "disk", f"the disk of {folder} cannot be looked at: {error.strerror}")
        return
    free = f"{usage.free / _MIB:,.0f} MiB of {usage.total / _MIB:,.0f} are free"
    remedy = "free some: a journal that cannot be written accepts no NewCall and no Gone"
    if usage.free < _LEAST_FREE:
        yield failed(_GROUP, "disk", f"the disk of {folder} is as good as full: {free}", remedy)
    elif usage.free < _FEW_FREE:
        yield warning(_GROUP, "disk", f"the disk of {folder} is nearly full: {free}", remedy)
    else:
        yield passed(_GROUP, "disk", f"the disk of {folder}: {free}")


def _socket(patient: Patient, running: Running, uid: int) -> Iterator[Finding]:
    path, wanted = patient.socket, patient.configuration.api.socket_mode
    if not running.is_there:
        yield from _folder("socket", path, uid)
        return
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError as error:
        yield skipped(_GROUP, "socket", f"{path} cannot be looked at: {error.strerror}")
        return
    if mode == wanted:
        yield passed(_GROUP, "socket", f"{path} has the permissions {mode:04o}")
    else:
        text = f"{path} has the permissions {mode:04o}, not {wanted:04o} as configured"
        yield warning(_GROUP, "socket", text, "restart the daemon: api.socket_mode takes effect then")


def _listen(patient: Patient, running: Running) -> Iterator[Finding]:
    listen = patient.configuration.api.listen
    if listen is None or not listen[1]:
        return
    host, port = listen
    where = f"[api] listen {host}:{port}"
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - what somebody configured
    try:
        with socket.create_connection((reachable, port), timeout=1.0):
            answers = True
    except OSError:
        answers = False
    if running.is_there and not answers:
        text = f"{where} does not accept connections from here"
        yield failed(
            _GROUP,
            "listen",
            text,
            f"see whether a firewall, or another program, has the port: ss -ltnp sport = :{port}",
        )
    elif running.is_there:
        yield passed(_GROUP, "listen", f"{where} accepts connections")
    elif answers:
        text = f"{where}: another program has that port (or systemd holds it for the daemon)"
        yield warning(_GROUP, "listen", text, f"see which it is: ss -ltnp sport = :{port}")
    else:
        yield passed(_GROUP, "listen", f"{where} is free")


# -- clocks -----------------------------------------------------------------------------------------------------------


class _Timex(ctypes.Structure):
    """struct timex of adjtimex(2), as far as it must be there."""

    _fields_ = (("modes", ctypes.c_uint), ("rest", ctypes.c_byte * 404))


def _is_kept() -> bool | None:
    """Whether the kernel says that somebody keeps the clock; None where it cannot be asked."""
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        answer = libc.adjtimex(ctypes.byref(_Timex()))
    except (OSError, AttributeError):
        return None
    return None if answer < 0 else answer != _TIME_ERROR


def _clock() -> Iterator[Finding]:
    asleep = time.clock_gettime(time.CLOCK_BOOTTIME) - time.clock_gettime(time.CLOCK_MONOTONIC)
    if asleep > _ASLEEP:
        text = f"this machine has been asleep or frozen for {asleep:.0f} s since it was started"
        yield warning(_GROUP, "clock", text, "an IVR's machine must not sleep: see its host's and its own settings")
    kept = _is_kept()
    if kept is None:
        yield skipped(_GROUP, "clock", "whether somebody keeps the clock is not told here")
    elif kept:
        yield passed(_GROUP, "clock", "the clock is kept (NTP)")
    else:
        text = "nobody keeps the clock of this machine (NTP), as far as the kernel knows"
        yield warning(_GROUP, "clock", text, "apt install chrony, or: systemctl enable --now systemd-timesyncd")


# -- what is remembered -----------------------------------------------------------------------------------------------


def kept_marks(path: Path) -> tuple[Mark, ...] | None:
    """The generation marks in a journal that no daemon uses, the newest last; None where it cannot be read."""
    if not path.exists():
        return ()
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=1.0)) as connection:
            rows = connection.execute("SELECT domain, generation, host FROM mark ORDER BY number").fetchall()
    except sqlite3.Error:
        return None
    return tuple(Mark(domain or None, int(generation), str(host)) for domain, generation, host in rows)
