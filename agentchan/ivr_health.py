"""Whether the IVR itself is alive (``[ivr.health]``): while it is down, no channel may be given a call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog
from attrs import frozen
from twisted.internet.defer import Deferred, succeed

from agentchan.ce.name_lookups import SharedLookups
from agentchan.ce.tls import TlsSettings
from agentchan.config import Health
from agentchan.core.backoff import Jitter
from agentchan.core.presence import Evidence, Presence, Thresholds
from agentchan.health_checks import stream_check
from agentchan.presence_watch import PresenceWatch
from agentchan.sip.outcome import Outcome
from agentchan.sip.prober import Question
from agentchan.sip.uri import SipUri

log = structlog.get_logger("agentchan.ivr-health")

Probe = Callable[[Question, bool], Deferred[Outcome]]
"""Asks one question, told whether somebody waits: ``Prober.probe``."""

OneCheck = Callable[[float], Deferred[Outcome]]
"""Makes one check within so many seconds."""


@frozen
class IvrHealthState:
    """What is known of the IVR.

    Attributes:
        up: None while nobody knows: before the first checks, or as long as no check can be made.
        since: when ``up`` became what it is, in the reactor's seconds; None while it never was settled.
        reason: the newest check in words, with the count while it does not yet decide.
        checked_at: when the newest check ended, in the reactor's seconds; None before the first one.
        latency: seconds that the newest check took, None where nothing answered.
    """

    up: bool | None
    since: float | None
    reason: str
    checked_at: float | None = None
    latency: float | None = None


class IvrHealth:
    """Checks the IVR again and again, and tells of changes.

    ``up`` False means: every channel not ready, reason "ivr-down". None is no reason to: what cannot be checked may
    well be alive.
    """

    def __init__(
        self,
        reactor: Any,
        probe: Probe,
        settings: Health | None,
        *,
        jitter: Jitter,
        tls: Callable[[], TlsSettings],
        on_change: Callable[[IvrHealthState], None],
    ) -> None:
        """Prepare; nothing is checked before :meth:`start`.

        Args:
            reactor: Twisted's.
            probe: asks one SIP question.
            settings: the ``[ivr.health]`` section, None where there is none.
            jitter: a draw between two numbers.
            tls: the settings in force, for https.
            on_change: told when ``up`` has changed; also when a reload takes the section away (up None).
        """
        self._reactor = reactor
        self._probe = probe
        self._settings = settings
        self._jitter = jitter
        self._tls = tls
        self._on_change = on_change
        self._lookups = SharedLookups(reactor)
        self._watch: PresenceWatch | None = None
        self._running = False

    @property
    def state(self) -> IvrHealthState | None:
        """What is known; None where nothing is checked."""
        watch = self._watch
        if watch is None:
            return None
        checked = watch.last is not None
        return IvrHealthState(
            up=watch.presence.available,
            since=watch.presence.since,
            reason=watch.reason,
            checked_at=watch.checked_at if checked else None,
            latency=watch.last.latency if watch.last is not None else None,
        )

    def start(self) -> None:
        """Check at once, and go on."""
        self._running = True
        self._begin()

    def stop(self) -> None:
        """Check no more."""
        self._running = False
        if self._watch is not None:
            self._watch.stop()

    def reload(self, settings: Health | None) -> None:
        """New settings; where the same is checked, what is known is kept and counting goes on."""
        old, self._settings = self._settings, settings
        if not self._running:
            return
        if self._watch is not None and old is not None and settings is not None and old.check == settings.check:
            self._watch.thresholds = Thresholds(settings.fall, settings.rise)
            self._watch.retime(settings.interval)
            return
        before = self.state
        if self._watch is not None:
            self._watch.stop()
            self._watch = None
        self._begin()
        if before is not None and before.up is not None:
            what = "another check was configured" if settings is not None else "no check is configured any more"
            self._on_change(IvrHealthState(None, self._reactor.seconds(), what))

    def _begin(self) -> None:
        settings = self._settings
        if settings is None:
            return
        once = self._once(settings.check)

        def check(_urgent: bool) -> Deferred[Outcome]:
            return once((self._settings or settings).timeout)

        self._watch = PresenceWatch(
            self._reactor,
            check,
            Thresholds(settings.fall, settings.rise),
            settings.interval,
            self._jitter,
            self._checked,
        )
        self._watch.start(0.0)

    def _once(self, target: str) -> OneCheck:
        try:
            if not target.lower().startswith(("sip:", "sips:")):
                return stream_check(self._reactor, self._lookups, target, self._tls)
            uri = SipUri.parse(target)
        except ValueError as fault:
            unusable = Outcome(Evidence.NOTHING, f"check in [ivr.health] cannot be used: {fault}")
            log.warning("ivr-health-unusable", error=str(fault))
            return lambda _timeout: succeed(unusable)
        return lambda timeout: self._probe(Question(uri, timeout), True)

    def _checked(self, watch: PresenceWatch, before: Presence) -> None:
        state = self.state
        if state is None or watch is not self._watch or state.up is before.available:
            return
        event = {True: "ivr-up", False: "ivr-down", None: "ivr-unknown"}[state.up]
        (log.warning if state.up is False else log.info)(event, reason=state.reason)
        self._on_change(state)
