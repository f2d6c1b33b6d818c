"""How long no channel can be given calls when the active CE host is lost, beside what else one could build.

    python bench/failover.py [--full] [--channels 120,500,5000] [--json FILE] [--plot] [--directory DIR]

A blackout goes from the event (the monotonic time at which the lab did it) to the moment at which the new active host
took the readiness that made the last channel Ready (the lab's own history). Each time the standby is promoted at once,
so what is measured is the client, not CE's Auto-Failover Interval. The events:

  kill     kill -9 of the active host
  switch   a planned switch
  freeze   SIGSTOP of the active host: its connections stay open, nothing is answered
  drop     a silent network drop of the active host
  silence  the same with nobody promoted: how long until it is noticed at all

Three contestants, each with a CE pair of its own, one event at a time, in an order that changes with each repetition:
agentchan with its default configuration; a bare client that watches both hosts and sends ready-made bytes (the lower
bound in practice); and HAProxy with an httpchk on the role and on-marked-down shutdown-sessions, before a zeep script
that signs on, makes all channels ready, asks for a heartbeat twice a second, and does all of it again on any error.

Ends with status 1 where agentchan has done what must never be done (the lab's invariants); times are no test.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from math import ceil
from pathlib import Path
from typing import Any

from attrs import define, field
from measuring import options, plot
from measuring.blackouts import EVENTS, PATIENCE, RECOVERIES, TOLD, Blackout, BlackoutWatch
from measuring.contestants import Agentchan, BareClient, Contestant, Practitioner
from measuring.haproxy import installed
from measuring.messages import SLICE
from measuring.process_cost import most_memory, scheduled_seconds
from measuring.report import Column, Report
from measuring.spread import Spread

MAIN = 500
"""Channels that the targets are about."""
MOST = 5000
TARGETS = {"kill": 100.0, "switch": 60.0, "freeze": 100.0}
"""Milliseconds, p95, with ``MAIN`` channels."""
GROWTH = 12.0
"""``MOST`` channels may take so many times what ``MAIN`` take."""
MEMORY = 150.0
"""Megabytes."""
SILENCE = 0.5 * (3 + 1)
"""Seconds: heartbeat_interval x (heartbeat_misses + 1), by the defaults."""
PAUSE = (0.3, 1.3)
"""Seconds between two events: a draw, so that they fall anywhere between the contestants' own beats."""
PHASES = ("detect", "discover", "sign_on", "restore", "drain_outbox", "total")


@define
class Size:
    """What was found with so many channels.

    Attributes:
        blackouts: by event and contestant.
        processor: by event and contestant, the milliseconds of processor that it used in each of them.
        records: by event, the daemon's own of each failover.
        noticed: by contestant, seconds until silence was noticed.
        memory: megabytes that the daemon had at most.
    """

    channels: int
    blackouts: dict[str, dict[str, list[Blackout]]] = field(factory=dict)
    processor: dict[str, dict[str, list[float]]] = field(factory=dict)
    records: dict[str, list[dict[str, Any]]] = field(factory=dict)
    noticed: dict[str, list[float]] = field(factory=dict)
    memory: float = 0.0
    offences: list[str] = field(factory=list)
    others: dict[str, int] = field(factory=dict)


@define
class Measurement:
    """The contestants with so many channels.

    Args:
        repetitions: of each event.
        seldom: a slow contestant takes part in every so many-th repetition only.
    """

    contestants: Sequence[Contestant]
    found: Size
    repetitions: int
    seldom: int
    chance: random.Random

    def run(self) -> None:
        """Every event."""
        self._settle(self.contestants)
        for event in EVENTS:
            self.found.blackouts[event] = {contestant.name: [] for contestant in self.contestants}
            self.found.processor[event] = {contestant.name: [] for contestant in self.contestants}
            self.found.records[event] = []
            for number in range(self.repetitions):
                self._once(event, self._those_of(number))
        for number in range(max(min(3, self.repetitions), self.repetitions // 6)):
            self._silence(self._those_of(number))
        for contestant in self.contestants:
            offences = contestant.pair.violations()
            self.found.others[contestant.name] = len(offences)
            if isinstance(contestant, Agentchan):
                self.found.memory = most_memory(contestant.daemon.pid)
                self.found.offences = offences

    def _those_of(self, number: int) -> list[Contestant]:
        """Who takes part, in this repetition's order."""
        those = [each for each in self.contestants if number % self.seldom == 0 or not isinstance(each, Practitioner)]
        turn = number % len(those)
        return those[turn:] + those[:turn]

    def _once(self, event: str, those: Sequence[Contestant]) -> None:
        lost = {}
        for contestant in those:
            pair = contestant.pair
            old = lost[contestant] = pair.active() or ""
            with BlackoutWatch(pair, contestant.channels) as watch:
                used = scheduled_seconds(contestant.pids())
                at = EVENTS[event](pair, old, pair.other(old))
                self.found.blackouts[event][contestant.name].append(watch.wait(at, pair.other(old)))
                used = scheduled_seconds(contestant.pids()) - used
                self.found.processor[event][contestant.name].append(used * 1e3)
            if isinstance(contestant, Agentchan):
                self.found.records[event].append(_record(contestant, pair.other(old)))
        with ThreadPoolExecutor(len(those)) as pool:
            list(pool.map(lambda contestant: RECOVERIES[event](contestant.pair, lost[contestant]), those))
        self._settle(those)

    def _silence(self, those: Sequence[Contestant]) -> None:
        for contestant in those:
            if isinstance(contestant, BareClient):
                continue
            pair = contestant.pair
            active = pair.active() or ""
            at = pair.blackhole(active)
            noticed = pair.wait_until(
                partial(contestant.noticed_after, at),
                timeout=PATIENCE,
                what=f"{contestant.name} notices that nothing comes any more",
            )
            assert noticed is not None
            self.found.noticed.setdefault(contestant.name, []).append(noticed - at)
            pair.heal(active)
        self._settle(those)

    def _settle(self, those: Sequence[Contestant]) -> None:
        for contestant in those:
            contestant.wait_settled()
        time.sleep(self.chance.uniform(*PAUSE))


def _record(agentchan: Agentchan, to: str) -> dict[str, Any]:
    """The daemon's own record of the failover to this host, which is written when all is over."""

    def found() -> dict[str, Any]:
        record = agentchan.last_failover() or {}
        generation = agentchan.pair.generation()
        return record if (record.get("to"), record.get("generation")) == (to, generation) else {}

    return agentchan.pair.wait_until(found, what="the daemon has recorded the failover")


def measured(directory: Path, channels: int, given: argparse.Namespace) -> Size:
    """Everything with so many channels."""
    found = Size(channels)
    main = channels == MAIN or given.full
    kinds: list[type[Contestant]] = [Agentchan, BareClient, *([Practitioner] if installed() else [])]
    with ExitStack() as stack:
        contestants = [stack.enter_context(kind(directory / str(channels), channels)) for kind in kinds]
        repetitions = given.repetitions if main else max(1, given.repetitions // 6)
        Measurement(contestants, found, repetitions, 1 if given.full else 3, random.Random(channels)).run()  # noqa: S311
    return found


# -- telling -----------------------------------------------------------------------------------------------------------


def blackout_rows(found: Size) -> Iterator[dict[str, Any]]:
    """A row for each event and contestant."""
    for event, of_event in found.blackouts.items():
        for contestant, blackouts in of_event.items():
            if not blackouts:
                continue
            phases = [blackout.phases_ms for blackout in blackouts]
            yield {
                "event": TOLD[event],
                "contestant": contestant,
                "channels": found.channels,
                "blackout": Spread.of([blackout.lasted_ms for blackout in blackouts]),
                "processor": Spread.of(found.processor[event][contestant]).median,
                **{name: Spread.of([each[name] for each in phases]).median for name in phases[0]},
                "all_ms": [round(blackout.lasted_ms, 2) for blackout in blackouts],
            }


def record_rows(found: Size) -> Iterator[dict[str, Any]]:
    """A row for each event: the median of each phase that the daemon itself has recorded."""
    for event, records in found.records.items():
        yield {
            "event": TOLD[event],
            **{phase: Spread.of([record[phase] or 0.0 for record in records]).median for phase in PHASES},
            "count": len(records),
        }


BLACKOUTS = (
    Column("event"),
    Column("contestant"),
    Column("blackout", "ms"),
    Column("promotion", "| CE promotes"),
    Column("sign_on", "+ sign-on"),
    Column("readiness", "+ readiness"),
    Column("processor", "| client's processor"),
)
RECORDS = (Column("event"), *(Column(phase) for phase in PHASES), Column("count", "n"))


def tell(report: Report, found: Size) -> None:
    """The tables of one size."""
    channels = found.channels
    report.table(f"{channels} channels: blackout in ms, and the medians of its phases", BLACKOUTS, blackout_rows(found))
    trips = 3 + ceil(channels / SLICE)
    report.note(
        f"lower bound = CE's promotion + {trips} trips with CE's own work in each: the held watch answers, TCP "
        f"connects, OpenSession, {trips - 3} x SetReadiness of {min(channels, SLICE)}; in practice: the bare client"
    )
    report.note(
        "HAProxy's = up to 500 ms to its next check (and 500 ms until that has no answer, where a host hangs), 100 ms "
        "to the second one that fails, up to 500 ms to the script's heartbeat, its pause of 100 ms, and the same trips"
    )
    report.table(f"{channels} channels: the daemon's own record, medians in ms", RECORDS, record_rows(found))
    report.table(
        f"{channels} channels: silent drop with nobody promoted, seconds until it is noticed",
        (Column("contestant"), Column("noticed", "s", 2)),
        [{"contestant": name, "noticed": Spread.of(values)} for name, values in found.noticed.items()],
    )
    report.note(
        f"bounds: from heartbeat_interval x heartbeat_misses = {SILENCE - 0.5:g} s, where it begins just before a "
        f"heartbeat, to heartbeat_interval x (heartbeat_misses + 1) = {SILENCE:g} s"
    )
    report.say(f"  memory of the daemon at most: {found.memory:.1f} MB")
    report.keep(f"memory_mb_{channels}", round(found.memory, 1))
    report.say()


def judge(report: Report, sizes: Sequence[Size]) -> None:
    """The targets, and what must hold."""
    by_channels = {found.channels: found for found in sizes}
    for found in sizes:
        report.check(f"{found.channels} channels: the lab's invariants", found.offences)
        others = [f"{name} {count}" for name, count in found.others.items() if name != Agentchan.name]
        report.say(f"          (offences against the same invariants of the others: {', '.join(others)})")
        report.promise(f"{found.channels} channels: memory", found.memory, MEMORY, "MB")
        slowest = max(found.noticed[Agentchan.name])
        report.promise(f"{found.channels} channels: silence noticed, at worst", slowest, SILENCE, "s")
    if MAIN not in by_channels:
        return
    for event, limit in TARGETS.items():
        p95 = Spread.of(_milliseconds(by_channels[MAIN], event)).p95
        report.promise(f"{MAIN} channels: {TOLD[event]}, p95", p95, limit, "ms")
    if MOST in by_channels:
        for event in TARGETS:
            medians = [Spread.of(_milliseconds(by_channels[size], event)).median for size in (MOST, MAIN)]
            what = f"{TOLD[event]}: {MOST} channels against {MAIN}, medians"
            report.promise(what, medians[0] / medians[1], GROWTH, "times")


def _milliseconds(found: Size, event: str, contestant: str = Agentchan.name) -> list[float]:
    return [blackout.lasted_ms for blackout in found.blackouts[event][contestant]]


def draw(sizes: Sequence[Size]) -> None:
    """How the blackouts grow."""
    for event, told in TOLD.items():
        series = {
            contestant: [
                (float(found.channels), Spread.of(_milliseconds(found, event, contestant)).median)
                for found in sizes
                if found.blackouts[event][contestant]
            ]
            for contestant in sizes[0].blackouts[event]
        }
        plot.write(f"failover-{event}", f"Blackout after {told}, median", "channels", "ms", series)


def main() -> None:
    """Measure, tell, judge."""
    parser = options.parser(__doc__ or "", "full", "plot", "directory")
    parser.add_argument("--channels", default=f"120,{MAIN},{MOST}", help="sizes [default: %(default)s]")
    parser.add_argument(
        "--repetitions",
        type=int,
        default=30,
        help=f"of each event with {MAIN} channels; a sixth with others, and HAProxy a third, unless --full "
        "[default: %(default)s]",
    )
    given = parser.parse_args()
    if given.smallest:
        given.channels, given.repetitions = "3", 1
    report = Report("failover", "from the loss of the active CE host to the last channel ready on the new one", given)
    if installed() is None:
        report.note("HAProxy is not installed (apt-get install haproxy): what a practitioner would build is left out")
    sizes = []
    with options.working_directory(given) as directory:
        report.disk(directory)
        for channels in map(int, given.channels.split(",")):
            sizes.append(measured(directory, channels, given))
            tell(report, sizes[-1])
    judge(report, sizes)
    if given.plot and not given.smallest:
        draw(sizes)
    report.finish()


if __name__ == "__main__":
    main()
