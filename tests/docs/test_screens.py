"""Screens that are shown stand there as the program prints them, where they depend on nothing but the code."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from agentchan.ce.profile_loader import load_profile
from agentchan.cli.explain import timing_screen
from agentchan.cli.words import Reader
from agentchan.config import parse
from agentchan.timing import timing
from tests.cli.running import NOW, ZONE, run
from tests.docs.pages import ROOT, text_of

TIMED = b"""
[ivr]
name = "ivr1"
channels = ["ivr1-{001..120}"]
[ce]
auto_failover_interval = "5m"
[component_link]
urls = ["https://ce1.example.com:8094/ComponentService", "https://ce2.example.com:8094/ComponentService"]
"""


def shown(page: str) -> str:
    """A page's text."""
    return text_of(ROOT / page)


def test_the_parts_of_failover_time() -> None:
    """As 'explain --timing' prints them for the defaults."""
    rows = timing(parse(TIMED, Path("agentchan.toml"), host_name="host-a"), load_profile("reference").duties)
    screen = "\n".join(click.unstyle(line) for line in timing_screen(rows, Reader(NOW, ZONE, 80)))
    assert f"```\n{screen}\n```\n" in shown("docs/failover-time.md")


def test_a_message_of_a_profile() -> None:
    """As 'profile check' shows it."""
    screen = run(None, "profile", "check", "minimum").stdout
    message = screen[screen.index("new_call is NewCall") : screen.index("\n\ngone is Gone")]
    assert f"```\n{message}\n```\n" in shown("docs/profiles.md")


def test_the_begin_of_a_profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As 'profile init' tells of it."""
    monkeypatch.chdir(tmp_path)
    wsdl = ROOT / "agentchan/ce/profiles/minimum/ivr_connector.wsdl"
    screen = run(None, "profile", "init", "--wsdl", str(wsdl), "--output", "min").stdout
    told = screen[: screen.index("\n\nNext")].replace(str(wsdl), "/…/minimum/ivr_connector.wsdl")
    assert f"```\n{told}\n```\n" in shown("docs/profiles.md")
