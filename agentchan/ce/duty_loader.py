"""One duty of a profile: from its tables in profile.toml to a :class:`~agentchan.ce.profile.Duty`."""

from __future__ import annotations

from datetime import tzinfo

from agentchan.ce.duties import VALUES, DutyWords, words_for
from agentchan.ce.profile import Duty
from agentchan.ce.profile_reading import ProfileText, Words, suggestion
from agentchan.ce.reply_loader import ReplyLoader, Shared
from agentchan.ce.request_loader import RequestLoader
from agentchan.ce.wsdl import Operation, Service
from agentchan.config.faults import quoted

_DUTY = ("operation", "parameters", "results", "values", "outcomes", "reply")


def duty_keys(name: str) -> tuple[str, ...]:
    """The keys that a duty's table may have."""
    return (*_DUTY, "call_token_missing") if name == "gone" else _DUTY


def load_duty(
    text: ProfileText,
    place: tuple[str, str],
    service: Service,
    words: DutyWords,
    *,
    like: tuple[str, str],
    shared: Shared,
    zone: tzinfo | None,
) -> Duty | None:
    """One duty; None where a fault leaves nothing to build it from.

    Args:
        text: the profile, which remembers all faults.
        place: of the duty's table; the duty's name is the last of it.
        service: whose operation it is.
        words: what its mapping may speak of.
        like: of the table whose results and values count where it has none of its own; itself if there is none.
        shared: what it has in common with others.
        zone: of times that have a form.
    """
    text.table(place, duty_keys(place[1]))
    operation = _operation(text, (*place, "operation"), service)
    if operation is None:
        return None
    values = {**_values(text, like, place[1]), **_values(text, place, place[1])}
    requests = RequestLoader(text, place, operation, words, values=values, zone=zone)
    parameters, request = requests.load(service.schema)
    replies = ReplyLoader(text, place, like, operation, words, values=values)
    results, reply, faults = replies.load(shared)
    return Duty(
        name=place[1],
        operation=operation,
        parameters=parameters,
        request=request,
        results=results,
        reply=reply,
        faults=faults,
        words=values,
        constants=replies.constants(),
    )


def _operation(text: ProfileText, place: tuple[str, ...], service: Service) -> Operation | None:
    name = text.required_text(place, "the name of an operation of the WSDL")
    if name is None:
        return None
    operation = service.operations.get(name)
    if operation is None:
        why = next((each for each in service.unspoken if each.startswith(f"operation {name} (")), None)
        if why is None:
            wrong = f"is {quoted(name)}, which {service.files.main} does not offer on port {service.port}"
        else:
            wrong = f"is {quoted(name)}, which cannot be spoken: {why.partition('(')[2].removesuffix(')')}"
        text.fault(place, wrong, suggestion(name, service.operations))
    return operation


def _values(text: ProfileText, place: tuple[str, str], duty: str) -> Words:
    """The site's words by result or field, as ours."""
    found: dict[str, dict[str, str]] = {}
    for name in text.table((*place, "values"), VALUES):
        if name not in VALUES:
            continue
        where = (*place, "values", name)
        allowed = words_for(name, duty)
        found[name] = {}
        for theirs, ours in text.texts(where).items():
            if allowed is None or ours in allowed:
                found[name][theirs] = ours
            else:
                text.fault((*where, theirs), f"is {quoted(ours)}", " or ".join(map(quoted, sorted(allowed))))
    return found
