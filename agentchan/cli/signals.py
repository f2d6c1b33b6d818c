"""``agentchan signals``: call signals and their fates."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import click

from agentchan.cli.daemon import Daemon
from agentchan.cli.options import (
    daemon_of,
    done,
    json_option,
    needed_reason_option,
    print_json,
    print_lines,
    reader,
    with_daemon,
)
from agentchan.cli.tables import Column, paragraph, table
from agentchan.cli.words import Reader, count, shown

_FATES = ("pending", "confirmed", "refused", "expired", "discarded")
_COLUMNS = (Column("SIGNAL"), Column("CHANNEL", flexible=True), Column("FATE"), Column("ACCEPTED"))
_COLOURS = {"confirmed": "green", "pending": "yellow", "refused": "red", "expired": "red"}
_LABEL = 14
_MOST = 100

Options = Callable[[Callable[..., Any]], Callable[..., Any]]


def _list_options(command: Callable[..., Any]) -> Callable[..., Any]:
    options: Sequence[Options] = (
        click.option(
            "--fate", type=click.Choice(_FATES), multiple=True, help="Only these; may be given several times."
        ),
        click.option("--channel", metavar="NAME", help="Only of this channel or alias."),
        click.option("--before", metavar="ID", help="Only those accepted before this one: the next page."),
        click.option(
            "--limit", type=click.IntRange(1, 10_000), default=_MOST, show_default=True, help="At most so many."
        ),
        json_option,
    )
    for option in reversed(options):
        command = option(command)
    return command


def signals_screen(rows: Iterable[Mapping[str, Any]], whom: Reader, *, narrowed: bool = True) -> list[str]:
    """The rows as a table; what each is about stands below it, since its id is needed whole.

    Args:
        rows: of the answer.
        whom: it is for.
        narrowed: whether not all signals were asked for.
    """
    rows = list(rows)
    if not rows:
        return ["No call signal is like that." if narrowed else "No call signal has been given yet."]
    cells = [
        (row.get("signal_id"), row.get("channel"), row.get("fate"), whom.moment(row.get("accepted_at"))) for row in rows
    ]
    return table(_COLUMNS, cells, whom.room, _COLOURS, [_about(row) for row in rows])


def _about(row: Mapping[str, Any]) -> str:
    text = f"{row.get('kind')}{' (repair)' if row.get('repair') else ''} of call {row.get('call_id')}"
    if row.get("attempts") is not None:
        text += f", {count(row['attempts'], 'try', 'tries')}"
    return f"{text}; {row['last_error']}" if row.get("last_error") else text


def signal_screen(signal: Mapping[str, Any], whom: Reader) -> list[str]:
    """Everything known of one signal."""
    lines = []
    for label, text in (
        ("signal", signal.get("signal_id")),
        ("kind", f"{signal.get('kind')}{', a repair' if signal.get('repair') else ''}"),
        ("channel", signal.get("channel")),
        ("call", signal.get("call_id")),
        ("caller", signal.get("caller")),
        ("called", signal.get("called")),
        ("began", whom.moment(signal["started_at"]) if signal.get("started_at") else None),
        ("ended", whom.moment(signal["ended_at"]) if signal.get("ended_at") else None),
        ("outcome", signal.get("outcome")),
        ("given by", signal.get("who")),
        ("fate", signal.get("fate")),
        ("tries", signal.get("attempts")),
        ("last error", signal.get("last_error")),
    ):
        if text is not None:
            lines += paragraph(shown(text), whom.room, click.style(label.ljust(_LABEL), dim=True))
    history = signal.get("history") or ()
    if history:
        lines += ["", click.style("What happened", bold=True)]
    for step in history:
        lines += paragraph(shown(step.get("text", "")), whom.room, f"  {whom.moment(step.get('at'))}  ")
    if signal.get("fate") in ("refused", "expired"):
        name = shown(signal.get("signal_id"))
        arrow = click.style("→", fg="cyan")
        lines += ["", f"{arrow} try it again:      agentchan signals retry {name} --reason '…'"]
        lines += [f"{arrow} leave it at that:  agentchan signals discard {name} --reason '…'"]
    return lines


def _list(daemon: Daemon, given: Mapping[str, Any]) -> None:
    query = [("limit", str(given["limit"]))]
    if given["fate"]:
        query.append(("fate", ",".join(given["fate"])))
    query += [(name, given[name]) for name in ("channel", "before") if given[name]]
    value = daemon.get("/v1/signals", query, patience=30.0)
    if given["as_json"]:
        print_json(value)
        return
    rows = value.get("signals", [])
    print_lines(signals_screen(rows, reader(), narrowed=len(query) > 1))
    if len(rows) >= given["limit"]:
        click.echo(f"\n{count(len(rows), 'signal')}; older ones: --before {shown(rows[-1].get('signal_id'))}")


@click.group(invoke_without_command=True)
@_list_options
@click.pass_context
def signals(context: click.Context, /, **given: Any) -> None:
    """Call signals, the newest first, and their fates.

    Without a command of its own it lists them.

    \b
    Examples:
      agentchan signals --fate refused --fate expired
      agentchan signals show 0198c3a4-7c1e-7d39-b0a1-5c1d2e3f4a5b
    """  # noqa: D301  \b is click's mark for text that is not to be wrapped
    if context.invoked_subcommand is None:
        _list(daemon_of(context), given)


@signals.command("list")
@_list_options
@with_daemon
def list_(daemon: Daemon, **given: Any) -> None:
    """List call signals, the newest first.

    \b
    Examples:
      agentchan signals list --fate pending
      agentchan signals list --channel ivr1-007 --limit 10
    """  # noqa: D301  \b is click's mark for text that is not to be wrapped
    _list(daemon, given)


@signals.command()
@click.argument("signal_id", metavar="ID")
@json_option
@with_daemon
def show(daemon: Daemon, *, signal_id: str, as_json: bool) -> None:
    """Show everything known of one signal, and what happened to it."""
    value = daemon.get(_path(signal_id))
    if as_json:
        print_json(value)
    else:
        print_lines(signal_screen(value, reader()))


@signals.command()
@click.argument("signal_id", metavar="ID")
@needed_reason_option
@json_option
@with_daemon
def retry(daemon: Daemon, *, signal_id: str, reason: str, as_json: bool) -> None:
    """Send a refused or expired signal again.

    \b
    Example:
      agentchan signals retry 0198c3a4-7c1e-7d39-b0a1-5c1d2e3f4a5b --reason 'mended in CE'
    """  # noqa: D301  \b is click's mark for text that is not to be wrapped
    answer = daemon.post(f"{_path(signal_id)}/retry", {"reason": reason})
    done(answer, f"{shown(signal_id)} is {shown(answer.get('fate', 'pending'))} again.", as_json=as_json)


@signals.command()
@click.argument("signal_id", metavar="ID")
@needed_reason_option
@json_option
@with_daemon
def discard(daemon: Daemon, *, signal_id: str, reason: str, as_json: bool) -> None:
    """Leave a refused or expired signal at that; it needs no look any more.

    \b
    Example:
      agentchan signals discard 0198c3a4-7c1e-7d39-b0a1-5c1d2e3f4a5b --reason 'done by hand'
    """  # noqa: D301  \b is click's mark for text that is not to be wrapped
    answer = daemon.post(f"{_path(signal_id)}/discard", {"reason": reason})
    done(answer, f"{shown(signal_id)} is {shown(answer.get('fate', 'discarded'))}.", as_json=as_json)


def _path(signal_id: str) -> str:
    return f"/v1/signals/{quote(signal_id, safe='')}"
