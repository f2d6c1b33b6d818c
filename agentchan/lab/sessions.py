"""The live sessions of one host, and the readiness of their channels: what no failover and no crash survives."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Mapping

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from agentchan.lab.agent_channels import AgentChannel
from agentchan.lab.http_wire import HttpConnection


@define(eq=False)
class Session:
    """One IVR that is signed on.

    Attributes:
        generation: the domain's generation at sign-on; with another one the session is over.
        readiness: each channel of the session, and whether it is wished ready; for a Busy or Wrapup channel the wish
            takes effect when its call is gone.
        open_elsewhere: agent channels of the same IVR and instance at other hosts that were still open at sign-on.
    """

    session_id: str
    ivr: str
    instance_id: str
    connection: HttpConnection
    generation: int
    readiness: dict[str, bool]
    open_elsewhere: list[AgentChannel] = field(factory=list)
    on_lost: Callable[[], None] = field(init=False)
    silence: IDelayedCall = field(init=False)


@define(eq=False)
class Sessions:
    """At most one live session per IVR name; each ends with its connection, with silence, or by a call of :meth:`end`.

    Attributes:
        timeout: seconds of silence on the connection after which a session ends.
        on_end: told of each session that ended, and why.
        live: by IVR name.
        over_by_role: ids of sessions that a change of role ended, whose connection is still open.
    """

    reactor: IReactorTime
    timeout: float
    on_end: Callable[[Session, str], None]
    live: dict[str, Session] = field(factory=dict)
    over_by_role: dict[str, HttpConnection] = field(factory=dict)
    _by_id: dict[str, Session] = field(factory=dict)
    _numbers: itertools.count[int] = field(factory=lambda: itertools.count(1))

    def open(
        self, ivr: str, instance_id: str, connection: HttpConnection, generation: int, channels: Iterable[str]
    ) -> Session:
        """Begin a session; every channel is NotReady."""
        number = f"{connection.server.host}-{os.getpid()}-{next(self._numbers)}"
        session = Session(number, ivr, instance_id, connection, generation, dict.fromkeys(channels, False))
        self.live[ivr] = self._by_id[number] = session
        session.on_lost = lambda: self.end(session, "connection-closed")
        connection.on_lost[session.on_lost] = None
        session.silence = self.reactor.callLater(self.timeout, self._check_silence, session)
        return session

    def find(self, session_id: str, connection: HttpConnection) -> Session | None:
        """The live session of this id, if it was opened on ``connection``."""
        session = self._by_id.get(session_id)
        return session if session is not None and session.connection is connection else None

    def change_channels(self, session: Session, channels: Iterable[str]) -> None:
        """Give the session another list; channels in both lists keep their readiness, new ones are NotReady."""
        session.readiness = {channel: session.readiness.get(channel, False) for channel in channels}

    def wishes(self, ivr: str) -> Mapping[str, bool]:
        """Which channels of the live session are last wished ready; none without session."""
        session = self.live.get(ivr)
        return {} if session is None else session.readiness

    def end(self, session: Session, why: str) -> None:
        """Forget the session; its idle channels are NotReady from now on. A session that is over already is left."""
        if self._by_id.pop(session.session_id, None) is None:
            return
        if self.live.get(session.ivr) is session:
            del self.live[session.ivr]
        session.connection.on_lost.pop(session.on_lost, None)
        if session.silence.active():
            session.silence.cancel()
        if why == "role-changed":
            self.over_by_role[session.session_id] = session.connection
            session.connection.on_lost[lambda: self.over_by_role.pop(session.session_id, None)] = None
        self.on_end(session, why)

    def end_all(self, why: str) -> None:
        """Forget every session."""
        for session in tuple(self._by_id.values()):
            self.end(session, why)

    def set_timeout(self, timeout: float) -> None:
        """Change the timeout, for the sessions that live already too."""
        self.timeout = timeout
        for session in self._by_id.values():
            if session.silence.active():
                session.silence.reset(self._left(session))

    def _left(self, session: Session) -> float:
        return max(0.0, session.connection.last_heard + self.timeout - self.reactor.seconds())

    def _check_silence(self, session: Session) -> None:
        left = self._left(session)
        if left > 0:
            session.silence = self.reactor.callLater(left, self._check_silence, session)
        else:
            self.end(session, "silence")
