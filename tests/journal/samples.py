"""Call signals for tests."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from attrs import evolve

from agentchan.journal import Remembered
from agentchan.journal.writes import CallEnded, CallOpened, SignalAccepted, SignalSettled, Write
from agentchan.vocabulary import Fate, Gone, NewCall
from tests.journal.threads import BEGIN, Clocks, Desk


def new_call(number: int, channel: str = "ivr1-001", at: datetime = BEGIN) -> NewCall:
    """The NewCall of a call."""
    return NewCall(f"n{number}", "ivr1", channel, f"c{number}", at, "+49301", "+49402")


def gone(number: int, channel: str = "ivr1-001", at: datetime = BEGIN) -> Gone:
    """Its Gone."""
    return Gone(f"g{number}", "ivr1", channel, f"c{number}", at, "completed")


def accepted(signal: NewCall | Gone, **others: Any) -> tuple[Write, ...]:
    """The batch that accepts a signal."""
    first = SignalAccepted(signal, BEGIN, **others)
    if isinstance(signal, NewCall):
        return first, CallOpened(signal.channel, signal.call_id, signal.started_at, signal.signal_id)
    return first, CallEnded(signal.channel, signal.call_id, signal.ended_at, signal.signal_id)


def settled(signal_id: str, fate: Fate = Fate.CONFIRMED, error: str | None = None) -> SignalSettled:
    """The write that settles a signal."""
    return SignalSettled(signal_id, fate, BEGIN + timedelta(seconds=1), 1, error, "ce1")


def opened(path: Path, clocks: Clocks | None = None, **others: Any) -> tuple[Desk, Remembered]:
    """A journal that is loaded."""
    desk = Desk(path, clocks, **others)
    return desk, desk.journal.load()


def with_token(signal: Gone, token: str) -> Gone:
    """The Gone as it comes back once its call's token is known."""
    return evolve(signal, call_token=token)
