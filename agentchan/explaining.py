"""Why a channel is in its state, in plain words and from the nearest cause to the deepest; and what time is made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentchan.config import Configuration
from agentchan.core.channel import Channel
from agentchan.core.readiness import Readiness
from agentchan.core.session_values import Shown, State
from agentchan.core.verdict import Verdict
from agentchan.status import Moment
from agentchan.vocabulary import ChannelState
from agentchan.wishes import Drain


def explain(
    channel: Channel,
    row: Mapping[str, Any],
    *,
    verdict: Verdict,
    shown: Shown | None,
    readiness: Readiness,
    drain: Drain | None,
    moment: Moment,
) -> dict[str, Any]:
    """The whole chain of causes of a channel's state."""
    causes: list[dict[str, Any]] = []
    remedies: list[dict[str, str]] = []

    def cause(text: str, since: float | None = None, who: str | None = None) -> None:
        causes.append({"text": text, "since": moment.time_of_day(since), "who": who})

    def remedy(text: str, command: str) -> None:
        remedies.append({"text": text, "command": command})

    _what_ce_says(channel, cause, remedy)
    _what_is_wanted(channel, readiness, drain, cause, remedy)
    if shown is not None:
        _whether_it_is_told(shown, verdict, cause, remedy)
    return {
        "channel": channel.name,
        "headline": _headline(channel, shown),
        "row": dict(row),
        "causes": causes,
        "remedies": remedies,
    }


def _headline(channel: Channel, shown: Shown | None) -> str:
    name = channel.name
    if channel.unknown_to_ce:
        return f"{name} is left out: CE has no channel of that name."
    if channel.reported is ChannelState.UNKNOWN:
        state = shown.state.value if shown is not None else "down"
        return f"What CE believes of {name} is not known: the agent channel is {state}."
    if channel.reported is ChannelState.READY:
        return f"{name} is Ready: CE may give it calls."
    if channel.reported.in_call:
        return f"{name} is {channel.reported.value}: CE holds call {channel.call_id} there."
    if channel.wish.ready:
        return f"{name} is NotReady, but should be Ready: CE has not taken the wish yet."
    return f"{name} is NotReady, as wanted ({channel.wish.reason})."


def _what_ce_says(channel: Channel, cause: Any, remedy: Any) -> None:
    if channel.unknown_to_ce:
        cause("CE answered that it does not know this channel; it is tried again at each sign-on and every 5 minutes")
        remedy("compare the name with CE's administration, then", "agentchan reload")
    elif channel.reported is ChannelState.UNKNOWN:
        cause("CE has not reported this channel since the last sign-on", channel.since)
    else:
        cause(f"CE reports {channel.reported.value}", channel.since)


def _what_is_wanted(channel: Channel, readiness: Readiness, drain: Drain | None, cause: Any, remedy: Any) -> None:
    if drain is not None:
        cause(
            f"all channels are out of service: draining ({drain.reason or 'no reason given'})", drain.since, drain.who
        )
        remedy("when that is over", "agentchan resume")
    elif readiness.draining:
        cause("the daemon is stopping")
    if readiness.ivr_down:
        cause("the IVR itself does not answer its health check")
    by_hand = readiness.by_hand.get(channel.name)
    if by_hand is not None:
        cause(f"taken out by hand: {by_hand.reason}", None, by_hand.who)
        remedy("to bring it back", f"agentchan ready {channel.name}")
    elif channel.wish.ready:
        cause("ready is wanted; nobody took it out")


def _whether_it_is_told(shown: Shown, verdict: Verdict, cause: Any, remedy: Any) -> None:
    state = shown.state
    where = f" at {shown.host}" if shown.host else ""
    if state in (State.UP, State.RESTORING, State.SUSPECT):
        cause(f"the agent channel is {state.value}{where}", shown.since)
    else:
        error = f": {shown.error}" if shown.error else ""
        cause(f"the agent channel is {state.value}{where}{error}", shown.since)
        remedy("to try each step and see which fails", "agentchan doctor")
    cause(f"verdict on CE: {verdict.kind.value}; {verdict.reason}")


def timing(configuration: Configuration) -> list[dict[str, Any]]:
    """How long it takes until a move to another host begins, by the configured numbers (docs, operating)."""
    channel, link = configuration.agent_channel, configuration.component_link
    silence = channel.heartbeat_interval * (channel.heartbeat_misses + 1)
    by_link = configuration.ce.active_by == "component-link"
    rows = [
        {
            "case": "planned switch, host killed or frozen and the standby promoted",
            "formula": "one watch answer",
            "ms": 0,
        }
        if by_link
        else {"case": "host killed", "formula": "connection reset", "ms": 0},
        {
            "case": "the network goes silent and nobody is promoted: noticed within",
            "formula": "heartbeat_interval x (heartbeat_misses + 1)",
            "ms": round(silence * 1000),
        },
        {
            "case": "each attempt on a host that does not answer, at most",
            "formula": "2 x connect_timeout + reply_timeout, doubled after each timeout up to 30 s",
            "ms": round((2 * channel.connect_timeout + channel.reply_timeout) * 1000),
        },
        {
            "case": "pause between attempts on an unchanged host, at most",
            "formula": "backoff_maximum",
            "ms": round(channel.backoff_maximum * 1000),
        },
    ]
    if by_link:
        rows.append(
            {
                "case": "a frozen host's own word is not believed any more after",
                "formula": "watch_wait + timeout",
                "ms": round((link.watch_wait + link.timeout) * 1000),
            }
        )
    return rows
