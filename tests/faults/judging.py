"""What has become of each call, by the pair's own history: nothing lost, nothing doubled, all in order."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from attrs import field, frozen

from tests.faults.ivr import Call, Said

Row = Mapping[str, Any]
KINDS = ("new-call", "gone")


@frozen
class Judgement:
    """What was found.

    Attributes:
        wrong: what is wrong with a call, by its id; with the rows of history that show it.
        repairs: signals of the daemon's own that were applied, each as it is told.
        repeats: signals that CE has heard more than once, and applied once.
        slowest: seconds from the IVR's first word to CE's application, of the signal that took longest.
    """

    wrong: Mapping[str, list[str]] = field(factory=dict)
    repairs: Sequence[str] = ()
    repeats: int = 0
    slowest: float = 0.0


def accepted(calls: Iterable[Call]) -> list[str]:
    """The SignalIds that the IVR was given, those of each channel in the order in which they were accepted."""
    return [said.signal_id for call in calls for said in _said(call)]


def judged(calls: Sequence[Call], history: Iterable[Row]) -> Judgement:
    """Hold what the IVR was promised against what CE has applied."""
    rows: dict[str, list[Row]] = defaultdict(list)
    applied: dict[str, list[str]] = defaultdict(list)
    for row in history:
        if row["event"] in KINDS:
            rows[row["call_id"]].append(row)
            if not row["duplicate"] and row["call_id"] not in applied[row["channel"]]:
                applied[row["channel"]].append(row["call_id"])
    wrong = {call.call_id: found for call in calls if (found := _wrong(call, rows[call.call_id]))}
    order: dict[str, list[str]] = defaultdict(list)
    for call in calls:
        order[call.channel].append(call.call_id)
    for channel, made in order.items():
        for call_id in _misplaced(made, applied[channel]):
            wrong.setdefault(call_id, []).append(f"not in its place among the calls of {channel}")
    for call_id in rows.keys() - {call.call_id for call in calls}:
        wrong[call_id] = ["a call that the IVR never made"]
    for call_id, found in wrong.items():
        found.extend(map(_told, rows[call_id]))
    promised = set(accepted(calls))
    forgotten = {call.call_id for call in calls if call.gone is None}
    heard = Counter(row["signal_id"] for each in rows.values() for row in each)
    return Judgement(
        wrong,
        repairs=[
            f"{call_id}: {_told(row)}"
            for call_id, each in rows.items()
            for row in each
            if row["signal_id"] not in promised
            and not row["duplicate"]
            and not (row["event"] == "gone" and call_id in forgotten)
        ],
        repeats=sum(count > 1 for count in heard.values()),
        slowest=max((_slowest(call, rows[call.call_id]) for call in calls), default=0.0),
    )


def _said(call: Call) -> Iterator[Said]:
    yield call.new_call
    if call.gone is not None:
        yield call.gone


def _wrong(call: Call, rows: Sequence[Row]) -> list[str]:
    found = []
    if {row["channel"] for row in rows} - {call.channel}:
        found.append(f"applied to another channel than {call.channel}")
    applied = [row for row in rows if not row["duplicate"]]
    for said in _said(call):
        times = sum((row["event"], row["signal_id"]) == (said.kind, said.signal_id) for row in applied)
        if times != 1:
            found.append(f"its accepted {said.kind} {said.signal_id} was applied {times} times")
    if call.gone is None and sum(row["event"] == "gone" for row in applied) != 1:
        found.append("the Gone that the channel's next call stands for was not applied once")
    events = [row["event"] for row in applied]
    if "gone" in events and "new-call" in events[events.index("gone") :]:
        found.append("a NewCall was applied after its Gone")
    return found


def _misplaced(made: Sequence[str], applied: Sequence[str]) -> list[str]:
    """The calls that were applied in another order than they were made in."""
    places = {call_id: place for place, call_id in enumerate(made)}
    known = [call_id for call_id in applied if call_id in places]
    return [later for before, later in pairwise(known) if places[later] < places[before]]


def _slowest(call: Call, rows: Sequence[Row]) -> float:
    first = {row["signal_id"]: float(row["monotonic"]) for row in reversed(rows)}
    return max((first[said.signal_id] - said.began for said in _said(call) if said.signal_id in first), default=0.0)


def _told(row: Row) -> str:
    repeated = ", a repeat" if row["duplicate"] else ""
    return (
        f"{row['monotonic']:.3f} {row['host']} took {row['event']} {row['signal_id']} on {row['connection']}{repeated}"
    )
