"""``agentchan lab demo``: one day of a CE pair and the daemon, as a timeline.

The day is a list of phases, each a function of the stage; what is added to the day is added there.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import click
from attrs import define, field, frozen

from agentchan.cli.failures import Failure
from agentchan.lab.daemon_process import DaemonProcess
from agentchan.lab.host_process import LabError
from agentchan.lab.lab import IVR, PREFIX, Lab, Settings
from agentchan.lab.up import Ended, ended_by_signals

Say = Callable[[str], None]

FAILOVER_INTERVAL = 0.5
"""Seconds after a host's death when the demo's CE promotes the other one; sites take minutes."""
PLANNED_SECONDS = 1.0
"""Seconds that the planned switch is announced as FailingOver."""
PAUSE = 0.7
"""Seconds between two phases, for the reader."""
PATIENCE = 15.0
"""Seconds for each thing that must happen."""
INDENT = " " * 12
PHASES = {
    "detect": "detect",
    "discover": "discover",
    "sign_on": "sign-on",
    "restore": "restore",
    "drain_outbox": "outbox",
}
"""The phases of a failover in the daemon's record, one after the other, and how they are told."""


class DemoFailure(Exception):  # noqa: N818 - what it is
    """Something did not happen as it must."""


@frozen
class Failover:
    """What one failover took, in seconds.

    Attributes:
        by_ce: from the event until the new host was active.
        by_agentchan: from there until the last channel was ready.
    """

    what: str
    old: str
    new: str
    by_ce: float
    by_agentchan: float


@define
class Stage:
    """Where the day is played."""

    lab: Lab
    daemon: DaemonProcess
    say: Say
    began: float
    failovers: list[Failover] = field(factory=list)

    def title(self, text: str) -> None:
        """A phase begins."""
        self.say("")
        self.say(click.style(text, bold=True))

    def tell(self, at: float, text: str, colour: str | None = None) -> None:
        """Something happened at ``at`` (monotonic seconds)."""
        self.say(f"{at - self.began:8.3f} s  " + click.style(text, fg=colour))

    def remark(self, text: str) -> None:
        """More about it."""
        self.say(INDENT + click.style(text, dim=True))

    def wait_until(self, predicate: Callable[[], Any], what: str) -> Any:
        """Wait for what must happen.

        Raises:
            DemoFailure: it does not.
        """
        try:
            return self.lab.pair.wait_until(predicate, timeout=PATIENCE, what=what)
        except TimeoutError:
            raise DemoFailure(f"not within {PATIENCE:.0f} s: {what}") from None

    def wait_ready(self, host: str) -> float:
        """Wait until every channel is Ready at ``host``; returns when that was, by the lab's own history."""
        channels = self.lab.settings.channels
        self.wait_until(
            lambda: self.lab.pair.states(host=host)["Ready"] == channels, f"all {channels} channels are ready at {host}"
        )
        at: float = self.last("readiness", host)["monotonic"]
        return at

    def last(self, event: str, host: str) -> Mapping[str, Any]:
        """The newest row of the lab's history of this event at this host."""
        rows = [row for row in self.lab.pair.history() if (row["event"], row["host"]) == (event, host)]
        return rows[-1]

    def failed_over(self, what: str, event_at: float, old: str, new: str) -> None:
        """Wait for the end of a failover that began at ``event_at``, and tell what it took."""
        pair = self.lab.pair
        self.wait_until(lambda: pair.active() == new, f"{new} is active")
        promoted_at = self.last("promoted", new)["monotonic"]
        self.tell(promoted_at, f"{new} is active, generation {pair.generation()}", "cyan")
        ready_at = self.wait_ready(new)
        failover = Failover(what, old, new, promoted_at - event_at, ready_at - promoted_at)
        self.failovers.append(failover)
        count = self.lab.settings.channels
        self.tell(
            ready_at, f"all {count} channels are ready at {new}, {_ms(failover.by_agentchan)} after that", "green"
        )
        self._tell_record(old, new)

    def _tell_record(self, old: str, new: str) -> None:
        count = len(self.failovers)

        def recorded() -> list[dict[str, Any]]:
            rows: list[dict[str, Any]] = self.daemon.client.get("/v1/failovers")["failovers"]
            return rows if len(rows) == count else []

        row = self.wait_until(recorded, f"agentchan has recorded {count} failovers")[0]
        if (row["from"], row["to"]) != (old, new):
            raise DemoFailure(f"agentchan recorded a failover from {row['from']} to {row['to']}, not {old} to {new}")
        phases = (f"{told} {row[name]:,.0f}" for name, told in PHASES.items() if round(row[name]))
        self.remark(f"agentchan's record: {_ms(row['total'] / 1000)} since CE's last sign of life:")
        self.remark(f"{' + '.join(phases)} ms")


def morning(stage: Stage) -> None:
    """Both hosts run, the daemon signs on."""
    stage.title("Morning")
    pair = stage.lab.pair
    stage.tell(stage.began, f"ce1 is active, generation {pair.generation()}; ce2 stands by")
    ready_at = stage.wait_ready("ce1")
    stage.tell(stage.last("session-opened", "ce1")["monotonic"], "agentchan has asked both, and signs on at ce1")
    stage.tell(ready_at, f"all {stage.lab.settings.channels} channels of {IVR} are ready at ce1", "green")


def planned_switch(stage: Stage) -> None:
    """CE moves to the other host in good order."""
    stage.title("A planned switch to ce2")
    event_at = stage.lab.pair.switch("ce2", seconds=PLANNED_SECONDS)
    stage.tell(event_at, "CE says FailingOver; nobody is active", "yellow")
    asked_at = time.monotonic()
    stage.wait_until(
        lambda: stage.daemon.client.get("/v1/failing-over")["failing_over"] is True, "agentchan says that CE fails over"
    )
    stage.tell(asked_at, "an IVR script asks agentchan: is CE failing over? Yes")
    stage.failed_over("planned switch", event_at, "ce1", "ce2")


def killed_host(stage: Stage) -> None:
    """The active host dies; CE's own failover takes its interval."""
    stage.title("ce2 dies")
    event_at = stage.lab.pair.kill("ce2")
    stage.tell(event_at, f"kill -9; CE waits its Auto Failover interval, {_ms(FAILOVER_INTERVAL)} here", "red")
    stage.failed_over("killed host", event_at, "ce2", "ce1")
    stage.lab.pair.start("ce2")
    stage.tell(time.monotonic(), "ce2 is repaired and stands by; nothing moves")


def frozen_host(stage: Stage) -> None:
    """The active host hangs: its connections stay open, and nothing comes from it."""
    stage.title("ce1 hangs")
    event_at = stage.lab.pair.freeze("ce1")
    stage.tell(event_at, "every connection stays open, nothing is answered", "red")
    stage.failed_over("frozen host", event_at, "ce1", "ce2")
    stage.lab.pair.thaw("ce1")
    stage.tell(time.monotonic(), "ce1 goes on, and finds that it is a standby now")


def evening(stage: Stage) -> None:
    """The daemon signs off, and what must never happen has not happened."""
    stage.title("Evening")
    told_at = time.monotonic()
    stage.tell(told_at, "agentchan is told to end (SIGTERM)")
    status = stage.daemon.stop()
    ended_at = time.monotonic()
    if status:
        raise DemoFailure(f"agentchan ended with status {status}: {stage.daemon.last_words()}")
    closed = stage.last("session-closed", "ce2")
    if closed["details"]["why"] != "signed-off":
        raise DemoFailure(f"agentchan did not sign off: the end of its session was {closed['details']['why']}")
    stage.tell(closed["monotonic"], "it has signed off at ce2: all channels are not ready", "green")
    stage.tell(ended_at, f"it has ended with status 0, after {_ms(ended_at - told_at)}")


DAY: tuple[Callable[[Stage], None], ...] = (morning, planned_switch, killed_host, frozen_host, evening)


def show(say: Say, *, channels: int, tls: bool, keep: bool) -> None:
    """Play the day; ``say`` prints a line.

    Raises:
        DemoFailure: something did not happen as it must.
    """
    with _directory(say, keep=keep) as directory, ended_by_signals():
        settings = Settings(
            directory, channels, tls, port=0, auto_failover_interval=FAILOVER_INTERVAL, failing_over_time=0.0
        )
        try:
            _play(settings, say)
        except Ended:
            raise DemoFailure("it was interrupted") from None
        except (LabError, Failure) as error:
            raise DemoFailure(str(error)) from None


@contextmanager
def _directory(say: Say, *, keep: bool) -> Iterator[Path]:
    directory = Path(mkdtemp(prefix=PREFIX))
    try:
        yield directory
    finally:
        if keep:
            say(f"\nLogs, history and journal are in {directory}")
        else:
            shutil.rmtree(directory)


def _play(settings: Settings, say: Say) -> None:
    say(f"One day of a CE pair, agentchan, and an IVR with {settings.channels} channels.")
    began = time.monotonic()
    with Lab.of(settings) as lab:
        if lab.daemon is None:
            raise DemoFailure("there is no daemon")
        stage = Stage(lab, lab.daemon, say, began)
        for phase in DAY:
            phase(stage)
            time.sleep(PAUSE)
        _sum_up(stage)


def _sum_up(stage: Stage) -> None:
    stage.title("What each failover took")
    stage.say(f"  {'':<16}{'':<12}{'CE':>10}{'agentchan':>14}")
    for each in stage.failovers:
        hosts = f"{each.old} → {each.new}"
        stage.say(f"  {each.what:<16}{hosts:<12}{_ms(each.by_ce):>10}{_ms(each.by_agentchan):>14}")
    stage.say("  CE: until another host was active. agentchan: until all channels were ready.")
    violations = stage.lab.pair.violations()
    if violations:
        raise DemoFailure("what must never happen has happened:\n  " + "\n  ".join(violations))
    rows = len(stage.lab.pair.history())
    stage.say("")
    stage.say(f"Checked in {rows} rows of CE's history: no readiness reached a host that had said")
    stage.say("it is not active, or while the connection to the old one was open.")


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:,.0f} ms"
