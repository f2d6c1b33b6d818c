"""docs/monitoring.md names every metric and every event, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agentchan.config import NOTIFY_EVENTS
from agentchan.metrics import EVENTS
from tests.docs.pages import ROOT, called, calls, codes, first_text, text_of
from tests.metrics.parts import built

PAGE = ROOT / "docs/monitoring.md"
ROWS = re.findall(r"^\| (`.*?) \| (.*?) \|", text_of(PAGE), re.MULTILINE)
LEVELS = ("debug", "info", "warning", "error", "critical", "exception")
EVENT = re.compile(r"[a-z]+(-[a-z]+)*")


def rendered(folder: Path) -> tuple[set[str], str]:
    """The names of all metrics, as Prometheus sees them, and the whole text."""
    _, octets = built(folder).metrics.render()
    text = octets.decode()
    return set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE)), text


def told_metrics() -> set[str]:
    """The names of metrics in the page."""
    return {code for code in codes(PAGE) if re.fullmatch(r"(agentchan|process)_[a-z_]+", code)}


def logged() -> set[str]:
    """The names under which something is logged."""
    names = {first_text(call) for call in calls() if called(call) in (*LEVELS, "_complain", "tell")}
    return {name for name in names if name is not None and EVENT.fullmatch(name)}


def test_every_metric_is_told(tmp_path: Path) -> None:
    """Under the name that Prometheus sees, and none that is not there."""
    names, _ = rendered(tmp_path)
    assert told_metrics() == names


def test_labels_are_told(tmp_path: Path) -> None:
    """Beside each metric stand the labels that its series have."""
    _, text = rendered(tmp_path)
    for name, told in ((name.strip("`"), set(re.findall(r"`(\w+)`", labels))) for name, labels in ROWS):
        series = re.findall(rf"^{name}(?:_bucket|_sum|_count)?{{(.*)}} ", text, re.MULTILINE)
        found = {label for each in series for label in re.findall(r"(\w+)=\"", each)} - {"le"}
        assert not series or told == found, name


@pytest.mark.parametrize("event", sorted({*EVENTS, *logged(), *NOTIFY_EVENTS}))
def test_every_event_is_told(event: str) -> None:
    """By its name: those that are published, those that are only logged, and those of [[notify]]."""
    assert event in codes(PAGE)


def test_names_of_events_are_found() -> None:
    """The test above would miss one that is logged by a name which is no literal text."""
    assert {"started", "journal-damaged", "api-rate-exceeded", "call-began", "lane-broken"} <= logged()


def test_no_event_is_made_up() -> None:
    """The tables name none that the program does not have."""
    tables = re.findall(r"^\| (?:event|name) \|.*?\n\n", text_of(PAGE), re.MULTILINE | re.DOTALL)
    told = {
        name
        for table in tables
        for row in table.splitlines()[2:]
        for name in re.findall(r"`([a-z-]+)`", row[: row.find("|", 2)])
    }
    assert told - {*EVENTS, *logged()} == set()
