"""How failover time is made up, with the configured numbers in the formulas: pure.

The phases are those of ``agentchan failovers``: detect, discover, sign-on, restore, outbox. What lies with CE alone is
said as such: nothing here can make CE promote its standby sooner.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from math import ceil
from typing import Any

from agentchan.config import Configuration, format_duration
from agentchan.core.backoff import FLOOR, PATIENCE_LIMIT
from agentchan.core.session_values import SLICE

_WATCH = "watch_status"


def timing(
    configuration: Configuration, duties: Collection[str] = (_WATCH,), most_changes: int = SLICE
) -> list[dict[str, Any]]:
    """The parts of failover time.

    Each has ``case``, ``formula`` and ``ms``: milliseconds, None where it depends on what is not configured here.

    Args:
        configuration: the one in force.
        duties: that the profile maps.
        most_changes: of readiness that go into one request.
    """
    by_link = configuration.ce.active_by == "component-link"
    rows = [*(_by_link(configuration, duties) if by_link else _in_line()), _promotion(configuration)]
    if not configuration.ivr.channels:
        return rows
    return [*rows, *_detect(configuration), *_sign_on(configuration), *_afterwards(configuration, most_changes)]


def _row(case: str, formula: str, seconds: float | None) -> dict[str, Any]:
    return {"case": case, "formula": formula, "ms": None if seconds is None else round(seconds * 1000)}


def _by_link(configuration: Configuration, duties: Collection[str]) -> Iterator[dict[str, Any]]:
    link = configuration.component_link
    case = "detect and discover: CE says that another host is active (a planned switch, or a promotion)"
    if _WATCH in duties:
        yield _row(case, "one network trip: the host holds our question back until something changes", 0)
    else:
        yield _row(case, f"at most poll_interval = {_d(link.poll_interval)}", link.poll_interval)
    wait = link.watch_wait if _WATCH in duties else 0.0
    formula = f"timeout = {_d(link.timeout)}"
    if _WATCH in duties:
        formula = f"watch_wait + timeout = {_d(link.watch_wait)} + {_d(link.timeout)}"
    yield _row("discover: a frozen host's last word counts no more after", formula, wait + link.timeout)


def _in_line() -> Iterator[dict[str, Any]]:
    case = "detect: the host says that it is not active, or its connection is reset"
    yield _row(case, "at once: the connectors are asked in line", 0)


def _promotion(configuration: Configuration) -> dict[str, Any]:
    interval = configuration.ce.auto_failover_interval
    case = "discover: until CE promotes the standby of a host that was killed or frozen"
    if interval is None:
        formula = "CE's own Auto-Failover Interval; [ce] auto_failover_interval is not set here"
    else:
        formula = f"CE's own Auto-Failover Interval = {_d(interval)}; nothing here can shorten it"
    return _row(case, formula, interval)


def _detect(configuration: Configuration) -> Iterator[dict[str, Any]]:
    channel = configuration.agent_channel
    intervals = channel.heartbeat_misses + 1
    formula = (
        f"heartbeat_interval x (heartbeat_misses + 1) = {_d(channel.heartbeat_interval)} x {intervals}; "
        "the interval is at most a third of CE's SessionTimeout"
    )
    case = "detect: the network goes silent, and CE says nothing"
    yield _row(case, formula, channel.heartbeat_interval * intervals)


def _sign_on(configuration: Configuration) -> Iterator[dict[str, Any]]:
    channel = configuration.agent_channel
    formula = (
        f"connect_timeout for TCP, again for TLS, + reply_timeout = 2 x {_d(channel.connect_timeout)} "
        f"+ {_d(channel.reply_timeout)}; some milliseconds at a host that answers; each deadline that passes is "
        f"doubled for the next attempt, up to {_d(PATIENCE_LIMIT)}"
    )
    case = "sign-on: an attempt on a host that does not answer, at most"
    yield _row(case, formula, 2 * channel.connect_timeout + channel.reply_timeout)
    formula = (
        f"none before the first; then a draw up to backoff_initial = {_d(channel.backoff_initial)}, doubled each time "
        f"up to backoff_maximum = {_d(channel.backoff_maximum)}, and no less than {_d(FLOOR)}"
    )
    case = "sign-on: the pause between attempts on a host that stays as it is, at most"
    yield _row(case, formula, channel.backoff_maximum)
    case = "sign-on: a stand-by takes over from an instance that has died"
    yield _row(case, f"CE's SessionTimeout + backoff_maximum = SessionTimeout + {_d(channel.backoff_maximum)}", None)


def _afterwards(configuration: Configuration, most_changes: int) -> Iterator[dict[str, Any]]:
    channel, signals, number = configuration.agent_channel, configuration.signals, len(configuration.ivr.channels)
    if channel.ready_rate:
        formula = f"channels / ready_rate = {number} / {channel.ready_rate} per second"
        yield _row("restore: CE is told of all channels", formula, number / channel.ready_rate)
    else:
        slices = ceil(number / most_changes)
        formula = f"{number} channels in requests of {most_changes} = {slices} x"
        formula += f" reply_timeout = {_d(channel.reply_timeout)}"
        yield _row("restore: CE is told of all channels, at most", formula, slices * channel.reply_timeout)
    most = _d(signals.reply_timeout)
    formula = f"signals / lanes x the time of a reply = signals / {signals.lanes} x at most {most}"
    yield _row("outbox: until the call signals that had to wait are confirmed", formula, None)


def _d(seconds: float) -> str:
    return format_duration(seconds)
