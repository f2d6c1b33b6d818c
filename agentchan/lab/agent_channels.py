"""The agent channels of the domain: which connection each IVR instance has signed on with at each host.

An IVR must have given its old connection up before it makes a channel ready at another host. The old host cannot always
tell (it may be frozen or dead), but the kernel can: it knows whether the IVR's own end is open.
"""

from __future__ import annotations

from collections.abc import Iterable

from attrs import frozen

from agentchan.lab.database import Database
from agentchan.lab.http_wire import HttpConnection
from agentchan.lab.kernel import Ends, is_open


@frozen
class AgentChannel:
    """One agent channel at another host; ``ends`` are as the IVR sees them."""

    host: str
    connection: str
    ends: Ends


class AgentChannels:
    """One host's part of the table; everything here runs inside the caller's transaction."""

    def __init__(self, database: Database, host: str) -> None:
        self._execute = database.execute
        self._host = host

    def opened(self, ivr: str, instance_id: str, connection: HttpConnection) -> list[AgentChannel]:
        """This is the instance's agent channel here from now on; returns those that it still has at other hosts."""
        ends = connection.ends
        self._execute(
            "INSERT OR REPLACE INTO agent_channel VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (self._host, ivr, instance_id, connection.name, *ends.local, *ends.remote),
        )
        rows = self._execute(
            "SELECT host, connection, local, local_port, remote, remote_port FROM agent_channel "
            "WHERE ivr = ? AND instance_id = ? AND host != ?",
            (ivr, instance_id, self._host),
        )
        return self.still_open(
            AgentChannel(host, name, Ends((local, local_port), (remote, remote_port)))
            for host, name, local, local_port, remote, remote_port in rows.fetchall()
        )

    def still_open(self, channels: Iterable[AgentChannel]) -> list[AgentChannel]:
        """Those of ``channels`` whose IVR has its end open."""
        return [channel for channel in channels if is_open(channel.ends)]

    def forget(self) -> None:
        """This host has just started: nobody is connected to it."""
        self._execute("DELETE FROM agent_channel WHERE host = ?", (self._host,))
