"""What is wanted of each channel's readiness, and why: by hand, drain, and the IVR's own health.

The sources stand in a fixed order; the first that says "not ready" gives the reason. None of them forgets what the
others want: when it ends, what was wanted by hand is wanted again.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import inf

from attrs import define, field, frozen

from agentchan.core.channel import Wish

DRAINING = "draining"
IVR_DOWN = "ivr-down"
READY = Wish(ready=True)


@frozen
class ByHand:
    """An operator's wish that a channel be not ready.

    Attributes:
        until: when it ends by itself (monotonic seconds), infinite if never.
        who: the operator, as far as the system knows.
    """

    reason: str
    until: float = inf
    who: str = ""


@define
class Readiness:
    """The wishes of all sources.

    Attributes:
        by_hand: the channels that an operator took out, also such as are not in the configuration just now.
        draining: every channel is to be not ready until resumed.
        ivr_down: the IVR itself does not answer.
    """

    by_hand: dict[str, ByHand] = field(factory=dict)
    draining: bool = False
    ivr_down: bool = False

    def wish(self, channel: str) -> Wish:
        """What CE is to believe of a channel."""
        if self.draining:
            return Wish(ready=False, reason=DRAINING)
        if self.ivr_down:
            return Wish(ready=False, reason=IVR_DOWN)
        by_hand = self.by_hand.get(channel)
        return READY if by_hand is None else Wish(ready=False, reason=by_hand.reason)

    def take_out(self, channels: Iterable[str], by_hand: ByHand) -> None:
        """An operator wants these channels not ready."""
        for channel in channels:
            self.by_hand[channel] = by_hand

    def bring_back(self, channels: Iterable[str]) -> None:
        """An operator wants these channels ready."""
        for channel in channels:
            self.by_hand.pop(channel, None)

    def expire(self, now: float) -> tuple[str, ...]:
        """End the wishes whose time is over; returns their channels."""
        over = tuple(channel for channel, by_hand in self.by_hand.items() if by_hand.until <= now)
        self.bring_back(over)
        return over

    @property
    def expires_at(self) -> float:
        """When the next wish ends by itself (monotonic seconds)."""
        return min((by_hand.until for by_hand in self.by_hand.values()), default=inf)
