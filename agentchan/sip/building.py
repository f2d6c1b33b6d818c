"""Builds the prober that a running daemon uses: this machine's name servers and hosts file, real chance."""

from __future__ import annotations

import re
import resource
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
from agentchan.sip.names import Names, NameServers
from agentchan.sip.prober import Prober

_HOSTS = Path("/etc/hosts")
_RESOLV_CONF = Path("/etc/resolv.conf")
_DNS_PORT = 53
_MOST_NAME_SERVERS = 3
"""As the system's own resolver; each has its time, one after the other."""

_MOST_SEARCHED = 6
"""As the system's own resolver."""

_MOST_AT_ONCE = 2048
"""Probes under way: 2,000 silent endpoints whose timeout is as long as their interval, all at the same time."""

_SHARE_OF_DESCRIPTORS = 4
"""Of the descriptors that a process may have one in so many is for probes under way and one for connections kept, since
CE and the API need some. The usual 1,024 allow 256 probes: 2,000 silent endpoints at 5 s, with a timeout of 500 ms.
"""

_LARGEST_RESOLV_CONF = 64 * 1024
_NAME_SERVER = re.compile(r"^[ \t]*nameserver[ \t]+(\S+)", re.MULTILINE)
_SEARCH = re.compile(r"^[ \t]*(?:search|domain)[ \t]+(.*)$", re.MULTILINE)


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
    names = Names(reactor, lambda: _name_servers(reactor, resolv_conf), HostsFile(hosts))
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = share_of(descriptors)
    flows = Flows(reactor, tls, lambda: secrets.token_hex(8), most_streams_kept=most)
    return Prober(reactor, Locator(names, jitter), flows, most_at_once=most)


def share_of(descriptors: int) -> int:
    """How many probes may be under way, and connections kept, where the process may have so many descriptors."""
    if descriptors == resource.RLIM_INFINITY:
        return _MOST_AT_ONCE
    return min(_MOST_AT_ONCE, max(1, descriptors // _SHARE_OF_DESCRIPTORS))


def read_resolv_conf(file: Path) -> tuple[list[tuple[str, int]], tuple[str, ...]]:
    """The name servers and the search list of a resolv.conf(5) file.

    Without a file, or without a name server in it, this machine is asked, as the system does.
    """
    try:
        with file.open("rb") as stream:
            text = stream.read(_LARGEST_RESOLV_CONF).decode("utf-8", "replace")
    except OSError:
        text = ""
    servers = []
    for address in _NAME_SERVER.findall(text):
        try:
            servers.append((str(ip_address(address)), _DNS_PORT))
        except ValueError:
            continue
    lists = _SEARCH.findall(text)  # the last one counts
    search = tuple(domain.lower().strip(".") for domain in lists[-1].split()) if lists else ()
    return servers[:_MOST_NAME_SERVERS] or [("127.0.0.1", _DNS_PORT)], tuple(filter(None, search))[:_MOST_SEARCHED]


def _name_servers(reactor: Any, resolv_conf: Path) -> NameServers:
    servers, search = read_resolv_conf(resolv_conf)
    return NameServers(client.Resolver(servers=servers, reactor=reactor), search)
