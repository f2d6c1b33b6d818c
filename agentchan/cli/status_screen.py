"""A status as a screen: first in plain words whether all is well, then what is wrong and what mends it, then the rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, tzinfo
from typing import Any

import click

from agentchan.api.problems import problems
from agentchan.cli.tables import cut
from agentchan.cli.words import count, milliseconds, moment, shown, since, span

_LABEL = 15
_ROLES = {"Active": "green", "Standby": "blue"}


def problems_of(status: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What is wrong, as the daemon says it, or by the status itself."""
    told = status.get("problems")
    return problems(status) if told is None else list(told)


def status_screen(status: Mapping[str, Any], now: datetime, room: int = 80, zone: tzinfo | None = None) -> list[str]:
    """The lines of the screen.

    Args:
        status: interfaces.md 5.
        now: for ages.
        room: columns of the terminal.
        zone: the reader's; None: this machine's.
    """
    wrong = problems_of(status)
    lines = [*_headline(status, wrong, room)]
    for problem in wrong:
        lines += _problem(problem, now, room, zone)
    if wrong:
        lines.append("")
    for label, text in _facts(status, now, zone):
        head = click.style(label.ljust(_LABEL), dim=True) if label else " " * _LABEL
        lines.append(f"  {head}{text}".rstrip())
    return lines


def serves(status: Mapping[str, Any]) -> bool:
    """Whether calls can be taken now."""
    channels = status.get("channels") or {}
    if not channels.get("total"):
        return (status.get("ce") or {}).get("verdict") in ("following", "pinned")
    in_service = any(channels.get(state) for state in ("ready", "busy", "wrapup"))
    return (status.get("agent_channel") or {}).get("state") in ("up", "suspect", "restoring") and in_service


def _headline(status: Mapping[str, Any], wrong: list[dict[str, Any]], room: int) -> Iterator[str]:
    name = shown(status.get("ivr", "agentchan"))
    if status.get("draining"):
        calls = (status.get("drain") or {}).get("calls")
        calls = (status.get("channels") or {}).get("busy", 0) if calls is None else calls
        sign, colour = "◐", "yellow"
        text = "drained, no call is left" if not calls else f"draining, {count(calls, 'call')} still in progress"
    elif not serves(status):
        sign, colour, text = "✗", "red", "out of service, CE sends it no calls"
        if (status.get("agent_channel") or {}).get("state") == "standing-by":
            sign, colour, text = "◐", "yellow", "standing by for another instance"
    elif wrong:
        sign, colour, text = "!", "yellow", f"in service, but {count(len(wrong), 'thing needs', 'things need')} a look"
    else:
        sign, colour, text = "●", "green", "all is well"
    yield click.style(cut(f"{sign} {name}: {text}", room), fg=colour, bold=True)
    if not wrong:
        yield ""


def _problem(problem: Mapping[str, Any], now: datetime, room: int, zone: tzinfo | None) -> Iterator[str]:
    age = since(problem.get("since"), now)
    when = "" if age is None else f"  since {moment(problem['since'], now, zone)} ({span(age)})"
    text = shown(problem.get("text", problem.get("code", "")))
    for number, line in enumerate(_wrapped(text + when, room - 4)):
        yield ("  " + click.style("✗ ", fg="red") if not number else "    ") + line
    if problem.get("remedy"):
        yield "      " + click.style("→ ", fg="cyan") + click.style(shown(problem["remedy"]), bold=True)


def _facts(status: Mapping[str, Any], now: datetime, zone: tzinfo | None) -> Iterator[tuple[str, str]]:
    yield from _ce(status.get("ce") or {}, now, zone)
    channel = status.get("agent_channel") or {}
    totals = status.get("channels") or {}
    if totals.get("total"):
        yield "agent channel", _agent_channel(channel, now, zone)
        yield "channels", _channels(totals)
        yield "call signals", _signals(status.get("signals") or {})
    else:
        yield "channels", "none are configured: only the two questions are answered"
    yield from _surroundings(status, now, zone)
    version, uptime = status.get("version", "?"), status.get("uptime_s")
    yield "daemon", f"agentchan {shown(version)}" + (f", running for {span(uptime)}" if uptime is not None else "")


def _ce(ce: Mapping[str, Any], now: datetime, zone: tzinfo | None) -> Iterator[tuple[str, str]]:
    words = {
        "following": f"following {shown(ce.get('active'))}",
        "pinned": f"following {shown(ce.get('active'))}, pinned by hand",
        "none-active": "no host is active",
        "ambiguous": "two hosts claim to be active",
        "unknown": "no host answers",
    }
    text = words.get(ce.get("verdict") or "", "not known yet")
    if ce.get("generation") is not None and ce.get("active"):
        text += f", generation {ce['generation']}"
    if ce.get("since"):
        text += f", since {moment(ce['since'], now, zone)}"
    yield "CE", text
    pinned = ce.get("pinned")
    if pinned:
        yield (
            "",
            f"pinned until {moment(pinned.get('until'), now, zone)} by {shown(pinned.get('who'))}: "
            + shown(pinned.get("reason")),
        )
    hosts = ce.get("hosts") or []
    names = [shown(host.get("name") or host.get("url")) for host in hosts]
    widest = max((len(name) for name in names), default=0)
    for name, host in zip(names, hosts, strict=True):
        yield "", _host(name.ljust(min(widest, 24)), host)


def _host(name: str, host: Mapping[str, Any]) -> str:
    role = shown(host.get("role") or "Unknown")
    colour = _ROLES.get(role, "red")
    sign = click.style("●" if role == "Active" else "○" if role == "Standby" else "✗", fg=colour)
    rank = shown(host.get("rank") or "")
    text = f"{sign} {name}  {rank:<9}  " + click.style(f"{role:<7}", fg=colour)
    if host.get("error"):
        return f"{text}  {shown(host['error'])}"
    state = shown(host.get("state") or "")
    return f"{text}  {state:<11}  {milliseconds(host.get('age_ms'))} ago"


def _agent_channel(channel: Mapping[str, Any], now: datetime, zone: tzinfo | None) -> str:
    state = shown(channel.get("state", "?"))
    text = click.style(state, fg="green" if state == "up" else "yellow" if channel.get("host") else "red")
    if channel.get("host"):
        text += f" to {shown(channel['host'])}"
    if channel.get("since"):
        text += f" since {moment(channel['since'], now, zone)}"
    if channel.get("heartbeat_age_ms") is not None:
        text += f", CE heard {milliseconds(channel['heartbeat_age_ms'])} ago"
    return text


def _channels(totals: Mapping[str, Any]) -> str:
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
    for fate in ("refused", "expired"):
        if signals.get(fate):
            parts.append(click.style(f"{signals[fate]} {fate}", fg="red"))
    if signals.get("repairs"):
        parts.append(count(signals["repairs"], "repair"))
    return ", ".join(parts)


def _surroundings(status: Mapping[str, Any], now: datetime, zone: tzinfo | None) -> Iterator[tuple[str, str]]:
    drain = status.get("drain")
    if drain:
        text = f"since {moment(drain.get('since'), now, zone)} by {shown(drain.get('who'))}"
        yield "drain", text + (f": {shown(drain['reason'])}" if drain.get("reason") else "")
        yield "", click.style("→ ", fg="cyan") + click.style("agentchan resume", bold=True) + " ends it"
    health = status.get("ivr_health")
    if health:
        alive = click.style("alive", fg="green") if health.get("up") else click.style("does not answer", fg="red")
        yield "IVR", f"{alive} since {moment(health.get('since'), now, zone)}"
    journal = status.get("journal")
    if journal and journal.get("state") != "ok":
        yield "journal", click.style(shown(journal.get("error") or journal.get("state")), fg="red")


def _wrapped(text: str, room: int) -> list[str]:
    import textwrap  # noqa: PLC0415  not needed when all is well

    return textwrap.wrap(text, room, break_on_hyphens=False) or [""]
