"""The smallest connector, of the profile ``minimum``: NewCall and Gone alone, without sessions and SignalIds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import zeep
from lxml import etree

from agentchan.lab.pair import Pair
from tests.lab.peers import NOON, IvrPeer, Wire

WSDL = Path(str(resources.files("agentchan.ce"))) / "profiles" / "minimum" / "ivr_connector.wsdl"
NAMESPACE = "urn:agentchan:contract:minimum:1"
DONE, NOT_ACTIVE, DUPLICATE, HELD, UNKNOWN = range(5)


class MinimumPeer:
    """A client of the smallest connector of one host."""

    def __init__(self, pair: Pair, host: str, ivr: str) -> None:
        self._ivr = ivr
        self._transport = zeep.Transport(timeout=10, operation_timeout=10)
        client = zeep.Client(str(WSDL), transport=self._transport)
        self._service = client.create_service(f"{{{NAMESPACE}}}IVRConnectorSoap", pair.url(host, "connector"))

    def new_call(self, channel: str, call_id: str, **more: Any) -> tuple[int, str | None]:
        """NewCall: the result and the token."""
        reply = self._service.NewCall(IVR=self._ivr, ChannelName=channel, CallID=call_id, **more)
        return reply.NewCallResult, reply.CallToken

    def gone(self, channel: str, call_id: str, token: str | None = None) -> int:
        """Gone: the result."""
        result: int = self._service.Gone(ChannelName=channel, CallID=call_id, Token=token)
        return result

    def close(self) -> None:
        """Close the connection."""
        self._transport.session.close()


@pytest.fixture
def dial(pair: Pair, ivr: str) -> Iterator[Callable[..., MinimumPeer]]:
    """Makes clients of ``ivr``."""
    peers: list[MinimumPeer] = []

    def make(host: str = "ce1", name: str | None = None) -> MinimumPeer:
        peers.append(MinimumPeer(pair, host, name or ivr))
        return peers[-1]

    yield make
    for peer in peers:
        peer.close()


Dial = Callable[..., MinimumPeer]


def test_a_call(pair: Pair, dial: Dial, ivr: str, channels: list[str]) -> None:
    """NewCall makes the channel Busy and gives a token, Gone with the token frees it."""
    peer = dial()
    result, token = peer.new_call(channels[0], "call", StartTime=NOON, Campaign="billing")
    assert (result, bool(token)) == (DONE, True)
    assert pair.channels(ivr)[channels[0]]["call_id"] == "call"
    assert peer.gone(channels[0], "call", token) == DONE
    assert pair.channels(ivr)[channels[0]]["state"] == "NotReady"


def test_repeated_signals(dial: Dial, channels: list[str]) -> None:
    """A call that is held, or has ended, is a duplicate with the same token; so is a second Gone."""
    peer = dial()
    _, token = peer.new_call(channels[0], "call")
    assert peer.new_call(channels[0], "call") == (DUPLICATE, token)
    assert peer.gone(channels[0], "call", token) == DONE
    assert peer.gone(channels[0], "call", token) == DUPLICATE
    assert peer.new_call(channels[0], "call") == (DUPLICATE, token)


def test_held_channel(dial: Dial, channels: list[str]) -> None:
    """A channel that holds another call takes neither a NewCall nor the Gone of a call that it never had."""
    peer = dial()
    peer.new_call(channels[0], "held")
    assert peer.new_call(channels[0], "call") == (HELD, None)
    assert peer.gone(channels[0], "call") == HELD
    assert peer.gone(channels[1], "call") == DONE


@pytest.mark.parametrize(("token", "result"), [(None, DONE), ("", DONE), ("call", DONE), ("wrong", HELD)])
def test_tokens(dial: Dial, channels: list[str], token: str | None, result: int) -> None:
    """Gone is taken with the call's token, without one, or with the CallID in its place; not with another."""
    peer = dial()
    peer.new_call(channels[0], "call")
    assert peer.gone(channels[0], "call", token) == result


def test_unknown_names(dial: Dial, channels: list[str]) -> None:
    """Unknown channels and unknown IVRs are refused."""
    assert dial().new_call("nobody", "call") == (UNKNOWN, None)
    assert dial().gone("nobody", "call") == UNKNOWN
    assert dial(name="stranger").new_call(channels[0], "call") == (UNKNOWN, None)


def test_standby(pair: Pair, dial: Dial, channels: list[str]) -> None:
    """A standby host answers not active; after a failover the other one knows the calls."""
    one, other = dial("ce1"), dial("ce2")
    assert other.new_call(channels[0], "call") == (NOT_ACTIVE, None)
    assert other.gone(channels[0], "call") == NOT_ACTIVE
    _, token = one.new_call(channels[0], "call")
    pair.switch()
    assert one.gone(channels[0], "call") == NOT_ACTIVE
    assert other.new_call(channels[0], "call") == (DUPLICATE, token)
    assert other.gone(channels[0], "call", token) == DONE


def test_one_domain(pair: Pair, dial: Dial, ivr: str, channels: list[str]) -> None:
    """Both contracts speak of the same channels, and the history has the signals of both."""
    before = pair.history()[-1]["sequence"]
    dial().new_call(channels[0], "call")
    with IvrPeer(pair, "ce1", ivr) as peer:
        assert peer.open(channels).ChannelReport[0].CallId == "call"
        assert peer.gone(channels[0], "call", "g").State == "NotReady"
    dial().gone(channels[0], "call")
    rows = [row for row in pair.history(before) if row["event"] in ("new-call", "gone")]
    assert [(row["event"], row["signal_id"], row["duplicate"]) for row in rows] == [
        ("new-call", None, False),
        ("gone", "g", False),
        ("gone", None, True),
    ]


def test_wsdl_and_malformed_requests(pair: Pair) -> None:
    """Its WSDL is served beside the reference contract's; what is not valid by it is a plain fault."""
    with Wire(pair, "ce1", "connector") as wire:
        status, body = wire.request("GET", "/IVRConnector?wsdl=minimum")
        assert (status, etree.fromstring(body).get("targetNamespace")) == (200, NAMESPACE)
        assert wire.request("GET", "/IVRConnector?wsdl=maximum")[0] == 404
        body = (
            '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
            f'<NewCall xmlns="{NAMESPACE}"/></e:Body></e:Envelope>'
        ).encode()
        status, answer = wire.post("NewCall", body=body, headers={"SOAPAction": f"{NAMESPACE}/NewCall"})
    assert status == 500
    assert b"NewCall is not valid" in answer
    assert b"ConnectorFault" not in answer
