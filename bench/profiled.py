"""Where the daemon spends its time: idle, in failovers, while it accepts signals, and while it sends what had to wait.

    python bench/profiled.py idle [--channels 500] [--seconds 30]
    python bench/profiled.py failover [--channels 500] [--repetitions 40]
    python bench/profiled.py accept [--signals 20000]
    python bench/profiled.py drain [--signals 20000]
    python bench/profiled.py steady [--signals 20000]

The daemon runs under cProfile, in a child process, and only while that happens; the clock is the thread's own seconds
of processor. Printed are the places with the most time of their own, and those of agentchan with all that they call.
cProfile makes calls dearer than they are, so shares count, not milliseconds. No part of ``make bench``.
"""

from __future__ import annotations

import argparse
import os
import pstats
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from attrs import frozen
from measuring.applied import applied
from measuring.blackouts import BlackoutWatch
from measuring.callers import Callers, callers
from measuring.contestants import pattern, tables
from measuring.cores import FIRST, OTHERS, only_on
from measuring.haproxy import free_port
from measuring.options import DISK

from agentchan.lab.daemon_process import DaemonProcess
from agentchan.lab.pair import Pair

_ROOT = Path(__file__).resolve().parents[1]
ROWS = 25
PATIENCE = 600.0


class ProfiledDaemon(DaemonProcess):
    """The daemon under cProfile."""

    @property
    def command(self) -> list[str]:
        """What is run instead of twistd."""
        twistd = super().command
        output = str(self.log.with_suffix(".profile"))
        return [twistd[0].replace("twistd", "python"), "-m", "measuring.profiled_daemon", output, *twistd[-2:]]

    @contextmanager
    def profiled(self) -> Iterator[None]:
        """Inside, the reactor's thread is profiled."""
        os.kill(self.pid, signal.SIGUSR1)
        time.sleep(0.1)
        yield
        os.kill(self.pid, signal.SIGUSR2)
        time.sleep(0.5)


@frozen
class Stage:
    """What is profiled, and what with."""

    pair: Pair
    daemon: ProfiledDaemon
    scripts: Callers
    channels: int


@contextmanager
def stage(directory: Path, channels: int) -> Iterator[Stage]:
    """A pair, a daemon under cProfile, and scripts."""
    with ExitStack() as stack:
        with only_on(OTHERS):
            pair = stack.enter_context(Pair(directory / "pair", [pattern(channels)], request_log=False))
        with only_on(FIRST):
            listen = f"127.0.0.1:{free_port()}"
            os.environ["PYTHONPATH"] = str(Path(__file__).parent)
            daemon = ProfiledDaemon(directory, tables(pair, channels, {"api": {"listen": listen}}))
            stack.callback(daemon.stop)
            daemon.start()
            made = callers("json_calls", lambda _: listen.split(":"), [pattern(channels)], directory / "scripts.log")
            scripts = stack.enter_context(made)
        pair.wait_until(lambda: pair.states()["Ready"] == channels, timeout=PATIENCE, what="all channels are ready")
        yield Stage(pair, daemon, scripts, channels)


def idle(at: Stage, given: argparse.Namespace) -> None:
    """Nothing but heartbeats and watching."""
    with at.daemon.profiled():
        time.sleep(given.seconds)


def failover(at: Stage, given: argparse.Namespace) -> None:
    """Planned switches, one after another."""
    with at.daemon.profiled():
        for _ in range(given.repetitions):
            old = at.pair.active() or ""
            with BlackoutWatch(at.pair, at.channels) as watch:
                watch.wait(at.pair.switch(at.pair.other(old)), at.pair.other(old))
            time.sleep(0.05)


def accept(at: Stage, given: argparse.Namespace) -> None:
    """Signals, while CE is away."""
    for name in tuple(at.pair.processes):
        at.pair.kill(name)
    with at.daemon.profiled():
        at.scripts.call("call-", pairs=given.signals // 2)


def drain(at: Stage, given: argparse.Namespace) -> None:
    """What had to wait goes out."""
    for name in tuple(at.pair.processes):
        at.pair.kill(name)
    at.scripts.call("call-", pairs=given.signals // 2)
    with at.daemon.profiled():
        with only_on(OTHERS):
            at.pair.start()
        _wait_applied(at, given.signals)


def steady(at: Stage, given: argparse.Namespace) -> None:
    """Signals come and go."""
    with at.daemon.profiled():
        at.scripts.call("call-", pairs=given.signals // 2)
        _wait_applied(at, given.signals)


def _wait_applied(at: Stage, signals: int) -> None:
    count = signals // 2 // len(at.scripts.children) * len(at.scripts.children) * 2
    at.pair.wait_until(
        lambda: applied(at.pair, "call-").count == count,
        timeout=PATIENCE,
        interval=0.5,
        what="CE has applied everything",
    )


def tell(path: Path, title: str) -> None:
    """The most expensive places."""
    stats = pstats.Stats(str(path))
    rows = stats.stats.items()  # type: ignore[attr-defined]
    whole = sum(row[1][2] for row in rows)
    print(f"\n{title}: {whole:.2f} s of processor in all")
    for key, name in ((2, "own time"), (3, "with all that they call, agentchan's only")):
        print(f"  by {name}\n{'share':>8} {'calls':>9} {'us/call':>9}")
        chosen = [row for row in rows if key == 2 or "agentchan" in row[0][0]]
        for (file, line, function), (_, calls, *times, _) in sorted(chosen, key=lambda row: -row[1][key])[:ROWS]:
            took = times[key - 2]
            where = f"{_short(file)}:{line} {function}" if line else function
            print(f"{100 * took / whole:7.1f}% {calls:9} {1e6 * took / calls:9.1f}  {where}")


def _short(file: str) -> str:
    path = Path(file)
    if path.is_relative_to(_ROOT) and ".venv" not in path.parts:
        return str(path.relative_to(_ROOT))
    return "/".join(path.parts[-3:])


def main() -> None:
    """Profile and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    works = {work.__name__: work for work in (idle, failover, accept, drain, steady)}
    parser.add_argument("work", choices=works)
    parser.add_argument("--channels", type=int, default=500)
    parser.add_argument("--repetitions", type=int, default=40)
    parser.add_argument("--signals", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--directory", type=Path, default=DISK)
    parser.add_argument("--keep", type=Path, metavar="FILE", help="keep the reactor's profile there (pstats)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="agentchan-bench-", dir=given.directory) as name:
        directory = Path(name)
        with stage(directory, given.channels) as at:
            works[given.work](at, given)
            profile = at.daemon.log.with_suffix(".profile")
        tell(profile, "the reactor's thread")
        if given.work not in ("idle", "failover"):
            tell(Path(f"{profile}.journal"), "the journal's thread, from its start to its end")
        if given.keep:
            given.keep.write_bytes(profile.read_bytes())


if __name__ == "__main__":
    main()
