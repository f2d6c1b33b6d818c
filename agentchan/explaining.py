"""Why a channel is in its state, in plain words and from the nearest cause to the deepest, and what to do: pure.

Whoever reads it was woken at three in the morning. So every state has a cause and a remedy, also where the remedy is to
go back to bed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf
from typing import Any

from attrs import define, field, frozen

from agentchan.core.calls import Call
from agentchan.core.channel import Channel
from agentchan.core.outbox_values import Entry
from agentchan.core.readiness import Readiness
from agentchan.core.session_values import IN_SESSION, Shown, State
from agentchan.core.verdict import Verdict
from agentchan.explaining_ce import ce_and_agent_channel
from agentchan.journal.health import Health
from agentchan.journal.health import State as JournalState
from agentchan.status import Moment
from agentchan.vocabulary import ChannelState, Gone
from agentchan.wishes import Drain

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


@frozen
class Surroundings:
    """What is known besides the channel itself.

    Attributes:
        shown: the agent channel; None where there is none.
        pending: the channel's signals that are not confirmed yet, in order.
        open_call: the call that the IVR has open there.
        stuck: whether CE holds a call there that nobody here knows.
        refused: the Gone of the call that CE holds, if CE has refused it.
        journal: None where it is not looked at.
        ivr_error: why the IVR itself counts as down.
        tells_readiness: whether the profile can tell CE of readiness.
        withheld: whether the Gone of its last call is kept back on purpose (profile.md, ``withhold-gone``).
    """

    verdict: Verdict
    shown: Shown | None
    readiness: Readiness
    drain: Drain | None = None
    pending: Sequence[Entry] = ()
    open_call: Call | None = None
    stuck: bool = False
    refused: Entry | None = None
    journal: Health | None = None
    ivr_error: str = ""
    tells_readiness: bool = True
    withheld: bool = False

    @property
    def signed_on(self) -> bool:
        """Whether CE has a session of ours."""
        return self.shown is not None and self.shown.state in IN_SESSION


@define
class Explanation:
    """What has been found, in the order in which it is told."""

    moment: Moment
    causes: list[dict[str, Any]] = field(factory=list)
    remedies: list[dict[str, str]] = field(factory=list)

    def because(self, text: str, since: float | None = None, who: str | None = None) -> None:
        """A cause, deeper than those before it.

        Args:
            text: a plain sentence without a full stop.
            since: since when (monotonic seconds).
            who: the operator.
        """
        self.causes.append({"text": text, "since": self.moment.time_of_day(since), "who": who or None})

    def do(self, text: str, command: str = "") -> None:
        """A remedy.

        Args:
            text: what it does, or what is to be done where no command does it.
            command: what to type.
        """
        remedy = {"text": text, "command": command}
        if remedy not in self.remedies:
            self.remedies.append(remedy)


def explain(channel: Channel, row: Mapping[str, Any], around: Surroundings, moment: Moment) -> dict[str, Any]:
    """The whole chain of causes of a channel's state.

    Args:
        channel: the channel.
        row: of ``agentchan channels``.
        around: what else is known.
        moment: now.
    """
    told = Explanation(moment)
    if channel.unknown_to_ce:
        headline = _left_out(channel, told)
    elif channel.reported is ChannelState.UNKNOWN:
        headline = _not_known(channel, around, told)
    elif channel.reported.in_call:
        headline = _in_call(channel, around, told)
    elif channel.reported is ChannelState.READY:
        headline = _ready(channel, around, told)
    else:
        headline = _not_ready(channel, around, told)
    ce_and_agent_channel(around.verdict, around.shown, told)
    _journal(around.journal, told)
    if not told.remedies:
        told.do("nothing is to be done")
    return {
        "channel": channel.name,
        "headline": headline,
        "row": dict(row),
        "causes": told.causes,
        "remedies": told.remedies,
    }


# The five kinds of states; each returns the headline.


def _left_out(channel: Channel, told: Explanation) -> str:
    told.because("CE answered that it has no channel of that name, so the others are signed on without it")
    told.because("the name stands in [ivr] channels here; CE is asked again at each sign-on and every 5 minutes")
    told.do("compare the name with CE's administration, mend whichever is wrong, then", "agentchan reload")
    return f"{channel.name} is left out: CE has no channel of that name."


def _not_known(channel: Channel, around: Surroundings, told: Explanation) -> str:
    name, shown = channel.name, around.shown
    if not around.signed_on:
        state = shown.state.value if shown is not None else State.DOWN.value
        told.because("CE told its state last in a session that has ended", channel.since)
        _waiting_signals(channel, around, told)
        _wish(channel, around, told)
        return f"What CE believes of {name} is not known: the agent channel is {state}."
    if not around.tells_readiness:
        told.because("the site's profile maps no operation that tells CE of readiness, or makes CE tell it")
        told.do(
            "nothing, if CE gives it calls; what the profile can and cannot do is told by", "agentchan profile show"
        )
    else:
        told.because("CE has not said anything of this channel in this session yet", channel.since)
        told.do("look again in a moment", f"agentchan explain {name}")
    _waiting_signals(channel, around, told)
    _wish(channel, around, told)
    return f"What CE believes of {name} is not known."


def _in_call(channel: Channel, around: Surroundings, told: Explanation) -> str:
    name, call_id, call = channel.name, channel.call_id or "of unknown id", around.open_call
    told.because(
        "CE says that a caller is on the line"
        if channel.reported is ChannelState.BUSY
        else "CE has seen the caller leave, and waits for the Gone of the call",
        channel.since,
    )
    its_gone = [each for each in around.pending if isinstance(each.signal, Gone) and each.signal.call_id == call_id]
    if around.refused is not None:
        told.because(
            f"the call has ended, but CE refused its Gone: {around.refused.last_error or 'it did not say why'}"
        )
        told.do(
            "mend what CE complains of, then send it again", f"agentchan signals retry {around.refused.id} --reason '…'"
        )
        told.do("or have CE let the call go under a new signal", f"agentchan free {name} --reason '…'")
    elif around.stuck:
        told.because("nobody here knows that call: the IVR has not told of it, or it is long over")
        told.do("once you are sure that nobody is on the line", f"agentchan free {name} --reason '…'")
    elif its_gone and around.withheld:
        told.because("the call has ended here")
    elif its_gone:
        told.because("the call has ended here; its Gone is on its way to CE")
    elif call is not None and call.call_id == channel.call_id:
        told.because("the IVR has not said that the call is over", call.since)
        told.do("nothing, while somebody is talking")
        told.do(
            "if it is over, look why the IVR's script did not say Gone; to say it by hand", f"agentchan gone {name}"
        )
    else:
        told.because("the call is not open here; it is settled at CE's next report of the channel")
        told.do("look again in a moment", f"agentchan explain {name}")
        told.do("if it stays so, and nobody is on the line", f"agentchan free {name} --reason '…'")
    _waiting_signals(channel, around, told)
    _wish(channel, around, told)
    stuck = " and is stuck" if around.stuck or around.refused is not None else ""
    return f"{name} is {channel.reported.value}{stuck}: CE holds call {call_id} there."


def _ready(channel: Channel, around: Surroundings, told: Explanation) -> str:
    name = channel.name
    told.because("CE reports Ready", channel.since)
    _waiting_signals(channel, around, told)
    _wish(channel, around, told)
    if not channel.wish.ready:
        _not_taken(channel, told)
        told.do("until CE has taken it, a call may still come; that it has shows", f"agentchan channels {name}")
        return f"{name} is Ready, but should not be ({channel.wish.reason}): CE has not taken that yet."
    return f"{name} is Ready: CE may give it calls."


def _not_ready(channel: Channel, around: Surroundings, told: Explanation) -> str:
    name = channel.name
    told.because("CE reports NotReady", channel.since)
    if not channel.wish.ready:
        _wish(channel, around, told)
        _waiting_signals(channel, around, told)
        return f"{name} is NotReady, as wanted: {channel.wish.reason}."
    if channel.held_back or around.pending:
        _waiting_signals(channel, around, told)
        _wish(channel, around, told)
        return f"{name} is NotReady until CE has been told of its calls."
    _not_taken(channel, told)
    _wish(channel, around, told)
    return f"{name} is NotReady, but should be Ready: CE has not taken that yet."


# What several of them have in common.


def _wish(channel: Channel, around: Surroundings, told: Explanation) -> None:
    """What is wanted, and who wants it: the reason that counts first."""
    drain, by_hand = around.drain, around.readiness.by_hand.get(channel.name)
    if drain is not None:
        told.because(f"the whole IVR is being drained: {drain.reason or 'no reason was given'}", drain.since, drain.who)
        told.do("when that is over, put the IVR back into service", "agentchan resume")
    elif around.readiness.draining:
        told.because("the daemon is stopping, so no channel becomes ready any more")
        told.do("when it should serve again", "systemctl start agentchan")
    if around.readiness.ivr_down:
        error = f": {around.ivr_error}" if around.ivr_error else ""
        told.because(f"the IVR itself does not answer its health check{error}")
        told.do("start or mend the IVR ([ivr.health] says what is checked); its channels come back by themselves")
    if by_hand is not None:
        left = by_hand.until - told.moment.monotonic
        ending = f"; it ends by itself in {_span(left)}" if by_hand.until < inf else ""
        told.because(f"it was taken out by hand: {by_hand.reason}{ending}", who=by_hand.who)
        told.do("to bring it back", f"agentchan ready {channel.name}")
    if channel.wish.ready:
        told.because("Ready is wanted: nobody took it out")
    elif drain is None and by_hand is None and not (around.readiness.draining or around.readiness.ivr_down):
        told.because(f"NotReady is wanted: {channel.wish.reason or 'no reason is known'}")
        told.do("to bring it back", f"agentchan ready {channel.name}")


def _waiting_signals(channel: Channel, around: Surroundings, told: Explanation) -> None:
    """Call signals that CE has not confirmed: until it has, the channel is not made ready."""
    if not around.pending:
        if channel.held_back:
            told.because("a call of it is being settled with CE, which comes before its readiness")
            told.do("look again in a moment", f"agentchan explain {channel.name}")
        return
    if around.withheld:
        told.because("the Gone of its last call is kept back, which is how this CE is kept from giving it another")
        return
    first, number = around.pending[0], len(around.pending)
    signals = "1 call signal of it waits" if number == 1 else f"{number} call signals of it wait"
    error = f"; the first was not confirmed: {first.last_error}" if first.last_error else ""
    told.because(f"{signals} for CE's confirmation{error}", first.accepted_at)
    told.do("they are sent again and again by themselves; to see them", f"agentchan signals --channel {channel.name}")


def _not_taken(channel: Channel, told: Explanation) -> None:
    """CE does not believe what is wanted."""
    if channel.told_again_at is not None:
        left = max(0.0, channel.told_again_at - told.moment.monotonic)
        told.because(f"CE was told, and did not take it; it is told again in {_span(left)}")
        told.do("CE's own words are among the events", "agentchan events")
        told.do("look in CE's administration whether the channel may be used")
    else:
        told.because("CE is told of it next, after what is being said just now")
        told.do("look again in a moment", f"agentchan explain {channel.name}")


def _journal(journal: Health | None, told: Explanation) -> None:
    if journal is not None and journal.state is JournalState.FAILING:
        told.because(f"besides, the IVR's NewCall and Gone are not accepted: the journal fails: {journal.reason}")
        told.do("mend or free the disk of [journal] path; the daemon goes on by itself")


def _span(seconds: float) -> str:
    """A length of time, rounded."""
    if seconds < _MINUTE:
        return f"{max(0.0, seconds):.0f} s"
    if seconds < _HOUR:
        return f"{seconds / _MINUTE:.0f} min"
    return f"{seconds / _HOUR:.0f} h" if seconds < _DAY else f"{seconds / _DAY:.0f} days"
