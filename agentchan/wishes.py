"""What operators, a drain and the IVR's health want of the channels' readiness: kept on disk, and told to the channels.

What is wanted, and which wish outweighs which, is decided in :mod:`agentchan.core.readiness`; here it is remembered,
timed and passed on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from math import inf
from typing import Any, Protocol

from attrs import frozen
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall

from agentchan.core.channels import Channels
from agentchan.core.readiness import ByHand, Readiness
from agentchan.journal.facts import Remembered
from agentchan.journal.writes import DrainBegun, DrainEnded, ReadinessLifted, ReadinessWanted, Write


class Recording(Protocol):
    """The journal, as far as it is needed here."""

    def record(self, batch: Sequence[Write]) -> Deferred[None]:
        """Keep these facts, all or none; fires when they are on disk, fails with JournalUnavailable."""


@frozen
class Drain:
    """Every channel is out of service until resumed.

    Attributes:
        since: monotonic seconds.
        until: when calls in progress should have ended (monotonic seconds), infinite if that does not matter.
    """

    since: float
    reason: str
    until: float
    who: str


class Wishes:
    """All wishes.

    Attributes:
        readiness: what is wanted, to be read only.
        drain: the drain that is under way, if one is.

    Args:
        wall: the time of day in seconds since the epoch, in which a wish survives a restart.
        on_change: called when any channel's wish has changed.
        on_expiry: told of the channels of which the time of what was wanted is over.
    """

    def __init__(
        self,
        reactor: Any,
        wall: Callable[[], float],
        journal: Recording,
        channels: Channels,
        *,
        on_change: Callable[[], None],
        on_expiry: Callable[[Sequence[str]], None] = lambda _names: None,
    ) -> None:
        self.readiness = Readiness()
        self.drain: Drain | None = None
        self._reactor = reactor
        self._wall = wall
        self._journal = journal
        self._channels = channels
        self._on_change = on_change
        self._on_expiry = on_expiry
        self._timer: IDelayedCall | None = None
        self._ending = False

    def remember(self, remembered: Remembered) -> None:
        """Take up what was wanted before the restart; to be called before anything is signalled."""
        now = self._reactor.seconds()
        over = []
        for wish in remembered.readiness:
            until = now + self._left(wish.set_at, wish.until)
            if until <= now:
                over.append(wish.channel)
            elif not wish.ready:
                self.readiness.take_out([wish.channel], ByHand(wish.reason, until, wish.who))
        self._forget(over)
        drain = remembered.drain
        if drain is not None:
            since = now - max(0.0, self._wall() - drain.since.timestamp())
            until = now + self._left(drain.since, drain.until)
            self.drain = Drain(since, drain.reason, until, drain.who)
        self.apply()

    def apply(self) -> None:
        """Let every channel have the wish that counts, say after the list of channels has changed."""
        self.readiness.draining = self._ending or self.drain is not None
        changed = False
        for channel in self._channels.all():
            wish = self.readiness.wish(channel.name)
            if wish != channel.wish:
                self._channels.wished(channel.name, wish)
                changed = True
        self._set_timer()
        if changed:
            self._on_change()

    def by_hand(
        self, names: Iterable[str], *, ready: bool, reason: str, for_: float | None, who: str
    ) -> Deferred[None]:
        """An operator wants these channels ready or not ready; fires when that is on disk.

        It counts at once, and also when the journal fails, with which the Deferred then fails: it is lost at the next
        start only. A wish to be ready with an end takes back what was wanted; there is nothing else to return to.
        """
        chosen = tuple(names)
        now = self._reactor.seconds()
        if ready:
            writes: list[Write] = [ReadinessLifted(name) for name in chosen if name in self.readiness.by_hand]
            self.readiness.bring_back(chosen)
        else:
            set_at = self._time_of_day(now)
            until = None if for_ is None else self._time_of_day(now + for_)
            writes = [ReadinessWanted(name, False, reason, set_at, until, who) for name in chosen]
            self.readiness.take_out(chosen, ByHand(reason, inf if for_ is None else now + for_, who))
        self.apply()
        return self._journal.record(writes) if writes else succeed(None)

    def begin_drain(self, *, reason: str, timeout: float | None, who: str) -> Deferred[None]:
        """Every channel is to be not ready; fires when that is on disk. It counts at once."""
        now = self._reactor.seconds()
        since = self.drain.since if self.drain is not None else now
        until = None if timeout is None else self._time_of_day(now + timeout)
        self.drain = Drain(since, reason, inf if timeout is None else now + timeout, who)
        self.apply()
        return self._journal.record([DrainBegun(self._time_of_day(since), reason, until, who)])

    def end_drain(self) -> Deferred[None]:
        """What was wanted before the drain is wanted again; fires when that is on disk. It counts at once."""
        self.drain = None
        self.apply()
        return self._journal.record([DrainEnded()])

    def stop_serving(self) -> None:
        """The daemon ends: no channel becomes ready any more, whatever anybody wants. Nothing of this is remembered."""
        self._ending = True
        self.apply()

    def ivr_is(self, *, down: bool) -> None:
        """The IVR itself does not answer, or does again."""
        self.readiness.ivr_down = down
        self.apply()

    def close(self) -> None:
        """No timer is left behind."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    def _left(self, since: datetime, until: datetime | None) -> float:
        """Seconds until then; a clock that was set back in between makes them no more than they were at first."""
        if until is None:
            return inf
        return min(until.timestamp() - self._wall(), (until - since).total_seconds())

    def _time_of_day(self, at: float) -> datetime:
        return datetime.fromtimestamp(self._wall() + at - self._reactor.seconds(), UTC)

    def _set_timer(self) -> None:
        self.close()
        expires_at = self.readiness.expires_at
        if expires_at < inf:
            # A timer of weeks is more than epoll takes; it is simply set anew.
            delay = min(86400.0, max(0.0, expires_at - self._reactor.seconds()))
            self._timer = self._reactor.callLater(delay, self._expire)

    def _expire(self) -> None:
        over = self.readiness.expire(self._reactor.seconds())
        self.apply()
        if over:
            self._on_expiry(over)
        self._forget(over)

    def _forget(self, names: Iterable[str]) -> None:
        """A failure costs nothing: what is kept has an end in it, which counts at the next start, too."""
        writes = [ReadinessLifted(name) for name in names]
        if writes:
            self._journal.record(writes).addErrback(lambda _failure: None)
