"""Where call signals go: to the host that is active, by the same knowledge as the agent channel."""

from __future__ import annotations

from attrs import frozen

from agentchan.core.session_values import Shown, State, Target

_SIGNED_ON = (State.RESTORING, State.UP, State.SUSPECT, State.STANDING_BY, State.CONTENDED, State.SIGNING_OFF)
"""The states in which the connector in use has said that its host is active."""


@frozen
class SignalRoute:
    """An IVR Connector, and whose it is."""

    url: str
    host: str


def signal_route(target: Target | None, shown: Shown) -> SignalRoute | None:
    """Where signals may go now, None if they wait.

    NewCall and Gone need no session (contract, Sessions), so they flow while another instance is signed on, and also
    while a sign-on takes its time, where the host's own word names its one connector. With several connectors in line
    nobody knows whose is the active host's until one has accepted us.

    Args:
        target: who is to be followed by the topology.
        shown: the agent channel.
    """
    if target is None:
        return None
    if shown.state in _SIGNED_ON and shown.url is not None and (target.host is None or target.host == shown.host):
        return SignalRoute(shown.url, shown.host or shown.url)
    if target.host is not None and len(target.connectors) == 1:
        return SignalRoute(target.connectors[0], target.host)
    return None
