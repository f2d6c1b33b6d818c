"""One IVR channel: what is wanted of it, what CE was told, what CE reports, and so whether it must be told something.

A *wish* is what this side wants CE to believe. CE never reports a wish, only a state; so what was *said* in the
present session is remembered beside it (contract, Details). Idle channels are NotReady after a sign-on, which is as if
NotReady had been said; on a channel in a call nothing is known to have been said.
"""

from __future__ import annotations

from attrs import define, frozen

from agentchan.vocabulary import ChannelReport, ChannelState


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
        unknown_to_ce: CE answered that it has no such channel, and has not taken it since.
        tried_again: CE is asked, or to be asked, for such a channel again.
        held_back: signals of it are pending, so that it is not made ready.
        asked_for: CE is to be told something in any case, since its answer reports the channel.
        told_again_at: when a wish that CE did not take is said again (monotonic seconds); None: no such wish.
        not_taken: CE did not take the wish when it was told last.
    """

    name: str
    wish: Wish
    said: Wish | None = None
    reported: ChannelState = ChannelState.UNKNOWN
    call_id: str | None = None
    since: float = 0.0
    unknown_to_ce: bool = False
    tried_again: bool = False
    held_back: bool = False
    asked_for: bool = False
    told_again_at: float | None = None
    not_taken: bool = False

    @property
    def left_out(self) -> bool:
        """Whether the channel is not to be signed on, since CE does not know it."""
        return self.unknown_to_ce and not self.tried_again

    @property
    def due(self) -> bool:
        """Whether CE must be told the wish."""
        said, wish = self.said, self.wish
        if said is None or said.ready is not wish.ready:
            return True
        return not wish.ready and said.reason != wish.reason

    @property
    def sayable(self) -> Wish | None:
        """What CE is to be told now, None for nothing: never that a channel is ready that is held back."""
        wish = self.wish
        if self.held_back and wish.ready:
            return NOT_READY if self.asked_for else None
        return wish if self.asked_for or self.due else None

    def report(self, state: ChannelState, call_id: str | None, now: float) -> None:
        """Take CE's newest report."""
        if self.reported is not state or self.call_id != call_id:
            self.reported, self.call_id, self.since = state, call_id, now

    def begin(self, report: ChannelReport | None, now: float) -> None:
        """A session that has this channel has begun."""
        state = report.state if report is not None else ChannelState.UNKNOWN
        self.report(state, report.call_id if report is not None else None, now)
        self.said = NOT_READY if state is ChannelState.NOT_READY else None
        self.asked_for = self.asked_for and report is None
        self.unknown_to_ce = self.tried_again = self.not_taken = False
        self.told_again_at = None

    def forget(self, now: float) -> None:
        """No session has this channel any more."""
        self.report(ChannelState.UNKNOWN, None, now)
        self.said = None
        self.told_again_at = None
        self.not_taken = False
