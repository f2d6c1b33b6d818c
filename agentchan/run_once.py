"""Runs something on Twisted's reactor to its end, for commands that need the daemon's own network code."""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

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
    # A dead name server would keep the process at its end for as long as the system's resolver waits for it.
    os.environ.setdefault("RES_OPTIONS", "timeout:1 attempts:2")
    from twisted.internet import reactor as installed  # noqa: PLC0415 - a program chooses its reactor when it runs

    reactor: Any = installed
    outcome: list[Any] = []

    def begin() -> None:
        Deferred.fromCoroutine(work(reactor)).addBoth(outcome.append).addBoth(lambda _: reactor.stop())

    reactor.callWhenRunning(begin)
    reactor.run()
    if not outcome:
        raise KeyboardInterrupt
    result: Any = outcome[0]
    if isinstance(result, Failure):
        result.raiseException()
    found: _Result = result
    return found
