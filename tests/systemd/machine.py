"""A real systemd as process 1, in a throw-away overlay of this machine's own root.

``systemd-nspawn`` boots it with a network of its own. The mounts are made in a mount namespace of their own, and all
of it hangs on one process that ends with this one: whatever happens, the kernel clears everything away. Nothing is
written to the real root.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

Found = TypeVar("Found")

CGROUPS = Path("/sys/fs/cgroup")
PREFIX = "agentchan-test-"
BOOT_TIMEOUT = 60.0
BOOT = Path(__file__).with_name("boot.sh")
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "HOME": "/root",
}


def cannot_boot() -> str | None:
    """Why no machine can be booted here; None if one can."""
    if os.getuid() != 0:
        return "only root can boot a machine"
    missing = [each for each in ("systemd-nspawn", "nsenter", "unshare", "setpriv") if shutil.which(each) is None]
    if missing:
        return f"not installed: {', '.join(missing)} (Debian's systemd-container and util-linux)"
    if not Path("/lib/systemd/systemd").exists():
        return "systemd is not installed"
    return None


class Machine:
    """One booted machine, a context manager.

    Args:
        shown: folders of this machine that it may read, by where it finds them.
    """

    def __init__(self, shown: Mapping[Path, str] | None = None) -> None:
        self.name = f"{PREFIX}{secrets.token_hex(4)}"
        self._shown = shown or {}
        self._process: subprocess.Popen[bytes] | None = None
        self._leader: int | None = None

    def __enter__(self) -> Self:
        _clear_groups()
        for group in self._groups():
            group.mkdir()
        binds = [f"--bind-ro={path}:{place}" for path, place in self._shown.items()]
        # What is in these namespaces, mounts and processes, lives as long as the first process there, boot.sh, which is
        # killed when unshare is, which is killed when this program ends.
        self._process = subprocess.Popen(
            [
                *("setpriv", "--pdeathsig", "KILL"),
                *("unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc"),
                *(str(BOOT), self.name, *binds),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=ENVIRONMENT,
        )
        try:
            self.wait_until(self._is_up, timeout=BOOT_TIMEOUT, what="the machine to boot")
            self.run("ip", "link", "set", "lo", "up")
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    # -- what is done in it ------------------------------------------------------------------------------------------

    def attempt(
        self, *command: str, given: str = "", timeout: float = 120.0, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the machine as root, whatever its exit status."""
        if self._leader is None:
            raise RuntimeError("the machine does not run")
        enter = ["nsenter", "-t", str(self._leader), "-m", "-u", "-i", "-n", "-p", "-C", "--wd=/root", "--", *command]
        return subprocess.run(
            enter,
            input=given,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
            env={**ENVIRONMENT, **environment},
        )

    def run(self, *command: str, given: str = "", timeout: float = 120.0, **environment: str) -> str:
        """Run a command in the machine as root; returns what it printed.

        Raises:
            AssertionError: it failed.
        """
        done = self.attempt(*command, given=given, timeout=timeout, **environment)
        assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def write(self, path: str, text: str, mode: str = "644") -> None:
        """Write a file in the machine, with the folders above it."""
        self.run("install", "-D", "-m", mode, "/dev/stdin", path, given=text)

    def wait_until(
        self, predicate: Callable[[], Found], *, timeout: float = 30.0, interval: float = 0.05, what: str = ""
    ) -> Found:
        """Ask until the answer is true, and return it.

        Raises:
            AssertionError: it was not within so many seconds.
        """
        deadline = time.monotonic() + timeout
        while not (found := predicate()):
            assert self._process is None or self._process.poll() is None, "the machine has ended"
            assert time.monotonic() < deadline, f"waited in vain for {what or predicate}: {found!r}"
            time.sleep(interval)
        return found

    # -- its life ------------------------------------------------------------------------------------------------------

    def _is_up(self) -> bool:
        process = self._process
        if process is None or process.poll() is not None:
            said = process.stdout.read().decode(errors="replace") if process and process.stdout else ""
            raise AssertionError(f"the machine ended while it booted: {said}")
        if self._leader is None:
            # unshare, boot.sh that becomes systemd-nspawn, the machine's process 1.
            booting = _child(process.pid)
            leader = _child(booting) if booting is not None and _command(booting) == "systemd-nspawn" else None
            if leader is None or _command(leader) != "systemd":
                return False
            self._leader = leader
        state = self.attempt("systemctl", "is-system-running").stdout.strip()
        return state in ("running", "degraded")

    def _end(self) -> None:
        process = self._process
        if process is not None:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()
        deadline = time.monotonic() + 10.0
        while _remove(self._groups()) and time.monotonic() < deadline:
            time.sleep(0.05)

    def _groups(self) -> list[Path]:
        """Control groups of its own, so that nothing in it touches those of this machine."""
        return [
            folder / self.name
            for folder in (CGROUPS / "unified", CGROUPS / "systemd", CGROUPS)
            if (folder / "cgroup.procs").exists()
        ]


def _child(process: int) -> int | None:
    """The only child of a process, if it has one yet."""
    children = _read(f"/proc/{process}/task/{process}/children").split()
    return int(children[0]) if children else None


def _command(process: int) -> str:
    return _read(f"/proc/{process}/comm").strip()


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError:  # it has ended meanwhile
        return ""


def _clear_groups() -> None:
    """Remove what an earlier run left that was killed; groups in use cannot be removed."""
    _remove(list(CGROUPS.glob(f"{PREFIX}*")) + list(CGROUPS.glob(f"*/{PREFIX}*")))


def _remove(groups: list[Path]) -> bool:
    """Remove control groups with those below them; whether something is left."""
    for group in groups:
        if group.is_dir():
            for each in sorted((path for path in group.rglob("*") if path.is_dir()), reverse=True):
                _rmdir(each)
            _rmdir(group)
    return any(group.exists() for group in groups)


def _rmdir(path: Path) -> None:
    try:
        path.rmdir()
    except OSError:  # in use, or gone meanwhile
        return
