"""What interfaces.md 3 says of signals and calls, sentence by sentence, against a real daemon and a real pair."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.end_to_end.daemons import RunningDaemon, Stage, wait_until
from tests.end_to_end.doors import Door

TABLES = {
    "api": {"listen": "127.0.0.1:0"},
    "ivr.aliases": {'"sip:7001@pbx.example.com"': "ivr1-01"},
    "signals": {"reply_timeout": "5s"},
}
PENDING = {"signal_id", "fate", "repeated"}
BOTH = (Door.listen_of, Door.socket_of)

Story = Callable[[Stage, RunningDaemon, Door], None]
STORIES: dict[str, Story] = {}
"""The sentences, and what proves each."""


def says(sentence: str) -> Callable[[Story], Story]:
    """The story that proves a sentence."""

    def kept(story: Story) -> Story:
        assert sentence not in STORIES
        STORIES[sentence] = story
        return story

    return kept


def applied(stage: Stage, event: str, call_id: str) -> list[dict[str, Any]]:
    """What the pair's history has of a call: the signals that have changed something."""
    rows = [row for row in stage.pair.history() if row["event"] == event and row["call_id"] == call_id]
    return [row for row in rows if not row["duplicate"]]


def code_of(answer: Any) -> tuple[int, str]:
    """Status and code of an error."""
    return answer.status, answer.code


# POST /v1/new-call.


@says("body (JSON or form): channel (or an alias), call_id, optional caller, called, started_at")
def _new_call_bodies(stage: Stage, _daemon: RunningDaemon, door: Door) -> None:
    call = {"caller": "+491", "called": "+492", "started_at": "2026-11-24T14:05:00+01:00"}
    assert door.new_call("sip:7001@pbx.example.com", door.named("json"), "5s", **call).status == 200
    form = urlencode({"channel": "ivr1-02", "call_id": door.named("form"), **call}).encode()
    answer = door.ask("POST", "/v1/new-call?wait=5s", form, Content_Type="application/x-www-form-urlencoded")
    assert answer.status == 200
    assert stage.pair.channels()["ivr1-01"]["call_id"] == door.named("json")
    assert stage.pair.channels()["ivr1-02"]["call_id"] == door.named("form")
    for channel, call_id in (("ivr1-01", door.named("json")), ("ivr1-02", door.named("form"))):
        assert door.gone(channel, call_id, "5s").status == 200


@says('answers only after the signal is on disk: 202 {"signal_id", "fate": "pending"}')
def _new_call_is_accepted(stage: Stage, daemon: RunningDaemon, door: Door) -> None:
    stage.pair.slow("ce1", 0.5, operation="NewCall")
    answer = door.new_call("ivr1-01", door.named("accepted"))
    assert (answer.status, answer.json["fate"]) == (202, "pending")
    daemon.kill()
    daemon.start()
    row = daemon.ask("signals", "show", answer.json["signal_id"])
    assert row["call_id"] == door.named("accepted")
    Door.socket_of(daemon).gone("ivr1-01", door.named("accepted"), "10s")


@says("with ?wait=2s, 200 as soon as CE has confirmed it, else 202")
def _new_call_waits(stage: Stage, _daemon: RunningDaemon, door: Door) -> None:
    answer = door.new_call("ivr1-01", door.named("waits"), "10s")
    assert (answer.status, answer.json["fate"]) == (200, "confirmed")
    stage.pair.answer_wrongly("ce1", "hold", operation="Gone", times=1)
    answer = door.gone("ivr1-01", door.named("waits"), "200ms")
    assert (answer.status, answer.json["fate"]) == (202, "pending")
    stage.pair.release("ce1")
    answer = door.gone("ivr1-01", door.named("waits"), "10s")
    assert (answer.status, answer.json["fate"]) == (200, "confirmed")


@says("Repeated: the same signal_id, no second signal")
def _new_call_repeats(stage: Stage, daemon: RunningDaemon, door: Door) -> None:
    first = door.new_call("ivr1-01", door.named("repeats")).json
    assert set(first) == PENDING
    assert door.new_call("ivr1-01", door.named("repeats"), "5s").json["signal_id"] == first["signal_id"]
    gone = door.gone("ivr1-01", door.named("repeats"), "5s").json
    assert door.gone("ivr1-01", door.named("repeats")).json == {**gone, "repeated": True}
    daemon.kill()
    daemon.start()
    again = Door.socket_of(daemon).gone("ivr1-01", door.named("repeats")).json
    assert (again["signal_id"], again["repeated"]) == (gone["signal_id"], True)
    assert [len(applied(stage, event, door.named("repeats"))) for event in ("new-call", "gone")] == [1, 1]


@says("After the call's Gone: 409 call-ended")
def _new_call_after_gone(_stage: Stage, _daemon: RunningDaemon, door: Door) -> None:
    door.gone("ivr1-01", door.named("ended"), "5s")
    assert code_of(door.new_call("ivr1-01", door.named("ended"))) == (409, "call-ended")


# POST /v1/gone.


@says("channel, optional call_id (default: the channel's open call), outcome, ended_at. The same rules")
def _gone_of_the_open_call(stage: Stage, _daemon: RunningDaemon, door: Door) -> None:
    door.new_call("ivr1-01", door.named("open"), "5s")
    answer = door.gone("sip:7001@pbx.example.com", None, "5s", outcome="done", ended_at="2026-11-24T13:05:00Z")
    assert (answer.status, answer.json["fate"]) == (200, "confirmed")
    assert len(applied(stage, "gone", door.named("open"))) == 1
    again = door.gone("ivr1-01", None)
    assert (again.json["signal_id"], again.json["repeated"]) == (answer.json["signal_id"], True)
    assert code_of(door.gone("ivr1-20")) == (409, "no-open-call")


@says("A Gone whose NewCall was never given is accepted and sent")
def _gone_alone(stage: Stage, _daemon: RunningDaemon, door: Door) -> None:
    assert door.gone("ivr1-01", door.named("alone"), "5s").status == 200
    assert len(applied(stage, "gone", door.named("alone"))) == 1


# Calls.


@says("open calls: channel, call_id, since, what CE knows of each")
def _calls(stage: Stage, daemon: RunningDaemon, door: Door) -> None:
    door.new_call("ivr1-01", door.named("known"), "5s", caller="+491")
    stage.pair.answer_wrongly("ce1", "unavailable", operation="NewCall")
    door.new_call("ivr1-02", door.named("unknown"))
    known, unknown = Door.socket_of(daemon).get("/v1/calls").json["calls"]
    assert (known["channel"], known["call_id"], known["known_to_ce"], known["reported"]) == (
        "ivr1-01",
        door.named("known"),
        True,
        "Busy",
    )
    assert (unknown["call_id"], unknown["known_to_ce"], unknown["fate"]) == (door.named("unknown"), False, "pending")
    assert known["since"] <= unknown["since"]
    stage.pair.behave("ce1")
    for channel in ("ivr1-01", "ivr1-02"):
        assert door.gone(channel, None, "20s").status == 200


@says("the IVR's own complete list: open calls that are not in it get a Gone with outcome reconciled")
def _put_calls(stage: Stage, daemon: RunningDaemon, door: Door) -> None:
    for number in (1, 2, 3):
        door.new_call(f"ivr1-0{number}", door.named(f"put-{number}"), "5s")
    mine = [
        {"channel": "sip:7001@pbx.example.com", "call_id": door.named("put-1")},
        {"channel": "ivr1-04", "call_id": door.named("put-4")},
    ]
    socket = Door.socket_of(daemon)
    answer = socket.post("/v1/calls", {"calls": mine}, "PUT").json
    assert sorted(row["call_id"] for row in answer["gone"]) == [door.named("put-2"), door.named("put-3")]
    assert answer["unknown"] == [{"channel": "ivr1-04", "call_id": door.named("put-4")}]
    wait_until(lambda: len(applied(stage, "gone", door.named("put-3"))) == 1, "the Gone is applied")
    rows = {row["signal_id"]: row for row in answer["gone"]}
    for signal_id in rows:
        assert daemon.ask("signals", "show", signal_id)["outcome"] == "reconciled"
    assert socket.post("/v1/calls", {"calls": []}, "PUT").status == 200
    assert daemon.ask("calls")["calls"] == []


# Signals.


@says("for refused and expired signals, with a reason")
def _retry_and_discard(stage: Stage, daemon: RunningDaemon, door: Door) -> None:
    socket = Door.socket_of(daemon)
    stage.pair.answer_wrongly("ce1", "invalid-request", operation="NewCall", times=1)
    refused = door.new_call("ivr1-01", door.named("refused"), "5s").json
    assert refused["fate"] == "refused"
    path = f"/v1/signals/{refused['signal_id']}"
    assert code_of(socket.post(f"{path}/retry", {})) == (400, "malformed")
    assert socket.post(f"{path}/retry", {"reason": "mended"}).json["fate"] == "pending"
    wait_until(lambda: socket.get(path).json["fate"] == "confirmed", "it is confirmed")
    assert code_of(socket.post(f"{path}/retry", {"reason": "again"})) == (409, "wrong-fate")
    stage.pair.answer_wrongly("ce1", "invalid-request", operation="Gone", times=1)
    refused = door.gone("ivr1-01", door.named("refused"), "5s").json
    path = f"/v1/signals/{refused['signal_id']}"
    assert socket.post(f"{path}/discard", {"reason": "nobody needs it"}).json["fate"] == "discarded"
    assert code_of(socket.post("/v1/signals/nope/discard", {"reason": "x"})) == (404, "unknown-signal")
    daemon.type("free", "ivr1-01", "--reason", "stuck by the test")
    wait_until(lambda: stage.pair.channels()["ivr1-01"]["state"] == "Ready", "the channel is free")


# Below the table.


@says(
    "A NewCall on a channel that has another call open, here or in CE's report: the IVR knows best, so a Gone for the "
    "old call (outcome superseded) goes first; it is warned about and counted"
)
def _superseded(stage: Stage, daemon: RunningDaemon, door: Door) -> None:
    repairs = daemon.status()["signals"]["repairs"]
    door.new_call("ivr1-01", door.named("old"), "5s")
    assert door.new_call("ivr1-01", door.named("new"), "5s").status == 200
    assert stage.pair.channels()["ivr1-01"]["call_id"] == door.named("new")
    assert len(applied(stage, "gone", door.named("old"))) == 1
    stage.pair.stick("ivr1-02", "stranger")
    assert door.new_call("ivr1-02", door.named("mine"), "5s").status == 200
    assert stage.pair.channels()["ivr1-02"]["call_id"] == door.named("mine")
    assert daemon.status()["signals"]["repairs"] == repairs + 2
    assert daemon.said("call-superseded")
    (gone,) = [
        row for row in daemon.ask("signals")["signals"] if row["call_id"] == door.named("old") and row["kind"] == "gone"
    ]
    assert gone["repair"]
    assert daemon.ask("signals", "show", gone["signal_id"])["outcome"] == "superseded"
    for channel in ("ivr1-01", "ivr1-02"):
        door.gone(channel, None, "5s")


@says(
    "Unknown channel 404, unless it has an open call or pending signals (say, it was just removed by a reload): those "
    "are accepted and sent"
)
def _removed_channel(_stage: Stage, daemon: RunningDaemon, door: Door) -> None:
    assert code_of(door.new_call("nope", "1")) == (404, "unknown-channel")
    assert code_of(door.gone("nope", "1")) == (404, "unknown-channel")
    door.new_call("ivr1-20", door.named("removed"), "5s")
    names = daemon.tables["ivr"]["channels"]
    daemon.configure({"ivr": {"channels": ["ivr1-{01..19}"]}})
    daemon.type("reload")
    assert door.new_call("ivr1-20", door.named("removed")).json["repeated"]
    assert door.gone("ivr1-20", door.named("removed"), "5s").status == 200
    assert code_of(door.gone("ivr1-20", door.named("removed"))) == (404, "unknown-channel")
    daemon.configure({"ivr": {"channels": names}})
    daemon.type("reload")


@says("malformed body 400")
def _malformed(_stage: Stage, _daemon: RunningDaemon, door: Door) -> None:
    for body in (b"", b"{", b"[]", b'{"channel": "ivr1-01"}', b'{"channel": 1, "call_id": "1"}'):
        answer = door.ask("POST", "/v1/new-call", body, Content_Type="application/json")
        assert answer.status == 400, (body, answer)
    bad_time = {"channel": "ivr1-01", "call_id": "1", "started_at": "2026-11-24T14:05:00"}
    assert code_of(door.post("/v1/new-call", bad_time)) == (400, "malformed")
    assert code_of(door.post("/v1/new-call", {"channel": "ivr1-01", "call_id": "1", "extra": 1})) == (
        400,
        "unknown-field",
    )
    assert code_of(door.ask("POST", "/v1/gone", b"<x/>", Content_Type="text/xml")) == (415, "unsupported-media-type")
    assert code_of(door.new_call("ivr1-01", "1", "soon")) == (400, "malformed")


@says("A refused NewCall does not keep back its Gone, nor the channel's readiness afterwards")
def _refused_new_call(stage: Stage, daemon: RunningDaemon, door: Door) -> None:
    stage.pair.answer_wrongly("ce1", "invalid-request", operation="NewCall", times=1)
    refused = door.new_call("ivr1-01", door.named("refused"), "5s").json
    assert refused["fate"] == "refused"
    assert door.new_call("ivr1-02", door.named("other"), "5s").status == 200
    assert door.gone("ivr1-01", door.named("refused"), "5s").status == 200
    door.gone("ivr1-02", None, "5s")
    stage.wait_ready(daemon)
    daemon.type("signals", "discard", refused["signal_id"], "--reason", "the call is over")


@says("NewCall and Gone are always accepted")
def _accepted_while_draining(stage: Stage, daemon: RunningDaemon, door: Door) -> None:
    daemon.type("drain", "--reason", "test")
    assert door.new_call("ivr1-01", door.named("draining"), "5s").status == 200
    assert door.gone("ivr1-01", door.named("draining"), "5s").status == 200
    daemon.type("resume")
    stage.pair.demote()
    daemon.wait_status(lambda status: status["ce"]["verdict"] == "none-active", "nobody is active")
    assert door.new_call("ivr1-01", door.named("nobody")).status == 202
    assert door.gone("ivr1-01", door.named("nobody")).status == 202
    stage.pair.promote("ce1")
    assert door.gone("ivr1-01", door.named("nobody"), "20s").status == 200


@says("On listen: only what is marked T")
def _what_listen_has(_stage: Stage, daemon: RunningDaemon, door: Door) -> None:
    listen = Door.listen_of(daemon)
    for path in ("/v1/calls", "/v1/signals", "/v1/status", "/v1/channels"):
        assert code_of(listen.get(path)) in ((404, "not-found"), (405, "method-not-allowed"))
    for path in ("/v1/signals/x/retry", "/v1/signals/x/discard", "/v1/free", "/v1/readiness", "/v1/drain"):
        assert listen.post(path, {}).status == 404
    assert door.get("/livez").status == 200


@says('Errors are {"error": {"code", "message"}}')
def _errors(_stage: Stage, _daemon: RunningDaemon, door: Door) -> None:
    error = json.loads(door.new_call("nope", "1").body)
    assert set(error) == {"error"}
    assert set(error["error"]) == {"code", "message"}


@pytest.mark.parametrize("door_of", BOTH, ids=["listen", "socket"])
@pytest.mark.parametrize("sentence", STORIES, ids=lambda sentence: STORIES[sentence].__name__.strip("_"))
def test_sentence(stage: Stage, daemon: RunningDaemon, sentence: str, door_of: Callable[[RunningDaemon], Door]) -> None:
    """Each, at both doors; afterwards all is as it should be."""
    STORIES[sentence](stage, daemon, door_of(daemon))
    assert daemon.ask("calls")["calls"] == []
    stage.all_is_well()
