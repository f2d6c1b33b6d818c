"""Where CE and we do not agree on a channel's call: pure comparison of its report with what is known here."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from agentchan.core.calls import Call
from agentchan.core.outbox_values import Entry
from agentchan.vocabulary import ChannelReport, ChannelState


class Difference(Enum):
    """What CE's report of a channel and our knowledge come to."""

    NONE = "they agree, or pending signals will settle it"
    HOLDS_ANOTHER = "CE holds a call that is not open here"
    HOLDS_NONE = "a call is open here that CE was told of and does not hold"


def difference(report: ChannelReport, open_call: Call | None, pending: Sequence[Entry]) -> Difference:
    """Compare CE's report of a channel with our open call and the channel's pending signals."""
    if report.state.in_call:
        known = any(entry.signal.call_id == report.call_id for entry in pending)
        same = open_call is not None and open_call.call_id == report.call_id
        return Difference.NONE if known or same or report.call_id is None else Difference.HOLDS_ANOTHER
    if report.state is ChannelState.UNKNOWN or open_call is None or not open_call.told or pending:
        return Difference.NONE
    return Difference.HOLDS_NONE
