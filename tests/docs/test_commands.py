"""Every command line can be typed: the command is there, and so are its options."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from contextlib import suppress
from itertools import takewhile
from pathlib import Path

import click
import pytest

from agentchan.cli.program import program
from tests.docs.pages import PAGES, ROOT, Block, blocks, codes, name_of

SHELL = blocks("sh")
_ENDS = ("&&", "||", ";", "|", ">", "<")


def command_lines(text: str) -> Iterator[list[str]]:
    """The words of each call of agentchan in a script, without its name."""
    for line in re.sub(r"\\\n *", " ", text).splitlines():
        words = shlex.split(line, comments=True)
        for begin, word in enumerate(words):
            if re.fullmatch(r"(.*/)?agentchan", word) and (begin == 0 or words[begin - 1] in _ENDS):
                yield list(takewhile(lambda each: each not in _ENDS, words[begin + 1 :]))


def understand(words: list[str]) -> None:
    """Read a command line as the program does, without doing anything.

    Raises:
        click.UsageError: it is none.
    """
    try:
        context = program.make_context("agentchan", list(words))
        while isinstance(context.command, click.Group) and context._protected_args + context.args:
            rest = [*context._protected_args, *context.args]
            name, command, rest = context.command.resolve_command(context, rest)
            assert command is not None
            context = command.make_context(name, rest, parent=context)
    except click.exceptions.Exit:  # --help and --version end there
        return


@pytest.mark.parametrize("block", SHELL, ids=str)
def test_blocks_of_commands(block: Block) -> None:
    """Each line with agentchan in it is one that the program takes."""
    for words in command_lines(block.text):
        understand(words)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_in_the_text(page: Path) -> None:
    """The same of those between backticks; they may be only the names of commands."""
    for code in codes(page):
        if code.startswith("agentchan "):
            for words in command_lines(code):
                with suppress(click.MissingParameter):
                    understand(words)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_targets_of_make(page: Path) -> None:
    """Each is in the Makefile."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    lines = [*codes(page), *(line for block in SHELL if block.page == page for line in block.text.splitlines())]
    assert {line.split()[1] for line in lines if line.startswith("make ")} <= targets


@pytest.mark.parametrize(
    "words", ["status --wtach", "lab kil ce1", "explain a b", "nonsense", "failovers --limit many", "drain --for 5m"]
)
def test_what_is_no_command_is_found(words: str) -> None:
    """The tests above can fail."""
    with pytest.raises(click.UsageError):
        understand(words.split())


def test_lines_are_taken_apart() -> None:
    """By the shell's own signs; what is quoted or a comment is none."""
    script = "agentchan drain --reason 'a && b' && reboot # agentchan x\ncurl x | agentchan ready --all > y"
    assert list(command_lines(script)) == [["drain", "--reason", "a && b"], ["ready", "--all"]]
