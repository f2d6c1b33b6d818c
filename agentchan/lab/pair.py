"""A whole CE pair for tests, demo and benchmarks: two host processes and one domain database."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from typing import Any, TypeVar

from agentchan.lab import invariants
from agentchan.lab.history import read_history
from agentchan.lab.pair_controls import Controls
from agentchan.lab.request_log import read_requests

Found = TypeVar("Found")


class Pair(Controls):
    """A running pair: its life (:class:`agentchan.lab.hosts.Hosts`, which says the arguments), its controls, its state.

    Use it as a context manager: inside, both hosts serve and ce1 is active; afterwards no process is left, not even if
    the program that used it is killed. One thread at a time may use it.
    """

    def status(self, name: str) -> dict[str, Any]:
        """What a host says of itself on its control port."""
        found: dict[str, Any] = self.ask(name, "/status")
        return found

    def channels(self, ivr: str | None = None, *, host: str | None = None) -> dict[str, dict[str, Any]]:
        """What a host (default: the active one) believes of each channel of an IVR (default: the first).

        Of each channel ``state``, ``call_id`` and ``wish`` (Ready or not as last wished, None without session).
        """
        asked = host or self.active() or self.answering()[0]
        found: dict[str, dict[str, Any]] = self.ask(asked, "/channels").get(self._ivr(ivr), {})
        return found

    def states(self, ivr: str | None = None, *, host: str | None = None) -> Counter[str]:
        """How many channels of an IVR are in which state, as a host (default: the active one) believes."""
        asked = host or self.active() or self.answering()[0]
        return Counter(self.ask(asked, "/states").get(self._ivr(ivr), {}))

    def sessions(self, name: str | None = None) -> list[dict[str, Any]]:
        """The live sessions of a host (default: the active one)."""
        found: list[dict[str, Any]] = self.ask(name or self.active() or self.answering()[0], "/sessions")
        return found

    def history(self, after: int = 0) -> list[dict[str, Any]]:
        """What happened in the domain, from the database: complete also for dead and frozen hosts.

        The rows' fields are those of :mod:`agentchan.lab.history`; ``after`` leaves out those up to that ``sequence``.
        """
        return read_history(self.database, after)

    def requests(self, name: str | None = None) -> list[dict[str, Any]]:
        """Every connection opened and closed, request and answer, of one host or both, in the order of time.

        The rows' fields are those of :class:`agentchan.lab.request_log.RequestLog`.
        """
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

    def violations(
        self,
        accepted: Iterable[str] | None = None,
        *,
        link_is_shared: bool = False,
        connector_answers: bool = False,
        pinned: Collection[str] = (),
    ) -> list[str]:
        """Everything that must never happen and did, in plain language (see :mod:`agentchan.lab.invariants`).

        Args:
            accepted: the SignalIds that must have been applied, in the order in which they were accepted; None: only
                doubling, and NewCalls after their Gone, are looked for.
            link_is_shared: several daemons use the pair, so an answer of a Component Service tells nobody knows whom.
            connector_answers: the daemon asks by OpenSession who is active.
            pinned: hosts that the daemon was told by hand to follow.
        """
        history, requests = self.history(), self.requests()
        signals = None if accepted is None else list(accepted)
        return [
            *invariants.readiness_after_denial(
                requests, link_is_shared=link_is_shared, connector_answers=connector_answers, pinned=pinned
            ),
            *invariants.readiness_while_old_connection_open(history),
            *invariants.applied_while_not_active(history),
            *invariants.signals_out_of_order(history, signals),
            *invariants.signals_not_applied_once(history, signals),
        ]

    def stuck(self, open_calls: Collection[tuple[str, str]] = ()) -> list[str]:
        """Channels that hold a call that is not among ``open_calls`` (channel and CallId), in plain language."""
        return invariants.stuck_channels(self.history(), open_calls)

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
