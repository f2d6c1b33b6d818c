"""NewCall and Gone: states, idempotency, what survives (contract, Idempotency and Details)."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta, timezone

import pytest

from agentchan.lab.pair import Pair
from tests.lab.peers import NOON, IvrPeer, Peer, Refused, signal_id

Dial = Callable[..., IvrPeer]


def test_a_call(dial: Dial, channels: list[str]) -> None:
    """NewCall: a call began on the channel: Busy. Gone: the call has ended: the channel is Ready or NotReady again."""
    peer = dial()
    begun = peer.new_call(channels[0], "call", Called="+15550199")
    assert (begun.State, begun.Duplicate) == ("Busy", False)
    ended = peer.gone(channels[0], "call", Outcome="completed")
    assert (ended.State, ended.Duplicate) == ("NotReady", False)


def test_signals_on_any_connection(dial: Dial, channels: list[str]) -> None:
    """NewCall and Gone need no session and may travel on any connection to the active host; Gone: as last wished."""
    owner, lane, other_lane = dial(), dial(), dial()
    owner.open(channels)
    owner.set_readiness([(channels[0], True)])
    assert lane.new_call(channels[0], "call").State == "Busy"
    assert other_lane.gone(channels[0], "call").State == "Ready"


@pytest.mark.parametrize("duty", ["new_call", "gone"])
def test_duplicates_change_nothing(dial: Dial, channels: list[str], duty: str) -> None:
    """SignalId is the key. Seen again with the same content: answered with ``Duplicate`` true, nothing changed."""
    peer = dial()
    signal = signal_id()
    assert not getattr(peer, duty)(channels[0], "call", signal).Duplicate
    peer.gone(channels[0], "call")
    peer.new_call(channels[0], "later")
    again = getattr(peer, duty)(channels[0], "call", signal)
    assert (again.State, again.Duplicate) == ("Busy", True)
    assert peer.open(channels).ChannelReport[0].CallId == "later"


def test_times_are_compared_as_instants(dial: Dial, channels: list[str]) -> None:
    """The content of a signal is its operation and all its fields, times as instants."""
    peer = dial()
    signal = signal_id()
    peer.new_call(channels[0], "call", signal, StartedAt=NOON)
    elsewhere = NOON.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert peer.new_call(channels[0], "call", signal, StartedAt=elsewhere).Duplicate
    with pytest.raises(Refused, match="InvalidRequest"):
        peer.new_call(channels[0], "call", signal, StartedAt=NOON + timedelta(microseconds=1))


@pytest.mark.parametrize(
    "change",
    [{"CallId": "other"}, {"Caller": "+15550101"}, {"Caller": None}, {"Called": "+1"}, {"Channel": 1}],
)
def test_other_content_is_refused(dial: Dial, channels: list[str], change: dict[str, object]) -> None:
    """SignalId is the key. Seen again with other content (any field of it): InvalidRequest."""
    peer = dial()
    signal = signal_id()
    fields: dict[str, object] = {"Channel": channels[0], "CallId": "call", "Caller": "+15550100"}
    first = {"SignalId": signal, "IvrName": peer.ivr, "StartedAt": NOON, **fields}
    peer.say("NewCall", **first)
    changed = {key: channels[1] if key == "Channel" else value for key, value in change.items()}
    with pytest.raises(Refused, match="InvalidRequest"):
        peer.say("NewCall", **{**first, **changed})
    reports = peer.open(channels).ChannelReport
    assert [report.CallId for report in reports] == ["call", None, None, None, None, None]


def test_operation_is_content(dial: Dial, channels: list[str]) -> None:
    """The content of a signal is its operation, too: a Gone under the SignalId of a NewCall is an InvalidRequest."""
    peer = dial()
    signal = signal_id()
    peer.new_call(channels[0], "call", signal)
    with pytest.raises(Refused, match="InvalidRequest"):
        peer.gone(channels[0], "call", signal)
    assert peer.gone(channels[0], "call").State == "NotReady"


def test_held_channel(pair: Pair, dial: Dial, ivr: str, channels: list[str]) -> None:
    """A NewCall on a channel that holds another call: fault ChannelHeld with that CallId (send its Gone first)."""
    peer = dial()
    pair.stick(channels[0], "stuck", state="Wrapup", ivr=ivr)
    signal = signal_id()
    with pytest.raises(Refused) as caught:
        peer.new_call(channels[0], "call", signal)
    assert (caught.value.code, caught.value.call_id) == ("ChannelHeld", "stuck")
    peer.gone(channels[0], "stuck")
    said = peer.new_call(channels[0], "call", signal)
    assert (said.State, said.Duplicate) == ("Busy", False)


def test_new_call_again_under_another_id(pair: Pair, dial: Dial, ivr: str, channels: list[str]) -> None:
    """A NewCall for the call that the channel holds (Busy or Wrapup), under another SignalId, changes nothing."""
    peer = dial()
    peer.new_call(channels[0], "call")
    said = peer.new_call(channels[0], "call")
    assert (said.State, said.Duplicate) == ("Busy", False)
    pair.hang_up(channels[0], ivr=ivr)
    said = peer.new_call(channels[0], "call")
    assert (said.State, said.Duplicate) == ("Wrapup", False)


def test_late_new_call(dial: Dial, channels: list[str]) -> None:
    """A late NewCall after its Gone, under a SignalId not seen before: Duplicate false and the channel's state."""
    peer = dial()
    peer.gone(channels[0], "call")
    late = peer.new_call(channels[0], "call")
    assert (late.State, late.Duplicate) == ("NotReady", False)
    peer.new_call(channels[0], "next")
    late = peer.new_call(channels[0], "call")
    assert (late.State, late.Duplicate) == ("Busy", False)
    assert peer.open(channels).ChannelReport[0].CallId == "next"


def test_a_call_is_ivr_channel_and_call_id(dial: Dial, channels: list[str]) -> None:
    """A call is (IvrName, Channel, CallId)."""
    peer = dial()
    peer.gone(channels[0], "call")
    assert peer.new_call(channels[1], "call").State == "Busy"


def test_gone_for_another_call_never_faults(dial: Dial, channels: list[str]) -> None:
    """A Gone for a call that the channel does not hold never faults: it frees the channel if that holds no call."""
    peer = dial()
    peer.new_call(channels[0], "held")
    said = peer.gone(channels[0], "other")
    assert (said.State, said.Duplicate) == ("Busy", False)
    assert peer.open(channels).ChannelReport[0].CallId == "held"
    peer.open(channels)
    peer.set_readiness([(channels[1], True)])
    assert peer.gone(channels[1], "never seen").State == "Ready"


@pytest.mark.parametrize("duty", ["new_call", "gone"])
def test_unknown_names(dial: Dial, channels: list[str], duty: str) -> None:
    """A refused signal's SignalId is not remembered (UnknownIvr, UnknownChannel)."""
    signal = signal_id()
    peer, stranger = dial(), dial(name="stranger")
    with pytest.raises(Refused) as caught:
        getattr(peer, duty)("nobody", "call", signal)
    assert (caught.value.code, caught.value.channels) == ("UnknownChannel", ["nobody"])
    with pytest.raises(Refused, match="UnknownIvr"):
        getattr(stranger, duty)(channels[0], "call", signal)
    assert not getattr(peer, duty)(channels[0], "call", signal).Duplicate


def test_faults_of_the_client_and_of_the_server(dial: Dial) -> None:
    """What trying again cannot help is a Client fault; what can be helped is a Server fault."""
    peer = dial()
    with pytest.raises(Refused) as caught:
        peer.new_call("nobody", "call")
    assert caught.value.fault_code.endswith("Client")
    with pytest.raises(Refused) as caught:
        peer.heartbeat("no-such-session")
    assert caught.value.fault_code.endswith("Server")


def test_signals_survive_a_switch(pair: Pair, dial: Dial, channels: list[str]) -> None:
    """Busy and Wrapup channels with their CallIds, SignalIds and the CallIds that are Gone survive a failover."""
    peer, other = dial("ce1"), dial("ce2")
    held, ended = signal_id(), signal_id()
    peer.new_call(channels[0], "held", held)
    peer.gone(channels[1], "ended", ended)
    pair.switch()
    assert other.new_call(channels[0], "held", held).Duplicate
    assert other.gone(channels[1], "ended", ended).Duplicate
    assert other.new_call(channels[1], "ended").State == "NotReady"
    reports = other.open(channels).ChannelReport
    assert [(report.State, report.CallId) for report in reports[:2]] == [("Busy", "held"), ("NotReady", None)]


def test_standby_refuses_everything(dial: Dial, channels: list[str]) -> None:
    """A standby host answers every IVR Connector operation with fault NotActive, and names the active one."""
    peer = dial("ce2")
    attempts: list[Callable[[], object]] = [
        lambda: peer.open(channels),
        lambda: peer.heartbeat("any"),
        lambda: peer.set_readiness([(channels[0], True)], "any"),
        lambda: peer.close_session("any"),
        lambda: peer.new_call(channels[0], "call"),
        lambda: peer.gone(channels[0], "call"),
        lambda: peer.new_call("unknown names come after the role", "call"),
    ]
    for attempt in attempts:
        with pytest.raises(Refused) as caught:
            attempt()
        assert (caught.value.code, caught.value.active_server) == ("NotActive", "ce1")
    assert dial("ce1").new_call(channels[0], "call").State == "Busy"


def test_standby_that_knows_no_active_host(pair: Pair, dial: Dial, link: Callable[[str], Peer]) -> None:
    """A standby host names the active one if it knows it: while nobody is active it names none."""
    pair.demote()
    with pytest.raises(Refused) as caught:
        dial("ce2").new_call("any", "call")
    assert (caught.value.code, caught.value.active_server) == ("NotActive", None)
    assert link("ce2").say("GetServerStatus").ActiveServer is None


def test_replies_on_different_connections_have_no_order(pair: Pair, dial: Dial, channels: list[str]) -> None:
    """NewCall and Gone may travel on any connection to the active host; replies on different ones have no order."""
    slow, fast = dial(), dial()
    pair.answer_wrongly("ce1", "hold", operation="NewCall", times=1)
    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(slow.new_call, channels[0], "call")
        pair.wait_until(lambda: pair.status("ce1")["replies_held"] == 1)
        assert fast.gone(channels[0], "call").State == "NotReady"
        assert not held.done()
        pair.release("ce1")
        assert held.result(10).State == "Busy"
