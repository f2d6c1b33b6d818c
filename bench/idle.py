"""What it costs to be there: start-up, memory, idle processor, and how fast ``agentchan status`` answers.

    python bench/idle.py [--full] [--channels 100,500,5000,12000] [--seconds 30] [--json FILE] [--plot]

The daemon has one core to itself, the lab pairs have the others. With each number of channels it is started five times,
beside a pair that serves: from exec to READY=1, from exec to the last channel Ready, and from the first byte of the
sign-on to the last channel Ready (as CE saw it). Then all of them stay, and do nothing but heartbeats and watching for
a while, with HAProxy and a zeep script for each number of channels besides, for comparison.

Ends with status 1 where the lab's invariants were broken; times are no test.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from attrs import define, field
from measuring import options, plot
from measuring.blackouts import BlackoutWatch
from measuring.contestants import Practitioner, pattern, tables
from measuring.cores import FIRST, OTHERS, only_on
from measuring.haproxy import installed
from measuring.process_cost import memory, most_memory, scheduled_seconds
from measuring.report import Column, Report
from measuring.spread import Spread
from measuring.status_command import STATUS_P95, asked
from measuring.timed_daemon import TimedDaemon

from agentchan.lab.pair import Pair

STARTS = 5
STATUSES = 50
WINDOWS = 6
"""Parts of the idle time, to see how evenly it is spent."""
MOST = 12_000
SIGN_ON = 1.5
"""Seconds from the sign-on to the last channel Ready, with ``MOST`` channels."""
MEMORY = 250.0
"""Megabytes, with ``MOST`` channels."""
CPU = {500: 1.0, MOST: 2.0}
"""Percent of a core, idle."""


@define
class Found:
    """What was found with so many channels; milliseconds and megabytes."""

    channels: int
    to_ready: list[float] = field(factory=list)
    to_channels: list[float] = field(factory=list)
    sign_on: list[float] = field(factory=list)
    status: list[float] = field(factory=list)
    cpu: list[float] = field(factory=list)
    others_cpu: list[float] = field(factory=list)
    memory: float = 0.0
    most_memory: float = 0.0
    others_memory: float | None = None


def started(daemon: TimedDaemon, pair: Pair, found: Found) -> None:
    """Start the daemon, and time it."""
    with BlackoutWatch(pair, found.channels) as watch, only_on(FIRST):
        after = time.monotonic()
        began, ready = daemon.start_timed()
        host = pair.active() or ""
        last = watch.wait(began, host).ready_at
    asked = next(
        row["arrived"]
        for row in pair.requests(host)
        if row["what"] == "request" and row["operation"] == "OpenSession" and row["arrived"] > after
    )
    found.to_ready.append((ready - began) * 1e3)
    found.to_channels.append((last - began) * 1e3)
    found.sign_on.append((last - asked) * 1e3)


def idle(pids: dict[int, list[int]], seconds: float) -> dict[int, list[float]]:
    """Percent of a core that each of these groups of processes uses while nothing happens, in each window."""
    found: dict[int, list[float]] = {name: [] for name in pids}
    for _ in range(WINDOWS):
        before, began = {name: scheduled_seconds(group) for name, group in pids.items()}, time.monotonic()
        time.sleep(seconds / WINDOWS)
        lasted = time.monotonic() - began
        for name, group in pids.items():
            found[name].append((scheduled_seconds(group) - before[name]) / lasted * 100)
    return found


def measured(report: Report, directory: Path, sizes: Sequence[int], seconds: float, starts: int) -> list[Found]:
    """Everything; compared with others, unless it is the smallest run, which starts the daemon once."""
    all_found = []
    with ExitStack() as stack:
        daemons: dict[int, TimedDaemon] = {}
        others: dict[int, Practitioner] = {}
        pairs: dict[int, Pair] = {}
        for channels in sizes:
            found = Found(channels)
            all_found.append(found)
            with only_on(OTHERS):
                pair = pairs[channels] = stack.enter_context(Pair(directory / f"pair{channels}", [pattern(channels)]))
            home = directory / str(channels)
            home.mkdir()
            daemon = daemons[channels] = TimedDaemon(home, tables(pair, channels))
            stack.callback(daemon.stop)
            for number in range(starts):
                if number:
                    daemon.stop()
                started(daemon, pair, found)
            found.status = asked(daemon, STATUSES * starts // STARTS)
            if installed() is not None and starts > 1:
                with only_on(OTHERS):
                    others[channels] = stack.enter_context(Practitioner(home, channels))
                others[channels].wait_settled()
        report.say(f"  everything is up; nothing happens for {seconds:g} s")
        cpu = idle({channels: [daemon.pid] for channels, daemon in daemons.items()}, seconds)
        others_cpu = idle({channels: other.pids() for channels, other in others.items()}, seconds / 3)
        for found in all_found:
            pid = daemons[found.channels].pid
            found.cpu, found.memory, found.most_memory = cpu[found.channels], memory([pid]), most_memory(pid)
            if found.channels in others:
                found.others_cpu = others_cpu[found.channels]
                found.others_memory = memory(others[found.channels].pids())
        for channels, pair in pairs.items():
            report.check(f"{channels} channels: the lab's invariants", pair.violations())
    return all_found


def rows(all_found: Sequence[Found]) -> list[dict[str, Any]]:
    """A row for each number of channels."""
    return [
        {
            "channels": found.channels,
            **{key: Spread.of(getattr(found, key)) for key in ("to_ready", "to_channels", "sign_on", "status", "cpu")},
            **{key: getattr(found, key) for key in ("memory", "most_memory", "others_memory")},
            "others_cpu": Spread.of(found.others_cpu) if found.others_cpu else None,
        }
        for found in all_found
    ]


STARTING = (
    Column("channels"),
    Column("to_ready", "exec to READY=1", 0, ("median", "most")),
    Column("to_channels", "exec to all Ready", 0, ("median", "most")),
    Column("sign_on", "sign-on to all Ready", 1, ("median", "least", "most", "count")),
)
BEING = (
    Column("channels"),
    Column("memory", "MB"),
    Column("most_memory", "MB at most"),
    Column("cpu", "% of a core", 2, ("median", "least", "most", "count")),
    Column("status", "status ms", 1, ("median", "p95", "least", "most", "count")),
    Column("others_memory", "| HAProxy + zeep MB"),
    Column("others_cpu", "% of a core", 2, ("median", "most")),
)


def main() -> None:
    """Measure, tell, judge."""
    parser = options.parser(__doc__ or "", "full", "plot", "directory")
    parser.add_argument("--channels", default=f"100,500,5000,{MOST}", help="sizes [default: %(default)s]")
    parser.add_argument("--seconds", type=float, default=30.0, help="of doing nothing [default: %(default)s]")
    given = parser.parse_args()
    report = Report("idle", "start-up, memory and idle processor of the daemon on one core", given)
    sizes = [3] if given.smallest else [int(size) for size in given.channels.split(",")]
    seconds = 1.0 if given.smallest else given.seconds * (4 if given.full else 1)
    with options.working_directory(given) as directory:
        report.disk(directory)
        all_found = measured(report, directory, sizes, seconds, 1 if given.smallest else STARTS)
    report.table(f"Start-up in ms, beside a pair that serves; the daemon on core {FIRST[0]}", STARTING, rows(all_found))
    report.table(f"Idle for {seconds:g} s, and agentchan status", BEING, rows(all_found))
    report.say()
    for found in all_found:
        if found.channels in CPU:
            mean = sum(found.cpu) / len(found.cpu)
            report.promise(f"{found.channels} channels: idle, mean", mean, CPU[found.channels], "% of a core")
        p95 = Spread.of(found.status).p95
        report.promise(f"{found.channels} channels: agentchan status, p95", p95, STATUS_P95, "ms")
        if found.channels == MOST:
            what = f"{MOST} channels: sign-on to all Ready, at worst"
            report.promise(what, max(found.sign_on) / 1e3, SIGN_ON, "s")
            report.promise(f"{MOST} channels: memory at most", found.most_memory, MEMORY, "MB")
    if given.plot and not given.smallest:
        draw(all_found)
    report.finish()


def draw(all_found: Sequence[Found]) -> None:
    """How it grows."""
    plots = (("memory", "Memory", "MB"), ("cpu", "Idle processor, median", "% of a core"))
    shown = rows(all_found)
    for key, title, unit in plots:
        series = {"agentchan": [(float(row["channels"]), _middle(row[key])) for row in shown]}
        other = [(float(row["channels"]), _middle(row[f"others_{key}"])) for row in shown if row["others_cpu"]]
        plot.write(f"idle-{key}", title, "channels", unit, {**series, **({"HAProxy + zeep": other} if other else {})})


def _middle(value: Spread | float) -> float:
    return value.median if isinstance(value, Spread) else value


if __name__ == "__main__":
    main()
