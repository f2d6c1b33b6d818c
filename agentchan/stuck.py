"""Which channels are stuck: CE holds a call there that has ended or that nobody here knows."""

from __future__ import annotations

from collections.abc import Iterator

from agentchan.core.channel import Channel
from agentchan.core.outbox_values import Entry
from agentchan.parts import Parts


def stuck_channels(daemon: Parts) -> Iterator[Channel]:
    """Every channel on which CE holds a call that nothing under way will free."""
    refused = {entry.signal.channel for entry in daemon.delivering.outbox.refused.values()}
    for name in daemon.repairing.stuck.keys() | refused:
        if name in daemon.channels and is_stuck(daemon, daemon.channels[name]):
            yield daemon.channels[name]


def is_stuck(daemon: Parts, channel: Channel) -> bool:
    """Whether CE holds a call there that nothing under way will free."""
    if not channel.reported.in_call:
        return False
    return channel.name in daemon.repairing.stuck or refused_gone(daemon, channel) is not None


def refused_gone(daemon: Parts, channel: Channel) -> Entry | None:
    """The Gone of the call that CE holds on a channel, if CE has refused it."""
    if not channel.reported.in_call:
        return None
    held = channel.name, channel.call_id
    refused = daemon.delivering.outbox.refused.values()
    return next((entry for entry in refused if (entry.signal.channel, entry.signal.call_id) == held), None)
