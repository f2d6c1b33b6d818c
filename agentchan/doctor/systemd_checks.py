"""The systemd unit, where there is a systemd. It blocks."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from agentchan.doctor.findings import Finding, Group, failed, passed, skipped, warning
from agentchan.doctor.running import Running

UNIT = "agentchan.service"

_GROUP = Group.SYSTEMD
_TIME = 3.0
_BOOTED = Path("/run/systemd/system")
_IN_CGROUP = re.compile(r"/(agentchan(?:@[^/]+)?\.service)(?:/|$)", re.MULTILINE)
_PROPERTIES = ("LoadState", "ActiveState", "SubState", "UnitFileState", "Result", "NRestarts", "StatusText", "User")


def unit_of(pid: int | None) -> str:
    """The unit that a process belongs to; the usual one where that is not known."""
    try:
        text = Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8", errors="replace") if pid else ""
    except OSError:
        text = ""
    found = _IN_CGROUP.search(text)
    return found[1] if found else UNIT


def unit_state(unit: str, booted: Path = _BOOTED, command: Sequence[str] = ("systemctl",)) -> dict[str, str] | None:
    """What systemd says of a unit; None where there is no systemd, or it does not answer.

    Args:
        unit: its name.
        booted: what is there where systemd runs the machine.
        command: how it is asked.
    """
    if not booted.exists():
        return None
    arguments = [*command, "show", unit, "--no-pager", f"--property={','.join(_PROPERTIES)}"]
    try:
        done = subprocess.run(arguments, capture_output=True, text=True, timeout=_TIME, check=False)
    except (OSError, subprocess.SubprocessError):
        return None
    lines = (line.partition("=") for line in done.stdout.splitlines() if "=" in line)
    return {key: value for key, _, value in lines}


def systemd_findings(unit: str, state: Mapping[str, str] | None, running: Running) -> list[Finding]:
    """What is to be said of a unit."""
    return list(_findings(unit, state, running))


def _findings(unit: str, state: Mapping[str, str] | None, running: Running) -> Iterator[Finding]:
    if state is None:
        yield skipped(_GROUP, "unit", "systemd does not run this machine, or does not answer")
        return
    if state.get("LoadState") != "loaded":
        text = f"there is no {unit}" if state.get("LoadState") == "not-found" else f"{unit} is {state.get('LoadState')}"
        yield skipped(_GROUP, "unit", text)
        return
    active, result = state.get("ActiveState", "?"), state.get("Result", "?")
    text = f"{unit} is {active} ({state.get('SubState', '?')})"
    if active in ("active", "reloading"):
        yield passed(_GROUP, "unit", text + (f": {state['StatusText']}" if state.get("StatusText") else ""))
    elif result not in ("success", "?"):
        yield failed(_GROUP, "unit", f"{text}, it ended with: {result}", f"journalctl -u {unit} -n 50")
    elif running.is_there:
        yield warning(_GROUP, "unit", f"{text}, yet a daemon runs, started otherwise", f"systemctl start {unit}")
    else:
        yield warning(_GROUP, "unit", text, f"systemctl start {unit}")
    if state.get("UnitFileState") == "disabled":
        text = f"{unit} is not started with the machine"
        yield warning(_GROUP, "unit", text, f"systemctl enable {unit}")
    restarts = state.get("NRestarts", "0")
    if restarts.isdigit() and int(restarts):
        text = f"{unit} was restarted {restarts} times by systemd"
        yield warning(_GROUP, "unit", text, f"journalctl -u {unit} -p warning tells why")
