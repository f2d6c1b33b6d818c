"""One pair for each module of tests, one fresh IVR name for each test."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest

from agentchan.lab.pair import Pair
from tests.lab.peers import IvrPeer, Peer

IVRS = 60
CHANNELS = 6


@pytest.fixture(scope="module")
def shared_pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """A running pair that knows ivr1 to ivr60, each with six channels."""
    ivrs = {f"ivr{number}": [f"ivr{number}-{{1..{CHANNELS}}}"] for number in range(1, IVRS + 1)}
    with Pair(tmp_path_factory.mktemp("pair"), ivrs=ivrs) as pair:
        yield pair


@pytest.fixture
def pair(shared_pair: Pair) -> Pair:
    """The module's pair with ce1 active and nobody answering wrongly."""
    for name in shared_pair.processes:
        shared_pair.behave(name)
    shared_pair.set_state("Running")
    shared_pair.promote("ce1")
    return shared_pair


@pytest.fixture(scope="module")
def _names() -> Iterator[str]:
    return (f"ivr{number}" for number in itertools.count(1))


@pytest.fixture
def ivr(_names: Iterator[str]) -> str:
    """An IVR that no other test of the module uses."""
    return next(_names)


@pytest.fixture
def channels(ivr: str) -> list[str]:
    """The channels of ``ivr``."""
    return [f"{ivr}-{number}" for number in range(1, CHANNELS + 1)]


@pytest.fixture
def dial(pair: Pair, ivr: str) -> Iterator[Callable[..., IvrPeer]]:
    """Makes connections of ``ivr`` to a host's IVR Connector; all are closed at the end."""
    peers: list[IvrPeer] = []

    def make(host: str = "ce1", name: str | None = None) -> IvrPeer:
        peers.append(IvrPeer(pair, host, name or ivr))
        return peers[-1]

    yield make
    for peer in peers:
        peer.close()


@pytest.fixture
def link(pair: Pair) -> Iterator[Callable[[str], Peer]]:
    """Makes connections to a host's Component Service; all are closed at the end."""
    peers: list[Peer] = []

    def make(host: str) -> Peer:
        peers.append(Peer(pair, host, "component"))
        return peers[-1]

    yield make
    for peer in peers:
        peer.close()
