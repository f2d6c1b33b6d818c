"""The bare client for signals: ready-made bytes on four connections, one at a time on each, and no journal.

    python -m measuring.bare_sender CONNECTOR_URL IVR CHANNEL[,CHANNEL...]

For each line of JSON, ``{"prefix": …, "pairs": …}``, it makes the messages, sends them all, and prints a line.
"""

from __future__ import annotations

import asyncio
import json
import sys

from agentchan.lab.names import expand
from measuring import messages
from measuring.bare_client import ask, connect

CONNECTIONS = 4
"""As many as agentchan has lanes."""


async def send(url: str, requests: list[bytes]) -> None:
    """Send these one after another."""
    connection = await connect(url)
    for request in requests:
        await ask(connection, request)
    connection[1].close()


async def send_all(url: str, ivr: str, channels: list[str], prefix: str, pairs: int) -> None:
    """Send so many calls; those of one channel on one connection."""
    lanes: list[list[bytes]] = [[] for _ in range(CONNECTIONS)]
    for number in range(pairs):
        place = number % len(channels)
        channel, call_id = channels[place], f"{prefix}{number}"
        lanes[place % CONNECTIONS] += [
            messages.new_call(url, ivr, channel, call_id),
            messages.gone(url, ivr, channel, call_id),
        ]
    await asyncio.gather(*(send(url, lane) for lane in lanes))


def main(url: str, ivr: str, patterns: str) -> None:
    """Obey until the input ends."""
    channels = list(expand(patterns.split(",")))
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        asyncio.run(send_all(url, ivr, channels, order["prefix"], order["pairs"]))
        print(json.dumps(order["pairs"]), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
