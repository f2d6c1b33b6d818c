"""Feeds a reader of bytes from outside with mutated inputs, by hand.

With atheris ("make fuzz" installs it beside) the mutations are led by what they reach in the code; without it they
are drawn by chance. Either way they begin with the inputs in tests/fuzz/corpus, which the tests read too. What should
not be is written to the current directory, and belongs into the corpus together with the mending.

Inputs by which atheris has reached something new go into a folder that is named at the begin. To take those of them
into the corpus that come to something that no input there comes to:

    python -m tests.fuzz TARGET --keep FOLDER
"""

from __future__ import annotations

import argparse
import hashlib
import logging
import os
import random
import sys
import tempfile
import time
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import structlog
from twisted.logger import globalLogBeginner

from tests.fuzz import TARGETS
from tests.fuzz.target import Target, put_canary

_INSTRUMENTED = ["agentchan", "sipmessage", "tomllib", "twisted"]


def by_chance(target: Target, seconds: float, crashes: Path) -> None:
    """Plain mutations."""
    until, count = time.monotonic() + seconds, 0
    for data in target.mutations(random.Random()):  # noqa: S311 - no secrets here
        if time.monotonic() > until:
            break
        count += 1
        try:
            target.check(data)
        except BaseException:
            file = crashes / f"crash-{hashlib.sha256(data).hexdigest()[:16]}"
            file.write_bytes(data)
            sys.stderr.write(f"after {count} inputs: {file}\n")
            raise
    sys.stderr.write(f"{count} inputs, nothing found (without atheris)\n")


def led(atheris: Any, target: Target, seconds: float, crashes: Path) -> NoReturn:
    """Mutations led by coverage; libFuzzer ends the process."""
    new = tempfile.mkdtemp(prefix=f"{target.name}-corpus-")
    sys.stderr.write(f"new inputs go to {new}\n")
    words = Path(new).with_suffix(".dict")
    words.write_text("".join(f'"{_escaped(piece)}"\n' for piece in target.pieces))
    options = [f"-max_total_time={round(seconds)}", f"-max_len={target.largest}", "-timeout=10", f"-dict={words}"]

    def mutated(data: bytes, most: int, seed: int) -> bytes:
        chance = random.Random(seed)  # noqa: S311 - no secrets here
        formed = target.mutated(data, chance) if target.mutated is not None and seed % 2 else None
        changed: bytes = atheris.Mutate(data, most) if formed is None else formed[:most]
        return changed

    atheris.Setup(
        [sys.argv[0], *options, f"-artifact_prefix={crashes}/", new, str(target.corpus)],
        target.check,
        custom_mutator=mutated,
    )
    atheris.Fuzz()
    raise SystemExit(0)


def _escaped(piece: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in piece)


def main() -> None:
    """One run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--keep", metavar="FOLDER", type=Path, help="take new kinds of inputs into the corpus")
    options = parser.parse_args()
    instrumented: AbstractContextManager[Any] = nullcontext()
    try:
        import atheris  # noqa: PLC0415  an option
    except ImportError:
        atheris = None
    if atheris is not None and options.keep is None:
        instrumented = atheris.instrument_imports(include=_INSTRUMENTED)
    with instrumented:
        target: Target = import_module(f"tests.fuzz.{options.target}").TARGET
        target.read(b"")
    if options.keep is not None:
        for file in target.keep(target.seeds(options.keep.absolute())):
            sys.stderr.write(f"{file}: {target.kind(file.read_bytes())}\n")
        return
    crashes = Path.cwd()
    os.chdir(tempfile.mkdtemp(prefix="fuzz-"))
    if not put_canary():
        sys.stderr.write("this file system does not note what is read; files that libxml2 reads go unseen\n")
    # Nothing is printed, and nothing is kept to be printed later.
    globalLogBeginner.beginLoggingTo([], redirectStandardIO=False, discardBuffer=True)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    if atheris is None:
        by_chance(target, options.seconds, crashes)
    else:
        led(atheris, target, options.seconds, crashes)


if __name__ == "__main__":
    main()
