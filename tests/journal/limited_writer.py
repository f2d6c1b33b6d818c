"""A process of its own whose files may not grow beyond a limit (ulimit -f), for a while.

It accepts signals until the journal refuses one, lifts the limit, waits until the journal is well again, and prints
whether what is pending is what was accepted. Argument: the journal's path.
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path

from agentchan.journal import JournalUnavailable, State
from tests.journal.samples import accepted, new_call, opened


def main() -> None:
    """Fill, be refused, heal, and tell."""
    desk, _ = opened(Path(sys.argv[1]))
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, hard))
    kept: list[str] = []
    try:
        for number in range(10_000):
            desk.recorded(*accepted(new_call(number, f"channel-{number}")))
            kept.append(f"n{number}")
    except JournalUnavailable as error:
        sys.stdout.write(f"{error.reason}\n")
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    desk.clocks.advance(1.0)
    desk.turns.until(lambda: desk.journal.health.state is State.OK)
    desk.recorded(*accepted(new_call(99_999)))
    kept.append("n99999")
    page = desk.turns.result(desk.journal.pending(after=0, until=10**9, limit=10**6))
    sys.stdout.write(f"{[kept_signal.signal.signal_id for kept_signal in page] == kept}\n")
    desk.closed()


if __name__ == "__main__":
    main()
