"""What ``status`` and ``channels`` say, made from what is known: pure functions (interfaces, section 5).

Times go in as monotonic seconds; what goes out is milliseconds of age, or a time of day with its zone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from math import inf
from typing import Any

from attrs import frozen

from agentchan.core.channel import Channel
from agentchan.core.observations import Topology, View
from agentchan.core.session_values import Shown
from agentchan.core.verdict import FailingOver, Verdict, known_hosts
from agentchan.rfc3339 import rfc3339
from agentchan.vocabulary import ChannelState, Role


@frozen
class Moment:
    """One instant on both clocks, so that monotonic seconds can be told as a time of day.

    Attributes:
        monotonic: seconds.
        wall: seconds since the epoch.
    """

    monotonic: float
    wall: float

    def time_of_day(self, at: float | None) -> str | None:
        """The time of day, in UTC, that a monotonic time stands for; None for None and for never."""
        if at is None or not -inf < at < inf:
            return None
        return rfc3339(self.datetime(at))

    def datetime(self, at: float) -> datetime:
        """The same as a datetime."""
        return datetime.fromtimestamp(self.wall - (self.monotonic - at), UTC)

    def age_ms(self, at: float | None) -> int | None:
        """How long ago a monotonic time was, in milliseconds."""
        return None if at is None else max(0, round((self.monotonic - at) * 1000))

    def in_ms(self, at: float | None) -> int | None:
        """How far in the future a monotonic time is, in milliseconds; None for None and for never."""
        return None if at is None or not -inf < at < inf else max(0, round((at - self.monotonic) * 1000))


def component_link(topology: Topology, moment: Moment) -> dict[str, Any]:
    """The component link: the URL whose turn it is, and the age of the newest answer of all."""
    answered = [view.answered_at for view in topology.views if view.answered_at is not None]
    up = any(view.error is None for view in topology.views)
    current = topology.views[topology.current] if topology.views else None
    return {
        "state": "up" if up else "down",
        "url": current.url if current else None,
        "age_ms": moment.age_ms(max(answered, default=None)),
        "error": current.error if current else None,
    }


def ce(topology: Topology, verdict: Verdict, failing_over: FailingOver, moment: Moment) -> dict[str, Any]:
    """What is known of CE, and who is followed by it."""
    mark = topology.mark(topology.home)
    states = [view.status.state.value for view in topology.views if view.status and view.host == verdict.host]
    answering = [view.status.state.value for view in topology.views if view.status and view.error is None]
    pin = topology.pin
    return {
        "verdict": verdict.kind.value,
        "reason": verdict.reason,
        "active": verdict.host,
        "generation": verdict.generation,
        "domain": topology.domain or topology.home,
        "domain_state": next(iter(states or answering), None),
        "failing_over": failing_over.answer,
        "generation_mark": None if mark is None else {"generation": mark.generation, "host": mark.host},
        "pinned": None
        if pin is None
        else {
            "host": host_called(topology, pin.host),
            "reason": pin.reason,
            "until": moment.time_of_day(pin.until),
            "who": pin.who,
        },
        "hosts": [_host(topology, view, moment) for view in topology.views],
    }


def host_called(topology: Topology, called: str) -> str:
    """The name of a host that is called by its name or by its URL; what it is called, while its name is not known."""
    return next((view.host for view in topology.views if view.url == called), called)


def _host(topology: Topology, view: View, moment: Moment) -> dict[str, Any]:
    status = view.status
    host = next((host for host in known_hosts(topology) if host.name == view.host), None)
    role = status.role if status is not None and view.error is None else Role.UNKNOWN
    return {
        "url": view.url,
        "name": status.server_name if status else None,
        "rank": status.rank.value if status and status.rank else None,
        "role": role.value,
        "state": status.state.value if status else None,
        "generation": status.generation if status else None,
        "domain": status.domain if status else None,
        "age_ms": moment.age_ms(view.answered_at),
        "error": view.error,
        "refusal": host.refusal if host else None,
    }


def agent_channel(shown: Shown, moment: Moment) -> dict[str, Any]:
    """The agent channel."""
    return {
        "state": shown.state.value,
        "host": shown.host,
        "url": shown.url,
        "generation": shown.generation,
        "since": moment.time_of_day(shown.since),
        "heartbeat_age_ms": moment.age_ms(shown.heard_at),
        "retry_in_ms": moment.in_ms(shown.retry_at),
        "error": shown.error,
    }


_COUNTED = {
    ChannelState.READY: "ready",
    ChannelState.BUSY: "busy",
    ChannelState.WRAPUP: "wrapup",
    ChannelState.NOT_READY: "not_ready",
    ChannelState.UNKNOWN: "unknown",
}


def channel_counts(channels: Iterable[Channel], stuck: int = 0) -> dict[str, int]:
    """How many channels are in each state that CE reports."""
    counts = dict.fromkeys(("total", *_COUNTED.values()), 0)
    for channel in channels:
        counts["total"] += 1
        counts[_COUNTED[channel.reported]] += 1
    return {**counts, "stuck": stuck}


def channel_row(channel: Channel, moment: Moment, more: Mapping[str, Any]) -> dict[str, Any]:
    """One row of ``channels``; ``more`` says what others know of it (who took it out, until when, its call here)."""
    return {
        "channel": channel.name,
        "wanted": "ready" if channel.wish.ready else "not-ready",
        "reason": channel.wish.reason,
        "reported": channel.reported.value,
        "call_id": channel.call_id,
        "since": moment.time_of_day(channel.since),
        "stuck": False,
        "known_to_ce": not channel.unknown_to_ce,
        **more,
    }
