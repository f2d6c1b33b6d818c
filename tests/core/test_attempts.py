"""When a host may be dialled again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agentchan.core.attempts import REMEMBERED, Attempts
from agentchan.core.backoff import FLOOR, Backoff
from agentchan.core.session_values import Step, Target


def attempts() -> Attempts:
    """A memory whose draws are the widest."""
    return Attempts(Backoff(1.0, 4.0), lambda _low, high: high)


def target(host: str | None = "ce1", generation: int | None = 7) -> Target:
    """A host in a generation."""
    return Target(host, ("a", "b"), generation)


def test_the_first_try_is_free() -> None:
    """So is the first one in a new generation; others wait, also after another host was tried."""
    memory = attempts()
    assert memory.next_at(target()) == float("-inf")
    memory.failed(target(), 10.0)
    memory.failed(target("ce2"), 11.0)
    assert memory.next_at(target()) == 11.0
    assert memory.next_at(target(generation=8)) == float("-inf")
    memory.failed(target(), 12.0)
    assert memory.next_at(target()) == 14.0
    memory.failed(target(generation=8), 20.0)
    assert memory.next_at(target(generation=8)) == 21.0


def test_a_generation_only_rises() -> None:
    """One that falls, or is not known for a moment, is no change: a number that flaps frees no attempts."""
    memory = attempts()
    memory.failed(target(generation=None), 10.0)
    assert memory.next_at(target(generation=None)) == 11.0
    assert memory.next_at(target(generation=8)) == float("-inf")
    memory.failed(target(generation=8), 20.0)
    for generation in (None, 3, 8):
        assert memory.next_at(target(generation=generation)) == 21.0
    memory.failed(target(generation=3), 21.0)
    assert memory.next_at(target(generation=8)) == 23.0


def test_at_least() -> None:
    """What cannot be helped soon is not tried soon."""
    memory = attempts()
    memory.failed(target(), 10.0, at_least=5.0)
    assert memory.next_at(target()) == 15.0


def test_an_attempt_that_was_given_up_counts() -> None:
    """A target that comes and goes is dialled ten times a second at most, and no earlier than its pause says."""
    memory = attempts()
    memory.began(target(), 10.0)
    assert memory.next_at(target()) == 10.0 + FLOOR
    memory.failed(target(), 10.0)
    memory.began(target(), 10.5)
    assert memory.next_at(target()) == 11.0


def test_a_sign_on_that_lasted_ends_it() -> None:
    """What failed before counts no more."""
    memory = attempts()
    memory.failed(target(), 10.0)
    memory.timed_out(target(), 0, Step.TLS)
    memory.lasted(target())
    memory.lasted(target("ce2"))
    assert memory.next_at(target()) == float("-inf")
    assert memory.timeouts(target(), 0, Step.TLS) == 0


def test_timeouts() -> None:
    """Counted by host, generation, place in line and step; the first failure does not wipe out what it came from."""
    memory = attempts()
    memory.timed_out(target(), 1, Step.CONNECT)
    memory.failed(target(), 10.0)
    memory.timed_out(target(), 1, Step.CONNECT)
    assert memory.timeouts(target(), 1, Step.CONNECT) == 2
    assert memory.timeouts(target(), 0, Step.CONNECT) == 0
    assert memory.timeouts(target(), 1, Step.TLS) == 0
    assert memory.timeouts(target("ce2"), 1, Step.CONNECT) == 0
    assert memory.timeouts(target(generation=8), 1, Step.CONNECT) == 0


@given(st.lists(st.text(max_size=3), min_size=REMEMBERED + 1, max_size=100))
def test_names_from_outside_do_not_fill_the_memory(hosts: list[str]) -> None:
    """Only the newest hosts are remembered."""
    memory = attempts()
    for now, host in enumerate(hosts):
        memory.failed(target(host), float(now))
    assert len(memory._records) <= REMEMBERED
    assert memory.next_at(target(hosts[-1])) > len(hosts) - 1
