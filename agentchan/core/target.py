"""Whom the agent channel is to be signed on to, by the verdict and the configuration."""

from __future__ import annotations

from attrs import frozen

from agentchan.core.observations import Topology
from agentchan.core.session_values import Target
from agentchan.core.verdict import Verdict, domain_of, judged


@frozen
class Lines:
    """How the addresses of IVR Connectors are found.

    Attributes:
        connectors: the configured addresses, in line; empty where the component link names them.
        connector_answers: whether the first connector in line that accepts is the active one.
    """

    connectors: tuple[str, ...] = ()
    connector_answers: bool = False


def target_of(topology: Topology, lines: Lines, verdict: Verdict | None = None) -> Target | None:
    """The host to be signed on to and its connectors, None if nobody is to be followed.

    The verdict on the topology may be given by whoever has it; else it is found here.

    As many configured connectors as component URLs belong together one by one; otherwise each is tried in line until
    one accepts. Without any, the host's own word counts (contract, Component Service: ConnectorUrl). Where the
    connectors' answers tell who is active, an operator's pin leaves those of one host in line.
    """
    if lines.connector_answers:
        mark = topology.mark(topology.domain or topology.home)
        line, pin = lines.connectors, topology.pin
        if pin is not None:
            pinned = {view.url for view in topology.views if pin.host in (view.host, view.url)}
            line = tuple(connector for connector in line if connector in pinned)
        return Target(None, line, None, mark.generation if mark else None) if line else None
    verdict = verdict or judged(topology)
    if verdict.host is None:
        return None
    mark = topology.mark(domain_of(topology, verdict.host))
    connectors = lines.connectors
    if not connectors:
        connectors = (verdict.connector_url,) if verdict.connector_url else ()
    elif len(connectors) == len(topology.views):
        pairs = zip(topology.views, connectors, strict=True)
        connectors = tuple(connector for view, connector in pairs if view.host == verdict.host) or connectors
    return Target(verdict.host, connectors, verdict.generation, mark.generation if mark else None)
