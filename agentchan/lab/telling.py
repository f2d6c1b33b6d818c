"""Rows of the history and of the request log in plain language, a line each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

Row = Mapping[str, Any]


def clock(wall: float) -> str:
    """A time of day in this machine's zone, to the millisecond."""
    return datetime.fromtimestamp(wall).astimezone().strftime("%H:%M:%S.%f")[:-3]


def told(row: Row) -> str:
    """What happened in a row of the history."""
    return TELLINGS[row["event"]](row)


def history_line(row: Row) -> str:
    """A row of the history with time and host."""
    return f"{clock(row['wall'])}  {row['host']:<4}  {told(row)}"


def request_line(row: Row, wall_at: float) -> str:
    """A row of the request log; ``wall_at`` is the time of day at the machine's monotonic zero."""
    what = {"request": "→", "answered": "←", "unheard": "✗", "opened": "+", "closed": "-"}[row["what"]]
    parts = [clock(wall_at + row["monotonic"]), f"{row['host']:<4}", f"{row['connection'].partition('-')[2]:<20}", what]
    if row["what"] in ("opened", "closed"):
        parts.append(f"{row['what']}, port {row['peer_port']}")
    else:
        parts.append(row["operation"] or "no valid request")
    if "status" in row:
        says = ", ".join(f"{name} {word}" for name, word in row["says"].items())
        parts.append(" ".join(filter(None, [str(row["status"]), row["wrong"] and f"(wrong: {row['wrong']})", says])))
    return "  ".join(parts)


def _state(row: Row) -> str:
    details = row["details"]
    return f"{row['host'] if details['only_here'] else 'the domain'} says {details['state']}"


def _claimed(row: Row) -> str:
    claims = ", ".join(f"{name} {value}" for name, value in row["details"]["claims"].items())
    obeyed = ", and acts by it" if row["details"]["obey"] else ""
    return f"{row['host']} claims {claims}{obeyed}" if claims else f"{row['host']} speaks the truth again"


def _session(row: Row) -> str:
    return f"{row['ivr']} ({row['instance_id']})"


def _readiness(row: Row) -> str:
    ready = sum(1 for _, is_ready, _ in row["details"] if is_ready)
    rest = len(row["details"]) - ready
    reasons = sorted({reason for _, is_ready, reason in row["details"] if not is_ready and reason})
    parts = [f"{ready} ready"] if ready else []
    parts += [f"{rest} not ready" + (f" ({', '.join(reasons)})" if reasons else "")] if rest else []
    return f"{row['ivr']}: {', '.join(parts)}"


def _signal(row: Row) -> str:
    name = "NewCall" if row["event"] == "new-call" else "Gone"
    again = " (a duplicate)" if row["duplicate"] else ""
    return f"{name} of {row['call_id']} on {row['channel']}: {row['details']['state']}{again}"


def _refused(row: Row) -> str:
    details = row["details"]
    return f"{details['operation'] or 'a request'} was refused: {details['fault']} {details['message']}".rstrip()


TELLINGS: dict[str, Callable[[Row], str]] = {
    "host-started": lambda row: f"{row['host']} has started",
    "host-stopped": lambda row: f"{row['host']} has stopped",
    "killed": lambda row: f"{row['host']} was killed",
    "frozen": lambda row: f"{row['host']} was frozen",
    "thawed": lambda row: f"{row['host']} was thawed",
    "promoted": lambda row: f"{row['host']} is active in generation {row['generation']}",
    "demoted": lambda row: f"{row['host']} is not active any more",
    "role-noticed": lambda row: f"{row['host']} knows that it is {row['details']['role']}",
    "state": _state,
    "generation": lambda row: f"the generation was set to {row['generation']}",
    "claimed": _claimed,
    "restored": lambda row: f"a backup was restored, the generation is {row['generation']}",
    "session-opened": lambda row: f"{_session(row)} signed on with {row['details']['channels']} channels",
    "session-channels": lambda row: f"{_session(row)} has {row['details']['channels']} channels now",
    "session-closed": lambda row: f"{_session(row)} is signed off: {row['details']['why']}",
    "readiness": _readiness,
    "old-connection-open": lambda row: f"{row['ivr']} still had its connection to {row['details']['host']} open!",
    "new-call": _signal,
    "gone": _signal,
    "stuck": lambda row: f"{row['channel']} holds {row['call_id']}, which nobody has told of",
    "hung-up": lambda row: f"the caller of {row['call_id']} on {row['channel']} has left",
    "refused": _refused,
}
"""How each event is told; all of them are here."""
