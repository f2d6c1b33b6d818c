"""The IVR channels: what is wanted of each, what CE was told, what CE reports, and so what must be said next.

A *wish* is what this side wants CE to believe. CE never reports a wish, only a state; so what was *said* in the
present session is remembered beside it (contract, Details). Idle channels are NotReady after a sign-on, which is as if
NotReady had been said; on a channel in a call nothing is known to have been said.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import inf

from attrs import define, frozen

from agentchan.vocabulary import ChannelReport, ChannelState, ReadinessChange


@frozen
class Wish:
    """What CE is to believe of a channel's readiness."""

    ready: bool
    reason: str | None = None


NOT_READY = Wish(ready=False)
"""What counts as said of a channel that is NotReady after a sign-on."""


@define
class Channel:
    """One IVR channel; changed in place by :class:`Channels` alone, since twelve thousand of them change at once.

    Attributes:
        wish: what is wanted.
        said: what CE was told in this session; None: nothing that still counts.
        reported: what CE believes, by its newest report.
        since: when ``reported`` last changed (monotonic seconds).
        unknown_to_ce: CE answered that it has no such channel.
        told_again_at: when a wish that CE did not take is said again (monotonic seconds); None: no such wish.
    """

    name: str
    wish: Wish
    said: Wish | None = None
    reported: ChannelState = ChannelState.UNKNOWN
    call_id: str | None = None
    since: float = 0.0
    unknown_to_ce: bool = False
    told_again_at: float | None = None

    @property
    def due(self) -> bool:
        """Whether CE must be told the wish."""
        if self.said is None or self.said.ready != self.wish.ready:
            return True
        return not self.wish.ready and self.said.reason != self.wish.reason

    def report(self, state: ChannelState, call_id: str | None, now: float) -> None:
        """Take CE's newest report."""
        if self.reported is not state or self.call_id != call_id:
            self.reported, self.call_id, self.since = state, call_id, now

    def begin(self, report: ChannelReport | None, now: float) -> None:
        """A session that has this channel has begun."""
        state = report.state if report else ChannelState.UNKNOWN
        self.report(state, report.call_id if report else None, now)
        self.said = NOT_READY if state is ChannelState.NOT_READY else None
        self.unknown_to_ce = False
        self.told_again_at = None

    def forget(self, now: float) -> None:
        """No session has this channel any more."""
        self.report(ChannelState.UNKNOWN, None, now)
        self.said = None
        self.told_again_at = None


class Channels:
    """All channels of the IVR, in the order of the configuration, and which of them CE must be told about.

    Finding the next ones to tell costs nothing per channel that has nothing to tell: twelve thousand idle channels
    are as cheap as none.
    """

    def __init__(self, names: Iterable[str], wish: Wish, now: float) -> None:
        self._channels = {name: Channel(name, wish, since=now) for name in names}
        self._due: dict[str, None] = {}
        self._stubborn: dict[str, None] = {}
        self._in_session: frozenset[str] = frozenset()
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
        """The names to sign on with: all but those that CE does not know."""
        return tuple(channel.name for channel in self._channels.values() if not channel.unknown_to_ce)

    def unknown(self) -> tuple[str, ...]:
        """The names that CE does not know."""
        return tuple(channel.name for channel in self._channels.values() if channel.unknown_to_ce)

    @property
    def restored(self) -> bool:
        """Whether CE has been told everything."""
        return not self._due

    def listed(self, names: Iterable[str], wish: Wish, now: float) -> None:
        """Take a new list of channels; those in both lists keep all that is known of them."""
        old = self._channels
        self._channels = {name: old.get(name) or Channel(name, wish, since=now) for name in names}
        self.list_changed = True
        for name in old.keys() - self._channels.keys():
            self._due.pop(name, None)
            self._stubborn.pop(name, None)

    def wished(self, name: str, wish: Wish) -> None:
        """Want something of a channel."""
        channel = self._channels[name]
        channel.wish = wish
        channel.told_again_at = None
        self._weigh(channel)

    def exclude(self, names: Iterable[str]) -> tuple[str, ...]:
        """Take out channels that CE does not know; returns those that were not out already."""
        taken = tuple(name for name in names if name in self._channels and not self._channels[name].unknown_to_ce)
        for name in taken:
            channel = self._channels[name]
            channel.unknown_to_ce = True
            channel.said = None
            self._weigh(channel)
        return taken

    def include_all(self) -> None:
        """Forget that CE did not know some channels, so that they are tried again."""
        for name in self.unknown():
            self._channels[name].unknown_to_ce = False
            self.list_changed = True

    def signed_on(self, reports: Sequence[ChannelReport], names: Iterable[str], now: float) -> None:
        """Take what CE reports at a sign-on: nothing that was said before counts any more."""
        self.signed_off(now)
        self.list_changed = False
        self._in_session = frozenset(names)
        by_name = {report.channel: report for report in reports}
        for name, channel in self._channels.items():
            if name in self._in_session:
                channel.begin(by_name.get(name), now)
                self._weigh(channel)

    def extended(self, reports: Sequence[ChannelReport], names: Iterable[str], now: float) -> None:
        """Take what CE reports when the live session got another list; channels in both lists keep their state."""
        self.list_changed = False
        before, self._in_session = self._in_session, frozenset(names)
        by_name = {report.channel: report for report in reports}
        for name, channel in self._channels.items():
            report = by_name.get(name)
            if name not in self._in_session:
                channel.forget(now)
            elif name not in before:
                channel.begin(report, now)
            elif report is not None:
                channel.report(report.state, report.call_id, now)
            self._weigh(channel)

    def signed_off(self, now: float) -> None:
        """The session is over: CE's reports and all that was said count no longer."""
        self._in_session = frozenset()
        self._due.clear()
        self._stubborn.clear()
        for channel in self._channels.values():
            channel.forget(now)

    def next_changes(self, limit: int, ready_limit: int) -> tuple[ReadinessChange, ...]:
        """The next changes to tell CE, at most ``limit``, of which at most ``ready_limit`` make a channel ready."""
        changes: list[ReadinessChange] = []
        for name in self._due:
            wish = self._channels[name].wish
            if wish.ready and ready_limit <= 0:
                continue
            ready_limit -= wish.ready
            changes.append(ReadinessChange(name, wish.ready, wish.reason))
            if len(changes) >= limit:
                break
        return tuple(changes)

    def asked(self, changes: Sequence[ReadinessChange]) -> None:
        """A request with these changes has gone out: they count as said until something tells otherwise."""
        for change in changes:
            channel = self._channels[change.channel]
            channel.said = Wish(change.ready, change.reason)
            self._weigh(channel)

    def answered(
        self, changes: Sequence[ReadinessChange], reports: Sequence[ChannelReport], now: float, again_at: float
    ) -> tuple[str, ...]:
        """Take CE's answer to those changes; returns the idle channels that did not become what was asked.

        Their wish is said again at ``again_at`` (monotonic seconds).
        """
        by_name = {report.channel: report for report in reports}
        stubborn = []
        for change in changes:
            channel, report = self._channels.get(change.channel), by_name.get(change.channel)
            if channel is None:
                continue
            state = report.state if report else ChannelState.UNKNOWN
            channel.report(state, report.call_id if report else None, now)
            wanted = ChannelState.READY if change.ready else ChannelState.NOT_READY
            if not state.in_call and state is not wanted:
                channel.told_again_at = again_at
                self._stubborn[channel.name] = None
                stubborn.append(channel.name)
        return tuple(stubborn)

    def not_said(self, changes: Sequence[ReadinessChange]) -> None:
        """CE refused a request with these changes as a whole: nothing of it was applied."""
        for change in changes:
            channel = self._channels.get(change.channel)
            if channel is not None:
                channel.said = None
                self._weigh(channel)

    def put_off(self, name: str, again_at: float) -> None:
        """CE refused this channel's change by itself: it is said again at ``again_at`` (monotonic seconds) only."""
        channel = self._channels.get(name)
        if channel is not None:
            channel.told_again_at = again_at
            self._stubborn[name] = None

    @property
    def told_again_at(self) -> float:
        """When the next wish that CE did not take is said again (monotonic seconds); infinite if there is none."""
        times = [self._channels[name].told_again_at for name in self._stubborn]
        return min((time for time in times if time is not None), default=inf)

    def say_again(self, now: float) -> None:
        """Bring back the wishes whose time has come."""
        for name in tuple(self._stubborn):
            channel = self._channels[name]
            if channel.told_again_at is None or channel.told_again_at <= now:
                del self._stubborn[name]
                if channel.told_again_at is not None:
                    channel.told_again_at = channel.said = None
                    self._weigh(channel)

    def _weigh(self, channel: Channel) -> None:
        if channel.due and not channel.unknown_to_ce and channel.name in self._in_session:
            self._due[channel.name] = None
        else:
            self._due.pop(channel.name, None)
