"""The calls that the IVR has told of."""

from __future__ import annotations

import pytest

from agentchan.core import calls as module
from agentchan.core.calls import Call, Calls
from agentchan.vocabulary import Fate


def test_open_and_ended() -> None:
    """A call is open from its NewCall to its Gone, and known after that."""
    calls = Calls()
    first, second = Call("c1", "1", 1.0), Call("c2", "2", 2.0)
    calls.began(first)
    calls.began(second)
    assert list(calls.open()) == [first, second]
    assert len(calls) == 2
    assert calls.open_on("c1") is first
    calls.ended(first)
    assert calls.open_on("c1") is None
    assert calls.find("c1", "1") is first
    assert first.ended
    assert calls.newest_on("c1") is first
    assert calls.newest_on("c9") is None


def test_a_gone_that_comes_late_ends_no_later_call() -> None:
    """The open call of a channel is ended by its own Gone."""
    calls = Calls()
    old, new = Call("c1", "1", 1.0), Call("c1", "2", 2.0)
    calls.began(old)
    calls.began(new)
    calls.ended(old)
    assert calls.open_on("c1") is new


def test_older_than() -> None:
    """The oldest first, and only those of before."""
    calls = Calls()
    for number in range(3):
        calls.began(Call(f"c{number}", "x", float(number)))
    assert [call.channel for call in calls.older_than(2.0)] == ["c0", "c1"]


def test_fates() -> None:
    """What became of a signal is noted with its call, and its token kept; that of an older signal is not."""
    calls = Calls()
    call = Call("c1", "1", 0.0, new_call="n1", gone="g1")
    calls.began(call)
    calls.met_fate("c1", "1", "n1", Fate.CONFIRMED, "token")
    assert call.told
    assert call.call_token == "token"
    calls.met_fate("c1", "1", "n1", Fate.CONFIRMED, None)
    assert call.call_token == "token"
    calls.met_fate("c1", "1", "g1", Fate.REFUSED, None)
    calls.met_fate("c1", "1", "g0", Fate.CONFIRMED, None)
    calls.met_fate("c9", "9", "n9", Fate.CONFIRMED, None)
    assert call.gone_fate is Fate.REFUSED


def test_a_new_call_made_anew() -> None:
    """Whether CE was told is what became of the newest NewCall; the IVR's own is still known by its id."""
    calls = Calls()
    call = Call("c1", "1", 0.0, new_call="n1", new_call_fate=Fate.CONFIRMED, remade="n2", remade_fate=Fate.PENDING)
    calls.began(call)
    assert not call.told
    calls.met_fate("c1", "1", "n2", Fate.CONFIRMED, None)
    assert call.told
    calls.met_fate("c1", "1", "n2", Fate.REFUSED, None)
    assert not call.told
    assert call.new_call_fate is Fate.CONFIRMED


def test_by_name() -> None:
    """A call is found by its id, and by the token that CE gave for it, on any channel or only on its own."""
    calls = Calls()
    call = Call("c1", "1", 0.0, new_call="n1")
    calls.began(call)
    assert calls.named("1", None) is call
    assert calls.named("1", "c1") is call
    assert calls.named("1", "c2") is None
    assert calls.named("t1", None) is None
    calls.met_fate("c1", "1", "n1", Fate.CONFIRMED, "t1")
    assert calls.named("t1", "c1") is call
    calls.ended(call)
    assert calls.named("t1", None) is call
    newer = Call("c2", "1", 1.0)
    calls.began(newer)
    assert calls.named("1", None) is newer


def test_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest ended calls are forgotten; an open one never is, however old, nor is a channel's newest mixed up."""
    monkeypatch.setattr(module, "REMEMBERED", 3)
    calls = Calls()
    stays = Call("c0", "open", 0.0)
    calls.began(stays)
    again = Call("c1", "first", 0.0)
    calls.ended(again)
    calls.ended(Call("c1", "second", 0.0))
    for number in range(10):
        calls.ended(Call(f"d{number}", "x", 0.0, call_token=f"t{number}"))
    assert calls.open_on("c0") is stays
    assert calls.find("c0", "open") is stays
    assert calls.find("c1", "first") is None
    assert calls.newest_on("d9") is not None
    assert calls.newest_on("c1") is None
    assert calls.named("first", None) is None
    assert calls.named("x", "d9") is not None
    assert len(calls._known) <= 4
    assert len(calls._named) <= 8
