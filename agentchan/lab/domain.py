"""Who is active in the domain: the part of the shared database that both hosts must agree on."""

from __future__ import annotations

import time

from attrs import frozen

from agentchan.lab.database import Database
from agentchan.lab.history import History, Row
from agentchan.lab.values import now_utc

HOST_STATES = ("Starting", "Stopping")
"""States in which a host is never active (contract)."""
DOMAIN_STATES = ("Running", "FailingOver", "FailingBack", "Emergency", *HOST_STATES)


@frozen
class View:
    """What one host reads of the domain in one statement.

    Attributes:
        active: the name of the active host, None while nobody is.
        last_active: the host that was active last.
        domain_state: the state that every host shows which has none of its own.
        host_state: this host's own state, None where it shows the domain's.
        since: since when this host's role is what it is.
        renewed: monotonic seconds of the active host's last sign of life.
    """

    host: str
    domain: str
    generation: int
    active: str | None
    last_active: str | None
    domain_state: str
    host_state: str | None
    since: str
    renewed: float

    @property
    def is_active(self) -> bool:
        """Whether this host is the active one."""
        return self.active == self.host

    @property
    def role(self) -> str:
        """This host's role in the contract's words."""
        return "Active" if self.is_active else "Standby"

    @property
    def state(self) -> str:
        """The domain's state as this host sees it."""
        return self.host_state or self.domain_state

    @property
    def shown(self) -> tuple[str, int, str]:
        """What a watch request is held for."""
        return self.role, self.generation, self.state


class Domain:
    """Reads and changes the domain; every change is a transaction of its own."""

    def __init__(self, database: Database, history: History, host: str) -> None:
        self._database = database
        self._history = history
        self._host = host

    def join(self, domain: str, rank: str, ports: tuple[int, int], *, starting: bool) -> None:
        """Enter this host; the first host of all enters the domain.

        The database says who is active; a host that nobody has replaced is active again, at once or, when it comes up
        ``Starting``, later by :meth:`started`. ``ports`` are those of notices and of the link between hosts.
        """
        with self._database.transaction():
            self._database.execute(
                "INSERT OR IGNORE INTO domain VALUES (1, ?, 1, NULL, NULL, 'Running', ?)",
                (domain, time.monotonic()),
            )
            self._database.execute(
                "INSERT INTO host VALUES (?, ?, ?, NULL, ?, ?) ON CONFLICT (name) DO UPDATE SET rank = excluded.rank, "
                "state = NULL, notify_port = excluded.notify_port, link_port = excluded.link_port",
                (self._host, rank, now_utc(), *ports),
            )
            view = self.read()
            self._history.add(view.generation, Row("host-started", details={"rank": rank}))
            if starting:
                if view.is_active:
                    self._write_active(view, None)
                self._write_host_state("Starting")
                self._note_state("Starting", only_here=True)
            else:
                self._take_up(self.read(), rank)

    def started(self, rank: str) -> None:
        """The time of ``Starting`` has passed."""
        with self._database.transaction():
            self._write_host_state(None)
            self._take_up(self.read(), rank)

    def _take_up(self, view: View, rank: str) -> None:
        mine = view.last_active in (None, self._host) if rank == "Primary" else view.last_active == self._host
        if view.active is None and mine and view.domain_state not in HOST_STATES:
            self._write_active(view, self._host)
        elif view.is_active:
            self._database.execute("UPDATE domain SET renewed = ?", (time.monotonic(),))

    def read(self) -> View:
        """What this host reads now, also inside a transaction."""
        row = self._database.execute(
            "SELECT d.name, d.generation, d.active, d.last_active, d.state, h.state, h.since, d.renewed "
            "FROM domain d, host h WHERE h.name = ?",
            (self._host,),
        ).fetchone()
        return View(self._host, *row)

    def make_active(
        self,
        target: str | None,
        *,
        state: str = "Running",
        renewed_in: float = 0.0,
        only_in_generation: int | None = None,
    ) -> bool:
        """Make ``target`` the active host, or nobody; the generation rises by one.

        Args:
            target: the host's name.
            state: the state that the domain is in afterwards.
            renewed_in: seconds during which the missing of an active host is no cause for a failover.
            only_in_generation: do nothing if the domain has another generation by now.

        Returns:
            Whether it was done.
        """
        with self._database.transaction():
            view = self.read()
            if only_in_generation not in (None, view.generation):
                return False
            self._write_active(view, target, renewed_in=renewed_in)
            if view.domain_state not in ("Emergency", state):
                self._database.execute("UPDATE domain SET state = ?", (state,))
                self._note_state(state, only_here=False)
            if target is not None:
                self._database.execute("UPDATE host SET state = NULL WHERE name = ?", (target,))
            return True

    def _write_active(self, view: View, target: str | None, *, renewed_in: float = 0.0) -> None:
        raised = view.generation + 1
        self._database.execute(
            "UPDATE domain SET active = ?, last_active = ifnull(?, last_active), generation = ?, renewed = ?",
            (target, target, raised, time.monotonic() + renewed_in),
        )
        changed = {view.active, target} - {None} if view.active != target else set()
        for name in sorted(filter(None, changed)):
            self._database.execute("UPDATE host SET since = ? WHERE name = ?", (now_utc(), name))
        if view.active not in (None, target):
            self._history.add(raised, Row("demoted"), host=view.active)
        if target is not None:
            self._history.add(raised, Row("promoted"), host=target)

    def set_state(self, state: str, *, only_here: bool) -> None:
        """Show ``state``; ``Starting`` and ``Stopping`` take the active role away (contract)."""
        with self._database.transaction():
            view = self.read()
            if state in HOST_STATES and (view.is_active or not only_here):
                self._write_active(view, None)
            if only_here:
                self._write_host_state(state)
            else:
                self._database.execute("UPDATE domain SET state = ?", (state,))
                self._database.execute("UPDATE host SET state = NULL")
            self._note_state(state, only_here=only_here)

    def _note_state(self, state: str, *, only_here: bool) -> None:
        details = {"state": state, "only_here": only_here}
        self._history.add(self.read().generation, Row("state", details=details))

    def _write_host_state(self, state: str | None) -> None:
        self._database.execute("UPDATE host SET state = ? WHERE name = ?", (state, self._host))

    def record(self, row: Row) -> None:
        """Add a row to the history that changes nothing in the domain."""
        with self._database.transaction():
            self._history.add(self.read().generation, row)

    def set_generation(self, generation: int) -> None:
        """Put another generation into the database, as a restore from an old backup would."""
        with self._database.transaction():
            self._database.execute("UPDATE domain SET generation = ?", (generation,))
            self._history.add(generation, Row("generation"))

    def renew(self) -> None:
        """Say that the active host lives, if this is it."""
        self._database.execute(
            "UPDATE domain SET renewed = ? WHERE active = ? AND renewed < ?",
            (time.monotonic(), self._host, time.monotonic()),
        )

    def others(self) -> list[tuple[str, int, int]]:
        """Name, notice port and link port of each other host."""
        return self._database.execute(
            "SELECT name, notify_port, link_port FROM host WHERE name != ? ORDER BY name", (self._host,)
        ).fetchall()

    def rank_of(self, host: str) -> str | None:
        """The rank of ``host``, None if there is no such host."""
        row = self._database.execute("SELECT rank FROM host WHERE name = ?", (host,)).fetchone()
        return None if row is None else str(row[0])
