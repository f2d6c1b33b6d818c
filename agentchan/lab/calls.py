"""Calls and call signals in the shared database; everything here runs inside the caller's transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Collection

from attrs import frozen

from agentchan.lab.database import Database
from agentchan.lab.soap import Request
from agentchan.lab.values import instant

ASK_SINGLY = 8
"""Up to so many channels are asked one by one; above, all held calls of the IVR are read at once."""


@frozen
class HeldCall:
    """The call that a Busy or Wrapup channel holds."""

    state: str
    call_id: str


def content_of(request: Request) -> bytes:
    """What tells two signals of one SignalId apart: the operation and all its fields, times as instants.

    Raises:
        ValueError: a time carries no zone.
    """
    parts = [request.operation]
    for name in sorted(request.fields):
        value = request.fields[name]
        parts += [name, instant(value) if name in ("StartedAt", "EndedAt") else value]
    # No field contains a control character (they are tokens), so the separator is unambiguous.
    return hashlib.sha256("\x1f".join(parts).encode()).digest()


class Calls:
    """The domain's memory of calls and signals."""

    def __init__(self, database: Database) -> None:
        self._execute = database.execute

    def held(self, ivr: str, channel: str) -> HeldCall | None:
        """The call that the channel holds."""
        row = self._execute(
            "SELECT state, call_id FROM held_call WHERE ivr = ? AND channel = ?", (ivr, channel)
        ).fetchone()
        return None if row is None else HeldCall(*row)

    def held_among(self, ivr: str, channels: Collection[str]) -> dict[str, HeldCall]:
        """The calls that these channels hold (and perhaps those of others)."""
        if len(channels) <= ASK_SINGLY:
            found = ((channel, self.held(ivr, channel)) for channel in channels)
            return {channel: call for channel, call in found if call is not None}
        return self.all_held(ivr)

    def all_held(self, ivr: str) -> dict[str, HeldCall]:
        """Every held call of the IVR, by channel."""
        rows = self._execute("SELECT channel, state, call_id FROM held_call WHERE ivr = ?", (ivr,))
        return {channel: HeldCall(state, call_id) for channel, state, call_id in rows}

    def hold(self, ivr: str, channel: str, call: HeldCall, now: float) -> None:
        """The channel holds this call from ``now`` (monotonic seconds) on."""
        self._execute(
            "INSERT OR REPLACE INTO held_call VALUES (?, ?, ?, ?, ?)", (ivr, channel, call.state, call.call_id, now)
        )

    def busy_since(self, before: float) -> list[tuple[str, str, str]]:
        """IVR, channel and CallId of the calls that are Busy since ``before`` (monotonic seconds) or longer."""
        return self._execute(
            "SELECT ivr, channel, call_id FROM held_call WHERE state = 'Busy' AND began <= ?", (before,)
        ).fetchall()

    def ivrs_of(self, channel: str, call_id: str) -> list[str]:
        """The IVRs whose channel of this name holds, or held, this call."""
        query = (
            "SELECT ivr FROM held_call WHERE channel = ?1 AND call_id = ?2 UNION "
            "SELECT ivr FROM gone_call WHERE channel = ?1 AND call_id = ?2"
        )
        return [ivr for (ivr,) in self._execute(query, (channel, call_id))]

    def free(self, ivr: str, channel: str) -> None:
        """The channel holds no call any more."""
        self._execute("DELETE FROM held_call WHERE ivr = ? AND channel = ?", (ivr, channel))

    def remembered(self, signal_id: str) -> bytes | None:
        """The content that was applied under this SignalId."""
        row = self._execute("SELECT content FROM signal WHERE signal_id = ?", (signal_id,)).fetchone()
        return None if row is None else bytes(row[0])

    def remember(self, signal_id: str, content: bytes, now: float) -> None:
        """Remember an applied signal."""
        self._execute("INSERT INTO signal VALUES (?, ?, ?)", (signal_id, content, now))

    def is_gone(self, ivr: str, channel: str, call_id: str) -> bool:
        """Whether a Gone for the call was applied already."""
        query = "SELECT 1 FROM gone_call WHERE ivr = ? AND channel = ? AND call_id = ?"
        return self._execute(query, (ivr, channel, call_id)).fetchone() is not None

    def remember_gone(self, ivr: str, channel: str, call_id: str, now: float) -> None:
        """Remember that the call has ended."""
        self._execute("INSERT OR REPLACE INTO gone_call VALUES (?, ?, ?, ?)", (ivr, channel, call_id, now))
