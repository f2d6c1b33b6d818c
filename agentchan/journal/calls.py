"""Reading calls: which are open, and what is known of one, so that a repeated signal is recognised."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from sqlite3 import Connection
from typing import Any

from attrs import frozen

from agentchan.journal.instants import optional_from_microseconds
from agentchan.vocabulary import Fate


@frozen
class KeptCall:
    """A call.

    Attributes:
        since: when it began; None if only its end was ever heard of.
        new_call: the SignalId of its NewCall.
        new_call_fate: None where there is no NewCall, or it was pruned.
        ended_at: None while it is open.
        gone: the SignalId of its Gone, the newest if there were several.
        token: what CE answered to its NewCall, for profiles that have such a thing.
    """

    channel: str
    call_id: str
    since: datetime | None
    new_call: str | None
    new_call_fate: Fate | None
    ended_at: datetime | None
    gone: str | None
    gone_fate: Fate | None
    token: str | None


_COLUMNS = (
    "SELECT channel, call_id, since, new_call, (SELECT fate FROM signal WHERE signal_id = new_call), ended_at, gone,"
    " (SELECT fate FROM signal WHERE signal_id = gone), token FROM call"
)


def read_call(connection: Connection, channel: str, call_id: str) -> KeptCall | None:
    """One call, open or ended."""
    found = _calls(connection.execute(f"{_COLUMNS} WHERE channel = ? AND call_id = ?", (channel, call_id)))
    return found[0] if found else None


def read_open_calls(connection: Connection) -> tuple[KeptCall, ...]:
    """Every open call, the oldest first."""
    return _calls(connection.execute(f"{_COLUMNS} WHERE ended_at IS NULL ORDER BY since"))


def _calls(rows: Iterable[tuple[Any, ...]]) -> tuple[KeptCall, ...]:
    return tuple(
        KeptCall(
            channel=channel,
            call_id=call_id,
            since=optional_from_microseconds(since),
            new_call=new_call,
            new_call_fate=None if new_call_fate is None else Fate(new_call_fate),
            ended_at=optional_from_microseconds(ended_at),
            gone=gone,
            gone_fate=None if gone_fate is None else Fate(gone_fate),
            token=token,
        )
        for channel, call_id, since, new_call, new_call_fate, ended_at, gone, gone_fate, token in rows
    )
