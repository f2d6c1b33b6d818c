"""The running daemon's own view of itself, where one runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from agentchan import __version__
from agentchan.api.problems import problems
from agentchan.cli.daemon import Daemon
from agentchan.cli.failures import ExitStatus, Failure
from agentchan.config import as_json
from agentchan.doctor.findings import Finding, Group, failed, passed, skipped, warning
from agentchan.doctor.patient import Patient
from agentchan.doctor.running import PATIENCE, Running, who_listens

_GROUP = Group.DAEMON

_GRAVE = frozenset(
    {
        "journal-failing",
        "no-host-answers",
        "none-active",
        "ambiguous",
        "pinned-not-active",
        "agent-channel-down",
        "contended",
        "ivr-down",
    }
)
"""What keeps calls from being taken."""


def ask_daemon(path: Path) -> Running:
    """What is known of the daemon behind a socket; blocks."""
    pid, uid = who_listens(path)
    client = Daemon(path)
    try:
        status = client.get("/v1/status", patience=PATIENCE)
        in_force = client.get("/v1/configuration", patience=PATIENCE)
    except Failure as failure:
        is_there = failure.exit_code != ExitStatus.NOT_RUNNING
        return Running(why_not=failure.message, is_there=is_there, pid=pid, uid=uid)
    return Running(status, in_force, is_there=True, pid=pid, uid=uid)


def daemon_findings(patient: Patient, running: Running) -> list[Finding]:
    """What is to be said of it."""
    return list(_findings(patient, running))


def _findings(patient: Patient, running: Running) -> Iterator[Finding]:
    if running.status is None:
        if running.is_there:
            yield failed(_GROUP, "daemon", running.why_not, "journalctl -u agentchan -n 50")
        else:
            yield skipped(
                _GROUP, "daemon", f"it does not run: nobody answers at {patient.socket}", "systemctl start agentchan"
            )
        return
    status = running.status
    version = status.get("version")
    if version == __version__:
        yield passed(_GROUP, "daemon", f"agentchan {version} answers at {patient.socket}")
    else:
        text = f"agentchan {version} runs, while {__version__} is installed"
        yield warning(_GROUP, "daemon", text, "systemctl restart agentchan")
    yield from _own_view(status)
    yield from _in_force(patient, running)


def _own_view(status: Mapping[str, Any]) -> Iterator[Finding]:
    told = status.get("problems")
    found = problems(status) if told is None else list(told)
    for problem in found:
        kind = failed if problem.get("code") in _GRAVE else warning
        yield kind(
            _GROUP, str(problem.get("code")), str(problem.get("text")), str(problem.get("remedy") or "agentchan status")
        )
    if found:
        return
    channel = status.get("agent_channel") or {}
    text = (
        f"the agent channel is {channel['state']} to {channel.get('host')}"
        if channel
        else "it answers the two questions"
    )
    yield passed(_GROUP, "its own view", f"all is well: {text}")


def _in_force(patient: Patient, running: Running) -> Iterator[Finding]:
    """Whether the daemon runs with what is in the file."""
    if running.in_force is None:
        return
    different = list(_differences(as_json(patient.configuration), running.in_force, ""))
    if different:
        text = f"the file differs from what is in force: {', '.join(different[:5])}"
        text += f" and {len(different) - 5} more" if len(different) > 5 else ""  # noqa: PLR2004  as above
        yield warning(_GROUP, "configuration in force", text, "agentchan reload   (it says what needs a restart)")
    else:
        yield passed(_GROUP, "configuration in force", f"what is in force is that of {patient.configuration.path}")


def _differences(file: Any, force: Any, place: str) -> Iterator[str]:
    if isinstance(file, Mapping) and isinstance(force, Mapping):
        for key in dict.fromkeys((*file, *force)):
            yield from _differences(file.get(key), force.get(key), f"{place}.{key}" if place else str(key))
    elif file != force:
        yield place
