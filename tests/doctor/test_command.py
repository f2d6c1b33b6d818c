"""``agentchan doctor`` as one types it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest

from agentchan.cli.doctor_screen import doctor_screen
from agentchan.cli.words import Reader
from agentchan.doctor.findings import Finding, Group, Report, Result
from agentchan.lab.daemon_process import DaemonProcess
from agentchan.lab.pair import Pair
from tests.cli.running import NOW, ZONE, run
from tests.doctor.patients import written

WHOM = Reader(NOW, ZONE, 80)


def doctor(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A whole run, as a process."""
    command = [sys.executable, "-m", "agentchan.cli", "doctor", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def report(*results: Result, faulty: bool = False) -> Report:
    """One with a finding of each result."""
    remedies = {Result.PASSED: "", Result.SKIPPED: ""}
    found = [Finding(Group.MACHINE, "a", each, f"it {each.value}", remedies.get(each, "mend it")) for each in results]
    return Report(tuple(found), 1.25, faulty)


# -- the screen -------------------------------------------------------------------------------------------------------


def test_the_screen() -> None:
    """A line each, with a sign and a word; remedies below; and what it comes to."""
    lines = doctor_screen(report(*Result), WHOM)
    assert [click.unstyle(line) for line in lines] == [
        "This machine",
        "  ✓ it passed",
        "  ! warning: it warning",
        "    → mend it",
        "  ✗ failed: it failed",
        "    → mend it",
        "  - not checked: it skipped",
        "",
        "✗ 1 check failed, 1 warning (4 checks in 1.2 s)",
    ]


@pytest.mark.parametrize(
    ("results", "last"),
    [
        ((Result.PASSED,), "● all is well (1 check in 1.2 s)"),
        ((Result.PASSED, Result.WARNING), "! nothing failed, 1 warning (2 checks in 1.2 s)"),
        ((Result.FAILED, Result.FAILED), "✗ 2 checks failed (2 checks in 1.2 s)"),
    ],
)
def test_what_it_comes_to(results: tuple[Result, ...], last: str) -> None:
    """The last line tells."""
    assert click.unstyle(doctor_screen(report(*results), WHOM)[-1]) == last


def test_what_comes_from_outside_steers_no_terminal() -> None:
    """A certificate's name, or a host's words."""
    hostile = Finding(Group.CONNECTOR, "a", Result.FAILED, "\x1b[2Jgone", "\x07")
    text = click.unstyle("\n".join(doctor_screen(Report((hostile,)), WHOM)))
    assert "\x1b" not in text
    assert "\x07" not in text


# -- the configuration ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ({"ivr": {"nam": "x"}}, "ivr.nam: is no known key"),
        ({"ce": {"profile": "./none"}}, "there is no"),
        ({"tls": {"ca_file": "none.pem"}}, "none.pem"),
    ],
)
def test_a_faulty_configuration(tmp_path: Path, tables: dict[str, dict[str, str]], said: str) -> None:
    """78; each fault is a line with its remedy, and nothing else is looked at."""
    path = written(tmp_path, tables)
    result = run(None, "doctor", "--config", str(path))
    assert result.exit_code == 78
    words = " ".join(result.stdout.split())
    assert said in words
    assert "→" in words
    assert "All else depends on the configuration, and was not looked at." in words
    as_json = run(None, "doctor", "--config", str(path), "--json")
    assert as_json.exit_code == 78
    value = json.loads(as_json.stdout)
    assert value["ok"] is False
    assert {check["group"] for check in value["checks"]} == {"Configuration"}


def test_no_configuration(tmp_path: Path) -> None:
    """Is one that is faulty."""
    result = run(None, "doctor", "--config", str(tmp_path / "none.toml"))
    assert result.exit_code == 78
    assert "does not exist" in result.stdout


def test_a_faulty_profile(tmp_path: Path) -> None:
    """Is one with which the daemon would not start either."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site/profile.toml").write_text("", encoding="utf-8")
    result = run(None, "doctor", "--config", str(written(tmp_path, {"ce": {"profile": "./site"}})))
    assert result.exit_code == 78
    assert "profile.toml:1: name: is missing" in " ".join(result.stdout.split())


# -- whole runs -------------------------------------------------------------------------------------------------------


def test_with_a_daemon(tmp_path: Path) -> None:
    """0 with all well; its own view, the mark, and its doors are told of, and its session is left alone."""
    with Pair(tmp_path / "pair", channels=["ivr1-{1..3}"]) as pair:
        urls = [pair.url(name, "component") for name in ("ce1", "ce2")]
        tables = {"ivr": {"name": "ivr1", "channels": ["ivr1-{1..3}"]}, "component_link": {"urls": urls}}
        daemon = DaemonProcess(tmp_path, tables)
        daemon.start()
        try:
            pair.wait_until(lambda: pair.states()["Ready"] == 3)
            session = pair.sessions()
            done = doctor("--config", str(daemon.configuration), "--sign-on", "--json")
            assert pair.sessions() == session
            assert pair.states()["Ready"] == 3
        finally:
            daemon.stop()
    value = json.loads(done.stdout)
    failures = [check["text"] for check in value["checks"] if check["result"] == "failed"]
    assert (done.returncode, failures, done.stderr) == (0, [], "")
    checks = {check["check"]: check for check in value["checks"]}
    assert checks["its own view"]["text"] == "all is well: the agent channel is up to ce1"
    assert checks["configuration in force"]["result"] == "passed"
    assert checks["generation mark"]["result"] == "passed"
    assert "since a daemon runs" in checks["sign-on"]["text"]
    assert value["seconds"] < 10


def test_nothing_but_json(tmp_path: Path) -> None:
    """What the daemon's parts would log is not for this command's reader."""
    done = doctor("--config", str(written(tmp_path, {"ivr.health": {"check": "tcp://127.0.0.1:9"}})), "--json")
    assert (done.returncode, done.stderr) == (1, "")
    checks = {check["check"]: check for check in json.loads(done.stdout)["checks"]}
    assert checks["IVR"]["result"] == "failed"


def test_without_anything(tmp_path: Path) -> None:
    """1, soon, with what failed; on a terminal of 80 columns."""
    done = doctor("--config", str(written(tmp_path)))
    assert (done.returncode, done.stderr) == (1, "")
    assert "✗ failed: 127.0.0.1:9 refused the connection" in done.stdout
    assert "it does not run: nobody answers" in done.stdout
    assert "\x1b" not in done.stdout
    assert all(len(line) <= 80 or len(line.split()) <= 2 for line in done.stdout.splitlines())
