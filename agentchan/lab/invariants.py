"""What must never happen, looked for in the lab's history and request log, and told in plain language.

Each function takes rows as :meth:`agentchan.lab.pair.Pair.history` and :meth:`agentchan.lab.pair.Pair.requests` give
them, touches nothing else, and returns one sentence for each offence; nothing found: an empty list. Times in the
sentences are the machine's monotonic seconds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from agentchan.lab.denials import readiness_after_denial

__all__ = [
    "applied_while_not_active",
    "readiness_after_denial",
    "readiness_while_old_connection_open",
    "signals_not_applied_once",
    "signals_out_of_order",
    "stuck_channels",
]

Row = Mapping[str, Any]
Rows = Sequence[Row]
Call = tuple[str, str, str]
"""IVR, channel, CallId."""

APPLIED = frozenset({"session-opened", "session-channels", "readiness", "new-call", "gone"})
SIGNALS = frozenset({"new-call", "gone"})
NAMES = {"new-call": "NewCall", "gone": "Gone"}


def readiness_while_old_connection_open(history: Rows) -> list[str]:
    """SetReadiness at a host while the same instance's agent channel to another host was still open.

    The host that is asked looks, in the same instant, whether the IVR has its end of the older connection open; so this
    is right for frozen and dead hosts too. Nothing is found where the kernel does not tell. Two daemons with one
    InstanceId look like one that does it.
    """
    return [
        f"{row['ivr']} set readiness at {row['host']} at {row['monotonic']:.3f} on {row['connection']} while its "
        f"connection {row['details']['connection']} to {row['details']['host']} was still open"
        for row in history
        if row["event"] == "old-connection-open"
    ]


def applied_while_not_active(history: Rows) -> list[str]:
    """Sessions, readiness and signals that a host took while it was not the active one.

    A host that was told to obey a wrong claim about its role is what it claims: then the lab, not the IVR, is at fault.
    """
    found = []
    active: str | None = None
    known = False
    obeyed: dict[str, str | None] = {}
    for row in history:
        host = row["host"]
        if row["event"] == "promoted":
            active, known = host, True
        elif row["event"] == "demoted":
            active, known = None if active == host else active, True
        elif row["event"] == "claimed":
            obeyed[host] = row["details"]["claims"].get("role") if row["details"]["obey"] else None
        elif row["event"] in APPLIED and known:
            role = obeyed.get(host) or ("Active" if host == active else "Standby")
            if role != "Active":
                found.append(
                    f"{host} took {_what(row)} at {row['monotonic']:.3f} while {active or 'no host'} was active"
                )
    return found


def signals_out_of_order(history: Rows, accepted: Iterable[str] | None = None) -> list[str]:
    """NewCalls applied after their call's Gone, and signals of a channel applied in another order than accepted.

    Args:
        history: rows in order.
        accepted: SignalIds in the order in which the IVR's signals were accepted; None: only the first is looked for.
    """
    found = []
    gone: dict[Call, int] = {}
    order = {signal: place for place, signal in enumerate(accepted or ())}
    newest: dict[tuple[str, str], tuple[int, Row]] = {}
    for row in _applications(history):
        call = (row["ivr"], row["channel"], row["call_id"])
        if row["event"] == "restored":
            gone = _known_to_backup(gone, row)
            continue
        if row["event"] == "gone":
            gone.setdefault(call, row["sequence"])
        elif call in gone:
            found.append(f"{_what(row)} was applied at {row['monotonic']:.3f}, after the Gone of the same call")
        place = order.get(row["signal_id"])
        if place is not None:
            before = newest.get(call[:2])
            if before is not None and before[0] > place:
                found.append(f"{_what(before[1])} was applied before {_what(row)}, which was accepted first")
            else:
                newest[call[:2]] = (place, row)
    return found


def signals_not_applied_once(history: Rows, accepted: Iterable[str] | None = None) -> list[str]:
    """Signals that were applied more than once, and accepted ones that were never applied; duplicates do not count.

    Args:
        history: rows in order.
        accepted: the SignalIds that must have been applied; None: only doubling is looked for.
    """
    times: Counter[str] = Counter()
    last: dict[str, int] = {}
    for row in _applications(history):
        if row["event"] == "restored":
            times.subtract(signal for signal, sequence in last.items() if sequence > row["details"]["last_known"])
            continue
        # A contract without SignalIds knows a signal by what it is about.
        signal = row["signal_id"] or f"{NAMES[row['event']]} of {row['call_id']} on {row['channel']} of {row['ivr']}"
        times[signal] += 1
        last[signal] = row["sequence"]
    found = [f"signal {signal} was applied {count} times" for signal, count in times.items() if count > 1]
    return found + [f"signal {signal} was never applied" for signal in accepted or () if signal not in last]


def stuck_channels(history: Rows, open_calls: Collection[tuple[str, str]] = ()) -> list[str]:
    """Channels that hold a call at the end which is not among ``open_calls``, pairs of channel and CallId."""
    held: dict[tuple[str, str], Row] = {}
    gone: dict[Call, int] = {}
    for row in history:
        channel = (row["ivr"], row["channel"])
        call = (*channel, row["call_id"])
        if row["event"] == "restored":
            held = {(ivr, name): {**row, "call_id": call_id} for ivr, name, call_id in row["details"]["held"]}
            gone = _known_to_backup(gone, row)
        elif row["event"] == "stuck":
            held[channel] = row
        elif row["event"] == "new-call" and not row["duplicate"] and call not in gone:
            held.setdefault(channel, row)
        elif row["event"] == "gone" and not row["duplicate"]:
            gone.setdefault(call, row["sequence"])
            if channel in held and held[channel]["call_id"] == row["call_id"]:
                del held[channel]
    return [
        f"{channel} of {ivr} still holds call {row['call_id']}, since {row['monotonic']:.3f}"
        for (ivr, channel), row in held.items()
        if (channel, row["call_id"]) not in open_calls
    ]


def _applications(history: Rows) -> Iterator[Row]:
    for row in history:
        if row["event"] == "restored" or (row["event"] in SIGNALS and not row["duplicate"]):
            yield row


def _known_to_backup(gone: Mapping[Call, int], restored: Row) -> dict[Call, int]:
    return {call: sequence for call, sequence in gone.items() if sequence <= restored["details"]["last_known"]}


def _what(row: Row) -> str:
    if row["event"] in SIGNALS:
        name = NAMES[row["event"]]
        return f"{name} {row['signal_id'] or 'without id'} of call {row['call_id']} on {row['channel']} of {row['ivr']}"
    return f"{row['event']} of {row['ivr']}"
