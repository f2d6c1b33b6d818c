"""A damaged journal is set aside for a fresh one; what this run knows is written into that."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred

from agentchan.api.requests import GoneRequest
from agentchan.journal import JournalUnavailable
from agentchan.rewriting import AGAIN_AFTER
from agentchan.vocabulary import ChannelReport, ChannelState, Fate, Gone, Meaning, Reply
from tests.signals.house import House, result, short

Make = Callable[..., House]
BUSY = ChannelState.BUSY


def lose_everything(house: House) -> None:
    """As if nothing could be rescued."""

    def empty(connection: object) -> None:
        for table in ("signal", "call"):
            connection.execute(f"DELETE FROM {table}")  # type: ignore[attr-defined]  # noqa: S608 - constants

    result(house.journal.ask(empty))


def busy_house(make: Make) -> House:
    """A house with signals in every state."""
    house = make()
    house.new_call("c1", "1", caller="+491", signal_id="n1")
    house.confirm(BUSY, token="t1")
    house.new_call("c2", "2", signal_id="n2")
    house.gone("c2", "2", signal_id="g2")
    house.new_call("c2", "3", signal_id="n3")
    house.gone("c3", "9", signal_id="g9")
    house.clock.advance(5.0)
    house.lose(house.taken())
    refused = house.taken()
    assert short(refused) == "Gone 9"
    house.answer(refused, Reply(Meaning.REFUSED, "no such call"))
    house.clock.advance(5.0)
    house.delivering.writes.flush()
    return house


def state(house: House) -> dict[str, object]:
    """What a restart would find."""
    signals = result(house.journal.signals(limit=100))
    counts = house.journal.counts
    return {
        "signals": [
            (kept.signal, kept.fate, kept.accepted_at, round(house.clock.seconds() - kept.accepted, 3), kept.attempts)
            for kept in reversed(signals)
            if kept.fate is not Fate.CONFIRMED
        ],
        "calls": [result(house.journal.call(*call)) for call in (("c1", "1"), ("c2", "2"), ("c2", "3"), ("c3", "9"))],
        "pending": (counts.pending, counts.refused),
    }


def test_everything_that_somebody_waits_for(make: Make) -> None:
    """Pending signals in their order, refused Gones, and the calls, with all that is known of them."""
    house = busy_house(make)
    before = state(house)
    lose_everything(house)
    result(house.rewriting.begin())
    after = state(house)
    assert after["pending"] == before["pending"]
    by_channel = [
        sorted(rows, key=lambda row: row[0].channel)
        for rows in (before["signals"], after["signals"])  # type: ignore[attr-defined]
    ]
    assert by_channel[1] == by_channel[0]
    house = house.restarted()
    assert house.pending("c2") == ["NewCall 2", "Gone 2", "NewCall 3"]
    assert house.outbox.refused == {} or house.pending("c3") == ["Gone 9"]
    (first, second) = house.calls.open()
    assert {(call.channel, call.call_id, call.new_call, call.call_token) for call in (first, second)} == {
        ("c1", "1", "n1", "t1"),
        ("c2", "3", "n3", None),
    }
    assert house.gone("c2", "2").signal_id == "g2"
    assert house.new_call("c1", "1").signal_id == "n1"
    house.closed()


def test_what_was_rescued_is_not_there_twice(make: Make) -> None:
    """Whatever the rescue has saved keeps its id; the order within each channel is that of memory."""
    house = busy_house(make)
    delete = "DELETE FROM signal WHERE signal_id = 'n2'"
    result(house.journal.ask(lambda connection: connection.execute(delete).rowcount))
    result(house.rewriting.begin())
    assert house.journal.counts.pending == 3
    house = house.restarted()
    assert house.pending("c2") == ["NewCall 2", "Gone 2", "NewCall 3"]
    house.closed()


def test_signals_that_are_accepted_meanwhile(make: Make) -> None:
    """Each channel is written again in its turn: what is accepted meanwhile goes after it, on disk too."""
    house = busy_house(make)
    lose_everything(house)
    house.journal.waits = True
    rewriting = house.rewriting.begin()
    later = Deferred.fromCoroutine(house.accepting.gone(GoneRequest("c2", "ivr", "3")))
    while not (rewriting.called and later.called):
        house.journal.work()
    house.journal.waits = False
    house = house.restarted()
    assert house.pending("c2") == ["NewCall 2", "Gone 2", "NewCall 3", "Gone 3"]
    house.closed()


def test_a_journal_that_fails_again(make: Make) -> None:
    """It is tried until it works, or the daemon ends."""
    house = busy_house(make)
    lose_everything(house)
    house.journal.fail()
    rewriting = house.rewriting.begin()
    house.clock.advance(AGAIN_AFTER)
    assert not rewriting.called
    house.journal.heal()
    house.clock.advance(AGAIN_AFTER)
    result(rewriting)
    assert house.journal.counts.pending == 3
    house.journal.fail()
    rewriting = house.rewriting.begin()
    house.rewriting.stop()
    house.clock.advance(AGAIN_AFTER)
    result(rewriting)
    house.journal.heal()


def test_while_the_signals_of_earlier_runs_are_read(house: House) -> None:
    """It waits until they are here."""
    house.gone()
    house = house.restarted(load=False)
    rewriting = house.rewriting.begin()
    house.clock.advance(AGAIN_AFTER)
    assert not rewriting.called
    house.load()
    house.clock.advance(AGAIN_AFTER)
    result(rewriting)
    house.closed()


def test_a_call_that_has_left_memory(house: House) -> None:
    """Its pending signals tell enough of it."""
    house.new_call(signal_id="n1")
    house.gone(signal_id="g1")
    house.calls._known.clear()
    lose_everything(house)
    result(house.rewriting.begin())
    house = house.restarted()
    assert house.gone().signal_id == "g1"
    assert house.pending() == ["NewCall 1", "Gone 1"]
    house.closed()


def look_at_all(house: House, names: list[str]) -> None:
    """Read every signal."""
    for name in names:
        result(house.journal.signals(channel=name))


def test_a_file_that_is_really_damaged(make: Make, tmp_path: Path) -> None:
    """From the damage to a restart: nothing that was accepted is lost."""
    names = [f"c{number}" for number in range(60)]
    house = make(names=names)
    for number, name in enumerate(names):
        house.new_call(name, f"call-{number}", caller="+49301234567890" * 10)
        house.gone(name, f"call-{number}")
    result(house.journal.close())
    house.journal._open = True
    path = tmp_path / "journal.sqlite3"
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 3)
        file.write(b"\xa5" * (size // 3))
    house.journal.load()
    if house.journal.health.set_aside is None:
        with pytest.raises(JournalUnavailable):
            look_at_all(house, names)
    assert house.journal.health.set_aside is not None
    result(house.rewriting.begin())
    house = house.restarted(names=names)
    for number, name in enumerate(names):
        assert house.pending(name) == [f"NewCall call-{number}", f"Gone call-{number}"]
    house.closed()


def test_gones_that_free_a_stranger(house: House) -> None:
    """A mend is a signal like any other."""
    house.report("c1", BUSY, "stranger")
    gone = result(house.repairing.free("c1", "operator"))
    assert isinstance(gone, Gone)
    lose_everything(house)
    result(house.rewriting.begin())
    house = house.restarted()
    assert house.pending() == ["Gone stranger (freed)"]
    house.signed_on(ChannelReport("c1", BUSY, "stranger"))
    assert house.pending() == ["Gone stranger (freed)"]
    house.closed()
