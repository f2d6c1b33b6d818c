"""Wishes: what is wanted of readiness, what survives a restart, and what ends by itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from math import inf
from typing import Any

import pytest
from attrs import define, field
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from agentchan.core.channel import Wish
from agentchan.core.channels import Channels
from agentchan.core.readiness import ByHand
from agentchan.journal.errors import JournalUnavailable
from agentchan.journal.facts import Remembered
from agentchan.journal.writes import DrainBegun, DrainEnded, ReadinessLifted, ReadinessWanted, Write
from agentchan.wishes import Drain, Wishes

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
READY = Wish(ready=True)


@define
class FakeJournal:
    """Keeps what is recorded, and gives it back at the next start, as the real one does."""

    readiness: dict[str, ReadinessWanted] = field(factory=dict)
    drain: DrainBegun | None = None
    batches: list[list[Write]] = field(factory=list)
    broken: bool = False

    def record(self, batch: Sequence[Write]) -> Deferred[None]:
        """Keep, or not."""
        if self.broken:
            return fail(JournalUnavailable("disk full"))
        self.batches.append(list(batch))
        for write in batch:
            match write:
                case ReadinessWanted(channel):
                    self.readiness[channel] = write
                case ReadinessLifted(channel):
                    self.readiness.pop(channel, None)
                case DrainBegun():
                    self.drain = write
                case DrainEnded():
                    self.drain = None
        return succeed(None)

    def remembered(self) -> Remembered:
        """What the next run is told."""
        return Remembered(readiness=tuple(self.readiness.values()), drain=self.drain)


class WishesCase(SynchronousTestCase):
    """Three channels, two clocks, and a journal."""

    def setUp(self) -> None:
        """The first run."""
        self.journal = FakeJournal()
        self.wall = NOON.timestamp()
        self.clock = Clock()
        self.start(1000.0)

    def start(self, monotonic: float) -> None:
        """A run begins, at some time of its monotonic clock."""
        self.clock = Clock()
        self.clock.rightNow = monotonic
        self.changes = 0
        self.channels = Channels(["c1", "c2", "c3"], READY, monotonic)
        self.wishes = Wishes(self.clock, lambda: self.wall, self.journal, self.channels, on_change=self.changed)
        self.wishes.remember(self.journal.remembered())

    def restart(self, after: timedelta = MINUTE) -> None:
        """The run ends, and another one begins some time later on the wall clock."""
        self.wishes.close()
        assert self.clock.getDelayedCalls() == []
        self.wall += after.total_seconds()
        self.start(5.0)

    def changed(self) -> None:
        """Some channel's wish has changed."""
        self.changes += 1

    def passes(self, time: timedelta) -> None:
        """Time passes on both clocks."""
        self.wall += time.total_seconds()
        self.clock.advance(time.total_seconds())

    def take_out(self, *names: str, for_: timedelta | None = None) -> Deferred[None]:
        """An operator takes channels out."""
        seconds = for_ and for_.total_seconds()
        return self.wishes.by_hand(names, ready=False, reason="repair", for_=seconds, who="ann")

    def bring_back(self, *names: str) -> Deferred[None]:
        """And back."""
        return self.wishes.by_hand(names, ready=True, reason="", for_=None, who="ann")

    def wanted(self) -> list[str]:
        """The channels' wishes: ``ready``, or the reason why not."""
        return ["ready" if each.wish.ready else str(each.wish.reason) for each in self.channels.all()]


class ByHandTests(WishesCase):
    """An operator's wishes."""

    def test_counts_at_once(self) -> None:
        """Told to the channels, put on disk, and announced if anything has changed."""
        self.successResultOf(self.take_out("c1", "c2"))
        assert self.wanted() == ["repair", "repair", "ready"]
        assert self.changes == 1
        assert self.journal.batches == [
            [ReadinessWanted(name, False, "repair", NOON, None, "ann") for name in ("c1", "c2")]
        ]
        self.take_out("c1")
        assert self.changes == 1

    def test_taken_back(self) -> None:
        """Only what was wanted is lifted; where nothing was, nothing is written."""
        self.take_out("c1")
        self.successResultOf(self.bring_back("c1", "c2"))
        assert self.wanted() == ["ready"] * 3
        assert self.journal.batches[1:] == [[ReadinessLifted("c1")]]
        self.successResultOf(self.bring_back("c1"))
        assert len(self.journal.batches) == 2

    def test_counts_without_a_journal(self) -> None:
        """A journal that cannot be written is told; the wish counts all the same."""
        self.journal.broken = True
        self.failureResultOf(self.take_out("c1"), JournalUnavailable)
        assert self.wanted() == ["repair", "ready", "ready"]

    def test_ends_by_itself(self) -> None:
        """In its time, on disk, too; the others stay."""
        self.take_out("c1", for_=30 * MINUTE)
        self.take_out("c2", for_=HOUR)
        self.take_out("c3")
        self.passes(29 * MINUTE)
        assert self.wanted() == ["repair"] * 3
        self.passes(MINUTE)
        assert self.wanted() == ["ready", "repair", "repair"]
        self.passes(HOUR)
        assert self.wanted() == ["ready", "ready", "repair"]
        assert list(self.journal.readiness) == ["c3"]
        assert self.clock.getDelayedCalls() == []

    def test_newest_wish_counts(self) -> None:
        """A wish without an end takes the place of one with an end, and the other way round."""
        self.take_out("c1", for_=MINUTE)
        self.take_out("c1")
        self.passes(HOUR)
        assert self.wanted()[0] == "repair"
        self.take_out("c1", for_=MINUTE)
        self.passes(MINUTE)
        assert self.wanted()[0] == "ready"

    def test_weeks(self) -> None:
        """A wish of many weeks ends in its time, by timers of a day."""
        self.take_out("c1", for_=50 * 24 * HOUR)
        for _ in range(50 * 24):
            assert self.wanted()[0] == "repair"
            (timer,) = self.clock.getDelayedCalls()
            assert timer.getTime() - self.clock.seconds() <= 86400.0
            self.passes(HOUR)
        assert self.wanted()[0] == "ready"

    def test_end_without_a_journal(self) -> None:
        """A failure to write that costs nothing, since the end was written at the beginning."""
        self.take_out("c1", for_=MINUTE)
        self.journal.broken = True
        self.passes(MINUTE)
        assert self.wanted()[0] == "ready"
        self.journal.broken = False
        self.restart()
        assert self.wanted()[0] == "ready"

    def test_channel_that_is_not_configured(self) -> None:
        """What was wanted of a channel counts when it comes back by a reload."""
        self.take_out("c1")
        self.channels.listed(["c2"], READY, self.clock.seconds())
        self.wishes.apply()
        self.channels.listed(["c1", "c2"], READY, self.clock.seconds())
        self.wishes.apply()
        assert self.wanted() == ["repair", "ready"]


class RestartTests(WishesCase):
    """What the next run is told of."""

    def test_by_hand(self) -> None:
        """A wish survives with its reason, who wanted it, and its end."""
        self.take_out("c1", for_=HOUR)
        self.take_out("c2")
        self.restart(10 * MINUTE)
        assert self.wanted() == ["repair", "repair", "ready"]
        assert self.wishes.readiness.by_hand == {
            "c1": ByHand("repair", 5.0 + 3000.0, "ann"),
            "c2": ByHand("repair", inf, "ann"),
        }
        self.passes(50 * MINUTE)
        assert self.wanted() == ["ready", "repair", "ready"]

    def test_over_meanwhile(self) -> None:
        """A wish whose time was over before the start is forgotten for good, wherever the clock goes later."""
        self.take_out("c1", for_=MINUTE)
        self.restart(HOUR)
        assert self.wanted() == ["ready"] * 3
        assert self.journal.readiness == {}
        self.restart(-HOUR)
        assert self.wanted() == ["ready"] * 3

    def test_forgetting_that_cannot_be_written(self) -> None:
        """It is tried at the next start again."""
        self.take_out("c1", for_=MINUTE)
        self.journal.broken = True
        self.restart(HOUR)
        assert self.wanted() == ["ready"] * 3

    def test_drain(self) -> None:
        """A drain survives until it is ended, with its beginning, its reason and its end."""
        self.passes(MINUTE)
        self.successResultOf(self.wishes.begin_drain(reason="upgrade", timeout=3600.0, who="ann"))
        self.restart(10 * MINUTE)
        assert self.wanted() == ["draining"] * 3
        assert self.wishes.drain == Drain(5.0 - 600.0, "upgrade", 5.0 + 3000.0, "ann")
        self.wishes.end_drain()
        self.restart()
        assert (self.wanted(), self.wishes.drain) == (["ready"] * 3, None)

    def test_drain_goes_on_after_its_time(self) -> None:
        """That calls were not over in time does not make anybody ready."""
        self.wishes.begin_drain(reason="", timeout=60.0, who="ann")
        self.passes(HOUR)
        assert self.wanted() == ["draining"] * 3
        self.restart(HOUR)
        assert self.wanted() == ["draining"] * 3

    def test_not_the_ivrs_health(self) -> None:
        """Whether the IVR lives is found out anew; that we were stopping is over."""
        self.wishes.ivr_is(down=True)
        self.wishes.stop_serving()
        self.restart()
        assert self.wanted() == ["ready"] * 3

    def test_clock_set_back_meanwhile(self) -> None:
        """On a machine that woke up in 1970 a wish lasts no longer than it was wanted for."""
        self.take_out("c1", for_=30 * MINUTE)
        self.wishes.begin_drain(reason="", timeout=60.0, who="ann")
        self.restart(timedelta(days=-20000))
        assert self.wishes.readiness.by_hand["c1"].until == 5.0 + 1800.0
        assert self.wishes.drain == Drain(5.0, "", 65.0, "ann")
        self.wishes.end_drain()
        self.passes(30 * MINUTE)
        assert self.wanted() == ["ready"] * 3


class DrainTests(WishesCase):
    """All channels out, and back."""

    def test_outweighs_and_forgets_nothing(self) -> None:
        """Drain before a dead IVR before an operator's wish; each comes to light when the one above it ends."""
        self.take_out("c1")
        self.wishes.ivr_is(down=True)
        self.wishes.begin_drain(reason="upgrade", timeout=None, who="ann")
        assert self.wanted() == ["draining"] * 3
        self.wishes.end_drain()
        assert self.wanted() == ["ivr-down"] * 3
        self.wishes.ivr_is(down=False)
        assert self.wanted() == ["repair", "ready", "ready"]

    def test_wish_during_a_drain(self) -> None:
        """What is wanted during a drain counts after it; no channel becomes ready by it."""
        self.take_out("c1", for_=MINUTE)
        self.wishes.begin_drain(reason="", timeout=None, who="ann")
        self.bring_back("c2")
        self.passes(MINUTE)
        assert self.wanted() == ["draining"] * 3
        self.take_out("c3")
        self.wishes.end_drain()
        assert self.wanted() == ["ready", "ready", "repair"]

    def test_said_again(self) -> None:
        """A drain said again is the same drain with another reason and another end."""
        self.wishes.begin_drain(reason="upgrade", timeout=60.0, who="ann")
        self.passes(MINUTE)
        self.wishes.begin_drain(reason="upgrade, longer", timeout=None, who="bob")
        assert self.wishes.drain == Drain(1000.0, "upgrade, longer", inf, "bob")
        assert self.journal.drain == DrainBegun(NOON, "upgrade, longer", None, "bob")

    def test_counts_without_a_journal(self) -> None:
        """Begun and ended at once; whoever asked is told that it is not on disk."""
        self.journal.broken = True
        self.failureResultOf(self.wishes.begin_drain(reason="", timeout=None, who="ann"), JournalUnavailable)
        assert self.wanted() == ["draining"] * 3
        self.failureResultOf(self.wishes.end_drain(), JournalUnavailable)
        assert self.wanted() == ["ready"] * 3

    def test_no_half_drain(self) -> None:
        """An end that no calendar has is refused before anything is done."""
        with pytest.raises((OverflowError, ValueError)):
            self.wishes.begin_drain(reason="", timeout=1e12, who="ann")
        assert (self.wanted(), self.wishes.drain) == (["ready"] * 3, None)
        with pytest.raises((OverflowError, ValueError)):
            self.wishes.by_hand(["c1"], ready=False, reason="", for_=1e12, who="ann")
        assert self.wanted() == ["ready"] * 3


class StoppingTests(WishesCase):
    """The daemon ends."""

    def test_no_way_back(self) -> None:
        """Nothing makes a channel ready any more: no resume, no wish, no end of one; and nothing of it is kept."""
        self.take_out("c1", for_=MINUTE)
        self.wishes.begin_drain(reason="", timeout=None, who="ann")
        self.wishes.stop_serving()
        self.wishes.end_drain()
        self.bring_back("c1", "c2")
        self.wishes.ivr_is(down=False)
        self.passes(HOUR)
        assert self.wanted() == ["draining"] * 3
        assert self.wishes.drain is None
        self.restart()
        assert self.wanted() == ["ready"] * 3

    def test_close(self) -> None:
        """No timer is left, and closing again is nothing."""
        self.take_out("c1", for_=MINUTE)
        self.wishes.close()
        self.wishes.close()
        assert self.clock.getDelayedCalls() == []


class ClockTests(WishesCase):
    """The time of day jumps while we run."""

    def test_jumps_end_nothing(self) -> None:
        """An hour forth or back neither ends a wish of this run nor prolongs it."""
        for jump in (HOUR, -HOUR):
            self.setUp()
            self.take_out("c1", for_=30 * MINUTE)
            self.wall += jump.total_seconds()
            self.wishes.apply()
            assert self.wanted()[0] == "repair"
            self.passes(29 * MINUTE)
            assert self.wanted()[0] == "repair"
            self.passes(MINUTE)
            assert self.wanted()[0] == "ready"

    def test_woken_up_late(self) -> None:
        """A wish that ended while we slept ends when we wake up."""
        self.take_out("c1", for_=MINUTE)
        self.passes(5 * HOUR)
        assert self.wanted()[0] == "ready"
        assert self.clock.getDelayedCalls() == []

    def test_what_is_on_disk_is_a_time_of_day(self) -> None:
        """The end that the next run reads is counted on the clock as it stands when the wish is said."""
        self.wall += HOUR.total_seconds()
        self.take_out("c1", for_=30 * MINUTE)
        wanted: Any = self.journal.readiness["c1"]
        assert (wanted.set_at, wanted.until) == (NOON + HOUR, NOON + HOUR + 30 * MINUTE)
