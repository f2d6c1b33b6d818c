"""The IVR's machine: the real daemon on the simulated reactor, started, killed and started again."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import structlog
from attrs import define, field, frozen
from twisted.internet.defer import Deferred, succeed
from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from zope.interface import implementer

from agentchan import building
from agentchan import daemon as daemon_module
from agentchan.ce.profile import Profile
from agentchan.ce.profile_loader import load_profile
from agentchan.ce.tls import TlsSettings
from agentchan.config.loading import parse
from agentchan.core.session_values import Action, State
from agentchan.daemon import Daemon
from tests.simulation.disk import Disk, SimulatedJournal
from tests.simulation.network import Link
from tests.simulation.oracle import Oracle
from tests.simulation.process import Process, Reactor
from tests.simulation.wire import Dialer, ValueCodec
from tests.simulation.world import NOON, World

IVR = "ivr1"
INSTANCE = "host-a"


@frozen
class Settings:
    """What one scenario configures; the durations are seconds."""

    channels: int
    heartbeat: float
    watch_wait: float
    backoff_initial: float
    backoff_maximum: float
    lanes: int
    named_connectors: bool
    knows_ids: bool
    ready_rate: int
    unknown_calls: str
    ended_call: str

    def text(self, path: Path) -> str:
        """The configuration file."""
        connectors = '"http://ce1/IVRConnector", "http://ce2/IVRConnector"' if self.named_connectors else ""
        return f"""
[ivr]
name = "{IVR}"
instance_id = "{INSTANCE}"
channels = ["c{{1..{self.channels}}}"]
[component_link]
urls = ["http://ce1/ComponentService", "http://ce2/ComponentService"]
watch_wait = "{_text(self.watch_wait)}"
[agent_channel]
connector_urls = [{connectors}]
heartbeat_interval = "{_text(self.heartbeat)}"
backoff_initial = "{_text(self.backoff_initial)}"
backoff_maximum = "{_text(self.backoff_maximum)}"
ready_rate = {self.ready_rate}
[signals]
lanes = {self.lanes}
unknown_calls = "{self.unknown_calls}"
ended_call = "{self.ended_call}"
[journal]
path = "{path}"
"""


def _text(seconds: float) -> str:
    return f"{round(seconds * 1000)}ms"


@cache
def reference() -> Profile:
    """The reference profile."""
    return load_profile("reference")


@cache
def no_tls() -> TlsSettings:
    """The system's store, which nobody here is checked against."""
    return TlsSettings.from_files()


class WithoutIds:
    """The reference profile of a CE that knows no SignalIds."""

    has_signal_id = False

    def __getattr__(self, name: str) -> Any:
        return getattr(reference(), name)


class Turns(Daemon):
    """The daemon; the oracle sees what its session decides."""

    oracle: Oracle

    def _act(self, action: Action) -> None:
        self.oracle.acts(action)
        super()._act(action)

    def _direct(self) -> None:
        lanes = self.delivering.lanes
        before = lanes.url if lanes is not None else None
        super()._direct()
        if lanes is not None and lanes.url != before:
            self.oracle.lanes_moved()


class _NoDoors:
    """The IVR and the operator speak to the daemon directly."""

    def __init__(self, *_: object) -> None:
        pass

    def open(self) -> None:
        """Nothing."""

    def close(self) -> Deferred[None]:
        """Nothing."""
        return succeed(None)


@define(eq=False)
class Site:
    """The machine.

    Attributes:
        daemon: the present one, None while none runs.
        process: the newest one's.
        clock: seconds by which the machine's time of day is wrong.
        starts: how often the daemon was started.
        stopping: it was told to end.
    """

    world: World
    settings: Settings
    links: dict[str, Link]
    disk: Disk
    oracle: Oracle
    daemon: Turns | None = None
    process: Process = field(init=False)
    clock: float = 0.0
    starts: int = 0
    stopping: bool = False
    on_started: list[Callable[[Turns], None]] = field(factory=list)

    def start(self) -> None:
        """Start the daemon."""
        self.starts += 1
        self.stopping = False
        process = self.process = Process(self.world, self.starts)
        reactor = Reactor(process)
        self.oracle.process_began()
        self.world.tell("the daemon starts")

        class TheJournal(SimulatedJournal):
            disk = self.disk

        path = self.disk.path
        configuration = parse(self.settings.text(path).encode(), path.with_name("agentchan.toml"))
        profile: Any = reference() if self.settings.knows_ids else WithoutIds()
        with (
            mock.patch.object(building, "Journal", TheJournal),
            mock.patch.object(daemon_module, "Dialer", self._dialer),
        ):
            daemon = Turns(
                reactor,
                configuration,
                profile,
                no_tls(),
                environ={},
                wall=lambda: NOON + self.world.now + self.clock,
                jitter=self.jitter,
            )
        daemon.oracle = self.oracle
        self.daemon = daemon
        process.on_end[self._ended] = None
        daemon.startService()
        for call in self.on_started:
            call(daemon)

    def _dialer(self, reactor: Reactor, tls: TlsSettings, **_: object) -> Dialer:
        return Dialer(reactor, tls, self.links, self.oracle)

    def jitter(self, low: float, high: float) -> float:
        """A draw."""
        return high if self.oracle.longest else self.world.uniform(low, high)

    def kill(self, *, power: bool) -> None:
        """Kill it now (SIGKILL), or have the machine lose power."""
        if self.daemon is not None:
            self.process.silent = power
            self.process.doomed = True
            self.process.end()

    def stop(self) -> Deferred[None]:
        """Stop it in order; fires when it has ended."""
        daemon, process = self.daemon, self.process
        if daemon is None:
            return succeed(None)
        self.stopping = True
        stopping = daemon.stop()
        return stopping.addCallback(lambda _: process.end() if process.alive else None)

    def _ended(self) -> None:
        self.world.tell("the daemon has ended")
        self.daemon = None

    @property
    def up(self) -> bool:
        """Whether the agent channel is up."""
        channel = self.daemon.agent_channel if self.daemon is not None else None
        return channel is not None and channel.shown().state is State.UP


@contextmanager
def surroundings(world: World) -> Iterator[None]:
    """What the daemon's modules find instead of the machine's: ids that repeat, no signals, a log that is watched."""

    def watch(_logger: object, _method: str, event: MutableMapping[str, Any]) -> Any:
        name = str(event["event"])
        if name.endswith("-broken"):
            world.fail("I0", f"{name}: {event.get('exc_info')!r}")
        if world.trace is not None:
            world.tell("log: {}", {key: value for key, value in event.items() if key != "exc_info"})
        raise structlog.DropEvent

    @implementer(ILogObserver)
    def unhandled(event: LogEvent) -> None:
        if "log_failure" in event:
            world.fail("I0", f"unhandled: {event['log_failure'].value!r}")

    numbers = (f"s{number}" for number in count(1))
    structlog.configure(
        processors=[watch],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO if world.trace is not None else logging.ERROR),
    )
    globalLogPublisher.addObserver(unhandled)
    no_signals = SimpleNamespace(SIGTERM=15, SIGINT=2, SIGHUP=1, signal=lambda *_: None)
    no_collector = SimpleNamespace(collect=lambda: None, freeze=lambda: None)
    patches = [
        mock.patch.multiple(daemon_module, signal=no_signals, gc=no_collector),
        mock.patch.multiple(building, Codec=ValueCodec, Doors=_NoDoors),
        *(
            mock.patch(f"agentchan.{name}.uuid4", side_effect=numbers)
            for name in ("accepting", "mends", "idle_channels")
        ),
    ]
    try:
        for patch in patches:
            patch.start()
        yield
    finally:
        for patch in patches:
            patch.stop()
        globalLogPublisher.removeObserver(unhandled)
        structlog.reset_defaults()
