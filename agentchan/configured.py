"""What the parts are told of the configuration: its sections as the parts' own values."""

from __future__ import annotations

from agentchan.ce.credentials import Authentication
from agentchan.ce.lanes import LaneTimings
from agentchan.ce.profile import Profile
from agentchan.ce.tls import TlsSettings
from agentchan.ce.watch_pace import LinkTimings
from agentchan.config import Configuration
from agentchan.core.backoff import Backoff
from agentchan.core.outbox_values import Rules
from agentchan.core.session_values import SLICE, Abilities, Timings
from agentchan.core.target import Lines
from agentchan.vocabulary import Secret


def backoff(configuration: Configuration) -> Backoff:
    """The delays between attempts on one host."""
    settings = configuration.agent_channel
    return Backoff(settings.backoff_initial, settings.backoff_maximum)


def timings(configuration: Configuration) -> Timings:
    """The agent channel's durations."""
    settings = configuration.agent_channel
    return Timings(
        connect=settings.connect_timeout,
        reply=settings.reply_timeout,
        heartbeat=settings.heartbeat_interval,
        misses=settings.heartbeat_misses,
        backoff=backoff(configuration),
        ready_rate=float(settings.ready_rate),
    )


def user_timeout(configuration: Configuration) -> float:
    """Seconds that sent data may stay unacknowledged: as long as heartbeats may be missed."""
    settings = configuration.agent_channel
    return settings.heartbeat_interval * (settings.heartbeat_misses + 1)


def link_timings(configuration: Configuration) -> LinkTimings:
    """The component link's durations."""
    settings = configuration.component_link
    return LinkTimings(settings.timeout, settings.watch_wait, settings.poll_interval)


def lane_timings(configuration: Configuration) -> LaneTimings:
    """The lanes' durations."""
    return LaneTimings(
        configuration.agent_channel.connect_timeout, configuration.signals.reply_timeout, backoff(configuration)
    )


def rules(configuration: Configuration, profile: Profile) -> Rules:
    """How call signals are treated."""
    signals = configuration.signals
    return Rules(
        new_call_max_age=signals.new_call_max_age,
        refuse_after=signals.refuse_after,
        backoff=backoff(configuration),
        gone_only=signals.ended_call == "gone-only",
        retry_guard=None if profile.has_signal_id else signals.retry_guard,
        tells_held_call=profile.tells_held_call,
    )


def oldest_answer(configuration: Configuration) -> float:
    """Seconds after which the newest answer of the component link says nothing any more (interfaces, section 3)."""
    settings = configuration.component_link
    if connector_answers(configuration):
        channel = configuration.agent_channel
        return channel.heartbeat_interval * (channel.heartbeat_misses + 1)
    return settings.watch_wait + 3 * settings.timeout


def abilities(profile: Profile) -> Abilities:
    """Which duties can be done, and how many channels one request for readiness has room for."""
    return Abilities(
        open_session="open_session" in profile.duties,
        set_readiness="set_readiness" in profile.duties,
        heartbeat="heartbeat" in profile.duties,
        close_session="close_session" in profile.duties,
        probe=profile.probe is not None,
        slice=1 if profile.one_change_at_a_time else SLICE,
    )


def connector_answers(configuration: Configuration) -> bool:
    """Whether the first connector in line that accepts is the active one; frontend mode has no connectors."""
    return configuration.ce.active_by == "connector-answers" and bool(configuration.ivr.channels)


def lines(configuration: Configuration) -> Lines:
    """How IVR Connectors are found."""
    return Lines(configuration.agent_channel.connector_urls, connector_answers(configuration))


def topology_urls(configuration: Configuration) -> tuple[str, ...]:
    """The URLs whose answers tell who is active."""
    if connector_answers(configuration):
        return configuration.agent_channel.connector_urls
    return configuration.component_link.urls


def authentication(configuration: Configuration, profile: Profile) -> Authentication:
    """How the daemon proves to CE who it is."""
    auth = configuration.ce.auth
    password = configuration.contents.ce_password or Secret("")
    return Authentication(auth.method, auth.username or "", password, digest=profile.password_digest)


def tls_settings(configuration: Configuration) -> TlsSettings:
    """Whom to believe, and who we are; reads files.

    Raises:
        TlsSettingsError: one of them cannot be used.
    """
    tls = configuration.tls
    return TlsSettings.from_files(tls.ca_file, tls.certificate_file, tls.key_file)
