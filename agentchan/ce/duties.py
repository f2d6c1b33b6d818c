"""The duties that a profile maps, and the words that its templates, results and values may use (profile.md)."""

from __future__ import annotations

from collections.abc import Mapping

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
    """

    fields: frozenset[str]
    each: Mapping[str, frozenset[str]] = field(factory=dict)
    results: frozenset[str] = frozenset()
    reports: bool = False
    call_signal: bool = False


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
        results=frozenset({"state"}),
        reports=True,
    ),
    "heartbeat": DutyWords(fields=_WHO | {"session_id"}, results=frozenset({"role", "generation"})),
    "new_call": DutyWords(
        fields=_WHO | {"session_id", "signal_id", "channel", "call_id", "started_at", "caller", "called"},
        results=frozenset({"state", "call_token", "call_id"}),
        call_signal=True,
    ),
    "gone": DutyWords(
        fields=_WHO | {"session_id", "signal_id", "channel", "call_id", "call_token", "ended_at", "outcome"},
        results=frozenset({"state", "call_id"}),
        call_signal=True,
    ),
    "close_session": DutyWords(fields=_WHO | {"session_id", "reason"}),
}

COMPONENT_DUTIES: Mapping[str, DutyWords] = {
    "get_status": DutyWords(fields=_WHO, results=_STATUS),
    "watch_status": DutyWords(
        fields=_WHO | {"known_role", "known_generation", "known_state", "max_wait"}, results=_STATUS
    ),
}

REPORT_RESULTS = frozenset({"channel", "state", "call_id"})
"""The results of each report of a channel."""

FAULT_RESULTS = frozenset({"active_server", "channel", "call_id"})
"""The results of a fault's detail."""

_CHANNEL_STATES = frozenset(state.value for state in ChannelState if state is not ChannelState.UNKNOWN)


def words_for(name: str, duty: str) -> frozenset[str] | None:
    """Our words for a result or field, which a site's words are mapped to; None: it has no such words.

    Raises:
        KeyError: nothing of that name can have words.
    """
    states = frozenset(state.value for state in DomainState) if duty in COMPONENT_DUTIES else _CHANNEL_STATES
    return {
        "role": frozenset({Role.ACTIVE.value, Role.STANDBY.value}),
        "rank": frozenset(rank.value for rank in Rank),
        "state": states,
        "ready": frozenset({"true", "false"}),
        "outcome": None,
        "reason": None,
    }[name]


VALUES_OF_FIELDS = {"known_role": "role", "known_state": "state"}
"""Fields whose words are those of a result."""
