"""The program as a whole: its help, what it loads, completion, its manual."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest

from agentchan.cli import program as program_module
from agentchan.cli.program import SECTIONS, is_installed, program
from tests.cli.running import run

ROOT = Path(__file__).parents[2]
MAN = ROOT / "docs" / "man"
NAMES = [name for commands in SECTIONS.values() for name in commands if is_installed(name)]
ELSEWHERE = ("doctor", "profile", "lab", "run")
"""Commands that may load more than the daemon's socket needs."""

IN_PROCESS = """
import json, sys
before = set(sys.modules)
sys.argv = ["agentchan", *json.loads(sys.argv[1])]
from agentchan.cli import main
try:
    main()
finally:
    print(json.dumps(sorted(set(sys.modules) - before)), file=sys.stderr)
"""


def commands(command: click.Command, context: click.Context) -> list[tuple[click.Command, click.Context]]:
    """A command and those below it."""
    found = [(command, context)]
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            found += commands(inner, click.Context(inner, info_name=name, parent=context))
    return found


def loaded_by(*arguments: str, stdout: Any = subprocess.PIPE) -> set[str]:
    """The modules that a run of the program loads."""
    done = subprocess.run(
        [sys.executable, "-c", IN_PROCESS, json.dumps(arguments)],
        cwd=ROOT,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    return set(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize("name", NAMES)
def test_every_command_says_what_it_does(name: str) -> None:
    """With an example of how it is typed, in 80 columns, and with --json where it reads."""
    above = click.Context(program, info_name="agentchan", **program.context_settings)
    command = program.get_command(above, name)
    assert command is not None
    for each, context in commands(command, click.Context(command, info_name=name, parent=above)):
        path = context.command_path.split()[1:]
        result = run(None, *path, "--help")
        assert result.exit_code == 0
        assert f"Usage: {context.command_path}" in result.stdout
        if not isinstance(each, click.Group) and name not in ELSEWHERE and path != ["signals", "show"]:
            assert f"agentchan {' '.join(path)}" in result.stdout.partition("Example")[2]
            assert max(len(line) for line in result.stdout.splitlines()) <= 100


def test_the_help_lists_every_command() -> None:
    """By what one wants to do, with the exit statuses; -h and no argument give it, too."""
    result = run(None, "--help")
    for title, listed in SECTIONS.items():
        assert f"\n{title}:\n" in result.stdout
        for name, (_, text) in listed.items():
            assert name in result.stdout
            assert text in " ".join(result.stdout.split())
    assert "0 done, or yes · 1 no, or refused · 2 wrong usage · 3" in result.stdout
    assert "manual" not in result.stdout
    assert run(None, "-h").stdout == result.stdout
    assert "Usage: agentchan" in run(None).output


def test_the_version() -> None:
    """With the interpreter's."""
    result = run(None, "--version")
    assert result.stdout.startswith("agentchan ")
    assert f"(Python {sys.version.split()[0]})" in result.stdout


def test_a_command_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says so, and what to do; one whose own import is broken shows that."""
    monkeypatch.setitem(program_module._PLACES, "doctor", "agentchan.cli.nowhere:doctor")
    result = run(None, "doctor", "--fix", "it")
    assert result.exit_code == 1
    assert "'agentchan doctor' is not part of this installation" in result.stderr


def test_status_loads_little(recorded: Path) -> None:
    """No Twisted, nor anything else that would make an operator wait."""
    loaded = loaded_by("--socket", str(recorded / "well.sock"), "status")
    assert "agentchan.cli.status_screen" in loaded
    for name in (
        "twisted",
        "zope",
        "attr",
        "ssl",
        "http",
        "email",
        "importlib.metadata",
        "agentchan.config",
        "tomllib",
    ):
        assert not {module for module in loaded if module == name or module.startswith(f"{name}.")}, name


def test_no_command_loads_twisted() -> None:
    """But the one that runs the daemon, when it does."""
    program_text = (
        "import sys, click\n"
        "from agentchan.cli.program import program\n"
        "context = click.Context(program)\n"
        "print([name for name in program.list_commands(context) if program.get_command(context, name) is None])\n"
        "print([name for name in sys.modules if name.partition('.')[0] == 'twisted'])\n"
    )
    done = subprocess.run([sys.executable, "-c", program_text], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n[]\n"


@pytest.mark.parametrize(
    "command",
    [("config", "check", "--config", str(ROOT / "etc" / "agentchan.toml")), ("profile", "check", "reference")],
)
def test_checking_loads_no_twisted(command: tuple[str, ...]) -> None:
    """Files and profile included; only to fetch a WSDL takes it."""
    loaded = loaded_by(*command)
    assert "agentchan.ce.profile_loader" in loaded or "agentchan.config" in loaded
    assert not {module for module in loaded if module.partition(".")[0] == "twisted"}


def test_a_terminal_that_lacks_letters(recorded: Path) -> None:
    """It gets others instead, and no traceback."""
    done = subprocess.run(
        [sys.executable, "-m", "agentchan.cli", "--socket", recorded / "well.sock", "status"],
        env={**os.environ, "PYTHONIOENCODING": "latin-1"},
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"? ivr1: all is well")


def test_a_reader_that_has_seen_enough(recorded: Path) -> None:
    """``agentchan channels | head -1`` shows no traceback."""
    command = f"{sys.executable} -m agentchan.cli --socket {recorded / 'well.sock'} channels --json | head -c 10"
    done = subprocess.run(["sh", "-c", command], cwd=ROOT, capture_output=True, check=False)
    assert (done.stdout, done.stderr) == (b'{"channels', b"")


# -- completion --------------------------------------------------------------------------------------------------------


def complete(recorded: Path, *words: str) -> list[str]:
    """What bash would be offered for the last word."""
    environ = {
        **os.environ,
        "_AGENTCHAN_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(["agentchan", *words]),
        "COMP_CWORD": str(len(words)),
        "AGENTCHAN_SOCKET": str(recorded / "well.sock"),
    }
    program_file = "import sys; sys.argv = ['agentchan']; from agentchan.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program_file], env=environ, cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [line.partition(",")[2] for line in done.stdout.splitlines() if line]


def test_completion(recorded: Path) -> None:
    """Commands, options, and the names of channels that the daemon has."""
    assert complete(recorded, "st") == ["status"]
    assert complete(recorded, "fail") == ["failovers", "failing-over"]
    assert "--watch" in complete(recorded, "status", "--")
    assert complete(recorded, "explain", "ivr1-11") == [f"ivr1-{number}" for number in range(110, 120)]
    assert complete(recorded, "signals", "sh") == ["show"]
    assert "--socket" in complete(recorded, "--")


def test_completion_without_a_daemon(tmp_path: Path) -> None:
    """It offers nothing, and says nothing."""
    assert complete(tmp_path, "explain", "ivr1") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_what_a_shell_needs_for_it(shell: str) -> None:
    """A script that the shell can read."""
    result = run(None, "completion", shell)
    assert result.exit_code == 0
    assert f"_AGENTCHAN_COMPLETE={shell}_complete" in result.stdout
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=result.stdout, text=True, check=True)


# -- manual ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", ["agentchan.1", "agentchan.toml.5"])
def test_the_manual_is_current(page: str) -> None:
    """The pages in docs/man are those that the program makes."""
    result = run(None, "manual", page)
    assert result.stdout == (MAN / page).read_text(encoding="utf-8"), "make it anew: agentchan manual --write docs/man"


def test_the_manual_can_be_written(tmp_path: Path) -> None:
    """All pages, into a folder."""
    assert run(None, "manual", "--write", str(tmp_path / "man")).exit_code == 0
    assert sorted(path.name for path in (tmp_path / "man").iterdir()) == ["agentchan.1", "agentchan.toml.5"]
    assert run(None, "manual").exit_code == 2


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
@pytest.mark.parametrize("page", ["agentchan.1", "agentchan.toml.5"])
def test_the_manual_is_roff(page: str) -> None:
    """Without a warning, and with the options as one would type them."""
    done = subprocess.run(
        ["groff", "-man", "-Tutf8", "-Kutf8", "-ww", "-P-c", "-P-b", "-P-u", str(MAN / page)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    assert ("--older-than" if page == "agentchan.1" else "heartbeat_interval") in done.stdout
