"""From a file to a configuration, or to the list of everything that is wrong with it."""

from __future__ import annotations

import re
import socket
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs

from agentchan.config import rules
from agentchan.config.faults import ConfigurationError, Fault, Place, Problem, dotted
from agentchan.config.files import FileUnusableError, read_file
from agentchan.config.key_lines import key_lines
from agentchan.config.model import Configuration
from agentchan.config.reading import Reader

DEFAULT_PATH = Path("/etc/agentchan/agentchan.toml")
VARIABLE = "AGENTCHAN_CONFIG"

_LARGEST_FILE = 1024 * 1024
# tomllib's work, and ours, grows with the square of a key's parts; no key here has more than four.
_MANY_PARTS = re.compile(r"""(?<![\w"'-])(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){100}""", re.ASCII)
_MOST_FAULTS = 1000
_AT_LINE = re.compile(r" \(at (?:line ([0-9]+), column [0-9]+|end of document)\)$")


def find(option: str | None, environ: Mapping[str, str]) -> Path:
    """Which configuration file is meant: the option, else ``AGENTCHAN_CONFIG``, else the usual place."""
    return Path(option or environ.get(VARIABLE) or DEFAULT_PATH)


def load(path: Path, *, environment: bool = True, host_name: str | None = None) -> Configuration:
    """Read a configuration file and check it; blocks while it reads files.

    Args:
        path: the file.
        environment: whether the files that it names are read and checked too.
        host_name: the default of ``ivr.instance_id``; by default this machine's.

    Raises:
        ConfigurationError: with all faults at once, in the order of the file's lines.
    """
    try:
        data = read_file(path, _LARGEST_FILE)
    except FileUnusableError as error:
        remedy = f"a TOML file of at most 1 MiB; name it with --config or {VARIABLE}"
        raise ConfigurationError([Fault(path, 0, "file", str(error), remedy)]) from None
    return parse(data, path, environment=environment, host_name=host_name)


def parse(data: bytes, path: Path, *, environment: bool = False, host_name: str | None = None) -> Configuration:
    """Like ``load``, of bytes at hand.

    Args:
        data: the content of the file.
        path: the name it has in faults; relative paths in it start from its folder.
        environment: as in ``load``.
        host_name: as in ``load``.

    Raises:
        ConfigurationError: as in ``load``.
    """
    raw, lines = _tables(data, path)
    own_name = socket.gethostname() if host_name is None else host_name
    reader = Reader(Configuration, path.absolute().parent, supplied={("ivr", "instance_id"): own_name})
    configuration: Configuration = reader.whole(raw)
    reader.problems += list(rules.faults(configuration, reader.sound))
    warnings: list[Problem] = []
    contents = configuration.contents
    if environment:
        # Imported here because cryptography costs the command line 50 ms that it does not need.
        from agentchan.config.environment import Environment  # noqa: PLC0415  see above

        surroundings = Environment()
        surroundings.look(configuration, reader.sound)
        reader.problems += surroundings.problems
        warnings, contents = surroundings.warnings, surroundings.contents
    if reader.problems:
        raise ConfigurationError(placed(reader.problems, path, lines))
    warnings += rules.warnings(configuration)
    return attrs.evolve(
        configuration,
        path=path,
        contents=contents,
        given=frozenset(reader.given),
        lines=lines,
        warnings=placed(warnings, path, lines),
    )


def _tables(data: bytes, path: Path) -> tuple[dict[str, Any], dict[Place, int]]:
    """What tomllib reads, and where it stands.

    Raises:
        ConfigurationError: it is too large, not UTF-8, or not TOML.
    """
    if len(data) > _LARGEST_FILE:
        raise ConfigurationError([Fault(path, 0, "file", "has more than 1 MiB", "at most 1 MiB")])
    try:
        # TOML is UTF-8; an editor's byte order mark is no part of it.
        text = data.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        fault = Fault(path, line, "file", f"byte {error.start} is not UTF-8", "TOML is written in UTF-8")
        raise ConfigurationError([fault]) from None
    many = _MANY_PARTS.search(text)
    if many:
        line = text.count("\n", 0, many.start()) + 1
        fault = Fault(path, line, "TOML", "has a key of more than 100 parts", "keys of a few parts")
        raise ConfigurationError([fault])
    try:
        raw = tomllib.loads(text)
        return raw, key_lines(text)
    except RecursionError:
        fault = Fault(path, 0, "TOML", "is nested too deeply", "tables and lists a few levels deep")
    except (ValueError, OverflowError) as error:
        fault = _syntax_fault(str(error), path, text)
    raise ConfigurationError([fault])


def _syntax_fault(message: str, path: Path, text: str) -> Fault:
    where = _AT_LINE.search(message)
    line = 0
    if where:
        line = int(where[1]) if where[1] else text.rstrip("\n").count("\n") + 1
        message = message[: where.start()]
    printable = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in message)
    return Fault(path, line, "TOML", printable, "TOML 1.0, see https://toml.io/en/v1.0.0")


def placed(problems: Iterable[Problem], path: Path, lines: Mapping[Place, int]) -> tuple[Fault, ...]:
    """The problems with their lines, in the order of the lines.

    A key that is missing is on the line of its table, and on line 1 if that is missing too. More than a thousand are
    cut short, with their number.
    """
    faults = []
    for problem in problems:
        above = (problem.place[:length] for length in range(len(problem.place), 0, -1))
        line = next((lines[place] for place in above if place in lines), 1)
        faults.append(Fault(path, line, dotted(problem.place), problem.wrong, problem.allowed))
    faults.sort(key=lambda fault: fault.line)
    if len(faults) > _MOST_FAULTS:
        more = len(faults) - _MOST_FAULTS
        faults[_MOST_FAULTS:] = [Fault(path, 0, "file", f"has {more} more faults", "mend these first")]
    return tuple(faults)
