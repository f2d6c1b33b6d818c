"""What a process costs, as the kernel counts it (proc(5))."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_MEGABYTE = 1e6


def memory(pids: Iterable[int]) -> float:
    """Megabytes (of a million bytes) that these processes have resident."""
    pages = sum(int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) for pid in pids)
    return pages * os.sysconf("SC_PAGE_SIZE") / _MEGABYTE


def most_memory(pid: int) -> float:
    """Megabytes that a process has had resident at most."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / _MEGABYTE
    raise ValueError(f"process {pid} has no memory")


def scheduled_seconds(pids: Iterable[int]) -> float:
    """Seconds of processor that these processes have used, in user and kernel mode, by the threads that live."""
    tasks = [task for pid in pids for task in Path(f"/proc/{pid}/task").glob("*/schedstat")]
    return sum(int(task.read_text(encoding="ascii").split()[0]) for task in tasks) / 1e9


def machine_cpu_seconds() -> float:
    """Seconds of processor that all of the machine has used since its start."""
    # user, nice, system, and from the sixth on: interrupts and what other machines of the same hardware took.
    fields = [int(field) for field in Path("/proc/stat").read_text(encoding="ascii").splitlines()[0].split()[1:9]]
    return (sum(fields[:3]) + sum(fields[5:])) / _TICKS


def own_cpu_seconds() -> float:
    """Seconds of processor that this process and its children that have ended used."""
    return sum(os.times()[:4])
