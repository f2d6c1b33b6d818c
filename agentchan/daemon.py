"""The daemon: builds the parts, joins them, starts and stops them in order."""

from __future__ import annotations

import os
import random
import secrets
import signal
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import structlog
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall

from agentchan import __version__, configured, logs
from agentchan.api.doors import Doors
from agentchan.api.events import EventFeed
from agentchan.api.unix_socket import DoorError
from agentchan.ce.agent_channel import AgentChannel
from agentchan.ce.component_link import ComponentLink
from agentchan.ce.dialer import Dialer
from agentchan.ce.profile import Profile
from agentchan.ce.soap import Codec
from agentchan.ce.tls import TlsSettings
from agentchan.chronicle import Chronicle
from agentchan.config import Configuration
from agentchan.core.channel import Channels, Wish
from agentchan.core.observations import Mark, Pin
from agentchan.core.session import Session
from agentchan.core.topology import begun
from agentchan.following import Following, Signs
from agentchan.journal.errors import JournalError, JournalUnavailable
from agentchan.journal.facts import Remembered
from agentchan.journal.health import Health
from agentchan.journal.health import State as JournalState
from agentchan.journal.journal import Journal
from agentchan.operations import Operations
from agentchan.reload import reload
from agentchan.systemd import Notifier, listening_sockets, watchdog_interval
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
        self.feed = EventFeed(secrets.token_hex(4), lambda: datetime.fromtimestamp(wall(), UTC).isoformat())
        self.journal = Journal(
            reactor,
            configuration.journal.path,
            wall=lambda: datetime.fromtimestamp(wall(), UTC),
            monotonic=time.monotonic,
            on_health=self._journal_health,
        )
        self.chronicle = Chronicle(self.journal, self.feed, wall, reactor.seconds)
        self.dialer = Dialer(reactor, tls)
        self.channels = Channels(configuration.ivr.channels, Wish(ready=True), self.started_at)
        self.wishes = Wishes(reactor, wall, self.journal, self.channels, on_change=self._wishes_changed)
        self.agent_channel: AgentChannel | None = None
        self.link: ComponentLink | None = None
        self._environ = environ
        self._jitter = jitter
        self._stopping: Deferred[None] | None = None
        self._doors: Doors | None = None
        self._timers: list[LoopingCall] = []
        self.following = Following(
            reactor,
            begun(configured.topology_urls(configuration), configuration.ce.domain),
            configured.lines(configuration),
            Signs(
                marked=self.chronicle.marked,
                signed_on=self.chronicle.signed_on,
                signed_off=self.chronicle.signed_off,
                restored=self._restored,
                judged=self._judged,
                alarmed=self.chronicle.alarmed,
                failed_over=self.chronicle.failed_over,
            ),
        )

    # -- start and stop ----------------------------------------------------------------------------------------------

    def setServiceParent(self, parent: Any) -> None:  # noqa: N802 - Twisted's name
        """Take part in twistd's application, whose log is ours from now on."""
        super().setServiceParent(parent)
        logs.adopt(parent)

    def startService(self) -> None:  # noqa: N802 - Twisted's name
        """Read the journal, open the doors, and begin to follow.

        Raises:
            SystemExit: the journal cannot be used (78), or a door cannot be opened (1).
        """
        super().startService()
        self._remember(self._load())
        self._build()
        self._open_doors()
        self.reactor.callWhenRunning(self._run)

    def stopService(self) -> Deferred[None] | None:  # noqa: N802 - Twisted's name
        """Sign off and end, however the reactor came to stop."""
        super().stopService()
        return self.stop()

    def stop(self) -> Deferred[None]:
        """Sign off, flush, close; said again: wait for no reply."""
        if self._stopping is None:
            self._stopping = Deferred.fromCoroutine(self._stop())
        elif self.agent_channel is not None:
            self.agent_channel.stop()
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
        for timer in self._timers:
            timer.stop()
        if self.agent_channel is not None:
            await self.agent_channel.stop()
        if self.link is not None:
            await self.link.stop()
        if self._doors is not None:
            await self._doors.close()
        self.wishes.close()
        await self.journal.close()
        log.info("stopped")

    def _load(self) -> Remembered:
        try:
            return self.journal.load()
        except JournalUnavailable as error:
            # Better an IVR whose channels are ready than none; but it forgets what was wanted, and says so.
            log.error("journal-unavailable", reason=str(error))
            return Remembered()
        except JournalError as error:
            log.error("journal-unusable", reason=str(error))
            raise SystemExit(EX_CONFIG) from None

    def _remember(self, remembered: Remembered) -> None:
        now = self.reactor.seconds()
        marks = tuple(Mark(mark.domain, mark.generation, mark.host) for mark in remembered.marks)
        self.chronicle.remember(marks)
        configuration = self.configuration
        self.following.topology = begun(
            configured.topology_urls(configuration), configuration.ce.domain, marks, remembered.home
        )
        self.wishes.remember(remembered)
        pin = remembered.pin
        if pin is not None:
            until = float("inf") if pin.until is None else now + pin.until.timestamp() - self.wall()
            if until > now:
                self.following.pin(Pin(pin.host, until, pin.reason))

    def _build(self) -> None:
        """Build what talks to CE."""
        configuration, profile = self.configuration, self.profile
        ivr = configuration.ivr
        codec = Codec(
            profile,
            ivr=ivr.name,
            instance_id=ivr.instance_id,
            channel_values=ivr.channel_values,
            authentication=configured.authentication(configuration),
        )
        if not configured.connector_answers(configuration):
            self.link = self.following.link = ComponentLink(
                self.reactor,
                self.dialer,
                codec,
                urls=configuration.component_link.urls,
                duties=profile.duties,
                timings=configured.link_timings(configuration),
                jitter=self._jitter,
                tell=self.following.observe,
            )
        if ivr.channels:
            session = Session(
                ivr=ivr.name,
                instance_id=ivr.instance_id,
                channels=self.channels,
                timings=configured.timings(configuration),
                abilities=configured.abilities(profile),
                jitter=self._jitter,
            )
            self.agent_channel = self.following.agent_channel = AgentChannel(
                self.reactor,
                self.reactor.getThreadPool(),
                self.dialer,
                codec,
                session,
                keep_alive=profile.keep_alive,
                user_timeout=configured.user_timeout(configuration),
                on_action=self.following.act,
                on_change=self._agent_channel_changed,
            )

    def _open_doors(self) -> None:
        api = self.configuration.api
        held = [each for each in listening_sockets(self._environ, os.getpid()) if each.name != "unknown"]
        adopted = held[0].descriptor if held else None
        doors = Doors(self.reactor, Operations(self), api, self.configuration.contents.api_token, adopted)
        try:
            doors.open()
        except DoorError as error:
            log.error("door-not-opened", reason=str(error))
            self.journal.close_now()
            raise SystemExit(1) from None
        self._doors = doors

    def _run(self) -> None:
        """The reactor turns: take over the signals, and begin."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda _number, _frame: self.reactor.callFromThread(self._told_to_stop))
        signal.signal(signal.SIGHUP, lambda _number, _frame: self.reactor.callFromThread(self._told_to_reload))
        self._every(HEARTBEAT_OF_TIME, self._time_passed)
        interval = watchdog_interval(self._environ, os.getpid())
        if interval is not None:
            self._every(interval, self.notifier.watchdog)
        log.info("started", ivr=self.configuration.ivr.name, channels=len(self.channels), version=__version__)
        if self.link is not None:
            self.link.start()
        self.following.passed()
        self.notifier.ready(self._headline())

    def _every(self, seconds: float, work: Callable[[], object]) -> None:
        timer = LoopingCall(work)
        timer.clock = self.reactor
        timer.start(seconds, now=False)
        self._timers.append(timer)

    def _told_to_stop(self) -> None:
        """SIGTERM or SIGINT: the reactor's own way would end twistd with the signal's status."""
        first = self._stopping is None
        self.stop().addCallback(lambda _: self.reactor.stop() if first else None)

    def _told_to_reload(self) -> None:
        reload(self)

    # -- what happens --------------------------------------------------------------------------------------------------

    def _time_passed(self) -> None:
        self.following.passed()
        self.notifier.status(self._headline())

    def _headline(self) -> str:
        """One line for ``systemctl status``."""
        if self.agent_channel is None:
            return f"frontend mode: {self.following.verdict.kind.value}"
        shown = self.agent_channel.shown()
        return f"agent channel {shown.state.value}" + (f" at {shown.host}" if shown.host else "")

    def _wishes_changed(self) -> None:
        if self.agent_channel is not None:
            self.agent_channel.tick()

    def _agent_channel_changed(self) -> None:
        self.following.changed()
        if self.agent_channel is not None:
            self.chronicle.shown(self.agent_channel.shown())

    def _judged(self, before: Any, now: Any) -> None:
        self.verdict_since = self.reactor.seconds()
        self.chronicle.judged(before, now)

    def _restored(self, restored: Any) -> None:
        self.chronicle.restored(restored)
        self.following.outbox_emptied()

    def _journal_health(self, health: Health) -> None:
        level = "error" if health.state is JournalState.FAILING else "info"
        self.chronicle.happened("journal", level=level, state=health.state.value, reason=health.reason)
