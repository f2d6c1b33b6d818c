"""Plays seeds: ``python -m tests.simulation --seeds 500 --from 1``; ``--seed 7`` plays one, with its trace."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from pathlib import Path

import click

from tests.simulation.scenario import Outcome, played
from tests.simulation.world import BEGIN

TOGETHER = 5
"""Seeds that one worker plays before it tells."""

MEMORY = Path("/dev/shm")  # noqa: S108 - the folders in it are made by tempfile
"""Where journals are quick; elsewhere than on Linux the usual place for temporary files does."""


def play(seeds: range) -> list[Outcome]:
    """Play seeds, one after another, in a folder of their own."""
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        return [played(seed, Path(folder)) for seed in seeds]


def explain(seed: int) -> int:
    """Play one seed and print what happens; returns an exit status."""
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        outcome = played(seed, Path(folder), tracing=True)
    for at, text in outcome.trace:
        click.echo(f"{at - BEGIN:10.4f}  {text}")
    click.echo(f"seed {seed}: faults {', '.join(outcome.faults)}")
    if outcome.broken is not None:
        click.echo(f"seed {seed}: {outcome.broken}", err=True)
        return 1
    click.echo(f"seed {seed}: all holds; healed in {outcome.healing:.2f} s (bound {outcome.bound:.0f} s)")
    return 0


@click.command()
@click.option("--seed", type=click.IntRange(0), help="Play this one, and print all that happens.")
@click.option("--seeds", type=click.IntRange(1), default=500, show_default=True, help="Play so many.")
@click.option("--from", "first", type=click.IntRange(0), default=1, show_default=True, help="The first of them.")
@click.option("--jobs", type=click.IntRange(1), default=os.cpu_count() or 1, show_default=True, help="Processes.")
@click.option("--keep-going", is_flag=True, help="Play on after a seed that fails.")
def main(*, seed: int | None, seeds: int, first: int, jobs: int, keep_going: bool) -> None:
    """Play seeds: the real daemon among simulated hosts, networks and disks. Ends 1 if an invariant does not hold."""
    if os.environ.get("PYTHONHASHSEED") != "0":
        # The order of sets is chance, too.
        again = [sys.executable, "-m", "tests.simulation", *sys.argv[1:]]
        sys.exit(subprocess.run(again, env={**os.environ, "PYTHONHASHSEED": "0"}, check=False).returncode)
    if seed is not None:
        sys.exit(explain(seed))
    sys.exit(_play_many(range(first, first + seeds), jobs, keep_going=keep_going))


def _play_many(seeds: range, jobs: int, *, keep_going: bool) -> int:
    began = told = time.monotonic()
    parts = [seeds[start : start + TOGETHER] for start in range(0, len(seeds), TOGETHER)]
    outcomes: list[Outcome] = []
    failed: list[Outcome] = []
    with ProcessPoolExecutor(jobs) as pool:
        waiting = [pool.submit(partial(play, part)) for part in parts]
        for done in as_completed(waiting):
            outcomes += done.result()
            new = [outcome for outcome in done.result() if outcome.broken is not None]
            failed += new
            for outcome in new:
                click.echo(
                    f"seed {outcome.seed}: {outcome.broken}\n  replay: make simulate SEED={outcome.seed}", err=True
                )
            if failed and not keep_going:
                pool.shutdown(cancel_futures=True)
                break
            if time.monotonic() - told >= 10.0:
                told = time.monotonic()
                click.echo(f"{len(outcomes)} of {len(seeds)} seeds, {told - began:.0f} s", err=True)
    _summarise(outcomes, failed, time.monotonic() - began)
    return 1 if failed else 0


def _summarise(outcomes: list[Outcome], failed: list[Outcome], took: float) -> None:
    faults = Counter(fault for outcome in outcomes for fault in outcome.faults)
    healing = sorted(outcome.healing for outcome in outcomes if outcome.broken is None) or [0.0]
    slowest = max(outcomes, key=lambda outcome: outcome.healing)
    click.echo(f"seeds played      {len(outcomes)}, {len(failed)} failed, in {took:.0f} s")
    click.echo(f"simulated         {sum(outcome.seconds for outcome in outcomes) / 3600:.1f} hours")
    click.echo(f"daemon starts     {sum(outcome.starts for outcome in outcomes)}")
    click.echo(f"signals applied   {sum(outcome.signals for outcome in outcomes)}")
    click.echo(f"faults            {faults.total()} of {len(faults)} kinds")
    click.echo(
        f"healing           median {healing[len(healing) // 2]:.2f} s, longest {healing[-1]:.2f} s "
        f"(seed {slowest.seed}, bound {slowest.bound:.0f} s)"
    )


if __name__ == "__main__":
    main()
