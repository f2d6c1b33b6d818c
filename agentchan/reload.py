"""Reads the configuration anew and applies what can change without dropping the agent channel."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

import structlog
from attrs import evolve, frozen
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool

from agentchan import configured, logs
from agentchan.api.unix_socket import DoorError
from agentchan.ce.profile import Profile
from agentchan.ce.tls import TlsSettings, TlsSettingsError
from agentchan.config import Configuration, ConfigurationError, applicable, changes, load, with_profile
from agentchan.core.channel import Wish
from agentchan.parts import LastReload, Parts
from agentchan.systemd import speaks_to_journal

log = structlog.get_logger("agentchan.reload")


@frozen
class _Read:
    """What was read in a thread: a configuration with what its files hold, or its faults."""

    configuration: Configuration | None
    tls: TlsSettings | None
    faults: tuple[str, ...]


def _read(configuration: Configuration, profile: Profile) -> _Read:
    try:
        new = load(configuration.path)
        # The profile itself stays until a restart.
        unfit = with_profile.faults(applicable(configuration, new), profile)
        if unfit:
            raise ConfigurationError(unfit)  # noqa: TRY301 - one way to be refused
        return _Read(new, configured.tls_settings(new), ())
    except ConfigurationError as error:
        return _Read(None, None, tuple(str(fault) for fault in error.faults))
    except TlsSettingsError as error:
        return _Read(None, None, (f"{configuration.path}: tls: {error}",))


def reload(daemon: Parts, who: str = "SIGHUP") -> Deferred[Mapping[str, Any]]:
    """Reload; fires with what was applied, what needs a restart, and the faults with which nothing was applied."""
    return Deferred.fromCoroutine(_reload(daemon, who))


def _renew_doors(daemon: Parts, new: Configuration) -> tuple[str, ...]:
    """Take the API's token and certificate as they are in their files now; runs in a thread."""
    if daemon.doors is None:
        return ()
    try:
        daemon.doors.renew(new.contents.api_token)
    except DoorError as error:
        return (f"{new.path}: api: {error}",)
    return ()


async def _reload(daemon: Parts, who: str) -> Mapping[str, Any]:
    daemon.notifier.reloading(int(daemon.reactor.seconds() * 1_000_000))
    try:
        read: _Read = await deferToThreadPool(
            daemon.reactor, daemon.reactor.getThreadPool(), _read, daemon.configuration, daemon.profile
        )
        if read.configuration is None or read.tls is None:
            return _refused(daemon, read.faults, who)
        effective = applicable(daemon.configuration, read.configuration)
        faults: tuple[str, ...] = await deferToThreadPool(
            daemon.reactor, daemon.reactor.getThreadPool(), _renew_doors, daemon, effective
        )
        if faults:
            return _refused(daemon, faults, who)
        found = changes(daemon.configuration, read.configuration)
        _apply(daemon, effective, read.tls)
        outcome: dict[str, Any] = {
            "applied": list(found.applied),
            "needs_restart": list(found.needs_restart),
            "faults": [],
            "warnings": [str(warning) for warning in read.configuration.warnings],
        }
        daemon.last_reload = LastReload(successful=True, succeeded_at=daemon.wall())
        daemon.chronicle.happened("reloaded", who=who, **outcome)
        return outcome
    finally:
        daemon.notifier.ready()


def _refused(daemon: Parts, faults: tuple[str, ...], who: str) -> Mapping[str, Any]:
    """Nothing was applied."""
    daemon.last_reload = evolve(daemon.last_reload, successful=False)
    daemon.chronicle.happened("reload-refused", level="error", faults=list(faults), who=who)
    return {"applied": [], "needs_restart": [], "faults": list(faults), "warnings": []}


def _apply(daemon: Parts, new: Configuration, tls: TlsSettings) -> None:
    """Let the parts have the new values; nothing here waits for anybody."""
    old, daemon.configuration = daemon.configuration, new
    if new.log != old.log:
        errors = sys.__stderr__ or sys.stderr
        logs.configure(new.log, journald=speaks_to_journal(os.environ, errors.fileno()), stream=errors)
    secrets_changed = new.tls != old.tls or new.contents.digests != old.contents.digests
    if secrets_changed:
        daemon.dialer.tls = tls
        daemon.prober.flows.use_tls(tls)
    daemon.codec.authentication = configured.authentication(new, daemon.profile)
    daemon.certificate_watch.look()
    daemon.notifications.reload(new.notify, mask_numbers=new.log.mask_numbers)
    daemon.endpoints.reload(new.endpoint_check)
    daemon.ivr_health.reload(new.ivr.health)
    daemon.codec.use_channel_values(new.ivr.channel_values)
    daemon.journal.keep_for(new.journal.keep)
    daemon.accepting.rename(new.ivr.aliases)
    daemon.call_limits.settings = new.calls
    daemon.repairing.unknown_calls_go = new.signals.unknown_calls == "gone"
    daemon.delivering.outbox.rules = configured.rules(new, daemon.profile)
    lanes = daemon.delivering.lanes
    if lanes is not None:
        lanes.timings = configured.lane_timings(new)
        lanes.resize(new.signals.lanes)
        if secrets_changed:
            lanes.redial()
    if daemon.link is not None:
        daemon.link.timings = configured.link_timings(new)
        if secrets_changed:
            daemon.link.redial()
    channel = daemon.agent_channel
    if channel is None:
        return
    if new.ivr.channels != old.ivr.channels:
        daemon.channels.listed(new.ivr.channels, Wish(ready=True), daemon.reactor.seconds())
    daemon.channels.include_all()
    daemon.wishes.apply()
    channel.user_timeout = configured.user_timeout(new)
    channel.retime(configured.timings(new))
