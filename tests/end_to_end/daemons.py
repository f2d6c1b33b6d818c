"""What the end-to-end tests are played with: real daemons beside a real pair, and what must hold after each story."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from attrs import define, field
from click.testing import CliRunner

from agentchan.cli.failures import Failure
from agentchan.cli.program import program
from agentchan.lab.daemon_process import DaemonProcess, toml
from agentchan.lab.host_process import LabError
from agentchan.lab.names import expand
from agentchan.lab.pair import Pair

Found = TypeVar("Found")
Tables = Mapping[str, Mapping[str, Any]]

PATIENCE = 30.0
"""Seconds for each thing that must happen: far more than it takes, since the machine may be busy."""

LOOK_EVERY = 0.02
"""Seconds between two looks at what must happen."""

QUICK: Tables = {
    "component_link": {"timeout": "1s", "watch_wait": "500ms", "poll_interval": "200ms"},
    "agent_channel": {"backoff_maximum": "500ms"},
}
"""Timings of most tests: the product's own longest pauses are longer than a test should take."""

_LINE = re.compile(r"\S+ (?P<level>debug|info|warning|error|critical) +(?P<event>\S+) ?(?P<rest>.*)")


def merged(*all_tables: Tables) -> dict[str, dict[str, Any]]:
    """Tables of a configuration; what is said later counts."""
    whole: dict[str, dict[str, Any]] = {}
    for tables in all_tables:
        for name, values in tables.items():
            whole[name] = {**whole.get(name, {}), **values}
    return whole


def wait_until(predicate: Callable[[], Found], what: str, *, timeout: float = PATIENCE) -> Found:
    """Ask until the answer is something true, and return that; no answer of daemon or host counts as not yet."""
    deadline = time.monotonic() + timeout
    while True:
        found: Any
        try:
            found = predicate()
        except (Failure, LabError) as error:
            found = error
        if found and not isinstance(found, Exception):
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout:.0f} s: {what}; the last answer was {found!r}")
        time.sleep(LOOK_EVERY)


class RunningDaemon(DaemonProcess):
    """A daemon under test: what an operator does to it, and what it has said."""

    def __init__(self, directory: Path, tables: Tables, name: str = "agentchan") -> None:
        super().__init__(directory, tables, name)
        self._story_at = 0
        self._checked_at = 0

    @property
    def ivr(self) -> str:
        """The IVR's name."""
        return str(self.tables["ivr"]["name"])

    @property
    def channels(self) -> tuple[str, ...]:
        """The names of its channels."""
        return tuple(expand(self.tables["ivr"]["channels"]))

    def configure(self, tables: Tables) -> None:
        """Write another configuration; what is not said stays."""
        self.tables = merged(self.tables, tables)
        self.configuration.write_text(toml(self.tables), encoding="utf-8")

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process."""
        os.kill(self.pid, number)

    def wait(self, timeout: float = PATIENCE) -> int:
        """Wait for its end, and return the exit status."""
        assert self._process is not None
        return self._process.wait(timeout)

    def rest(self) -> None:
        """Bring it back to where it began: it runs, and nothing is wanted by hand."""
        if not self.running:
            self.start()
        status = self.status()
        if status["ce"]["pinned"]:
            self.client.post("/v1/unfollow")
        if status["draining"]:
            self.client.post("/v1/resume")
        if self.channels:
            self.client.post("/v1/readiness", {"channels": "all", "ready": True})

    def end(self) -> None:
        """End it at once, whatever state it is in."""
        if self.running:
            self.send(signal.SIGCONT)
        self.kill()

    def type(self, *words: str, status: int = 0) -> str:
        """Run ``agentchan …`` as somebody at a terminal does; returns what it prints on both streams."""
        result = CliRunner().invoke(program, ["--socket", str(self.socket), *words], prog_name="agentchan")
        assert result.exit_code == status, (words, result.output, result.exception)
        return result.output

    def ask(self, *words: str) -> Any:
        """What a reading command prints with ``--json``."""
        return json.loads(self.type(*words, "--json"))

    def wait_status(self, predicate: Callable[[dict[str, Any]], Any], what: str) -> dict[str, Any]:
        """Wait until the status is as wanted, and return it."""
        status: dict[str, Any] = {}

        def holds() -> bool:
            nonlocal status
            status = self.status()
            return bool(predicate(status))

        try:
            wait_until(holds, what)
        except AssertionError as error:
            raise AssertionError(f"{error}\nstatus: {json.dumps(status)}\nlog: {self.last_words(20)}") from None
        return status

    def wait_channel(self, *states: str, host: str | None = None) -> dict[str, Any]:
        """Wait until the agent channel is in one of these states (at a host), and return the status."""
        return self.wait_status(
            lambda status: (
                status["agent_channel"]["state"] in states and host in (None, status["agent_channel"]["host"])
            ),
            f"agent channel {' or '.join(states)} at {host or 'any host'}",
        )

    def problems(self) -> set[str]:
        """The codes of what is wrong, by its status."""
        return {problem["code"] for problem in self.status()["problems"]}

    def begin_story(self) -> None:
        """What its log said until now is of another story."""
        self._story_at = len(self._log_after(0))

    def said(self, *events: str) -> list[str]:
        """The fields of each line that its log has of these events, since the story began."""
        matches = map(_LINE.fullmatch, self._log_after(self._story_at).splitlines())
        return [match["rest"] for match in matches if match and match["event"] in events]

    def offences(self, expected: Iterable[str] = ()) -> list[str]:
        """The lines of its log that are errors, or no lines of its log at all: tracebacks, warnings of Python.

        Each is told once.

        Args:
            expected: names of events that are errors and belong to the story.
        """
        text = self._log_after(self._checked_at)
        self._checked_at += len(text)
        found = []
        for line in text.splitlines():
            match = _LINE.fullmatch(line)
            level, event = (match["level"], match["event"]) if match else ("none", "")
            if level not in ("debug", "info", "warning") and event not in expected:
                found.append(line)
        return found

    def _log_after(self, at: int) -> str:
        """Its log, whole lines only."""
        text = self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""
        return text[at : text.rfind("\n") + 1]


@define(eq=False)
class Stage:
    """A pair, a directory, and the daemons that were started there."""

    pair: Pair
    directory: Path
    daemons: dict[str, RunningDaemon] = field(factory=dict)

    def daemon(
        self,
        name: str = "agentchan",
        *,
        ivr: str | None = None,
        channels: Collection[str] | None = None,
        tables: Tables | None = None,
        kind: type[RunningDaemon] = RunningDaemon,
    ) -> RunningDaemon:
        """A daemon for an IVR of the pair (default: the first one, with all its channels); it is not started."""
        ivr = ivr or next(iter(self.pair.ivrs))
        own: Tables = {
            "ivr": {
                "name": ivr,
                "channels": list(self.pair.ivrs[ivr] if channels is None else channels),
                "instance_id": name,
            },
            "ce": {"domain": "lab"},
            "component_link": {"urls": self.pair.component_urls},
        }
        made = kind(self.directory, merged(QUICK, own, tables or {}), name)
        self.daemons[name] = made
        return made

    def started(self, name: str = "agentchan", **how: Any) -> RunningDaemon:
        """A daemon that runs and whose channels are ready."""
        daemon = self.daemon(name, **how)
        daemon.start()
        self.wait_ready(daemon)
        return daemon

    def begin_story(self) -> RunningDaemon:
        """Bring all back to where it began, all channels ready at ce1; returns the first daemon, of a new story."""
        self.rest()
        daemon = next(iter(self.daemons.values()))
        daemon.rest()
        mark = daemon.status()["ce"]["generation_mark"]
        if mark is not None and mark["generation"] > self.pair.generation():
            self.pair.set_generation(mark["generation"])
        self.wait_ready(daemon)
        daemon.begin_story()
        return daemon

    def stop(self) -> None:
        """End every daemon, whatever state it is in."""
        for daemon in self.daemons.values():
            daemon.end()

    def rest(self) -> None:
        """Bring the pair back to where it began: both hosts run and behave, and ce1 is active."""
        pair = self.pair
        for name, process in pair.processes.items():
            if process.frozen:
                pair.thaw(name)
            if not process.running:
                pair.start(name)
        for name in pair.processes:
            pair.heal(name)
            pair.behave(name)
            for service in ("component", "connector"):
                pair.listen(name, service)
            pair.set_heartbeat_after_role_change(name, "not-active")
        pair.set_state("Running")
        if pair.active() != "ce1":
            pair.promote("ce1")

    def wait_ready(self, daemon: RunningDaemon, *, not_ready: Collection[str] = ()) -> dict[str, Any]:
        """Wait until the daemon, and the active host, say that all channels are ready but for these; returns status."""
        pair = self.pair
        wanted = len(daemon.channels) - len(not_ready)

        def holds(status: dict[str, Any]) -> bool:
            active = pair.active()
            return (
                status["agent_channel"]["state"] == "up"
                and status["agent_channel"]["host"] == active
                and status["ce"]["active"] == active
                and status["channels"]["ready"] == wanted
                and status["channels"]["not_ready"] == len(not_ready)
                and pair.states(daemon.ivr)["Ready"] == wanted
            )

        return daemon.wait_status(holds, f"{wanted} channels ready at the active host")

    def asked(self, host: str, operation: str) -> int:
        """How many requests of an operation have reached a host."""
        rows = self.pair.requests(host)
        return sum(row["what"] == "request" and row["operation"] == operation for row in rows)

    def all_is_well(
        self,
        *daemons: RunningDaemon,
        not_ready: Collection[str] = (),
        problems: Collection[str] = (),
        errors: Iterable[str] = (),
        open_calls: Collection[tuple[str, str]] = (),
        verdict: str = "following",
        **about: Any,
    ) -> None:
        """What must hold after each story.

        Every channel is ready at the active host, status says what is true, nothing has happened that must not, no
        channel is stuck, and no log has an error.

        Args:
            daemons: those that are to be signed on; default: all that run.
            not_ready: channels that are not wanted ready.
            problems: codes of what status rightly finds wrong.
            errors: events of the story that are logged as errors.
            open_calls: as :meth:`Pair.stuck` takes them.
            verdict: what status says of CE.
            about: as :meth:`Pair.violations` takes it.
        """
        for daemon in daemons or [each for each in self.daemons.values() if each.running]:
            status = self.wait_ready(daemon, not_ready=not_ready)
            assert status["ce"]["verdict"] == verdict, status["ce"]
            assert status["ce"]["generation"] == self.pair.generation(), status["ce"]
            assert {problem["code"] for problem in status["problems"]} == set(problems), status["problems"]
            assert daemon.client.get("/livez") == {"live": True, "reasons": []}
            if len(not_ready) < len(daemon.channels):
                assert daemon.client.get("/readyz") == {"ready": True, "reasons": []}
        for daemon in self.daemons.values():
            assert daemon.offences(errors) == [], daemon.log
        assert self.pair.violations(**about) == []
        assert self.pair.stuck(open_calls) == []


@contextmanager
def staged(directory: Path, *channels: str, **pair: Any) -> Iterator[Stage]:
    """A stage whose pair runs; ``pair`` are further arguments of :class:`Pair`. Afterwards no process is left."""
    with Pair(directory / "pair", channels or ("ivr1-{01..20}",) if "ivrs" not in pair else (), **pair) as running:
        stage = Stage(running, directory)
        try:
            yield stage
        finally:
            stage.stop()


def finished(command: list[str], **how: Any) -> subprocess.CompletedProcess[str]:
    """Run a program to its end."""
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **how)
