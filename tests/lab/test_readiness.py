"""SetReadiness: per channel, in order, wishes of channels in a call (contract, IVR Connector and Details)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from agentchan.lab.pair import Pair
from tests.lab.peers import IvrPeer, Refused, states

Dial = Callable[..., IvrPeer]


def test_answered_per_channel_in_order(dial: Dial, channels: list[str]) -> None:
    """SetReadiness: one or many channels Ready or NotReady, with a reason; answered per channel, in the order asked."""
    peer = dial()
    peer.open(channels)
    asked = [(channels[3], True), (channels[0], True), (channels[3], False), (channels[1], True)]
    reports = peer.set_readiness(asked)
    assert [report.Channel for report in reports] == [channel for channel, _ in asked]
    assert states(reports) == {channels[3]: "NotReady", channels[0]: "Ready", channels[1]: "Ready"}


def test_wish_waits_for_the_gone(dial: Dial, channels: list[str]) -> None:
    """A Busy channel keeps its state; the wish takes effect when the call is Gone."""
    peer = dial()
    peer.open(channels)
    peer.new_call(channels[0], "call")
    (report,) = peer.set_readiness([(channels[0], True)])
    assert (report.State, report.CallId) == ("Busy", "call")
    assert peer.gone(channels[0], "call").State == "Ready"
    peer.new_call(channels[0], "next")
    peer.set_readiness([(channels[0], False)])
    assert peer.gone(channels[0], "next").State == "NotReady"


def test_wish_of_a_wrapup_channel(pair: Pair, dial: Dial, ivr: str, channels: list[str]) -> None:
    """A Wrapup channel keeps its state; the wish takes effect when the call is Gone."""
    peer = dial()
    peer.open(channels)
    peer.new_call(channels[0], "call")
    pair.hang_up(channels[0], ivr=ivr)
    (report,) = peer.set_readiness([(channels[0], True)])
    assert (report.State, report.CallId) == ("Wrapup", "call")
    assert peer.gone(channels[0], "call").State == "Ready"


def test_readiness_before_the_call_is_last_wished(dial: Dial, channels: list[str]) -> None:
    """Gone: the channel is Ready or NotReady again, as last wished, be it before the call."""
    peer = dial()
    peer.open(channels)
    peer.set_readiness([(channels[0], True)])
    assert peer.new_call(channels[0], "call").State == "Busy"
    assert peer.gone(channels[0], "call").State == "Ready"


def test_wishes_end_with_the_session(dial: Dial, channels: list[str]) -> None:
    """Wishes for readiness end with their session, also those of Busy and Wrapup channels."""
    first, second = dial(), dial()
    first.open(channels)
    first.new_call(channels[0], "call")
    first.set_readiness([(channels[0], True)])
    second.open(channels)
    assert second.gone(channels[0], "call").State == "NotReady"


def test_wishes_stay_when_the_list_changes(dial: Dial, channels: list[str]) -> None:
    """OpenSession repeated on the live session's connection: those in both lists keep their state, wishes included."""
    peer = dial()
    peer.open(channels[:2])
    peer.new_call(channels[0], "call")
    peer.set_readiness([(channels[0], True)])
    peer.open(channels[:3])
    assert peer.gone(channels[0], "call").State == "Ready"


def test_unknown_channels_are_all_named_and_nothing_applied(
    pair: Pair, dial: Dial, ivr: str, channels: list[str]
) -> None:
    """UnknownChannel names every unknown channel of the request in ``Channel``, and nothing of it was applied."""
    peer = dial()
    peer.open(channels[:3])
    with pytest.raises(Refused) as caught:
        peer.set_readiness([(channels[0], True), ("nobody", True), (channels[5], True), ("nobody", False)])
    assert (caught.value.code, caught.value.channels) == ("UnknownChannel", ["nobody", channels[5]])
    assert pair.channels(ivr, host="ce1")[channels[0]]["state"] == "NotReady"


def test_sign_on_with_unknown_names(pair: Pair, dial: Dial, ivr: str, channels: list[str]) -> None:
    """OpenSession with unknown names: UnknownIvr, or UnknownChannel that names all of them; no session is opened."""
    peer = dial()
    with pytest.raises(Refused) as caught:
        peer.open(["x", channels[0], "y"])
    assert (caught.value.code, caught.value.channels) == ("UnknownChannel", ["x", "y"])
    with pytest.raises(Refused, match="UnknownIvr"):
        dial(name="stranger").open(["x"])
    assert not [row for row in pair.sessions("ce1") if row["ivr"] == ivr]


def test_failed_sign_on_leaves_the_live_session(dial: Dial, channels: list[str]) -> None:
    """A refused OpenSession neither replaces the live session nor changes its channels."""
    peer, other = dial(), dial()
    session = peer.open(channels).SessionId
    peer.set_readiness([(channels[0], True)])
    with pytest.raises(Refused, match="UnknownChannel"):
        other.open(["nobody"])
    peer.session_id = session
    assert states(peer.open(channels).ChannelReport)[channels[0]] == "Ready"


def test_channel_named_twice(dial: Dial, channels: list[str]) -> None:
    """A channel named twice in OpenSession: InvalidRequest."""
    with pytest.raises(Refused, match="InvalidRequest"):
        dial().open([channels[0], channels[1], channels[0]])
