"""The Component Service: status, watches, states (contract, Component Service)."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import zeep

from agentchan.lab.pair import Pair
from tests.lab.peers import IvrPeer, Peer, Wire

Link = Callable[[str], Peer]
LONG = timedelta(seconds=30)


def _watch(peer: Peer, status: Any, wait: timedelta = LONG) -> Any:
    known = {"KnownRole": status.Role, "KnownGeneration": status.Generation, "KnownState": status.State}
    return peer.say("WatchServerStatus", **known, MaxWait=wait)


def _begin_watch(pair: Pair, pool: ThreadPoolExecutor, host: str, peer: Peer) -> Future[Any]:
    status = peer.say("GetServerStatus")
    before = pair.status(host)["watches_held"]
    future = pool.submit(_watch, peer, status)
    pair.wait_until(lambda: pair.status(host)["watches_held"] == before + 1)
    return future


def test_both_hosts_say_who_they_are(pair: Pair, link: Link) -> None:
    """GetServerStatus: who this host is, its Role, the State, Generation, its ConnectorUrl and the ActiveServer."""
    found = {name: link(name).say("GetServerStatus") for name in pair.processes}
    assert {name: (status.ServerName, status.Rank, status.Role) for name, status in found.items()} == {
        "ce1": ("ce1", "Primary", "Active"),
        "ce2": ("ce2", "Secondary", "Standby"),
    }
    for name, status in found.items():
        assert status.ConnectorUrl == pair.url(name, "connector")
        assert (status.Domain, status.State, status.ActiveServer) == ("lab", "Running", "ce1")
        assert status.Since.tzinfo is not None
    assert found["ce1"].Generation == found["ce2"].Generation


def test_generation_rises_at_every_change_of_role(pair: Pair, link: Link) -> None:
    """``Generation`` rises by at least 1 at every change of role in the domain."""
    first, second = link("ce1"), link("ce2")
    before = first.say("GetServerStatus")
    for _ in range(4):
        pair.switch()
        after, other = first.say("GetServerStatus"), second.say("GetServerStatus")
        assert after.Generation == other.Generation
        assert after.Generation > before.Generation
        assert after.Since > before.Since
        assert {after.Role, other.Role} == {"Active", "Standby"}
        before = after


@pytest.mark.parametrize("change", [{"Role": "Standby"}, {"Generation": 0}, {"State": "Emergency"}])
def test_watch_answers_at_once_what_differs(link: Link, change: dict[str, Any]) -> None:
    """WatchServerStatus: the same answer, at once if Role, Generation or State differs from what the caller knows."""
    peer = link("ce1")
    status = peer.say("GetServerStatus")
    known = {f"Known{name}": change.get(name, status[name]) for name in ("Role", "Generation", "State")}
    assert peer.say("WatchServerStatus", **known, MaxWait=LONG) == status


def test_watch_is_held_for_max_wait(link: Link) -> None:
    """WatchServerStatus is held back until MaxWait has passed."""
    peer = link("ce1")
    status = peer.say("GetServerStatus")
    began = time.monotonic()
    reply = _watch(peer, status, timedelta(milliseconds=150))
    assert time.monotonic() - began >= 0.15
    assert (reply.Role, reply.Generation) == (status.Role, status.Generation)
    assert _watch(peer, status, timedelta(0)).Role == "Active"


def test_watches_see_a_switch(pair: Pair, link: Link) -> None:
    """WatchServerStatus is held back until Role or Generation differs: a change is seen after one network trip."""
    with ThreadPoolExecutor(2) as pool:
        for asked_of in ("ce1", "ce2"):
            held = {name: _begin_watch(pair, pool, name, link(name)) for name in pair.processes}
            target = pair.other(str(pair.active()))
            pair.ask(asked_of, "/switch", {"to": target})
            roles = {name: future.result(10).Role for name, future in held.items()}
            assert roles == {target: "Active", pair.other(target): "Standby"}


def test_watch_sees_a_state(pair: Pair, link: Link) -> None:
    """WatchServerStatus is held back until State differs."""
    with ThreadPoolExecutor(1) as pool:
        held = _begin_watch(pair, pool, "ce2", link("ce2"))
        pair.emergency()
        assert held.result(10).State == "Emergency"
    pair.emergency(on=False)


def test_abandoned_watch_is_dropped(pair: Pair, link: Link) -> None:
    """A watch whose caller has closed the connection is held no longer."""
    status = link("ce1").say("GetServerStatus")
    with Wire(pair, "ce1", "component") as wire, ThreadPoolExecutor(1) as pool:
        content = (
            f"<KnownRole>Active</KnownRole><KnownGeneration>{status.Generation}</KnownGeneration>"
            "<KnownState>Running</KnownState><MaxWait>PT30S</MaxWait>"
        )
        future = pool.submit(wire.post, "WatchServerStatus", content)
        pair.wait_until(lambda: pair.status("ce1")["watches_held"] == 1)
        pair.drop("ce1", "component")
        pair.wait_until(lambda: pair.status("ce1")["watches_held"] == 0)
        assert isinstance(future.exception(10), OSError)


@pytest.mark.parametrize("wait", ["-PT1S", "P1M", "P1Y", "P1Y2M3D"])
def test_bad_max_wait_is_a_plain_fault(pair: Pair, wait: str) -> None:
    """A negative MaxWait, or one with months, is a plain SOAP fault without the connector's detail."""
    known = "<KnownRole>Active</KnownRole><KnownGeneration>0</KnownGeneration><KnownState>Running</KnownState>"
    with Wire(pair, "ce1", "component") as wire:
        status, body = wire.post("WatchServerStatus", f"{known}<MaxWait>{wait}</MaxWait>")
    assert status == 500
    assert b"faultstring" in body
    assert b"ConnectorFault" not in body


def test_malformed_is_a_plain_fault(link: Link) -> None:
    """Errors of this service are plain SOAP faults."""
    with pytest.raises(zeep.exceptions.Fault) as caught:
        link("ce1").say("WatchServerStatus", KnownRole="Boss", KnownGeneration=1, KnownState="Running", MaxWait=LONG)
    assert caught.value.detail is None


@pytest.mark.parametrize(("active", "state"), [("ce1", "FailingOver"), ("ce2", "FailingBack")])
def test_planned_switch_with_time(pair: Pair, link: Link, active: str, state: str) -> None:
    """FailingOver and FailingBack, said by any host, are the states in which "is CE failing over?" is yes."""
    pair.promote(active)
    links = [link(name) for name in pair.processes]
    before = links[0].say("GetServerStatus").Generation
    pair.switch(seconds=0.3)
    for peer in links:
        status = peer.say("GetServerStatus")
        assert (status.Role, status.State, status.ActiveServer) == ("Standby", state, None)
        assert status.Generation > before
    pair.wait_until(lambda: pair.active() == pair.other(active))
    status = links[0].say("GetServerStatus")
    assert (status.State, status.Generation > before + 1) == ("Running", True)


def test_emergency_keeps_sessions_and_readiness(
    pair: Pair, link: Link, dial: Callable[..., IvrPeer], ivr: str, channels: list[str]
) -> None:
    """Emergency: CE sends no calls to the IVR; channels stay signed on and keep their readiness."""
    peer = dial()
    peer.open(channels)
    peer.set_readiness([(channels[0], True)])
    pair.emergency()
    assert link("ce1").say("GetServerStatus").State == "Emergency"
    assert peer.heartbeat().Role == "Active"
    assert pair.channels(ivr, host="ce1")[channels[0]]["state"] == "Ready"
    pair.emergency(on=False)
    assert link("ce1").say("GetServerStatus").State == "Running"


@pytest.mark.parametrize("state", ["Starting", "Stopping"])
def test_starting_and_stopping_hosts_are_never_active(pair: Pair, link: Link, state: str) -> None:
    """A ``Starting`` or ``Stopping`` host is never active."""
    peer = link("ce1")
    before = peer.say("GetServerStatus").Generation
    pair.set_state(state, only_at="ce1")
    status = peer.say("GetServerStatus")
    assert (status.Role, status.State, status.ActiveServer) == ("Standby", state, None)
    assert status.Generation > before
    assert link("ce2").say("GetServerStatus").State == "Running"


def test_hosts_may_see_different_states(pair: Pair, link: Link) -> None:
    """The domain's ``State`` as this host sees it (hosts may differ for a moment)."""
    pair.set_state("FailingOver", only_at="ce2")
    assert link("ce1").say("GetServerStatus").State == "Running"
    status = link("ce2").say("GetServerStatus")
    assert (status.State, status.Role) == ("FailingOver", "Standby")


def test_wrong_claims(pair: Pair, link: Link, dial: Callable[..., IvrPeer], channels: list[str]) -> None:
    """A host can claim to be active, another generation, name or domain; only the database decides what is applied."""
    pair.claim("ce2", role="Active", generation=99, server_name="ce1", domain="elsewhere")
    status = link("ce2").say("GetServerStatus")
    assert (status.Role, status.Generation, status.ServerName, status.Domain) == ("Active", 99, "ce1", "elsewhere")
    with pytest.raises(Exception, match="NotActive"):
        dial("ce2").open(channels)
    pair.claim("ce1", generation=7)
    assert dial("ce1").open(channels).Generation == 7
    pair.behave("ce2")
    assert link("ce2").say("GetServerStatus").Role == "Standby"


def test_claim_answers_watches(pair: Pair, link: Link) -> None:
    """A wrong claim is seen by a watch like a true change."""
    with ThreadPoolExecutor(1) as pool:
        held = _begin_watch(pair, pool, "ce2", link("ce2"))
        pair.claim("ce2", role="Active")
        assert held.result(10).Role == "Active"
