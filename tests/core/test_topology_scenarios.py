"""Every file of tests/scenarios/topology: what hosts say, and who is to be followed then."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from agentchan.core.observations import (
    Answered,
    ChannelLost,
    ConnectorWord,
    Failed,
    Forgotten,
    Mark,
    Observation,
    Passed,
    Pin,
    Pinned,
    Said,
    SignedOn,
    Topology,
)
from agentchan.core.target import Lines, target_of
from agentchan.core.topology import begun, updated
from agentchan.core.verdict import failing_over, judged, known_hosts
from agentchan.vocabulary import DomainState, Rank, Role, ServerStatus
from tests.core.scenarios import differences, failure, files, loaded, only

START = ("urls", "domain", "home", "marks", "connectors", "connector_answers", "oldest")
EXPECTED = (
    "verdict",
    "host",
    "generation",
    "reason",
    "connector",
    "roles",
    "refusals",
    "current",
    "marks",
    "home",
    "failing_over",
    "domain_state",
    "target",
)
NOBODY = "nobody"


def _answered(said: Mapping[str, Any], at: float) -> Observation:
    status = ServerStatus(
        role=Role(said["role"]),
        state=DomainState(said.get("state", "Running")),
        domain=said.get("domain"),
        server_name=said.get("name"),
        rank=Rank(said["rank"]) if "rank" in said else None,
        generation=said.get("generation"),
        connector_url=said.get("connector"),
    )
    return Answered(said["answered"], status, said.get("asked_at", at), at)


def _said(said: Mapping[str, Any], at: float) -> Observation:
    word = ConnectorWord(said["said"], said["active"], said.get("generation"), said.get("asked_at", at), at)
    return Said(word)


def _pinned(said: Mapping[str, Any], at: float) -> Observation:
    return Pinned(Pin(said["pinned"], said.get("until", float("inf")), said.get("why", "by a test")), at)


OBSERVATIONS: Mapping[str, Callable[[Mapping[str, Any], float], Observation]] = {
    "answered": _answered,
    "failed": lambda said, at: Failed(said["failed"], said.get("why", "refused"), at),
    "said": _said,
    "channel_lost": lambda said, at: ChannelLost(said["channel_lost"], at),
    "signed_on": lambda said, at: SignedOn(said["signed_on"], said["generation"], at),
    "pinned": _pinned,
    "unpinned": lambda _said, at: Pinned(None, at),
    "forgotten": lambda _said, at: Forgotten(at),
    "passed": lambda _said, at: Passed(at),
}
"""What can be observed, by the key that names it in a file."""


def seen(topology: Topology, start: Mapping[str, Any], now: float) -> dict[str, Any]:
    """All that a phase may expect, as it is."""
    verdict = judged(topology)
    hosts = known_hosts(topology)
    target = target_of(topology, Lines(tuple(start.get("connectors", ())), start.get("connector_answers", False)))
    answer = failing_over(topology, now, start.get("oldest", 4.0))
    words = {True: "yes", False: "no", None: "unknown"}
    return {
        "verdict": verdict.kind.value,
        "host": verdict.host or NOBODY,
        "generation": verdict.generation,
        "reason": verdict.reason,
        "connector": verdict.connector_url,
        "roles": {host.name: host.role.value for host in hosts},
        "refusals": {host.name: host.refusal for host in hosts if host.refusal},
        "current": topology.views[topology.current].url,
        "marks": {mark.domain or "": [mark.generation, mark.host] for mark in topology.marks},
        "home": topology.home or "",
        "failing_over": f"{words[answer.answer]}: {answer.reason}",
        "domain_state": answer.state.value if answer.state else "",
        "target": NOBODY
        if target is None
        else {
            key: value
            for key, value in {
                "host": target.host,
                "connectors": list(target.connectors),
                "generation": target.generation,
                "mark": target.mark,
            }.items()
            if value is not None
        },
    }


@pytest.mark.parametrize("path", files("topology"), ids=lambda path: path.stem)
def test_topology(path: Path) -> None:
    """Each phase's observations lead to what it expects."""
    scenario = loaded(path)
    only(scenario, ("description", "covers", "start", "phases"), path.name)
    start = scenario.get("start", {})
    only(start, START, path.name)
    marks = [Mark(mark.get("domain"), mark["generation"], mark["host"]) for mark in start.get("marks", ())]
    topology = begun(start.get("urls", ["a", "b"]), start.get("domain"), marks, start.get("home"))
    now = 0.0
    for number, phase in enumerate(scenario["phases"], 1):
        where = f"{path.name}, phase {number}"
        only(phase, ("description", "observe", *EXPECTED), where)
        for said in phase["observe"]:
            now = float(said.get("at", now))
            (kind,) = [key for key in OBSERVATIONS if key in said]
            topology = updated(topology, OBSERVATIONS[kind](said, now))
        expected = {"host": NOBODY, **{key: phase[key] for key in EXPECTED if key in phase}}
        wrong = differences(expected, seen(topology, start, now))
        if wrong:
            pytest.fail(failure(path, number, phase["description"], wrong), pytrace=False)
