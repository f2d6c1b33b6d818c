"""The alert rules: sound, tested, each with its section in the operator's guide, on numbers that are there."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.metrics.parts import built, exported

ROOT = Path(__file__).parents[2]
RULES = ROOT / "etc/prometheus/agentchan.rules.yml"
TESTS = Path(__file__).with_name("rules.test.yml")
GUIDE = "https://github.com/agentchan/agentchan/blob/main/docs/operating.md#"

SECTIONS = re.split(r"\n +- alert: ", RULES.read_text(encoding="utf-8"))[1:]
ALERTS = {section.split("\n", 1)[0]: section for section in SECTIONS}
METRIC = re.compile(r"\bagentchan_[a-z_]+")

promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")


def run(*arguments: str) -> str:
    """What promtool has to say.

    Raises:
        AssertionError: it found a fault.
    """
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@promtool
def test_promtool_finds_no_fault() -> None:
    """Syntax, labels, templates."""
    assert f"{len(ALERTS)} rules found" in run("check", "rules", str(RULES))


@promtool
def test_what_the_rules_do() -> None:
    """Each fires when it should, and not before."""
    run("test", "rules", str(TESTS))


def test_each_alert_is_tested() -> None:
    """There is a case in which it fires."""
    text = TESTS.read_text(encoding="utf-8")
    fires = re.findall(r"alertname: (\w+)\n +exp_alerts:\n", text)
    assert set(fires) == set(ALERTS)


@pytest.mark.parametrize("name", ALERTS)
def test_each_alert_tells_what_to_do(name: str) -> None:
    """How bad it is, in a line and a sentence, and where to read on."""
    section = ALERTS[name]
    assert re.search(r"labels: \{severity: (critical|warning|info)\}", section)
    assert re.search(r"\n +summary: .*\{\{ \$labels\.instance \}\}", section)
    assert "\n          description:" in section
    (anchor,) = re.findall(rf"runbook_url: {re.escape(GUIDE)}(\w+)", section)
    assert name.lower().startswith(anchor)


@pytest.mark.parametrize("name", ALERTS)
def test_each_alert_asks_for_what_is_exported(tmp_path: Path, name: str) -> None:
    """A rule over a metric that nobody exports would never fire."""
    daemon = built(tmp_path)
    expression = ALERTS[name].split("labels: {severity", 1)[0]
    assert set(METRIC.findall(expression)) <= exported(daemon)
