"""The daemon starts, in whatever state CE is, and from wherever it is started."""

from __future__ import annotations

import json
import sys
import sysconfig
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.end_to_end.daemons import RunningDaemon, Stage, finished, staged


@pytest.fixture(scope="module")
def shared(place: Path) -> Iterator[Stage]:
    """A pair; each story starts a daemon of its own."""
    with staged(place) as stage:
        yield stage


@pytest.fixture
def stage(shared: Stage) -> Iterator[Stage]:
    """The module's pair, with ce1 active and without a daemon."""
    shared.rest()
    yield shared
    shared.stop()
    shared.daemons.clear()


def test_every_host_down(stage: Stage) -> None:
    """With every host down the daemon waits and says so, to people and programs; it goes on when one comes."""
    stage.pair.kill("ce1")
    stage.pair.kill("ce2")
    daemon = stage.daemon("alone")
    before = datetime.now(UTC)
    daemon.start()
    status = daemon.wait_status(lambda status: status["ce"]["verdict"] == "unknown", "no host answers")
    assert all("refused the connection" in host["error"] for host in status["ce"]["hosts"])
    assert daemon.problems() == {"no-host-answers"}
    assert datetime.fromisoformat(status["agent_channel"]["since"]) > before
    assert "no CE host answers the component link" in daemon.type("status")
    daemon.type("status", "--check", status=1)
    daemon.type("failing-over", status=4)
    assert all(row["reported"] == "unknown" for row in daemon.ask("channels")["channels"])
    assert "no host answers" in daemon.type("explain", "ivr1-01")
    stage.pair.start("ce1")
    stage.wait_ready(daemon)
    stage.pair.start("ce2")
    stage.all_is_well(daemon)
    daemon.type("status", "--check")


def test_only_the_standby_up(stage: Stage) -> None:
    """With only the standby up nobody is signed on to; it is followed as soon as it is active."""
    stage.pair.kill("ce1")
    daemon = stage.daemon("standby")
    daemon.start()
    status = daemon.wait_status(lambda status: status["ce"]["verdict"] == "none-active", "ce2 says it is standby")
    assert status["ce"]["hosts"][1]["role"] == "Standby"
    assert status["agent_channel"]["state"] == "down"
    assert daemon.problems() == {"none-active"}
    stage.pair.promote("ce2")
    stage.wait_ready(daemon)
    stage.pair.start("ce1")
    stage.all_is_well(daemon)


def test_host_that_starts_or_stops(stage: Stage) -> None:
    """A host that starts or stops is never followed, not even if it claims to be active."""
    stage.pair.claim("ce1", state="Starting")
    daemon = stage.daemon("early")
    daemon.start()
    for state in ("Starting", "Stopping"):
        stage.pair.claim("ce1", state=state)
        status = daemon.wait_status(
            lambda status, state=state: status["ce"]["hosts"][0]["state"] == state, f"ce1 is {state}"
        )
        assert status["ce"]["hosts"][0]["role"] == "Active"
        assert (status["ce"]["verdict"], status["ce"]["active"]) == ("none-active", None)
    stage.pair.behave("ce1")
    stage.all_is_well(daemon)
    for state in ("Starting", "Stopping"):
        stage.pair.set_state(state, only_at="ce1")
        daemon.wait_status(lambda status: status["ce"]["verdict"] == "none-active", "nobody is active any more")
        stage.pair.set_state("Running", only_at="ce1")
        stage.pair.promote("ce1")
        stage.all_is_well(daemon)


def test_several_urls_of_one_host(stage: Stage) -> None:
    """Several URLs that answer with one ServerName are one host; a URL that nobody serves keeps nobody waiting (F5)."""
    first, second = stage.pair.component_urls
    urls = ["http://127.0.0.1:1/ComponentService", first, first.replace("127.0.0.1", "localhost"), second]
    daemon = stage.started("urls", tables={"component_link": {"urls": urls}})
    status = daemon.wait_status(
        lambda status: [host["name"] for host in status["ce"]["hosts"]] == [None, "ce1", "ce1", "ce2"], "all answer"
    )
    assert status["component_link"]["url"] != urls[0]
    stage.pair.kill("ce1", promote="ce2")
    stage.wait_ready(daemon)
    stage.pair.start("ce1")
    stage.all_is_well(daemon)


def test_configured_connectors(stage: Stage) -> None:
    """Configured connectors override what hosts say of theirs; as many as component URLs belong to them in order."""
    for name in stage.pair.processes:
        stage.pair.claim(name, connector_url="http://127.0.0.1:1/IVRConnector")
    tables = {"agent_channel": {"connector_urls": stage.pair.connector_urls}}
    daemon = stage.started("connectors", tables=tables)
    stage.pair.promote("ce2")
    status = stage.wait_ready(daemon)
    assert status["agent_channel"]["url"] == stage.pair.connector_urls[1]
    stage.pair.promote("ce1")
    stage.all_is_well(daemon)


class _InForeground(RunningDaemon):
    """``agentchan run``, by the shortest way that people type it."""

    @property
    def command(self) -> list[str]:
        return [str(Path(sysconfig.get_path("scripts")) / "agentchan"), "run", "--config", str(self.configuration)]


class _FromElsewhere(RunningDaemon):
    """``twistd``, started from another directory, with a configuration that the environment names."""

    @property
    def command(self) -> list[str]:
        *twistd, _, configuration = super().command
        return ["env", "--chdir=/", f"AGENTCHAN_CONFIG={configuration}", *twistd]


@pytest.mark.parametrize("kind", [_InForeground, _FromElsewhere])
def test_other_ways_to_start(stage: Stage, kind: type[RunningDaemon]) -> None:
    """``agentchan run`` is the same service as ``twistd agentchan``, and both start from anywhere."""
    daemon = stage.started(kind.__name__.strip("_").lower(), kind=kind)
    stage.all_is_well(daemon)
    assert daemon.stop() == 0
    assert daemon.said("stopped")
    assert daemon.offences() == []


def test_command_line_as_a_process(stage: Stage) -> None:
    """The command line finds the daemon by the configuration, and ends with 3 when it does not run."""
    daemon = stage.started("shell")
    agentchan = [sys.executable, "-m", "agentchan.cli", "--config", str(daemon.configuration)]
    asked = finished([*agentchan, "status", "--json"])
    assert (asked.returncode, asked.stderr) == (0, "")
    assert json.loads(asked.stdout)["ce"]["active"] == "ce1"
    assert finished([*agentchan, "check"]).returncode == 0
    assert daemon.stop() == 0
    gone = finished([*agentchan, "status"])
    assert gone.returncode == 3
    assert "the daemon is not running" in gone.stderr
