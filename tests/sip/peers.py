"""Real SIP elements for tests: SIPp and Kamailio, each a process on loopback with a port of its own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.ce.certificates import Identity, issue

SIPP = shutil.which("sipp")
KAMAILIO = shutil.which("kamailio")
_MODULES = next(Path("/usr/lib").glob("*/kamailio/modules"), Path("/usr/lib/kamailio/modules"))
KAMAILIO_TLS = KAMAILIO is not None and (_MODULES / "tls.so").exists()

_PATIENCE = 20.0
"""Seconds for a process to begin or to end, on a busy machine."""

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
    """A port that nobody uses, for UDP and TCP."""
    with socket.socket() as stream, socket.socket(type=socket.SOCK_DGRAM) as datagrams:
        stream.bind(("127.0.0.1", 0))
        port: int = stream.getsockname()[1]
        datagrams.bind(("127.0.0.1", port))
        return port


class _Process(AbstractContextManager[Any]):
    """A process and its children, in a group of their own; ended with it."""

    def __init__(self, arguments: list[str], folder: Path) -> None:
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
        self._folder = folder

    def await_port(self, port: int, *tables: str) -> None:
        """Wait until the port is bound."""
        until = time.monotonic() + _PATIENCE
        while not all(_bound(port, table) for table in tables):
            if self._process.poll() is not None or time.monotonic() > until:
                log = (self._folder / "peer.log").read_text(errors="replace")
                self.__exit__(None, None, None)
                raise AssertionError(f"the peer did not begin: {log[-2000:]}")
            time.sleep(0.02)

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
        assert SIPP is not None
        self.port = free_port()
        file = folder / "scenario.xml"
        file.write_text(scenario)
        super().__init__(
            [
                *(SIPP, "-sf", str(file), "-i", "127.0.0.1", "-p", str(self.port), "-t", "t1" if tcp else "u1"),
                *("-nostdin", "-skip_rlimit", "-cp", "0"),
            ],
            folder,
        )
        self.await_port(self.port, "tcp" if tcp else "udp")


class Kamailio(_Process):
    """Kamailio over UDP, TCP and, with its module, TLS.

    Attributes:
        port: of UDP (IPv4 and IPv6) and TCP.
        tls_port: of TLS.
    """

    def __init__(self, folder: Path, identity: Identity | None = None) -> None:
        assert KAMAILIO is not None
        self.port, self.tls_port = free_port(), free_port()
        tls = modparams = ""
        if identity is not None:
            certificate, key = identity.store(folder, "kamailio")
            tls = f"enable_tls=yes\nlisten=tls:127.0.0.1:{self.tls_port}"
            modparams = _KAMAILIO_TLS.format(key=key, certificate=certificate)
        file = folder / "kamailio.cfg"
        file.write_text(_KAMAILIO.format(udp=self.port, tls=tls, modules=_MODULES, modparams=modparams))
        super().__init__(
            [KAMAILIO, "-f", str(file), "-DD", "-E", "-m", "32", "-M", "4", "-Y", str(folder), "-w", str(folder)],
            folder,
        )
        self.await_port(self.port, "udp", "udp6", "tcp")
        if identity is not None:
            self.await_port(self.tls_port, "tcp")


def kamailio_identity() -> tuple[Identity, Identity]:
    """A CA and the certificate that it gave to Kamailio at ``localhost``."""
    authority = issue("Test CA", authority=True)
    return authority, issue("kamailio", "localhost", signer=authority)


def _bound(port: int, table: str) -> bool:
    listening = f":{port:04X}"
    lines = Path(f"/proc/net/{table}").read_text().splitlines()[1:]
    return any(line.split()[1].endswith(listening) for line in lines)
