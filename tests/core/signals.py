"""Call signals for the tests of the outbox, and what it has decided, in short."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from agentchan.core.outbox import Outbox
from agentchan.core.outbox_values import (
    Decided,
    Denied,
    Emptied,
    Entry,
    Mend,
    Reported,
    ReportWanted,
    Tried,
)
from agentchan.vocabulary import CallSignal, Gone, NewCall

MOMENT = datetime(2024, 5, 1, 12, tzinfo=UTC)


def new_call(call: str, channel: str = "c1") -> Entry:
    """A NewCall, accepted at 0; its id is ``n:CALL``."""
    return Entry(NewCall(f"n:{call}", "ivr1", channel, call, MOMENT), 0.0)


def gone(call: str, channel: str = "c1") -> Entry:
    """A Gone, accepted at 0; its id is ``g:CALL``."""
    return Entry(Gone(f"g:{call}", "ivr1", channel, call, MOMENT), 0.0)


def taken(outbox: Outbox, now: float) -> CallSignal:
    """The next signal, which there must be."""
    signal = outbox.take(now)
    assert signal is not None
    return signal


def told(outbox: Outbox) -> list[str]:
    """What the outbox has decided since the last look, in short."""
    actions, outbox.actions = outbox.actions, []
    return [SHORT[type(action)](action) for action in actions]


SHORT: Mapping[type, Callable[[Any], str]] = {
    Decided: lambda decided: f"{decided.entry.id} {decided.entry.fate.value}",
    Tried: lambda tried: f"{tried.entry.id} tried",
    Mend: lambda mend: f"mend {mend.channel} {mend.call_id} {mend.why.value} before {mend.before}",
    Reported: lambda told: " ".join(
        filter(None, (told.report.channel, "is", told.report.state.value, told.report.call_id))
    ),
    Denied: lambda denied: f"denied, {denied.active_server} is active",
    ReportWanted: lambda wanted: f"report of {wanted.channel} wanted",
    Emptied: lambda emptied: f"{emptied.channel} empty",
}
"""How each action is written in short."""
