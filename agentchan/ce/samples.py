"""Every duty's message as it would go out, filled with plausible values, and what its WSDL says of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from attrs import frozen

from agentchan.ce.credentials import Authentication
from agentchan.ce.duties import COMPONENT_DUTIES, SAMPLES
from agentchan.ce.envelope import opened
from agentchan.ce.profile import Profile
from agentchan.ce.soap import Codec, Message
from agentchan.ce.xml_input import parse_xml
from agentchan.vocabulary import (
    CloseSession,
    Gone,
    Heartbeat,
    NewCall,
    OpenSession,
    ReadinessChange,
    Request,
    SetReadiness,
)

_S: Mapping[str, Any] = SAMPLES
_CHANNELS = (_S["channel"], "ivr1-002")


@frozen
class Sample:
    """One duty's message.

    Attributes:
        duty: its name.
        operation: of the WSDL.
        message: as it would go out.
        problems: what the WSDL says against it; values of the site's own (a pattern for names, say) may be among them.
    """

    duty: str
    operation: str
    message: Message
    problems: tuple[str, ...]


def samples(profile: Profile, authentication: Authentication | None = None) -> tuple[Sample, ...]:
    """A sample of every duty that is mapped, in the order of a session."""
    return tuple(sample_message(profile, duty, authentication) for duty in profile.mapped)


def sample_message(profile: Profile, duty: str, authentication: Authentication | None = None) -> Sample:
    """The message of a duty that is mapped.

    Args:
        profile: a site's.
        duty: by name.
        authentication: how it proves who we are; None: not at all.
    """
    codec = Codec(
        profile,
        ivr=_S["ivr"],
        instance_id=_S["instance_id"],
        channel_values={"*": {key: f"a {key}" for key in profile.channel_keys}},
        authentication=authentication or Authentication(),
    )
    codec.session_id = _S["session_id"]
    service = profile.component if duty in COMPONENT_DUTIES and profile.component is not None else profile.connector
    url = service.address
    if duty == "get_status":
        message = codec.encode_get_status(url)
    elif duty == "watch_status":
        message = codec.encode_watch_status(None, _S["max_wait"], url)
    else:
        message = codec.encode(sample_request(profile, duty), url)
    problems = service.schema.problems(opened(service.version, parse_xml(message.body)))
    return Sample(duty, profile.mapped[duty].operation.name, message, tuple(each.text for each in problems))


def sample_request(profile: Profile, duty: str) -> Request:
    """A plausible request for a duty of the IVR Connector."""
    started_at: datetime = _S["started_at"]
    session_id, channel = _S["session_id"], _S["channel"]
    first, second = (ReadinessChange(each, each == channel, _S["reason"]) for each in _CHANNELS)
    requests: dict[str, Request] = {
        "open_session": OpenSession(_S["ivr"], _S["instance_id"], _CHANNELS),
        "set_readiness": SetReadiness(session_id, (first,) if profile.one_change_at_a_time else (first, second)),
        "heartbeat": Heartbeat(session_id),
        "close_session": CloseSession(session_id, _S["reason"]),
        "new_call": NewCall(_S["signal_id"], _S["ivr"], channel, _S["call_id"], started_at, _S["caller"], _S["called"]),
        "gone": Gone(
            _S["signal_id"], _S["ivr"], channel, _S["call_id"], _S["ended_at"], _S["outcome"], _S["call_token"]
        ),
    }
    return requests[duty]
