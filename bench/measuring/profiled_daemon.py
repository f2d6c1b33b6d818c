"""The daemon under cProfile: ``python -m measuring.profiled_daemon OUTPUT --config FILE``.

SIGUSR1 begins to profile the reactor's thread, SIGUSR2 ends that and writes ``OUTPUT``; the journal's thread is
profiled from its start, and ``OUTPUT.journal`` is written with it at its end. Times are the threads' own seconds of
processor, so that neither waiting nor other programs count.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from cProfile import Profile
from types import FrameType

from twisted.scripts.twistd import run


def main(output: str, *arguments: str) -> None:
    """Run twistd."""
    profile = Profile(time.thread_time)

    def begin(_number: int, _frame: FrameType | None) -> None:
        profile.enable()

    def end(_number: int, _frame: FrameType | None) -> None:
        profile.disable()
        profile.dump_stats(output)

    signal.signal(signal.SIGUSR1, begin)
    signal.signal(signal.SIGUSR2, end)
    threading.Thread.run = _profiled(threading.Thread.run, f"{output}.journal")  # type: ignore[method-assign]
    sys.argv = ["twistd", "--nodaemon", "--pidfile=", "agentchan", *arguments]
    run()


def _profiled(run_as_before, output: str):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    def run_thread(self: threading.Thread) -> None:
        if self.name != "journal":
            run_as_before(self)
            return
        profile = Profile(time.thread_time)
        try:
            profile.runcall(run_as_before, self)
        finally:
            profile.dump_stats(output)

    return run_thread


if __name__ == "__main__":
    main(*sys.argv[1:])
