"""Who is woken by an alert finds a section of its own."""

from __future__ import annotations

import re

import pytest

from tests.docs.pages import ROOT, anchors, text_of

PAGE = ROOT / "docs/operating.md"
RULES = (ROOT / "etc/prometheus/agentchan.rules.yml").read_text(encoding="utf-8")
ALERTS = re.findall(r"- alert: (\w+)", RULES)
SEVERITIES = dict(re.findall(r"- alert: (\w+)\n.*?severity: (\w+)", RULES, re.DOTALL))
SECTIONS = dict(re.findall(r"^### (Agentchan\w+)\n\n(.*?)(?=^#|\Z)", text_of(PAGE), re.MULTILINE | re.DOTALL))


def test_each_runbook_is_there() -> None:
    """Its address leads to this page, and to a heading in it."""
    urls = re.findall(r"runbook_url: (\S+)", RULES)
    assert len(urls) == len(ALERTS)
    for url in urls:
        page, _, anchor = url.partition("#")
        assert page.endswith("/docs/operating.md")
        assert anchor in anchors(PAGE), url


def test_there_is_no_section_without_an_alert() -> None:
    """An alert that is gone takes its section along."""
    assert list(SECTIONS) == ALERTS


@pytest.mark.parametrize("alert", ALERTS)
def test_a_section_says_how_grave_it_is(alert: str) -> None:
    """As the rule has it, in its first word."""
    assert re.match(r"\w+", SECTIONS[alert])[0] == SEVERITIES[alert]
