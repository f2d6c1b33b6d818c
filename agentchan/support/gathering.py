"""Gathers what is to be in the bundle, from wherever it can be had; what cannot be had is said, and is no failure."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import attrs
from attrs import frozen

from agentchan import __version__
from agentchan.cli.daemon import Daemon
from agentchan.cli.failures import Failure
from agentchan.config import Configuration, Notify, show
from agentchan.config.faults import key_text
from agentchan.config.files import FileUnusableError, read_file
from agentchan.config.showing import toml_text
from agentchan.support.redacting import HIDDEN, Redactor, place_only

LARGEST = 2 * 1024 * 1024
"""Bytes of one file; of what is longer the end is left, since that is the newest."""

MOST_EVENTS = 500
MOST_ROWS = 200
JOURNAL_LINES = 1000

_DOCTOR_TIME = 30.0
_COMMAND_TIME = 10.0
_LARGEST_PROFILE_FILE = 2 * 1024 * 1024
_MOST_PROFILE_FILES = 200
_PACKAGES = ("twisted", "pyopenssl", "cryptography", "service-identity", "lxml", "zeep", "attrs", "structlog", "click")


@frozen
class Piece:
    """One file of the bundle.

    Attributes:
        name: its path in the bundle.
        text: without secrets.
        about: what it is, in a line.
    """

    name: str
    text: str
    about: str


@frozen
class Gatherer:
    """Gathers.

    Attributes:
        redactor: takes the secrets out of everything.
        daemon: the running daemon, if there is one.
        configuration_path: of the file.
        configuration: None where it is faulty.
        faults: of the configuration.
        unit: the systemd unit's name.
        run: runs a program and returns its output; raises OSError or SubprocessError.
    """

    redactor: Redactor
    daemon: Daemon
    configuration_path: Path
    configuration: Configuration | None
    faults: Sequence[str]
    unit: str
    run: Callable[[Sequence[str], float], str]

    def pieces(self) -> Iterator[Piece]:
        """Everything, as far as it can be had."""
        yield self._json("versions.json", versions(), "versions of agentchan, Python, its libraries and this machine")
        yield from self._configuration()
        for name, path, about in (
            ("status.json", "/v1/status", "the daemon's own view"),
            ("configuration-in-force.json", "/v1/configuration", "the configuration that the daemon runs with"),
            ("failovers.json", f"/v1/failovers?limit={MOST_ROWS}", "the newest failovers, phase by phase"),
            ("endpoints.json", "/v1/endpoints", "the SIP endpoints that are watched"),
            ("timing.json", "/v1/timing", "what failover time is made up of"),
        ):
            yield self._asked(name, path, about, _as_it_is)
        yield self._asked(
            "channels.json", "/v1/channels", "channels by their states, and those that need a look", summary
        )
        yield self._asked("calls.json", "/v1/calls", "how many calls are open", _count_of("calls"))
        signals = f"/v1/signals?fate=refused,expired,pending&limit={MOST_ROWS}"
        yield self._asked("signals.json", signals, "call signals that wait, were refused or expired", _as_it_is)
        yield self._asked("events.json", "/v1/events", "what has happened lately", _newest)
        yield self._doctor()
        properties = ("systemctl", "show", self.unit, "--no-pager")
        yield self._program("systemd.txt", properties, "the state of the systemd unit")
        lines = ("journalctl", "--unit", self.unit, f"--lines={JOURNAL_LINES}", "--no-pager", "--output=short-iso")
        yield self._program("journal.txt", lines, "the last lines of the log")
        yield from self._profile()

    # -- pieces --------------------------------------------------------------------------------------------------------

    def _text(self, name: str, text: str, about: str) -> Piece:
        if len(text) > LARGEST:
            # Whole lines: half a secret would not be known for one.
            text = f"… cut …\n{text[-LARGEST:].partition(chr(10))[2]}"
        return Piece(name, self.redactor.text(text), about)

    def _json(self, name: str, value: Any, about: str) -> Piece:
        text = json.dumps(self.redactor.value(value), indent=2, ensure_ascii=False, default=str)
        return self._text(name, f"{text}\n", about)

    def _missing(self, name: str, why: str, about: str) -> Piece:
        return self._text(f"{name}.missing", f"{why}\n", f"not there: {about}")

    def _asked(self, name: str, path: str, about: str, choose: Callable[[Any], Any]) -> Piece:
        """What the daemon answers."""
        try:
            return self._json(name, choose(self.daemon.get(path)), about)
        except Failure as failure:
            return self._missing(name, failure.message, about)

    def _program(self, name: str, command: Sequence[str], about: str) -> Piece:
        """What a program prints."""
        try:
            return self._text(name, self.run(command, _COMMAND_TIME), about)
        except (OSError, subprocess.SubprocessError) as error:
            return self._missing(name, f"{command[0]}: {error}", about)

    def _doctor(self) -> Piece:
        command = [sys.executable, "-m", "agentchan.cli", "doctor", "--json"]
        command += ["--config", str(self.configuration_path), "--socket", str(self.daemon.path)]
        about = "what 'agentchan doctor' finds"
        try:
            return self._json("doctor.json", json.loads(self.run(command, _DOCTOR_TIME)), about)
        except (OSError, subprocess.SubprocessError, ValueError) as error:
            return self._missing("doctor.json", f"agentchan doctor: {error}", about)

    def _configuration(self) -> Iterator[Piece]:
        about = "the effective configuration, secrets and webhooks hidden"
        if self.configuration is None:
            yield self._text(
                "configuration-faults.txt", "\n".join([*self.faults, ""]), "what is wrong with the configuration"
            )
            return
        yield self._text("configuration.toml", show(_hidden(self.configuration, self.redactor)), about)

    def _profile(self) -> Iterator[Piece]:
        """A site profile's folder; a shipped one is in every installation."""
        if self.configuration is None or "/" not in self.configuration.ce.profile:
            return
        folder = self.configuration_path.parent / self.configuration.ce.profile
        for path in sorted(folder.rglob("*"))[:_MOST_PROFILE_FILES]:
            name = f"profile/{path.relative_to(folder)}"
            about = "the site profile, constants that look like secrets hidden"
            if not path.is_file() or path.suffix.lower() not in (".toml", ".wsdl", ".xsd"):
                continue
            try:
                text = read_file(path, _LARGEST_PROFILE_FILE).decode(errors="replace")
                if path.suffix.lower() == ".toml":
                    values = _profile_without_secrets(tomllib.loads(text), self.redactor)
                    yield Piece(name, "\n".join([*_toml(values, ()), ""]), about)
                else:
                    yield self._text(name, text, about)
            except (FileUnusableError, tomllib.TOMLDecodeError) as error:
                yield self._missing(name, str(error), about)


def versions() -> dict[str, Any]:
    """What is installed, and on what."""
    packages: dict[str, str | None] = {}
    for name in _PACKAGES:
        try:
            packages[name] = version(name)
        except PackageNotFoundError:
            packages[name] = None
    try:
        system = platform.freedesktop_os_release().get("PRETTY_NAME")
    except OSError:
        system = None
    return {
        "agentchan": __version__,
        "python": platform.python_version(),
        "packages": packages,
        "system": system,
        "kernel": platform.release(),
        "machine": platform.machine(),
    }


def run_program(command: Sequence[str], patience: float) -> str:
    """Run a program and return its output, whatever its status.

    Raises:
        OSError: it cannot be started.
        SubprocessError: it did not end in time.
    """
    done = subprocess.run(command, capture_output=True, timeout=patience, check=False, stdin=subprocess.DEVNULL)
    return (done.stdout or done.stderr).decode(errors="replace")


# -- what is left of an answer ----------------------------------------------------------------------------------------


def _as_it_is(value: Any) -> Any:
    return value


def _count_of(name: str) -> Callable[[Any], Any]:
    return lambda value: {name: len(value.get(name, ()))}


def _newest(value: Mapping[str, Any]) -> Any:
    return {**value, "events": list(value.get("events", ()))[-MOST_EVENTS:]}


def summary(value: Mapping[str, Any]) -> dict[str, Any]:
    """Channels by state, and the first few rows of those that are not as they should be."""
    rows = list(value.get("channels", ()))
    counted = Counter(f"wanted {row.get('wanted')}, reported {row.get('reported')}" for row in rows)
    odd = [row for row in rows if row.get("stuck") or row.get("known_to_ce") is False or _is_odd(row)]
    return {"channels": len(rows), "states": dict(counted), "need_a_look": odd[:MOST_ROWS], "of_these": len(odd)}


def _is_odd(row: Mapping[str, Any]) -> bool:
    ready = row.get("reported") in ("Ready", "Busy", "Wrapup")
    return ready is not (row.get("wanted") == "ready")


# -- the configuration and the profile --------------------------------------------------------------------------------


def _hidden(configuration: Configuration, redactor: Redactor) -> Configuration:
    """The configuration without what may be a secret by its place."""
    values = {
        pattern: {str(key): str(each) for key, each in redactor.value(texts).items()}
        for pattern, texts in configuration.ivr.channel_values.items()
    }
    ivr = attrs.evolve(configuration.ivr, channel_values=values)
    return attrs.evolve(configuration, ivr=ivr, notify=tuple(_hidden_entry(entry) for entry in configuration.notify))


def _hidden_entry(entry: Notify) -> Notify:
    """Who is told: of a webhook only where it is, of a command only the program."""
    url = None if entry.url is None else place_only(entry.url)
    command = (entry.command[0], *[HIDDEN] * (len(entry.command) - 1)) if entry.command else ()
    return attrs.evolve(entry, url=url, command=command)


def _profile_without_secrets(values: dict[str, Any], redactor: Redactor) -> dict[str, Any]:
    found: dict[str, Any] = redactor.value(values)
    soap = found.get("soap")
    if isinstance(soap, dict):
        if soap.get("headers"):
            # Constant XML for the header is where somebody without [ce.auth] would put an account.
            soap["headers"] = HIDDEN
        if isinstance(values["soap"].get("password"), str):
            soap["password"] = values["soap"]["password"]  # "text" or "digest": how it is sent
    return found


def _toml(values: Mapping[str, Any], place: tuple[str, ...]) -> Iterator[str]:
    """Values as TOML, without comments, in which secrets may be, too."""
    tables = {key: value for key, value in values.items() if isinstance(value, dict) or _is_tables(value)}
    for key, value in values.items():
        if key not in tables:
            yield f"{key_text(key)} = {toml_text(value)}"
    for key, value in tables.items():
        here = (*place, key_text(key))
        for each in value if isinstance(value, list) else [value]:
            brackets = ("[[", "]]") if isinstance(value, list) else ("[", "]")
            yield from ("", f"{brackets[0]}{'.'.join(here)}{brackets[1]}")
            yield from _toml(each, here)


def _is_tables(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, dict) for each in value)
