"""Which events people are told of by ``[[notify]]`` entries, under which name, and in which words: pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen

from agentchan.api.events import Event
from agentchan.core.verdict import Kind
from agentchan.log_formats import masked, plain

Fields = Mapping[str, Any]


@frozen
class Notice:
    """What is told of one event.

    Attributes:
        name: as a ``[[notify]]`` entry names it.
        text: one line for people.
        event: as the events' feed has it.
        repeats: how many more of this name there were since the last one that was told.
    """

    name: str
    text: str
    event: Event
    repeats: int = 0


@frozen
class _Kind:
    """How an event of the feed is told.

    Attributes:
        name: as a ``[[notify]]`` entry names it.
        text: one line made from the event's fields.
        applies: whether the event, with these fields, is one at all.
    """

    name: str
    text: Callable[[Fields], str]
    applies: Callable[[Fields], bool] = lambda _fields: True


def _failover(fields: Fields) -> str:
    moved = f"the agent channel has moved from {fields.get('from')} to {fields.get('to')}"
    return f"{moved} in {fields.get('total', 0) / 1000:.3g} s: {_cause(fields)}"


def _cause(fields: Fields) -> str:
    return str(fields.get("cause") or fields.get("error") or fields.get("reason") or "no cause is known")


def _stuck(fields: Fields) -> str:
    channel = fields.get("channel")
    return (
        f"CE holds call {fields.get('call_id')} on {channel}, which nobody here knows; once you are sure that it is "
        f"over: agentchan free {channel} --reason '…'"
    )


def _signal(what: str) -> Callable[[Fields], str]:
    def text(fields: Fields) -> str:
        return (
            f"the {fields.get('kind')} of call {fields.get('call_id')} on {fields.get('channel')} {what}: "
            f"{_cause(fields)}; see: agentchan signals show {fields.get('signal_id')}"
        )

    return text


def _own_words(fields: Fields) -> str:
    return str(fields.get("text") or _cause(fields))


def _is_ambiguous(fields: Fields) -> bool:
    return fields.get("verdict") == Kind.AMBIGUOUS.value


TOLD: Mapping[str, _Kind] = {
    "failover": _Kind("failover", _failover),
    "channel-stuck": _Kind("stuck", _stuck),
    "signal-refused": _Kind("refused", _signal("was refused by CE")),
    "signal-expired": _Kind("refused", _signal("expired before CE confirmed it")),
    "contended": _Kind("contended", _own_words),
    "active-host-changed": _Kind("ambiguous", _own_words, _is_ambiguous),
    "verdict-changed": _Kind("ambiguous", _own_words, _is_ambiguous),
    "certificate-expiring": _Kind("certificate-expiring", _own_words),
}
"""By the name of the event: what it is told as."""


def notice_of(event: Event) -> Notice | None:
    """What people are told of an event; None where they are told nothing."""
    kind = TOLD.get(event.name)
    if kind is None or not kind.applies(event.fields):
        return None
    return Notice(kind.name, kind.text(event.fields), event)


def as_json(notice: Notice, *, ivr: str, instance_id: str, mask_numbers: bool) -> dict[str, Any]:
    """What a command reads on its input, and a webhook is sent.

    Args:
        notice: what is told.
        ivr: the IVR's name in CE.
        instance_id: this daemon's.
        mask_numbers: whether people's numbers are hidden.
    """
    fields = {key: plain(value) for key, value in notice.event.as_json().items()}
    return {
        "notify": notice.name,
        "text": f"{ivr}: {notice.text}",
        "ivr": ivr,
        "instance_id": instance_id,
        "repeats": notice.repeats,
        "event": masked(fields) if mask_numbers else fields,
    }
