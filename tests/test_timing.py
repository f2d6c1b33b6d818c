"""How failover time is made up: the configured numbers, in the formulas and in their results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agentchan.config import Configuration, parse
from agentchan.timing import timing

IVR = '[ivr]\nname = "ivr1"\n'
LINK = '[component_link]\nurls = ["http://ce1.example.com/Component"]\n'


def configuration(text: str) -> Configuration:
    """Parsed."""
    return parse(text.encode(), Path("/etc/agentchan/agentchan.toml"), host_name="host-a")


def rows(text: str, *duties: str) -> dict[str, dict[str, Any]]:
    """The rows, by the beginning of their case."""
    found = timing(configuration(text), duties or ("get_status", "watch_status"))
    json.dumps(found)
    assert all(each["case"] and each["formula"] for each in found)
    return {each["case"]: each for each in found}


def row(found: dict[str, dict[str, Any]], beginning: str) -> dict[str, Any]:
    """The one row whose case begins so."""
    (one,) = [each for case, each in found.items() if case.startswith(beginning)]
    return one


def test_the_numbers_of_the_defaults() -> None:
    """Each part has its formula, the numbers in it, and the result."""
    found = rows(IVR + 'channels = ["c-{001..120}"]\n' + LINK)
    silent = row(found, "detect: the network")
    assert silent["ms"] == 2000
    assert silent["formula"].startswith("heartbeat_interval x (heartbeat_misses + 1) = 500ms x 4")
    assert row(found, "detect and discover")["ms"] == 0
    assert row(found, "discover: a frozen")["ms"] == 2000
    assert row(found, "sign-on: an attempt")["ms"] == 4000
    assert row(found, "sign-on: the pause")["ms"] == 5000
    assert row(found, "restore")["formula"].startswith("120 channels in requests of 500 = 1 x reply_timeout = 2s")


def test_the_numbers_of_a_site() -> None:
    """Changed ones are the ones that are told."""
    text = IVR + 'channels = ["c-{0001..1200}"]\n' + LINK + "timeout = '3s'\n"
    text += '[ce]\nauto_failover_interval = "5m"\n'
    text += "[agent_channel]\nheartbeat_misses = 1\nheartbeat_interval = '2s'\nreply_timeout = '4s'\n"
    found = rows(text + "[signals]\nlanes = 7\n")
    assert row(found, "detect: the network")["ms"] == 4000
    assert row(found, "discover: until CE promotes")["ms"] == 300_000
    assert "Auto-Failover Interval = 5m" in row(found, "discover: until CE promotes")["formula"]
    assert row(found, "restore")["ms"] == 12_000
    assert "signals / 7 x" in row(found, "outbox")["formula"]


def test_what_only_ce_knows() -> None:
    """A time that is configured nowhere here has a formula and no number."""
    found = rows(IVR + 'channels = ["c1"]\n' + LINK)
    assert row(found, "discover: until CE promotes")["ms"] is None
    assert row(found, "sign-on: a stand-by")["ms"] is None


def test_without_a_watch() -> None:
    """What is polled is seen after an interval, and a frozen host for one timeout."""
    found = rows(IVR + 'channels = ["c1"]\n' + LINK + 'poll_interval = "700ms"\n', "get_status")
    assert row(found, "detect and discover")["ms"] == 700
    assert row(found, "discover: a frozen")["formula"] == "timeout = 1s"


def test_connectors_in_line() -> None:
    """Without a component link there is none to wait for."""
    text = IVR + 'channels = ["c1"]\n[ce]\nactive_by = "connector-answers"\n'
    found = rows(text + '[agent_channel]\nconnector_urls = ["http://ce1.example.com/c"]\n')
    assert row(found, "detect: the host says")["ms"] == 0
    assert not any("frozen host's last word" in case for case in found)


def test_a_ready_rate() -> None:
    """Channels that are made ready at a rate take their time."""
    found = rows(IVR + 'channels = ["c-{001..120}"]\n' + LINK + "[agent_channel]\nready_rate = 60\n")
    assert row(found, "restore")["ms"] == 2000


def test_frontend_mode() -> None:
    """Without channels there is nobody to sign on, and nothing to be restored."""
    found = rows(IVR + "channels = []\n" + LINK)
    assert all(case.startswith(("detect and discover", "discover")) for case in found)


@pytest.mark.parametrize("active_by", ["component-link", "connector-answers"])
def test_each_case_is_told_once(active_by: str) -> None:
    """No line says what another said already."""
    text = IVR + f'channels = ["c1"]\n[ce]\nactive_by = "{active_by}"\n' + LINK
    text += '[agent_channel]\nconnector_urls = ["http://ce1.example.com/c"]\n'
    assert len(rows(text)) == len(timing(configuration(text), ("get_status", "watch_status")))
