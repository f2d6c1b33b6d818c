"""From a status to what is wrong, in plain words, with what mends it: a pure function, for daemon and command line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Problem = dict[str, Any]

_VERDICTS = {
    "unknown": ("no-host-answers", "no CE host answers the component link", "agentchan doctor"),
    "none-active": (
        "none-active",
        "no CE host is active",
        "look at CE's own failover state; this daemon follows whichever host becomes active, at once",
    ),
    "ambiguous": (
        "ambiguous",
        "two CE hosts claim to be active and nothing decides between them",
        "find out which one is, then: agentchan follow HOST --for 1h --reason '…'",
    ),
    "pinned": (
        "pinned-not-active",
        "the host that is pinned by hand is not active",
        "agentchan unfollow",
    ),
}

_AWAY = ("down", "dialing", "signing-on")
"""States of the agent channel in which CE cannot give us calls."""

_ALARMS = {
    "contended": "give each daemon its own [ivr] instance_id, then restart it",
    "channel-unknown": "compare [ivr] channels with CE's administration, then: agentchan reload",
    "ivr-unknown": "compare [ivr] name with CE's administration",
    "wrong-host": "compare [component_link] urls and [agent_channel] connector_urls with CE's hosts",
    "mark-fallen": "if CE's database was not restored, look which host is really active",
    "readiness-refused": "agentchan explain CHANNEL",
    "readiness-not-taken": "agentchan explain CHANNEL",
    "certificate-expiring": "agentchan doctor",
    "list-refused": "compare [ivr] channels with CE's administration, then: agentchan reload",
}
_OTHER_ALARM = "agentchan events"


def problems(status: Mapping[str, Any]) -> list[Problem]:
    """What is wrong by a status (interfaces.md 5), the worst first; empty when all is well.

    Each has ``code``, ``text``, ``since`` (ISO 8601 or None) and ``remedy`` (a command or a sentence). A status of an
    older daemon, in which things are missing, tells less, and is no error.
    """
    found: dict[str, Problem] = {}
    for each in (
        *_of_journal(status.get("journal") or {}),
        *_of_ce(status.get("ce") or {}),
        *_of_agent_channel(status),
        *_of_ivr(status.get("ivr_health") or {}),
        *_of_alarms(status),
        *_of_channels(status.get("channels") or {}),
        *_of_signals(status.get("signals") or {}),
        *_of_drain(status),
        *_of_set_aside(status.get("journal") or {}),
    ):
        found.setdefault(each["code"], each)
    return list(found.values())


def _problem(code: str, text: str, remedy: str, since: Any = None) -> Problem:
    return {"code": code, "text": text, "since": since, "remedy": remedy}


def _of_journal(journal: Mapping[str, Any]) -> Iterator[Problem]:
    if journal.get("state") not in (None, "ok"):
        text = f"the journal cannot be written, so call signals are refused: {journal.get('error') or 'no cause given'}"
        remedy = "mend or free the disk of [journal] path; the daemon goes on by itself"
        yield _problem("journal-failing", text, remedy, journal.get("since"))


def _of_ce(ce: Mapping[str, Any]) -> Iterator[Problem]:
    verdict, reason = ce.get("verdict"), ce.get("reason")
    if verdict in _VERDICTS and (verdict != "pinned" or ("active" in ce and ce["active"] is None)):
        code, text, remedy = _VERDICTS[verdict]
        if reason and verdict == "none-active":
            text += f": {reason}"
        elif reason and verdict != "unknown":
            text = reason
        if ce.get("failing_over"):
            text += f" (CE says {ce.get('domain_state') or 'that it is failing over'})"
        yield _problem(code, text, remedy, ce.get("since"))
    if ce.get("domain_state") == "Emergency":
        text = "CE is in its emergency state: it sends no calls to the IVR"
        yield _problem("emergency", text, "look at CE itself; the agent channel is kept")


def _of_agent_channel(status: Mapping[str, Any]) -> Iterator[Problem]:
    channel = status.get("agent_channel") or {}
    state, error, since = channel.get("state"), channel.get("error"), channel.get("since")
    host = channel.get("host") or channel.get("url") or "the active host"
    if state == "standing-by":
        text = f"another instance is signed on for this IVR at {host}"
        yield _problem("standing-by", text, "nothing, if that is meant: this one takes over when the other ends", since)
    elif state == "contended":
        text = error or "another daemon with this instance_id keeps replacing this one"
        yield _problem("contended", text, _ALARMS["contended"], since)
    elif state == "suspect":
        text = f"{host} has not answered a heartbeat"
        yield _problem("suspect", text, "wait a moment, and look: agentchan status --watch", since)
    elif state in _AWAY and not _nobody_to_follow(status.get("ce") or {}):
        text = f"the agent channel is {state}: {error or 'no attempt has ended yet'}"
        yield _problem("agent-channel-down", text, "agentchan doctor", since)


def _nobody_to_follow(ce: Mapping[str, Any]) -> bool:
    return ce.get("verdict") in ("unknown", "none-active") or ("active" in ce and ce["active"] is None)


def _of_ivr(health: Mapping[str, Any]) -> Iterator[Problem]:
    if health.get("up") is False:
        error = health.get("error")
        text = "the IVR itself does not answer its health check" + (f": {error}" if error else "")
        yield _problem("ivr-down", text, "start the IVR; its channels come back by themselves", health.get("since"))


def _of_alarms(status: Mapping[str, Any]) -> Iterator[Problem]:
    for alarm in status.get("alarms") or ():
        code = str(alarm.get("code"))
        if code == "channel-unknown" and (status.get("channels") or {}).get("unknown_to_ce") == 0:
            # CE has learned them since.
            continue
        remedy = alarm.get("remedy") or _ALARMS.get(code, _OTHER_ALARM)
        yield _problem(code, str(alarm.get("text") or code), remedy, alarm.get("since"))


def _of_channels(channels: Mapping[str, Any]) -> Iterator[Problem]:
    foreign = channels.get("unknown_to_ce") or 0
    if foreign:
        text = f"CE does not know {_count(foreign, 'channel')} of [ivr] channels"
        yield _problem("channel-unknown", text, _ALARMS["channel-unknown"])
    stuck = channels.get("stuck") or 0
    if stuck:
        names = [str(name) for name in channels.get("stuck_names") or ()]
        text = f"{_count(stuck, 'channel')} stuck in a call that has ended or that nobody here knows"
        if names:
            text += f": {', '.join(names)}{' and others' if stuck > len(names) else ''}"
        remedy = f"agentchan free {names[0]} --reason '…'" if stuck == 1 and names else "agentchan channels --stuck"
        yield _problem("stuck", text, remedy)


def _of_signals(signals: Mapping[str, Any]) -> Iterator[Problem]:
    for fate, text in (("refused", "CE has refused {}"), ("expired", "{} expired before CE confirmed")):
        count = signals.get(fate) or 0
        if count:
            words = text.format(_count(count, "call signal"))
            yield _problem(fate, words, f"agentchan signals list --fate {fate}")


def _of_drain(status: Mapping[str, Any]) -> Iterator[Problem]:
    if status.get("draining"):
        drain = status.get("drain") or {}
        text = "out of service by hand" + (f": {drain['reason']}" if drain.get("reason") else "")
        yield _problem("draining", text, "agentchan resume", drain.get("since"))


def _of_set_aside(journal: Mapping[str, Any]) -> Iterator[Problem]:
    if journal.get("set_aside"):
        text = f"a damaged journal was set aside as {journal['set_aside']}; what it held is not known any more"
        yield _problem("journal-set-aside", text, "keep that file, and compare CE's open calls with the IVR's")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
