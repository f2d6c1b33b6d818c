"""CE is away while 100,000 call signals come; then it returns.

    python bench/outage.py [--signals 100000] [--json FILE] [--directory DIR]

Eight IVR scripts give their signals to the daemon as fast as it takes them while both CE hosts are dead (an hour of a
busy site, at 28 a second). Then: what the daemon weighs, and how fast ``agentchan status`` answers. Then both hosts are
started: how fast it is all applied, with new signals coming at 60 a second meanwhile, and how long those wait for their
answer. The daemon and all scripts share one core, the pair has the others.

Beside it, against the same pair: a bare client without journal, with ready-made bytes on four connections, before and
after; and what a practitioner would build, zeep scripts that replay a spool of a file per signal through HAProxy.

Ends with status 1 where a signal was lost, doubled or applied out of order; times are no test.
"""

from __future__ import annotations

import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from attrs import define, field
from measuring import options
from measuring.applied import Applied, applied, applied_meanwhile, offences
from measuring.callers import EIGHT, Callers, callers
from measuring.children import Child
from measuring.contestants import CONNECTOR_WSDL, IVR, pattern, tables
from measuring.cores import FIRST, OTHERS, only_on
from measuring.haproxy import HAProxy, free_port, installed
from measuring.process_cost import memory, most_memory, scheduled_seconds
from measuring.report import Column, Report
from measuring.spread import Spread
from measuring.status_command import STATUS_P95, asked

from agentchan.lab.daemon_process import DaemonProcess
from agentchan.lab.pair import Pair

CHANNELS = 500
SPOOLED = 4000
"""Signals that the practitioner's scripts replay: they take long."""
NEW_RATE = 60.0
"""New signals a second while the old ones go out."""
NEW_CALLERS = 4
NEW_FOR = 3.0
"""Seconds for which new signals come at a time."""
STATUSES = 20
MEMORY = 250.0
"""Megabytes."""
SHARE = 0.6
"""Of the bare client's rate."""
NEW_P99 = 20.0
"""Milliseconds."""
DRAINED_IN = 900.0
"""Seconds."""
BARE, SPOOL = "bare", "spool"
"""The IVRs of the others."""


@define
class Outage:
    """What was found.

    Attributes:
        rows: contestant and rate, in the order in which they were measured.
        signals: SignalIds that were accepted from the scripts.
    """

    signals: list[str] = field(factory=list)
    rows: list[dict[str, Any]] = field(factory=list)
    accepted: float = 0.0
    accept_processor: float = 0.0
    memory: float = 0.0
    most_memory: float = 0.0
    status: list[float] = field(factory=list)
    new: list[float] = field(factory=list)
    drained: Applied | None = None

    def row(self, what: str, done: Applied, used: Used) -> None:
        """A rate at which CE has applied signals."""
        processor = {who: seconds / done.count * 1e6 for who, seconds in used.seconds.items()}
        self.rows.append({"what": what, "signals": done.count, "rate": done.a_second, **processor})


class Used:
    """Seconds of processor that each of two groups of processes uses, from now on."""

    def __init__(self, sender: list[int], pair: Pair) -> None:
        self._groups = {"sender": sender, "ce": [process.pid for process in pair.processes.values()]}
        self._before = self._now()

    def _now(self) -> dict[str, float]:
        return {who: scheduled_seconds(pids) for who, pids in self._groups.items()}

    @property
    def seconds(self) -> dict[str, float]:
        """Until now."""
        return {who: now - self._before[who] for who, now in self._now().items()}


class Measurement:
    """One outage.

    Args:
        pair: with an IVR for each contestant.
        signals: that come while CE is away.
        compared: whether with what a practitioner would build, too.
    """

    def __init__(self, directory: Path, pair: Pair, signals: int, found: Outage, *, compared: bool) -> None:
        self._directory = directory
        self._pair = pair
        self._signals = signals
        self._compared = compared
        self._found = found

    def run(self) -> None:
        """All of it."""
        with ExitStack() as stack, only_on(FIRST):
            arguments = [self._pair.connector_urls[0], BARE, pattern(CHANNELS, BARE)]
            bare = stack.enter_context(Child("bare_sender", *arguments, log=self._directory / "bare.log"))
            bare.hear()
            self._bare(bare, "before", self._signals // 4)
            self._agentchan(stack)
            self._bare(bare, "after", self._signals // 4)
            if self._compared:
                self._practitioner(stack)

    def _bare(self, bare: Child, when: str, pairs: int) -> None:
        prefix = f"{BARE}-{when}-"
        used = Used([bare.pid], self._pair)
        bare.say(prefix=prefix, pairs=pairs)
        bare.hear()
        self._found.row(f"bare client, {when}", applied(self._pair, prefix), used)

    def _agentchan(self, stack: ExitStack) -> None:
        found, pair = self._found, self._pair
        listen = f"127.0.0.1:{free_port()}"
        more: dict[str, dict[str, Any]] = {"api": {"listen": listen}, "ivr": {"channels": pair.ivrs[IVR]}}
        daemon = DaemonProcess(self._directory, tables(pair, CHANNELS, more))
        stack.callback(daemon.stop)
        daemon.start()
        scripts = self._scripts(stack, listen, pattern(CHANNELS))
        new_scripts = self._scripts(stack, listen, pattern(CHANNELS, f"{IVR}-new"), NEW_CALLERS)
        for name in tuple(pair.processes):
            pair.kill(name)
        used = scheduled_seconds([daemon.pid])
        calls = scripts.call("old-", pairs=self._signals // 2)
        found.accept_processor = (scheduled_seconds([daemon.pid]) - used) / len(calls.signals) * 1e6
        found.signals += calls.signals
        found.accepted = len(calls.signals) / (calls.ended - calls.began)
        found.status = asked(daemon, STATUSES)
        found.memory = memory([daemon.pid])
        self._return(daemon, new_scripts)
        found.most_memory = most_memory(daemon.pid)

    def _scripts(self, stack: ExitStack, listen: str, channels: str, count: int = EIGHT) -> Callers:
        log = self._directory / "scripts.log"
        return stack.enter_context(callers("json_calls", lambda _: listen.split(":"), [channels], log, count))

    def _return(self, daemon: DaemonProcess, new_scripts: Callers) -> None:
        found, pair = self._found, self._pair
        old = len(found.signals)
        over = threading.Event()
        thread = threading.Thread(target=self._new_signals, args=(new_scripts, over))
        with only_on(OTHERS):
            pair.start()
        used = Used([daemon.pid], pair)
        thread.start()
        pair.wait_until(
            lambda: applied(pair, "old-").count == old,
            timeout=DRAINED_IN,
            interval=1.0,
            what="CE has applied everything",
        )
        done = found.drained = applied_meanwhile(pair, "old-", IVR)
        found.row("agentchan, with new signals meanwhile", done, used)
        over.set()
        thread.join()
        pair.wait_until(lambda: daemon.status()["signals"]["pending"] == 0, what="nothing is pending any more")

    def _new_signals(self, scripts: Callers, over: threading.Event) -> None:
        number = 0
        while not over.is_set():
            calls = scripts.call(f"new{number}-", seconds=NEW_FOR, rate=NEW_RATE / 2)
            self._found.new += calls.took
            self._found.signals += calls.signals
            number += 1

    def _practitioner(self, stack: ExitStack) -> None:
        pair = self._pair
        proxy = stack.enter_context(HAProxy(self._directory, pair))

        def arguments(number: int) -> list[str]:
            return [str(CONNECTOR_WSDL), proxy.url, SPOOL, str(self._directory / f"spool{number}")]

        log = self._directory / "zeep.log"
        scripts = stack.enter_context(callers("zeep_calls", arguments, [pattern(CHANNELS, SPOOL)], log))
        for child in scripts.children:
            child.say(away=True)
        for child in scripts.children:
            child.hear()
        scripts.call(f"{SPOOL}-", pairs=SPOOLED // 2)
        used = Used([proxy.pid, *scripts.pids], pair)
        for child in scripts.children:
            child.say(replay=True)
        for child in scripts.children:
            child.hear()
        self._found.row(f"HAProxy + {EIGHT} zeep scripts", applied(pair, f"{SPOOL}-"), used)


RATES = (
    Column("what", "sent to CE by"),
    Column("signals"),
    Column("rate", "signals/s", 0),
    Column("sender", "| processor us/signal: sender", 0),
    Column("ce", "CE", 0),
)
MEASURED = (Column("what"), Column("took", "ms", 2, ("median", "p95", "p99", "least", "most", "count")))


def tell(report: Report, found: Outage) -> None:
    """The tables and the targets."""
    pending = len(found.signals) - len(found.new)
    report.table("How fast CE had it, in the order of measuring", RATES, found.rows)
    latencies = [
        {"what": f"agentchan status, {pending:,} pending", "took": Spread.of(found.status)},
        {"what": f"a new signal, {NEW_RATE:g}/s, while it drains", "took": Spread.of(found.new)},
    ]
    report.table("How long it took meanwhile", MEASURED, latencies)
    report.say(
        f"  accepted while CE was away: {pending} signals, {found.accepted:,.0f} a second; "
        f"{found.accept_processor:.0f} us of the daemon's processor for each"
    )
    report.say(
        f"  memory of the daemon then: {found.memory:.1f} MB; at most, draining included: {found.most_memory:.1f} MB"
    )
    report.keep("accepted_a_second", found.accepted)
    report.keep("memory_mb", found.memory)
    report.keep("most_memory_mb", found.most_memory)
    report.say()
    report.promise(f"memory with {pending} pending", found.memory, MEMORY, "MB")
    report.promise("memory at most", found.most_memory, MEMORY, "MB")
    report.promise("agentchan status, p95", Spread.of(found.status).p95, STATUS_P95, "ms")
    report.promise("a new signal while it drains, p99", Spread.of(found.new).p99, NEW_P99, "ms")
    bare = [row["rate"] for row in found.rows if row["what"].startswith("bare")]
    if found.drained is not None:
        share = found.drained.a_second / (sum(bare) / len(bare))
        report.promise(
            "drained, against the bare client (mean of before and after)", share, SHARE, "times", at_least=True
        )


def main() -> None:
    """Measure, tell, judge."""
    parser = options.parser(__doc__ or "", "directory")
    parser.add_argument("--signals", type=int, default=100_000, help="that come meanwhile [default: %(default)s]")
    given = parser.parse_args()
    signals = 160 if given.smallest else given.signals
    report = Report("outage", f"{signals:,} call signals while CE is away, and its return", given)
    compared = installed() is not None and not given.smallest
    if not compared:
        report.note("not compared with HAProxy + zeep: HAProxy is not installed, or this is the smallest run")
    found = Outage()
    with options.working_directory(given) as directory:
        report.disk(directory)
        with ExitStack() as stack:
            with only_on(OTHERS):
                ivrs = {
                    IVR: [pattern(CHANNELS), pattern(CHANNELS, f"{IVR}-new")],
                    BARE: [pattern(CHANNELS, BARE)],
                    SPOOL: [pattern(CHANNELS, SPOOL)],
                }
                pair = stack.enter_context(Pair(directory / "pair", ivrs=ivrs, request_log=False))
            Measurement(directory, pair, signals, found, compared=compared).run()
            tell(report, found)
            report.check(
                f"{len(found.signals)} accepted signals, each applied once and in order", offences(pair, found.signals)
            )
    report.finish()


if __name__ == "__main__":
    main()
