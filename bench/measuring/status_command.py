"""How long ``agentchan status`` takes, as somebody at a terminal waits for it."""

from __future__ import annotations

import subprocess
import sysconfig
import time
from pathlib import Path

from agentchan.lab.daemon_process import DaemonProcess

STATUS_P95 = 150.0
"""Milliseconds that are wanted."""


def asked(daemon: DaemonProcess, times: int) -> list[float]:
    """What it takes each time, from exec to exit, in milliseconds."""
    command = [str(Path(sysconfig.get_path("scripts")) / "agentchan"), "--socket", str(daemon.socket), "status"]
    took = []
    for _ in range(times):
        began = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        took.append((time.perf_counter() - began) * 1e3)
    return took
