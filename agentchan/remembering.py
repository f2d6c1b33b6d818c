"""Takes up what earlier runs of the daemon have left in the journal."""

from __future__ import annotations

from math import inf

import structlog
from twisted.internet.task import deferLater

from agentchan import configured
from agentchan.core.observations import Mark, Pin
from agentchan.core.topology import begun
from agentchan.journal.errors import JournalError, JournalUnavailable
from agentchan.journal.facts import Remembered
from agentchan.parts import Parts
from agentchan.recalling import Recalled

log = structlog.get_logger("agentchan.journal")

AGAIN = 1.0
"""Seconds after which the journal is read again where it could not be."""


class Remembering:
    """Joins the journal's past to the parts of a daemon that begins.

    Args:
        daemon: its parts; those that talk to CE need not be built yet.
        recalled: makes a call of what the journal has of it.
    """

    def __init__(self, daemon: Parts, recalled: Recalled) -> None:
        self._daemon = daemon
        self._recalled = recalled
        self._remembered: Remembered | None = None

    def begin(self) -> None:
        """Open the journal, and take up all but the signals, which may be many; blocks.

        A journal that cannot be read just now is read later (:meth:`go_on`).

        Raises:
            JournalError: the journal cannot be used, now or later.
        """
        try:
            self._remembered = self._daemon.journal.load()
        except JournalUnavailable as error:
            # Better an IVR whose channels are ready than none; but what was wanted is not known yet, and that is said.
            log.error("journal-unavailable", reason=str(error))  # noqa: TRY400 - the reason says it all
        self._take_up(self._remembered or Remembered())

    async def go_on(self) -> None:
        """Take up the signals, as soon as the journal can be read, and what else was not read; ends with the daemon."""
        daemon = self._daemon
        while not daemon.stopping:
            try:
                if self._remembered is None:
                    self._remembered = await daemon.journal.remembered()
                    daemon.wishes.remember(self._remembered)
                    self._take_up_calls(self._remembered)
                await daemon.delivering.load(self._remembered.last_position)
            except JournalError as error:
                log.warning("signals-not-loaded", reason=str(error))
                await deferLater(daemon.reactor, AGAIN)
            else:
                break

    def _take_up(self, remembered: Remembered) -> None:
        daemon = self._daemon
        configuration = daemon.configuration
        marks = tuple(Mark(mark.domain, mark.generation, mark.host) for mark in remembered.marks)
        daemon.chronicle.remember(marks)
        urls = configured.topology_urls(configuration)
        daemon.following.recall(begun(urls, configuration.ce.domain, marks, remembered.home))
        daemon.wishes.remember(remembered)
        self._take_up_calls(remembered)
        pin = remembered.pin
        if pin is not None:
            now = daemon.reactor.seconds()
            until = inf if pin.until is None else now + pin.until.timestamp() - daemon.wall()
            if until > now:
                daemon.following.pin(Pin(pin.host, until, pin.reason, pin.who))

    def _take_up_calls(self, remembered: Remembered) -> None:
        """Take up what is in progress, and which channels have signals that CE is still to be told."""
        for kept in remembered.open_calls:
            self._daemon.calls.began(self._recalled(kept))
        self._daemon.delivering.expect(remembered.waiting)
