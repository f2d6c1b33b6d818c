"""Whether the daemon lives: its loop turns, and what must happen again and again does.

A loop that turns is not enough: the timer that looks at the time may have ended by a fault of ours, and then a pin
would never end, a mark never fall. So it is known of everything that must come again by when it must, and what is
overdue is a reason to be restarted: systemd's watchdog is not fed then, and ``/livez`` fails. Nothing here asks how CE
is.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any, Protocol

import structlog
from twisted.internet.defer import Deferred

from agentchan.ce.watch_pace import LinkTimings

log = structlog.get_logger("agentchan.liveness")

GRACE = 5.0
"""Seconds beyond its time that everything is given: a machine that is busy is not dead."""

JOURNAL_ASKED_EVERY = 10.0
"""Seconds: each question wakes a thread that would sleep."""

JOURNAL_ANSWERS_WITHIN = 60.0
"""Seconds in which the journal's thread has to answer: a disk may take long, and a restart does not mend it."""

LONGEST_DEADLINE = 4.0
"""A watcher's deadline is doubled when it passed, up to so many times the configured one."""

CLOCK = "the daemon's own clock"
JOURNAL = "the journal's thread"
SESSION = "the agent channel's session"


class Answering(Protocol):
    """The journal, as far as it is needed here."""

    def ask(self, question: Callable[[Any], None]) -> Deferred[None]:
        """Run something in the journal's thread."""


class Liveness:
    """Judges by what is overdue.

    Args:
        seconds: the monotonic time.
        journal: whose thread is asked whether it answers.
        session_deadline: by when the agent channel's session has to do something; infinite: it waits for others.
    """

    def __init__(self, seconds: Callable[[], float], journal: Answering, session_deadline: Callable[[], float]) -> None:
        self._seconds = seconds
        self._journal = journal
        self._session_deadline = session_deadline
        self._due: dict[str, float] = {}
        self._ask_journal_at = -inf
        self._ending = False
        self._told: tuple[str, ...] = ()

    def passed(self, interval: float) -> None:
        """The daemon has looked at the time, as it does every so many seconds; sometimes the journal is asked, too."""
        self._expect(CLOCK, interval)
        if JOURNAL not in self._due and self._seconds() >= self._ask_journal_at:
            self._ask_journal_at = self._seconds() + JOURNAL_ASKED_EVERY
            self._expect(JOURNAL, JOURNAL_ANSWERS_WITHIN)
            self._journal.ask(_nothing).addBoth(self._journal_answered)

    def observed(self, url: str, timings: LinkTimings) -> None:
        """A watcher of the component link has told an answer or a failure; it goes on to ask, by these timings."""
        self._expect(f"the watcher of {url}", longest_silence(timings))

    def ending(self) -> None:
        """The daemon signs off: from now on nothing has to come again, as long as the loop turns."""
        self._ending = True

    def reasons(self) -> tuple[str, ...]:
        """What is overdue, in plain words; none if all is well. A change is logged."""
        now = self._seconds()
        due = {} if self._ending else {**self._due, SESSION: self._session_deadline()}
        found = [f"{what} is overdue by {now - at:.0f} s" for what, at in due.items() if now - at > GRACE]
        if bool(found) != bool(self._told):
            log.error("not-live", reasons=found) if found else log.info("live-again")
        self._told = tuple(found)
        return self._told

    def _expect(self, what: str, within: float) -> None:
        self._due[what] = self._seconds() + within

    def _journal_answered(self, _outcome: object) -> None:
        """Also an answer: that it cannot be read."""
        self._due.pop(JOURNAL, None)


def longest_silence(timings: LinkTimings) -> float:
    """Seconds from one word of a URL's watcher to the next at most: a pause, and a question up to its deadline."""
    return timings.poll_interval + timings.watch_wait + LONGEST_DEADLINE * timings.timeout


def _nothing(_connection: object) -> None:
    """Ask for no more than an answer."""
