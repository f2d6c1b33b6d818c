"""Deadlines that are fair to the peer: what has arrived is read before it counts as missing (F16).

A process that was stopped, swapped out or busy wakes up with its timers overdue, and Twisted's reactor runs timers
before it reads: an answer that has long been in the socket's buffer would count as missing. So a deadline that is
reached late is put off once, by as long as was slept; and none has passed before the reactor has read once more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure

from agentchan.core.pulse import LATE

_T = TypeVar("_T")


class Deadline:
    """Calls back when so many seconds, in which we were awake, have passed.

    Args:
        passed: called once, unless the deadline is cancelled before.
    """

    def __init__(self, reactor: Any, seconds: float, passed: Callable[[], None]) -> None:
        self._reactor = reactor
        self._seconds = seconds
        self._passed = passed
        self._call: IDelayedCall = reactor.callLater(seconds, self._reached)

    def cancel(self) -> None:
        """What was waited for has come; again, or too late, is nothing."""
        if self._call.active():
            self._call.cancel()

    def _reached(self) -> None:
        slept = self._reactor.seconds() - self._call.getTime()
        if slept > LATE:
            self._call = self._reactor.callLater(min(slept, self._seconds), self._read_once_more)
        else:
            self._read_once_more()

    def _read_once_more(self) -> None:
        self._call = self._reactor.callLater(0, self._passed)


def within(reactor: Any, seconds: float, waiting: Deferred[_T], late: Callable[[], Exception]) -> Deferred[_T]:
    """Cancel a Deferred that does not fire in time; it fails then with what ``late`` makes, whatever came of that."""
    overdue = False

    def passed() -> None:
        nonlocal overdue
        overdue = True
        waiting.cancel()

    deadline = Deadline(reactor, seconds, passed)

    def ended(result: _T | Failure) -> _T | Failure:
        deadline.cancel()
        return Failure(late()) if overdue else result

    return waiting.addBoth(ended)
