"""From a status to what is wrong, in plain words, with the command that mends it; pure, for daemon and command line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Problem = dict[str, Any]

_VERDICTS = {
    "none-active": ("the CE hosts answer, but none of them is active", "agentchan failing-over"),
    "ambiguous": (
        "two CE hosts claim to be active and nothing decides between them",
        "agentchan follow HOST --for 30m --reason '…'",
    ),
    "unknown": ("no CE host answers the component link", "agentchan doctor"),
}

_CHANNEL_STATES = {
    "down": ("the agent channel is down", "agentchan doctor"),
    "dialing": ("the agent channel is being dialed", None),
    "signing-on": ("the agent channel is signing on", None),
    "restoring": ("CE is being told which channels are ready", None),
    "suspect": ("CE does not answer heartbeats", None),
    "standing-by": ("another instance is signed on for this IVR; this one takes over when that one ends", None),
    "contended": (
        "another daemon with this instance_id keeps replacing this one",
        "give each daemon its own [ivr] instance_id, then restart it",
    ),
    "signing-off": ("the daemon is signing off", None),
}


def problems(status: Mapping[str, Any]) -> list[Problem]:
    """What is wrong by a status (interfaces.md 5), the worst first; empty when all is well.

    Each has ``code``, ``text``, ``since`` (ISO 8601 or None) and ``remedy`` (a command, a sentence, or None where
    waiting is all that can be done).
    """
    return [
        *_of_ce(status.get("ce") or {}),
        *_of_agent_channel(status),
        *_of_ivr(status),
        *_of_journal(status.get("journal") or {}),
        *_of_channels(status.get("channels") or {}),
        *_of_signals(status.get("signals") or {}),
    ]


def _problem(code: str, text: str, remedy: str | None, since: str | None = None) -> Problem:
    return {"code": code, "text": text, "since": since, "remedy": remedy}


def _of_ce(ce: Mapping[str, Any]) -> Iterator[Problem]:
    text, remedy = _VERDICTS.get(ce.get("verdict") or "", (None, None))
    if text:
        state = ce.get("domain_state")
        more = " (it is failing over)" if ce.get("failing_over") else f" (it says {state})" if state else ""
        yield _problem(str(ce["verdict"]), text + more, remedy, ce.get("since"))
    if ce.get("domain_state") == "Emergency":
        yield _problem("emergency", "CE is in its emergency state: it sends no calls to the IVR", "look at CE itself")


def _of_agent_channel(status: Mapping[str, Any]) -> Iterator[Problem]:
    channel = status.get("agent_channel") or {}
    if not (status.get("channels") or {}).get("total"):
        return
    text, remedy = _CHANNEL_STATES.get(channel.get("state") or "", (None, None))
    if text:
        error = channel.get("error")
        yield _problem(
            f"agent-channel-{channel['state']}", f"{text}: {error}" if error else text, remedy, channel.get("since")
        )


def _of_ivr(status: Mapping[str, Any]) -> Iterator[Problem]:
    health = status.get("ivr_health") or {}
    if health.get("up") is False:
        error = health.get("error")
        text = "the IVR itself does not answer" + (f": {error}" if error else "")
        yield _problem("ivr-down", text, "start the IVR; its channels come back by themselves", health.get("since"))


def _of_journal(journal: Mapping[str, Any]) -> Iterator[Problem]:
    if journal.get("state") not in (None, "ok"):
        error = journal.get("error") or "unknown cause"
        text = f"the journal cannot be written, so call signals are refused: {error}"
        yield _problem("journal-failing", text, "mend the disk of [journal] path; the daemon goes on by itself")


def _of_channels(channels: Mapping[str, Any]) -> Iterator[Problem]:
    stuck = channels.get("stuck") or 0
    if stuck:
        text = f"{_count(stuck, 'channel')} stuck in a call that has ended or that nobody here knows"
        yield _problem("channels-stuck", text, "agentchan channels --stuck")
    foreign = channels.get("unknown_to_ce") or 0
    if foreign:
        text = f"CE does not know {_count(foreign, 'channel')} of [ivr] channels"
        yield _problem("channels-unknown-to-ce", text, "agentchan channels --unknown")


def _of_signals(signals: Mapping[str, Any]) -> Iterator[Problem]:
    for fate, verb in (("refused", "CE has refused"), ("expired", "nobody has confirmed in time")):
        count = signals.get(fate) or 0
        if count:
            text = f"{verb} {_count(count, 'call signal')}"
            yield _problem(f"signals-{fate}", text, f"agentchan signals list --fate {fate}")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
