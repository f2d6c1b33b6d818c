"""The pending signals of one channel, in order."""

from __future__ import annotations

from collections import deque
from math import inf

from attrs import define, field

from agentchan.core.outbox_values import Entry
from agentchan.vocabulary import Gone


@define(eq=False)
class Queue:
    """The pending signals of one channel; there is none without a signal.

    Attributes:
        waiting: in order; the first is the one in flight, if one is.
        in_flight: whether the first is out.
        not_before: when the first may go out (monotonic seconds).
        failures: attempts in a row that came to nothing.
        mending: the first waits for a mend that is being written down.
        offered: whether a free lane will look at it anyway.
    """

    waiting: deque[Entry] = field(factory=deque)
    in_flight: bool = False
    not_before: float = -inf
    failures: int = 0
    mending: bool = False
    offered: bool = False

    def put_first(self, entry: Entry) -> None:
        """Put a signal before all others, none of which is out."""
        self.waiting.appendleft(entry)

    def put_back(self, entry: Entry) -> None:
        """Put a signal where it was: after those that are older, and between its call's NewCall and Gone."""
        place = 1 if self.in_flight else 0
        for index, other in enumerate(self.waiting):
            same_call = other.signal.call_id == entry.signal.call_id
            if same_call and isinstance(other.signal, Gone) and index >= place:
                break
            if same_call or other.accepted_at < entry.accepted_at:
                place = max(place, index + 1)
        self.waiting.insert(place, entry)
