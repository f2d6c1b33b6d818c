"""The duties that a profile maps, and the words that its templates, results and values may use (profile.md)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from attrs import field, frozen

from agentchan.vocabulary import ChannelState, DomainState, Rank, Role

CHANNEL = "channel"
CHANGE = "change"


@frozen
class DutyWords:
    """What one duty's mapping may speak of.

    Attributes:
        fields: of templates; ``channel.KEY`` is allowed wherever ``channel`` is.
        each: what may be repeated in the request, and the fields of its templates.
        results: of replies.
        reports: whether a reply may have a report of each channel.
        call_signal: whether it is a call signal.
        needs: of each of these groups of fields at least one, else CE could not know what is meant.
        tells: of these results all, else its reply would tell us nothing.
    """

    fields: frozenset[str]
    each: Mapping[str, frozenset[str]] = field(factory=dict)
    results: frozenset[str] = frozenset()
    reports: bool = False
    call_signal: bool = False
    needs: tuple[frozenset[str], ...] = ()
    tells: frozenset[str] = frozenset()


_WHO = frozenset({"ivr", "instance_id"})
_STATUS = frozenset(
    {
        "domain",
        "server_name",
        "rank",
        "role",
        "state",
        "generation",
        "since",
        "connector_url",
        "active_server",
    }
)

CONNECTOR_DUTIES: Mapping[str, DutyWords] = {
    "open_session": DutyWords(
        fields=_WHO,
        each={CHANNEL: frozenset({"channel"})},
        results=frozenset({"session_id", "server_name", "generation", "session_timeout", "role"}),
        reports=True,
    ),
    "set_readiness": DutyWords(
        fields=_WHO | {"session_id", "channel", "ready", "reason"},
        each={CHANGE: frozenset({"channel", "ready", "reason"})},
        results=frozenset({"state", "call_id"}),
        reports=True,
        needs=(frozenset({"channel"}), frozenset({"ready"})),
    ),
    "heartbeat": DutyWords(fields=_WHO | {"session_id"}, results=frozenset({"role", "generation"})),
    "new_call": DutyWords(
        fields=_WHO | {"session_id", "signal_id", "channel", "call_id", "started_at", "caller", "called"},
        results=frozenset({"state", "call_token", "call_id"}),
        call_signal=True,
        needs=(frozenset({"channel", "call_id"}),),
    ),
    "gone": DutyWords(
        fields=_WHO | {"session_id", "signal_id", "channel", "call_id", "call_token", "ended_at", "outcome"},
        results=frozenset({"state", "call_id"}),
        call_signal=True,
        needs=(frozenset({"channel", "call_id", "call_token"}),),
    ),
    "close_session": DutyWords(fields=_WHO | {"session_id", "reason"}),
}

COMPONENT_DUTIES: Mapping[str, DutyWords] = {
    "get_status": DutyWords(fields=_WHO, results=_STATUS, tells=frozenset({"role"})),
    "watch_status": DutyWords(
        fields=_WHO | {"known_role", "known_generation", "known_state", "max_wait"},
        results=_STATUS,
        tells=frozenset({"role"}),
    ),
}

REPORT_RESULTS = frozenset({"channel", "state", "call_id"})
"""The results of each report of a channel."""

FAULT_RESULTS = frozenset({"active_server", "channel", "call_id"})
"""The results of a fault's detail."""

TIMES = frozenset({"started_at", "ended_at"})
"""The fields that are times, which a template may give a form."""

VALUES = ("role", "rank", "state", "ready", "outcome", "reason")
"""The results and fields that a site may have words of its own for."""

VALUES_OF_FIELDS = {"known_role": "role", "known_state": "state"}
"""Fields whose words are those of a result."""

_CHANNEL_STATES = tuple(state for state in ChannelState if state is not ChannelState.UNKNOWN)


def words_for(name: str, duty: str) -> Mapping[str, Any] | None:
    """Our words for one of :data:`VALUES`, each with its value; None: whatever the IVR or the operator says.

    Args:
        name: of the result or field.
        duty: whose it is.
    """
    kinds: Mapping[str, Iterable[Enum]] = {
        "role": (Role.ACTIVE, Role.STANDBY),
        "rank": Rank,
        "state": DomainState if duty in COMPONENT_DUTIES else _CHANNEL_STATES,
    }
    if name == "ready":
        return {"true": True, "false": False}
    return {each.value: each for each in kinds[name]} if name in kinds else None


SAMPLES: Mapping[str, object] = {
    "ivr": "ivr1",
    "instance_id": "host-a",
    "session_id": "0f2a6e0c-5f0e-4b0e-9d5a-1f6f3c1d7a10",
    "channel": "ivr1-001",
    "ready": True,
    "reason": "maintenance",
    "signal_id": "7d0c1f7e-2a34-4a51-8f0b-6c9e5d1b2a03",
    "call_id": "call-4711",
    "call_token": "token-4711",
    "started_at": datetime(2026, 11, 24, 10, 15, 0, tzinfo=UTC),
    "ended_at": datetime(2026, 11, 24, 10, 20, 30, tzinfo=UTC),
    "caller": "+4930123456",
    "called": "+4940654321",
    "outcome": "completed",
    "known_role": Role.ACTIVE.value,
    "known_state": DomainState.RUNNING.value,
    "known_generation": "7",
    "max_wait": 1.0,
}
"""A plausible value of every field, for messages that are only shown or checked."""
