"""What somebody must look at now: the alarms that were told, without those that are over."""

from __future__ import annotations

from collections.abc import Iterator

from agentchan.core.session_values import IN_SESSION, Note, State
from agentchan.parts import Parts


def standing(daemon: Parts) -> Iterator[tuple[Note, float]]:
    """Each alarm that is not over, the newest of its kind, with its time (monotonic seconds)."""
    for note, at in daemon.chronicle.alarms.values():
        if not _is_over(note.event, daemon):
            yield note, at


def _is_over(alarm: str, daemon: Parts) -> bool:
    """Whether that of which an alarm told has ended since; of others than these the chronicle knows the end."""
    channels = daemon.channels
    state = State.DOWN if daemon.agent_channel is None else daemon.agent_channel.shown().state
    match alarm:
        case "readiness-refused" | "readiness-not-taken":
            return not any(channel.not_taken for channel in channels.all())
        case "list-refused":
            return state not in IN_SESSION or not channels.list_changed
        case "channel-unknown":
            return not channels.unknown()
        case "contended":
            return state is not State.CONTENDED
    return False
