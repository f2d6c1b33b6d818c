"""A whole CE pair for tests, demo and benchmarks: two host processes and one domain database."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from agentchan.lab.database import Database
from agentchan.lab.history import read_history
from agentchan.lab.host_process import HostProcess, LabError
from agentchan.lab.request_log import read_requests

HOSTS = {"ce1": "Primary", "ce2": "Secondary"}
Found = TypeVar("Found")


class Pair:
    """The hosts ``ce1`` (primary, active at first) and ``ce2`` (secondary).

    Args:
        directory: where the database ``domain.sqlite3`` and the hosts' logs are kept; made if need be.
        channels: names and ranges of the channels of ``ivr1``.
        ivrs: names and ranges of the channels of other (or all) IVRs; with neither, any name is known.
        session_timeout: seconds of silence after which a session ends.
        auto_failover_interval: seconds after the active host's last sign of life when the standby takes over;
            None: only when told.
        failing_over_time: seconds that an automatic failover shows ``FailingOver``.
        tls: a folder made by :func:`agentchan.lab.certificates.make_folder`; both services are then https.
        client_certificates: whether callers must show a certificate of the folder's authority.
        url_host: the host name or address in the URLs; the hosts listen on 127.0.0.1.
        request_log: whether every request is logged (see :meth:`requests`).
        options: more options of ``python -m agentchan.lab.host`` for both hosts.

    Every event that a test may want to measure from (:meth:`switch`, :meth:`kill` and so on) returns the monotonic
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
        tls: Path | None = None,
        client_certificates: bool = False,
        url_host: str = "127.0.0.1",
        domain: str = "lab",
        request_log: bool = True,
        options: Sequence[str] = (),
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.database = directory / "domain.sqlite3"
        self.ivrs: dict[str, Sequence[str]] = {**({"ivr1": channels} if channels else {}), **(ivrs or {})}
        self._request_log = request_log
        self._scheme = "http" if tls is None else "https"
        self._url_host = url_host
        Database(self.database).close()
        self.processes: dict[str, HostProcess] = {}
        for name, rank in HOSTS.items():
            arguments = [
                f"--name={name}",
                f"--rank={rank}",
                f"--database={self.database}",
                f"--domain={domain}",
                f"--url-host={url_host}",
                f"--session-timeout={session_timeout}",
                f"--auto-failover-interval={auto_failover_interval or 0}",
                f"--failing-over-time={failing_over_time}",
                *(f"--ivr={ivr}={','.join(patterns)}" for ivr, patterns in self.ivrs.items()),
                *([f"--request-log={self._request_path(name)}"] if request_log else []),
                *([f"--certificate={tls / name}.pem", f"--key={tls / name}.key"] if tls else []),
                *([f"--client-ca={tls / 'ca.pem'}"] if tls and client_certificates else []),
                *options,
            ]
            self.processes[name] = HostProcess(name, arguments, self.database, directory / f"{name}.log")

    # -- life --------------------------------------------------------------------------------------------------------

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

    def start(self) -> None:
        """Start both hosts; returns when both serve and ce1 is active."""
        for process in self.processes.values():
            process.spawn()
        for process in self.processes.values():
            process.wait_serving()

    def start_host(self, name: str) -> None:
        """Start one host (again), on the same URLs."""
        self.processes[name].spawn()
        self.processes[name].wait_serving()

    def stop_host(self, name: str) -> None:
        """End one host in good order (SIGTERM)."""
        self.processes[name].terminate()

    def stop(self) -> None:
        """End both hosts, whatever state they are in."""
        for process in self.processes.values():
            process.close()

    def kill(self, name: str) -> float:
        """SIGKILL."""
        return self.processes[name].kill()

    def freeze(self, name: str) -> float:
        """SIGSTOP: connections stay open, nothing is answered."""
        return self.processes[name].freeze()

    def thaw(self, name: str) -> float:
        """SIGCONT."""
        return self.processes[name].thaw()

    # -- where -------------------------------------------------------------------------------------------------------

    def url(self, name: str, service: str) -> str:
        """The URL of ``component`` or ``connector`` of a host."""
        path = {"component": "ComponentService", "connector": "IVRConnector"}[service]
        return f"{self._scheme}://{self._url_host}:{self.processes[name].ports[service]}/{path}"

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

    # -- controls ----------------------------------------------------------------------------------------------------

    def ask(self, name: str, path: str, arguments: dict[str, Any] | None = None) -> Any:
        """GET a path of a host's control port, or POST arguments to it."""
        return self.processes[name].ask(path, arguments)

    def _tell(self, name: str, path: str, **arguments: Any) -> float:
        at = time.monotonic()
        self.ask(name, path, arguments)
        return at

    def _someone(self) -> str:
        for name, process in self.processes.items():
            if process.running and not process.frozen:
                return name
        raise LabError("no host is running")

    def switch(self, to: str | None = None, *, seconds: float = 0.0, state: str | None = None) -> float:
        """A planned switch to the other host.

        For ``seconds`` nobody is active and the domain is ``FailingOver`` (or ``FailingBack``, towards the primary).
        """
        return self._tell(self._someone(), "/switch", to=to, seconds=seconds, state=state)

    def promote(self, name: str) -> float:
        """Make this host active at once, whatever the other one does; asked of the host itself."""
        return self._tell(name, "/promote")

    def set_state(self, state: str, *, only_at: str | None = None) -> float:
        """The domain, or one host, shows this state."""
        return self._tell(only_at or self._someone(), "/state", state=state, only_here=only_at is not None)

    def emergency(self, *, on: bool = True) -> float:
        """The domain's emergency status begins or ends."""
        return self.set_state("Emergency" if on else "Running")

    def set_generation(self, generation: int) -> float:
        """Another generation, also a lower one."""
        return self._tell(self._someone(), "/generation", generation=generation)

    def slow(
        self,
        name: str,
        seconds: float,
        *,
        service: str = "*",
        operation: str = "*",
        times: int | None = None,
        when: str = "before",
    ) -> float:
        """Delay operations ``before`` or ``after`` they are applied."""
        return self._tell(name, "/slow", seconds=seconds, service=service, operation=operation, times=times, when=when)

    def answer_wrongly(self, name: str, kind: str, **rule: Any) -> float:
        """Answer wrongly; ``rule`` are the attributes of :class:`agentchan.lab.misbehaviour.Rule`."""
        return self._tell(name, "/wrong", kind=kind, **rule)

    def claim(self, name: str, **claims: Any) -> float:
        """Say wrong words of itself: ``role="Active"``, ``generation=9``, ``server_name=…``, ``domain=…`` and so on."""
        return self._tell(name, "/claim", **claims)

    def behave(self, name: str) -> float:
        """Answer rightly again, and send the replies that were held."""
        return self._tell(name, "/behave")

    def release(self, name: str) -> float:
        """Send the replies that were held."""
        return self._tell(name, "/release")

    def stick(self, channel: str, call_id: str, *, state: str = "Busy", ivr: str | None = None) -> float:
        """CE holds a call on the channel that nobody sent a NewCall for."""
        return self._tell(self._someone(), "/stick", ivr=self._ivr(ivr), channel=channel, call_id=call_id, state=state)

    def hang_up(self, channel: str, *, ivr: str | None = None) -> float:
        """The caller has left: Busy becomes Wrapup."""
        return self._tell(self._someone(), "/hang-up", ivr=self._ivr(ivr), channel=channel)

    def forget_sessions(self, name: str) -> float:
        """The host forgets its sessions; their connections stay open."""
        return self._tell(name, "/forget-sessions")

    def set_session_timeout(self, name: str, seconds: float) -> float:
        """Change SessionTimeout, for live sessions too."""
        return self._tell(name, "/session-timeout", seconds=seconds)

    def know(self, name: str, ivrs: Mapping[str, Sequence[str]]) -> float:
        """The host knows these IVRs and channels only, until it is started again."""
        return self._tell(name, "/know", ivrs={ivr: list(patterns) for ivr, patterns in ivrs.items()})

    def stop_listening(self, name: str, service: str) -> float:
        """Refuse new connections to a service; open ones stay (see :meth:`drop`)."""
        return self._tell(name, "/stop-listening", service=service)

    def listen(self, name: str, service: str) -> float:
        """Take new connections again."""
        return self._tell(name, "/listen", service=service)

    def drop(self, name: str, service: str) -> float:
        """Reset every connection of a service."""
        return self._tell(name, "/drop", service=service)

    # -- questions ---------------------------------------------------------------------------------------------------

    def status(self, name: str) -> dict[str, Any]:
        """What a host says of itself on its control port."""
        found: dict[str, Any] = self.ask(name, "/status")
        return found

    def active(self) -> str | None:
        """The active host by the database, also when it is dead or frozen."""
        database = Database(self.database)
        try:
            row = database.execute("SELECT active FROM domain").fetchone()
        finally:
            database.close()
        return None if row is None else row[0]

    def _ivr(self, ivr: str | None) -> str:
        return ivr or next(iter(self.ivrs), "ivr1")

    def channels(self, name: str, ivr: str | None = None) -> dict[str, dict[str, Any]]:
        """What a host believes of each channel of an IVR (default: the first): ``state``, ``call_id``, ``wish``."""
        found: dict[str, dict[str, Any]] = self.ask(name, "/channels").get(self._ivr(ivr), {})
        return found

    def states(self, name: str, ivr: str | None = None) -> Counter[str]:
        """How many channels of an IVR are in which state, as a host believes."""
        return Counter(channel["state"] for channel in self.channels(name, ivr).values())

    def sessions(self, name: str) -> list[dict[str, Any]]:
        """The live sessions of a host."""
        found: list[dict[str, Any]] = self.ask(name, "/sessions")
        return found

    def history(self, after: int = 0) -> list[dict[str, Any]]:
        """What happened in the domain, from the database: complete also for dead and frozen hosts."""
        return read_history(self.database, after)

    def _request_path(self, name: str) -> Path:
        return self.directory / f"{name}-requests.jsonl"

    def requests(self, name: str | None = None) -> list[dict[str, Any]]:
        """Every connection opened and closed, request and answer, of one host or both, in the order of time."""
        rows = [
            row for host in self.processes if name in (None, host) for row in read_requests(self._request_path(host))
        ]
        return sorted(rows, key=lambda row: float(row["monotonic"]))

    def connections(self) -> list[dict[str, Any]]:
        """Each connection: host, service, times, and what was asked on it.

        ``closed`` is None while it is open, and if its host was killed; ``operations`` has for each operation the
        times of its ``first`` and ``last`` request and their ``count``.
        """
        found: dict[str, dict[str, Any]] = {}
        for row in self.requests():
            entry = found.setdefault(
                row["connection"],
                {key: row[key] for key in ("host", "service", "connection", "peer_port")}
                | {"opened": None, "closed": None, "operations": {}},
            )
            at = row["monotonic"]
            if row["what"] in ("opened", "closed"):
                entry[row["what"]] = at
            elif row["what"] == "request":
                seen = entry["operations"].setdefault(row["operation"], {"first": at, "last": at, "count": 0})
                seen["last"] = at
                seen["count"] += 1
        return list(found.values())

    def wait_until(
        self, predicate: Callable[[], Found], *, timeout: float = 10.0, interval: float = 0.01, what: str = ""
    ) -> Found:
        """Ask ``predicate`` until it answers something true, and return that.

        Raises:
            TimeoutError: it did not within ``timeout`` seconds.
        """
        deadline = time.monotonic() + timeout
        while not (found := predicate()):
            if time.monotonic() > deadline:
                raise TimeoutError(f"not within {timeout} s: {what or predicate}; the last answer was {found!r}")
            time.sleep(interval)
        return found
