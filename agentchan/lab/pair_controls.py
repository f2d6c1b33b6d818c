"""What can be done to a running pair: switches, wrong answers, cut networks, stuck channels."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agentchan.lab.backups import back_up, restore
from agentchan.lab.hosts import Hosts


class Controls(Hosts):
    """The controls of a pair; each returns the monotonic time at which it was begun.

    Raises:
        LabError: (every control) the host that has to do it does not run, does not answer, or refuses.
    """

    # -- roles and states --------------------------------------------------------------------------------------------

    def switch(self, to: str | None = None, *, seconds: float = 0.0, state: str | None = None) -> float:
        """A planned switch to the other host.

        For ``seconds`` nobody is active and the domain is ``FailingOver`` (or ``FailingBack``, towards the primary).
        """
        return self.tell(self.answering()[0], "/switch", to=to, seconds=seconds, state=state)

    def promote(self, name: str) -> float:
        """Make this host active at once, whatever the other one does; asked of the host itself."""
        return self.tell(name, "/promote")

    def demote(self) -> float:
        """Nobody is active any more."""
        return self.tell(self.answering()[0], "/demote")

    def set_state(self, state: str, *, only_at: str | None = None) -> float:
        """The domain, or one host, shows this state; ``Starting`` and ``Stopping`` take the active role away."""
        return self.tell(only_at or self.answering()[0], "/state", state=state, only_here=only_at is not None)

    def emergency(self, *, on: bool = True) -> float:
        """The domain's emergency status begins or ends."""
        return self.set_state("Emergency" if on else "Running")

    def set_generation(self, generation: int) -> float:
        """Another generation, also a lower one."""
        return self.tell(self.answering()[0], "/generation", generation=generation)

    def claim(self, name: str, *, obey: bool = False, **claims: Any) -> float:
        """Say wrong words of itself: ``role="Active"``, ``generation=9``, ``server_name=…``, ``domain=…`` and so on.

        With ``obey`` the host's IVR Connector acts on the claimed role too: claiming ``Active`` it takes sessions and
        signals (a split brain), claiming ``Standby`` it refuses them. Without, only the database decides. Each call
        replaces the claims of before; :meth:`behave` ends them.
        """
        return self.tell(name, "/claim", obey=obey, **claims)

    # -- wrong and slow answers --------------------------------------------------------------------------------------

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
        return self.tell(name, "/slow", seconds=seconds, service=service, operation=operation, times=times, when=when)

    def answer_wrongly(self, name: str, kind: str, **rule: Any) -> float:
        """Answer wrongly; ``kind`` and ``rule`` are those of :class:`agentchan.lab.misbehaviour.Rule`."""
        return self.tell(name, "/wrong", kind=kind, **rule)

    def behave(self, name: str) -> float:
        """Answer rightly again, break nothing off, and send the replies that were held; a cut network stays cut."""
        return self.tell(name, "/behave")

    def release(self, name: str) -> float:
        """Send the replies that were held."""
        return self.tell(name, "/release")

    # -- the network -------------------------------------------------------------------------------------------------

    def blackhole(self, name: str, service: str = "*", *, direction: str = "both") -> float:
        """A silent network drop: connections are taken and stay open, nothing is read and nothing is said, no FIN.

        With ``direction="answers"`` requests arrive and are carried out, and only what the host says is lost. What
        either side has sent meanwhile arrives after :meth:`heal`, as TCP does it. The kernel still acknowledges, so the
        caller's TCP_USER_TIMEOUT sees nothing.
        """
        return self.tell(name, "/blackhole", service=service, direction=direction)

    def heal(self, name: str, service: str = "*") -> float:
        """The end of :meth:`blackhole`."""
        return self.tell(name, "/heal", service=service)

    def break_off(
        self, name: str, service: str = "connector", *, within: str = "answer", share: float = 0.5, times: int = 1
    ) -> float:
        """Break the next ``times`` requests or answers off, on whichever connections they are.

        Of each only ``share`` of its bytes (from 0 up to but not including 1) arrives. A ``request`` is then reset and
        not carried out; an ``answer`` ends there, after its request was carried out.
        """
        return self.tell(name, "/break-off", service=service, within=within, share=share, times=times)

    def stop_listening(self, name: str, service: str) -> float:
        """Refuse new connections to a service; open ones stay (see :meth:`drop`)."""
        return self.tell(name, "/stop-listening", service=service)

    def listen(self, name: str, service: str) -> float:
        """Take new connections again, with the certificate that the host's file holds by now."""
        return self.tell(name, "/listen", service=service)

    def drop(self, name: str, service: str) -> float:
        """Reset every connection of a service."""
        return self.tell(name, "/drop", service=service)

    # -- calls, sessions and names -----------------------------------------------------------------------------------

    def _ivr(self, ivr: str | None) -> str:
        return ivr or next(iter(self.ivrs), "ivr1")

    def stick(self, channel: str, call_id: str, *, state: str = "Busy", ivr: str | None = None) -> float:
        """CE holds a call on the channel that nobody sent a NewCall for; ``ivr``: the first, if not given."""
        where = {"ivr": self._ivr(ivr), "channel": channel}
        return self.tell(self.answering()[0], "/stick", **where, call_id=call_id, state=state)

    def hang_up(self, channel: str, *, ivr: str | None = None) -> float:
        """The caller has left: Busy becomes Wrapup, until the IVR's Gone."""
        return self.tell(self.answering()[0], "/hang-up", ivr=self._ivr(ivr), channel=channel)

    def set_heartbeat_after_role_change(self, name: str, answer: str) -> float:
        """What a Heartbeat is answered after a change of role: ``not-active``, ``unknown-session`` or ``reply``."""
        return self.tell(name, "/heartbeat-after-role-change", answer=answer)

    def set_wrapup_after(self, seconds: float | None) -> None:
        """CE sees each caller leave so many seconds after the NewCall (for calls from now on); None: never."""
        for name in self.answering():
            self.tell(name, "/wrapup-after", seconds=seconds)

    def forget_sessions(self, name: str) -> float:
        """The host forgets its sessions; their connections stay open."""
        return self.tell(name, "/forget-sessions")

    def set_session_timeout(self, name: str, seconds: float) -> float:
        """Change SessionTimeout, for live sessions too."""
        return self.tell(name, "/session-timeout", seconds=seconds)

    def register(self, ivr: str, channels: Sequence[str]) -> None:
        """CE knows this IVR with these channels (names and ranges), in place of those it knew of it."""
        self.ivrs[ivr] = tuple(channels)
        self._know()

    def unregister(self, ivr: str) -> None:
        """CE does not know this IVR any more."""
        del self.ivrs[ivr]
        self._know()

    def _know(self) -> None:
        self._write_ivrs()
        for name in self.answering():
            self.tell(name, "/know", ivrs=self.ivrs)

    # -- the database ------------------------------------------------------------------------------------------------

    def back_up(self) -> Path:
        """A backup of the domain's database as it is now: generation, held calls, known signals and ended calls."""
        return back_up(self.database)

    def restore(self, backup: Path) -> None:
        """Put a backup in place of the present: CE has forgotten all that happened since, the generation falls.

        The host that is active stays so. What was there since is still in the history, with a row ``restored``.

        Raises:
            sqlite3.OperationalError: the database is locked by a host that hangs.
        """
        alive = self.answering()
        restore(self.database, backup, self.active() or alive[0])
        for name in alive:
            self.ask(name, "/status")  # it looks before it answers

    def lock_database(self) -> sqlite3.Connection:
        """Keep the domain's database locked until the connection given back is closed: hosts answer ``Unavailable``."""
        connection = sqlite3.connect(self.database, isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        return connection
