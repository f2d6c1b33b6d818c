"""What is wrong just now, in plain words, the worst first, each with what to do about it: a pure function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from agentchan.core.session_values import Note, Shown, State
from agentchan.core.verdict import Kind, Verdict
from agentchan.journal.health import Health
from agentchan.journal.health import State as JournalState
from agentchan.status import Moment
from agentchan.wishes import Drain


@frozen
class Snapshot:
    """What is looked at.

    Attributes:
        verdict_since: since when the verdict is what it is (monotonic seconds, as ``alarms``).
        shown: the agent channel; None in frontend mode.
        alarms: by event.
        ivr_down_since: since when the IVR itself does not answer, None while it does.
        refused: call signals that CE refused.
        expired: NewCalls that expired.
        stuck: channels that are stuck.
    """

    verdict: Verdict
    verdict_since: float
    shown: Shown | None
    journal: Health
    drain: Drain | None = None
    alarms: Mapping[str, tuple[Note, float]] = field(factory=dict)
    ivr_down_since: float | None = None
    refused: int = 0
    expired: int = 0
    stuck: tuple[str, ...] = ()


_REMEDIES = {
    "contended": "give each daemon its own [ivr] instance_id; 'agentchan config show' tells this one's",
    "channel-unknown": "compare [ivr] channels with CE's administration, then 'agentchan reload'",
    "ivr-unknown": "compare [ivr] name with CE's administration",
    "mark-fallen": "if CE's database was not restored, look which host is really active",
    "readiness-refused": "'agentchan explain CHANNEL' tells CE's words",
}

_VERDICT_REMEDIES = {
    Kind.UNKNOWN: "'agentchan doctor' looks at names, network and certificates",
    Kind.NONE_ACTIVE: "look at CE's failover state; nothing is to be done here, this daemon follows at once",
    Kind.AMBIGUOUS: "look which host is active, then 'agentchan follow HOST --for 1h --reason WHY'",
}


def problems(snapshot: Snapshot, moment: Moment) -> list[dict[str, Any]]:
    """Everything that is wrong, the worst first; empty when all is well."""
    found: list[dict[str, Any]] = []

    def add(code: str, text: str, since: float | None, remedy: str) -> None:
        found.append({"code": code, "text": text, "since": moment.time_of_day(since), "remedy": remedy})

    journal = snapshot.journal
    if journal.state is JournalState.FAILING:
        since = moment.monotonic - (moment.wall - journal.since.timestamp())
        add("journal-failing", f"the journal cannot be written: {journal.reason}", since, "free or mend the disk")
    verdict = snapshot.verdict
    if verdict.kind in _VERDICT_REMEDIES:
        add(verdict.kind.value, verdict.reason, snapshot.verdict_since, _VERDICT_REMEDIES[verdict.kind])
    _agent_channel(snapshot, add)
    for event, (note, at) in snapshot.alarms.items():
        add(event, note.text, at, _REMEDIES.get(event, "'agentchan events' tells what came before"))
    if snapshot.ivr_down_since is not None:
        add("ivr-down", "the IVR itself does not answer", snapshot.ivr_down_since, "look at the IVR; [ivr.health]")
    if snapshot.stuck:
        add(
            "stuck",
            f"CE holds calls that nobody here knows on {', '.join(snapshot.stuck[:5])}",
            None,
            f"'agentchan free {snapshot.stuck[0]} --reason WHY'",
        )
    if snapshot.refused:
        add("refused", f"CE refused {snapshot.refused} call signals", None, "'agentchan signals --fate refused'")
    if snapshot.drain is not None:
        drain = snapshot.drain
        add("draining", f"out of service: {drain.reason or 'no reason given'}", drain.since, "'agentchan resume'")
    if journal.set_aside is not None:
        add(
            "journal-set-aside",
            f"a damaged journal was put aside as {journal.set_aside}",
            None,
            "keep the file; what it held is not known here",
        )
    return found


def _agent_channel(snapshot: Snapshot, add: Any) -> None:
    shown = snapshot.shown
    if shown is None or shown.state in (State.UP, State.RESTORING, State.SIGNING_OFF):
        return
    if shown.state is State.STANDING_BY:
        add(
            "standing-by",
            f"another instance is signed on for this IVR at {shown.host or shown.url}",
            shown.since,
            "nothing to be done if that is meant; this one takes over when the other ends",
        )
    elif shown.state is State.SUSPECT:
        add("suspect", f"{shown.host} missed a heartbeat", shown.since, "wait a moment; 'agentchan status --watch'")
    elif shown.state is not State.CONTENDED and snapshot.verdict.kind in (Kind.FOLLOWING, Kind.PINNED):
        error = shown.error or "no attempt has ended yet"
        add("agent-channel-down", f"not signed on: {error}", shown.since, "'agentchan doctor' tries each step")
