"""Sessions: opened, kept, replaced, lost (contract, Sessions and IVR Connector)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from agentchan.lab.pair import Pair
from tests.lab.peers import IvrPeer, Refused, states

Dial = Callable[..., IvrPeer]


def _closings(pair: Pair, ivr: str) -> list[str]:
    return [row["details"]["why"] for row in pair.history() if row["event"] == "session-closed" and row["ivr"] == ivr]


def test_sign_on_answers_with_every_channel(pair: Pair, dial: Dial, channels: list[str]) -> None:
    """OpenSession answers with what the server believes of every channel."""
    peer = dial()
    reply = peer.open(channels)
    assert reply.ServerName == "ce1"
    assert reply.Generation == pair.status("ce1")["generation"]
    assert reply.SessionTimeout.total_seconds() == 5.0
    assert [report.Channel for report in reply.ChannelReport] == channels
    assert set(states(reply.ChannelReport).values()) == {"NotReady"}
    assert {report.CallId for report in reply.ChannelReport} == {None}


def test_heartbeat_says_role_and_generation(pair: Pair, dial: Dial, channels: list[str]) -> None:
    """Heartbeat keeps the session; says the host's Role and Generation."""
    peer = dial()
    peer.open(channels)
    reply = peer.heartbeat()
    assert (reply.Role, reply.Generation) == ("Active", pair.status("ce1")["generation"])


def test_new_session_makes_idle_channels_not_ready(dial: Dial, channels: list[str]) -> None:
    """OpenSession signs on; its idle channels are first made NotReady."""
    first, second = dial(), dial()
    first.open(channels)
    first.set_readiness([(channels[0], True)])
    assert set(states(second.open(channels).ChannelReport).values()) == {"NotReady"}


def test_repeated_sign_on_changes_the_list(dial: Dial, channels: list[str]) -> None:
    """Repeated on the live session's connection it changes the list, and keeps its SessionId and channels' states."""
    peer = dial()
    session = peer.open(channels[:3]).SessionId
    peer.set_readiness([(channels[0], True), (channels[2], True)])
    reply = peer.open([channels[0], channels[1], channels[3]])
    assert reply.SessionId == session
    assert states(reply.ChannelReport) == {channels[0]: "Ready", channels[1]: "NotReady", channels[3]: "NotReady"}
    assert states(peer.open(channels[:3]).ChannelReport)[channels[2]] == "NotReady"


def test_same_instance_replaces(pair: Pair, dial: Dial, ivr: str, channels: list[str]) -> None:
    """The same InstanceId replaces the old session, and the later closing of the old connection changes nothing."""
    old, new = dial(), dial()
    old_session = old.open(channels).SessionId
    assert new.open(channels).SessionId != old_session
    new.set_readiness([(channels[0], True)])
    with pytest.raises(Refused, match="UnknownSession"):
        old.heartbeat()
    old.close()
    pair.wait_until(lambda: pair.status("ce1")["connections"]["connector"] == 1)
    assert new.heartbeat().Role == "Active"
    assert pair.channels(ivr, host="ce1")[channels[0]]["state"] == "Ready"
    assert _closings(pair, ivr) == ["replaced"]


def test_other_instance_must_wait(pair: Pair, dial: Dial, ivr: str, channels: list[str]) -> None:
    """By another InstanceId it gets SessionAlreadyOpen as long as the first session lives."""
    live, stand_by = dial(), dial()
    live.open(channels, "host-a")
    for peer in (stand_by, live):
        with pytest.raises(Refused, match="SessionAlreadyOpen"):
            peer.open(channels, "host-b")
    live.close()
    pair.wait_until(lambda: not [row for row in pair.sessions("ce1") if row["ivr"] == ivr])
    assert stand_by.open(channels, "host-b").SessionId


def test_session_ends_with_its_connection(pair: Pair, dial: Dial, ivr: str, channels: list[str]) -> None:
    """When the connection closes, idle channels are NotReady at once; Busy ones stay as they are until their Gone."""
    peer, lane = dial(), dial()
    peer.open(channels)
    peer.set_readiness([(channel, True) for channel in channels])
    lane.new_call(channels[0], "call")
    peer.close()
    pair.wait_until(lambda: _closings(pair, ivr) == ["connection-closed"])
    believed = pair.channels(ivr, host="ce1")
    assert believed[channels[0]]["state"] == "Busy"
    assert {believed[channel]["state"] for channel in channels[1:]} == {"NotReady"}
    assert lane.gone(channels[0], "call").State == "NotReady"


def test_silence_ends_the_session_not_the_connection(pair: Pair, dial: Dial, ivr: str, channels: list[str]) -> None:
    """Silence ends the session, not the connection."""
    peer = dial()
    peer.open(channels)
    peer.set_readiness([(channels[0], True)])
    pair.set_session_timeout("ce1", 0.05)
    try:
        pair.wait_until(lambda: _closings(pair, ivr) == ["silence"])
        assert pair.channels(ivr, host="ce1")[channels[0]]["state"] == "NotReady"
        with pytest.raises(Refused, match="UnknownSession"):
            peer.heartbeat()
        reply = peer.open(channels)
        assert reply.SessionTimeout.total_seconds() == 0.05
        (row,) = [row for row in pair.connections() if "OpenSession" in row["operations"] and row["closed"] is None]
        assert row["operations"]["OpenSession"]["count"] == 2
    finally:
        pair.set_session_timeout("ce1", 5.0)


@pytest.mark.parametrize("duty", ["heartbeat", "set_readiness", "close_session"])
def test_session_belongs_to_its_connection(dial: Dial, channels: list[str], duty: str) -> None:
    """Heartbeat, SetReadiness and CloseSession travel on that connection (else UnknownSession)."""
    owner, stranger = dial(), dial()
    session = owner.open(channels).SessionId
    arguments = [[(channels[0], True)]] if duty == "set_readiness" else []
    for name in (session, "no-such-session"):
        with pytest.raises(Refused, match="UnknownSession"):
            getattr(stranger, duty)(*arguments, session_id=name)
    getattr(owner, duty)(*arguments)


def test_sign_off(pair: Pair, dial: Dial, ivr: str, channels: list[str]) -> None:
    """CloseSession: signs off: all idle channels NotReady."""
    peer = dial()
    peer.open(channels)
    peer.set_readiness([(channel, True) for channel in channels])
    peer.new_call(channels[0], "call")
    peer.close_session()
    believed = pair.channels(ivr, host="ce1")
    assert believed[channels[0]]["state"] == "Busy"
    assert {believed[channel]["state"] for channel in channels[1:]} == {"NotReady"}
    with pytest.raises(Refused, match="UnknownSession"):
        peer.heartbeat()


def test_sign_on_reports_calls(pair: Pair, dial: Dial, ivr: str, channels: list[str]) -> None:
    """CallId is reported exactly for Busy and Wrapup."""
    peer = dial()
    peer.new_call(channels[0], "one")
    peer.new_call(channels[1], "two")
    pair.hang_up(channels[1], ivr=ivr)
    reports = {report.Channel: (report.State, report.CallId) for report in peer.open(channels).ChannelReport}
    assert reports[channels[0]] == ("Busy", "one")
    assert reports[channels[1]] == ("Wrapup", "two")
    assert {reports[channel] for channel in channels[2:]} == {("NotReady", None)}


def test_loss_of_the_role_ends_sessions(pair: Pair, dial: Dial, ivr: str, channels: list[str]) -> None:
    """A host that stops being active forgets its sessions (connections may stay open: only answers tell)."""
    peer = dial()
    peer.open(channels)
    peer.set_readiness([(channels[0], True)])
    pair.switch()
    for attempt in (peer.heartbeat, lambda: peer.set_readiness([(channels[0], True)]), peer.close_session):
        with pytest.raises(Refused) as caught:
            attempt()
        assert (caught.value.code, caught.value.active_server) == ("NotActive", "ce2")
    assert _closings(pair, ivr) == ["role-changed"]
    assert pair.channels(ivr, host="ce1")[channels[0]]["state"] == "NotReady"
    closed = [row["closed"] for row in pair.connections() if "OpenSession" in row["operations"]]
    assert closed[-1] is None


def test_another_generation_ends_sessions(pair: Pair, dial: Dial, channels: list[str]) -> None:
    """A session is over when its host's Generation changes; then SetReadiness gets UnknownSession."""
    peer = dial()
    peer.open(channels)
    pair.switch()
    pair.switch()
    assert pair.active() == "ce1"
    with pytest.raises(Refused, match="UnknownSession"):
        peer.set_readiness([(channels[0], True)])
    assert set(states(peer.open(channels).ChannelReport).values()) == {"NotReady"}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [("not-active", "NotActive"), ("unknown-session", "UnknownSession"), ("reply", "Standby")],
)
def test_heartbeat_after_a_change_of_role(
    pair: Pair, dial: Dial, channels: list[str], answer: str, expected: str
) -> None:
    """A Heartbeat after a change of role may answer NotActive, UnknownSession, or the usual reply with the new Role."""
    pair.ask("ce1", "/heartbeat-after-role-change", {"answer": answer})
    peer = dial()
    peer.open(channels)
    pair.switch()
    try:
        said = peer.heartbeat()
        assert said.Generation == pair.status("ce1")["generation"]
        outcome = said.Role
    except Refused as refused:
        outcome = refused.code
    assert outcome == expected
    pair.ask("ce1", "/heartbeat-after-role-change", {"answer": "not-active"})


def test_forgotten_sessions(pair: Pair, dial: Dial, channels: list[str]) -> None:
    """A host told to forget its sessions answers UnknownSession on connections that stay open."""
    peer = dial()
    peer.open(channels)
    pair.forget_sessions("ce1")
    with pytest.raises(Refused, match="UnknownSession"):
        peer.heartbeat()


def test_several_ivrs(pair: Pair, dial: Dial, ivr: str, channels: list[str]) -> None:
    """One live session per IvrName and host: several IVRs do not touch each other's."""
    other = dial(name="ivr60")
    other.open(["ivr60-1"])
    other.set_readiness([("ivr60-1", True)])
    peer = dial()
    peer.open(channels)
    peer.close()
    pair.wait_until(lambda: _closings(pair, ivr) == ["connection-closed"])
    assert pair.channels("ivr60", host="ce1")["ivr60-1"]["state"] == "Ready"
    assert other.heartbeat().Role == "Active"
