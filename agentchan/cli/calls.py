"""``agentchan calls``, ``new-call``, ``gone`` and ``free``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import click

from agentchan.cli.channels import complete_channel
from agentchan.cli.daemon import PATIENCE, Daemon
from agentchan.cli.failures import ExitStatus
from agentchan.cli.options import (
    DURATION,
    done,
    end,
    json_option,
    needed_reason_option,
    print_json,
    print_lines,
    reader,
    with_daemon,
)
from agentchan.cli.tables import Column, table
from agentchan.cli.words import Reader, shown, span

_COLUMNS = (
    Column("CHANNEL"),
    Column("CALL", flexible=True),
    Column("FOR", right=True),
    Column("CALLER", flexible=True),
    Column("CALLED", flexible=True),
    Column("CE KNOWS"),
)
_KNOWN = {True: "yes", False: "not yet", None: "unknown"}
_COLOURS = {"yes": "green", "not yet": "yellow"}
_LONGEST_WAIT = 60.0


def calls_screen(rows: Iterable[Mapping[str, Any]], whom: Reader) -> list[str]:
    """Open calls as a table."""
    cells = []
    for row in rows:
        age = whom.age(row.get("since"))
        cells.append(
            (
                row.get("channel"),
                row.get("call_id"),
                None if age is None else span(age),
                row.get("caller"),
                row.get("called"),
                _KNOWN.get(row.get("known_to_ce"), "unknown"),
            )
        )
    return table(_COLUMNS, cells, whom.room, _COLOURS) if cells else ["No call is open."]


@click.command()
@click.option("--older-than", type=DURATION, help="Only calls that began so long ago, or earlier.")
@json_option
@with_daemon
def calls(daemon: Daemon, *, older_than: str | None, as_json: bool) -> None:
    """Open calls, the oldest first, and whether CE knows of each.

    \b
    Examples:
      agentchan calls
      agentchan calls --older-than 1h
    """  # noqa: D301  \b is click's mark for text that is not to be wrapped
    value = daemon.get("/v1/calls", [("older_than", older_than)] if older_than else [])
    if as_json:
        print_json(value)
    else:
        print_lines(calls_screen(value.get("calls", ()), reader()))


_channel = click.argument("channel", shell_complete=complete_channel)
_call_id_option = click.option("--call-id", "call_id_option", metavar="ID", help="The same as CALL_ID.")
_wait = click.option("--wait", type=DURATION, help="Wait so long for CE to confirm it; at most 60s.")


@click.command("new-call")
@_channel
@click.argument("call_id", required=False)
@_call_id_option
@click.option("--caller", metavar="NUMBER", help="Who calls.")
@click.option("--called", metavar="NUMBER", help="Who is called.")
@click.option("--started-at", metavar="TIME", help="When it began, with a zone: 2026-11-24T14:05:00+01:00. Else now.")
@_wait
@json_option
@with_daemon
def new_call(daemon: Daemon, *, call_id: str | None, call_id_option: str | None, **given: Any) -> None:
    """A call began on a channel. Done when it is on disk; CE is told as soon as it can be.

    CHANNEL is a channel or an alias. CALL_ID is the IVR's own id of the call; said again with the same id, it is the
    same signal.

    Ends with 4 where --wait was given and CE has not confirmed in time; the signal is kept, and sent, all the same.

    \b
    Examples:
      agentchan new-call ivr1-007 1763985600.4711 --caller +3612345678
      agentchan new-call ivr1-007 1763985600.4711 --wait 2s
    """  # noqa: D301  \b is click's mark for text that is not to be wrapped
    call_id = _one(call_id, call_id_option)
    if call_id is None:
        raise click.UsageError("Missing argument 'CALL_ID'.")
    _signal(daemon, "/v1/new-call", {"call_id": call_id}, given)


@click.command()
@_channel
@click.argument("call_id", required=False)
@_call_id_option
@click.option("--outcome", metavar="TEXT", help="How it ended, for CE's reports.")
@click.option("--ended-at", metavar="TIME", help="When it ended, with a zone: 2026-11-24T14:05:00+01:00. Else now.")
@_wait
@json_option
@with_daemon
def gone(daemon: Daemon, *, call_id: str | None, call_id_option: str | None, **given: Any) -> None:
    """A call has ended. Done when it is on disk; CE is told as soon as it can be.

    CHANNEL is a channel or an alias. Without CALL_ID, the call that is open there is meant.

    Ends with 4 where --wait was given and CE has not confirmed in time; the signal is kept, and sent, all the same.

    \b
    Examples:
      agentchan gone ivr1-007 1763985600.4711 --outcome transferred
      agentchan gone ivr1-007
    """  # noqa: D301  \b is click's mark for text that is not to be wrapped
    _signal(daemon, "/v1/gone", {"call_id": _one(call_id, call_id_option)}, given)


def _one(call_id: str | None, option: str | None) -> str | None:
    if call_id and option:
        raise click.UsageError("give the call's id once: as CALL_ID, or with --call-id")
    return call_id or option


def _signal(daemon: Daemon, path: str, fields: Mapping[str, str | None], given: dict[str, Any]) -> None:
    """Give a signal to the daemon, and tell its fate."""
    wait, as_json = given.pop("wait"), given.pop("as_json")
    body = {name: value for name, value in {**given, **fields}.items() if value}
    target, patience = (f"{path}?wait={wait}", _LONGEST_WAIT + PATIENCE) if wait else (path, PATIENCE)
    answer = daemon.post(target, body, patience)
    fate = str(answer.get("fate"))
    text = {"confirmed": "CE has confirmed it", "pending": "on disk, CE will be told"}.get(fate, f"it is {shown(fate)}")
    done(answer, f"{shown(answer.get('signal_id'))}: {text}", as_json=as_json)
    if fate in ("refused", "expired", "discarded"):
        end(ExitStatus.NO)
    if wait and fate != "confirmed":
        end(ExitStatus.UNKNOWN)


@click.command()
@click.argument("channel", shell_complete=complete_channel)
@needed_reason_option
@json_option
@with_daemon
def free(daemon: Daemon, *, channel: str, reason: str, as_json: bool) -> None:
    """Free a stuck channel: CE is told that the call it holds there is gone.

    Refused while the channel is not stuck.

    \b
    Example:
      agentchan free ivr1-017 --reason 'the IVR has no such call'
    """  # noqa: D301  \b is click's mark for text that is not to be wrapped
    answer = daemon.post("/v1/free", {"channel": channel, "reason": reason})
    call = answer.get("call_id")
    text = f"CE is told that call {shown(call)} on {shown(answer.get('channel', channel))} is gone"
    done(answer, f"{text} (signal {shown(answer.get('signal_id'))}).", as_json=as_json)
