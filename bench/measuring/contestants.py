"""Who is measured: agentchan, the bare client, and what a practitioner would build; each with a CE pair of its own.

So each is up all the time, as in real life, and none is in another one's way but for what idle pairs cost.
"""

from __future__ import annotations

import queue
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from agentchan.ce.profile import SHIPPED
from agentchan.cli.failures import Failure
from agentchan.lab.daemon_process import DaemonProcess
from agentchan.lab.host_process import LabError
from agentchan.lab.pair import Pair
from measuring.children import Child
from measuring.haproxy import HAProxy

IVR = "ivr1"
CONNECTOR_WSDL = SHIPPED / "reference" / "ivr_connector.wsdl"
PATIENCE = 60.0
"""Seconds until everything is as it should be."""


def pattern(count: int, ivr: str = IVR) -> str:
    """The names of so many channels."""
    return f"{ivr}-{{{1:05d}..{count:05d}}}"


def tables(pair: Pair, channels: int, more: Mapping[str, Mapping[str, Any]] | None = None) -> dict[str, dict[str, Any]]:
    """A daemon's configuration: nothing but the defaults, and what cannot be guessed."""
    own: dict[str, dict[str, Any]] = {
        "ivr": {"name": IVR, "channels": [pattern(channels)], "instance_id": "bench"},
        "component_link": {"urls": pair.component_urls},
    }
    return {**own, **{table: {**own.get(table, {}), **values} for table, values in (more or {}).items()}}


class Contestant(ABC):
    """One of them with its pair; inside its context both run.

    Attributes:
        name: as it is told.
        pair: its own.
        channels: how many.
    """

    name: str

    def __init__(self, directory: Path, channels: int) -> None:
        self.directory = directory / type(self).__name__.lower()
        self.pair = Pair(self.directory / "pair", [pattern(channels)])
        self.channels = channels
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as undo:
            undo.push(self._stack)
            self._stack.enter_context(self.pair)
            self.begin(self._stack)
            undo.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    @abstractmethod
    def begin(self, stack: ExitStack) -> None:
        """Start it; ``stack`` ends it."""

    @abstractmethod
    def pids(self) -> list[int]:
        """Its processes, without its pair's."""

    @abstractmethod
    def noticed_after(self, at: float) -> float | None:
        """When it first noticed, after this monotonic time, that its host is lost; None: not yet, or it never tells."""

    def settled(self) -> bool:
        """Whether all channels are ready, and both hosts are watched again."""
        try:
            return self.pair.states()["Ready"] == self.channels
        except LabError:
            return False

    def wait_settled(self) -> None:
        """Wait for that.

        Raises:
            TimeoutError: it does not come.
        """
        self.pair.wait_until(self.settled, timeout=PATIENCE, interval=0.05, what=f"{self.name} has settled")


class Agentchan(Contestant):
    """The daemon, with its defaults."""

    name = "agentchan"

    def begin(self, stack: ExitStack) -> None:
        """Start it, and listen to its events."""
        self.daemon = DaemonProcess(self.directory, tables(self.pair, self.channels))
        stack.callback(self.daemon.stop)
        self.daemon.start()
        self._signed_off: queue.SimpleQueue[float] = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        try:
            for event in self.daemon.client.events(None):
                if event["event"] == "signed-off":
                    self._signed_off.put(time.monotonic())
        except Failure:  # the daemon has ended
            return

    def pids(self) -> list[int]:
        """The daemon."""
        return [self.daemon.pid]

    def noticed_after(self, at: float) -> float | None:
        """When it said that the agent channel had ended."""
        while not self._signed_off.empty():
            noticed = self._signed_off.get()
            if noticed > at:
                return noticed
        return None

    def settled(self) -> bool:
        """By its own word, too."""
        status = self.daemon.status()
        channel, hosts = status["agent_channel"], status["ce"]["hosts"]
        return (
            channel["state"] == "up"
            and channel["host"] == self.pair.active()
            and not any(host["error"] for host in hosts)
            and super().settled()
        )

    def last_failover(self) -> dict[str, Any] | None:
        """The daemon's own record of its newest failover, phases in milliseconds."""
        found = self.daemon.client.get("/v1/failovers", [("limit", "1")])
        rows = found["failovers"] if isinstance(found, dict) else found
        return rows[0] if rows else None


class BareClient(Contestant):
    """Ready-made bytes: the lower bound."""

    name = "bare client"

    def begin(self, stack: ExitStack) -> None:
        """Start it."""
        self._child = stack.enter_context(
            Child(
                "bare_client",
                ",".join(self.pair.component_urls),
                ",".join(self.pair.connector_urls),
                IVR,
                pattern(self.channels),
                log=self.directory / "log",
            )
        )

    def pids(self) -> list[int]:
        """The client."""
        return [self._child.pid]

    def noticed_after(self, at: float) -> float | None:
        """It has no deadlines, so it does not notice silence."""
        del at
        return None


class Practitioner(Contestant):
    """HAProxy and a zeep script."""

    name = "HAProxy + zeep"

    def begin(self, stack: ExitStack) -> None:
        """Start both."""
        self._proxy = stack.enter_context(HAProxy(self.directory, self.pair))
        self._child = stack.enter_context(
            Child(
                "zeep_ivr",
                str(CONNECTOR_WSDL),
                self._proxy.url,
                IVR,
                pattern(self.channels),
                log=self.directory / "log",
            )
        )
        self._errors: queue.SimpleQueue[float] = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        try:
            while True:
                said = self._child.hear()
                if said["what"] == "error":
                    self._errors.put(said["monotonic"])
        except (RuntimeError, ValueError, OSError):  # it has been ended
            return

    def pids(self) -> list[int]:
        """The proxy and the script."""
        return [self._proxy.pid, self._child.pid]

    def noticed_after(self, at: float) -> float | None:
        """When the script met its first error."""
        while not self._errors.empty():
            noticed = self._errors.get()
            if noticed > at:
                return noticed
        return None
