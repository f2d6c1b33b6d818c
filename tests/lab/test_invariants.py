"""Made-up histories and request logs: what must never happen is found, and what may happen is not."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from agentchan.lab import invariants

Rows = list[dict[str, Any]]


# -- readiness after a denial ------------------------------------------------------------------------------------------


class Log:
    """Writes a request log; times are in milliseconds."""

    def __init__(self) -> None:
        self.rows: Rows = []

    def ask(self, at: float, host: str, operation: str, connection: str = "a", *, read: float | None = None) -> None:
        """A request arrives, and is read at once or later."""
        self._add(read or at, host, connection, what="request", operation=operation, arrived=at / 1000)

    def say(
        self,
        at: float,
        host: str,
        connection: str = "a",
        *,
        operation: str = "Heartbeat",
        wrong: str | None = None,
        what: str = "answered",
        **says: str,
    ) -> None:
        """A host answers."""
        self._add(at, host, connection, what=what, operation=operation, status=200, wrong=wrong, says=says)

    def close(self, at: float, host: str, connection: str = "a") -> None:
        """A connection is closed."""
        self._add(at, host, connection, what="closed")

    def _add(self, at: float, host: str, connection: str, **more: Any) -> None:
        name = f"{host}-{connection}"
        self.rows.append({"monotonic": at / 1000, "host": host, "service": "x", "connection": name, **more})
        self.rows.sort(key=lambda row: row["monotonic"])

    def offences(self, **how: Any) -> list[str]:
        """What is found."""
        return invariants.readiness_after_denial(self.rows, **how)


@pytest.fixture
def log() -> Log:
    """An empty log."""
    return Log()


@pytest.mark.parametrize("operation", ["SetReadiness", "OpenSession"])
def test_denied_on_the_same_connection(log: Log, operation: str) -> None:
    """After NotActive on a connection nothing more may be asked for on it, however soon."""
    log.ask(0, "ce1", "SetReadiness")
    log.say(1, "ce1", operation="SetReadiness", Code="NotActive")
    log.ask(1.1, "ce1", operation)
    (found,) = log.offences(link_is_shared=True)
    assert found == (
        f"{operation} reached ce1 at 0.001 on ce1-a, although ce1 had said at 0.001 on ce1-a that it is not active"
    )
    assert log.offences() == [found]


def test_the_denied_request_itself(log: Log) -> None:
    """The request that is answered with NotActive is no offence, nor are others than readiness and sign-on."""
    log.ask(0, "ce1", "OpenSession")
    log.say(1, "ce1", operation="OpenSession", Code="NotActive")
    log.ask(2, "ce1", "Heartbeat")
    log.ask(3, "ce1", "NewCall")
    log.ask(4, "ce1", "CloseSession")
    assert log.offences() == []


@pytest.mark.parametrize("says", [{"Role": "Standby", "Generation": "2"}, {"Code": "NotActive"}])
def test_denied_on_another_connection(log: Log, says: dict[str, str]) -> None:
    """An answer is surely known when the next request on its connection has arrived; then it counts everywhere."""
    log.say(0, "ce1", "link", **says)
    log.ask(1, "ce1", "WatchServerStatus", "link")
    log.ask(20, "ce1", "SetReadiness")
    assert len(log.offences()) == 1
    assert log.offences(link_is_shared=True) == []


def test_answer_in_flight(log: Log) -> None:
    """As long as nothing shows that an answer was read, the IVR may not know it yet."""
    log.say(0, "ce1", "link", Role="Standby", Generation="2")
    log.ask(900, "ce1", "SetReadiness")
    log.ask(950, "ce1", "WatchServerStatus", "link")
    assert log.offences() == []
    log.ask(1000, "ce1", "SetReadiness")
    assert len(log.offences()) == 1


def test_answer_in_flight_for_too_long(log: Log) -> None:
    """After a second an answer counts as read."""
    log.say(0, "ce1", "link", Role="Standby", Generation="2")
    log.ask(1020, "ce1", "SetReadiness")
    assert len(log.offences()) == 1


def test_hung_up_and_asked_again(log: Log) -> None:
    """Who hangs up upon NotActive has read it: dialing the same host again is an offence."""
    log.ask(0, "ce1", "OpenSession", "a")
    log.say(1, "ce1", "a", operation="OpenSession", Code="NotActive")
    log.close(2, "ce1", "a")
    log.ask(20, "ce1", "OpenSession", "b")
    assert len(log.offences()) == 1


def test_unheard_answer(log: Log) -> None:
    """An answer to a caller that had hung up before tells nothing."""
    log.say(0, "ce1", "link", what="unheard", Role="Standby", Generation="2")
    log.close(1, "ce1", "link")
    log.ask(2000, "ce1", "SetReadiness")
    assert log.offences() == []


@pytest.mark.parametrize("wrong", ["truncated", "wrong-namespace", "wrong-types", "dtd", "close-mid-reply"])
def test_answers_that_cannot_be_understood(log: Log, wrong: str) -> None:
    """A mangled answer tells nothing; a true fault on order does."""
    log.say(0, "ce1", wrong=wrong, Role="Standby")
    log.ask(1, "ce1", "SetReadiness")
    assert log.offences() == []
    log.say(2, "ce1", wrong="not-active", Code="NotActive")
    log.ask(3, "ce1", "SetReadiness")
    assert len(log.offences()) == 1


def test_read_late(log: Log) -> None:
    """What counts is when a request arrived, not when a frozen host came to read it."""
    log.say(0, "ce1", "link", Role="Active", Generation="1")
    log.say(100, "ce1", "link", Role="Standby", Generation="2")
    log.ask(120, "ce1", "WatchServerStatus", "link")
    log.ask(110, "ce1", "SetReadiness", read=5000)
    assert log.offences() == []
    log.ask(140, "ce1", "SetReadiness", read=5001)
    assert len(log.offences()) == 1


@pytest.mark.parametrize(
    "word",
    [
        {"Role": "Active", "Generation": "3"},
        {"operation": "OpenSession", "Generation": "3"},
        {"operation": "WatchServerStatus", "Role": "Active", "Generation": "3", "Domain": "lab"},
    ],
)
def test_active_again(log: Log, word: dict[str, str]) -> None:
    """The host's own word Active takes the denial back, as soon as it may have been read."""
    log.say(0, "ce1", "link", Role="Standby", Generation="2")
    log.ask(1, "ce1", "WatchServerStatus", "link")
    log.say(100, "ce1", "link", **word)
    log.ask(101, "ce1", "SetReadiness")
    assert log.offences() == []


def test_denied_by_the_other_host(log: Log) -> None:
    """Another host that is active in a higher generation denies it too: a frozen host says nothing itself."""
    log.say(0, "ce1", Role="Active", Generation="7", Domain="lab")
    log.say(10, "ce2", "link", Role="Active", Generation="8", Domain="lab")
    log.ask(11, "ce2", "WatchServerStatus", "link")
    log.ask(50, "ce1", "SetReadiness")
    (found,) = log.offences()
    assert found.endswith("although ce2 had said at 0.010 on ce2-link that it is active in generation 8")
    assert log.offences(pinned=["ce1"]) == []


@pytest.mark.parametrize(
    "word",
    [
        {"Role": "Active", "Generation": "7", "Domain": "lab"},
        {"Role": "Standby", "Generation": "8", "Domain": "lab"},
        {"Role": "Active", "Generation": "8", "Domain": "elsewhere"},
    ],
)
def test_not_denied_by_the_other_host(log: Log, word: dict[str, str]) -> None:
    """A host of the same generation, a standby, or a host of another domain denies nobody."""
    log.say(0, "ce1", Role="Active", Generation="7", Domain="lab")
    log.say(10, "ce2", "link", **word)
    log.ask(11, "ce2", "WatchServerStatus", "link")
    log.ask(50, "ce1", "SetReadiness")
    assert log.offences() == []


def test_words_that_cross(log: Log) -> None:
    """Where an older and a newer word may each be the last that was read, the IVR gets the benefit of the doubt."""
    log.say(0, "ce1", "link", Role="Active", Generation="7")
    log.say(1, "ce1", "lane", operation="NewCall", Code="NotActive")
    log.ask(2, "ce1", "SetReadiness")
    assert log.offences() == []
    log.ask(3, "ce1", "NewCall", "lane")
    log.ask(20, "ce1", "SetReadiness")
    assert len(log.offences()) == 1


def test_never_told(log: Log) -> None:
    """A host that has said nothing yet may be asked."""
    log.ask(0, "ce1", "OpenSession")
    log.say(0, "ce2", Role="Active", Generation="7")
    log.ask(2000, "ce1", "OpenSession", "b")
    assert log.offences() == []


def test_connectors_that_are_asked(log: Log) -> None:
    """Without a Component Service OpenSession is the question who is active; SetReadiness stays an offence."""
    log.say(0, "ce1", Code="NotActive")
    log.ask(10, "ce1", "OpenSession")
    log.say(11, "ce1", Code="NotActive")
    log.ask(20, "ce1", "SetReadiness")
    (found,) = log.offences(connector_answers=True)
    assert found.startswith("SetReadiness")


# -- the history -------------------------------------------------------------------------------------------------------


def _history(*rows: dict[str, Any]) -> Rows:
    usual = {"ivr": None, "channel": None, "call_id": None, "signal_id": None, "connection": None, "details": None}
    return [
        {"sequence": sequence, "monotonic": float(sequence), "host": "ce1", "duplicate": None, **usual, **row}
        for sequence, row in zip(itertools.count(1), rows, strict=False)
    ]


def _event(event: str, host: str = "ce1", **more: Any) -> dict[str, Any]:
    return {"event": event, "host": host, "ivr": "ivr1", **more}


def _signal(event: str, signal: str | None, call: str = "call", **more: Any) -> dict[str, Any]:
    return {"duplicate": False, **_event(event, signal_id=signal, call_id=call, channel="c1"), **more}


PROMOTED, DEMOTED = _event("promoted"), _event("demoted")
CLAIM = {"claims": {"role": "Active"}, "obey": True}


def test_old_connection_open() -> None:
    """Readiness at a new host while the old host's connection was open is told."""
    row = _event("old-connection-open", "ce2", connection="n", details={"host": "ce1", "connection": "o"})
    assert invariants.readiness_while_old_connection_open(_history(PROMOTED, row)) == [
        "ivr1 set readiness at ce2 at 2.000 on n while its connection o to ce1 was still open"
    ]
    assert invariants.readiness_while_old_connection_open(_history(PROMOTED)) == []


@pytest.mark.parametrize("event", ["session-opened", "session-channels", "readiness", "new-call", "gone"])
def test_applied_while_not_active(event: str) -> None:
    """Whatever a host applies while another one, or none, is active is told; what the active one applies is not."""
    taken = _signal(event, "s")
    assert invariants.applied_while_not_active(_history(taken, PROMOTED, taken)) == []
    assert len(invariants.applied_while_not_active(_history(PROMOTED, {**taken, "host": "ce2"}))) == 1
    assert len(invariants.applied_while_not_active(_history(PROMOTED, DEMOTED, taken))) == 1
    switched = [PROMOTED, DEMOTED, _event("promoted", "ce2")]
    assert invariants.applied_while_not_active(_history(*switched, {**taken, "host": "ce2"})) == []
    (found,) = invariants.applied_while_not_active(_history(*switched, taken))
    assert "at 4.000 while ce2 was active" in found
    assert invariants.applied_while_not_active(_history(*switched, _event("refused"), _event("session-closed"))) == []


def test_obeyed_claims() -> None:
    """What a host applies by a claim that it was told to obey is the lab's own doing, as long as it obeys."""
    claimed = _event("claimed", "ce2", details=CLAIM)
    behaves = _event("claimed", "ce2", details={"claims": {}, "obey": False})
    taken = _signal("gone", "s", host="ce2")
    assert invariants.applied_while_not_active(_history(PROMOTED, claimed, taken)) == []
    assert len(invariants.applied_while_not_active(_history(PROMOTED, claimed, behaves, taken))) == 1
    only_said = _event("claimed", "ce2", details={**CLAIM, "obey": False})
    assert len(invariants.applied_while_not_active(_history(PROMOTED, only_said, taken))) == 1


def test_new_call_after_its_gone() -> None:
    """A NewCall applied after the Gone of the same call is told; a duplicate, or another call, is not."""
    gone, new_call = _signal("gone", "g"), _signal("new-call", "n")
    assert invariants.signals_out_of_order(_history(new_call, gone)) == []
    (found,) = invariants.signals_out_of_order(_history(gone, new_call))
    assert found == "NewCall n of call call on c1 of ivr1 was applied at 2.000, after the Gone of the same call"
    assert invariants.signals_out_of_order(_history(new_call, gone, {**new_call, "duplicate": True})) == []
    assert invariants.signals_out_of_order(_history(gone, {**new_call, "call_id": "next"})) == []
    assert invariants.signals_out_of_order(_history(gone, {**new_call, "channel": "c2"})) == []


def test_order_of_acceptance() -> None:
    """Signals of a channel are applied in the order in which they were accepted; channels have no order among them."""
    rows = [_signal("gone", f"s{number}", f"call-{number}") for number in range(3)]
    accepted = ["s0", "s1", "s2"]
    assert invariants.signals_out_of_order(_history(*rows), accepted) == []
    (found,) = invariants.signals_out_of_order(_history(rows[1], rows[0], rows[2]), accepted)
    assert found.startswith("Gone s1 of call call-1 on c1 of ivr1 was applied before Gone s0")
    rows[0]["channel"] = "c2"
    assert invariants.signals_out_of_order(_history(rows[1], rows[0], rows[2]), accepted) == []


def test_accepted_but_not_applied() -> None:
    """An accepted signal that was never applied is told, also if only duplicates of it were seen."""
    rows = _history(_signal("gone", "a"), _signal("gone", "b", duplicate=True), _event("refused", signal_id="c"))
    assert invariants.signals_not_applied_once(rows, ["a"]) == []
    assert invariants.signals_not_applied_once(rows, ["a", "b", "c"]) == [
        "signal b was never applied",
        "signal c was never applied",
    ]


@pytest.mark.parametrize("accepted", [None, ["a"]])
def test_applied_twice(accepted: list[str] | None) -> None:
    """A signal that was applied more than once is told; duplicates do not count."""
    once, again = _signal("gone", "a"), _signal("gone", "a", duplicate=True)
    assert invariants.signals_not_applied_once(_history(once, again), accepted) == []
    assert invariants.signals_not_applied_once(_history(once, again, once), accepted) == [
        "signal a was applied 2 times"
    ]


def test_applied_twice_without_id() -> None:
    """Where the contract has no SignalIds a signal is known by its call."""
    rows = _history(_signal("new-call", None), _signal("gone", None), _signal("gone", None))
    assert invariants.signals_not_applied_once(rows) == ["signal Gone of call on c1 of ivr1 was applied 2 times"]


def test_after_a_restore() -> None:
    """What a restored backup does not know may, and must, be applied again."""
    restored = _event("restored", details={"last_known": 1, "held": []})
    gone, new_call = _signal("gone", "g"), _signal("new-call", "n")
    rows = _history(new_call, gone, restored, new_call, gone)
    assert invariants.signals_not_applied_once(rows, ["n", "g"]) == ["signal n was applied 2 times"]
    assert invariants.signals_out_of_order(rows) == []
    known = _event("restored", details={"last_known": 2, "held": []})
    rows = _history(new_call, gone, known, new_call, gone)
    assert len(invariants.signals_out_of_order(rows)) == 1


def test_stuck_channels() -> None:
    """A channel that holds a call at the end is told, unless the call is still open."""
    new_call, gone = _signal("new-call", "n"), _signal("gone", "g")
    assert invariants.stuck_channels(_history(new_call)) == ["c1 of ivr1 still holds call call, since 1.000"]
    assert invariants.stuck_channels(_history(new_call), [("c1", "call")]) == []
    assert len(invariants.stuck_channels(_history(new_call), [("c1", "other")])) == 1
    assert invariants.stuck_channels(_history(new_call, gone)) == []
    assert invariants.stuck_channels(_history(gone, new_call)) == []
    assert len(invariants.stuck_channels(_history(new_call, {**gone, "call_id": "other"}))) == 1
    assert len(invariants.stuck_channels(_history(new_call, {**gone, "duplicate": True}))) == 1
    assert invariants.stuck_channels(_history({**new_call, "duplicate": True})) == []


def test_stuck_by_order_and_by_restore() -> None:
    """Channels that the lab made stuck, or a restore brought back, are stuck until their Gone."""
    gone, ghost = _signal("gone", "g"), _event("stuck", channel="c1", call_id="ghost")
    assert len(invariants.stuck_channels(_history(ghost))) == 1
    assert invariants.stuck_channels(_history(ghost, {**gone, "call_id": "ghost"})) == []
    new_call = _signal("new-call", "n")
    restored = _event("restored", details={"last_known": 1, "held": [["ivr1", "c1", "call"]]})
    rows = _history(new_call, gone, restored)
    assert len(invariants.stuck_channels(rows)) == 1
    assert invariants.stuck_channels(_history(new_call, gone, restored, {**gone, "signal_id": "h"})) == []
