"""A status as a screen: whether all is well, in plain words; what is wrong and what mends it; and the rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click

from agentchan.api.problems import problems
from agentchan.cli.tables import paragraph
from agentchan.cli.words import Reader, columns, count, cut, milliseconds, shown, span

_LABEL = 15
_MARK = "\0"
"""Ends what a line begins with; the lines that follow it are indented as far."""
_LONGEST_NAME = 24
_ROLES = {"Active": ("●", "green"), "Standby": ("○", "blue")}


def problems_of(status: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What is wrong, as the daemon says it, or by the status itself."""
    told = status.get("problems")
    return problems(status) if told is None else list(told)


def status_screen(status: Mapping[str, Any], reader: Reader) -> list[str]:
    """The lines of the screen.

    Args:
        status: interfaces.md 5.
        reader: whom it is for.
    """
    # That it is out of service by hand, the headline and the line of the drain say already.
    wrong = [problem for problem in problems_of(status) if problem.get("code") != "draining"]
    lines = [*_headline(status, wrong, reader)]
    for problem in wrong:
        lines += _problem(problem, reader)
    lines.append("")
    for label, text in _facts(status, reader):
        head = "  " + (click.style(label.ljust(_LABEL), dim=True) if label else " " * _LABEL)
        mark, _, words = text.rpartition(_MARK)
        lines += paragraph(words, reader.room, head + mark)
    return lines


def serves(status: Mapping[str, Any]) -> bool:
    """Whether calls can be taken now."""
    channels = status.get("channels")
    channel = status.get("agent_channel") or {}
    if channels is None:
        return channel.get("state") == "up"
    if not channels.get("total"):
        return (status.get("ce") or {}).get("verdict") in ("following", "pinned")
    # Where CE cannot be told of readiness, it does not say of it either.
    usual = () if status.get("tells_readiness", True) else ("unknown",)
    in_service = any(channels.get(state) for state in ("ready", "busy", "wrapup", *usual))
    return channel.get("state") in ("up", "suspect", "restoring") and in_service


def _headline(status: Mapping[str, Any], wrong: list[dict[str, Any]], reader: Reader) -> Iterator[str]:
    name = shown(status.get("ivr", "agentchan"))
    if status.get("draining"):
        calls = (status.get("drain") or {}).get("calls")
        calls = (status.get("channels") or {}).get("busy", 0) if calls is None else calls
        sign, colour = "◐", "yellow"
        text = f"draining, {count(calls, 'call')} still in progress" if calls else "drained, no call is left"
    elif (status.get("agent_channel") or {}).get("state") == "standing-by":
        sign, colour, text = "◐", "yellow", "standing by for another instance"
    elif not serves(status):
        sign, colour, text = "✗", "red", "out of service, CE sends it no calls"
    elif wrong:
        sign, colour, text = "!", "yellow", f"in service, but {count(len(wrong), 'thing needs', 'things need')} a look"
    else:
        sign, colour, text = "●", "green", "all is well"
    for line in paragraph(f"{name}: {text}", reader.room, f"{sign} "):
        yield click.style(line, fg=colour, bold=True)


def _problem(problem: Mapping[str, Any], reader: Reader) -> Iterator[str]:
    age = reader.age(problem.get("since"))
    when = "" if age is None else f" (since {reader.moment(problem['since'])}, {span(age)})"
    text = shown(problem.get("text", problem.get("code", "")))
    yield from paragraph(text + when, reader.room, "  " + click.style("✗", fg="red") + " ")
    if problem.get("remedy"):
        remedy = click.style(shown(problem["remedy"]), bold=True)
        yield from paragraph(remedy, reader.room, "    " + click.style("→", fg="cyan") + " ")


def _facts(status: Mapping[str, Any], reader: Reader) -> Iterator[tuple[str, str]]:
    yield from _ce(status.get("ce") or {}, reader)
    totals = status.get("channels")
    if totals is None or totals.get("total"):
        yield "agent channel", _agent_channel(status.get("agent_channel") or {}, reader)
    if totals is not None:
        yield "channels", _channels(totals)
    if status.get("signals") is not None and (totals is None or totals.get("total")):
        yield "call signals", _signals(status["signals"])
    yield from _surroundings(status, reader)
    version, uptime = status.get("version", "?"), status.get("uptime_s")
    yield "daemon", f"agentchan {shown(version)}" + (f", running for {span(uptime)}" if uptime is not None else "")


def _ce(ce: Mapping[str, Any], reader: Reader) -> Iterator[tuple[str, str]]:
    active = ce.get("active")
    words = {
        "following": f"following {shown(active or 'the active host')}",
        "pinned": f"following {shown(active)}, pinned by hand"
        if active
        else "pinned by hand to a host that is not active",
        "none-active": "no host is active",
        "ambiguous": "two hosts claim to be active" + (f", following {shown(active)}" if active else ""),
        "unknown": "no host answers",
    }
    text = words.get(ce.get("verdict") or "", "not known yet")
    if ce.get("generation") is not None and active:
        text += f", generation {shown(ce['generation'])}"
    if ce.get("since"):
        text += f", since {reader.moment(ce['since'])}"
    yield "CE", text
    pinned = ce.get("pinned")
    if pinned:
        by = f" by {shown(pinned['who'])}" if pinned.get("who") else ""
        yield "", f"pinned until {reader.moment(pinned.get('until'))}{by}: {shown(pinned.get('reason'))}"
    hosts = ce.get("hosts") or []
    names = [cut(shown(host.get("name") or host.get("url")), _LONGEST_NAME) for host in hosts]
    widest = max((columns(name) for name in names), default=0)
    for name, host in zip(names, hosts, strict=True):
        yield "", _host(name + " " * (widest - columns(name)), host)


def _host(name: str, host: Mapping[str, Any]) -> str:
    role = shown(host.get("role") or "Unknown")
    sign, colour = _ROLES.get(role, ("✗", "red"))
    text = f"{click.style(sign, fg=colour)} {_MARK}{name}  {shown(host.get('rank') or ''):<9}  "
    text += click.style(f"{role:<7}", fg=colour)
    if host.get("error"):
        return f"{text}  {shown(host['error'])}"
    text += f"  {shown(host.get('state') or ''):<11}  {milliseconds(host.get('age_ms'))} ago"
    return f"{text}; not followed: {shown(host['refusal'])}" if host.get("refusal") else text


def _agent_channel(channel: Mapping[str, Any], reader: Reader) -> str:
    state = shown(channel.get("state", "?"))
    text = click.style(state, fg="green" if state == "up" else "yellow" if channel.get("host") else "red")
    if channel.get("host"):
        text += f" to {shown(channel['host'])}"
    if channel.get("since"):
        text += f" since {reader.moment(channel['since'])}"
    if channel.get("heartbeat_age_ms") is not None:
        text += f", CE heard {milliseconds(channel['heartbeat_age_ms'])} ago"
    return text


def _channels(totals: Mapping[str, Any]) -> str:
    if not totals.get("total"):
        return "none are configured: only the two questions are answered"
    parts = [f"{totals.get('total', 0)} in all"]
    for key, noun, colour in (
        ("ready", "ready", "green"),
        ("busy", "busy", "green"),
        ("wrapup", "in wrap-up", None),
        ("not_ready", "not ready", None),
        ("unknown", "unknown", "yellow"),
        ("stuck", "stuck", "red"),
    ):
        if totals.get(key):
            parts.append(click.style(f"{totals[key]} {noun}", fg=colour))
    return ", ".join(parts)


def _signals(signals: Mapping[str, Any]) -> str:
    pending = signals.get("pending") or 0
    text = "none is waiting"
    if pending:
        text = click.style(f"{pending} waiting, the oldest for {span(signals.get('oldest_s') or 0)}", fg="yellow")
    parts = [text, f"{signals.get('confirmed', 0)} confirmed"]
    parts += [click.style(f"{signals[fate]} {fate}", fg="red") for fate in ("refused", "expired") if signals.get(fate)]
    if signals.get("repairs"):
        parts.append(count(signals["repairs"], "repair"))
    return ", ".join(parts)


def _surroundings(status: Mapping[str, Any], reader: Reader) -> Iterator[tuple[str, str]]:
    drain = status.get("drain")
    if drain:
        text = f"since {reader.moment(drain.get('since'))} by {shown(drain.get('who') or 'somebody')}"
        yield "drain", text + (f": {shown(drain['reason'])}" if drain.get("reason") else "")
        yield "", click.style("→ ", fg="cyan") + _MARK + click.style("agentchan resume", bold=True) + " ends it"
    health = status.get("ivr_health")
    if health:
        yield "IVR", _ivr(health, reader)
    journal = status.get("journal")
    if journal and journal.get("state") not in (None, "ok"):
        yield "journal", click.style(shown(journal.get("error") or journal.get("state")), fg="red")


def _ivr(health: Mapping[str, Any], reader: Reader) -> str:
    up = health.get("up")
    if up is None:
        # Only so many checks alike decide it; until then nothing is held back.
        checked = f": {shown(health['error'])}" if health.get("error") else ""
        return click.style("not known yet", fg="yellow") + checked
    alive = click.style("alive", fg="green") if up else click.style("does not answer", fg="red")
    return f"{alive} since {reader.moment(health.get('since'))}"
