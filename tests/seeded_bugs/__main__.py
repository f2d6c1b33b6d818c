"""Makes each seeded bug in a copy of the tree and tells who catches it: ``python -m tests.seeded_bugs``."""

from __future__ import annotations

import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click

from tests.seeded_bugs.bugs import Bug, Caught, hunted, listed

INVARIANTS = tuple(f"I{number}" for number in range(1, 8))


@click.command()
@click.argument("names", nargs=-1)
@click.option("--seeds", type=click.IntRange(0), default=300, show_default=True, help="Play so many at most; 0: none.")
@click.option("--tests/--no-tests", default=True, show_default=True, help="Whether to run the tests, too.")
@click.option("--both", is_flag=True, help="Run tests and simulation for each, also if one has caught it.")
@click.option("--jobs", type=click.IntRange(1), default=os.cpu_count() or 1, show_default=True, help="At once.")
def main(names: tuple[str, ...], *, seeds: int, tests: bool, both: bool, jobs: int) -> None:
    """Make each bug, or those named; ends 1 if one survives, or (of all) an invariant has caught none."""
    bugs = [bug for bug in listed() if not names or bug.name in names]

    def hunt(bug: Bug) -> Caught:
        with tempfile.TemporaryDirectory() as folder:
            return hunted(bug, Path(folder), seeds=seeds, tests=tests, both=both)

    click.echo(f"{'bug':40} {'simulation':18} test")
    found: list[Caught] = []
    with ThreadPoolExecutor(jobs) as pool:
        for caught in pool.map(hunt, bugs):
            found.append(caught)
            click.echo(row(caught))
    for line in verdict(found, of_all=not names and seeds > 0):
        click.echo(line)
    sys.exit(any(caught.survived for caught in found) or bool(not names and seeds and idle(found)))


def row(caught: Caught) -> str:
    """One line of the table."""
    simulation = "-" if caught.invariant is None else f"{caught.invariant}, seed {caught.seed}"
    return f"{caught.bug.name:40} {simulation:18} {caught.test or ('-' if not caught.survived else 'SURVIVED')}"


def idle(found: list[Caught]) -> list[str]:
    """The invariants that have caught nothing."""
    caught_by = Counter(caught.invariant for caught in found)
    return [invariant for invariant in INVARIANTS if not caught_by[invariant]]


def verdict(found: list[Caught], *, of_all: bool) -> Iterator[str]:
    """What the table comes to."""
    survivors = [caught.bug.name for caught in found if caught.survived]
    caught_by = Counter(caught.invariant for caught in found if caught.invariant is not None)
    yield f"{len(found)} bugs, {len(survivors)} survived" + (f": {', '.join(survivors)}" if survivors else "")
    yield "caught by " + (", ".join(f"{name}: {number}" for name, number in sorted(caught_by.items())) or "tests alone")
    if of_all and idle(found):
        yield f"these invariants caught none: {', '.join(idle(found))}"


if __name__ == "__main__":
    main()
