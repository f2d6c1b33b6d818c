"""A daemon that was built but does not run, for tests that look at its numbers."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

from twisted.internet.testing import MemoryReactorClock

from agentchan.ce.profile import Profile
from agentchan.ce.profile_loader import load_profile
from agentchan.ce.tls import TlsSettings
from agentchan.config import parse
from agentchan.daemon import Daemon

URLS = ("http://ce1.example.com/Component", "http://ce2.example.com/Component")
BACKEND = f"""
[ivr]
name = "ivr1"
instance_id = "host-a"
channels = ["c{{1..6}}"]
[ivr.health]
check = "tcp://127.0.0.1:1"
[component_link]
urls = ["{URLS[0]}", "{URLS[1]}"]
[endpoint_check]
enabled = true
endpoints = ["sip:a@example.com"]
[ce]
auto_failover_interval = "5m"
"""
FRONTEND = BACKEND.replace('["c{1..6}"]', "[]")
WALL = 1_800_000_000.0

_SAMPLE = re.compile(r"^([a-z_]+)(\{.*\})? (\S+)$")
_LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')


class Reactor(MemoryReactorClock):
    """One that has no threads, since nothing is to run in one."""

    def getThreadPool(self) -> Any:  # noqa: N802 - Twisted's name
        """None."""
        return None


@cache
def _profile() -> Profile:
    return load_profile("reference")


def built(folder: Path, text: str = BACKEND) -> Daemon:
    """A daemon with all its parts; nothing of it is started."""
    reactor = Reactor()
    reactor.advance(1000.0)
    configuration = parse(text.encode(), folder / "agentchan.toml", host_name="host-a")
    daemon = Daemon(
        reactor,
        configuration,
        _profile(),
        TlsSettings.from_files(),
        environ={},
        wall=lambda: WALL + reactor.seconds() - 1000.0,
    )
    daemon._build()
    daemon.ivr_health._running = True
    daemon.ivr_health._begin()
    daemon.endpoints.start()
    return daemon


Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def samples(daemon: Daemon) -> Samples:
    """Every sample of the text that Prometheus gets, by name and labels."""
    _, text = daemon.metrics.render()
    found: Samples = {}
    for line in text.decode().splitlines():
        match = _SAMPLE.match(line)
        if match is not None:
            found[match[1], frozenset(_LABEL.findall(match[2] or ""))] = float(match[3])
    return found


def value(daemon: Daemon, name: str, **labels: str) -> float:
    """One sample."""
    return samples(daemon)[name, frozenset(labels.items())]


def exported(daemon: Daemon) -> set[str]:
    """The names of all samples, and of all families."""
    _, text = daemon.metrics.render()
    families = {line.split(" ")[2] for line in text.decode().splitlines() if line.startswith("# TYPE ")}
    return {name for name, _ in samples(daemon)} | families
