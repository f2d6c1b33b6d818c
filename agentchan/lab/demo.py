"""``agentchan lab demo``: one day of a CE pair, the daemon and an IVR's calls, as a timeline.

The day is a list of phases, each a function of the stage; what is added to the day is added there.
"""

from __future__ import annotations

import shutil
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from agentchan.cli.failures import Failure
from agentchan.lab.demo_calls import Calls, Waited
from agentchan.lab.demo_stage import DemoFailure, Say, Stage, in_ms
from agentchan.lab.host_process import LabError
from agentchan.lab.lab import IVR, PREFIX, Lab, Settings, channels_pattern
from agentchan.lab.names import expand
from agentchan.lab.up import Ended, ended_by_signals

FAILOVER_INTERVAL = 0.5
"""Seconds after a host's death when the demo's CE promotes the other one; sites take minutes."""
PLANNED_SECONDS = 1.0
"""Seconds that the planned switch is announced as FailingOver."""
PAUSE = 0.7
"""Seconds between two phases, for the reader."""


def morning(stage: Stage) -> None:
    """Both hosts run, the daemon signs on."""
    stage.title("Morning")
    pair = stage.lab.pair
    stage.tell(stage.began, f"ce1 is active, generation {pair.generation()}; ce2 stands by")
    ready_at = stage.wait_ready("ce1")
    stage.tell(stage.last("session-opened", "ce1")["monotonic"], "agentchan has asked both, and signs on at ce1")
    stage.tell(ready_at, f"all {stage.lab.settings.channels} channels of {IVR} are ready at ce1", "green")
    stage.calls.begin()
    channel, call_id = stage.calls.long_call
    stage.tell(stage.calls.said[0].at, f"{call_id} begins on {channel} and lasts all day; others come and go")


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
    stage.tell(event_at, f"kill -9; CE waits its Auto Failover interval, {in_ms(FAILOVER_INTERVAL)} here", "red")
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
    stage.calls.end()
    stage.tell(stage.calls.said[-1].at, f"{stage.calls.long_call[1]} ends, the last one")
    stage.waited()
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
    stage.tell(ended_at, f"it has ended with status 0, after {in_ms(ended_at - told_at)}")


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
    say(f"One day of a CE pair, agentchan, and the calls of an IVR with {settings.channels} channels.")
    began = time.monotonic()
    with Lab.of(settings) as lab:
        if lab.daemon is None:
            raise DemoFailure("there is no daemon")
        calls = Calls(lab.daemon.client, expand([channels_pattern(settings.channels)]))
        stage = Stage(lab, lab.daemon, calls, say, began)
        try:
            for phase in DAY:
                phase(stage)
                time.sleep(PAUSE)
        finally:
            calls.stop()
        _sum_up(stage)


def _sum_up(stage: Stage) -> None:
    stage.title("What each failover took, and how long its call signals waited for CE")
    stage.say(f"  {'':<16}{'':<12}{'CE':>10}{'agentchan':>13}{'signals':>9}{'longest wait':>15}")
    for each in stage.failovers:
        hosts = f"{each.old} → {each.new}"
        longest = max((signal.for_ce for signal in each.signals), default=0.0)
        stage.say(
            f"  {each.what:<16}{hosts:<12}{in_ms(each.by_ce):>10}{in_ms(each.by_agentchan):>13}"
            f"{len(each.signals):>9}{in_ms(longest):>15}"
        )
    stage.say("  CE: until another host was active. agentchan: until all channels were ready.")
    waits = stage.waited()
    _tell_others(stage, waits)
    accepted = [each.said.signal_id for each in waits]
    pair = stage.lab.pair
    violations = [*pair.violations(accepted), *pair.stuck()]
    if violations:
        raise DemoFailure("what must never happen has happened:\n  " + "\n  ".join(violations))
    stage.say("")
    stage.say(
        f"Checked in {len(pair.history())} rows of CE's history: each of {len(accepted)} call signals was applied"
    )
    stage.say("exactly once and in order, and no channel is stuck; no readiness reached a host")
    stage.say("that had said it is not active, or while the connection to the old one was open.")


def _tell_others(stage: Stage, waits: Sequence[Waited]) -> None:
    """What signals wait when nothing happens, to compare."""
    amid = {signal.said.signal_id for each in stage.failovers for signal in each.signals}
    others = [each for each in waits if each.said.signal_id not in amid]
    if others:
        median = in_ms(statistics.median(each.for_ce for each in others))
        stage.say(f"  The other {len(others)} signals of the day reached CE after {median} (median).")
