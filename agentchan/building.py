"""Builds those parts of a daemon that take much of its configuration; :mod:`agentchan.daemon` joins them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from agentchan import configured
from agentchan.api.doors import Doors
from agentchan.ce.agent_channel import AgentChannel
from agentchan.ce.component_link import ComponentLink
from agentchan.ce.lanes import Lanes
from agentchan.ce.profile import Profile
from agentchan.ce.soap import Codec
from agentchan.certificate_watch import CertificateWatch
from agentchan.config import Configuration
from agentchan.core.backoff import Jitter
from agentchan.core.observations import Answered, Failed
from agentchan.core.session import Session
from agentchan.core.session_values import Action
from agentchan.journal.health import Health
from agentchan.journal.journal import Journal
from agentchan.notifications import Notifications, Whoever
from agentchan.operations import Operations
from agentchan.parts import Parts
from agentchan.systemd import listening_sockets


def journal(
    reactor: Any, configuration: Configuration, wall: Callable[[], float], on_health: Callable[[Health], None]
) -> Journal:
    """The journal; it is not opened yet."""
    return Journal(
        reactor,
        configuration.journal.path,
        wall=lambda: datetime.fromtimestamp(wall(), UTC),
        monotonic=time.monotonic,
        keep=configuration.journal.keep,
        on_health=on_health,
    )


def codec(configuration: Configuration, profile: Profile) -> Codec:
    """What makes messages to CE, and reads its answers."""
    ivr = configuration.ivr
    return Codec(
        profile,
        ivr=ivr.name,
        instance_id=ivr.instance_id,
        channel_values=ivr.channel_values,
        authentication=configured.authentication(configuration, profile),
    )


def notifications(daemon: Parts, environ: Mapping[str, str]) -> Notifications:
    """Who is told of events."""
    configuration = daemon.configuration
    return Notifications(
        daemon.reactor,
        configuration.notify,
        daemon.feed,
        daemon.dialer,
        who=Whoever(configuration.ivr.name, configuration.ivr.instance_id),
        mask_numbers=configuration.log.mask_numbers,
        on_outcome=daemon.metrics.notified,
        environ=environ,
    )


def certificate_watch(daemon: Parts) -> CertificateWatch:
    """The watch over the certificates that connections to CE have shown, and over our own."""

    def known() -> Mapping[str, datetime | None]:
        return {
            "ivr-connector": daemon.agent_channel.certificate_not_after if daemon.agent_channel else None,
            "component-service": daemon.link.certificate_not_after if daemon.link else None,
            "client": daemon.dialer.tls.certificate_not_after,
        }

    return CertificateWatch(
        daemon.reactor,
        daemon.wall,
        known=known,
        file=lambda: daemon.configuration.api.certificate_file,
        tell=daemon.chronicle.happened,
        on_seen=daemon.metrics.certificate,
    )


def component_link(daemon: Parts, jitter: Jitter, tell: Callable[[Answered | Failed], None]) -> ComponentLink | None:
    """The component link, None where the connectors' answers tell who is active."""
    configuration = daemon.configuration
    if configured.connector_answers(configuration):
        return None
    return ComponentLink(
        daemon.reactor,
        daemon.dialer,
        daemon.codec,
        urls=configuration.component_link.urls,
        duties=daemon.profile.duties,
        timings=configured.link_timings(configuration),
        jitter=jitter,
        tell=tell,
    )


def agent_channel(
    daemon: Parts, jitter: Jitter, on_action: Callable[[Action], None], on_change: Callable[[], None]
) -> AgentChannel | None:
    """The agent channel, None in frontend mode."""
    configuration, profile = daemon.configuration, daemon.profile
    ivr = configuration.ivr
    if not ivr.channels:
        return None
    session = Session(
        ivr=ivr.name,
        instance_id=ivr.instance_id,
        channels=daemon.channels,
        timings=configured.timings(configuration),
        abilities=configured.abilities(profile),
        jitter=jitter,
        began_at=daemon.started_at,
    )
    return AgentChannel(
        daemon.reactor,
        daemon.reactor.getThreadPool(),
        daemon.dialer,
        daemon.codec,
        session,
        keep_alive=profile.keep_alive,
        probe=profile.probe,
        user_timeout=configured.user_timeout(configuration),
        on_action=on_action,
        on_change=on_change,
    )


def lanes(daemon: Parts, jitter: Jitter) -> Lanes:
    """The lanes of call signals; they serve nobody yet."""
    configuration, delivering = daemon.configuration, daemon.delivering
    return Lanes(
        daemon.reactor,
        daemon.dialer,
        daemon.codec,
        delivering.outbox,
        count=configuration.signals.lanes,
        timings=configured.lane_timings(configuration),
        jitter=jitter,
        on_sent=delivering.sent,
        on_landed=delivering.landed,
        on_progress=delivering.progress,
    )


def doors(daemon: Parts, environ: Mapping[str, str]) -> Doors:
    """The doors of the API; they are not opened yet."""
    held = [each for each in listening_sockets(environ, os.getpid()) if each.name != "unknown"]
    adopted = held[0].descriptor if held else None
    configuration = daemon.configuration
    return Doors(daemon.reactor, Operations(daemon), configuration.api, configuration.contents.api_token, adopted)
