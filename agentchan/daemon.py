"""The daemon: builds the parts, joins them, starts and stops them in order."""

from __future__ import annotations

import gc
import os
import random
import secrets
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import inf
from pathlib import Path
from typing import Any

import structlog
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.python.failure import Failure

from agentchan import __version__, building, configured, logs
from agentchan.accepting import Accepting
from agentchan.api.doors import Doors
from agentchan.api.events import EventFeed
from agentchan.api.unix_socket import DoorError
from agentchan.call_limits import LOOK_EVERY, CallLimits
from agentchan.ce.agent_channel import AgentChannel
from agentchan.ce.component_link import ComponentLink
from agentchan.ce.dialer import Dialer
from agentchan.ce.profile import Profile
from agentchan.ce.tls import TlsSettings
from agentchan.chronicle import Chronicle
from agentchan.config import Configuration
from agentchan.core.calls import Calls
from agentchan.core.channel import Wish
from agentchan.core.channels import Channels
from agentchan.core.observations import Answered, Failed
from agentchan.core.outbox import Outbox
from agentchan.core.session_values import Action, Reports, Restored, SignOn, State
from agentchan.core.signal_route import signal_route
from agentchan.core.topology import begun
from agentchan.core.verdict import Verdict
from agentchan.delivering import Delivering
from agentchan.endpoint_answers import EndpointRow
from agentchan.endpoints import EndpointWatch
from agentchan.following import Following, Signs
from agentchan.gauges import gauges
from agentchan.idle_channels import IdleChannels
from agentchan.ivr_health import IvrHealth, IvrHealthState
from agentchan.journal.errors import JournalError, JournalInUse
from agentchan.journal.health import Health
from agentchan.journal.health import State as JournalState
from agentchan.liveness import Liveness
from agentchan.metrics import Metrics
from agentchan.parts import LastReload
from agentchan.recalling import recalled
from agentchan.reload import reload
from agentchan.remembering import Remembering
from agentchan.repairing import Repairing
from agentchan.rewriting import Rewriting
from agentchan.rfc3339 import rfc3339_of
from agentchan.signal_parts import SignalParts
from agentchan.sip.building import build_prober
from agentchan.stopping import drained
from agentchan.systemd import Notifier, watchdog_interval
from agentchan.wishes import Wishes

log = structlog.get_logger("agentchan.daemon")

EX_CONFIG = 78

HEARTBEAT_OF_TIME = 1.0
"""Seconds between looks at what depends on time alone: pins that end, marks that fall."""


class Daemon(Service):
    """One IVR's daemon.

    Args:
        reactor: counts monotonic seconds.
        configuration: without faults.
        profile: what CE speaks.
        tls: how every connection to CE is secured.
        environ: the process's environment, for systemd.
        wall: the time of day, seconds since the epoch.
        jitter: a draw between two numbers.
    """

    def __init__(
        self,
        reactor: Any,
        configuration: Configuration,
        profile: Profile,
        tls: TlsSettings,
        *,
        environ: Mapping[str, str],
        wall: Callable[[], float] = time.time,
        jitter: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self.reactor = reactor
        self.configuration = configuration
        self.profile = profile
        self.wall = wall
        self.started_at: float = reactor.seconds()
        self.verdict_since = self.started_at
        self.notifier = Notifier.from_environment(environ)
        self.feed = EventFeed(secrets.token_hex(4), lambda: rfc3339_of(wall()))
        self.journal = building.journal(reactor, configuration, wall, self._journal_health)
        self.chronicle = Chronicle(self.journal, self.feed, wall, reactor.seconds)
        self.metrics = Metrics(lambda: gauges(self), {"version": __version__, "profile": profile.name})
        self.feed.listen(self.metrics.event)
        self.dialer = Dialer(reactor, tls, on_exchanged=self.metrics.exchanged)
        self.codec = building.codec(configuration, profile)
        self.channels = Channels(configuration.ivr.channels, Wish(ready=True), self.started_at)
        self.wishes = Wishes(
            reactor, wall, self.journal, self.channels, on_change=self._wanted, on_expiry=self._wishes_expired
        )
        self.agent_channel: AgentChannel | None = None
        self.link: ComponentLink | None = None
        self.liveness = Liveness(reactor.seconds, self.journal, self._session_deadline)
        self.last_reload = LastReload(successful=True, succeeded_at=wall())
        self.notifications = building.notifications(self, environ)
        self.certificate_watch = building.certificate_watch(self)
        self.prober = build_prober(reactor, tls, jitter)
        self.endpoints = EndpointWatch(
            reactor,
            self.prober.probe,
            configuration.endpoint_check,
            jitter=jitter,
            wall=wall,
            on_change=self._endpoint_changed,
        )
        self.ivr_health = IvrHealth(
            reactor,
            self.prober.probe,
            configuration.ivr.health,
            jitter=jitter,
            tls=lambda: self.prober.flows.tls,
            on_change=self._ivr_health_changed,
        )
        self._environ = environ
        self._jitter = jitter
        self._stopping: Deferred[None] | None = None
        self._hurry = Deferred[None]()
        self.doors: Doors | None = None
        self._timers: list[LoopingCall] = []
        self._looked_at = self.started_at
        self._feeding: LoopingCall | None = None
        self._set_aside: Path | None = None
        self._build_signals()
        self.following = Following(
            reactor,
            begun(configured.topology_urls(configuration), configuration.ce.domain),
            configured.lines(configuration),
            Signs(
                marked=self.chronicle.marked,
                signed_on=self._signed_on,
                signed_off=self.chronicle.signed_off,
                restored=self._restored,
                judged=self._judged,
                alarmed=self.chronicle.alarmed,
                failed_over=self.chronicle.failed_over,
            ),
        )

    def _build_signals(self) -> None:
        """Build what deals with call signals."""
        configuration = self.configuration
        self.calls = Calls()
        parts = SignalParts(
            self.reactor,
            self.wall,
            self.journal,
            self.calls,
            self.channels,
            configuration.ivr.name,
            self.chronicle.happened,
        )
        outbox = Outbox(configured.rules(configuration, self.profile), self._jitter)
        self.delivering = Delivering(
            parts,
            outbox,
            on_denied=self._signal_denied,
            on_settled=self._tick,
            on_old_settled=self._old_signals_settled,
        )
        self.repairing = Repairing(
            parts, self.delivering, unknown_calls_go=configuration.signals.unknown_calls == "gone", on_asked=self._tick
        )
        self.delivering.mending = self.repairing
        self.accepting = Accepting(parts, self.delivering, configuration.ivr.aliases)
        self.call_limits = CallLimits(parts, self.accepting, configuration.calls)
        self._idle_channels = IdleChannels(parts, self.delivering)
        self._rewriting = Rewriting(parts, self.delivering)
        self._remembering = Remembering(self, partial(recalled, parts))

    # -- start and stop ----------------------------------------------------------------------------------------------

    def setServiceParent(self, parent: Any) -> None:  # noqa: N802 - Twisted's name
        """Take part in twistd's application, whose log is ours from now on."""
        super().setServiceParent(parent)
        logs.adopt(parent)

    def startService(self) -> None:  # noqa: N802 - Twisted's name
        """Read the journal, open the doors, and begin to follow.

        Raises:
            SystemExit: the journal cannot be used (78), or another process uses it, or a door cannot be opened (1).
        """
        super().startService()
        try:
            self._remembering.begin()
        except JournalError as error:
            log.error("journal-unusable", reason=str(error))  # noqa: TRY400 - the reason says it all
            # Whoever has it now may end soon, so that to be started again helps.
            raise SystemExit(1 if isinstance(error, JournalInUse) else EX_CONFIG) from None
        self._set_aside = self.journal.health.set_aside
        self._build()
        self._open_doors()
        self.notifications.start()
        self.reactor.callWhenRunning(self._run)

    def stopService(self) -> Deferred[None] | None:  # noqa: N802 - Twisted's name
        """Sign off and end, however the reactor came to stop."""
        super().stopService()
        return self.stop()

    @property
    def stopping(self) -> bool:
        """Whether it was told to stop."""
        return self._stopping is not None

    def stop(self) -> Deferred[None]:
        """Wait for calls as configured, sign off, flush, close; said again: wait for nobody."""
        if self._stopping is None:
            self._stopping = Deferred.fromCoroutine(self._stop())
        else:
            if not self._hurry.called:
                self._hurry.callback(None)
            if self.agent_channel is not None:
                self.agent_channel.stop()
            self.delivering.stop()
        waiting: Deferred[None] = Deferred()

        def ended(result: Any) -> Any:
            waiting.callback(None)
            return result

        self._stopping.addBoth(ended)
        return waiting

    async def _stop(self) -> None:
        log.info("stopping")
        self.notifier.stopping("signing off")
        self.wishes.stop_serving()
        await drained(self, self.configuration.agent_channel.drain_on_stop, self._hurry)
        self.liveness.ending()
        for timer in self._timers:
            _end(timer)
        self.call_limits.stop()
        self.repairing.stop()
        self._rewriting.stop()
        self.ivr_health.stop()
        self.endpoints.stop()
        self.prober.stop()
        self.certificate_watch.stop()
        signals_out = self.delivering.stop()
        if self.agent_channel is not None:
            await self.agent_channel.stop()
        if self.link is not None:
            await self.link.stop()
        if self.doors is not None:
            await self.doors.close()
        await signals_out
        self.wishes.close()
        await self.notifications.stop()
        await self.journal.close()
        if self._feeding is not None:
            _end(self._feeding)
        log.info("stopped")

    def _build(self) -> None:
        """Build what talks to CE."""
        self.link = self.following.link = building.component_link(self, self._jitter, self._observe)
        self.agent_channel = self.following.agent_channel = building.agent_channel(
            self, self._jitter, self._act, self._agent_channel_changed
        )
        if self.agent_channel is not None:
            self.delivering.lanes = building.lanes(self, self._jitter)

    def _open_doors(self) -> None:
        doors = building.doors(self, self._environ)
        try:
            doors.open()
        except DoorError as error:
            log.error("door-not-opened", reason=str(error))  # noqa: TRY400 - the reason says it all
            self.journal.close_now()
            raise SystemExit(1) from None
        self.doors = doors

    def _run(self) -> None:
        """The reactor turns: take over the process's signals, and begin."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda _number, _frame: self.reactor.callFromThread(self._told_to_stop))
        signal.signal(signal.SIGHUP, lambda _number, _frame: self.reactor.callFromThread(self._told_to_reload))
        self.liveness.passed(HEARTBEAT_OF_TIME)
        self._looked_at = self.reactor.seconds()
        self._timers = [
            self._every(HEARTBEAT_OF_TIME, self._time_passed),
            self._every(LOOK_EVERY, self.call_limits.look),
        ]
        interval = watchdog_interval(self._environ, os.getpid())
        if interval is not None:
            self._feeding = self._every(min(interval, HEARTBEAT_OF_TIME), self._feed_watchdog)
        log.info("started", ivr=self.configuration.ivr.name, channels=len(self.channels), version=__version__)
        loaded = Deferred.fromCoroutine(self._remembering.go_on())
        loaded.addCallback(lambda _: self._direct()).addErrback(self._broken)
        if self.link is not None:
            for url in self.configuration.component_link.urls:
                self.liveness.observed(url, self.link.timings)
            self.link.start()
        self.endpoints.start()
        self.ivr_health.start()
        self.certificate_watch.start()
        self.following.passed()
        self.notifier.ready(self._headline())
        # What was made until now stays: a full collection would look at all of it again, for some 70 ms.
        gc.collect()
        gc.freeze()

    def _broken(self, failure: Failure) -> None:
        """A fault of ours in what nobody waits for: say so loudly."""
        log.error("daemon-broken", exc_info=failure.value)

    def _every(self, seconds: float, work: Callable[[], object]) -> LoopingCall:
        timer = LoopingCall(work)
        timer.clock = self.reactor
        timer.start(seconds, now=False).addErrback(self._broken)
        return timer

    def _told_to_stop(self) -> None:
        """SIGTERM or SIGINT: the reactor's own way would end twistd with the signal's status."""
        first = self._stopping is None
        self.stop().addCallback(lambda _: self.reactor.stop() if first else None)

    def _told_to_reload(self) -> None:
        reload(self).addErrback(self._broken)

    # -- what happens --------------------------------------------------------------------------------------------------

    def _feed_watchdog(self) -> None:
        """Tell systemd that we live, if we do."""
        if not self.liveness.reasons():
            self.notifier.watchdog()

    def _observe(self, observation: Answered | Failed) -> None:
        if self.link is not None:
            self.liveness.observed(observation.url, self.link.timings)
        self.chronicle.observed(observation)
        self.following.observe(observation)

    def _session_deadline(self) -> float:
        return inf if self.agent_channel is None else self.agent_channel.session.deadline()

    def _time_passed(self) -> None:
        now = self.reactor.seconds()
        self.metrics.delayed(now - self._looked_at - HEARTBEAT_OF_TIME)
        self._looked_at = now
        self.liveness.passed(HEARTBEAT_OF_TIME)
        pin = self.following.topology.pin
        self.following.passed()
        if pin is not None and self.following.topology.pin is None:
            self.chronicle.happened("host-unpinned", host=pin.host, reason="its time is over")
        self.delivering.outbox.expire(now)
        self.delivering.progress()
        self.notifier.status(self._headline())

    def _headline(self) -> str:
        """One line for ``systemctl status``."""
        if self.agent_channel is None:
            return f"frontend mode: {self.following.verdict.kind.value}"
        shown = self.agent_channel.shown()
        return f"agent channel {shown.state.value}" + (f" at {shown.host}" if shown.host else "")

    def _wanted(self) -> None:
        """A wish has changed."""
        if self.profile.withholds_gone:
            self.delivering.withhold(channel.name for channel in self.channels.all() if not channel.wish.ready)
        self._tick()

    def _wishes_expired(self, names: Sequence[str]) -> None:
        """The time of what was wanted of these channels is over: they are wanted ready again."""
        self.chronicle.happened("readiness-wanted", ready=True, reason="its time is over", channels=len(names))

    def _tick(self) -> None:
        """A wish has changed, or a channel may be told of its readiness again."""
        if self.agent_channel is not None:
            self.agent_channel.tick()

    def _act(self, action: Action) -> None:
        """Take what the agent channel's session has decided and does not carry out itself."""
        if isinstance(action, Reports):
            self.repairing.reported(action.reports)
        else:
            self.following.act(action)

    def _agent_channel_changed(self) -> None:
        self.following.changed()
        if self.agent_channel is not None:
            self.chronicle.shown(self.agent_channel.shown())
        self._direct()

    def _direct(self) -> None:
        """Let signals go to whoever is active, by the same knowledge as the agent channel."""
        if self.agent_channel is None:
            return
        shown = self.agent_channel.shown()
        self.delivering.outbox.standing_by = shown.state is State.STANDING_BY
        route = signal_route(self.following.target, shown)
        self.delivering.serve(route.url if route else None, route.host if route else None)

    def _signal_denied(self, _active_server: str | None) -> None:
        """CE answered a call signal that its host is not active: that host's own word."""
        if self.delivering.host is not None:
            self.following.denied(self.delivering.host)

    def _old_signals_settled(self) -> None:
        self.following.outbox_emptied()

    def _judged(self, before: Verdict, now: Verdict) -> None:
        self.verdict_since = self.reactor.seconds()
        self.chronicle.judged(before, now)

    def _signed_on(self, sign_on: SignOn) -> None:
        self.codec.session_id = sign_on.reply.session_id
        self.chronicle.signed_on(sign_on)
        self.delivering.signed_on()
        self.certificate_watch.look()
        if self.profile.gone_at_sign_on:
            self._idle_channels.free()

    def _restored(self, restored: Restored) -> None:
        self.chronicle.restored(restored)

    def _ivr_health_changed(self, state: IvrHealthState) -> None:
        down = state.up is False
        self.chronicle.happened("ivr-health", level="warning" if down else "info", up=state.up, reason=state.reason)
        self.wishes.ivr_is(down=down)
        self.call_limits.ivr_is(down=down)

    def _endpoint_changed(self, row: EndpointRow, before: bool | None) -> None:
        # At a start every endpoint becomes available; that is news only for who listens.
        level = "warning" if row.available is False else "debug" if before is None else "info"
        self.chronicle.happened("endpoint", level=level, uri=row.uri, available=row.available, reason=row.reason)

    def _journal_health(self, health: Health) -> None:
        level = "error" if health.state is JournalState.FAILING else "info"
        self.chronicle.happened("journal", level=level, state=health.state.value, reason=health.reason)
        before, self._set_aside = self._set_aside, health.set_aside
        if health.set_aside != before:
            self._rewriting.begin().addErrback(self._broken)


def _end(timer: LoopingCall) -> None:
    """End a timer that has not ended by a fault of its own."""
    if timer.running:
        timer.stop()
