"""``agentchan events``: what has happened, and what happens."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

import click

from agentchan.cli.daemon import Daemon
from agentchan.cli.failures import Failure
from agentchan.cli.options import json_option, json_text, reader, with_daemon
from agentchan.cli.words import Reader, shown

_AGAIN = 1.0
"""Seconds until a lost stream is asked for again."""


def event_line(event: Mapping[str, Any], whom: Reader) -> str:
    """One event on one line."""
    name = str(event.get("event", "?"))
    if name == "events-missed":
        return click.style("… events between are lost …", fg="yellow")
    fields = [
        f"{shown(key)}={_value(value)}"
        for key, value in event.items()
        if key not in ("id", "event", "at") and value is not None
    ]
    head = f"{whom.moment(event.get('at'))}  {click.style(shown(name), bold=True)}"
    return "  ".join([head, " ".join(fields)]).rstrip()


def _value(value: Any) -> str:
    if isinstance(value, str):
        text = shown(value)
        return f'"{text}"' if " " in text or not text else text
    return json_text(value)


@click.command()
@click.option("--follow", "-f", is_flag=True, help="Go on with what happens from now on, until Ctrl-C.")
@click.option(
    "--lines", "-n", type=click.IntRange(0), help="Only so many of the past. [default: all; with --follow: 10]"
)
@json_option
@with_daemon
def events(daemon: Daemon, *, follow: bool, lines: int | None, as_json: bool) -> None:
    """What has happened: every change, the newest last. With --json one object a line.

    \b
    Examples:
      agentchan events -n 50
      agentchan events --follow
      agentchan events --follow --json | jq 'select(.event == "failover")'
    """  # noqa: D301  \b is click's mark for text that is not to be wrapped
    if lines is None and follow:
        lines = 10
    past = daemon.get("/v1/events").get("events", [])
    for event in past if lines is None else past[len(past) - min(lines, len(past)) :]:
        _print(event, as_json)
    if follow:
        try:
            for event in _followed(daemon, past[-1].get("id") if past else None):
                _print(event, as_json)
        except KeyboardInterrupt:
            # How following ends; nothing has failed.
            return


def _print(event: Mapping[str, Any], as_json: bool) -> None:
    click.echo(json_text(event) if as_json else event_line(event, reader()))


def _followed(daemon: Daemon, last_id: str | None) -> Iterator[dict[str, Any]]:
    """Every event after that; a daemon that goes away is waited for, and says itself if something is lost then."""
    away = False
    while True:
        try:
            for event in daemon.events(last_id):
                away, last_id = False, event.get("id", last_id)
                yield event
            why = "it ended the stream"
        except Failure as failure:
            why = failure.message
        if not away:
            click.echo(f"agentchan: {shown(why)}; waiting for the daemon", err=True)
        away = True
        time.sleep(_AGAIN)
