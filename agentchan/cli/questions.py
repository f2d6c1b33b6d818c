"""What an IVR script asks before a transfer: ``agentchan failing-over``, ``endpoint-available`` and ``endpoints``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import click

from agentchan.cli.daemon import Daemon
from agentchan.cli.failures import ExitStatus, Failure
from agentchan.cli.options import end, json_option, print_json, print_lines, reader, with_daemon
from agentchan.cli.tables import Column, table
from agentchan.cli.words import Reader, milliseconds, shown

_ANSWERS: dict[Any, tuple[str, ExitStatus]] = {True: ("yes", ExitStatus.DONE), False: ("no", ExitStatus.NO)}
_NO_ANSWER = ("unknown", ExitStatus.UNKNOWN)
_OFF = "disabled"
_COLUMNS = (Column("ANSWERS"), Column("SINCE"), Column("ENDPOINT"))
_COLOURS = {"yes": "green", "no": "red", "unknown": "yellow"}


@contextmanager
def _nothing_means_unknown() -> Iterator[None]:
    """A daemon that refuses to answer must not be taken for one that says no."""
    try:
        yield
    except Failure as failure:
        if failure.exit_code == ExitStatus.NO:
            raise failure.ending(ExitStatus.UNKNOWN) from None
        raise


def _answer(value: Mapping[str, Any], key: str, details: Iterable[str], *, as_json: bool) -> None:
    word, status = _ANSWERS.get(value.get(key), _NO_ANSWER)
    if as_json:
        print_json(value)
    else:
        said = "; ".join(detail for detail in details if detail)
        click.echo(f"{word}: {said}" if said else word)
    end(status)


@click.command("failing-over")
@json_option
@with_daemon
def failing_over(daemon: Daemon, *, as_json: bool) -> None:
    """Is CE failing over or back just now? Answered at once, from what is known.

    Ends with 0 for yes, 1 for no, 4 where it is not known.

    \b
    Example:
      if agentchan failing-over >/dev/null; then play-message please-wait; fi
    """  # noqa: D301  \b is click's mark for text that is not to be wrapped
    with _nothing_means_unknown():
        value = daemon.get("/v1/failing-over")
    details = (
        shown(value.get("reason") or ""),
        f"CE says {shown(value['state'])}" if value.get("state") else "",
        f"since {reader().moment(value['since'])}" if value.get("since") else "",
        f"heard {milliseconds(value['age_ms'])} ago" if value.get("age_ms") is not None else "",
    )
    _answer(value, "failing_over", details, as_json=as_json)


@click.command("endpoint-available")
@click.argument("uri")
@json_option
@with_daemon
def endpoint_available(daemon: Daemon, *, uri: str, as_json: bool) -> None:
    """Does a SIP endpoint answer?

    Ends with 0 for yes, 1 for no, 4 where it is not known, or endpoint checks are off.

    \b
    Example:
      agentchan endpoint-available 'sip:sales@sip1.example.com;transport=tls'
    """  # noqa: D301  \b is click's mark for text that is not to be wrapped
    with _nothing_means_unknown():
        value = daemon.get("/v1/endpoint-available", [("uri", uri)])
    _answer(value, "available", _probed(value), as_json=as_json)


def endpoints_screen(rows: Iterable[Mapping[str, Any]], whom: Reader) -> list[str]:
    """The endpoints as a table; what the last probe brought stands below each."""
    rows = list(rows)
    cells = [
        (_ANSWERS.get(row.get("available"), _NO_ANSWER)[0], whom.moment(row.get("since")), row.get("uri"))
        for row in rows
    ]
    remarks = ["; ".join(detail for detail in _probed(row) if detail) for row in rows]
    return table(_COLUMNS, cells, whom.room, _COLOURS, remarks) if cells else ["No endpoint is watched."]


def _probed(value: Mapping[str, Any]) -> Iterator[str]:
    """What the last probe brought."""
    latency = "" if value.get("latency_ms") is None else f" in {milliseconds(value['latency_ms'])}"
    if value.get("reason") == _OFF:
        yield "endpoint checks are off; [endpoint_check] enabled turns them on"
        return
    if value.get("reason"):
        yield shown(value["reason"]) + latency
    elif value.get("status_code"):
        yield f"answered {shown(value['status_code'])}{latency}"
    if value.get("age_ms") is not None:
        yield f"asked {milliseconds(value['age_ms'])} ago"


@click.command()
@json_option
@with_daemon
def endpoints(daemon: Daemon, *, as_json: bool) -> None:
    """The SIP endpoints that are watched: state, latency, last change.

    \b
    Example:
      agentchan endpoints
    """  # noqa: D301  \b is click's mark for text that is not to be wrapped
    value = daemon.get("/v1/endpoints")
    if as_json:
        print_json(value)
    else:
        print_lines(endpoints_screen(value.get("endpoints", ()), reader()))
