"""HAProxy in front of the pair, as an experienced operator would set it up, in a process of its own."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from agentchan.lab.pair import Pair
from measuring import messages
from measuring.children import leashed

START_TIMEOUT = 10.0
"""Seconds."""

CONFIGURATION = """\
global
    maxconn 256
    nbthread 1

defaults
    # A session is tied to its connection, so connections are passed through as they are.
    mode tcp
    timeout connect 1s
    timeout client 1h
    timeout server 1h
    timeout check 500ms
    # A request is tried on the host that is up, not on the one that has just refused it.
    retries 2
    option redispatch 1

listen ivr_connector
    bind 127.0.0.1:{port}
    # The role is asked, since the standby answers too.
    option httpchk
    http-check send meth POST uri /ComponentService ver HTTP/1.1 hdr Host ce hdr Content-Type text/xml \
hdr SOAPAction "\\"{namespace}/GetServerStatus\\"" body {body}
    http-check expect string <Role>Active</Role>
    # Two failures in a row, so that one lost packet is no failover; quicker while in doubt; back at the first success.
    # No "observe": what CE answers with status 500 is a SOAP fault, not a fault of the host.
    default-server check inter 500ms fastinter 100ms downinter 500ms fall 2 rise 1 on-marked-down shutdown-sessions
{servers}
"""


def installed() -> str | None:
    """Where the program is; None where it is not installed."""
    return shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class HAProxy:
    """One HAProxy; inside its context it runs.

    Args:
        directory: where its configuration and log are kept.
        pair: what it stands in front of.
    """

    def __init__(self, directory: Path, pair: Pair) -> None:
        program = installed()
        if program is None:
            raise FileNotFoundError("haproxy is not installed")
        self._program = program
        self._configuration = directory / "haproxy.cfg"
        self._log = directory / "haproxy.log"
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        # Spaces are escaped for HAProxy's own syntax; there are no quotes but those of XML.
        body = messages.envelope(messages.COMPONENT, "GetServerStatus", "").decode()
        quoted = body.replace("\\", "\\\\").replace('"', '\\"').replace(" ", "\\ ")
        servers = [
            f"    server {name} 127.0.0.1:{urlsplit(connector).port} check port {urlsplit(component).port}"
            for name, connector, component in zip(pair.processes, pair.connector_urls, pair.component_urls, strict=True)
        ]
        self._configuration.write_text(
            CONFIGURATION.format(port=self.port, namespace=messages.COMPONENT, body=quoted, servers="\n".join(servers)),
            encoding="utf-8",
        )

    @property
    def url(self) -> str:
        """The IVR Connector behind it."""
        return f"http://127.0.0.1:{self.port}/IVRConnector"

    @property
    def pid(self) -> int:
        """The process id."""
        if self._process is None:
            raise RuntimeError("it does not run")
        return self._process.pid

    def __enter__(self) -> Self:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                leashed(self._program, "-db", "-f", str(self._configuration)), stdout=log, stderr=log
            )
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"haproxy does not run: {self._log.read_text(encoding='utf-8')}")
            time.sleep(0.02)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait()
