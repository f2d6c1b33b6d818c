"""What goes wrong: each fault begins, lasts for a while, and is over."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from attrs import define, field
from twisted.python.failure import Failure

from agentchan.api.refusals import Refused
from agentchan.journal.errors import JournalError
from agentchan.vocabulary import DomainState, OpenSession, Role
from tests.simulation.domain import Domain
from tests.simulation.host import Host, View
from tests.simulation.network import IN, OUT, Link
from tests.simulation.site import INSTANCE, IVR, Site
from tests.simulation.world import World

End = Callable[[], object]

HEARTBEAT_OF_RIVALS = 0.5
"""Seconds between what another daemon says."""

_NOTHING: End = lambda: None  # noqa: E731 - a value of this type


@define(eq=False)
class Faults:
    """All of them.

    Attributes:
        takeover: seconds after which CE makes the other host active when the active one is dead or frozen.
        taken_out: whether the operator has taken a channel out; None: nobody knows whether that was kept.
        under_way: what ends a fault that is not over.
        happened: the names of all that have begun.
    """

    world: World
    domain: Domain
    hosts: dict[str, Host]
    links: dict[str, Link]
    site: Site
    takeover: float
    taken_out: dict[str, bool | None] = field(factory=dict)
    under_way: list[End] = field(factory=list)
    happened: list[str] = field(factory=list)
    healed: bool = False

    def kinds(self) -> tuple[Callable[[], End], ...]:
        """Every fault that there is."""
        return (
            self.host_crashes,
            self.host_freezes,
            self.host_is_slow,
            self.link_is_cut,
            self.link_resets,
            self.link_is_slow,
            self.requests_are_doubled,
            self.answers_are_wrong,
            self.status_is_wrong,
            self.brains_are_split,
            self.switch,
            self.generation_jumps,
            self.nobody_is_active,
            self.state_changes,
            self.host_clock_is_wrong,
            self.daemon_is_killed,
            self.daemon_is_stopped,
            self.daemon_sleeps,
            self.disk_is_full,
            self.disk_is_slow,
            self.clock_jumps,
            self.rival_signs_on,
            self.twin_signs_on,
            self.operator_wants,
            self.callers_hang_up,
        )

    def plan(self, seconds: float) -> None:
        """Decide on faults within so many seconds from now: a few kinds, each several times."""
        random = self.world.random
        kinds = random.sample(self.kinds(), random.randint(1, 6))
        for _ in range(random.randint(2, 12)):
            kind = random.choice(kinds)
            self.world.later(self.world.uniform(0.0, seconds), partial(self._begin, kind))

    def _begin(self, kind: Callable[[], End]) -> None:
        if self.healed:
            return
        self.happened.append(kind.__name__)
        self.world.tell("== {}", kind.__name__)
        end = kind()
        if end is _NOTHING:
            return
        self.under_way.append(end)
        self.world.later(self.world.random.expovariate(0.2), lambda: self._end(end))

    def _end(self, end: End) -> None:
        if end in self.under_way:
            self.under_way.remove(end)
            end()

    def heal(self) -> None:
        """Everything is over."""
        self.world.tell("== everything heals")
        self.healed = True
        for end in tuple(self.under_way):
            self._end(end)
        for link in self.links.values():
            link.lose()
            link.resets = link.doubled = 0.0
        for host in self.hosts.values():
            host.claim(None)
            host.faults = 0.0
        self._stopped_long()
        self._appoint()
        if self.domain.state is not DomainState.RUNNING:
            self.domain.show(DomainState.RUNNING)

    def watch_over(self) -> None:
        """CE looks after itself: when the active host is dead or frozen for too long, the other one takes over."""
        missed = [0.0]

        def look() -> None:
            active = self.hosts.get(self.domain.active or "")
            missed[0] = missed[0] + 0.25 if active is None or not active.well else 0.0
            if missed[0] > self.takeover:
                missed[0] = 0.0
                self._appoint()
            self.world.later(0.25, look)

        look()

    def _appoint(self) -> None:
        active = self.hosts.get(self.domain.active or "")
        if active is not None and active.well:
            return
        others = [host for host in self.hosts.values() if host.well and host is not active]
        if others:
            self.domain.become(self.world.random.choice(others).name)

    def _host(self) -> Host:
        return self.world.random.choice(list(self.hosts.values()))

    # -- hosts ---------------------------------------------------------------------------------------------------------

    def host_crashes(self) -> End:
        """Its process dies, or its machine."""
        host = self._host()
        host.crash(power=self.world.chance(0.5))
        return host.start

    def host_freezes(self) -> End:
        """SIGSTOP, a full disk, a pause of its machine: what arrives is answered late."""
        host = self._host()
        if not host.well:
            return _NOTHING
        host.frozen = True
        return lambda: host.thaw() if host.frozen else None

    def host_is_slow(self) -> End:
        """It takes its time."""
        host = self._host()
        host.pace = (0.1, self.world.uniform(0.2, 4.0))

        def end() -> None:
            host.pace = (0.0002, 0.002)

        return end

    def answers_are_wrong(self) -> End:
        """HTTP errors, empty bodies, faults that say nothing; the request may have been applied."""
        host = self._host()
        host.faults = self.world.uniform(0.1, 1.0)

        def end() -> None:
            host.faults = 0.0

        return end

    def status_is_wrong(self) -> End:
        """A host says something of itself that is not so, and its connector may act by it."""
        host = self._host()
        random = self.world.random
        step = random.choice((-1, 0, 0, 0, 1, 3))
        view = View(
            random.choice((Role.ACTIVE, Role.STANDBY)),
            max(0, self.domain.generation + step),
            random.choice((DomainState.RUNNING, DomainState.STARTING, DomainState.FAILING_OVER)),
        )
        host.claim(view, obeys=self.world.chance(0.5))
        return lambda: host.claim(None)

    def brains_are_split(self) -> End:
        """Both hosts claim to be active."""
        step = self.world.random.choice((0, 0, 1))
        for host in self.hosts.values():
            host.claim_active(self.domain.generation + (step if host.name != self.domain.active else 0))

        def end() -> None:
            for host in self.hosts.values():
                host.claim(None)

        return end

    def host_clock_is_wrong(self) -> End:
        """By hours."""
        self._host().clock = self.world.uniform(-86400.0, 86400.0)
        return _NOTHING

    # -- the domain ----------------------------------------------------------------------------------------------------

    def switch(self) -> End:
        """A planned change of roles, with or without a time in which nobody is active."""
        others = [host for host in self.hosts.values() if host.well and host.name != self.domain.active]
        if not others:
            return _NOTHING
        to = others[0]
        if self.world.chance(0.5):
            self.domain.become(to.name)
            return _NOTHING
        self.domain.become(None, state=DomainState.FAILING_OVER)

        def finish() -> None:
            if self.domain.active is None and to.well:
                self.domain.become(to.name)

        self.world.later(self.world.uniform(0.0, 3.0), finish)
        return _NOTHING

    def generation_jumps(self) -> End:
        """It rises, by one or by many, and the same host is active."""
        self.domain.become(self.domain.active, step=self.world.random.choice((1, 2, 1000)))
        return _NOTHING

    def nobody_is_active(self) -> End:
        """For a while."""
        self.domain.become(None)
        return self._appoint

    def state_changes(self) -> End:
        """The domain shows something else, say Emergency; nobody's role changes."""
        self.domain.show(self.world.random.choice((DomainState.EMERGENCY, DomainState.FAILING_BACK)))
        return lambda: self.domain.show(DomainState.RUNNING)

    def callers_hang_up(self) -> End:
        """Calls are in wrap-up until their Gone."""
        for channel in tuple(self.domain.holds):
            if self.world.chance(0.5):
                self.domain.leave(channel)
        return _NOTHING

    # -- the network ---------------------------------------------------------------------------------------------------

    def _link(self) -> Link:
        return self.links[self._host().name]

    def link_is_cut(self) -> End:
        """Both ways, or one: connections are half open."""
        link = self._link()
        link.lose(*self.world.random.choice(((OUT, IN), (OUT,), (IN,))))
        return link.lose

    def link_resets(self) -> End:
        """Any message may end its connection: before it, after it, in its middle."""
        link = self._link()
        link.resets = self.world.uniform(0.05, 0.6)

        def end() -> None:
            link.resets = 0.0

        return end

    def link_is_slow(self) -> End:
        """Messages take long, and those on different connections overtake each other."""
        link = self._link()
        link.latency = (0.001, self.world.uniform(0.1, 2.5))

        def end() -> None:
            link.latency = (0.0005, 0.003)

        return end

    def requests_are_doubled(self) -> End:
        """Something between sends requests again."""
        link = self._link()
        link.doubled = self.world.uniform(0.1, 0.9)

        def end() -> None:
            link.doubled = 0.0

        return end

    # -- the daemon's machine ------------------------------------------------------------------------------------------

    def daemon_is_killed(self) -> End:
        """By SIGKILL or a power cut, in the middle of anything."""
        site = self.site
        if site.daemon is None:
            return _NOTHING
        site.process.silent = self.world.chance(0.4)
        site.process.kill_after(self.world.random.randint(0, 12))
        return self._restart

    def _restart(self) -> None:
        if self.site.daemon is not None and self.site.process.silent:
            self.site.kill(power=True)
        if self.site.daemon is None:
            self.site.start()

    def daemon_is_stopped(self) -> End:
        """By SIGTERM; it signs off."""
        self.site.stop()
        return self._stopped_long

    def _stopped_long(self) -> None:
        """What has not ended by now is told again, and then killed, as systemd does."""
        if self.site.daemon is not None and self.site.stopping:
            self.site.kill(power=False)
        self._restart()

    def daemon_sleeps(self) -> End:
        """SIGSTOP, a suspended machine, a thread that keeps the processor."""
        process = self.site.process
        process.freeze()
        return process.thaw

    def disk_is_full(self) -> End:
        """Nothing can be written."""
        disk = self.site.disk
        disk.full = True

        def end() -> None:
            disk.full = False

        return end

    def disk_is_slow(self) -> End:
        """Commits take long."""
        disk = self.site.disk
        disk.pace = (0.05, self.world.uniform(0.1, 4.0))

        def end() -> None:
            disk.pace = (0.0005, 0.003)

        return end

    def clock_jumps(self) -> End:
        """The time of day is set, by hours."""
        self.site.clock += self.world.uniform(-7200.0, 7200.0)
        return _NOTHING

    # -- others --------------------------------------------------------------------------------------------------------

    def rival_signs_on(self) -> End:
        """Another instance has this IVR's session, as long as it lives."""
        return self._others("host-b", 1.0)

    def twin_signs_on(self) -> End:
        """Another daemon with our instance_id keeps replacing us."""
        return self._others(INSTANCE, 0.5)

    def _others(self, instance_id: str, chance: float) -> End:
        living = [True]

        def say() -> None:
            if not living[0]:
                return
            for host in self.hosts.values():
                session = host.session_of(IVR)
                ours = session is not None and session.instance_id == instance_id and session.pipe is None
                if host.well and (ours or self.world.chance(chance)):
                    host.answer(OpenSession(IVR, instance_id, ()), None)
            self.world.later(HEARTBEAT_OF_RIVALS, say)

        def end() -> None:
            living[0] = False
            for host in self.hosts.values():
                session = host.session_of(IVR)
                if session is not None and session.pipe is None:
                    del host.sessions[IVR]

        say()
        return end

    def operator_wants(self) -> End:
        """A channel is taken out by hand, or brought back."""
        daemon = self.site.daemon
        if daemon is None or self.site.process.frozen:
            return _NOTHING
        channel = self.world.random.choice([each.name for each in daemon.channels.all()])
        ready = self.world.chance(0.4)

        def want() -> None:
            kept = daemon.wishes.by_hand([channel], ready=ready, reason="maintenance", for_=None, who="operator")
            kept.addCallbacks(lambda _: self._kept(channel, ready=ready), self._not_kept)

        self.taken_out[channel] = None
        self.site.process.run(want)
        return _NOTHING

    def _kept(self, channel: str, *, ready: bool) -> None:
        if self.site.process.effect():
            self.taken_out[channel] = not ready

    @staticmethod
    def _not_kept(failure: Failure) -> None:
        failure.trap(JournalError, Refused)
