"""A daemon whose start is timed: from exec to the word READY=1 that systemd would hear (sd_notify(3))."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from contextlib import closing

from agentchan.lab.daemon_process import START_TIMEOUT, DaemonProcess


class TimedDaemon(DaemonProcess):
    """A daemon as the lab has it, but started directly, so that nothing but its own start takes time."""

    def start_timed(self) -> tuple[float, float]:
        """Start it; returns when (monotonic seconds), and when it said that it is ready.

        Raises:
            TimeoutError: it does not say so.
        """
        path = self.socket.with_suffix(".notify")
        path.unlink(missing_ok=True)
        with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as notify, self.log.open("ab") as log:
            notify.bind(str(path))
            notify.settimeout(START_TIMEOUT)
            began = time.monotonic()
            self._process = subprocess.Popen(
                self.command,
                env={**os.environ, "NOTIFY_SOCKET": str(path)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
            while b"READY=1" not in notify.recv(4096):
                pass
            return began, time.monotonic()
