"""The parts of a running daemon, as those that look at all of them see it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from attrs import frozen

from agentchan.accepting import Accepting
from agentchan.api.doors import Doors
from agentchan.api.events import EventFeed
from agentchan.call_limits import CallLimits
from agentchan.ce.agent_channel import AgentChannel
from agentchan.ce.component_link import ComponentLink
from agentchan.ce.dialer import Dialer
from agentchan.ce.profile import Profile
from agentchan.ce.soap import Codec
from agentchan.certificate_watch import CertificateWatch
from agentchan.chronicle import Chronicle
from agentchan.config import Configuration
from agentchan.core.calls import Calls
from agentchan.core.channels import Channels
from agentchan.delivering import Delivering
from agentchan.endpoints import EndpointWatch
from agentchan.following import Following
from agentchan.ivr_health import IvrHealth
from agentchan.journal.journal import Journal
from agentchan.liveness import Liveness
from agentchan.metrics import Metrics
from agentchan.notifications import Notifications
from agentchan.repairing import Repairing
from agentchan.sip.prober import Prober
from agentchan.systemd import Notifier
from agentchan.wishes import Wishes


@frozen
class LastReload:
    """How the newest reload went; to have started counts as one.

    Attributes:
        succeeded_at: when one succeeded last (seconds since the epoch).
    """

    successful: bool
    succeeded_at: float


class Parts(Protocol):
    """What :class:`agentchan.daemon.Daemon` is made of.

    Attributes:
        configuration: the one in force.
        wall: the time of day, seconds since the epoch.
        started_at: monotonic seconds, as ``verdict_since``.
        agent_channel: None in frontend mode.
        link: None where the connectors' answers tell who is active.
    """

    reactor: Any
    configuration: Configuration
    profile: Profile
    codec: Codec
    wall: Callable[[], float]
    started_at: float
    verdict_since: float
    notifier: Notifier
    feed: EventFeed
    journal: Journal
    chronicle: Chronicle
    dialer: Dialer
    channels: Channels
    wishes: Wishes
    calls: Calls
    accepting: Accepting
    delivering: Delivering
    repairing: Repairing
    call_limits: CallLimits
    prober: Prober
    endpoints: EndpointWatch
    ivr_health: IvrHealth
    metrics: Metrics
    notifications: Notifications
    certificate_watch: CertificateWatch
    liveness: Liveness
    last_reload: LastReload
    following: Following
    doors: Doors | None
    agent_channel: AgentChannel | None
    link: ComponentLink | None

    @property
    def stopping(self) -> bool:
        """Whether it was told to stop."""
