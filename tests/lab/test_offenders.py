"""IVRs that do what they must not, over real connections: the pair's own check finds each offence."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from agentchan.lab.denials import GRAIN
from agentchan.lab.pair import Pair
from tests.lab.peers import IvrPeer, Peer, Refused

CHANNELS = ["ivr1-1", "ivr1-2"]
MakePeer = Callable[[str], IvrPeer]


@pytest.fixture
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """A pair of its own for each test, since offences stay in the history."""
    with Pair(tmp_path_factory.mktemp("pair"), ["ivr1-{1..2}"]) as pair:
        yield pair


@pytest.fixture
def dial(pair: Pair) -> Iterator[MakePeer]:
    """Makes connections of ivr1."""
    with ExitStack() as stack:
        yield lambda host: stack.enter_context(IvrPeer(pair, host, "ivr1"))


def _switch(pair: Pair, how: str) -> None:
    if how == "planned":
        pair.switch("ce2")
    else:
        pair.freeze("ce1", promote="ce2")


@pytest.mark.parametrize("how", ["planned", "frozen"])
def test_well_behaved(pair: Pair, dial: MakePeer, how: str) -> None:
    """An IVR that gives its old connection up before it makes channels ready at the new host is no offender."""
    old, new = dial("ce1"), dial("ce2")
    old.open(CHANNELS)
    old.set_readiness([(CHANNELS[0], True)])
    _switch(pair, how)
    new.open(CHANNELS)
    old.close()
    new.set_readiness([(CHANNELS[0], True)])
    new.new_call(CHANNELS[0], "call", "n")
    new.gone(CHANNELS[0], "call", "g")
    assert pair.violations(["n", "g"]) == []
    assert pair.stuck() == []


@pytest.mark.parametrize("how", ["planned", "frozen"])
def test_old_connection_kept_open(pair: Pair, dial: MakePeer, how: str) -> None:
    """Readiness at the new host while the old connection is open is found, also if the old host is frozen."""
    old, new = dial("ce1"), dial("ce2")
    old.open(CHANNELS)
    _switch(pair, how)
    new.open(CHANNELS)
    new.set_readiness([(CHANNELS[0], True)])
    (found,) = pair.violations()
    assert found.startswith("ivr1 set readiness at ce2 at ")
    assert found.endswith(" to ce1 was still open")


def test_asked_again_after_not_active(pair: Pair, dial: MakePeer) -> None:
    """Readiness asked for again after NotActive is found, on the same connection and on a new one."""
    old = dial("ce1")
    old.open(CHANNELS)
    pair.switch("ce2")
    for _ in range(2):
        with pytest.raises(Refused, match="NotActive"):
            old.set_readiness([(CHANNELS[0], True)])
    assert len(pair.violations()) == 1
    old.close()
    pair.wait_until(lambda: pair.status("ce1")["connections"]["connector"] == 0)
    with pytest.raises(Refused, match="NotActive"):
        dial("ce1").open(CHANNELS)
    assert len(pair.violations(link_is_shared=True)) == 1


def test_told_by_the_component_service(pair: Pair, dial: MakePeer) -> None:
    """Readiness at a host whose Component Service has said Standby is found; after its word Active it may be asked."""
    with Peer(pair, "ce1", "component") as link:
        pair.switch("ce2")
        link.say("GetServerStatus")
        link.say("GetServerStatus")  # shows that the first answer was read
        told = time.monotonic()
        pair.wait_until(lambda: time.monotonic() > told + 3 * GRAIN)
        with pytest.raises(Refused, match="NotActive"):
            dial("ce1").open(CHANNELS)
        assert [found for found in pair.violations() if found.startswith("OpenSession reached ce1")]
        count = len(pair.violations())
        pair.switch("ce1")
        link.say("GetServerStatus")
        dial("ce1").open(CHANNELS)
        assert len(pair.violations()) == count


def test_signals_out_of_order(pair: Pair, dial: MakePeer) -> None:
    """A NewCall that overtook nothing but came after its Gone, and an accepted signal that never came, are found."""
    lane = dial("ce1")
    lane.gone(CHANNELS[0], "call", "g")
    lane.new_call(CHANNELS[0], "call", "n")
    found = pair.violations(["n", "g", "lost"])
    assert [text.split(" ")[0:2] for text in found] == [["NewCall", "n"], ["Gone", "g"], ["signal", "lost"]]
