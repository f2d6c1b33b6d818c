"""The IVR of the demo: calls that begin and end all day, and what became of each signal."""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from attrs import define, field, frozen

from agentchan.cli.daemon import Daemon
from agentchan.cli.failures import Failure

EVERY = 0.15
"""Seconds from one call's beginning to the next one's."""
LASTS = 0.5
"""Seconds of a short call."""
LOOK_EVERY = 0.01
"""Seconds."""
KINDS = {"new-call": "NewCall", "gone": "Gone"}


@frozen
class Said:
    """A call signal that agentchan has accepted.

    Attributes:
        kind: ``new-call`` or ``gone``.
        at: monotonic seconds when the IVR said it.
        answered_at: monotonic seconds of agentchan's answer.
    """

    kind: str
    channel: str
    call_id: str
    signal_id: str
    at: float
    answered_at: float


@frozen
class Waited:
    """How long one signal waited.

    Attributes:
        for_answer: seconds of the IVR, until agentchan had it on disk.
        for_ce: seconds from the IVR's word until CE had applied it.
    """

    said: Said
    for_answer: float
    for_ce: float


@define(eq=False)
class Calls:
    """Makes calls in a thread of its own: one that lasts all day, and many short ones.

    Attributes:
        channels: the first one has the call that lasts.
        said: every signal that was accepted, in order.
    """

    client: Daemon
    channels: Sequence[str]
    said: list[Said] = field(factory=list)
    _ends: list[tuple[float, str, str]] = field(factory=list)
    _free: list[str] = field(factory=list)
    _error: Failure | None = None
    _ended: threading.Event = field(factory=threading.Event)
    _thread: threading.Thread | None = None

    @property
    def long_call(self) -> tuple[str, str]:
        """Channel and id of the call that lasts all day."""
        return self.channels[0], "long-call"

    def begin(self) -> None:
        """The first call begins, and then one after the other.

        Raises:
            Failure: agentchan does not take it.
        """
        self._say("new-call", *self.long_call)
        self._free = list(self.channels[:0:-1])
        self._thread = threading.Thread(target=self._run, name="calls", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """No call begins any more, and those in progress end.

        Raises:
            Failure: agentchan has not taken a signal at some time of the day.
        """
        self.stop()
        if self._error is not None:
            raise self._error
        while self._ends:
            _, channel, call_id = heapq.heappop(self._ends)
            self._say("gone", channel, call_id)
        self._say("gone", *self.long_call)

    def stop(self) -> None:
        """No call begins or ends any more."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        next_at = time.monotonic()
        number = 0
        try:
            while not self._ended.wait(LOOK_EVERY):
                now = time.monotonic()
                while self._ends and self._ends[0][0] <= now:
                    _, channel, call_id = heapq.heappop(self._ends)
                    self._say("gone", channel, call_id)
                    self._free.insert(0, channel)
                if now >= next_at and self._free:
                    next_at = now + EVERY
                    number += 1
                    channel, call_id = self._free.pop(), f"call-{number}"
                    heapq.heappush(self._ends, (now + LASTS, channel, call_id))
                    self._say("new-call", channel, call_id)
        except Failure as error:
            self._error = error

    def _say(self, kind: str, channel: str, call_id: str) -> None:
        at = time.monotonic()
        answer = self.client.post(f"/v1/{kind}", {"channel": channel, "call_id": call_id})
        self.said.append(Said(kind, channel, call_id, str(answer["signal_id"]), at, time.monotonic()))


def waited(said: Iterable[Said], history: Iterable[Mapping[str, Any]]) -> list[Waited] | None:
    """How long each signal waited, by CE's history; None while CE has not applied all of them."""
    applied: dict[str, float] = {}
    for row in history:
        if row["event"] in KINDS and not row["duplicate"]:
            applied.setdefault(row["signal_id"], row["monotonic"])
    found = list(said)
    if any(each.signal_id not in applied for each in found):
        return None
    return [Waited(each, each.answered_at - each.at, applied[each.signal_id] - each.at) for each in found]
