"""The whole lab: a CE pair and a daemon that follows it, in one directory."""

from __future__ import annotations

import json
import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from attrs import field, frozen

from agentchan.lab.daemon_process import DaemonProcess
from agentchan.lab.host_process import LabError
from agentchan.lab.pair import Pair

IVR = "ivr1"
STATE_FILE = "lab.json"
CONTROL_SOCKET = "lab.sock"
PREFIX = "agentchan-lab-"
SHORTEST_INTERVAL = 1.0
"""Seconds of the shortest Auto Failover interval that the daemon lets itself be told of; no real CE has less."""
USUAL_PORT = 8093
"""Where the daemon listens for IVR scripts as a rule (interfaces.md 2)."""


@frozen
class Settings:
    """What a lab is to be.

    Attributes:
        directory: where everything is kept; None: a new temporary one, which is removed at the end.
        channels: how many channels the IVR has.
        tls: both services of both hosts are https.
        port: where the daemon listens for IVR scripts; 0: the kernel chooses; None: the usual port, or another if that
            is taken.
        auto_failover_interval: seconds after the active host's death when the other takes over; None: only by order.
        failing_over_time: seconds that it then shows ``FailingOver``.
        daemon: whether there is a daemon at all.
    """

    directory: Path | None = None
    channels: int = 120
    tls: bool = False
    port: int | None = None
    auto_failover_interval: float | None = 5.0
    failing_over_time: float = 0.0
    daemon: bool = True


@frozen
class Lab:
    """A lab; inside its context everything runs, afterwards nothing does."""

    settings: Settings
    directory: Path
    pair: Pair
    daemon: DaemonProcess | None
    _stack: ExitStack = field(factory=ExitStack, repr=False)

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Make a lab; nothing runs yet.

        Raises:
            LabError: the directory cannot be used.
        """
        stack = ExitStack()
        if settings.directory is None:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=PREFIX)))
        else:
            directory = settings.directory.absolute()
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            _check_unused(directory)
        with ExitStack() as undo:
            undo.push(stack)
            pair = Pair(
                directory,
                [channels_pattern(settings.channels)],
                auto_failover_interval=settings.auto_failover_interval,
                failing_over_time=settings.failing_over_time,
                tls=settings.tls,
                url_host="localhost" if settings.tls else "127.0.0.1",
            )
            stack.callback(pair.stop)
            daemon = DaemonProcess(directory, _tables(settings, pair)) if settings.daemon else None
            undo.pop_all()
        return cls(settings, directory, pair, daemon, stack)

    def __enter__(self) -> Self:
        with ExitStack() as undo:
            undo.push(self._stack)
            self.pair.start()
            if self.daemon is not None:
                self._stack.callback(self.daemon.stop)
                self.daemon.start()
            undo.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    @property
    def control_socket(self) -> Path:
        """Where a running lab takes orders (see :mod:`agentchan.lab.remote`)."""
        return self.directory / CONTROL_SOCKET

    @property
    def _state_file(self) -> Path:
        return self.directory / STATE_FILE

    def state(self) -> dict[str, Any]:
        """Where everything is, for other programs."""
        daemon = self.daemon
        return {
            "pid": os.getpid(),
            "directory": str(self.directory),
            "control": str(self.control_socket),
            "database": str(self.pair.database),
            "hosts": {
                name: {
                    "component": self.pair.url(name, "component"),
                    "connector": self.pair.url(name, "connector"),
                    "control": f"http://127.0.0.1:{process.ports['control']}",
                    "log": str(self.directory / f"{name}.log"),
                }
                for name, process in self.pair.processes.items()
            },
            "daemon": None
            if daemon is None
            else {
                "pid": daemon.pid,
                "socket": str(daemon.socket),
                "listen": daemon.listen,
                "configuration": str(daemon.configuration),
                "log": str(daemon.log),
            },
        }

    @contextmanager
    def announced(self) -> Iterator[None]:
        """Inside, other programs find this lab by its state file."""
        # Written in one step, so that nobody reads half of it.
        new = self._state_file.with_suffix(".new")
        new.write_text(json.dumps(self.state(), indent=2), encoding="utf-8")
        new.replace(self._state_file)
        try:
            yield
        finally:
            self._state_file.unlink(missing_ok=True)


def living_state(directory: Path) -> dict[str, Any] | None:
    """The state of the lab that runs in ``directory``; None if none does."""
    try:
        state: dict[str, Any] = json.loads((directory / STATE_FILE).read_bytes())
        os.kill(int(state["pid"]), 0)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return state


def _check_unused(directory: Path) -> None:
    state = living_state(directory)
    if state is not None:
        raise LabError(f"a lab runs in {directory} already, as process {state['pid']}")


def channels_pattern(count: int) -> str:
    """The names of the lab's channels: ``ivr1-{001..120}``."""
    width = max(3, len(str(count)))
    return f"{IVR}-{{{1:0{width}d}..{count:0{width}d}}}"


def _tables(settings: Settings, pair: Pair) -> dict[str, Any]:
    tables: dict[str, Any] = {
        "ivr": {"name": IVR, "channels": [channels_pattern(settings.channels)], "instance_id": "lab"},
        "ce": {"domain": "lab"},
        "component_link": {"urls": pair.component_urls},
        "api": {"listen": f"127.0.0.1:{_port(settings.port)}"},
    }
    if settings.auto_failover_interval is not None and settings.auto_failover_interval >= SHORTEST_INTERVAL:
        tables["ce"]["auto_failover_interval"] = f"{round(settings.auto_failover_interval * 1000)}ms"
    if pair.certificates is not None:
        tables["tls"] = {"ca_file": str(pair.certificates.ca_file)}
    return tables


def _port(wanted: int | None) -> int:
    if wanted:
        return wanted
    if wanted is None and _is_free(USUAL_PORT):
        return USUAL_PORT
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def _is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True
