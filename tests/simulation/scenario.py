"""One seed: a site, its faults, the healing, and what must be true then."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from attrs import define, frozen

from agentchan.ce.watch_pace import _MOST_PATIENCE
from agentchan.core.backoff import PATIENCE_LIMIT, Backoff
from agentchan.core.signed_on import CONTENDED
from agentchan.core.topology import ALL_BELOW_THE_MARK
from agentchan.vocabulary import ChannelReport, ChannelState, Fate, Gone, Rank
from tests.simulation.disk import Disk, SimulatedJournal
from tests.simulation.domain import Domain
from tests.simulation.faults import Faults
from tests.simulation.host import Host
from tests.simulation.ivr import Ivr
from tests.simulation.network import Link
from tests.simulation.oracle import Oracle
from tests.simulation.site import IVR, Settings, Site, Turns, surroundings
from tests.simulation.world import BEGIN, Broken, World

LINK_TIMEOUT, CONNECT, REPLY = 1.0, 1.0, 2.0
"""The configuration's defaults, in seconds."""

LOOKED_EVERY = 0.25
"""Seconds between two looks whether all is as it should be."""

WRITTEN_WITHIN = 10.0
"""Seconds within which a disk that was slow has done all."""

KEPT_UP = 1.0
"""Seconds for which it must stay so."""


@frozen
class Outcome:
    """What came of a seed.

    Attributes:
        broken: the invariant that does not hold, None if all do.
        trace: what happened, where it was wanted.
        faults: what went wrong.
        seconds: simulated.
        healing: seconds from the end of all faults until all was as it should be.
        bound: seconds within which that had to be.
    """

    seed: int
    broken: Broken | None
    trace: list[tuple[float, str]]
    faults: list[str]
    seconds: float
    healing: float
    bound: float
    steps: int
    signals: int
    starts: int


def settings_of(world: World) -> Settings:
    """What this seed configures."""
    random = world.random
    return Settings(
        channels=random.randint(1, 5),
        heartbeat=random.choice((0.5, 1.0, 2.0)),
        watch_wait=random.choice((1.0, 2.0, 4.0)),
        backoff_initial=random.choice((0.1, 0.4)),
        backoff_maximum=random.choice((2.0, 5.0)),
        lanes=random.choice((1, 2, 4)),
        named_connectors=world.chance(0.2),
        knows_ids=not world.chance(0.1),
        ready_rate=random.choice((0, 0, 0, 5)),
        unknown_calls=random.choice(("report", "gone")),
        ended_call="send",
    )


@define(eq=False)
class Scenario:
    """Everything of one seed, joined."""

    world: World
    settings: Settings
    domain: Domain
    hosts: dict[str, Host]
    links: dict[str, Link]
    disk: Disk
    oracle: Oracle
    site: Site
    ivr: Ivr
    faults: Faults

    @classmethod
    def of(cls, world: World, path: Path) -> Scenario:
        """Build it; ``path`` is where the journal will be."""
        random = world.random
        settings = settings_of(world)
        domain = Domain(world, settings.knows_ids, generation=random.randint(1, 5), active="ce1")
        timeout = random.choice((3.0, 5.0, 10.0))
        hosts = {
            name: Host(world, domain, name, rank, timeout)
            for name, rank in (("ce1", Rank.PRIMARY), ("ce2", Rank.SECONDARY))
        }
        after = random.choice(("not-active", "unknown-session", "reply"))
        for host in hosts.values():
            host.after_role_change = after
        links = {name: Link(world, name, host) for name, host in hosts.items()}
        disk = Disk(path)
        backoff = Backoff(settings.backoff_initial, settings.backoff_maximum)
        oracle = Oracle(world, domain, disk, backoff, longest=world.chance(0.5), by_link=True)
        domain.on_applied = oracle.was_applied
        site = Site(world, settings, links, disk, oracle)
        ivr = Ivr(world, site, oracle, duration=random.uniform(0.5, 8.0), pause=random.uniform(0.5, 8.0))
        faults = Faults(world, domain, hosts, links, site, takeover=random.uniform(0.5, 5.0))
        return cls(world, settings, domain, hosts, links, disk, oracle, site, ivr, faults)

    def play(self) -> tuple[float, float]:
        """Let it all happen; returns what the healing took and its bound, both in seconds."""
        world = self.world
        world.tell("{}", self.settings)
        self.faults.watch_over()
        self.site.start()
        self.ivr.begin(self.channels)
        lasting = world.uniform(6.0, 30.0)
        self.faults.plan(lasting)
        world.run(until=BEGIN + lasting + world.uniform(0.0, 6.0))
        if world.broken is not None:
            return 0.0, 0.0
        self.faults.heal()
        self.ivr.closing = True
        healed_at, bound = world.now, self.bound()
        steady_since = None
        while world.broken is None and world.now < healed_at + bound + KEPT_UP:
            world.run(until=world.now + LOOKED_EVERY)
            self._look_at_failures()
            if self.wrong() is not None:
                steady_since = None
            elif steady_since is None:
                steady_since = world.now
            elif world.now - steady_since >= KEPT_UP:
                self._look_into_the_journal()
                return steady_since - healed_at, bound
        wrong = self.wrong()
        if wrong is not None:
            world.fail(
                "I6", f"{wrong}, {world.now - healed_at:.1f} s after everything has healed (bound {bound:.1f} s)"
            )
        return world.now - healed_at, bound

    @property
    def channels(self) -> list[str]:
        """Their names."""
        return [f"c{number}" for number in range(1, self.settings.channels + 1)]

    def bound(self) -> float:
        """Seconds within which all must be as it should be, whatever has happened before.

        Each part is the longest that something which is under way now may still take: a question to a host that was
        dead, with its deadline doubled as often as it may be; one step on the agent channel likewise, and a second
        one that finds the host as it is; the pauses before it; an old session that must die; the fall of a mark that
        was told too high; and the signals, of which each channel has so many in line.
        """
        settings = self.settings
        question = LINK_TIMEOUT * _MOST_PATIENCE + settings.watch_wait
        sign_on = PATIENCE_LIMIT + CONNECT + REPLY + settings.backoff_maximum
        pause = CONTENDED.maximum
        session = max(host.session_timeout for host in self.hosts.values()) + settings.backoff_maximum
        mark = ALL_BELOW_THE_MARK if self.oracle.highest > self.domain.generation else 0.0
        waiting = [
            sum(signal not in self.domain.applied for signal in order) for order in self.oracle.accepted.values()
        ]
        signals = PATIENCE_LIMIT + settings.backoff_maximum + max(waiting, default=0) * 1.0
        guard = 0.0 if settings.knows_ids else 2 * 10.0 + max(waiting, default=0) * 10.0
        readiness = settings.backoff_maximum + PATIENCE_LIMIT
        return 2 * question + sign_on + pause + session + mark + signals + guard + readiness

    # -- what must be true in the end (I4, I6) -------------------------------------------------------------------------

    def wrong(self) -> str | None:
        """What is not yet as it should be; the first of it."""
        daemon = self.site.daemon
        if daemon is None or not self.ivr.quiet:
            return "the IVR waits for the daemon"
        return next(self._wrong_at(daemon), None)

    def _wrong_at(self, daemon: Turns) -> Iterator[str]:
        if not self.site.up:
            shown = daemon.agent_channel.shown() if daemon.agent_channel is not None else None
            yield f"the agent channel is not up: {shown}, {daemon.following.verdict}"
        if not daemon.delivering.loaded or len(daemon.delivering):
            yield f"{len(daemon.delivering)} signals are pending"
        if daemon.repairing.stuck:
            yield f"stuck: {daemon.repairing.stuck}"
        active = self.hosts[self.domain.active or ""]
        session = active.session_of(IVR)
        if session is None or session.pipe is None:
            yield f"{active.name} has no session"
        for channel, report in active.states(IVR, tuple(self.channels)).items():
            wrong = self._wrong_with(daemon, channel, report)
            if wrong is not None:
                yield wrong

    def _wrong_with(self, daemon: Turns, channel: str, report: ChannelReport) -> str | None:
        open_call = self.ivr.lines[channel].open_call
        if report.call_id != open_call:
            return f"{channel} holds {report.call_id} and should hold {open_call}"
        believed = daemon.channels[channel]
        if (believed.reported, believed.call_id) != (report.state, report.call_id) and not report.state.in_call:
            return f"{channel} is {report.state.value}, and the daemon believes {believed.reported.value}"
        taken_out = self.faults.taken_out.get(channel, False)
        if report.state.in_call or taken_out is None:
            return None
        wanted = ChannelState.NOT_READY if taken_out else ChannelState.READY
        return None if report.state is wanted else f"{channel} is {report.state.value} and should be {wanted.value}"

    def _look_at_failures(self) -> None:
        for error in self.ivr.failures:
            self.world.fail("I0", f"a request came to {error}")

    def _look_into_the_journal(self) -> None:
        """Every accepted signal is confirmed, on disk too, and applied; what else was applied are repairs."""
        daemon = self.site.daemon
        if daemon is None:
            return
        accepted = [signal_id for order in self.oracle.accepted.values() for signal_id in order]
        daemon.delivering.writes.flush()
        journal = daemon.journal
        assert isinstance(journal, SimulatedJournal)
        self.world.run(until=self.world.now + WRITTEN_WITHIN, done=lambda: journal.idle)
        rows = self._rows()
        times = Counter(applied.signal.signal_id for applied in self.domain.history)
        for signal_id in accepted:
            if signal_id not in rows:
                self.world.fail("I4", f"{signal_id} was accepted and is not in the journal any more")
            elif rows[signal_id][0] != Fate.CONFIRMED.value:
                self.world.fail("I4", f"{signal_id} was accepted and is {rows[signal_id][0]}")
            elif times[signal_id] != 1 and (self.settings.knows_ids or not times[signal_id]):
                self.world.fail("I4", f"{signal_id} was accepted and applied {times[signal_id]} times")
        told: dict[tuple[str, str, bool], set[str]] = {}
        for applied in self.domain.history:
            signal = applied.signal
            if signal.signal_id not in rows:
                self.world.fail("I4", f"{signal.signal_id} was applied and is not in the journal")
            elif not rows[signal.signal_id][1]:
                about = (signal.channel, signal.call_id, isinstance(signal, Gone))
                told.setdefault(about, set()).add(signal.signal_id)
        for about, ids in told.items():
            if len(ids) > 1:
                self.world.fail("I4", f"{about} was told under several ids: {sorted(ids)}")

    def _rows(self) -> dict[str, tuple[str, bool]]:
        connection = sqlite3.connect(self.disk.path)
        try:
            rows = connection.execute("SELECT signal_id, fate, repair FROM signal").fetchall()
        finally:
            connection.close()
        return {signal_id: (fate, bool(repair)) for signal_id, fate, repair in rows}


def played(seed: int, folder: Path, *, tracing: bool = False) -> Outcome:
    """Play one seed, with its journal in a folder."""
    world = World(seed, tracing=tracing)
    path = folder / "journal.sqlite3"
    for left in folder.glob("journal*"):
        left.unlink()
    with surroundings(world):
        scenario = Scenario.of(world, path)
        healing, bound = scenario.play()
        scenario.site.kill(power=False)
    return Outcome(
        seed,
        world.broken,
        world.trace or [],
        scenario.faults.happened,
        world.now - BEGIN,
        healing,
        bound,
        world.steps,
        len(scenario.domain.history),
        scenario.site.starts,
    )
