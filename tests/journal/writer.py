"""A process of its own that accepts signals as fast as it can and prints the number of each that is on disk.

Arguments: the journal's path, and the number of the first signal. It ends when somebody kills it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from twisted.internet import task
from twisted.internet.defer import Deferred, DeferredList, inlineCallbacks

from agentchan.journal import Journal
from tests.journal.samples import accepted, gone, new_call, settled

CALLERS = 20


def say(line: str) -> None:
    """Print a line now."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


@inlineCallbacks
def accept_for_ever(reactor: Any, path: Path, first: int) -> Generator[Deferred[Any], Any, None]:
    """Let several callers accept calls; of each call both signals, the NewCall confirmed before the Gone."""
    journal = Journal(reactor, path, wall=lambda: datetime.now(UTC), monotonic=time.monotonic)
    journal.load()

    @inlineCallbacks
    def caller(number: int) -> Generator[Deferred[Any], Any, None]:
        while True:
            channel = f"channel-{number % CALLERS}"
            yield journal.record(accepted(new_call(number, channel)))
            say(f"n{number}")
            journal.record([settled(f"n{number}")], lazily=True)
            yield journal.record(accepted(gone(number, channel)))
            say(f"g{number}")
            number += CALLERS

    yield DeferredList([caller(first + offset) for offset in range(CALLERS)])


if __name__ == "__main__":
    task.react(accept_for_ever, (Path(sys.argv[1]), int(sys.argv[2])))
