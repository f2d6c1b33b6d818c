"""The network swallows packets without a word, in one direction or in both: how that is noticed (F2)."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.end_to_end.daemons import RunningDaemon, Stage, wait_until
from tests.faults.networks import DistantDaemon, DistantPair, Network, why_not

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())

INTERVAL, MISSES = 0.4, 3
BUSY = 3.0
"""Seconds by which a busy machine may be late; without heartbeats it would take a quarter of an hour."""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A pair, and a daemon that reaches it over a network."""
    place = tmp_path_factory.mktemp("network")
    with (
        Network("ce1", "ce2") as network,
        DistantPair(network, place / "pair", "ivr1-{01..20}", session_timeout=60.0) as pair,
    ):
        stage = Stage(pair, place)
        try:
            tables = {"agent_channel": {"heartbeat_interval": f"{INTERVAL * 1000:.0f}ms", "heartbeat_misses": MISSES}}
            stage.started(kind=DistantDaemon, tables=tables)
            yield stage
        finally:
            stage.stop()


@pytest.fixture
def network(shared: Stage) -> Network:
    """The network between them, whole."""
    assert isinstance(shared.pair, DistantPair)
    for host in shared.pair.processes:
        shared.pair.network.mend(host)
    return shared.pair.network


@pytest.fixture
def stage(shared: Stage, network: Network) -> Stage:
    """The module's stage, with all channels ready at ce1."""
    del network
    shared.begin_story()
    return shared


@pytest.fixture
def daemon(stage: Stage) -> RunningDaemon:
    """The module's daemon."""
    return stage.daemons["agentchan"]


@pytest.mark.parametrize(("requests", "answers"), [(True, True), (True, False), (False, True)])
def test_silent_drop(stage: Stage, daemon: RunningDaemon, network: Network, requests: bool, answers: bool) -> None:
    """Whichever direction is lost, it is noticed within heartbeat_interval x (heartbeat_misses + 1)."""
    network.lose("ce1", requests=requests, answers=answers)
    daemon.wait_channel("suspect", host="ce1")
    (cause,) = wait_until(lambda: daemon.said("signed-off"), "the agent channel is given up")
    silent = re.search(r"no sign of life for ([0-9.]+) s", cause)
    assert silent or "not acknowledged in time" in cause
    assert silent is None or float(silent[1]) <= INTERVAL * (MISSES + 1) + BUSY
    stage.pair.promote("ce2")
    stage.wait_ready(daemon)
    network.mend("ce1")
    daemon.wait_status(lambda status: all(host["error"] is None for host in status["ce"]["hosts"]), "both answer")
    stage.all_is_well()


def test_unacknowledged(stage: Stage, daemon: RunningDaemon, network: Network) -> None:
    """What CE does not even acknowledge is noticed by TCP (TCP_USER_TIMEOUT), however long a reply may take."""
    daemon.configure({"agent_channel": {"reply_timeout": "5m", "heartbeat_interval": "2s", "heartbeat_misses": 1}})
    daemon.type("reload")
    stage.pair.drop("ce1", "connector")
    stage.wait_ready(daemon)
    daemon.begin_story()
    network.lose("ce1")
    daemon.type("not-ready", "ivr1-01", "--reason", "a test")
    (cause,) = wait_until(lambda: daemon.said("signed-off"), "the agent channel is given up")
    assert "not acknowledged in time" in cause
    network.mend("ce1")
    daemon.type("ready", "ivr1-01")
    daemon.configure(
        {
            "agent_channel": {
                "reply_timeout": "2s",
                "heartbeat_interval": f"{INTERVAL * 1000:.0f}ms",
                "heartbeat_misses": MISSES,
            }
        }
    )
    daemon.type("reload")
    stage.all_is_well()


def test_cut_off_from_all(stage: Stage, daemon: RunningDaemon, network: Network) -> None:
    """Cut off from both hosts nobody answers; with the network back, everything comes back by itself (F8)."""
    for host in stage.pair.processes:
        network.lose(host)
    status = daemon.wait_status(lambda status: status["ce"]["verdict"] == "unknown", "nobody answers")
    assert daemon.problems() >= {"no-host-answers"}
    wait_until(lambda: daemon.status()["agent_channel"]["state"] == "down", "the agent channel has ended")
    assert all(host["error"] for host in status["ce"]["hosts"])
    for host in stage.pair.processes:
        network.mend(host)
    stage.all_is_well()


def test_end_and_start_while_cut_off(stage: Stage, daemon: RunningDaemon, network: Network) -> None:
    """Cut off from CE it ends all the same, with 0; a first URL that swallows everything delays no start (F5)."""
    network.lose("ce1")
    assert daemon.stop() == 0
    stage.pair.promote("ce2")
    daemon.start()
    status = stage.wait_ready(daemon)
    assert status["agent_channel"]["host"] == "ce2"
    daemon.wait_status(lambda status: status["ce"]["hosts"][0]["error"], "ce1 does not answer")
    network.mend("ce1")
    daemon.wait_status(lambda status: status["ce"]["hosts"][0]["error"] is None, "ce1 answers")
    stage.all_is_well()
