"""What each command asks of the daemon, and how commands that take their time go on and end."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.running import run
from tests.cli.stub import Asked, Stub, refusal

SLEEP = "time.sleep"


class Sleeper:
    """Stands in for time.sleep: does something at each call instead."""

    def __init__(self, *steps: Callable[[], Any]) -> None:
        self.steps = list(steps)
        self.seconds: list[float] = []

    def __call__(self, seconds: float) -> None:
        """Sleep."""
        self.seconds.append(seconds)
        if self.steps:
            self.steps.pop(0)()


def nothing() -> None:
    """Let time pass."""


def interrupt() -> None:
    """Ctrl-C."""
    raise KeyboardInterrupt


# -- what is asked ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "method", "target", "body"),
    [
        ("status", "GET", "/v1/status", None),
        ("channels", "GET", "/v1/channels", None),
        ("channels a b", "GET", "/v1/channels?name=a&name=b", None),
        ("channels a*", "GET", "/v1/channels", None),
        ("calls", "GET", "/v1/calls", None),
        ("calls --older-than 1h30m", "GET", "/v1/calls?older_than=1h30m", None),
        ("signals", "GET", "/v1/signals?limit=100", None),
        (
            "signals list --fate refused --fate expired --channel a --before s --limit 7",
            "GET",
            "/v1/signals?limit=7&fate=refused%2Cexpired&channel=a&before=s",
            None,
        ),
        ("signals show a/é", "GET", "/v1/signals/a%2F%C3%A9", None),
        ("signals retry s --reason r", "POST", "/v1/signals/s/retry", {"reason": "r"}),
        ("signals discard s --reason r", "POST", "/v1/signals/s/discard", {"reason": "r"}),
        ("failovers --limit 3", "GET", "/v1/failovers?limit=3", None),
        ("events", "GET", "/v1/events", None),
        ("explain a", "GET", "/v1/explain?name=a", None),
        ("explain --timing", "GET", "/v1/timing", None),
        ("failing-over", "GET", "/v1/failing-over", None),
        ("endpoint-available sip:a@b;c=d", "GET", "/v1/endpoint-available?uri=sip%3Aa%40b%3Bc%3Dd", None),
        ("endpoints", "GET", "/v1/endpoints", None),
        ("config show --running", "GET", "/v1/configuration", None),
        ("ready a b", "POST", "/v1/readiness", {"channels": ["a", "b"], "ready": True}),
        ("ready --all --reason r", "POST", "/v1/readiness", {"channels": "all", "ready": True, "reason": "r"}),
        (
            "not-ready a --reason r --for 30m",
            "POST",
            "/v1/readiness",
            {"channels": ["a"], "ready": False, "reason": "r", "for": "30m"},
        ),
        ("drain", "POST", "/v1/drain", {}),
        ("drain --timeout 15m --reason r", "POST", "/v1/drain", {"timeout": "15m", "reason": "r"}),
        ("resume", "POST", "/v1/resume", {}),
        ("follow ce2 --for 1h --reason r", "POST", "/v1/follow", {"host": "ce2", "for": "1h", "reason": "r"}),
        ("unfollow", "POST", "/v1/unfollow", {}),
        ("forget-generation --reason r", "POST", "/v1/forget-generation", {"reason": "r"}),
        ("free a --reason r", "POST", "/v1/free", {"channel": "a", "reason": "r"}),
        ("reload", "POST", "/v1/reload", {}),
        ("new-call a c", "POST", "/v1/new-call", {"channel": "a", "call_id": "c"}),
        (
            "new-call a --call-id c --caller 1 --called 2 --started-at 2026-11-24T14:05:00Z --wait 2s",
            "POST",
            "/v1/new-call?wait=2s",
            {"channel": "a", "call_id": "c", "caller": "1", "called": "2", "started_at": "2026-11-24T14:05:00Z"},
        ),
        ("gone a", "POST", "/v1/gone", {"channel": "a"}),
        (
            "gone a c --outcome o --ended-at 2026-11-24T14:05:00Z",
            "POST",
            "/v1/gone",
            {"channel": "a", "call_id": "c", "outcome": "o", "ended_at": "2026-11-24T14:05:00Z"},
        ),
    ],
)
def test_what_is_asked(daemon: Stub, command: str, method: str, target: str, body: Any) -> None:
    """Every option comes through."""
    run(daemon.say({"channels": []}).path, *command.split())
    (asked,) = daemon.asked
    assert (asked.method, asked.target, asked.body) == (method, target, body)
    assert asked.headers["accept"] == "application/json"
    assert asked.headers.get("content-type") == (None if body is None else "application/json")


@pytest.mark.parametrize(
    "command",
    [
        "nonsense",
        "status extra",
        "ready",
        "ready a --all",
        "not-ready a",
        "not-ready --all",
        "follow ce1 --reason r",
        "follow ce1 --for 1h",
        "follow ce1 --for soon --reason r",
        "free a",
        "forget-generation",
        "explain",
        "explain a --timing",
        "new-call a",
        "new-call a c --call-id c",
        "gone",
        "gone a --wait 2",
        "signals show",
        "signals retry s",
        "signals --fate lost",
        "signals --limit 0",
        "calls --older-than yesterday",
        "completion tcsh",
        "config",
        "drain --timeout 5",
    ],
)
def test_wrong_usage(daemon: Stub, command: str) -> None:
    """2, with the usage, or the fault as JSON where JSON was asked for; the daemon is not bothered."""
    result = run(daemon.path, *command.split())
    assert (result.exit_code, result.stdout, daemon.asked) == (2, "", [])
    assert "Usage: agentchan" in result.stderr
    as_json = run(daemon.path, *command.split(), "--json")
    assert (as_json.exit_code, as_json.stderr) == (2, "")
    error = json.loads(as_json.stdout)["error"]
    assert error["code"] == "usage"
    assert error["message"]


def test_a_command_that_was_nearly_meant(tmp_path: Path) -> None:
    """The nearest ones are named."""
    assert "'channels'" in run(tmp_path / "a.sock", "chanels").stderr
    assert "'not-ready'" in run(tmp_path / "a.sock", "notready").stderr


def test_channels_by_patterns(daemon: Stub) -> None:
    """Several together, and names beside them; one that nothing is like is a fault, and nothing is done then."""
    rows = {"channels": [{"channel": f"ivr1-{number:03}"} for number in range(1, 13)]}
    run(daemon.say(rows).path, "not-ready", "ivr1-00[12]", "ivr1-01?", "--reason", "r")
    assert daemon.asked[-1].body["channels"] == ["ivr1-001", "ivr1-002", "ivr1-010", "ivr1-011", "ivr1-012"]
    alias = {"channels": [{"channel": "ivr1-012"}]}
    beside = run(daemon.say(alias, rows).path, "channels", "sip:7012", "ivr1-00[12]", "--json")
    assert [row["channel"] for row in json.loads(beside.stdout)["channels"]] == ["ivr1-001", "ivr1-002", "ivr1-012"]
    result = run(daemon.path, "ready", "ivr2-*")
    assert result.exit_code == 1
    assert "there is no channel 'ivr2-*'" in result.stderr
    assert daemon.asked[-1].method == "GET"


def test_many_channels_by_name(daemon: Stub) -> None:
    """More names than fit into a request are asked for in several."""

    def rows(asked: Asked) -> Any:
        return {"channels": [{"channel": name} for name in re.findall("name=([^&]*)", asked.target)]}

    names = [f"ivr1-{number:05}" for number in range(120)]
    result = run(daemon.say(rows).path, "channels", *names, "--json")
    assert [row["channel"] for row in json.loads(result.stdout)["channels"]] == names
    assert len(daemon.asked) == 3


def test_reading_commands_print_what_the_daemon_says(daemon: Stub) -> None:
    """As JSON, unchanged, on one line, in letters that can be read."""
    value = {"ivr": "ügyfél", "odd": "\x1b\x9b\x7f\u202e", "n": [1, None, True]}
    result = run(daemon.say(value).path, "status", "--json")
    assert json.loads(result.stdout) == value
    assert "ügyfél" in result.stdout
    assert result.stdout.count("\n") == 1
    assert all(letter.isprintable() for letter in result.stdout[:-1])


# -- drain -----------------------------------------------------------------------------------------------------------


def left(calls: int, *, draining: bool = True) -> dict[str, Any]:
    """A status with so many calls left."""
    return {"draining": draining, "drain": {"calls": calls} if draining else None}


def test_drain_waits_until_no_call_is_left(daemon: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    """It tells how many are left whenever that changes, and ends with 0."""
    sleeper = Sleeper()
    monkeypatch.setattr(SLEEP, sleeper)
    daemon.say({"draining": True, "calls": 3}, left(3), left(2), left(2), left(0))
    result = run(daemon.path, "drain")
    assert result.exit_code == 0
    assert result.stdout == "Drained: no call is left. 'agentchan resume' ends it.\n"
    assert result.stderr == "draining: 3 calls left\ndraining: 2 calls left\n"
    assert sleeper.seconds == [1.0] * 4


def test_drain_without_calls_is_over_at_once(daemon: Stub) -> None:
    """Nothing is waited for, nor is it with --no-wait."""
    assert run(daemon.say({"draining": True, "calls": 0}).path, "drain").exit_code == 0
    waiting = run(daemon.say({"draining": True, "calls": 3}).path, "drain", "--no-wait")
    assert waiting.stdout == "Draining; 3 calls in progress. 'agentchan resume' ends it.\n"
    assert [asked.target for asked in daemon.asked] == ["/v1/drain"] * 2


def test_drain_whose_time_is_up(daemon: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    """1; the drain itself goes on, and the way out is named."""
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    monkeypatch.setattr(SLEEP, lambda seconds: now.__setitem__(0, now[0] + seconds))
    daemon.say({"calls": 2}, left(2))
    result = run(daemon.path, "drain", "--timeout", "2500ms")
    assert result.exit_code == 1
    assert "2 calls left after 2 s" in result.stderr
    assert "agentchan resume" in result.stderr
    assert len(daemon.asked) == 4
    as_json = run(daemon.say({"calls": 2}, left(2)).path, "drain", "--timeout", "1s", "--json")
    assert json.loads(as_json.stdout)["error"]["code"] == "calls-left"
    assert as_json.stderr == ""


def test_drain_that_is_interrupted(daemon: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C ends the waiting with 1, so that nothing after it in a script happens; the drain goes on."""
    monkeypatch.setattr(SLEEP, Sleeper(nothing, interrupt))
    result = run(daemon.say({"calls": 2}, left(1)).path, "drain")
    assert result.exit_code == 1
    assert "1 call left; the drain goes on" in result.stderr


def test_drain_that_somebody_ends(daemon: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    """1: the IVR is in service again."""
    monkeypatch.setattr(SLEEP, Sleeper())
    result = run(daemon.say({"calls": 2}, left(0, draining=False)).path, "drain")
    assert result.exit_code == 1
    assert "ended by 'agentchan resume'" in result.stderr


def test_drain_on_a_terminal(daemon: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    """The count stands on one line, which is gone in the end."""
    monkeypatch.setattr(SLEEP, Sleeper())
    monkeypatch.setattr("agentchan.cli.drain._on_terminal", lambda: True)
    result = run(daemon.say({"calls": 2}, left(1), left(0)).path, "drain")
    assert result.stderr == "\r\x1b[Kdraining: 2 calls left, 0 s\r\x1b[Kdraining: 1 call left, 0 s\r\x1b[K"


# -- status --watch ------------------------------------------------------------------------------------------------


def test_watching(daemon: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    """A screen a second until Ctrl-C, which is no failure; a daemon that is away is shown as such, and waited for."""
    monkeypatch.setattr(SLEEP, Sleeper(nothing, interrupt))
    daemon.say({"ivr": "ivr1"}, b"")
    result = run(daemon.path, "status", "--watch")
    assert result.exit_code == 0
    assert "ivr1: out of service" in result.stdout
    assert "broke off" in result.stdout


def test_watching_for_programs(daemon: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    """An object a line, errors too."""
    monkeypatch.setattr(SLEEP, Sleeper(nothing, interrupt))
    result = run(daemon.say({"ivr": "ivr1"}, b"").path, "status", "--watch", "--json")
    first, second = (json.loads(line) for line in result.stdout.splitlines())
    assert first == {"ivr": "ivr1"}
    assert second["error"]["code"] == "answer-lost"


def test_watching_on_a_terminal(daemon: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each screen is written over the one before, and the cursor comes back in the end."""
    monkeypatch.setattr(SLEEP, Sleeper(nothing, interrupt))
    monkeypatch.setattr("agentchan.cli.status._on_terminal", lambda: True)
    result = run(daemon.say({"ivr": "ivr1"}).path, "status", "--watch", colour=True)
    assert result.stdout.startswith("\x1b[?25l\x1b[2J")
    assert result.stdout.endswith("\x1b[?25h")
    assert result.stdout.count("\x1b[H") == 2
    assert "14:05:00  Ctrl-C ends" in result.stdout


def test_status_for_scripts(daemon: Stub) -> None:
    """With --check it ends with 1 where something is wrong."""
    well = {"ivr": "ivr1", "agent_channel": {"state": "up"}, "problems": []}
    assert run(daemon.say(well).path, "status", "--check").exit_code == 0
    wrong = {**well, "problems": [{"code": "stuck", "text": "a channel is stuck"}]}
    assert run(daemon.say(wrong).path, "status", "--check").exit_code == 1
    assert run(daemon.say(wrong).path, "status").exit_code == 0


@pytest.mark.parametrize(("tells_readiness", "level"), [(False, "OK"), (True, "CRITICAL")])
def test_channels_of_which_ce_says_nothing(daemon: Stub, tells_readiness: bool, level: str) -> None:
    """They are in service where the profile cannot tell, as /readyz has it, and nowhere else."""
    status = {
        "ivr": "ivr1",
        "tells_readiness": tells_readiness,
        "agent_channel": {"state": "up"},
        "channels": {"total": 2, "ready": 0, "unknown": 2},
        "problems": [],
    }
    daemon.say(status)
    assert run(daemon.path, "check").stdout.startswith(f"AGENTCHAN {level} - ")
    assert ("all is well" in run(daemon.path, "status").stdout) is not tells_readiness


@pytest.mark.parametrize(
    ("answer", "level", "exit_code"),
    [(None, "CRITICAL", 2), (b"", "UNKNOWN", 3), (refusal("a", "b", 500), "UNKNOWN", 3)],
)
def test_check_without_a_daemon(daemon: Stub, tmp_path: Path, answer: Any, level: str, exit_code: int) -> None:
    """A daemon that is not running is critical; one that does not say is unknown."""
    path = tmp_path / "none.sock" if answer is None else daemon.say(answer).path
    result = run(path, "check")
    assert result.exit_code == exit_code
    assert result.stdout.startswith(f"AGENTCHAN {level} - ")
    assert json.loads(run(path, "check", "--json").stdout)["level"] == level


# -- events ----------------------------------------------------------------------------------------------------------


def past(*ids: int) -> dict[str, Any]:
    """Events that have happened."""
    return {"missed": False, "events": [{"id": f"r-{number}", "event": "counted"} for number in ids]}


def stream(*events: Any, end: bytes = b"0\r\n\r\n") -> bytes:
    """A stream of events."""
    body = b"retry: 1000\n\n: still here\n\n"
    for event in events:
        name = event["event"].encode()
        body += b"id: x\nevent: %s\ndata: %s\n\n" % (name, json.dumps(event).encode())
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"%x\r\n%s\r\n" % (len(body), body) + end


def names(result: Any) -> list[str]:
    """The ids of the events that were printed."""
    return [json.loads(line).get("id", "missed") for line in result.stdout.splitlines()]


def test_events_of_the_past(daemon: Stub) -> None:
    """All that are kept, or the last ones."""
    daemon.say(past(1, 2, 3))
    assert names(run(daemon.path, "events", "--json")) == ["r-1", "r-2", "r-3"]
    assert names(run(daemon.path, "events", "--json", "-n", "2")) == ["r-2", "r-3"]
    assert names(run(daemon.path, "events", "--json", "-n", "0")) == []
    assert names(run(daemon.path, "events", "--json", "-n", "9")) == ["r-1", "r-2", "r-3"]


def test_following(daemon: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the last ten, what happens; a daemon that goes away is waited for, and asked for what came meanwhile."""
    monkeypatch.setattr(SLEEP, Sleeper(nothing, nothing, nothing, interrupt))
    daemon.say(
        past(*range(1, 13)),
        stream({"id": "r-13", "event": "counted"}),
        stream({"id": "r-14", "event": "counted"}, {"event": "events-missed"}, end=b""),
        b"",
        stream({"id": "q-1", "event": "started"}),
    )
    result = run(daemon.path, "events", "--follow", "--json")
    assert result.exit_code == 0
    assert names(result) == [f"r-{number}" for number in range(3, 15)] + ["missed", "q-1"]
    assert [asked.headers.get("last-event-id") for asked in daemon.asked] == [None, "r-12", "r-13", "r-14", "r-14"]
    assert result.stderr.splitlines() == [
        "agentchan: it ended the stream; waiting for the daemon",
        f"agentchan: the daemon at {daemon.path} broke off: its answer ended early; waiting for the daemon",
        "agentchan: it ended the stream; waiting for the daemon",
    ]


def test_following_a_daemon_that_is_not_running(tmp_path: Path) -> None:
    """3 at once: it is waited for only once it was there."""
    assert run(tmp_path / "none.sock", "events", "--follow").exit_code == 3


def test_events_for_people(daemon: Stub) -> None:
    """One line each, quoted where there are spaces; a gap is told."""
    event = {"id": "r-1", "event": "failover", "at": "2026-11-24T14:05:00+01:00"}
    event |= {"from": "ce1", "cause": "reset by ce1", "n": 7, "none": None, "empty": "", "keys": ["a", "b"]}
    result = run(daemon.say({"events": [event, {"event": "events-missed"}]}).path, "events")
    assert result.stdout.splitlines() == [
        '14:05:00  failover  from=ce1 cause="reset by ce1" n=7 empty="" keys=["a", "b"]',
        "… events between are lost …",
    ]


# -- reload ------------------------------------------------------------------------------------------------------------


def test_reload_tells_what_it_did(daemon: Stub) -> None:
    """What was applied, what needs a restart, what looks wrong."""
    outcome = {"applied": [], "needs_restart": [], "faults": [], "warnings": ["a.toml:3: x"]}
    result = run(daemon.say(outcome).path, "reload")
    assert result.stdout == "Nothing to apply has changed.\n"
    assert result.stderr == "warning: a.toml:3: x\n"
    assert json.loads(run(daemon.path, "reload", "--json").stdout) == outcome


def test_reload_of_a_faulty_configuration(daemon: Stub) -> None:
    """78, with every fault."""
    message = "the configuration has 2 faults; the old one stays in force"
    daemon.say(refusal("configuration-faulty", message, 422, faults=["a.toml:2: ivr.nam: …", "a.toml:3: …"]))
    result = run(daemon.path, "reload")
    assert result.exit_code == 78
    assert result.stderr == f"agentchan: {message}\n  a.toml:2: ivr.nam: …\n  a.toml:3: …\n"


def test_a_wait_that_is_over(daemon: Stub) -> None:
    """0 when CE has confirmed, 4 when that is not known yet, 1 when it has refused; without --wait pending is done."""
    for fate, waited, plain in (("confirmed", 0, 0), ("pending", 4, 0), ("refused", 1, 1), ("expired", 1, 1)):
        daemon.say({"signal_id": "s", "fate": fate})
        assert run(daemon.path, "new-call", "a", "c", "--wait", "1s").exit_code == waited
        assert run(daemon.path, "gone", "a").exit_code == plain


def test_the_daemon_answers_what_is_asked(daemon: Stub) -> None:
    """The stand-in itself: a callable answer sees the request."""

    def echo(asked: Asked) -> Any:
        return {"channels": [{"channel": asked.target}]}

    assert "/v1/channels" in run(daemon.say(echo).path, "channels").stdout
