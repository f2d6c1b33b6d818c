"""The options that every benchmark has."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

DISK = Path("/var/tmp")  # noqa: S108 - a real disk on every usual system, other than /tmp
PLOTS = Path(__file__).resolve().parents[1] / "plots"
RESULTS = Path(__file__).resolve().parents[1] / "results"
"""Where findings are written, unless another place is given; git does not keep it."""


def parser(description: str, *offered: str) -> argparse.ArgumentParser:
    """A parser with ``--json`` and ``--smallest``, and what else is offered.

    Args:
        description: the benchmark's docstring.
        offered: ``full``, ``plot``, ``directory``.
    """
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument(
        "--json", type=Path, metavar="FILE", help="write the findings there, as JSON [default: bench/results/NAME.json]"
    )
    made.add_argument(
        "--smallest", action="store_true", help="the least that shows that all of it works; its figures say nothing"
    )
    if "full" in offered:
        made.add_argument("--full", action="store_true", help="more repetitions, more time")
    if "plot" in offered:
        made.add_argument("--plot", action="store_true", help="write SVG plots to bench/plots")
    if "directory" in offered:
        made.add_argument(
            "--directory",
            type=Path,
            default=DISK,
            help="where journals and logs are kept meanwhile: on a real disk [default: %(default)s]",
        )
    return made


@contextmanager
def working_directory(options: argparse.Namespace) -> Iterator[Path]:
    """A directory for everything that the benchmark writes, which goes with it."""
    options.directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="agentchan-bench-", dir=options.directory) as name:
        yield Path(name)
