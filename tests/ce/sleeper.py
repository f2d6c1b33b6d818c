"""A program that follows one host, to be stopped and woken up: ``python -m tests.ce.sleeper COMPONENT CONNECTOR``.

It prints a line for whatever it hears; it ends when standard input is closed.
"""

from __future__ import annotations

import sys
from typing import Any

from twisted.internet import reactor as installed
from twisted.internet.stdio import StandardIO

from agentchan.ce.agent_channel import AgentChannel
from agentchan.ce.component_link import ComponentLink
from agentchan.ce.dialer import Dialer
from agentchan.ce.tls import TlsSettings
from agentchan.ce.watch_pace import HELD, PLAIN, LinkTimings
from agentchan.core.channel import Wish
from agentchan.core.channels import Channels
from agentchan.core.observations import Answered, Failed
from agentchan.core.session import Session
from agentchan.core.session_values import Abilities, Action, SignOffDone, Target, Timings
from agentchan.monotonic import count_monotonically
from agentchan.vocabulary import Heartbeat, Meaning, OpenSession, Reply, Request, Role, ServerStatus
from tests.ce.dialing import Envelope


class Codec:
    """Says the duty, and takes any answer for the good one."""

    def encode(self, request: Request, _url: str) -> Envelope:
        """To the IVR Connector."""
        return Envelope(type(request).__name__.encode())

    def decode(self, request: Request, _status: int, _content_type: str | None, _body: bytes) -> Reply:
        """From it."""
        match request:
            case OpenSession():
                return Reply(Meaning.CONFIRMED, session_id="s", server_name="ce1", generation=7, session_timeout=10.0)
            case Heartbeat():
                return Reply(Meaning.CONFIRMED, role=Role.ACTIVE, generation=7)
        return Reply(Meaning.CONFIRMED)

    def encode_get_status(self, _url: str) -> Envelope:
        """To the Component Service."""
        return Envelope(PLAIN.encode())

    def encode_watch_status(self, _known: ServerStatus | None, _max_wait: float, _url: str) -> Envelope:
        """The same, held back."""
        return Envelope(HELD.encode())

    def decode_status(self, *_arguments: object) -> ServerStatus:
        """From it."""
        return ServerStatus(Role.ACTIVE, server_name="ce1", generation=7)


def say(line: str) -> None:
    """To the parent."""
    print(line, flush=True)  # noqa: T201 - what it is for


def tell(told: Answered | Failed) -> None:
    """What the component link hears."""
    say("answered" if isinstance(told, Answered) else f"failed: {told.reason}")


def act(action: Action) -> None:
    """How the agent channel ends."""
    if isinstance(action, SignOffDone):
        say(f"signed off: {action.cause}")


class UntilInputEnds:
    """The parent has gone, or wants us to go."""

    def makeConnection(self, transport: Any) -> None:  # noqa: N802 - Twisted's name
        """Standard input is there."""

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """Nothing is ever said."""

    def connectionLost(self, _reason: object) -> None:  # noqa: N802 - Twisted's name
        """It is not."""
        reactor: Any = installed
        reactor.stop()


def main(component: str, connector: str) -> None:
    """Follow; nothing is waited for longer than 1.2 s."""
    reactor: Any = installed
    count_monotonically(reactor)
    dialer: Any = Dialer(reactor, TlsSettings.from_files())
    timings = Timings(heartbeat=0.3, misses=3)
    link = ComponentLink(
        reactor,
        dialer,
        Codec(),
        urls=[component],
        duties=frozenset({PLAIN, HELD}),
        timings=LinkTimings(timeout=0.6, watch_wait=0.6, poll_interval=0.6),
        jitter=lambda low, _high: low,
        tell=tell,
    )
    channel = AgentChannel(
        reactor,
        reactor.getThreadPool(),
        dialer,
        Codec(),
        Session(
            ivr="ivr1",
            instance_id="here",
            channels=Channels(["c1"], Wish(ready=True), reactor.seconds()),
            timings=timings,
            abilities=Abilities(),
            jitter=lambda low, _high: low,
        ),
        keep_alive=True,
        probe=None,
        user_timeout=60.0,
        on_action=act,
        on_change=lambda: None,
    )
    reactor.callWhenRunning(link.start)
    reactor.callWhenRunning(channel.follow, Target("ce1", (connector,), 7))
    StandardIO(UntilInputEnds())  # type: ignore[no-untyped-call]
    reactor.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
