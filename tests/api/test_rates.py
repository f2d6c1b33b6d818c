"""How often one client may ask."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agentchan.api.limits import Limits
from agentchan.api.rates import Rates
from tests.api.wires import House, request


@given(st.lists(st.floats(0, 0.5), max_size=200))
def test_no_host_asks_more_often(pauses: list[float]) -> None:
    """Over any stretch of time, at most the rate times its length and once the rate more."""
    rates, now, allowed = Rates(10.0), 0.0, []
    for pause in pauses:
        now += pause
        if rates.allows("192.0.2.1", now):
            allowed.append(now)
    for index, start in enumerate(allowed):
        for number, end in enumerate(allowed[index:], 1):
            assert number <= 10 + (end - start) * 10 + 1e-6


def test_hosts_do_not_count_for_each_other() -> None:
    """Nor does this machine count at all; those that are long quiet are forgotten, so that memory is bounded."""
    rates = Rates(1.0)
    assert [rates.allows("192.0.2.1", 0.0) for _ in range(2)] == [True, False]
    assert rates.allows("192.0.2.2", 0.0)
    assert all(rates.allows(host, 0.0) for host in ("127.0.0.1", "::1", "127.9.9.9") for _ in range(10))
    for number in range(5000):
        rates.allows(f"10.0.{number // 250}.{number % 250}", 0.0)
    assert len(rates._buckets) <= 1024


def test_too_many_requests() -> None:
    """429, before the body is kept, until a moment has passed; others are served meanwhile."""
    house = House(limits=Limits(rate=5.0))
    wire = house.connect("192.0.2.1")
    answers = [wire.ask("GET", "/livez") for _ in range(7)]
    assert [answer.status for answer in answers] == [200] * 5 + [429] * 2
    assert answers[-1].code == "too-many-requests"
    assert answers[-1].headers["Retry-After"] == "1"
    wire.send(request("POST", "/v1/new-call", b"x" * 100)[:-1])
    assert house.door._body_bytes == 0
    assert house.connect("192.0.2.2").ask("GET", "/livez").status == 200
    house.reactor.advance(1)
    wire.send(b"x")
    assert wire.answers(1)[0].status == 429
    assert wire.ask("GET", "/livez").status == 200
