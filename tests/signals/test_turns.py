"""One at a time, by name."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from agentchan.turns import Turns


async def use(turns: Turns, name: str, done: list[str], until: Deferred[None], mark: str) -> None:
    """Have a turn until something fires."""
    async with turns.of(name):
        done.append(f"{mark} begins")
        await until
        done.append(f"{mark} ends")


def begin(turns: Turns, name: str, done: list[str], mark: str) -> Deferred[None]:
    """Begin to want a turn; returns what ends it."""
    until: Deferred[None] = Deferred()
    Deferred.fromCoroutine(use(turns, name, done, until, mark)).addErrback(lambda failure: failure.trap(ValueError))
    return until


def test_in_order_by_name() -> None:
    """Those of one name come one after another, in the order in which they asked; other names do not wait."""
    turns, done = Turns(), list[str]()
    first, second, other = (begin(turns, name, done, mark) for name, mark in (("a", "1"), ("a", "2"), ("b", "3")))
    assert done == ["1 begins", "3 begins"]
    first.callback(None)
    second.callback(None)
    other.callback(None)
    assert done == ["1 begins", "3 begins", "1 ends", "2 begins", "2 ends", "3 ends"]
    assert turns._locks == {}


def test_a_turn_ends_by_an_error() -> None:
    """Whoever comes next has the turn."""
    turns, done = Turns(), list[str]()
    first, second = begin(turns, "a", done, "1"), begin(turns, "a", done, "2")
    first.errback(ValueError("no"))
    assert done == ["1 begins", "2 begins"]
    second.callback(None)
    assert turns._locks == {}


def test_who_asks_as_soon_as_a_turn_is_over() -> None:
    """A turn that begins while the one before is being given back is nobody else's, too."""
    turns, done = Turns(), list[str]()
    again: list[Deferred[None]] = []

    async def quick() -> None:
        async with turns.of("a"):
            done.append("quick")
        again.append(begin(turns, "a", done, "3"))

    first = begin(turns, "a", done, "1")
    Deferred.fromCoroutine(quick())
    first.callback(None)
    fourth = begin(turns, "a", done, "4")
    assert done == ["1 begins", "1 ends", "quick", "3 begins"]
    again[0].callback(None)
    fourth.callback(None)
    assert done[-2:] == ["4 begins", "4 ends"]
    assert turns._locks == {}
