"""docs/api.md names every path and every error code, and nothing else."""

from __future__ import annotations

import re

import pytest

from agentchan.api.refusals import UnknownChannel
from agentchan.api.routes import TABLE
from tests.docs.pages import ROOT, called, calls, codes, literal, text_of

PAGE = ROOT / "docs/api.md"
ASKED = re.compile(r"(GET|POST|PUT) (/[^ ?…]*)")


def told() -> set[tuple[str, str]]:
    """The methods and paths in the page; ``/discard`` is that of a signal."""
    found = {(match[1], match[2]) for code in codes(PAGE) if (match := ASKED.match(code))}
    return found | {("POST", "/v1/signals/{id}/discard")} if "/discard" in codes(PAGE) else found


def refusals() -> set[str]:
    """The codes of errors that the program answers with."""
    found = {"malformed", "configuration-faulty", UnknownChannel("").code}
    for call in calls():
        if called(call) == "Refused" and call.args:
            found.add(literal(call.args[0]) or "")
        if called(call) == "Malformed" and len(call.args) > 1:
            found.add(literal(call.args[1]) or "")
    return found - {""}


def test_every_path_is_told() -> None:
    """With its method, and none that is not there."""
    assert told() == {(route.method, route.path) for route in TABLE}


@pytest.mark.parametrize("route", TABLE, ids=lambda route: f"{route.method} {route.path}")
def test_what_the_tcp_door_has_is_marked(route: object) -> None:
    """By a T behind the path, and only that."""
    method, path, on_listen = (getattr(route, name) for name in ("method", "path", "on_listen"))
    marked = re.findall(rf"`{method} {re.escape(path)}(?:[?…][^`]*)?`(?:, `[^`]*`)? \(T\)", text_of(PAGE))
    assert bool(marked) == on_listen


def test_every_error_is_told() -> None:
    """The table has every code, and none that is made up."""
    table = text_of(PAGE).partition("\n## Errors\n")[2].partition("\n## ")[0]
    rows = [row.split("|")[2] for row in table.splitlines() if re.match(r"\| \d", row)]
    assert {code for row in rows for code in re.findall(r"`([a-z-]+)`", row)} == refusals()
