"""Hosts that claim too much, or too little: two actives, generations that fall, other domains."""

from __future__ import annotations

import sys

import pytest

from tests.end_to_end.daemons import RunningDaemon, Stage, wait_until


def test_split_brain(stage: Stage, daemon: RunningDaemon) -> None:
    """Two hosts claim one generation: the daemon stays where it is and says so, also after its restart (F11)."""
    for present, rival in (("ce1", "ce2"), ("ce2", "ce1")):
        stage.pair.promote(present)
        stage.wait_ready(daemon)
        stage.pair.claim(rival, obey=True, role="Active")
        status = daemon.wait_status(lambda status: status["ce"]["verdict"] == "ambiguous", "the verdict is ambiguous")
        assert status["ce"]["active"] == present
        assert f"staying with {present}" in status["ce"]["reason"]
        assert "agentchan follow HOST" in daemon.type("status")
        stage.all_is_well(verdict="ambiguous", problems=["ambiguous"])
        assert daemon.stop() == 0
        daemon.start()
        stage.all_is_well(verdict="ambiguous", problems=["ambiguous"])
        stage.pair.behave(rival)
        daemon.wait_status(lambda status: status["ce"]["verdict"] == "following", "one claims it")
        stage.all_is_well()


def test_higher_generation_wins(stage: Stage, daemon: RunningDaemon) -> None:
    """Of two that claim it the higher generation is followed; nobody goes back below it until it is forgotten."""
    pair = stage.pair
    claimed = pair.generation() + 5
    pair.claim("ce2", obey=True, role="Active", generation=claimed)
    status = daemon.wait_channel("up", host="ce2")
    assert (status["ce"]["active"], status["ce"]["generation"]) == ("ce2", claimed)
    assert wait_until(lambda: pair.states(host="ce2")["Ready"] == len(daemon.channels), "ready at ce2")
    pair.behave("ce2")
    status = daemon.wait_status(lambda status: status["ce"]["verdict"] == "none-active", "ce2 claims it no more")
    assert f"is below {claimed}" in status["ce"]["hosts"][0]["refusal"]
    assert "forget-generation" in daemon.type("status")
    assert str(claimed) in daemon.type("forget-generation", "--reason", "a wrong number")
    stage.all_is_well()


def test_generation_of_a_restored_database(stage: Stage, daemon: RunningDaemon) -> None:
    """CE's restored database counts from lower: nobody is followed, also after a restart, until that is forgotten."""
    pair = stage.pair
    before = pair.generation()
    pair.set_generation(before + 10)
    stage.wait_ready(daemon)
    pair.set_generation(before)
    daemon.wait_status(lambda status: status["ce"]["verdict"] == "none-active", "nobody is followed below the mark")
    assert daemon.stop() == 0
    daemon.start()
    status = daemon.wait_status(lambda status: status["ce"]["verdict"] == "none-active", "nor after the restart")
    assert status["ce"]["generation_mark"] == {"generation": before + 10, "host": "ce1"}
    assert status["channels"]["ready"] == 0
    daemon.type("forget-generation", "--reason", "restored from the backup of Monday")
    stage.all_is_well()


class _QuickToForget(RunningDaemon):
    """A daemon whose mark falls by itself after 1.5 s, where others wait a minute."""

    @property
    def command(self) -> list[str]:
        program = (
            "import sys; from agentchan.core import topology; topology.ALL_BELOW_THE_MARK = 1.5; "
            "from twisted.scripts.twistd import run; run()"
        )
        arguments = ["--nodaemon", "--pidfile=", "agentchan", "--config", str(self.configuration)]
        return [sys.executable, "-c", program, *arguments]


def test_mark_that_falls_by_itself(stage: Stage, daemon: RunningDaemon) -> None:
    """When every host has answered below the mark for long enough, the mark falls, loudly, and they are followed."""
    assert daemon.stop() == 0
    quick = stage.started("quick", kind=_QuickToForget)
    before = stage.pair.generation()
    stage.pair.set_generation(before + 10)
    stage.wait_ready(quick)
    stage.pair.set_generation(before)
    quick.wait_status(lambda status: status["ce"]["verdict"] == "none-active", "nobody is followed below the mark")
    stage.all_is_well(quick, problems=["mark-fallen"])
    quick.type("forget-generation", "--reason", "seen")
    stage.all_is_well(quick)
    assert any("are followed again" in text for text in quick.said("mark-fallen"))
    assert quick.stop() == 0
    del stage.daemons["quick"]


def test_claim_that_its_own_connector_denies(stage: Stage, daemon: RunningDaemon) -> None:
    """A host claims a newer generation and its IVR Connector denies it: back to the other one, no hammering (F4)."""
    before = stage.asked("ce2", "OpenSession")
    stage.pair.claim("ce2", role="Active", generation=stage.pair.generation() + 1)
    status = daemon.wait_status(
        lambda status: "its IVR Connector denies it" in status["ce"]["reason"], "ce2 was asked, and denied it"
    )
    assert status["ce"]["active"] == "ce1"
    stage.wait_ready(daemon)
    assert stage.asked("ce2", "OpenSession") - before <= 3
    stage.pair.behave("ce2")
    stage.all_is_well()


def test_other_domain(stage: Stage, daemon: RunningDaemon) -> None:
    """A host of another domain than the configured one is refused, with the reason, whatever it claims."""
    stage.pair.claim("ce2", obey=True, domain="other", role="Active", generation=stage.pair.generation() + 9)
    status = daemon.wait_status(lambda status: status["ce"]["hosts"][1]["refusal"], "ce2 is refused")
    assert status["ce"]["hosts"][1]["refusal"] == "it belongs to domain other, not to lab"
    stage.all_is_well()
    stage.pair.behave("ce2")
    stage.pair.claim("ce1", domain="other")
    status = daemon.wait_status(lambda status: status["ce"]["verdict"] == "none-active", "ce1 is refused")
    assert "belongs to domain other" in status["problems"][0]["text"]
    stage.pair.behave("ce1")
    stage.all_is_well()


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("http://127.0.0.1:1/IVRConnector", "127.0.0.1:1 refused the connection"),
        ("http://no-such-host.invalid/IVRConnector", "does not resolve"),
        ("ftp://127.0.0.1/IVRConnector", "http"),
        ("nonsense", "nonsense"),
    ],
)
def test_connector_that_its_host_names(stage: Stage, daemon: RunningDaemon, url: str, error: str) -> None:
    """The active host is believed where its IVR Connector is; of a wrong address status says what came of it."""
    pair = stage.pair
    pair.promote("ce2")
    stage.wait_ready(daemon)
    pair.claim("ce1", connector_url=url)
    pair.promote("ce1")
    status = daemon.wait_status(
        lambda status: error in (status["agent_channel"]["error"] or ""), "status says what came of it"
    )
    assert status["channels"]["ready"] == 0
    pair.behave("ce1")
    stage.all_is_well()


def test_largest_generation(stage: Stage, daemon: RunningDaemon) -> None:
    """The largest number that the contract allows for a generation is followed, kept over a restart, and forgotten."""
    largest = 2**64 - 1
    stage.pair.claim("ce2", obey=True, role="Active", generation=largest)
    daemon.wait_channel("up", host="ce2")
    assert daemon.stop() == 0
    daemon.start()
    status = daemon.wait_channel("up", host="ce2")
    assert status["ce"]["generation_mark"] == {"generation": largest, "host": "ce2"}
    stage.pair.behave("ce2")
    daemon.wait_status(lambda status: status["ce"]["verdict"] == "none-active", "ce2 claims it no more")
    daemon.type("forget-generation", "--reason", "a wrong number")
    stage.all_is_well()
