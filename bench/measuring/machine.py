"""On what the figures were measured: machine, versions, disk, and who else was busy there."""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from agentchan import __version__
from measuring.process_cost import machine_cpu_seconds, own_cpu_seconds
from measuring.spread import Spread

PACKAGES = ("twisted", "automat", "lxml", "zeep", "requests")
SYNCED = 50
"""Writes that are timed to know the disk."""

_ROOT = Path(__file__).resolve().parents[2]


def machine() -> dict[str, Any]:
    """The machine."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9, 1),
        "kernel": platform.release(),
        "system": platform.freedesktop_os_release().get("PRETTY_NAME", platform.system()),
    }


def versions() -> dict[str, str]:
    """What was run."""
    found = {"agentchan": " ".join(filter(None, (__version__, _commit()))), "python": platform.python_version()}
    found |= {name: version(name) for name in PACKAGES}
    found["sqlite"] = sqlite3.sqlite_version
    haproxy = shutil.which("haproxy")
    if haproxy is not None:
        said = subprocess.run([haproxy, "-v"], capture_output=True, text=True, check=True).stdout
        found["haproxy"] = said.split()[2]
    return found


def disk(directory: Path) -> dict[str, Any]:
    """The file system that holds ``directory``, and what it takes to have a few bytes on it for good."""
    mounts = [line.split(" ") for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()]
    point, rest = max(
        ((each[4], each[each.index("-") + 1 :]) for each in mounts if directory.resolve().is_relative_to(each[4])),
        key=lambda found: len(found[0]),
    )
    return {"mounted_on": point, "file_system": rest[0], "device": rest[1], "fsync_ms": _fsync(directory)}


def _fsync(directory: Path) -> dict[str, float]:
    took = []
    path = directory / "fsync"
    with path.open("wb", buffering=0) as file:
        for _ in range(SYNCED):
            file.write(bytes(512))
            began = time.perf_counter()
            os.fsync(file.fileno())
            took.append((time.perf_counter() - began) * 1e3)
    path.unlink()
    spread = Spread.of(took)
    return {"median": spread.median, "p95": spread.p95}


class Neighbours:
    """How busy the rest of the machine is meanwhile."""

    def __init__(self) -> None:
        self._load = os.getloadavg()[0]
        self._began = time.monotonic()
        self._all = machine_cpu_seconds()
        self._own = own_cpu_seconds()

    def found(self) -> dict[str, float]:
        """The load average before, and how many cores' worth others used meanwhile; to be asked when all has ended."""
        others = machine_cpu_seconds() - self._all - (own_cpu_seconds() - self._own)
        lasted = time.monotonic() - self._began
        return {"load_before": round(self._load, 2), "others_cores": round(max(0.0, others / lasted), 2)}


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _commit() -> str:
    git = shutil.which("git")
    if git is None or not (_ROOT / ".git").exists():
        return ""
    command = [git, "-C", str(_ROOT), "describe", "--always", "--dirty=, changed", "--exclude=*"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return f"({done.stdout.strip()})" if done.returncode == 0 else ""


def lines(about: dict[str, Any]) -> Iterator[str]:
    """The same for people."""
    there = about["machine"]
    yield (
        f"{there['processor']}, {there['cores']} cores, {there['memory_gb']} GB; {there['system']}, "
        f"Linux {there['kernel']}"
    )
    yield ", ".join(f"{name} {number}" for name, number in about["versions"].items())
