"""How fast the journal accepts call signals on this disk.

    python bench/journal.py [--json FILE] [--directory DIR]

Tells, for signals that come evenly at a rate, the time from handing one over to knowing that it is on disk; for as
many callers at once as group commit likes, the accepts per second; and what 100,000 pending signals cost at a start.
Every accepted signal is confirmed too, as in real life (lazily, beside its call's rows).
"""

from __future__ import annotations

import resource
import time
from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

from measuring import options
from measuring.report import Column, Report
from measuring.spread import Spread
from twisted.internet import reactor, task
from twisted.internet.defer import Deferred, DeferredList, inlineCallbacks

from agentchan.journal import Journal, Remembered
from agentchan.journal.writes import CallEnded, CallOpened, SignalAccepted, SignalSettled, Write
from agentchan.vocabulary import Fate, Gone, NewCall

CHANNELS = 120

Row = dict[str, Any]


def now() -> datetime:
    """The time of day."""
    return datetime.now(UTC)


def new_journal(path: Path) -> Journal:
    """A journal as the daemon has it."""
    return Journal(cast("Any", reactor), path, wall=now, monotonic=time.monotonic)


def accept(journal: Journal, number: int) -> tuple[str, Deferred[None]]:
    """Record the signal of this number: NewCalls have even numbers, their Gones the next."""
    channel, call_id = f"ivr1-{number // 2 % CHANNELS + 1:03}", f"call-{number // 2:08}"
    signal_id, at = str(uuid4()), now()
    batch: tuple[Write, ...]
    if number % 2:
        gone = Gone(signal_id, "ivr1", channel, call_id, at, "completed")
        batch = (SignalAccepted(gone, at), CallEnded(channel, call_id, at, signal_id))
    else:
        new_call = NewCall(signal_id, "ivr1", channel, call_id, at, "+4930123456", "+4940654321")
        batch = (SignalAccepted(new_call, at), CallOpened(channel, call_id, at, signal_id))
    return signal_id, journal.record(batch)


def confirm(journal: Journal, signal_id: str) -> None:
    """Record that CE has confirmed a signal."""
    journal.record([SignalSettled(signal_id, Fate.CONFIRMED, now(), 1, None, "ce1")], lazily=True)


@inlineCallbacks
def evenly(journal: Journal, rate: float, seconds: float, first: int) -> Generator[Deferred[Any], Any, Row]:
    """Signals that come evenly."""
    latencies: list[float] = []
    waiting: list[Deferred[Any]] = []

    def one(number: int) -> None:
        begun = time.perf_counter()
        signal_id, accepted = accept(journal, number)

        def done(_: None) -> None:
            latencies.append(time.perf_counter() - begun)
            waiting.append(task.deferLater(reactor, 0.002, confirm, journal, signal_id))

        waiting.append(accepted.addCallback(done))

    begun = time.monotonic()
    for number in range(int(rate * seconds)):
        pause = begun + number / rate - time.monotonic()
        if pause > 0:
            yield task.deferLater(reactor, pause)
        one(first + number)
    yield DeferredList(waiting[:])
    yield DeferredList(waiting)
    return {"what": f"{rate:g} signals/s evenly", "rate": rate, "took": Spread.of(_milliseconds(latencies))}


@inlineCallbacks
def together(journal: Journal, callers: int, signals: int, first: int) -> Generator[Deferred[Any], Any, Row]:
    """So many callers, each with its next signal as soon as the last one is on disk and confirmed."""
    latencies: list[float] = []

    @inlineCallbacks
    def caller(offset: int) -> Generator[Deferred[Any], Any, None]:
        for number in range(first + offset, first + signals, callers):
            begun = time.perf_counter()
            signal_id, accepted = accept(journal, number)
            yield accepted
            latencies.append(time.perf_counter() - begun)
            confirm(journal, signal_id)

    begun = time.perf_counter()
    yield DeferredList([caller(offset) for offset in range(callers)])
    took = time.perf_counter() - begun
    return {"what": f"{callers} callers at once", "rate": signals / took, "took": Spread.of(_milliseconds(latencies))}


@inlineCallbacks
def pending(journal: Journal, signals: int, first: int) -> Generator[Deferred[Any], Any, None]:
    """Signals that stay pending."""
    for begin in range(first, first + signals, 1000):
        yield DeferredList([accept(journal, number)[1] for number in range(begin, begin + 1000)])


@inlineCallbacks
def restart(journal: Journal, remembered: Remembered) -> Generator[Deferred[Any], Any, dict[str, float]]:
    """Read everything that is pending, as the daemon does at its start."""
    begun, read, position, longest = time.perf_counter(), 0, 0, 0.0
    while True:
        asked = time.perf_counter()
        page = yield journal.pending(after=position, until=remembered.last_position)
        longest = max(longest, time.perf_counter() - asked)
        if not page:
            break
        read, position = read + len(page), page[-1].position
    return {
        "pending": read,
        "read_ms": (time.perf_counter() - begun) * 1e3,
        "longest_page_ms": longest * 1e3,
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6,
    }


@inlineCallbacks
def measure(directory: Path, report: Report, share: float) -> Generator[Deferred[Any], Any, None]:
    """Everything, one after another; ``share`` of the usual times and numbers."""
    path = directory / "journal.sqlite3"
    journal = new_journal(path)
    journal.load()
    rows = [(yield evenly(journal, 120.0, 20.0 * share, 0)), (yield evenly(journal, 1000.0, 5.0 * share, 10_000))]
    for callers, first in ((1, 100_000), (8, 200_000), (64, 300_000), (256, 400_000)):
        signals = 4000 if callers == 1 else 20_000
        rows.append((yield together(journal, callers, max(callers, int(signals * share)), first)))
    waiting = int(100_000 * share)
    yield pending(journal, waiting, 1_000_000)
    rows.append((yield evenly(journal, 120.0, 5.0 * share, 2_000_000)))
    rows[-1]["what"] += f", {waiting:,} pending"
    yield journal.close()
    begun = time.perf_counter()
    journal = new_journal(path)
    remembered = journal.load()
    load_ms = (time.perf_counter() - begun) * 1e3
    start = yield restart(journal, remembered)
    yield journal.close()
    report.table("From handing a signal over to knowing that it is on disk", COLUMNS, rows)
    report.keep("start", {"load_ms": load_ms, **start})
    report.say(
        f"\n  start with {start['pending']} pending: {load_ms:.0f} ms; reading them in pages of 1000: "
        f"{start['read_ms']:.0f} ms, the longest page {start['longest_page_ms']:.1f} ms; peak memory "
        f"{start['peak_memory_mb']:.0f} MB; the file: {path.stat().st_size / 1e6:.0f} MB"
    )


COLUMNS = (
    Column("what"),
    Column("rate", "signals/s", 0),
    Column("took", "ms", 2, ("median", "p95", "p99", "least", "most", "count")),
)


def _milliseconds(seconds: list[float]) -> list[float]:
    return [each * 1e3 for each in seconds]


def main() -> None:
    """Measure in a directory of the disk that is meant."""
    given = options.parser(__doc__ or "", "directory").parse_args()
    report = Report("journal", "how fast call signals are on this disk for good", given)
    with options.working_directory(given) as directory:
        report.disk(directory)
        try:
            task.react(lambda _: measure(directory, report, 0.01 if given.smallest else 1.0))
        except SystemExit as end:  # how task.react always ends
            if end.code:
                raise
    report.finish()


if __name__ == "__main__":
    main()
