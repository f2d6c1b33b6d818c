"""How many call signals one core can take, and how fast each is accepted, beside what else one could build.

    python bench/signals.py [--full] [--seconds 8] [--json FILE] [--directory DIR]

Eight IVR scripts tell of call after call: NewCall, then Gone, each as soon as the last one was answered. Contestants:

  agentchan       the scripts post JSON to the daemon (http.client, kept connections); an answer means: on disk. The
                  daemon sends it to CE meanwhile; "confirmed" counts until CE has applied the last one.
  HAProxy + zeep  each script sends by zeep and a requests session through HAProxy; each signal is written to a file of
                  its own, synced and renamed before it is sent, and removed when CE has answered. An answer means: CE
                  has it.

Everything but the two hosts of each contestant's CE pair shares one core. The contestants take turns. Then the same at
60 calls a second, evenly: how long does a script wait for its answer?

Ends with status 1 where a signal was lost, doubled or applied out of order; times are no test.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from attrs import define, field
from measuring import options
from measuring.applied import applied, offences
from measuring.callers import EIGHT, Callers, Calls, callers
from measuring.contestants import CONNECTOR_WSDL, IVR, pattern, tables
from measuring.cores import FIRST, OTHERS, only_on
from measuring.haproxy import HAProxy, free_port, installed
from measuring.process_cost import scheduled_seconds
from measuring.report import Column, Report
from measuring.spread import Spread

from agentchan.lab.daemon_process import DaemonProcess
from agentchan.lab.pair import Pair

CHANNELS = 500
TURNS = 2
"""Times that each contestant calls as fast as it can."""
RATE = 60.0
"""Calls a second, of Cisco's VRU peripheral gateway."""
FACTOR = 4.0
"""Agentchan is to be so many times as fast."""
ACCEPT_P99 = 5.0
"""Milliseconds at ``RATE``."""
DRAINED_IN = 120.0
"""Seconds."""


@define
class Contestant(ABC):
    """One of them, running, with its callers.

    Attributes:
        signals: the SignalIds of everything that was answered.
    """

    pair: Pair
    callers: Callers
    served_by: list[int]
    signals: list[str] = field(factory=list)
    name = ""

    @abstractmethod
    def pending(self) -> int:
        """How many signals are accepted but not confirmed."""

    def fast(self, prefix: str, seconds: float) -> dict[str, Any]:
        """Call as fast as possible for so long; returns what came of it."""
        served_by, scripts = scheduled_seconds(self.served_by), scheduled_seconds(self.callers.pids)
        calls = self.callers.call(prefix, seconds=seconds)
        left = self.pending()
        self._drained(prefix, calls)
        self.signals += calls.signals
        pairs = len(calls.signals) / 2
        done = applied(self.pair, prefix)
        return {
            "contestant": self.name,
            "accepted": calls.pairs_a_second,
            "confirmed": done.count / 2 / (done.last - calls.began),
            "left": left,
            "took": Spread.of(calls.took),
            "served_by": (scheduled_seconds(self.served_by) - served_by) / pairs * 1e3,
            "callers": (scheduled_seconds(self.callers.pids) - scripts) / pairs * 1e3,
        }

    def evenly(self, prefix: str, seconds: float) -> Calls:
        """Call at the usual rate."""
        calls = self.callers.call(prefix, seconds=seconds, rate=RATE)
        self._drained(prefix, calls)
        self.signals += calls.signals
        return calls

    def _drained(self, prefix: str, calls: Calls) -> None:
        # The lab's database is asked, and seldom: the contestant has no processor to spare for questions.
        self.pair.wait_until(
            lambda: applied(self.pair, prefix).count >= len(calls.signals),
            timeout=DRAINED_IN,
            interval=0.5,
            what=f"{self.name} has sent everything",
        )


@define
class Agentchan(Contestant):
    """The daemon."""

    daemon: DaemonProcess = field(kw_only=True)
    name = "agentchan"

    def pending(self) -> int:
        """By its status."""
        pending: int = self.daemon.status()["signals"]["pending"]
        return pending


class Practitioner(Contestant):
    """HAProxy and eight zeep scripts."""

    name = "HAProxy + zeep"

    def pending(self) -> int:
        """A script goes on only when CE has answered."""
        return 0


@contextmanager
def own_pair(directory: Path) -> Iterator[Pair]:
    """A pair on the other cores."""
    with only_on(OTHERS):
        pair = Pair(directory / "pair", [pattern(CHANNELS)], request_log=False)
        stack = ExitStack()
        stack.enter_context(pair)
    with stack:
        yield pair


@contextmanager
def agentchan(directory: Path) -> Iterator[Contestant]:
    """The daemon and its callers, on one core."""
    with own_pair(directory) as pair, ExitStack() as stack, only_on(FIRST):
        listen = f"127.0.0.1:{free_port()}"
        daemon = DaemonProcess(directory, tables(pair, CHANNELS, {"api": {"listen": listen}}))
        stack.callback(daemon.stop)
        daemon.start()
        pair.wait_until(lambda: pair.states()["Ready"] == CHANNELS, what="all channels are ready")
        arguments = listen.split(":")
        made = callers("json_calls", lambda _: arguments, [pattern(CHANNELS)], directory / "callers.log")
        yield Agentchan(pair, stack.enter_context(made), [daemon.pid], daemon=daemon)


@contextmanager
def practitioner(directory: Path) -> Iterator[Contestant]:
    """HAProxy and the scripts, on one core."""
    with own_pair(directory) as pair, ExitStack() as stack, only_on(FIRST):
        proxy = stack.enter_context(HAProxy(directory, pair))

        def arguments(number: int) -> list[str]:
            return [str(CONNECTOR_WSDL), proxy.url, IVR, str(directory / f"spool{number}")]

        made = callers("zeep_calls", arguments, [pattern(CHANNELS)], directory / "callers.log")
        yield Practitioner(pair, stack.enter_context(made), [proxy.pid])


FAST = (
    Column("contestant"),
    Column("accepted", "accepted pairs/s", 0),
    Column("confirmed", "confirmed pairs/s", 0),
    Column("left", "left at the end"),
    Column("took", "answer ms", 2, ("median", "p95", "p99", "most")),
    Column("served_by", "| processor ms/pair: daemon or proxy", 2),
    Column("callers", "scripts", 2),
)
EVENLY = (
    Column("contestant"),
    Column("means", "an answer means"),
    Column("took", "ms", 2, ("median", "p95", "p99", "least", "most", "count")),
)


def medians(turns: list[dict[str, Any]]) -> dict[str, float]:
    """What one contestant came to in its turns."""
    return {key: Spread.of([turn[key] for turn in turns]).median for key in RATES + PROCESSOR}


def tell(report: Report, fast: list[dict[str, Any]], even: dict[str, Calls]) -> None:
    """The tables and the targets."""
    title = f"{EIGHT} scripts as fast as they can, all on core {FIRST[0]}, the pairs on cores {OTHERS}"
    report.table(title, FAST, fast)
    means = {"agentchan": "it is on disk", "HAProxy + zeep": "it was on disk, and CE has it"}
    rows = [{"contestant": name, "means": means[name], "took": Spread.of(calls.took)} for name, calls in even.items()]
    report.table(f"{RATE:g} calls a second, evenly: what a script waits for", EVENLY, rows)
    report.say()
    found = {name: medians([row for row in fast if row["contestant"] == name]) for name in even}
    own = found["agentchan"]
    report.promise(f"accept at {RATE:g} calls/s, p99", Spread.of(even["agentchan"].took).p99, ACCEPT_P99, "ms")
    for name, other in found.items():
        if name != "agentchan":
            for key in RATES:
                report.promise(f"{key} pairs/s against {name}", own[key] / other[key], FACTOR, "times", at_least=True)
            busy = [sum(found[who][key] for key in PROCESSOR) for who in (name, "agentchan")]
            report.note(f"processor for a pair, from the script to CE: {busy[0]:.2f} ms against {busy[1]:.2f} ms")


RATES = ("accepted", "confirmed")
PROCESSOR = ("served_by", "callers")


def main() -> None:
    """Measure, tell, judge."""
    parser = options.parser(__doc__ or "", "full", "directory")
    parser.add_argument("--seconds", type=float, default=8.0, help="of each turn [default: %(default)s]")
    given = parser.parse_args()
    seconds = 0.3 if given.smallest else given.seconds * (4 if given.full else 1)
    report = Report("signals", "call signals per second on one core, and how fast each is accepted", given)
    compared = installed() is not None and not given.smallest
    if not compared:
        report.note("not compared with HAProxy + zeep: HAProxy is not installed, or this is the smallest run")
    with options.working_directory(given) as directory, ExitStack() as stack:
        report.disk(directory)
        contestants = [stack.enter_context(agentchan(directory / "agentchan"))]
        if compared:
            contestants.append(stack.enter_context(practitioner(directory / "practitioner")))
        fast = []
        for turn in range(TURNS):
            order = contestants if turn % 2 == 0 else contestants[::-1]
            fast += [each.fast(f"fast{turn}-", seconds) for each in order]
        even = {each.name: each.evenly("even-", 2.5 * seconds) for each in contestants}
        tell(report, fast, even)
        for each in contestants:
            report.check(
                f"{each.name}: {len(each.signals)} signals, each applied once and in order",
                offences(each.pair, each.signals),
            )
    report.finish()


if __name__ == "__main__":
    main()
