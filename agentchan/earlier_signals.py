"""The signals of earlier runs: those that were pending, and the Gones that CE had refused, come into the outbox again.

A journal may have a hundred thousand of them; they are read page by page, while the daemon signs on and takes new
signals. Until a channel's signals are here it counts as one of which signals are pending.
"""

from __future__ import annotations

from collections.abc import Iterable

from agentchan.core.outbox import Outbox
from agentchan.core.outbox_values import Entry
from agentchan.journal.signals import KeptSignal
from agentchan.signal_parts import SignalParts

PAGE = 250
"""Signals that are read at once: a few milliseconds of the reactor's time."""


class EarlierSignals:
    """Takes them up, once.

    Attributes:
        expected: the channels whose signals are still to come.
    """

    def __init__(self, parts: SignalParts, outbox: Outbox) -> None:
        self.expected: frozenset[str] = frozenset()
        self._parts = parts
        self._outbox = outbox
        self._pending_to = 0
        self._refused_to = 0

    def expect(self, channels: Iterable[str]) -> None:
        """There are signals of these channels: they are not made ready before CE has been told."""
        self.expected = frozenset(channels)
        for channel in self.expected:
            self._parts.channels.hold_back(channel)

    async def load(self, last_position: int, known: frozenset[str]) -> None:
        """Read them all; goes on where it was when it failed.

        Args:
            last_position: of the newest signal of earlier runs.
            known: SignalIds of this run, which are not taken up again.

        Raises:
            JournalError: they cannot be read now.
        """
        journal = self._parts.journal
        while page := await journal.pending(after=self._pending_to, until=last_position, limit=PAGE):
            for kept in page:
                if kept.signal.signal_id not in known:
                    self._pending(kept)
            self._pending_to = page[-1].position
        while refused := await journal.refused_gones(after=self._refused_to, until=last_position, limit=PAGE):
            for kept, overtaken in refused:
                entry = _entry(kept)
                entry.overtaken = overtaken
                self._outbox.set_aside(entry)
            self._refused_to = refused[-1][0].position
        expected, self.expected = self.expected, frozenset()
        for channel in expected:
            if channel not in self._outbox:
                self._parts.channels.let_go(channel)

    def _pending(self, kept: KeptSignal) -> None:
        entry, channel = _entry(kept), kept.signal.channel
        self._parts.channels.hold_back(channel)
        guard = self._outbox.rules.retry_guard
        if guard is None or channel in self._outbox:
            self._outbox.accepted(entry)
            return
        # Nobody knows whether the first of a channel had gone out when the last run ended.
        entry.attempts = max(1, entry.attempts)
        self._outbox.accepted(entry, not_before=self._parts.now() + guard)


def _entry(kept: KeptSignal) -> Entry:
    return Entry(kept.signal, kept.accepted, kept.repair, kept.attempts, last_error=kept.last_error)
