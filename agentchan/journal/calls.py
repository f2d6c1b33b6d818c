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
        since: when its NewCall was accepted; None if only its end was ever heard of.
        started_at: when it began by the IVR's clock; None as ``new_call_fate``, and so are caller and called.
        new_call: the SignalId of its NewCall.
        new_call_fate: None where there is no NewCall, or it was pruned.
        ended_at: None while it is open.
        gone: the SignalId of its Gone.
        token: what CE answered to its NewCall, for profiles that have such a thing.
    """

    channel: str
    call_id: str
    since: datetime | None
    started_at: datetime | None
    caller: str | None
    called: str | None
    new_call: str | None
    new_call_fate: Fate | None
    ended_at: datetime | None
    gone: str | None
    gone_fate: Fate | None
    token: str | None


_FROM = (
    "SELECT call.channel, call.call_id, since, begun.happened_at, begun.caller, begun.called, new_call, begun.fate,"
    " ended_at, gone, ended.fate, token FROM call LEFT JOIN signal AS begun ON begun.signal_id = new_call"
    " LEFT JOIN signal AS ended ON ended.signal_id = gone"
)


def read_call(connection: Connection, channel: str, call_id: str) -> KeptCall | None:
    """One call, open or ended."""
    found = _calls(connection.execute(f"{_FROM} WHERE call.channel = ? AND call.call_id = ?", (channel, call_id)))
    return found[0] if found else None


def read_call_with_token(connection: Connection, token: str) -> KeptCall | None:
    """The call whose NewCall CE has answered with this token."""
    found = _calls(connection.execute(f"{_FROM} WHERE token = ? ORDER BY since DESC LIMIT 1", (token,)))
    return found[0] if found else None


def read_open_calls(connection: Connection) -> tuple[KeptCall, ...]:
    """Every open call, the oldest first."""
    return _calls(connection.execute(f"{_FROM} WHERE ended_at IS NULL ORDER BY since"))


def _calls(rows: Iterable[tuple[Any, ...]]) -> tuple[KeptCall, ...]:
    return tuple(_call(row) for row in rows)


def _call(row: tuple[Any, ...]) -> KeptCall:
    channel, call_id, since, started_at, caller, called, *rest = row
    new_call, new_call_fate, ended_at, gone, gone_fate, token = rest
    return KeptCall(
        channel=channel,
        call_id=call_id,
        since=optional_from_microseconds(since),
        started_at=None if started_at is None else datetime.fromisoformat(started_at),
        caller=caller,
        called=called,
        new_call=new_call,
        new_call_fate=None if new_call_fate is None else Fate(new_call_fate),
        ended_at=optional_from_microseconds(ended_at),
        gone=gone,
        gone_fate=None if gone_fate is None else Fate(gone_fate),
        token=token,
    )
