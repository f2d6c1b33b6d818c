"""A network between a daemon and a CE pair, in which packets get lost without a word."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, Self

from agentchan.lab.pair import Pair
from tests.end_to_end.daemons import RunningDaemon

NOBODY = "02:00:00:00:00:01"
"""A hardware address that no interface has: what is sent there is lost, and nobody is told."""


def why_not() -> str:
    """Why no network can be made here; empty if one can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None:
        return "there is no ip(8), of the package iproute2"
    name = f"agentchan-try-{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        return f"no network namespace can be made: {made.stderr.strip()}"
    _ip("netns", "delete", name)
    return ""


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


class Network:
    """A namespace for the daemon, and a cable from there to each CE host.

    The addresses are of 198.18.0.0/15, which is set aside for tests of networks (RFC 2544).
    """

    def __init__(self, *hosts: str) -> None:
        number = os.getpid()
        self.namespace = f"agentchan-{number}"
        self._cables = {host: f"ac{number}{letter}" for host, letter in zip(hosts, "abcdefgh", strict=False)}
        subnet = f"198.{18 + number // 256 % 2}.{number % 256}"
        self._near = {host: f"{subnet}.{4 * place + 1}" for place, host in enumerate(hosts)}
        self._far = {host: f"{subnet}.{4 * place + 2}" for place, host in enumerate(hosts)}

    def address(self, host: str) -> str:
        """Where the daemon finds a host."""
        return self._near[host]

    def __enter__(self) -> Self:
        _ip("netns", "add", self.namespace)
        for host, cable in self._cables.items():
            _ip("link", "add", cable, "type", "veth", "peer", "name", f"{cable}1", "netns", self.namespace)
            _ip("address", "add", f"{self._near[host]}/30", "dev", cable)
            _ip("link", "set", cable, "up")
            _ip("-n", self.namespace, "address", "add", f"{self._far[host]}/30", "dev", f"{cable}1")
            _ip("-n", self.namespace, "link", "set", f"{cable}1", "up")
        _ip("-n", self.namespace, "link", "set", "lo", "up")
        return self

    def __exit__(self, *_: object) -> None:
        # Its end of each cable goes with the namespace, and with it the other end.
        _ip("netns", "delete", self.namespace)

    def lose(self, host: str, *, requests: bool = True, answers: bool = True) -> None:
        """Every packet to (``requests``) or from (``answers``) a host is lost from now on."""
        cable = self._cables[host]
        lost = ("lladdr", NOBODY, "nud", "permanent")
        if requests:
            _ip("-n", self.namespace, "neighbour", "replace", self._near[host], *lost, "dev", f"{cable}1")
        if answers:
            _ip("neighbour", "replace", self._far[host], *lost, "dev", cable)

    def mend(self, host: str) -> None:
        """Packets arrive again."""
        cable = self._cables[host]
        _ip("-n", self.namespace, "neighbour", "flush", "nud", "all", "dev", f"{cable}1")
        _ip("neighbour", "flush", "nud", "all", "dev", cable)


class DistantPair(Pair):
    """A pair whose hosts the daemon finds over a network, each at an address of its own."""

    def __init__(self, network: Network, directory: Path, *channels: str, **how: Any) -> None:
        super().__init__(directory, channels, options=["--address=0.0.0.0"], **how)
        self.network = network
        for name, process in self.processes.items():
            process.options.append(f"--url-host={network.address(name)}")

    def url(self, name: str, service: str) -> str:
        """The URL of a service, as the daemon reaches it."""
        return super().url(name, service).replace("127.0.0.1", self.network.address(name))


class DistantDaemon(RunningDaemon):
    """A daemon in the network's namespace, which the directory is named after."""

    @property
    def command(self) -> list[str]:
        """Run there; its Unix socket is in the file system, which is everybody's."""
        return ["ip", "netns", "exec", f"agentchan-{os.getpid()}", *super().command]
