"""Callers who leave by themselves: some seconds after its NewCall every Busy channel becomes Wrapup."""

from __future__ import annotations

import sqlite3
import time

from attrs import define, field
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from agentchan.lab.calls import Calls, HeldCall
from agentchan.lab.database import Database
from agentchan.lab.history import History, Row
from agentchan.lab.membership import Membership

INTERVAL = 0.05
"""Seconds between two looks; only while callers leave at all."""

log = Logger()


@define(eq=False)
class Callers:
    """What CE sees of the callers; the active host sees it, whoever took the NewCall.

    Attributes:
        leave_after: seconds after the NewCall; None: never by themselves.
    """

    reactor: IReactorTime
    database: Database
    membership: Membership
    history: History
    calls: Calls
    leave_after: float | None = None
    _looking: LoopingCall = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._looking = LoopingCall(self._look)
        self._looking.clock = self.reactor

    def set_leave_after(self, seconds: float | None) -> None:
        """Change :attr:`leave_after`, for present calls too."""
        self.stop()
        self.leave_after = seconds
        if seconds is not None:
            self._looking.start(INTERVAL)

    def stop(self) -> None:
        """Look no more."""
        if self._looking.running:
            self._looking.stop()

    def hang_up(self, ivr: str, channel: str) -> None:
        """The caller on ``channel`` has left.

        Raises:
            ValueError: the channel holds no call.
        """
        with self.database.transaction():
            held = self.calls.held(ivr, channel)
            if held is None:
                raise ValueError(f"{channel} of {ivr} holds no call")
            self._wrap_up(ivr, channel, held.call_id)

    def _look(self) -> None:
        try:
            before = time.monotonic() - (self.leave_after or 0.0)
            if self.membership.look().is_active and self.calls.busy_since(before):
                with self.database.transaction():
                    if self.membership.look().is_active:
                        for ivr, channel, call_id in self.calls.busy_since(before):
                            self._wrap_up(ivr, channel, call_id)
        except sqlite3.OperationalError as error:
            log.warn("callers that left were not noted: {error}", error=error)  # noqa: G010 - the name in Twisted

    def _wrap_up(self, ivr: str, channel: str, call_id: str) -> None:
        self.calls.hold(ivr, channel, HeldCall("Wrapup", call_id), time.monotonic())
        row = Row("hung-up", ivr=ivr, channel=channel, call_id=call_id, details={"state": "Wrapup"})
        self.history.add(self.membership.domain.read().generation, row)
