"""What the process costs, under the names that every dashboard knows.

prometheus_client's own collector asks /proc/stat when the machine was started, which the unit's sandbox hides, and then
tells a wrong start time; ours is ``agentchan_start_timestamp_seconds``.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

_SELF = Path("/proc/self")
_PAGE = resource.getpagesize()


def process_metrics(folder: Path = _SELF) -> Iterator[Metric]:
    """CPU, memory and file descriptors of this process; what the system does not tell is left out.

    Args:
        folder: the process's folder in procfs.
    """
    times = os.times()
    yield CounterMetricFamily(
        "process_cpu_seconds", "Total user and system CPU time spent in seconds.", value=times.user + times.system
    )
    with suppress(OSError, ValueError, IndexError):
        pages = int((folder / "statm").read_text(encoding="ascii").split()[1])
        yield _gauge("process_resident_memory_bytes", "Resident memory size in bytes.", pages * _PAGE)
    with suppress(OSError):
        yield _gauge("process_open_fds", "Number of open file descriptors.", sum(1 for _ in (folder / "fd").iterdir()))
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield _gauge("process_max_fds", "Maximum number of open file descriptors.", limit)


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=value)
