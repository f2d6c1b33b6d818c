"""Fates are written down without anybody waiting for it, however long the journal fails."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from structlog.testing import capture_logs
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock

from agentchan.journal import JournalError, JournalUnavailable, WriteRefused
from agentchan.journal.writes import SignalSettled, SignalTried, Write
from agentchan.lazy_writes import AGAIN_AFTER, TOGETHER, LazyWrites
from agentchan.vocabulary import Fate

AT = datetime(2026, 11, 24, tzinfo=UTC)
SETTLED = tuple(SignalSettled(f"s{number}", Fate.CONFIRMED, AT, 1) for number in range(3))
TRIED = SignalTried("s9", 1, AT, "reset")


class Book:
    """A journal that takes what it is given, or fails."""

    def __init__(self) -> None:
        self.batches: list[tuple[Write, ...]] = []
        self.failure: JournalError | None = None

    def record(self, batch: list[Write], *, lazily: bool = False) -> Deferred[None]:
        """Keep it."""
        assert lazily
        if self.failure is not None:
            return fail(self.failure)
        self.batches.append(tuple(batch))
        return succeed(None)


@pytest.fixture
def clock() -> Clock:
    """The reactor."""
    return Clock()


@pytest.fixture
def book() -> Book:
    """The journal."""
    return Book()


@pytest.fixture
def writes(clock: Clock, book: Book) -> Iterator[LazyWrites]:
    """Writes; at the end no timer is left."""
    lazy = LazyWrites(clock, book)  # type: ignore[arg-type]  # stands in
    yield lazy
    lazy.flush()
    assert not clock.getDelayedCalls()


def test_together(clock: Clock, book: Book, writes: LazyWrites) -> None:
    """What comes within a moment makes one batch, in order."""
    writes.add(SETTLED[:1])
    writes.add([])
    clock.advance(TOGETHER / 2)
    writes.add(SETTLED[1:])
    assert book.batches == []
    clock.advance(TOGETHER / 2)
    assert book.batches == [SETTLED]


def test_at_the_end(book: Book, writes: LazyWrites) -> None:
    """A flush waits for nothing."""
    writes.add(SETTLED)
    writes.flush()
    writes.flush()
    assert book.batches == [SETTLED]


def test_a_journal_that_fails(clock: Clock, book: Book, writes: LazyWrites) -> None:
    """Fates are tried until they are on disk, before those that came later; tries are not worth it."""
    book.failure = JournalUnavailable("the disk is full")
    writes.add([TRIED, SETTLED[0]])
    clock.advance(TOGETHER)
    writes.add(SETTLED[1:])
    clock.advance(AGAIN_AFTER)
    assert book.batches == []
    book.failure = None
    clock.advance(AGAIN_AFTER)
    assert book.batches == [SETTLED]


def test_what_the_journal_refuses(clock: Clock, book: Book, writes: LazyWrites) -> None:
    """It is not tried for ever: said loudly, once."""
    book.failure = WriteRefused("IntegrityError")
    writes.add(SETTLED)
    with capture_logs() as logs:
        clock.advance(TOGETHER)
    assert [(entry["event"], entry["log_level"]) for entry in logs] == [("fates-refused", "error")]
    book.failure = None
    clock.advance(10 * AGAIN_AFTER)
    assert book.batches == []


def test_what_the_journal_does_not_count_yet(clock: Clock, book: Book, writes: LazyWrites) -> None:
    """A fate counts from the moment it is met, whether it is on disk or not."""
    writes.add([*SETTLED, TRIED])
    assert (writes.settled(Fate.CONFIRMED), writes.settled(Fate.REFUSED)) == (3, 0)
    book.failure = JournalUnavailable("the disk is full")
    clock.advance(TOGETHER)
    assert writes.settled(Fate.CONFIRMED) == 3
    book.failure = None
    clock.advance(AGAIN_AFTER)
    assert writes.settled(Fate.CONFIRMED) == 0
