"""What a failover cost, phase by phase."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agentchan.core import failover
from agentchan.core.failover import Gap


def gap(heard_at: float = 10.0, lost_at: float = 11.5) -> Gap:
    """ce1, active in 7, was heard last at one time, and the agent channel to it ended at another."""
    return failover.lost(None, lost_at, host="ce1", generation=7, cause="killed", heard_at=heard_at)


def test_phases() -> None:
    """They follow one another without a gap."""
    open_gap = failover.dialed(gap(), 12.0)
    open_gap = failover.signed_on(open_gap, 12.25, host="ce2", generation=8)
    open_gap = failover.restored(open_gap, 12.5)
    assert open_gap.failover is None
    assert not open_gap.closed
    open_gap = failover.outbox_emptied(open_gap, 14.0)
    record = open_gap.failover
    assert record is not None
    assert open_gap.closed
    assert (record.from_host, record.to_host, record.cause, record.generation) == ("ce1", "ce2", "killed", 8)
    phases = (record.detect, record.discover, record.sign_on, record.restore, record.drain_outbox)
    assert phases == (1.5, 0.5, 0.25, 0.25, 1.5)
    assert record.total == 4.0
    assert record.ended_at == 14.0


def test_an_outbox_that_was_empty_first() -> None:
    """It costs nothing; and only the first time that it is empty counts."""
    open_gap = failover.signed_on(failover.dialed(gap(), 12.0), 12.25, host="ce2", generation=8)
    open_gap = failover.outbox_emptied(open_gap, 12.25)
    open_gap = failover.outbox_emptied(open_gap, 99.0)
    record = failover.restored(open_gap, 12.5).failover
    assert record is not None
    assert (record.drain_outbox, record.ended_at) == (0.0, 12.5)


def test_an_outbox_is_not_emptied_before_a_sign_on() -> None:
    """What was confirmed while nobody was signed on belongs to no failover."""
    assert failover.outbox_emptied(gap(), 12.0).outbox_empty_at is None


def test_the_same_host_in_the_same_generation_is_no_failover() -> None:
    """A gap that closes where it began is none; in another generation it is one."""

    def closed(generation: int) -> Gap:
        same = failover.signed_on(gap(), 13.0, host="ce1", generation=generation)
        return failover.outbox_emptied(failover.restored(same, 13.5), 13.5)

    assert closed(7).closed
    assert closed(7).failover is None
    assert closed(8).failover is not None


def test_another_session_on_the_connection_that_is_there() -> None:
    """Where nobody was dialled, nobody had to be discovered: all of the time went into the sign-on."""
    anew = failover.signed_on(gap(), 13.0, host="ce1", generation=8)
    record = failover.outbox_emptied(failover.restored(anew, 13.5), 13.5).failover
    assert record is not None
    assert (record.discover, record.sign_on, record.restore) == (0.0, 1.5, 0.5)
    # The same after a second loss: the connection in use is the one that was dialled for the first.
    again = failover.lost(
        failover.signed_on(failover.dialed(gap(), 12.0), 12.25, host="ce2", generation=8),
        12.5,
        host="ce2",
        generation=8,
        cause="a new generation",
        heard_at=12.5,
    )
    again = failover.restored(failover.signed_on(again, 13.0, host="ce2", generation=9), 13.0)
    record = failover.outbox_emptied(again, 13.0).failover
    assert record is not None
    assert (record.discover, record.sign_on) == (0.5, 1.0)


def test_a_second_failure_during_the_recovery() -> None:
    """The gap goes on: whoever was signed on to in between did not serve anybody."""
    open_gap = failover.signed_on(failover.dialed(gap(), 12.0), 12.25, host="ce2", generation=8)
    open_gap = failover.restored(open_gap, 12.5)
    open_gap = failover.lost(open_gap, 13.0, host="ce2", generation=8, cause="killed, too", heard_at=12.9)
    assert (open_gap.from_host, open_gap.cause, open_gap.to_host) == ("ce1", "killed", None)
    open_gap = failover.signed_on(failover.dialed(open_gap, 20.0), 21.0, host="ce3", generation=9)
    record = failover.outbox_emptied(failover.restored(open_gap, 22.0), 22.0).failover
    assert record is not None
    assert (record.to_host, record.total) == ("ce3", 12.0)
    again = failover.lost(
        failover.outbox_emptied(failover.restored(open_gap, 22.0), 22.0),
        30.0,
        host="ce3",
        generation=9,
        cause="a new one",
        heard_at=29.0,
    )
    assert (again.from_host, again.cause) == ("ce3", "a new one")


@given(st.lists(st.floats(0.0, 1e6), min_size=6, max_size=6))
def test_phases_sum_up(times: list[float]) -> None:
    """No phase is negative, and their sum is the time from the last sign of life to the end."""
    heard_at, lost_at, dialed_at, signed_on_at, restored_at, empty_at = sorted(times)
    open_gap = failover.dialed(gap(heard_at, lost_at), dialed_at)
    open_gap = failover.signed_on(open_gap, signed_on_at, host="ce2", generation=8)
    record = failover.outbox_emptied(failover.restored(open_gap, restored_at), empty_at).failover
    assert record is not None
    phases = (record.detect, record.discover, record.sign_on, record.restore, record.drain_outbox)
    assert min(phases) >= 0.0
    assert abs(record.total - (empty_at - heard_at)) < 1e-6
