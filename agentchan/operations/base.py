"""What all that can be asked of the daemon needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentchan import status
from agentchan.api.events import EventFeed
from agentchan.api.refusals import UnknownChannel
from agentchan.core.channel import Channel
from agentchan.log_formats import mask_number
from agentchan.parts import Parts
from agentchan.status import Moment
from agentchan.stuck import is_stuck

Json = Mapping[str, Any]


class Base:
    """The daemon's parts, and how they are looked at.

    Args:
        daemon: the parts.
    """

    def __init__(self, daemon: Parts) -> None:
        self._daemon = daemon

    @property
    def feed(self) -> EventFeed:
        """Every change."""
        return self._daemon.feed

    def _moment(self) -> Moment:
        return Moment(self._daemon.reactor.seconds(), self._daemon.wall())

    def _channel(self, name: str) -> Channel:
        channels = self._daemon.channels
        known = name if name in channels else self._daemon.configuration.ivr.aliases.get(name)
        if known is None or known not in channels:
            raise UnknownChannel(name)
        return channels[known]

    def _row(self, channel: Channel, moment: Moment) -> dict[str, Any]:
        by_hand = self._daemon.wishes.readiness.by_hand.get(channel.name)
        return status.channel_row(
            channel,
            moment,
            {
                "stuck": self._is_stuck(channel),
                "until": moment.time_of_day(by_hand.until) if by_hand else None,
                "who": by_hand.who if by_hand else None,
            },
        )

    def _is_stuck(self, channel: Channel) -> bool:
        """CE holds a call there that has ended or that nobody here knows, and nothing under way will free it."""
        return is_stuck(self._daemon, channel)

    def _calls_in_progress(self) -> int:
        """On how many channels a call is, by the IVR's word or by CE's, which is not heard in every state and profile.

        A call whose Gone is kept back on purpose (profile.md, ``withhold-gone``) has ended.
        """
        daemon = self._daemon
        here = {call.channel for call in daemon.calls.open()}
        at_ce = {channel.name for channel in daemon.channels.all() if channel.reported.in_call}
        return len(here.union(name for name in at_ce if not daemon.delivering.keeps_back(name)))

    def _number(self, number: str | None) -> str | None:
        """A caller's number, as the configuration lets it be seen."""
        if number is None or not self._daemon.configuration.log.mask_numbers:
            return number
        return mask_number(number)
