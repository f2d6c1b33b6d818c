"""Many daemons in one process: ``python -m tests.faults.fleet_members DIALS CONFIGURATION…``.

Each one is the product's whole service, with a journal, a Unix socket and timers of its own, as ``twistd`` would run it
alone; only the reactor, and with it the processor, is shared. Every dial is written to the file DIALS before it is
made: monotonic seconds, IVR and port, a line each. Prints a line when all are started, and ends with standard input.
"""

from __future__ import annotations

import os
import resource
import sys
import time
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import urlsplit

from attrs import define
from twisted.internet import reactor as installed
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol
from twisted.internet.stdio import StandardIO

from agentchan.ce.connection import Connection
from agentchan.ce.dialer import Dialer
from agentchan.config import load
from agentchan.daemon import Daemon
from agentchan.service_maker import service_of

reactor: Any = installed

BETWEEN = 0.1
"""Seconds between two starts; one takes some 10 ms."""


@define
class WritingDialer(Dialer):
    """A dialer that writes down whom it dials."""

    ivr: str = ""
    dials: TextIO | None = None

    def dial(self, url: str, **how: Any) -> Deferred[Connection]:
        """See :class:`Dialer`."""
        if self.dials is not None:
            self.dials.write(f"{time.monotonic():.4f} {self.ivr} {urlsplit(url).port}\n")
        return super().dial(url, **how)


class _End(Protocol):
    """The end of standard input is the end of all."""

    def connectionLost(self, reason: Any = None) -> None:  # noqa: N802, ARG002 - Twisted's name
        """Whoever started this process has gone."""
        os._exit(0)


def main(dials: str, *configurations: str) -> None:
    """Run a daemon of each configuration."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with Path(dials).open("w", buffering=1, encoding="utf-8") as written:
        daemons = []
        for path in configurations:
            daemon = service_of(load(Path(path)))
            assert isinstance(daemon, Daemon)
            ivr = daemon.configuration.ivr.name
            daemon.dialer = WritingDialer(
                reactor, daemon.dialer.tls, on_exchanged=daemon.metrics.exchanged, ivr=ivr, dials=written
            )
            daemons.append(daemon)
        reactor.callWhenRunning(StandardIO, _End())
        for number, daemon in enumerate(daemons):
            # One after the other, as hosts boot.
            reactor.callLater(BETWEEN * number, daemon.startService)
        reactor.callLater(BETWEEN * len(daemons), print, "started", flush=True)
        reactor.run(installSignalHandlers=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
