"""Which channels are stuck: CE holds a call there that has ended or that nobody here knows."""

from __future__ import annotations

from agentchan.core.channel import Channel
from agentchan.core.outbox_values import Entry
from agentchan.parts import Parts


def refused_gone(daemon: Parts, channel: Channel) -> Entry | None:
    """The Gone of the call that CE holds on a channel, if CE has refused it."""
    if not channel.reported.in_call:
        return None
    refused = daemon.delivering.outbox.refused.values()
    return next(
        (
            entry
            for entry in refused
            if entry.signal.channel == channel.name and entry.signal.call_id == channel.call_id
        ),
        None,
    )


def is_stuck(daemon: Parts, channel: Channel) -> bool:
    """Whether CE holds a call there that nothing under way will free."""
    if not channel.reported.in_call:
        return False
    return channel.name in daemon.repairing.stuck or refused_gone(daemon, channel) is not None
