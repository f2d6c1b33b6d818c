"""Nothing lost, nothing doubled: a short run of what ``make faults`` does at length, and the judge of both."""

from __future__ import annotations

from itertools import count, islice
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from tests.faults.calls import Settings, run, told
from tests.faults.ivr import Call, Said
from tests.faults.judging import accepted, judged
from tests.faults.plan import KINDS, faults, kills

Row = dict[str, Any]
SEED = 5


def test_calls_through_everything(tmp_path: Path) -> None:
    """Calls while CE is switched, killed, frozen and cut and the daemon is killed: each is told once, in order."""
    settings = Settings(calls=150, kills=3, seed=SEED, channels=15, faults=4)
    outcome = run(settings, tmp_path, lambda _line: None)
    assert not outcome.wrong, outcome.wrong
    assert not outcome.judgement.wrong, "\n".join(told(outcome))
    assert len(outcome.ivr.calls) == 150
    assert outcome.killing.kills == 3
    assert outcome.troubles.played.total() >= 4
    assert "applied exactly once" in list(told(outcome))[-1]


def test_a_seed_is_a_plan() -> None:
    """One seed is the same faults and the same kills each time, and every kind of fault comes in each round."""
    round_of = sum(KINDS.values())
    first = list(islice(faults(1), round_of))
    assert first == list(islice(faults(1), round_of))
    assert first != list(islice(faults(2), round_of))
    assert {fault.kind for fault in first} == KINDS.keys()
    planned = kills(1, 20_000, 50)
    assert planned == kills(1, 20_000, 50) != kills(2, 20_000, 50)
    assert sum(1 + (kill.again is not None) for kill in planned) == 50


def call(call_id: str, channel: str = "c1") -> Call:
    """A call of the IVR's, with both signals."""
    said = Said("new-call", f"n-{call_id}", 1, 10.0, 10.1)
    return Call(channel, call_id, said, evolve(said, kind="gone", signal_id=f"g-{call_id}"))


def history(*words: str) -> list[Row]:
    """Rows of a pair's history: ``n-1``, ``g-1``, ``n-1 again``, or ``n-2@c2`` for another channel."""
    rows = []
    for sequence, word in zip(count(1), words, strict=False):
        name, _, again = word.partition(" ")
        signal_id, _, channel = name.partition("@")
        rows.append(
            {
                "sequence": sequence,
                "monotonic": 10.0 + sequence,
                "host": "ce1",
                "event": "new-call" if signal_id.startswith("n") else "gone",
                "channel": channel or "c1",
                "call_id": signal_id.split("-")[1],
                "signal_id": signal_id,
                "connection": "ce1-connector-1",
                "duplicate": bool(again),
            }
        )
    return rows


def test_judge_of_a_good_history() -> None:
    """Repeats do no harm, and a signal of the daemon's own is counted apart."""
    calls = [call("1"), call("2"), call("3", "c2")]
    rows = history("n-1", "n-1 again", "n-3@c2", "g-1", "n-2", "g-2", "g-2-mend", "g-3@c2")
    found = judged(calls, rows)
    assert found.wrong == {}
    assert (found.repeats, len(found.repairs), found.slowest) == (1, 1, 8.0)
    assert accepted(calls) == ["n-1", "g-1", "n-2", "g-2", "n-3", "g-3"]


@pytest.mark.parametrize(
    ("rows", "call_id", "fault"),
    [
        (history("n-1", "n-2", "g-2"), "1", "its accepted gone g-1 was applied 0 times"),
        (history("n-1", "g-1", "g-1", "n-2", "g-2"), "1", "its accepted gone g-1 was applied 2 times"),
        (history("g-1", "n-1", "n-2", "g-2"), "1", "a NewCall was applied after its Gone"),
        (history("n-2", "g-2", "n-1", "g-1"), "1", "not in its place among the calls of c1"),
        (history("n-1", "g-1", "n-2@c2", "g-2@c2"), "2", "applied to another channel than c1"),
        (history("n-1", "g-1", "n-2", "g-2", "n-9", "g-9"), "9", "a call that the IVR never made"),
    ],
)
def test_judge_finds_what_is_wrong(rows: list[Row], call_id: str, fault: str) -> None:
    """A signal lost or doubled, out of order, on another channel or from nowhere: told by call, with its history."""
    wrong = judged([call("1"), call("2")], rows).wrong
    assert any(fault in text for text in wrong[call_id]), wrong
    assert any("ce1 took" in text for text in wrong[call_id])


def test_judge_of_a_forgotten_gone() -> None:
    """Where the script forgot a Gone, the daemon's own stands for it, once."""
    calls = [evolve(call("1"), gone=None), call("2")]
    assert judged(calls, history("n-1", "g-1-own", "n-2", "g-2")).wrong == {}
    assert judged(calls, history("n-1", "g-1-own", "n-2", "g-2")).repairs == []
    assert "stands for was not applied once" in judged(calls, history("n-1", "n-2", "g-2")).wrong["1"][0]
