"""Builds the prober that a running daemon uses: this machine's name servers and hosts file, real chance."""

from __future__ import annotations

import re
import secrets
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from twisted.names import client

from agentchan.ce.tls import TlsSettings
from agentchan.core.backoff import Jitter
from agentchan.sip.flows import Flows
from agentchan.sip.hosts_file import HostsFile
from agentchan.sip.location import Locator
from agentchan.sip.names import Names
from agentchan.sip.prober import Prober

_HOSTS = Path("/etc/hosts")
_RESOLV_CONF = Path("/etc/resolv.conf")
_DNS_PORT = 53
_MOST_NAME_SERVERS = 3
"""As the system's own resolver; each has its time, one after the other."""

_LARGEST_RESOLV_CONF = 64 * 1024
_NAME_SERVER = re.compile(r"^[ \t]*nameserver[ \t]+(\S+)", re.MULTILINE)


def build_prober(
    reactor: Any,
    tls: TlsSettings,
    jitter: Jitter,
    *,
    hosts: Path = _HOSTS,
    resolv_conf: Path = _RESOLV_CONF,
) -> Prober:
    """A prober; its sockets are opened when it is asked something.

    Args:
        reactor: Twisted's.
        tls: for ``sips:`` and ``;transport=tls``; a reload gives newer ones to ``prober.flows.use_tls``.
        jitter: a draw between two numbers.
        hosts: the hosts(5) file.
        resolv_conf: names the name servers; read again when they have failed.
    """
    names = Names(
        reactor, lambda: client.Resolver(servers=name_servers(resolv_conf), reactor=reactor), HostsFile(hosts)
    )
    return Prober(reactor, Locator(names, jitter), Flows(reactor, tls, lambda: secrets.token_hex(8)))


def name_servers(resolv_conf: Path) -> list[tuple[str, int]]:
    """The name servers of a resolv.conf(5) file; without one this machine is asked, as the system does."""
    try:
        with resolv_conf.open("rb") as stream:
            text = stream.read(_LARGEST_RESOLV_CONF).decode("utf-8", "replace")
    except OSError:
        text = ""
    found = []
    for address in _NAME_SERVER.findall(text):
        try:
            found.append((str(ip_address(address)), _DNS_PORT))
        except ValueError:
            continue
    return found[:_MOST_NAME_SERVERS] or [("127.0.0.1", _DNS_PORT)]
