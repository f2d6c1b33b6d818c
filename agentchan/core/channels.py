"""All IVR channels: which of them CE must be told about next, and what its answers say of them.

Call signals go another way than readiness, and the answers on the two ways have no order. So a channel of which signals
are pending is *held back*: it is not made ready before CE has been told of its calls. And what CE reports of a channel
of which a signal was out at the time says nothing (design, Agent channel).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from heapq import heappop, heappush
from itertools import islice
from math import inf

from agentchan.core.channel import Channel, Wish
from agentchan.vocabulary import ChannelReport, ChannelState, ReadinessChange


class Channels:
    """All channels of the IVR, in the order of the configuration, and which of them CE must be told about.

    Finding the next ones to tell costs nothing per channel that has nothing to tell: twelve thousand idle channels
    are as cheap as none.
    """

    def __init__(self, names: Iterable[str], wish: Wish, now: float) -> None:
        self._channels = {name: Channel(name, wish, since=now) for name in names}
        self._to_close: dict[str, Wish] = {}
        self._to_open: dict[str, Wish] = {}
        self._again: list[tuple[float, str]] = []
        self._in_session: frozenset[str] = frozenset()
        self._held_back: set[str] = set()
        self._signals_out: set[str] = set()
        self._blurred: set[str] = set()
        self.list_changed = False
        """Whether the live session should get another list of channels."""

    def __len__(self) -> int:
        return len(self._channels)

    def __getitem__(self, name: str) -> Channel:
        return self._channels[name]

    def __contains__(self, name: str) -> bool:
        return name in self._channels

    def all(self) -> Iterable[Channel]:
        """Every channel, in order."""
        return self._channels.values()

    def known(self) -> tuple[str, ...]:
        """The names to sign on with: all but those that CE does not know and that are not to be tried again."""
        return tuple(channel.name for channel in self._channels.values() if not channel.left_out)

    def unknown(self) -> tuple[str, ...]:
        """The names that CE does not know."""
        return tuple(channel.name for channel in self._channels.values() if channel.unknown_to_ce)

    @property
    def restored(self) -> bool:
        """Whether CE has been told everything that it may be told; channels that are held back are told later."""
        return not self._to_close and not self._to_open

    @property
    def changed(self) -> bool:
        """Whether the live session has anything to tell CE of the channels, or should get another list."""
        return self.list_changed or not self.restored

    # The list, and the wishes.

    def listed(self, names: Iterable[str], wish: Wish, now: float) -> None:
        """Take a new list of channels; those in both lists keep all that is known of them."""
        old = self._channels
        self._channels = {}
        for name in names:
            held_back = name in self._held_back
            self._channels[name] = old.get(name) or Channel(name, wish, since=now, held_back=held_back)
        self.list_changed = True
        for name in old.keys() - self._channels.keys():
            self._to_close.pop(name, None)
            self._to_open.pop(name, None)

    def wished(self, name: str, wish: Wish) -> None:
        """Want something of a channel."""
        channel = self._channels[name]
        channel.wish = wish
        if channel.not_taken:
            channel.told_again_at = channel.said = None
            channel.not_taken = False
        self._weigh(channel)

    def exclude(self, names: Iterable[str]) -> tuple[str, ...]:
        """Take out channels that CE does not know; returns those that were not out already."""
        taken = tuple(name for name in names if name in self._channels and not self._channels[name].left_out)
        for name in taken:
            channel = self._channels[name]
            channel.unknown_to_ce = True
            channel.tried_again = channel.not_taken = False
            channel.said = None
            self._weigh(channel)
        return taken

    def include_all(self) -> None:
        """Try the channels that CE did not know again."""
        for name in self.unknown():
            self._channels[name].tried_again = True
            self.list_changed = True

    def compare_list(self) -> None:
        """CE refused another list: whether there is still one to be given, without what it does not know."""
        self.list_changed = frozenset(self.known()) != self._in_session

    # Sessions.

    def opening(self) -> None:
        """A request with the list of channels goes out; what it answers of a channel with a signal out is nothing."""
        self._blurred = set(self._signals_out)

    def signed_on(
        self, reports: Sequence[ChannelReport], names: Sequence[str], now: float
    ) -> tuple[ChannelReport, ...]:
        """Take what CE reports at a sign-on: nothing that was said before counts any more.

        Returns:
            The reports that say something.
        """
        self._nothing_to_tell()
        self._in_session = frozenset(names)
        self.list_changed = names != self.known()
        clear = self._clear(reports)
        for name, channel in self._channels.items():
            if name not in self._in_session:
                channel.forget(now)
                continue
            channel.begin(clear.get(name), now)
            # As _weigh does, which would cost twice as much for the many channels that begin together.
            wish = channel.sayable
            if wish is not None:
                (self._to_open if wish.ready else self._to_close)[name] = wish
        return tuple(clear.values())

    def extended(self, reports: Sequence[ChannelReport], names: Sequence[str], now: float) -> tuple[ChannelReport, ...]:
        """Take what CE reports when the live session got another list; channels in both lists keep their state.

        Returns:
            The reports that say something.
        """
        before, self._in_session = self._in_session, frozenset(names)
        self.list_changed = names != self.known()
        clear = self._clear(reports)
        for name, channel in self._channels.items():
            report = clear.get(name)
            if name not in self._in_session:
                channel.forget(now)
            elif name not in before or channel.unknown_to_ce:
                channel.begin(report, now)
            elif report is not None:
                channel.report(report.state, report.call_id, now)
            self._weigh(channel)
        return tuple(clear.values())

    def signed_off(self, now: float) -> None:
        """The session is over: CE's reports and all that was said count no longer."""
        self._in_session = frozenset()
        self._nothing_to_tell()
        for channel in self._channels.values():
            channel.forget(now)

    def _nothing_to_tell(self) -> None:
        self._to_close.clear()
        self._to_open.clear()
        self._again.clear()

    # Readiness.

    def next_changes(self, limit: int, ready_limit: int) -> tuple[ReadinessChange, ...]:
        """The next changes to tell CE, at most ``limit``, of which at most ``ready_limit`` make a channel ready.

        Channels that are to be not ready come first: CE gives them calls as long as it believes otherwise.
        """
        first = islice(self._to_close.items(), limit)
        changes = [ReadinessChange(name, wish.ready, wish.reason) for name, wish in first]
        then = islice(self._to_open.items(), max(0, min(limit - len(changes), ready_limit)))
        changes += [ReadinessChange(name, wish.ready, wish.reason) for name, wish in then]
        return tuple(changes)

    def asked(self, changes: Sequence[ReadinessChange]) -> None:
        """A request with these changes goes out: they count as said until something tells otherwise."""
        self._blurred = set(self._signals_out)
        for change in changes:
            channel = self._channels[change.channel]
            channel.said = Wish(change.ready, change.reason)
            channel.asked_for = False
            self._weigh(channel)

    def answered(
        self, changes: Sequence[ReadinessChange], reports: Sequence[ChannelReport], now: float, again_at: float
    ) -> tuple[tuple[ChannelReport, ...], tuple[str, ...]]:
        """Take CE's answer to those changes.

        An idle channel that did not become what was asked is *stubborn*: its wish is said again at ``again_at``
        (monotonic seconds). Where the profile's answer reports no channel at all, CE is believed to have obeyed.

        Returns:
            The reports that say something, and the stubborn channels.
        """
        clear = self._clear(reports)
        stubborn = []
        for change in changes:
            channel = self._channels.get(change.channel)
            if channel is None or change.channel in self._blurred:
                continue
            channel.not_taken = False
            if not reports:
                continue
            report = clear.get(change.channel)
            state = report.state if report else ChannelState.UNKNOWN
            channel.report(state, report.call_id if report else None, now)
            wanted = ChannelState.READY if change.ready else ChannelState.NOT_READY
            if not state.in_call and state is not wanted:
                self.put_off(change, again_at)
                stubborn.append(channel.name)
        return tuple(clear.values()), tuple(stubborn)

    def not_said(self, changes: Sequence[ReadinessChange]) -> None:
        """CE refused a request with these changes as a whole: nothing of it was applied."""
        for change in changes:
            channel = self._channels.get(change.channel)
            if channel is not None:
                channel.said = None
                self._weigh(channel)

    def put_off(self, change: ReadinessChange, again_at: float) -> None:
        """CE did not take a change: it is said again at ``again_at`` (monotonic seconds), and not before."""
        channel = self._channels.get(change.channel)
        if channel is not None:
            channel.said = Wish(change.ready, change.reason)
            channel.told_again_at = again_at
            channel.not_taken = True
            heappush(self._again, (again_at, channel.name))
            self._weigh(channel)

    @property
    def told_again_at(self) -> float:
        """When the next wish that CE did not take is said again (monotonic seconds); infinite if there is none."""
        while self._again:
            again_at, name = self._again[0]
            if name in self._channels and self._channels[name].told_again_at == again_at:
                return again_at
            heappop(self._again)
        return inf

    def say_again(self, now: float) -> None:
        """Bring back the wishes whose time has come."""
        while self.told_again_at <= now:
            channel = self._channels[heappop(self._again)[1]]
            channel.told_again_at = channel.said = None
            self._weigh(channel)

    def tell_again(self, name: str) -> None:
        """Have CE report a channel: its wish is told again, or while it is held back that it is not ready."""
        if name in self._channels:
            channel = self._channels[name]
            channel.asked_for = True
            self._weigh(channel)

    # Call signals.

    def hold_back(self, name: str) -> None:
        """Signals of a channel are pending, or CE is still to be told of its call: it is not made ready."""
        self._held_back.add(name)
        self._hold(name, held_back=True)

    def let_go(self, name: str) -> None:
        """CE has been told all of a channel's calls."""
        self._held_back.discard(name)
        self._signals_out.discard(name)
        self._hold(name, held_back=False)

    def signal_sent(self, name: str) -> None:
        """A signal of a channel goes out: until it is answered, what CE reports of the channel says nothing."""
        self._signals_out.add(name)
        self._blurred.add(name)

    def signal_answered(self, name: str) -> None:
        """No signal of a channel is out any more."""
        self._signals_out.discard(name)

    def reported_by_signal(self, report: ChannelReport, now: float) -> None:
        """CE answered a signal, and with it what it believes of the channel now.

        After a Gone the channel is Ready or NotReady as CE was told last in this session. If it is not, then CE has
        lost what was said, and it is said again.
        """
        self._signals_out.discard(report.channel)
        channel = self._channels.get(report.channel)
        if channel is None:
            return
        channel.report(report.state, report.call_id, now)
        idle = report.state in (ChannelState.READY, ChannelState.NOT_READY)
        if idle and channel.said is not None and channel.said.ready is not (report.state is ChannelState.READY):
            channel.said = None
            self._weigh(channel)

    def _hold(self, name: str, *, held_back: bool) -> None:
        channel = self._channels.get(name)
        if channel is not None and channel.held_back is not held_back:
            channel.held_back = held_back
            self._weigh(channel)

    def _clear(self, reports: Sequence[ChannelReport]) -> dict[str, ChannelReport]:
        """The reports that say something: of channels of the session, no signal of which was out meanwhile."""
        asked = self._in_session - self._blurred if self._blurred else self._in_session
        return {report.channel: report for report in reports if report.channel in asked}

    def _weigh(self, channel: Channel) -> None:
        name, wish = channel.name, channel.sayable
        self._to_close.pop(name, None)
        self._to_open.pop(name, None)
        if wish is not None and not channel.unknown_to_ce and name in self._in_session:
            (self._to_open if wish.ready else self._to_close)[name] = wish
