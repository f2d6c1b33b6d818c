"""Deadlines that are fair to the peer."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from agentchan.ce.deadline import Deadline, within
from tests.ce.stage import Turns


class Late(Exception):  # noqa: N818 - it names an outcome
    """What the tests' Deferreds fail with."""


class DeadlineTests(SynchronousTestCase):
    """One deadline of two seconds."""

    def setUp(self) -> None:
        """It is running."""
        self.clock = Turns()
        self.passed = 0
        self.deadline = Deadline(self.clock, 2.0, self._count)

    def _count(self) -> None:
        self.passed += 1

    def test_passes(self) -> None:
        """Once, in its time, and then no timer is left."""
        self.clock.settle(1.95)
        assert self.passed == 0
        self.clock.settle(0.05)
        assert self.passed == 1
        self.clock.settle(10.0)
        assert self.passed == 1
        assert self.clock.getDelayedCalls() == []

    def test_cancelled(self) -> None:
        """At any time, and again."""
        for awake in (0.0, 1.0, 2.0):
            self.setUp()
            self.clock.turn(awake)
            self.deadline.cancel()
            self.deadline.cancel()
            self.clock.settle(10.0)
            assert self.passed == 0
            assert self.clock.getDelayedCalls() == []

    def test_cancelled_too_late(self) -> None:
        """After it has passed that is nothing."""
        self.clock.settle(2.0)
        self.deadline.cancel()
        assert self.passed == 1

    def test_what_has_arrived_is_read_first(self) -> None:
        """What is read in the turn in which it is reached comes before it passes."""
        self.clock.settle(1.95)
        self.clock.asleep(0.05, self.deadline.cancel)
        assert self.passed == 0

    def test_slept_over(self) -> None:
        """Reached late it is put off by as long as was slept, at most by its own length, and once."""
        for slept, again in ((2.5, 0.5), (3600.0, 2.0)):
            self.setUp()
            self.clock.asleep(slept, lambda: None)
            self.clock.settle(again - 0.05)
            assert self.passed == 0
            self.clock.settle(0.05)
            assert self.passed == 1
        self.setUp()
        for _ in range(2):
            self.clock.asleep(3600.0, lambda: None)
        assert self.passed == 1

    def test_hardly_late(self) -> None:
        """A reactor is always a little late; that is no sleep."""
        self.clock.asleep(2.05, lambda: None)
        assert self.passed == 1


class WithinTests(SynchronousTestCase):
    """A Deferred with a deadline."""

    def setUp(self) -> None:
        """Time stands still."""
        self.clock = Turns()

    def test_in_time(self) -> None:
        """Its result, good or bad, is passed on, and no timer is left."""
        good: Deferred[int] = Deferred()
        waited = within(self.clock, 1.0, good, Late)
        good.callback(1)
        assert self.successResultOf(waited) == 1
        bad: Deferred[int] = Deferred()
        waited = within(self.clock, 1.0, bad, Late)
        bad.errback(ZeroDivisionError())
        self.failureResultOf(waited, ZeroDivisionError)
        assert self.clock.getDelayedCalls() == []

    def test_already_there(self) -> None:
        """So is one that was there before."""
        there: Deferred[int] = Deferred()
        there.callback(1)
        assert self.successResultOf(within(self.clock, 1.0, there, Late)) == 1
        assert self.clock.getDelayedCalls() == []

    def test_late(self) -> None:
        """It is cancelled, and fails as it was asked to, even if cancelling brings a result."""
        cancelled: list[Any] = []
        for stubborn in (False, True):

            def cancel(waiting: Deferred[int], stubborn: bool = stubborn) -> None:
                cancelled.append(waiting)
                if stubborn:
                    waiting.callback(1)

            waited = within(self.clock, 1.0, Deferred(cancel), Late)
            self.clock.settle(1.0)
            self.failureResultOf(waited, Late)
        assert len(cancelled) == 2

    def test_cancelled_by_somebody_else(self) -> None:
        """That is not late."""
        waited = within(self.clock, 1.0, Deferred(), Late)
        waited.cancel()
        self.failureResultOf(waited, CancelledError)
        assert self.clock.getDelayedCalls() == []
