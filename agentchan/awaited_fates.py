"""Callers who wait for what becomes of a signal (``?wait=``, ``soap_reply = "confirmed"``)."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from agentchan.vocabulary import Fate


class AwaitedFates:
    """Those who wait."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._waiting: dict[str, list[Deferred[Fate]]] = {}

    def of(self, signal_id: str, patience: float) -> Deferred[Fate]:
        """A signal's fate, PENDING if it has met none within so many seconds."""
        fate: Deferred[Fate] = Deferred()
        self._waiting.setdefault(signal_id, []).append(fate)

        def late(_result: object, _seconds: float) -> Fate:
            waiting = self._waiting[signal_id]
            waiting.remove(fate)
            if not waiting:
                del self._waiting[signal_id]
            return Fate.PENDING

        return fate.addTimeout(patience, self._reactor, onTimeoutCancel=late)

    def met(self, signal_id: str, fate: Fate) -> None:
        """A signal has met its fate."""
        for waiting in self._waiting.pop(signal_id, ()):
            waiting.callback(fate)
