"""The keys that say which IVR this is, and which channels it has."""

# ruff: noqa: RUF009  setting() and section() give attrs fields, which ruff cannot know

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from agentchan.config.addresses import HealthTarget
from agentchan.config.channels import Aliases, Channels, ChannelValues
from agentchan.config.kinds import Duration, Token, Whole
from agentchan.config.settings import optional_section, setting


@frozen
class Health:
    """Whether the IVR itself is alive."""

    check: str = setting(
        HealthTarget(), "What is asked: a SIP URI by OPTIONS, a TCP port by connecting, an http URL by GET."
    )
    interval: float = setting(Duration("100ms", "1h"), "Time from one check to the next.", default="5s")
    timeout: float = setting(
        Duration("10ms", "1m"), "How long a check may take; not longer than interval.", default="500ms"
    )
    fall: int = setting(Whole(1, 100), "So many failures in a row mean down.", default=3)
    rise: int = setting(Whole(1, 100), "So many successes in a row mean up.", default=2)


@frozen
class Ivr:
    """The IVR as CE knows it."""

    name: str = setting(Token(128), "The IVR's name as registered in CE.", restart=True)
    channels: tuple[str, ...] = setting(
        Channels(),
        "Channel names, and ranges with leading zeros; [] is frontend mode: component link and the two questions only. "
        "Between frontend mode and channels lies a restart.",
    )
    instance_id: str = setting(
        Token(200),
        "Tells this daemon from others for the same IVR.",
        restart=True,
        computed="the host name",
    )
    aliases: Mapping[str, str] = setting(
        Aliases(), "What the IVR calls a channel, when that is not CE's name.", default={}
    )
    channel_values: Mapping[str, Mapping[str, str]] = setting(
        ChannelValues(),
        "Values of channels that a profile's messages need, by shell pattern of channel names; later patterns win.",
        default={},
    )
    health: Health | None = optional_section(
        Health, "Is the IVR itself alive? When it is down all channels are not ready, with reason ivr-down."
    )
