"""The bare client: follows the active host and makes the channels ready there, with ready-made bytes and nothing else.

    python -m measuring.bare_client COMPONENT_URL,COMPONENT_URL CONNECTOR_URL,CONNECTOR_URL IVR CHANNEL[,CHANNEL...]

It watches both hosts, and talks to the one that says that it is active, as agentchan does; but it checks no answer,
has no deadline, keeps nothing and tells nobody. So it is about as quick as a client in Python can be: the lower bound.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Sequence
from urllib.parse import urlsplit

from agentchan.lab.names import expand
from measuring import messages

AGAIN = 0.05
"""Seconds after which a host that does not answer is asked again."""
HEARTBEAT_INTERVAL = 0.5

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def connect(url: str) -> Connection:
    """A connection to the service."""
    there = urlsplit(url)
    return await asyncio.open_connection(there.hostname, there.port, limit=2**24)


async def ask(connection: Connection, request: bytes) -> bytes:
    """Send a request; returns the answer's body."""
    reader, writer = connection
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = messages.CONTENT_LENGTH.search(head)
    if length is None:
        raise ConnectionError("an answer without Content-Length")
    return await reader.readexactly(int(length[1]))


class Client:
    """One IVR's client."""

    def __init__(self, component: Sequence[str], connector: Sequence[str], ivr: str, channels: Sequence[str]) -> None:
        self._connector = dict(zip(component, connector, strict=True))
        self._open = {url: messages.open_session(url, ivr, channels) for url in connector}
        self._readiness = {url: messages.readiness(url, channels) for url in connector}
        self._heartbeat = {url: messages.InSession(url, "Heartbeat") for url in connector}
        self._generation = 0
        self._talking: asyncio.Task[None] | None = None
        self._line: Connection | None = None

    async def watch(self, url: str) -> None:
        """Watch one host for ever."""
        while True:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await self._watch(url)
            await asyncio.sleep(AGAIN)

    async def _watch(self, url: str) -> None:
        connection = await connect(url)
        role, generation = "Standby", 0
        while True:
            answer = await ask(connection, messages.watch(url, role, generation))
            found, number = messages.ROLE.search(answer), messages.GENERATION.search(answer)
            if found is None or number is None:
                raise ConnectionError("no status")
            role, generation = found[1].decode(), int(number[1])
            if role == "Active" and generation > self._generation:
                self._generation = generation
                self._follow(self._connector[url])

    def _follow(self, url: str) -> None:
        if self._talking is not None:
            self._talking.cancel()
        if self._line is not None:
            self._line[1].transport.abort()
        self._talking = asyncio.get_running_loop().create_task(self._talk(url))

    async def _talk(self, url: str) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            connection = self._line = await connect(url)
            opened = messages.SESSION_ID.search(await ask(connection, self._open[url]))
            if opened is None:
                raise ConnectionError("no session")
            for each in self._readiness[url]:
                await ask(connection, each.bytes(opened[1]))
            while True:
                await asyncio.sleep(HEARTBEAT_INTERVAL)
                await ask(connection, self._heartbeat[url].bytes(opened[1]))


async def main(component: str, connector: str, ivr: str, channels: str) -> None:
    """Follow until killed."""
    client = Client(component.split(","), connector.split(","), ivr, expand(channels.split(",")))
    await asyncio.gather(*(client.watch(url) for url in component.split(",")))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
