"""Real SIP elements for tests: SIPp and Kamailio, each a process on loopback with a port of its own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.ce.certificates import DAY, NOW, Identity, issue

SIPP = shutil.which("sipp")
KAMAILIO = shutil.which("kamailio")
_MODULES = next(Path("/usr/lib").glob("*/kamailio/modules"), Path("/usr/lib/kamailio/modules"))
KAMAILIO_TLS = KAMAILIO is not None and (_MODULES / "tls.so").exists()

_PATIENCE = 20.0
"""Seconds for a process to begin or to end, on a busy machine."""

_ATTEMPTS = 5
"""To find ports that nobody takes meanwhile."""

_SCENARIO = """<?xml version="1.0" encoding="UTF-8" ?>
<!DOCTYPE scenario SYSTEM "sipp.dtd">
<scenario name="OPTIONS">
  <recv request="OPTIONS" crlf="true"></recv>
  {before}
  {send}
</scenario>
"""
_SEND = """<send><![CDATA[

      {message}

    ]]></send>"""
_ANSWER = """SIP/2.0 {status}
      {via}
      [last_From:]
      [last_To:];tag=[pid]SIPpTag01[call_number]
      {call_id}
      {cseq}
      Contact: <sip:[local_ip]:[local_port];transport=[transport]>
      Content-Length: 0"""


def answering(
    status: str,
    *,
    via: str = "[last_Via:]",
    cseq: str = "[last_CSeq:]",
    call_id: str = "[last_Call-ID:]",
    after: int | None = None,
) -> str:
    """A SIPp scenario that answers one OPTIONS after so many milliseconds."""
    pause = "" if after is None else f'<pause milliseconds="{after}"/>'
    message = _ANSWER.format(status=status, via=via, cseq=cseq, call_id=call_id)
    return _SCENARIO.format(before=pause, send=_SEND.format(message=message))


def saying(message: str) -> str:
    """A SIPp scenario that answers with some text."""
    return _SCENARIO.format(before="", send=_SEND.format(message=message))


SILENT = _SCENARIO.format(before='<pause milliseconds="60000"/>', send="")

_KAMAILIO = """#!KAMAILIO
debug=0
log_stderror=yes
fork=yes
children=1
tcp_children=1
auto_aliases=no
listen=udp:127.0.0.1:{udp}
listen=tcp:127.0.0.1:{udp}
listen=udp:[::1]:{udp}
{tls}
mpath="{modules}/"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "siputils.so"
{modparams}
request_route {{
  if (is_method("OPTIONS") && $rU == "nobody") {{ sl_send_reply("404", "Not Found"); exit; }}
  if (is_method("OPTIONS") && $rU == "odd%40user;x") {{ sl_send_reply("486", "Busy Here"); exit; }}
  if (is_method("OPTIONS")) {{ append_to_reply("Accept: application/sdp\\r\\n"); sl_send_reply("200", "OK"); exit; }}
  sl_send_reply("405", "Method Not Allowed");
}}
"""
_KAMAILIO_TLS = """loadmodule "tls.so"
modparam("tls", "private_key", "{key}")
modparam("tls", "certificate", "{certificate}")
modparam("tls", "tls_method", "TLSv1.2+")
"""


def free_port() -> int:
    """A port that nobody uses, for UDP and TCP; somebody else may take it before its peer does."""
    with socket.socket() as stream, socket.socket(type=socket.SOCK_DGRAM) as datagrams:
        stream.bind(("127.0.0.1", 0))
        port: int = stream.getsockname()[1]
        datagrams.bind(("127.0.0.1", port))
        return port


class _Process(AbstractContextManager[Any]):
    """A process and its children, in a group of their own; ended with it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        for _ in range(_ATTEMPTS):
            arguments, ports = self.prepare(folder)
            self._log = (folder / "peer.log").open("wb")
            self._process = subprocess.Popen(
                arguments,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**os.environ, "TERM": "dumb"},
            )
            if self._await(ports):
                return
            self.__exit__(None, None, None)
        log = (folder / "peer.log").read_text(errors="replace")
        raise AssertionError(f"the peer did not begin: {log[-2000:]}")

    def prepare(self, folder: Path) -> tuple[list[str], list[tuple[int, str]]]:
        """What is run, and the ports that it then has, each with its table in /proc/net."""
        raise NotImplementedError

    def _await(self, ports: list[tuple[int, str]]) -> bool:
        """Wait until it has all its ports; False where it ends instead."""
        until = time.monotonic() + _PATIENCE
        while not all(_bound(port, table) for port, table in ports):
            if self._process.poll() is not None or time.monotonic() > until:
                return False
            time.sleep(0.02)
        return self._process.poll() is None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self._process.pid, number)
            except ProcessLookupError:
                break
            try:
                self._process.wait(timeout=2 if number == signal.SIGTERM else _PATIENCE)
            except subprocess.TimeoutExpired:
                continue
        self._process.wait()
        self._log.close()


class Sipp(_Process):
    """SIPp with one scenario.

    Attributes:
        port: where it answers.
    """

    def __init__(self, folder: Path, scenario: str, *, tcp: bool = False) -> None:
        self._scenario = scenario
        self._tcp = tcp
        super().__init__(folder)

    def prepare(self, folder: Path) -> tuple[list[str], list[tuple[int, str]]]:
        """UDP or TCP."""
        assert SIPP is not None
        self.port = free_port()
        file = folder / "scenario.xml"
        file.write_text(self._scenario)
        transport = "t1" if self._tcp else "u1"
        where = ["-i", "127.0.0.1", "-p", str(self.port), "-t", transport]
        arguments = [SIPP, "-sf", str(file), *where, "-nostdin", "-skip_rlimit", "-cp", "0"]
        return arguments, [(self.port, "tcp" if self._tcp else "udp")]


class Kamailio(_Process):
    """Kamailio over UDP, TCP and, with its module, TLS.

    Attributes:
        port: of UDP (IPv4 and IPv6) and TCP.
        tls_port: of TLS.
    """

    def __init__(self, folder: Path, identity: Identity | None = None, *, after: Kamailio | None = None) -> None:
        """Begin.

        Args:
            folder: for its files.
            identity: for TLS; None: no TLS.
            after: one that has ended, whose ports it takes.
        """
        self._identity = identity
        self._after = after
        super().__init__(folder)

    def prepare(self, folder: Path) -> tuple[list[str], list[tuple[int, str]]]:
        """All transports; the memory for one child each."""
        assert KAMAILIO is not None
        after = self._after
        self.port, self.tls_port = (free_port(), free_port()) if after is None else (after.port, after.tls_port)
        ports = [(self.port, "udp"), (self.port, "udp6"), (self.port, "tcp")]
        tls = modparams = ""
        if self._identity is not None:
            certificate, key = self._identity.store(folder, "kamailio")
            tls = f"enable_tls=yes\nlisten=tls:127.0.0.1:{self.tls_port}"
            modparams = _KAMAILIO_TLS.format(key=key, certificate=certificate)
            ports.append((self.tls_port, "tcp"))
        file = folder / "kamailio.cfg"
        file.write_text(_KAMAILIO.format(udp=self.port, tls=tls, modules=_MODULES, modparams=modparams))
        where = ["-Y", str(folder), "-w", str(folder)]
        return [KAMAILIO, "-f", str(file), "-DD", "-E", "-m", "32", "-M", "4", *where], ports


def kamailio_identity(not_after: datetime = NOW + DAY) -> tuple[Identity, Identity]:
    """A CA and the certificate that it gave to Kamailio at ``localhost``."""
    authority = issue("Test CA", authority=True)
    return authority, issue("kamailio", "localhost", signer=authority, not_after=not_after)


def _bound(port: int, table: str) -> bool:
    listening = f":{port:04X}"
    lines = Path(f"/proc/net/{table}").read_text().splitlines()[1:]
    return any(line.split()[1].endswith(listening) for line in lines)
