"""Runs something on Twisted's reactor to its end, for commands that need the daemon's own network code."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Coroutine
from functools import partial
from threading import Thread
from typing import Any, TypeVar

import structlog
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

_Result = TypeVar("_Result")


def run_once(work: Callable[[Any], Coroutine[Deferred[Any], Any, _Result]]) -> _Result:
    """Run a coroutine; the process can do so once.

    Args:
        work: is given the reactor.

    Raises:
        KeyboardInterrupt: the user did not want to wait.
        Exception: whatever the coroutine raises.
    """
    # The daemon's parts tell their log what happens; here it is the command that tells.
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    # Whoever waits for this command waits for no name server that is long dead.
    os.environ.setdefault("RES_OPTIONS", "timeout:1 attempts:1")
    from twisted.internet import reactor as installed  # noqa: PLC0415 - a program chooses its reactor when it runs

    reactor: Any = installed
    # A thread that the system's resolver keeps must not keep the process, too.
    reactor.getThreadPool().threadFactory = partial(Thread, daemon=True)
    outcome: list[Any] = []

    def begin() -> None:
        Deferred.fromCoroutine(work(reactor)).addBoth(outcome.append).addBoth(lambda _: reactor.crash())

    reactor.callWhenRunning(begin)
    reactor.run()
    if not outcome:
        raise KeyboardInterrupt
    result: Any = outcome[0]
    if isinstance(result, Failure):
        result.raiseException()
    found: _Result = result
    return found
