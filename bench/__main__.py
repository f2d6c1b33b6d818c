"""All benchmarks, or some of them, one after another.

    python bench [NAME ...] [--full] [--smallest] [--json DIR] [--plot] [--directory DIR]

Without names: all of them, in less than 15 minutes on two quiet cores. Each is a program of its own, too:
``python bench/NAME.py --help``, and writes its findings to bench/results/NAME.json, or DIR/NAME.json with --json. Ends
with status 1 where something that must hold did not; times are printed beside what is promised, but are no test.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

from measuring.options import DISK, RESULTS

HERE = Path(__file__).resolve().parent

OFFERED: dict[str, frozenset[str]] = {
    "codec": frozenset(),
    "journal": frozenset({"directory"}),
    "endpoint_check": frozenset(),
    "failover": frozenset({"full", "plot", "directory"}),
    "idle": frozenset({"full", "plot", "directory"}),
    "signals": frozenset({"full", "directory"}),
    "outage": frozenset({"directory"}),
}
"""The benchmarks, in the order in which they are run, and which options each takes."""


def command(name: str, given: argparse.Namespace) -> list[str]:
    """How a benchmark is run."""
    words = [sys.executable, str(HERE / f"{name}.py")]
    words += [f"--{option}" for option in ("full", "plot") if getattr(given, option) and option in OFFERED[name]]
    if "directory" in OFFERED[name]:
        words.append(f"--directory={given.directory}")
    if given.smallest:
        words.append("--smallest")
    words.append(f"--json={given.json / name}.json")
    return words


def main() -> None:
    """Run them."""
    parser = argparse.ArgumentParser(
        prog="python bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(OFFERED)} [default: all]")
    parser.add_argument("--full", action="store_true", help="more repetitions, more time: about an hour")
    parser.add_argument("--smallest", action="store_true", help="the least that shows that it works")
    parser.add_argument(
        "--json",
        type=Path,
        metavar="DIR",
        default=RESULTS,
        help="where each writes its findings [default: %(default)s]",
    )
    parser.add_argument("--plot", action="store_true", help="write SVG plots to bench/plots")
    parser.add_argument("--directory", type=Path, default=DISK, help="on a real disk [default: %(default)s]")
    given = parser.parse_args()
    unknown = [name for name in given.names if name not in OFFERED]
    if unknown:
        parser.error(f"there is no {', '.join(unknown)}; there are {', '.join(OFFERED)}")
    began = time.monotonic()
    failed = []
    for name in given.names or OFFERED:
        if subprocess.run(command(name, given), check=False).returncode:
            failed.append(name)
        print(flush=True)
    minutes, seconds = divmod(round(time.monotonic() - began), 60)
    print(f"all together: {minutes} min {seconds} s{f'; not right: {failed}' if failed else ''}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
