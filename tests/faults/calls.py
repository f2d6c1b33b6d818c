"""Nothing lost, nothing doubled: calls through everything that can happen to CE and to the daemon.

    python -m tests.faults.calls [--calls 20000] [--kills 50] [--seed 7]

An IVR makes calls through the daemon's TCP port, says each thing again until somebody has answered, and never hears of
CE. Meanwhile the hosts of a lab pair are switched, killed, frozen and cut off, connections break off in mid-request and
in mid-reply, and the daemon is killed with -9. At the end the pair's history shows what was applied.

A seed is a plan: which faults, in which order and how long, at which calls the daemon is killed, how long calls last.
What meets what is the machine's affair, so a failure may need some runs of its seed. Ends with status 1 if anything is
not as promised, and keeps all files then.
"""

from __future__ import annotations

import secrets
import shutil
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

import click
from attrs import define, field, frozen

from tests.end_to_end.daemons import RunningDaemon, Stage, staged
from tests.faults.ivr import Ivr
from tests.faults.judging import Judgement, accepted, judged
from tests.faults.killing import Killing
from tests.faults.plan import faults, kills
from tests.faults.troubles import Troubles

CHANNELS = 60
STALLED = 60.0
"""Seconds without any progress after which the run is given up: a daemon starts in one or two."""
TELL_EVERY = 5.0
MOST_TOLD = 20
"""Wrong calls that are told in full."""
TABLES = {"signals": {"reply_timeout": "1s"}}
Say = Callable[[str], None]


@frozen
class Settings:
    """One run.

    Attributes:
        calls: how many calls the IVR makes.
        kills: how often the daemon is killed.
        seed: of the plan.
        channels: of the IVR; as many calls at a time.
        faults: how many faults of CE there are at least; else as many as fit in.
    """

    calls: int
    kills: int
    seed: int
    channels: int = CHANNELS
    faults: int = 0

    @property
    def command(self) -> str:
        """What repeats it."""
        return (
            f"python -m tests.faults.calls --calls {self.calls} --kills {self.kills} --seed {self.seed} "
            f"--channels {self.channels}"
        )


@define
class Outcome:
    """How a run has ended.

    Attributes:
        wrong: everything that is not as promised.
        took: seconds until the last call had ended.
        drained: seconds after that, and after the last fault, until CE had been told of everything.
    """

    settings: Settings
    ivr: Ivr
    troubles: Troubles
    killing: Killing
    judgement: Judgement = field(factory=Judgement)
    wrong: list[str] = field(factory=list)
    took: float = 0.0
    drained: float = 0.0

    def lines(self) -> Iterator[str]:
        """The summary."""
        said = [said for call in self.ivr.calls for said in (call.new_call, call.gone) if said is not None]
        played = self.troubles.played
        yield f"{'calls':<24}{len(self.ivr.calls):,} in {self.took:.0f} s, on {len(self.ivr.channels)} channels"
        yield f"{'signals accepted':<24}{len(said):,}; {sum(each.asked > 1 for each in said):,} asked more than once"
        yield f"{'Gones forgotten':<24}{sum(call.gone is None for call in self.ivr.calls):,}, told by the next call"
        yield f"{'daemon killed':<24}{self.killing.kills} times; {self.killing.longest:.1f} s at most until it answered"
        yield f"{'faults of CE':<24}{played.total()}"
        yield from (f"  {kind:<22}{count}" for kind, count in sorted(played.items()))
        yield f"{'repeats heard by CE':<24}{self.judgement.repeats:,} signals, applied once all the same"
        yield f"{'repairs':<24}{len(self.judgement.repairs)}"
        yield from (f"  {text}" for text in self.judgement.repairs[:MOST_TOLD])
        longest = max((each.answered - each.began for each in said), default=0.0)
        yield f"{'longest wait':<24}{longest:.1f} s for an answer, {self.judgement.slowest:.1f} s until CE has it"
        yield f"{'last signal':<24}{self.drained:.1f} s after the last fault"


def run(settings: Settings, directory: Path, say: Say) -> Outcome:
    """Play one run in a directory; ``say`` prints a line of progress."""
    with staged(directory, _pattern(settings.channels)) as stage, _port() as port:
        daemon = stage.started(tables={**TABLES, "api": {"listen": f"127.0.0.1:{port}"}})
        ivr = Ivr(port, daemon.channels, settings.calls, settings.seed)
        plan = kills(settings.seed, settings.calls, settings.kills)
        outcome = Outcome(
            settings,
            ivr,
            Troubles(stage.pair, faults(settings.seed), settings.faults),
            Killing(daemon, plan, lambda: ivr.begun),
        )
        _play(outcome, say)
        _judge(outcome, stage, daemon)
    return outcome


def _play(outcome: Outcome, say: Say) -> None:
    ivr, troubles, killing = outcome.ivr, outcome.troubles, outcome.killing
    watching = threading.Thread(target=_watch, args=(outcome, say), name="watching")
    for part in (ivr, troubles, watching):
        part.start()
    for part_ended in (killing.play, watching.join, troubles.stop):
        try:
            part_ended()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told
            outcome.wrong.append(f"the faults themselves failed: {error!r}")
            ivr.give_up()


def _watch(outcome: Outcome, say: Say) -> None:
    """Tell how far it is, until all calls are made or none is any more."""
    ivr, killing = outcome.ivr, outcome.killing
    began = told_at = moved_at = time.monotonic()
    seen = 0
    while not ivr.done:
        time.sleep(0.05)
        now = time.monotonic()
        if len(ivr.calls) != seen:
            seen, moved_at = len(ivr.calls), now
        if now - moved_at > STALLED:
            outcome.wrong.append(f"no call has ended for {STALLED:.0f} s")
            killing.give_up()
            ivr.give_up()
        if now - told_at > TELL_EVERY:
            told_at = now
            faults_played = outcome.troubles.played.total()
            say(f"{now - began:5.0f} s  {seen:>7,} calls, {killing.kills:>3} kills, {faults_played:>4} faults of CE")
    outcome.took = time.monotonic() - began


def _judge(outcome: Outcome, stage: Stage, daemon: RunningDaemon) -> None:
    ivr, pair = outcome.ivr, stage.pair
    wrong = outcome.wrong
    stage.rest()
    try:
        daemon.rest()
        outcome.drained = _wait_until_told(daemon)
        stage.wait_ready(daemon)
    except AssertionError as error:
        wrong.append(str(error))
    signals = daemon.status()["signals"]
    wrong += [f"{signals[fate]} signals are {fate}" for fate in ("refused", "expired") if signals[fate]]
    outcome.judgement = judged(ivr.calls, pair.history())
    wrong += ivr.complaints
    wrong += pair.violations(accepted(ivr.calls))
    wrong += pair.stuck()
    wrong += daemon.offences()
    if len(ivr.calls) != outcome.settings.calls:
        wrong.append(f"the IVR has made {len(ivr.calls)} calls, not {outcome.settings.calls}")


def _wait_until_told(daemon: RunningDaemon) -> float:
    """Wait until CE has been told of everything, as long as it goes on; returns the seconds."""
    began = moved_at = time.monotonic()
    fewest = pending = daemon.status()["signals"]["pending"]
    while pending:
        time.sleep(0.2)
        pending = daemon.status()["signals"]["pending"]
        if pending < fewest:
            fewest, moved_at = pending, time.monotonic()
        elif time.monotonic() - moved_at > STALLED:
            raise AssertionError(f"{pending} signals are pending, and none has been confirmed for {STALLED:.0f} s")
    return time.monotonic() - began


@contextmanager
def _port() -> Iterator[int]:
    """A port that the kernel has chosen and gives to nobody else; the daemon comes back to it after each kill."""
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", 0))
        port: int = held.getsockname()[1]
        yield port


def _pattern(channels: int) -> str:
    width = len(str(channels))
    return f"ivr1-{{{1:0{width}d}..{channels}}}"


def told(outcome: Outcome) -> Iterator[str]:
    """The summary, and what is wrong, by call."""
    yield from outcome.lines()
    wrong = outcome.judgement.wrong
    if not wrong and not outcome.wrong:
        yield "Every accepted NewCall and Gone was applied exactly once, in order; every channel is free and ready."
        return
    for call_id in sorted(wrong)[:MOST_TOLD]:
        yield f"{call_id}:"
        yield from (f"  {text}" for text in wrong[call_id])
    if len(wrong) > MOST_TOLD:
        yield f"… and {len(wrong) - MOST_TOLD} more calls"
    yield from outcome.wrong[:MOST_TOLD]
    if len(outcome.wrong) > MOST_TOLD:
        yield f"… and {len(outcome.wrong) - MOST_TOLD} more"
    yield f"Again: {outcome.settings.command}"


@click.command(context_settings={"show_default": True})
@click.option("--calls", type=click.IntRange(min=10), default=20_000, help="Calls that the IVR makes.")
@click.option("--kills", "times", type=click.IntRange(min=0), default=50, help="Kills of the daemon.")
@click.option("--seed", type=int, help="Of the plan; else chosen, and printed.")
@click.option("--channels", type=click.IntRange(min=1), default=CHANNELS, help="Calls at a time.")
@click.option("--keep", is_flag=True, help="Keep logs, history and journal in any case.")
def main(calls: int, times: int, seed: int | None, channels: int, keep: bool) -> None:
    """Calls through everything that can happen to CE and to the daemon."""
    settings = Settings(calls, times, secrets.randbelow(1_000_000) if seed is None else seed, channels)
    click.echo(settings.command)
    directory = Path(mkdtemp(prefix="agentchan-"))
    good = False
    try:
        outcome = run(settings, directory, click.echo)
        good = not outcome.wrong and not outcome.judgement.wrong
        for line in told(outcome):
            click.echo(line)
    finally:
        if keep or not good:
            click.echo(f"Logs, history and journal are in {directory}")
        else:
            shutil.rmtree(directory)
    sys.exit(not good)


if __name__ == "__main__":
    main()
