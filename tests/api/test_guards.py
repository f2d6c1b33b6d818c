"""Who may ask on listen."""

from __future__ import annotations

import base64
from ipaddress import ip_network
from typing import Any

import pytest
from twisted.internet.address import IPv6Address

from agentchan.api.guards import Guard
from agentchan.api.limits import Limits
from agentchan.vocabulary import Secret
from tests.api.wires import House, Wire, request

LOCAL = (ip_network("127.0.0.0/8"), ip_network("::1/128"), ip_network("192.0.2.0/24"))


@pytest.mark.parametrize(
    ("host", "admitted"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("::ffff:10.0.0.1", False),
        ("192.0.2.255", True),
        ("192.0.3.0", False),
        ("fe80::1%eth0", False),
        ("::", False),
        ("0.0.0.0", False),
        ("localhost", False),
        ("", False),
    ],
)
def test_addresses(host: str, admitted: bool) -> None:
    """Only the networks of [api] allow may connect, IPv4 addresses in IPv6 clothes among them."""
    assert Guard(LOCAL).admits(host) is admitted
    assert Guard().admits(host)
    assert not Guard(()).admits(host)


def test_others_are_closed_out_without_a_word(said: list[Any]) -> None:
    """And named in the log, once a second at most."""
    house = House(guard=Guard(LOCAL))
    assert all(house.connect("198.51.100.1").is_closed for _ in range(100))
    house.reactor.advance(1)
    assert Wire(house, IPv6Address("TCP", "2001:db8::1", 1)).is_closed
    refused = [entry["peer"] for entry in said if entry["event"] == "api-peer-refused"]
    assert refused == ["198.51.100.1", "2001:db8::1"]
    assert house.connect("192.0.2.1").ask("GET", "/livez").status == 200


def basic(user: str, password: str) -> str:
    """Basic credentials."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        ("Bearer s3cret-é", 200),
        ("bearer  s3cret-é", 200),
        (basic("", "s3cret-é"), 200),
        (basic("ivr", "s3cret-é"), 200),
        (basic("s3cret-é", ""), 401),
        (basic("a", "b:s3cret-é"), 401),
        ("Bearer s3cret", 401),
        ("Bearer", 401),
        ("Bearer ", 401),
        ("Basic !!!", 401),
        ("Basic s3cret-é", 401),
        ("Basic", 401),
        ("Digest s3cret-é", 401),
        ("s3cret-é", 401),
        ("", 401),
    ],
)
def test_tokens(authorization: str, status: int) -> None:
    """Bearer, or the password of Basic; anything else is 401, which names both ways."""
    wire = House(guard=Guard(None, Secret("s3cret-é"))).connect()
    answer = wire.ask("GET", "/livez", authorization=authorization)
    assert answer.status == status
    if status == 401:
        assert answer.code == "unauthorized"
        assert answer.headers.get_all("WWW-Authenticate") == ['Bearer realm="agentchan"', 'Basic realm="agentchan"']


def test_without_the_token_nothing_is_told_or_kept() -> None:
    """Not even whether a path is there; a body is thrown away as it comes."""
    house = House(guard=Guard(None, Secret("token")), limits=Limits(body=1000))
    wire = house.connect()
    for target in ("/livez", "/nowhere"):
        assert wire.ask("GET", target).code == "unauthorized"
    wire.send(request("POST", "/v1/new-call", b"x" * 900)[:-1])
    assert house.door._body_bytes == 0
    wire.send(b"x")
    assert wire.answers(1)[0].code == "unauthorized"
    assert wire.ask("GET", "/livez", authorization="Bearer token").status == 200


def test_another_guard_counts_from_the_next_request_on() -> None:
    """A token that has changed on disk is asked for on connections that are open."""
    house = House(guard=Guard(None, Secret("old")))
    wire = house.connect()
    assert wire.ask("GET", "/livez", authorization="Bearer old").status == 200
    house.door.guard = Guard(None, Secret("new"))
    assert wire.ask("GET", "/livez", authorization="Bearer old").status == 401
    assert wire.ask("GET", "/livez", authorization="Bearer new").status == 200
