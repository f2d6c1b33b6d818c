"""A fleet of daemons loses its CE host at once: whether they storm those that are left, and the one that comes back.

    python -m tests.faults.fleet [--daemons 200] [--processes 2]

A daemon is the product's whole service (see :mod:`tests.faults.fleet_members`), one IVR each, all at one lab pair over
loopback. Two hundred processes would measure the machine, so many daemons share a process: that makes them slower than
in life, not politer, since each has timers and chance of its own. Three stories, each told by every dial that was made:

- *takeover*: the active host is killed, and the other one is active in the same instant;
- *nobody*: the active host is killed, and for some seconds nobody takes over;
- *all gone*: both hosts are dead for some seconds, and come back.

The first dial after a change of role is free, by design: a fleet takes that one together, and is spread after it. Ends
with status 1 if a daemon has not come back, or has dialled one port more often than its backoff allows.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self

import click
from attrs import field, frozen

from agentchan.lab.daemon_process import toml
from agentchan.lab.pair import Pair

CHANNELS = 5
OUTAGE = 10.0
"""Seconds."""
BIN = 0.1
PATIENCE = 120.0
SLOW: dict[str, dict[str, str]] = {
    "agent_channel": {"heartbeat_interval": "2s", "reply_timeout": "10s"},
    "component_link": {"timeout": "5s", "watch_wait": "5s"},
}
"""Patience with a pair that shares its processors with the whole fleet; how attempts are paced is not touched."""
SESSION_TIMEOUT = 15.0
LEAST_PAUSE = 0.1
"""Seconds between two attempts on a host whose role and generation are unchanged (design, backoff)."""
ALLOWED = 3
"""Dials of one daemon at one port in that time: the try that was due, and the free one after each change of role."""
Say = Callable[[str], None]


@frozen
class Dial:
    """One attempt to connect.

    Attributes:
        at: monotonic seconds.
    """

    at: float
    ivr: str
    port: int


@frozen
class Story:
    """What the fleet did in one story.

    Attributes:
        seconds: from the loss until every channel was ready again.
        dials: those meanwhile.
        began: monotonic seconds.
    """

    name: str
    seconds: float
    began: float
    dials: Sequence[Dial] = field(repr=False)

    @property
    def bins(self) -> Counter[int]:
        """How many dials each tenth of a second had."""
        return Counter(int((dial.at - self.began) / BIN) for dial in self.dials)

    @property
    def peak(self) -> int:
        """Dials in the busiest tenth of a second."""
        return max(self.bins.values(), default=0)

    @property
    def mean(self) -> float:
        """Dials in a tenth of a second."""
        return len(self.dials) / (self.seconds / BIN)

    @property
    def ratio(self) -> float:
        """Peak to mean."""
        return self.peak / self.mean if self.dials else 0.0

    @property
    def burst(self) -> int:
        """Dials of one daemon at one port within ``LEAST_PAUSE``, at most."""
        most = 0
        times: dict[tuple[str, int], list[float]] = defaultdict(list)
        for dial in sorted(self.dials, key=lambda dial: dial.at):
            recent = times[dial.ivr, dial.port]
            recent[:] = [at for at in recent if dial.at - at < LEAST_PAUSE] + [dial.at]
            most = max(most, len(recent))
        return most


class Fleet:
    """A pair, and processes full of daemons; inside its context all channels are ready at first."""

    def __init__(self, directory: Path, daemons: int, processes: int) -> None:
        width = len(str(daemons))
        self.ivrs = {
            f"ivr{number:0{width}d}": [f"ivr{number:0{width}d}-{{1..{CHANNELS}}}"] for number in range(1, daemons + 1)
        }
        self.pair = Pair(directory / "pair", ivrs=self.ivrs, session_timeout=SESSION_TIMEOUT, request_log=False)
        self._directory = directory
        self._processes = processes
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as undo:
            undo.enter_context(self.pair)
            names = list(self.ivrs)
            members = [
                undo.enter_context(self._members(number, names[number :: self._processes]))
                for number in range(self._processes)
            ]
            for member in members:
                assert member.stdout is not None
                assert member.stdout.readline() == b"started\n", f"see the logs in {self._directory}"
            self.wait_ready()
            self._stack = undo.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @contextmanager
    def _members(self, number: int, ivrs: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
        command = [sys.executable, "-m", "tests.faults.fleet_members", str(self._dials(number))]
        command += [str(self._configured(ivr)) for ivr in ivrs]
        with (
            (self._directory / f"members-{number}.log").open("wb") as log,
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log) as members,
        ):
            yield members
            members.kill()

    def _dials(self, number: int) -> Path:
        return self._directory / f"dials-{number}"

    def _configured(self, ivr: str) -> Path:
        path = self._directory / f"{ivr}.toml"
        path.write_text(
            toml(
                {
                    "ivr": {"name": ivr, "channels": self.ivrs[ivr], "instance_id": ivr},
                    "ce": {"domain": "lab"},
                    **SLOW,
                    "component_link": {"urls": self.pair.component_urls, **SLOW["component_link"]},
                    "api": {"socket": str(self._directory / f"{ivr}.sock"), "listen": ""},
                    "journal": {"path": str(self._directory / f"{ivr}.sqlite3")},
                    "log": {"level": "warning"},
                }
            ),
            encoding="utf-8",
        )
        return path

    def wait_ready(self) -> None:
        """Wait until the active host has every channel of every IVR ready."""
        self.pair.wait_until(self._all_ready, timeout=PATIENCE, interval=0.2, what="every channel is ready")

    def _all_ready(self) -> bool:
        active = self.pair.active()
        # What is asked of sessions costs the host next to nothing, while it has a fleet to serve.
        ready = {session["ivr"]: session["ready"] for session in self.pair.sessions(active)} if active else {}
        return all(ready.get(ivr) == CHANNELS for ivr in self.ivrs)

    def told(self, name: str, loss: Callable[[], None]) -> Story:
        """Play a story: ``loss`` takes hosts away, and brings one back."""
        began = time.monotonic()
        loss()
        self.wait_ready()
        seconds = time.monotonic() - began
        lines = [
            line.split()
            for number in range(self._processes)
            for line in self._dials(number).read_text(encoding="utf-8").splitlines()
        ]
        dials = [Dial(float(at), ivr, int(port)) for at, ivr, port in lines]
        return Story(name, seconds, began, [dial for dial in dials if began <= dial.at <= began + seconds])

    # -- the stories -------------------------------------------------------------------------------------------------

    def takeover(self) -> None:
        """The active host dies, and the other one takes over at once."""
        self.pair.kill("ce1", promote="ce2")

    def nobody(self, seconds: float = OUTAGE) -> None:
        """The active host dies, and only after a while the other one takes over."""
        self.pair.kill("ce2")
        time.sleep(seconds)
        self.pair.promote("ce1")

    def all_gone(self, seconds: float = OUTAGE) -> None:
        """Both hosts die, and come back."""
        for host in self.pair.processes:
            self.pair.kill(host)
        time.sleep(seconds)
        self.pair.start()


def played(directory: Path, daemons: int, processes: int, outage: float = OUTAGE) -> Iterator[Story]:
    """Play all stories."""
    with Fleet(directory, daemons, processes) as fleet:
        yield fleet.told("takeover", fleet.takeover)
        fleet.pair.start("ce1")
        fleet.wait_ready()
        time.sleep(1.0)
        yield fleet.told("nobody", lambda: fleet.nobody(outage))
        fleet.pair.start("ce2")
        fleet.wait_ready()
        time.sleep(1.0)
        yield fleet.told("all gone", lambda: fleet.all_gone(outage))


@click.command(context_settings={"show_default": True})
@click.option("--daemons", type=click.IntRange(min=1), default=200)
@click.option("--processes", type=click.IntRange(min=1), default=2, help="That share the daemons.")
@click.option("--outage", type=click.FloatRange(min=0), default=OUTAGE, help="Seconds without an active host.")
@click.option("--json", "path", type=click.Path(path_type=Path, dir_okay=False), help="Write the figures here, too.")
def main(daemons: int, processes: int, outage: float, path: Path | None) -> None:
    """A fleet of daemons loses its CE host at once."""
    click.echo(f"{daemons} daemons in {processes} processes, {CHANNELS} channels each; dials per {BIN * 1000:.0f} ms")
    click.echo(f"{'':<12}{'until all ready':>16}{'dials':>8}{'peak':>7}{'mean':>8}{'ratio':>8}{'one daemon':>12}")
    stories = []
    with tempfile.TemporaryDirectory(prefix="fleet-") as directory:
        for story in played(Path(directory), daemons, processes, outage):
            stories.append(story)
            click.echo(
                f"{story.name:<12}{story.seconds:>14.1f} s{len(story.dials):>8}{story.peak:>7}{story.mean:>8.1f}"
                f"{story.ratio:>8.1f}{story.burst:>12}"
            )
    click.echo("one daemon: dials of one daemon at one port within 100 ms, at most")
    if path is not None:
        path.write_text(
            json.dumps(
                [
                    {
                        "story": story.name,
                        "seconds": round(story.seconds, 3),
                        "dials": len(story.dials),
                        "peak": story.peak,
                        "mean": round(story.mean, 3),
                        "ratio": round(story.ratio, 3),
                        "burst": story.burst,
                        "per_tenth": [story.bins[tenth] for tenth in range(int(story.seconds / BIN) + 1)],
                    }
                    for story in stories
                ],
                indent=2,
            ),
            encoding="utf-8",
        )
    sys.exit(any(story.burst > ALLOWED for story in stories))


if __name__ == "__main__":
    main()
