"""Several daemons at one pair: IVRs of their own, a stand-by for one IVR, and two that must not be."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.daemons import RunningDaemon, Stage, staged, wait_until

IVRS = {"ivr1": ["ivr1-{01..20}"], "ivr2": ["ivr2-{01..20}"]}


@pytest.fixture(scope="module")
def shared(place: Path) -> Iterator[Stage]:
    """A pair that knows two IVRs, and a daemon for each: two IVR hosts with channels of their own."""
    with staged(place, ivrs=IVRS, session_timeout=2.0) as stage:
        stage.started("host-a", ivr="ivr1")
        stage.started("host-b", ivr="ivr2")
        yield stage


@pytest.fixture
def stage(shared: Stage) -> Iterator[Stage]:
    """Both daemons run, and all channels are ready at ce1; no other daemon is left of the story before."""
    shared.rest()
    for name in ("host-a", "host-b"):
        shared.daemons[name].rest()
        shared.wait_ready(shared.daemons[name])
        shared.daemons[name].begin_story()
    yield shared
    for name in shared.daemons.keys() - {"host-a", "host-b"}:
        shared.daemons.pop(name).end()


@pytest.fixture
def first(stage: Stage) -> RunningDaemon:
    """The daemon of ivr1."""
    return stage.daemons["host-a"]


@pytest.fixture
def second(stage: Stage) -> RunningDaemon:
    """The daemon of ivr2."""
    return stage.daemons["host-b"]


def _well(stage: Stage, *daemons: RunningDaemon) -> None:
    stage.all_is_well(*daemons, link_is_shared=True)


def _lose(daemon: RunningDaemon, how: str) -> None:
    """End a daemon's life, or stop it for a while."""
    if how == "killed":
        daemon.kill()
    elif how == "frozen":
        daemon.send(signal.SIGSTOP)
    else:
        assert daemon.stop() == 0


@pytest.mark.parametrize("how", ["killed", "frozen"])
def test_one_ivr_host_lost(stage: Stage, first: RunningDaemon, second: RunningDaemon, how: str) -> None:
    """Of two IVR hosts one is lost: its channels are not ready, the other's are as they were; then it comes back."""
    session = next(each for each in stage.pair.sessions() if each["ivr"] == "ivr2")
    _lose(first, how)
    wait_until(lambda: stage.pair.states("ivr1") == {"NotReady": 20}, "CE believes no channel of ivr1 ready")
    assert stage.pair.states("ivr2") == {"Ready": 20}
    assert session in stage.pair.sessions()
    _well(stage, second)
    if how == "frozen":
        first.send(signal.SIGCONT)
    else:
        first.start()
    _well(stage, first, second)
    assert session in stage.pair.sessions()


@pytest.mark.parametrize(("lost", "survivor"), [("host-a", "host-b"), ("host-b", "host-a")])
def test_together_with_its_ce_host(stage: Stage, lost: str, survivor: str) -> None:
    """An IVR dies with the CE host that it is co-located with; the one beside the other CE host is served on.

    The configurations are the same: neither knows which CE host is its own.
    """
    stage.daemons[lost].kill()
    stage.pair.kill("ce1", promote="ce2")
    _well(stage, stage.daemons[survivor])
    assert stage.pair.states(stage.daemons[lost].ivr) == {"NotReady": 20}
    stage.pair.start("ce1")
    stage.daemons[lost].start()
    _well(stage)


def test_sockets_of_their_own(first: RunningDaemon, second: RunningDaemon) -> None:
    """Several IVRs on one host have a daemon, a socket and a journal each; the command line speaks to the one meant."""
    assert first.ask("status")["ivr"] == "ivr1"
    assert second.ask("status")["ivr"] == "ivr2"
    first.type("not-ready", "ivr1-01", "--reason", "a test")
    assert "no channel" in second.type("explain", "ivr1-01", status=1)
    assert all(row["wanted"] == "ready" for row in second.ask("channels")["channels"])


@pytest.mark.parametrize("how", ["stopped", "killed", "frozen"])
def test_standby_takes_over(stage: Stage, first: RunningDaemon, second: RunningDaemon, how: str) -> None:
    """Two daemons for one IVR are a live one and a stand-by, which takes over when the live one is lost."""
    spare = stage.daemon("spare", ivr="ivr1")
    spare.start()
    spare.wait_channel("standing-by", host="ce1")
    assert spare.problems() == {"standing-by"}
    assert "standing by for another instance" in spare.type("status")
    assert stage.pair.states("ivr1") == {"Ready": 20}
    _lose(first, how)
    _well(stage, spare, second)
    if how == "frozen":
        first.send(signal.SIGCONT)
    else:
        first.start()
    # Whoever comes back finds the place taken, and takes nothing away.
    first.wait_channel("standing-by", host="ce1")
    _well(stage, spare, second)
    # A failover is the end of every session: one of the two is served, the other stands by.
    stage.pair.promote("ce2")
    wait_until(
        lambda: {each.status()["agent_channel"]["state"] for each in (first, spare)} == {"up", "standing-by"},
        "one is up, the other stands by",
    )
    live = next(each for each in (first, spare) if each.status()["agent_channel"]["state"] == "up")
    _well(stage, live, second)


def test_contended(stage: Stage, first: RunningDaemon, second: RunningDaemon) -> None:
    """Two daemons with one instance_id replace each other: an alarm names it, and the other IVR is unaffected."""
    twin = stage.daemon("twin", ivr="ivr1", tables={"ivr": {"instance_id": "host-a"}})
    twin.start()
    wait_until(
        lambda: any("contended" in each.problems() for each in (first, twin)), "one of them says that it is contended"
    )
    one = next(each for each in (first, twin) if "contended" in each.problems() or each.said("contended"))
    assert any("another daemon with instance_id host-a keeps replacing us" in text for text in one.said("contended"))
    assert stage.pair.states("ivr2") == {"Ready": 20}
    twin.kill()
    _well(stage, first, second)
