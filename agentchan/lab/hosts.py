"""The two host processes of a pair: their life and death."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from agentchan.lab.certificates import Certificates, make_folder
from agentchan.lab.database import Database, open_to_read
from agentchan.lab.history import record
from agentchan.lab.host_process import HostProcess, LabError

HOSTS = {"ce1": "Primary", "ce2": "Secondary"}
LINK_TIMEOUT = 10.0
"""Seconds."""


class Hosts:
    """The hosts ``ce1`` (primary, active at first) and ``ce2`` (secondary).

    Args:
        directory: where the database ``domain.sqlite3`` and the hosts' logs are kept; made if need be.
        channels: names and ranges of the channels of ``ivr1``.
        ivrs: names and ranges of the channels of other (or all) IVRs; with neither, any name is known.
        session_timeout: seconds of silence after which a session ends.
        auto_failover_interval: seconds after the active host's death when the standby takes over by itself; 0: at once
            (the standby sees a death in the same instant, a freeze after a second); None: only when told.
        failing_over_time: seconds that an automatic failover shows ``FailingOver``.
        wrapup_after: seconds after its NewCall when CE sees each caller leave (Busy becomes Wrapup); None: only by
            ``hang_up``.
        tls: both services are https: a folder made by :func:`agentchan.lab.certificates.make_folder`, or True for one
            made here.
        client_certificates: whether callers must show a certificate of the folder's authority.
        url_host: the host name or address in the URLs; the hosts listen on 127.0.0.1.
        request_log: whether every request is logged (see :meth:`agentchan.lab.pair.Pair.requests`).
        options: more options of ``python -m agentchan.lab.host`` for both hosts.

    Every event that a test may want to measure from (:meth:`kill`, :meth:`freeze` and so on) returns the monotonic
    time, in seconds, at which it was begun.
    """

    def __init__(
        self,
        directory: Path,
        channels: Sequence[str] = (),
        ivrs: Mapping[str, Sequence[str]] | None = None,
        *,
        session_timeout: float = 5.0,
        auto_failover_interval: float | None = None,
        failing_over_time: float = 0.0,
        wrapup_after: float | None = None,
        tls: Path | bool = False,
        client_certificates: bool = False,
        url_host: str = "127.0.0.1",
        domain: str = "lab",
        request_log: bool = True,
        options: Sequence[str] = (),
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.database = directory / "domain.sqlite3"
        self.ivrs: dict[str, tuple[str, ...]] = {"ivr1": tuple(channels)} if channels else {}
        self.ivrs |= {ivr: tuple(patterns) for ivr, patterns in (ivrs or {}).items()}
        if tls is True:
            tls = make_folder(directory / "certificates", tuple(HOSTS))
        self.certificates = Certificates(tls) if isinstance(tls, Path) else None
        self._request_log = request_log
        self._url_host = url_host
        self._auto_failover = auto_failover_interval is not None
        Database(self.database).close()
        self._write_ivrs()
        self.processes: dict[str, HostProcess] = {}
        for name, rank in HOSTS.items():
            arguments = [
                f"--name={name}",
                f"--rank={rank}",
                f"--database={self.database}",
                f"--domain={domain}",
                f"--url-host={url_host}",
                f"--session-timeout={session_timeout}",
                f"--failing-over-time={failing_over_time}",
                f"--ivrs-file={self._ivrs_file}",
                *(_given("--auto-failover-interval", auto_failover_interval)),
                *(_given("--wrapup-after", wrapup_after)),
                *([f"--request-log={self._request_path(name)}"] if request_log else []),
                *options,
            ]
            if self.certificates is not None:
                certificate, key = self.certificates.of_host(name)
                arguments += [f"--certificate={certificate}", f"--key={key}"]
                arguments += [f"--client-ca={self.certificates.ca_file}"] if client_certificates else []
            self.processes[name] = HostProcess(name, arguments, self.database, directory / f"{name}.log")

    @property
    def _ivrs_file(self) -> Path:
        return self.directory / "ivrs.json"

    def _write_ivrs(self) -> None:
        self._ivrs_file.write_text(json.dumps(self.ivrs), encoding="utf-8")

    def _request_path(self, name: str) -> Path:
        return self.directory / f"{name}-requests.jsonl"

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, *names: str) -> None:
        """Start these hosts (again), on the same URLs; without names both. Returns when they serve."""
        chosen = [self.processes[name] for name in names or self.processes]
        # One that takes over by itself must not wait for one that takes long to start.
        groups = [[process] for process in chosen] if self._auto_failover else [chosen]
        for group in groups:
            for process in group:
                process.spawn()
            for process in group:
                process.wait_serving()
        if self._auto_failover:
            self._wait_linked()

    def _wait_linked(self) -> None:
        # Only over the link between them does a host see the other's death in the same instant.
        alive = self.answering()
        deadline = time.monotonic() + LINK_TIMEOUT
        while not all(set(alive) - {name} <= set(self.ask(name, "/status")["linked"]) for name in alive):
            if time.monotonic() > deadline:
                raise LabError(f"{' and '.join(alive)} did not find each other within {LINK_TIMEOUT:.0f} s")
            time.sleep(0.002)

    def stop_host(self, name: str) -> float:
        """End one host in good order (SIGTERM)."""
        at = time.monotonic()
        self.processes[name].terminate()
        return at

    def stop(self) -> None:
        """End both hosts, whatever state they are in; the pair cannot be started again."""
        for process in self.processes.values():
            process.close()

    def kill(self, name: str, *, promote: str | None = None) -> float:
        """SIGKILL.

        Who takes over: with ``promote`` that host is told to, in the same instant; with ``auto_failover_interval`` the
        standby does by itself, ``0`` meaning as soon as it sees the death (a few milliseconds); else nobody does.
        """
        self._check_runs(promote)
        at = self.processes[name].kill()
        if promote is not None:
            self.tell(promote, "/promote")
        self.processes[name].reap()
        record(self.database, name, "killed", at)
        return at

    def freeze(self, name: str, *, promote: str | None = None) -> float:
        """SIGSTOP: connections stay open, nothing is answered. ``promote`` tells that host to take over at once."""
        self._check_runs(promote)
        at = self.processes[name].freeze()
        if promote is not None:
            self.tell(promote, "/promote")
        record(self.database, name, "frozen", at)
        return at

    def _check_runs(self, promote: str | None) -> None:
        if promote is not None and not self.processes[promote].running:
            raise LabError(f"{promote} is not running, so it cannot take over")

    def thaw(self, name: str) -> float:
        """SIGCONT."""
        record(self.database, name, "thawed", time.monotonic())
        return self.processes[name].thaw()

    def url(self, name: str, service: str) -> str:
        """The URL of ``component`` or ``connector`` of a host."""
        path = {"component": "ComponentService", "connector": "IVRConnector"}[service]
        scheme = "http" if self.certificates is None else "https"
        return f"{scheme}://{self._url_host}:{self.processes[name].ports[service]}/{path}"

    @property
    def component_urls(self) -> list[str]:
        """The component link: the primary first."""
        return [self.url(name, "component") for name in self.processes]

    @property
    def connector_urls(self) -> list[str]:
        """The IVR Connectors: the primary first."""
        return [self.url(name, "connector") for name in self.processes]

    def other(self, name: str) -> str:
        """The other host's name."""
        return next(host for host in self.processes if host != name)

    def ask(self, name: str, path: str, arguments: dict[str, Any] | None = None) -> Any:
        """GET a path of a host's control port, or POST arguments to it.

        Raises:
            LabError: the host does not answer, or refuses.
        """
        return self.processes[name].ask(path, arguments)

    def tell(self, name: str, path: str, **arguments: Any) -> float:
        """POST arguments to a path of a host's control port."""
        at = time.monotonic()
        self.ask(name, path, arguments)
        return at

    def active(self) -> str | None:
        """The active host by the database, also when it is dead or frozen."""
        active, _ = self._of_domain()
        return active

    def generation(self) -> int:
        """The domain's generation by the database."""
        _, generation = self._of_domain()
        return generation

    def _of_domain(self) -> tuple[str | None, int]:
        database = open_to_read(self.database)
        try:
            row: tuple[str | None, int] = database.execute("SELECT active, generation FROM domain").fetchone()
        finally:
            database.close()
        return row

    def answering(self) -> list[str]:
        """The hosts that run and are not frozen.

        Raises:
            LabError: there is none.
        """
        found = [name for name, process in self.processes.items() if process.running and not process.frozen]
        if not found:
            raise LabError("no host is running")
        return found


def _given(option: str, value: float | None) -> list[str]:
    return [] if value is None else [f"{option}={value}"]
