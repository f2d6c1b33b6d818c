"""The manual pages, made from the program and the configuration's reference, so that they cannot tell anything else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from inspect import cleandoc
from pathlib import Path

import click

from agentchan.cli.program import EXIT_STATUSES, SECTIONS, is_installed, program

_ENVIRONMENT = {
    "AGENTCHAN_CONFIG": "The configuration file, where --config is not given.",
    "AGENTCHAN_SOCKET": "The daemon's socket, where --socket is not given.",
    "NO_COLOR": "If set, and not empty, no colours are used.",
}
_FILES = {
    "/etc/agentchan/agentchan.toml": "The configuration; see agentchan.toml(5).",
    "/run/agentchan/agentchan.sock": "The daemon's socket; who may use it may do everything.",
    "/var/lib/agentchan/journal.sqlite3": "What the daemon remembers: call signals, wishes, failovers.",
}


def program_page() -> str:
    """agentchan(1)."""
    context = click.Context(program, info_name="agentchan", **program.context_settings)
    lines = [
        *_head("AGENTCHAN", 1, "agentchan", "keep an IVR's agent channel to the active Contact Expert host"),
        *_section("SYNOPSIS"),
        _bold("agentchan") + r" [\fIOPTIONS\fR] \fICOMMAND\fR …",
        *_section("DESCRIPTION"),
        *_text(
            "The command line of the agentchan daemon. It speaks to the daemon's Unix socket; what it may do is what "
            "the socket's permissions allow. Every command that reads has --json, which also prints errors as JSON."
        ),
        *_section("OPTIONS"),
        *_options(context),
    ]
    for title, commands in SECTIONS.items():
        lines += _section(f"COMMANDS: {title.upper()}")
        for name in commands:
            if is_installed(name):
                lines += _command(name, context)
    lines += [*_section("EXIT STATUS"), *_list((f"{status:d}", meaning) for status, meaning in EXIT_STATUSES.items())]
    lines += [*_section("ENVIRONMENT"), *_list(_ENVIRONMENT.items())]
    lines += [*_section("FILES"), *_list(_FILES.items())]
    lines += [*_section("SEE ALSO"), *_text("agentchan.toml(5), twistd(1), systemctl(1), journalctl(1)")]
    return "\n".join(lines) + "\n"


def configuration_page() -> str:
    """agentchan.toml(5)."""
    from agentchan.config import reference  # noqa: PLC0415  costs 50 ms that completion need not pay

    lines = [
        *_head("AGENTCHAN.TOML", 5, "agentchan.toml", "configuration of the agentchan daemon"),
        *_section("DESCRIPTION"),
        *_text(
            "The configuration is a TOML file, mostly /etc/agentchan/agentchan.toml. Durations are strings such as "
            '"250ms", "2s", "5m" or "1h30m". Relative paths start from the folder of the file. Unknown keys are '
            "faults. 'agentchan config check' lists every fault with its line, 'agentchan reload' applies what can "
            "change while the daemon runs."
        ),
    ]
    for line in reference().splitlines():
        if line.startswith("## "):
            lines += _section(line[3:].strip("`"))
        elif line.startswith("| `"):
            key, kind, default, change, meaning = (cell.replace("\\|", "|").strip() for cell in _cells(line))
            lines += [".TP", _bold(key.strip("`")) + f" ({_escaped(kind)}, {_default(default)})"]
            lines.append(_line(f"{meaning} A change needs a {change}."))
        elif line and not line.startswith("|"):
            lines += _text(line)
    lines += [*_section("SEE ALSO"), *_text("agentchan(1)")]
    return "\n".join(lines) + "\n"


PAGES = {"agentchan.1": program_page, "agentchan.toml.5": configuration_page}


def _cells(line: str) -> list[str]:
    return re.split(r"(?<!\\)\|", line)[1:-1]


def _default(text: str) -> str:
    return text if text in ("required", "not set") else f"default {_escaped(text.strip('`'))}"


def _command(name: str, above: click.Context) -> Iterator[str]:
    """A command, and those below it."""
    command = program.get_command(above, name)
    if command is None:
        return
    context = click.Context(command, info_name=name, parent=above)
    yield f'.SS "{_escaped(context.command_path)}"'
    yield from _described(command, context)
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            inner = command.get_command(context, below)
            if inner is not None and not inner.hidden:
                inner_context = click.Context(inner, info_name=below, parent=context)
                yield f'.SS "{_escaped(inner_context.command_path)}"'
                yield from _described(inner, inner_context)


def _described(command: click.Command, context: click.Context) -> Iterator[str]:
    usage = " ".join(command.collect_usage_pieces(context))
    yield f"{_bold(context.command_path)} {_escaped(usage)}"
    yield from _text(command.help or "")
    yield from _options(context)


def _options(context: click.Context) -> Iterator[str]:
    records = (param.get_help_record(context) for param in context.command.get_params(context))
    yield from _list(record for record in records if record and record[1] and "--help" not in record[0])


def _text(text: str) -> Iterator[str]:
    r"""Paragraphs; those that click's mark \b begins keep their lines."""
    for paragraph in cleandoc(text).split("\n\n"):
        yield ".PP"
        if paragraph.startswith("\b"):
            yield from (".nf", *(_line(line) for line in paragraph.splitlines()[1:]), ".fi")
        else:
            yield _line(" ".join(paragraph.split()))


def _list(entries: Iterable[tuple[str, str]]) -> Iterator[str]:
    for term, meaning in entries:
        yield from (".TP", _bold(term), _line(meaning))


def _head(title: str, section: int, name: str, what: str) -> Iterator[str]:
    yield f'.TH "{title}" "{section}" "" "agentchan" ""'
    yield from _section("NAME")
    yield f"{_escaped(name)} \\- {_escaped(what)}"


def _section(title: str) -> Iterator[str]:
    yield f'.SH "{_escaped(title)}"'


def _bold(text: str) -> str:
    return rf"\fB{_escaped(text)}\fR"


def _escaped(text: str) -> str:
    """What roff would take for its own; hyphens stay such, so that options can be copied."""
    return text.replace("\\", "\\e").replace("-", "\\-").replace('"', "\\(dq")


def _line(text: str) -> str:
    """A line of text, which must not look like one of roff's requests."""
    escaped = _escaped(text)
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped


@click.command(hidden=True)
@click.argument("page", type=click.Choice(list(PAGES)), required=False)
@click.option(
    "--write", metavar="FOLDER", type=click.Path(file_okay=False, path_type=Path), help="Write all pages there."
)
def manual(page: str | None, write: Path | None) -> None:
    """Print a manual page, or write all of them.

    \b
    Examples:
      agentchan manual agentchan.1 | man -l -
      agentchan manual --write docs/man
    """  # noqa: D301  \b is click's mark for text that is not to be wrapped
    if (page is None) == (write is None):
        raise click.UsageError("give either a page, or --write FOLDER")
    if page is not None:
        click.echo(PAGES[page](), nl=False)
    if write is not None:
        write.mkdir(parents=True, exist_ok=True)
        for name, make in PAGES.items():
            (write / name).write_text(make(), encoding="utf-8")
