"""What survives a failover and a host's crash, and who takes over (contract, What survives)."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator

import pytest

from agentchan.lab import invariants
from agentchan.lab.pair import Pair
from tests.lab.peers import IvrPeer, Refused, signal_id

CHANNELS = [f"ivr1-{number}" for number in range(1, 9)]
HOURS = 3600.0


@pytest.fixture(scope="module")
def module_pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """A pair whose standby takes over as soon as the active host is dead."""
    with Pair(tmp_path_factory.mktemp("pair"), ["ivr1-{1..8}"], auto_failover_interval=0) as pair:
        yield pair


@pytest.fixture
def pair(module_pair: Pair) -> Pair:
    """The module's pair, both hosts running, ce1 active, no channel in a call."""
    for name, process in module_pair.processes.items():
        if process.frozen:
            module_pair.thaw(name)
        if not process.running:
            module_pair.start(name)
        module_pair.behave(name)
    module_pair.promote("ce1")
    for channel, believed in module_pair.channels().items():
        if believed["call_id"]:
            with IvrPeer(module_pair, "ce1", "ivr1") as peer:
                peer.gone(channel, believed["call_id"])
    return module_pair


def test_calls_and_signals_survive_a_crash(pair: Pair) -> None:
    """Busy and Wrapup channels with their CallIds, SignalIds and the CallIds that are Gone survive a host's crash."""
    held, ended, late = signal_id(), signal_id(), signal_id()
    with IvrPeer(pair, "ce1", "ivr1") as peer:
        peer.new_call(CHANNELS[0], held, held)
        peer.new_call(CHANNELS[1], "left")
        pair.hang_up(CHANNELS[1])
        peer.gone(CHANNELS[2], ended, ended)
    pair.kill("ce1")
    pair.wait_until(lambda: pair.active() == "ce2")
    with IvrPeer(pair, "ce2", "ivr1") as peer:
        reports = [(report.State, report.CallId) for report in peer.open(CHANNELS).ChannelReport[:3]]
        assert reports == [("Busy", held), ("Wrapup", "left"), ("NotReady", None)]
        assert peer.new_call(CHANNELS[0], held, held).Duplicate
        assert peer.gone(CHANNELS[2], ended, ended).Duplicate
        assert peer.new_call(CHANNELS[2], ended, late).State == "NotReady"


def test_sessions_and_readiness_do_not_survive(pair: Pair) -> None:
    """Sessions and readiness do not survive."""
    with IvrPeer(pair, "ce1", "ivr1") as peer:
        peer.open(CHANNELS)
        peer.set_readiness([(CHANNELS[0], True)])
        pair.kill("ce1")
        pair.wait_until(lambda: pair.active() == "ce2")
    pair.start("ce1")
    for host in pair.processes:
        assert pair.sessions(host) == []
        assert set(pair.states(host=host)) == {"NotReady"}


def test_generation_never_falls(pair: Pair) -> None:
    """Generation rises by at least 1 at every change of role and never falls, also across restarts of hosts."""
    seen = [pair.generation()]
    for _ in range(3):
        pair.switch()
        seen.append(pair.generation())
    for name in pair.processes:
        pair.stop_host(name)
    pair.start()
    seen.append(pair.generation())
    pair.switch()
    seen.append(pair.generation())
    assert seen == sorted(seen)
    assert len(set(seen[:4])) == 4
    assert seen[-1] > seen[-2]


def test_a_lone_host_is_active_again(pair: Pair) -> None:
    """A host that nobody has replaced is active again after its restart, and the pair says so."""
    pair.stop_host("ce2")
    pair.kill("ce1")
    pair.start("ce1")
    assert pair.status("ce1")["role"] == "Active"
    pair.start("ce2")
    assert pair.status("ce2")["role"] == "Standby"


def test_forty_eight_hours(pair: Pair) -> None:
    """SignalIds, and the CallIds that are Gone, of the last 48 hours."""
    young, old = signal_id(), signal_id()
    with IvrPeer(pair, "ce1", "ivr1") as peer:
        for signal in (young, old):
            peer.gone(CHANNELS[0], signal, signal)
    connection = sqlite3.connect(pair.database, isolation_level=None)
    for signal, hours in ((young, 47.9), (old, 48.1)):
        then = (time.time() - hours * HOURS, signal)
        connection.execute("UPDATE signal SET applied = ? WHERE signal_id = ?", then)
        connection.execute("UPDATE gone_call SET applied = ? WHERE call_id = ?", then)
    connection.close()
    pair.stop_host("ce2")
    pair.start("ce2")  # it forgets at its start, and from then on every ten minutes
    with IvrPeer(pair, "ce1", "ivr1") as peer:
        assert peer.gone(CHANNELS[0], young, young).Duplicate
        assert peer.new_call(CHANNELS[0], young).State == "NotReady"
        assert not peer.gone(CHANNELS[0], old, old).Duplicate
        assert peer.new_call(CHANNELS[1], old).State == "Busy"


def test_role_and_signal_are_checked_in_the_transaction(pair: Pair) -> None:
    """A host checks its role and the SignalId in the same transaction that applies a signal."""
    before = pair.history()[-1]["sequence"]
    accepted: list[str] = []
    stop = threading.Event()

    def lane(channel: str) -> None:
        with IvrPeer(pair, "ce1", "ivr1") as first, IvrPeer(pair, "ce2", "ivr1") as second:
            while not stop.is_set():
                call = signal_id()
                for operation in ("new_call", "gone"):
                    signal = f"{operation}-{call}"
                    answers: list[str] = []
                    while not {"applied", "duplicate"} & set(answers):  # said to both, until one has taken it
                        answers = [_said(peer, operation, channel, call, signal) for peer in (first, second)]
                    accepted.append(signal)

    threads = [threading.Thread(target=lane, args=(channel,)) for channel in CHANNELS[:3]]
    for thread in threads:
        thread.start()
    for _ in range(10):
        known = len(accepted)
        while len(accepted) == known:
            time.sleep(0.001)
        pair.switch()
    stop.set()
    for thread in threads:
        thread.join()
    history = pair.history(before)
    assert not invariants.applied_while_not_active(history)
    assert not invariants.signals_out_of_order(history)
    assert not invariants.signals_not_applied_once(history, accepted)
    assert not invariants.stuck_channels(history)


def _said(peer: IvrPeer, operation: str, channel: str, call: str, signal: str) -> str:
    try:
        answer = getattr(peer, operation)(channel, call, signal)
    except Refused as refused:
        return refused.code
    return "duplicate" if answer.Duplicate else "applied"


def test_automatic_failover(pair: Pair) -> None:
    """A dead active host is replaced at once; it comes back as standby, and the failback is a planned switch."""
    killed_at = pair.kill("ce1")
    pair.wait_until(lambda: pair.active() == "ce2")
    promoted = [row for row in pair.history() if row["event"] == "promoted"][-1]
    assert (promoted["host"], promoted["monotonic"] > killed_at) == ("ce2", True)
    pair.start("ce1")
    assert (pair.status("ce1")["role"], pair.active()) == ("Standby", "ce2")
    pair.switch("ce1", seconds=0.05)
    assert pair.status("ce2")["state"] == "FailingBack"
    pair.wait_until(lambda: pair.active() == "ce1")


def test_frozen_host_is_missed(pair: Pair) -> None:
    """An active host that is silent is replaced too; when it goes on it finds itself standby and refuses everything."""
    with IvrPeer(pair, "ce1", "ivr1") as peer:
        peer.open(CHANNELS)
        pair.freeze("ce1")
        pair.wait_until(lambda: pair.active() == "ce2")
        pair.thaw("ce1")
        with pytest.raises(Refused) as caught:
            peer.set_readiness([(CHANNELS[0], True)])
    assert (caught.value.code, caught.value.active_server) == ("NotActive", "ce2")
    assert not pair.stuck()


def test_failing_over_time(tmp_path_factory: pytest.TempPathFactory) -> None:
    """An automatic failover says FailingOver for its time; Starting and Stopping hosts say so and are never active."""
    times = ("--starting-time=0.2", "--stopping-time=0.1")
    with Pair(
        tmp_path_factory.mktemp("pair"), auto_failover_interval=0.05, failing_over_time=0.1, options=times
    ) as pair:
        pair.wait_until(lambda: pair.active() == "ce1")
        pair.kill("ce1")
        pair.wait_until(lambda: pair.active() == "ce2")
        pair.stop_host("ce2")
        told = [
            (row["event"], row["host"], row["details"] and row["details"]["state"], row["monotonic"])
            for row in pair.history()
            if row["event"] in ("promoted", "demoted", "state")
        ]
    assert [row[:3] for row in told if row[:3] != ("state", "ce2", "Starting")] == [
        ("state", "ce1", "Starting"),
        ("promoted", "ce1", None),
        ("demoted", "ce1", None),
        ("state", "ce2", "FailingOver"),
        ("promoted", "ce2", None),
        ("state", "ce2", "Running"),
        ("demoted", "ce2", None),
        ("state", "ce2", "Stopping"),
    ]
    at = {row[:3]: row[3] for row in told}
    assert at["promoted", "ce1", None] - at["state", "ce1", "Starting"] >= 0.2
    assert at["promoted", "ce2", None] - at["state", "ce2", "FailingOver"] >= 0.1
