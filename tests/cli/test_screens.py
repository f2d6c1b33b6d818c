"""What each command shows in each situation, letter by letter: compared with the screens that are written down."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentchan.cli.check import Level, judged, performance
from agentchan.cli.explain import explain_screen
from agentchan.cli.status_screen import status_screen
from agentchan.cli.words import Reader
from tests.api.scenes import ALL_NAMES, SCENES, emptied, without
from tests.cli.running import NOW, ZONE, assert_golden, run, transcript

SIGNAL = "0198c3a4-7c1e-7d39-b0a1-5c1d2e3f4a5b"

LOOKING = {
    "channels": ("channels", "ivr1-00?", "ivr1-017"),
    "channels-stuck": ("channels", "--stuck"),
    "channels-not-ready": ("channels", "--not-ready"),
    "channels-unknown": ("channels", "--unknown"),
    "channels-nobody": ("channels", "nobody*"),
    "calls": ("calls",),
    "signals": ("signals",),
    "signals-refused": ("signals", "list", "--fate", "refused"),
    "signals-none": ("signals", "--fate", "expired"),
    "signals-page": ("signals", "--limit", "2"),
    "signals-show": ("signals", "show", SIGNAL),
    "signals-show-nobody": ("signals", "show", "nobody"),
    "failovers": ("failovers",),
    "events": ("events",),
    "explain": ("explain", "ivr1-003"),
    "explain-nobody": ("explain", "nobody"),
    "explain-timing": ("explain", "--timing"),
    "failing-over-well": ("failing-over",),
    "endpoint-available-yes": ("endpoint-available", "sip:up@example.com"),
    "endpoint-available-no": ("endpoint-available", "sip:down@example.com"),
    "endpoint-available-unknown": ("endpoint-available", "sip:new@example.com"),
    "endpoints": ("endpoints",),
    "config-running": ("config", "show", "--running"),
}

ACTING = {
    "ready": ("ready", "ivr1-003"),
    "ready-pattern": ("ready", "ivr1-00*", "--reason", "done"),
    "not-ready": ("not-ready", "ivr1-007", "--reason", "noise", "--for", "30m"),
    "not-ready-all": ("not-ready", "--all", "--reason", "database upgrade"),
    "drain-no-wait": ("drain", "--no-wait", "--reason", "kernel update"),
    "resume": ("resume",),
    "resume-again": ("resume",),
    "new-call": ("new-call", "ivr1-001", "c-1", "--caller", "+36 1"),
    "new-call-wait": ("new-call", "ivr1-001", "--call-id", "c-1", "--wait", "2s"),
    "new-call-nobody": ("new-call", "nobody", "c-1"),
    "gone": ("gone", "ivr1-002", "--outcome", "transferred"),
    "gone-wait": ("gone", "ivr1-002", "c-1", "--wait", "1s"),
    "gone-no-call": ("gone", "ivr1-001"),
    "gone-no-zone": ("gone", "ivr1-002", "--ended-at", "2026-11-24T14:05:00"),
    "free": ("free", "ivr1-017", "--reason", "no such call"),
    "free-not-stuck": ("free", "ivr1-001", "--reason", "no such call"),
    "follow": ("follow", "ce2", "--for", "1h", "--reason", "CE support says so"),
    "follow-nobody": ("follow", "ce9", "--for", "1h", "--reason", "CE support says so"),
    "unfollow": ("unfollow",),
    "forget-generation": ("forget-generation", "--reason", "restored"),
    "reload": ("reload",),
    "signals-retry": ("signals", "retry", SIGNAL, "--reason", "again"),
    "signals-discard": ("signals", "discard", SIGNAL, "--reason", "enough"),
}


@pytest.mark.parametrize("scene", SCENES)
def test_status(recorded: Path, scene: str) -> None:
    """In every situation: the state in plain words, what is wrong and what mends it, then the facts."""
    result = run(recorded / f"{scene}.sock", "status")
    assert result.exit_code == 0
    assert_golden(f"status-{scene}", transcript(("status",), result))


@pytest.mark.parametrize("scene", SCENES)
def test_check(recorded: Path, scene: str) -> None:
    """One line in every situation, whose exit status says it too."""
    result = run(recorded / f"{scene}.sock", "check")
    assert result.stdout.count("\n") == 1
    assert_golden(f"check-{scene}", transcript(("check",), result))


@pytest.mark.parametrize("scene", ["away", "failing-over", "ambiguous", "pinned"])
def test_failing_over(recorded: Path, scene: str) -> None:
    """One line that begins with yes, no or unknown."""
    result = run(recorded / f"{scene}.sock", "failing-over")
    assert result.stdout.count("\n") == 1
    assert_golden(f"failing-over-{scene}", transcript(("failing-over",), result))


@pytest.mark.parametrize("name", LOOKING)
def test_looking(recorded: Path, name: str) -> None:
    """Every command that looks."""
    result = run(recorded / "well.sock", *LOOKING[name])
    assert_golden(name, transcript(LOOKING[name], result))


@pytest.mark.parametrize("name", ACTING)
def test_acting(recorded: Path, name: str) -> None:
    """Every command that acts, in the order of the table."""
    result = run(recorded / "restoring.sock", *ACTING[name])
    assert_golden(name, transcript(ACTING[name], result))


@pytest.mark.parametrize("scene", ["well", "failing-over", "ailing", "hostile"])
@pytest.mark.parametrize("command", [("status",), ("failovers",), ("explain", "ivr1-003"), ("signals",)])
@pytest.mark.parametrize("room", [40, 60, 79])
def test_narrow_terminals(recorded: Path, scene: str, command: tuple[str, ...], room: int) -> None:
    """Texts are broken between their words; only a single long word, or a table that cannot shrink, goes over."""
    result = run(recorded / f"{scene}.sock", *command, room=room)
    if command == ("status",):
        assert_golden(f"narrow-{room}-{scene}", transcript(command, result))
    for line in result.stdout.splitlines():
        if "   " not in line and "  " not in line.lstrip():
            assert len(line) <= room or len(line.split()) <= 2


@pytest.mark.parametrize("command", [*LOOKING.values(), ("status",)])
def test_nothing_is_wider_than_eighty_columns(recorded: Path, command: tuple[str, ...]) -> None:
    """For people; what is there to be copied or piped may be."""
    if command[0] in ("check", "events", "config", "signals"):
        return
    for line in run(recorded / "well.sock", *command).stdout.splitlines():
        assert len(line) <= 80


@pytest.mark.parametrize("command", [*LOOKING.values(), *ACTING.values(), ("status",)])
def test_what_comes_from_outside_steers_no_terminal(recorded: Path, command: tuple[str, ...]) -> None:
    """Whatever hosts, operators and callers are called: plain, as JSON, and with colours."""
    plain = run(recorded / "hostile.sock", *command)
    as_json = run(recorded / "hostile.sock", *command, "--json")
    coloured = run(recorded / "hostile.sock", *command, colour=True)
    for text in (plain.output, as_json.output, click.unstyle(coloured.output)):
        odd = {letter for letter in text if not letter.isprintable()} - {"\n"}
        assert odd == set()


@given(st.sampled_from(sorted(SCENES)), st.lists(st.sampled_from(ALL_NAMES), max_size=12), st.booleans())
def test_missing_fields_break_no_screen(scene: str, names: list[str], empty: bool) -> None:
    """A daemon of another version says less, or null."""
    status = (emptied if empty else without)(SCENES[scene](), names)
    assert status_screen(status, Reader(NOW, ZONE))
    level, line = judged(status)
    assert f"{line} | {performance(status)}".isprintable()
    assert level in Level


@pytest.mark.parametrize(
    ("room", "lines"),
    [
        (80, ["  → they go by themselves: agentchan signals --channel ivr1-010"]),
        (60, ["  → they go by themselves:", "    agentchan signals --channel ivr1-010"]),
        (30, ["  → they go by themselves:", "    agentchan signals", "    --channel ivr1-010"]),
    ],
)
def test_a_command_is_not_broken(room: int, lines: list[str]) -> None:
    """It is copied from the screen; only where a line has no room for it, it is."""
    remedy = {"text": "they go by themselves", "command": "agentchan signals --channel ivr1-010"}
    shown = explain_screen({"headline": "c.", "causes": [], "remedies": [remedy]}, Reader(NOW, ZONE, room))
    assert [click.unstyle(line) for line in shown] == ["c.", "", "What can be done", *lines]


def test_colours_only_where_they_are_wanted(recorded: Path) -> None:
    """On a terminal; never with NO_COLOR, nor on a terminal that cannot."""
    socket = recorded / "ailing.sock"
    assert "\x1b[" in run(socket, "status", colour=True).stdout
    assert "\x1b[" not in run(socket, "status").stdout
    for environ in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert "\x1b[" not in run(socket, "status", colour=True, environ=environ).stdout


def test_colours_change_no_word(recorded: Path) -> None:
    """They add to the words; whoever sees none misses nothing."""
    for scene in SCENES:
        coloured = run(recorded / f"{scene}.sock", "status", colour=True).stdout
        assert click.unstyle(coloured) == run(recorded / f"{scene}.sock", "status").stdout
