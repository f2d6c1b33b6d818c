"""The Grafana dashboard, as far as it can be looked at without a Grafana."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.metrics.parts import built, exported

DASHBOARD = json.loads((Path(__file__).parents[2] / "etc/grafana/agentchan.json").read_text(encoding="utf-8"))
METRIC = re.compile(r"\b(?:agentchan|process)_[a-z_]+")
WIDTH = 24


def expressions() -> Iterator[str]:
    """Every PromQL expression."""
    for panel in DASHBOARD["panels"]:
        yield from (target["expr"] for target in panel.get("targets", ()))
    yield from (each["expr"] for each in DASHBOARD["annotations"]["list"])


def queried() -> set[str]:
    """The metrics that are asked for, those of the variables included."""
    variables = [each["query"]["query"] for each in DASHBOARD["templating"]["list"] if isinstance(each["query"], dict)]
    return {name for text in (*expressions(), *variables) for name in METRIC.findall(text)}


def test_every_metric_is_exported(tmp_path: Path) -> None:
    """A panel over a metric that nobody exports would stay empty."""
    assert queried() - exported(built(tmp_path)) == set()


def test_what_is_exported_is_shown(tmp_path: Path) -> None:
    """But for what says when something began, or is shown by another."""
    plain = {re.sub(r"_(bucket|sum|count)$", "", name) for name in queried()}
    families = {name for name in exported(built(tmp_path)) if not name.endswith(("_bucket", "_sum", "_count"))}
    left_out = {
        "agentchan_agent_channel_since_timestamp_seconds",
        "agentchan_ce_auto_failover_interval_seconds",
        "agentchan_component_link_up",
        "agentchan_config_last_reload_success_timestamp_seconds",
        "agentchan_drain_since_timestamp_seconds",
        "agentchan_drain_until_timestamp_seconds",
        "agentchan_events_total",
        "agentchan_journal_set_aside",
        "agentchan_pinned",
        "agentchan_pinned_until_timestamp_seconds",
        "agentchan_verdict_since_timestamp_seconds",
    }
    assert families - plain == left_out


def test_the_panels_do_not_overlap() -> None:
    """Each has a place of its own, and an id."""
    places: dict[tuple[int, int], str] = {}
    for panel in DASHBOARD["panels"]:
        place: dict[str, int] = panel["gridPos"]
        assert place["x"] + place["w"] <= WIDTH
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert places.setdefault((x, y), panel["title"]) == panel["title"]
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)


def test_one_data_source_that_can_be_chosen() -> None:
    """No site's own name or address is in it."""
    sources: set[str] = set()

    def look(value: Any) -> None:
        if isinstance(value, dict):
            if isinstance(value.get("datasource"), dict):
                sources.add(value["datasource"]["uid"])
            for each in value.values():
                look(each)
        elif isinstance(value, list):
            for each in value:
                look(each)

    look(DASHBOARD)
    assert sources == {"${datasource}"}


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_every_expression_is_sound(tmp_path: Path) -> None:
    """As a rule each of them is taken by promtool."""
    rules = [
        {"record": f"a:{number}", "expr": text.replace("$__rate_interval", "5m")}
        for number, text in enumerate(expressions())
    ]
    path = tmp_path / "rules.yml"
    path.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}), encoding="utf-8")
    done = subprocess.run(["promtool", "check", "rules", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
