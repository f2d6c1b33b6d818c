"""The calls that the IVR has told of: which are open, and what is known of those that have ended lately.

A call is one of (channel, call id). It begins with its NewCall and ends with its Gone; either may be told twice, since
a script that got no answer says it again, and a Gone may come alone. What has left the mind here the journal may know.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from datetime import datetime

from attrs import define

from agentchan.vocabulary import Fate

REMEMBERED = 20_000
"""Ended calls that are kept in mind, so that a repeated signal is recognised without the journal."""


@define(eq=False)
class Call:
    """A call.

    Attributes:
        since: when its first signal was accepted (monotonic seconds).
        started_at: by the IVR's clock; None if only its end was told.
        new_call: the SignalId of its NewCall, which the IVR was told; None if there was none.
        new_call_fate: what has become of that.
        remade: the SignalId of the NewCall that was made anew since CE did not know the call; None if none was.
        remade_fate: what has become of that.
        gone: the SignalId of its Gone, which the IVR was told; else of the one that was made here.
        gone_fate: what has become of that.
        ended: whether its Gone was accepted.
        call_token: what CE answered to its NewCall, where the profile has such a thing.
        warned: whether people were told that it lasts too long.
    """

    channel: str
    call_id: str
    since: float
    started_at: datetime | None = None
    caller: str | None = None
    called: str | None = None
    new_call: str | None = None
    new_call_fate: Fate | None = None
    remade: str | None = None
    remade_fate: Fate | None = None
    gone: str | None = None
    gone_fate: Fate | None = None
    ended: bool = False
    call_token: str | None = None
    warned: bool = False

    @property
    def told(self) -> bool:
        """Whether CE has confirmed its newest NewCall."""
        newest = self.new_call_fate if self.remade is None else self.remade_fate
        return newest is Fate.CONFIRMED


class Calls:
    """All open calls, and the newest ended ones. A channel has one open call at most."""

    def __init__(self) -> None:
        self._open: dict[str, Call] = {}
        self._known: OrderedDict[tuple[str, str], Call] = OrderedDict()
        self._newest: dict[str, Call] = {}
        self._named: dict[str, Call] = {}

    def __len__(self) -> int:
        """How many are open."""
        return len(self._open)

    def open(self) -> Iterable[Call]:
        """Every open call, the oldest first."""
        return self._open.values()

    def open_on(self, channel: str) -> Call | None:
        """The open call of a channel."""
        return self._open.get(channel)

    def newest_on(self, channel: str) -> Call | None:
        """The channel's newest call, open or ended, as far as it is known."""
        return self._newest.get(channel)

    def find(self, channel: str, call_id: str) -> Call | None:
        """A call, if it is in mind."""
        return self._known.get((channel, call_id))

    def named(self, name: str, channel: str | None) -> Call | None:
        """The call that has this call token, or this call id; of several the newest.

        Args:
            name: what was told of a call when it began.
            channel: on which it is; None: on any.
        """
        call = self._named.get(name)
        return call if call is not None and channel in (None, call.channel) else None

    def older_than(self, moment: float) -> Iterator[Call]:
        """The open calls of before a moment (monotonic seconds), the oldest first."""
        for call in tuple(self._open.values()):
            if call.since < moment:
                yield call

    def began(self, call: Call) -> None:
        """A NewCall was accepted, or an earlier run had accepted one."""
        self._open[call.channel] = call
        self._remember(call)

    def ended(self, call: Call) -> None:
        """A Gone was accepted for a call, begun here or not."""
        call.ended = True
        if self._open.get(call.channel) is call:
            del self._open[call.channel]
        self._remember(call)

    def met_fate(self, channel: str, call_id: str, signal_id: str, fate: Fate, call_token: str | None) -> None:
        """A signal of a call has met its fate, or is pending again."""
        call = self._known.get((channel, call_id))
        if call is None:
            return
        if call_token is not None:
            call.call_token = call_token
            self._named[call_token] = call
        if signal_id == call.new_call:
            call.new_call_fate = fate
        elif signal_id == call.remade:
            call.remade_fate = fate
        elif signal_id == call.gone:
            call.gone_fate = fate

    def _remember(self, call: Call) -> None:
        key = (call.channel, call.call_id)
        self._known[key] = call
        self._known.move_to_end(key)
        self._newest[call.channel] = call
        for name in _names(call):
            self._named[name] = call
        while len(self._known) > REMEMBERED + len(self._open):
            oldest, forgotten = self._known.popitem(last=False)
            if not forgotten.ended:
                self._known[oldest] = forgotten
                continue
            if self._newest.get(forgotten.channel) is forgotten:
                del self._newest[forgotten.channel]
            for name in _names(forgotten):
                if self._named.get(name) is forgotten:
                    del self._named[name]


def _names(call: Call) -> tuple[str, ...]:
    return (call.call_id,) if call.call_token is None else (call.call_id, call.call_token)
