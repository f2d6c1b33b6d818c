"""From a request to the value that the daemon is asked with; pure, so that a long body may be read in a thread."""

from __future__ import annotations

from typing import Any

from attrs import evolve

from agentchan.api import requests
from agentchan.api.asked import Asked, decoded_segment
from agentchan.api.fields import IDENTIFIER, NAME, Fields, checked_token
from agentchan.api.refusals import Malformed

_DAY = 86400.0
_LONGEST_WAIT = 60.0
_LONGEST_WISH = 365 * _DAY
_LONGEST_PIN = 30 * _DAY
_LONGEST_URI = 2048
_MOST_CHANNELS = 100_000
FATES = ("pending", "confirmed", "refused", "expired", "discarded")


def nothing(asked: Asked) -> None:
    """For routes that take neither query nor body."""
    asked.query_fields().finish()
    if asked.body:
        asked.object_fields().finish()


def who(asked: Asked) -> str:
    """For routes that take nothing but need to know who asks."""
    nothing(asked)
    return asked.who


def channel_names(asked: Asked) -> tuple[str, ...]:
    """``?name=…`` any number of times."""
    fields = asked.query_fields(repeated="name")
    names = fields.raw("name") or []
    fields.finish()
    return tuple(checked_token(name, "query parameter 'name'", IDENTIFIER) for name in names)


def one_name(asked: Asked) -> str:
    """``?name=…`` once."""
    fields = asked.query_fields()
    name = fields.token("name", IDENTIFIER)
    fields.finish()
    return name


def uri(asked: Asked) -> str:
    """``?uri=…``; whether it is a URI that can be probed is the daemon's to say.

    A plus sign stands for itself, as in ``tel:+15550100``: no URI has a blank, which forms write so.
    """
    fields = evolve(asked, query=asked.query.replace("+", "%2B")).query_fields()
    value = fields.token("uri", _LONGEST_URI)
    fields.finish()
    return value


def failovers(asked: Asked) -> requests.FailoversQuery:
    """``?limit=``."""
    fields = asked.query_fields()
    query = requests.FailoversQuery(fields.whole("limit", 1, 1000, 100))
    fields.finish()
    return query


def new_call(asked: Asked) -> requests.NewCallRequest:
    """Of JSON or a form."""
    wait, fields = _wait(asked), asked.object_or_form_fields()
    request = requests.NewCallRequest(
        channel=fields.token("channel", IDENTIFIER),
        call_id=fields.token("call_id", IDENTIFIER),
        who=asked.who,
        caller=fields.words("caller", IDENTIFIER),
        called=fields.words("called", IDENTIFIER),
        started_at=fields.time("started_at"),
        wait=wait,
        signal_id=fields.optional_token("signal_id", IDENTIFIER),
    )
    fields.finish()
    return request


def gone(asked: Asked) -> requests.GoneRequest:
    """Of JSON or a form."""
    wait, fields = _wait(asked), asked.object_or_form_fields()
    request = requests.GoneRequest(
        channel=fields.token("channel", IDENTIFIER),
        who=asked.who,
        call_id=fields.optional_token("call_id", IDENTIFIER),
        outcome=fields.words("outcome", NAME),
        ended_at=fields.time("ended_at"),
        wait=wait,
        signal_id=fields.optional_token("signal_id", IDENTIFIER),
    )
    fields.finish()
    return request


def calls(asked: Asked) -> requests.CallsQuery:
    """``?older_than=``."""
    fields = asked.query_fields()
    query = requests.CallsQuery(fields.duration("older_than", _LONGEST_WISH))
    fields.finish()
    return query


def put_calls(asked: Asked) -> requests.PutCallsRequest:
    """The IVR's own list."""
    asked.query_fields().finish()
    fields = asked.object_fields()
    items = _list(fields, "calls")
    fields.finish()
    held: dict[str, requests.HeldCall] = {}
    for item in items:
        call = Fields.of_object(item)
        channel, call_id = call.token("channel", IDENTIFIER), call.token("call_id", IDENTIFIER)
        call.finish()
        if channel in held:
            raise Malformed(f"channel {channel!r} is twice in 'calls'; a channel has one call at a time")
        held[channel] = requests.HeldCall(channel, call_id)
    return requests.PutCallsRequest(tuple(held.values()), asked.who)


def readiness(asked: Asked) -> requests.ReadinessRequest:
    """Channels by name, or all; not ready only with a reason."""
    asked.query_fields().finish()
    fields = asked.object_fields()
    channels = fields.raw("channels")
    ready, reason, for_ = fields.flag("ready"), fields.words("reason"), fields.duration("for", _LONGEST_WISH)
    fields.finish()
    if channels != "all":
        if not isinstance(channels, list) or not channels:
            raise Malformed("field 'channels' must be a list of names with at least one, or \"all\"")
        channels = _names(channels)
    if not ready and reason is None:
        raise Malformed("field 'reason' is missing; say why, whoever comes next will want to know")
    return requests.ReadinessRequest(None if channels == "all" else channels, ready, reason, for_, asked.who)


def drain(asked: Asked) -> requests.DrainRequest:
    """``timeout`` and ``reason``, both optional."""
    asked.query_fields().finish()
    fields = asked.object_fields(optional=True)
    request = requests.DrainRequest(fields.duration("timeout", 7 * _DAY), fields.words("reason"), asked.who)
    fields.finish()
    return request


def follow(asked: Asked) -> requests.FollowRequest:
    """A host, for how long, and why."""
    asked.query_fields().finish()
    fields = asked.object_fields()
    host, for_ = fields.token("host", _LONGEST_URI), fields.duration("for", _LONGEST_PIN)
    if not for_:
        raise Malformed("field 'for' is missing; say for how long, such as '30m': a pin that is forgotten is an outage")
    request = requests.FollowRequest(host, for_, fields.required_words("reason"), asked.who)
    fields.finish()
    return request


def forget_generation(asked: Asked) -> requests.ForgetGenerationRequest:
    """Only a reason."""
    asked.query_fields().finish()
    fields = asked.object_fields()
    request = requests.ForgetGenerationRequest(fields.required_words("reason"), asked.who)
    fields.finish()
    return request


def free(asked: Asked) -> requests.FreeRequest:
    """A channel and a reason."""
    asked.query_fields().finish()
    fields = asked.object_fields()
    request = requests.FreeRequest(fields.token("channel", IDENTIFIER), fields.required_words("reason"), asked.who)
    fields.finish()
    return request


def signals(asked: Asked) -> requests.SignalsQuery:
    """``?fate=refused,expired&channel=&before=&limit=``."""
    fields = asked.query_fields()
    query = requests.SignalsQuery(
        fates=fields.choices("fate", FATES),
        channel=fields.optional_token("channel", IDENTIFIER),
        before=fields.optional_token("before", IDENTIFIER),
        limit=fields.whole("limit", 1, 10_000, 100),
    )
    fields.finish()
    return query


def signal_id(asked: Asked) -> str:
    """The id in the path."""
    nothing(asked)
    return checked_token(asked.values["id"], "the signal id", IDENTIFIER)


def signal_request(asked: Asked) -> requests.SignalRequest:
    """The id in the path, and why."""
    asked.query_fields().finish()
    fields = asked.object_fields()
    name = checked_token(asked.values["id"], "the signal id", IDENTIFIER)
    request = requests.SignalRequest(name, fields.required_words("reason"), asked.who)
    fields.finish()
    return request


def last_event_id(asked: Asked) -> str | None:
    """The header, or ``?since=`` for those who cannot set it."""
    fields = asked.query_fields()
    since = fields.optional_token("since", IDENTIFIER)
    fields.finish()
    return asked.last_event_id or since


def soap(asked: Asked) -> requests.SoapRequest:
    """Whatever XML there is."""
    return requests.SoapRequest(
        asked.path, asked.body, asked.full_content_type, asked.soap_action, asked.base_url, asked.who
    )


def wsdl(asked: Asked) -> tuple[str, str | None]:
    """``?wsdl``, or ``?wsdl=NAME`` and ``?xsd=NAME`` for a file that it imports; the base URL, and that name."""
    word, _, name = asked.query.partition("=")
    if word.lower() not in ("wsdl", "xsd") or (word.lower() == "xsd" and not name) or "&" in name:
        raise Malformed("GET gives the WSDL with ?wsdl, a file that it imports with ?wsdl=NAME; calls are sent by POST")
    return asked.base_url, decoded_segment(name) or None


def _wait(asked: Asked) -> float | None:
    fields = asked.query_fields()
    wait = fields.duration("wait", _LONGEST_WAIT)
    fields.finish()
    return wait


def _list(fields: Fields, name: str) -> list[Any]:
    value = fields.raw(name)
    if not isinstance(value, list) or len(value) > _MOST_CHANNELS:
        raise Malformed(f"field {name!r} must be a list of at most {_MOST_CHANNELS}")
    return value


def _names(values: list[Any]) -> tuple[str, ...]:
    if len(values) > _MOST_CHANNELS:
        raise Malformed(f"field 'channels' must be a list of at most {_MOST_CHANNELS}")
    return tuple(dict.fromkeys(checked_token(value, "a name in 'channels'", IDENTIFIER) for value in values))
