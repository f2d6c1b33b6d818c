"""A site in a booted machine: a CE pair, and the service as an operator has it."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from agentchan.lab.daemon_process import toml
from tests.systemd.machine import Machine

ROOT = Path(__file__).parents[2]
LAB = "/srv/lab"
SOURCE = "/srv/agentchan"
WHEELS = "/srv/wheels"
CONFIGURATION = "/etc/agentchan/agentchan.toml"
LISTEN = "127.0.0.1:8093"

Tables = dict[str, dict[str, Any]]


class Site:
    """What an operator does at a host, and what can be seen there."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    # -- the CE pair ---------------------------------------------------------------------------------------------------

    def start_pair(self, name: str = "lab") -> None:
        """A CE pair with TLS on this very host, whose authority is known to the service."""
        self.machine.run(
            *("systemd-run", "--quiet", f"--unit={name}", "--collect", "/opt/agentchan/bin/agentchan"),
            *("lab", "up", "--no-daemon", "--tls", "--directory", f"/srv/{name}"),
            *("--auto-failover-interval", "500ms"),
        )
        self.machine.wait_until(
            lambda: self.machine.attempt("test", "-e", f"/srv/{name}/lab.json").returncode == 0, what="the pair"
        )
        authority = f"/srv/{name}/certificates/ca.pem"
        self.machine.run("install", "-m", "644", authority, f"/etc/agentchan/{name}.pem")

    def lab(self, *order: str) -> str:
        """Give the pair an order."""
        return self.machine.run("/opt/agentchan/bin/agentchan", "lab", *order, "--directory", LAB)

    def pair_is_clean(self) -> str:
        """What ``agentchan lab check`` has found."""
        return self.machine.attempt("/opt/agentchan/bin/agentchan", "lab", "check", "--directory", LAB).stdout

    # -- the service ---------------------------------------------------------------------------------------------------

    def tables(self, pair: str = "lab") -> Tables:
        """The configuration for one of the CE pairs."""
        hosts = json.loads(self.machine.run("cat", f"/srv/{pair}/lab.json"))["hosts"]
        return {
            "ivr": {"name": "ivr1", "channels": ["ivr1-{001..120}"]},
            "ce": {"domain": "lab"},
            "component_link": {"urls": [host["component"] for host in hosts.values()]},
            "tls": {"ca_file": f"/etc/agentchan/{pair}.pem"},
            "api": {"listen": LISTEN},
        }

    def configure(self, tables: Mapping[str, Mapping[str, Any]], path: str = CONFIGURATION) -> None:
        """Write the configuration."""
        self.machine.write(path, toml(tables))

    def drop_in(self, text: str, unit: str = "agentchan.service") -> None:
        """What ``systemctl edit`` would write; an empty text takes it away."""
        path = f"/etc/systemd/system/{unit}.d/test.conf"
        if text:
            self.machine.write(path, text)
        else:
            self.machine.run("rm", "-f", path)
        self.machine.run("systemctl", "daemon-reload")

    def show(self, name: str, unit: str = "agentchan.service") -> str:
        """A property of a unit."""
        return self.machine.run("systemctl", "show", "--value", f"--property={name}", unit).strip()

    def agentchan(self, *arguments: str, user: str | None = None) -> subprocess.CompletedProcess[str]:
        """The command line, by default root's."""
        become = ("runuser", "-u", user, "--") if user else ()
        return self.machine.attempt(*become, "agentchan", *arguments)

    def status(self, *options: str) -> dict[str, Any]:
        """What ``agentchan status --json`` says; empty if nobody answers."""
        done = self.agentchan(*options, "status", "--json")
        found: dict[str, Any] = json.loads(done.stdout) if done.stdout.startswith("{") else {}
        return found

    def is_ready(self, channels: int = 120, options: tuple[str, ...] = ()) -> bool:
        """Whether the agent channel is up and so many channels are ready."""
        found = self.status(*options)
        up = found.get("agent_channel", {}).get("state") == "up"
        return up and found["channels"]["ready"] == channels

    def wait_ready(self, channels: int = 120, *options: str) -> None:
        """Wait until the agent channel is up and so many channels are ready."""
        self.machine.wait_until(
            lambda: self.is_ready(channels, options), what=f"{channels} ready channels: {self.status(*options)}"
        )

    def journal(self, **fields: str) -> list[dict[str, Any]]:
        """The journal's entries of the service that have these fields."""
        chosen = [f"{name}={value}" for name, value in fields.items()]
        said = self.machine.run("journalctl", "--no-pager", "-o", "json", "_SYSTEMD_UNIT=agentchan.service", *chosen)
        return [json.loads(line) for line in said.splitlines()]

    def ask(self, path: str, *options: str) -> subprocess.CompletedProcess[str]:
        """An IVR script's or a probe's question to ``listen``: prints the body, and the status on a line of its own."""
        return self.machine.attempt(
            "curl", "--silent", "--max-time", "30", *options, "--write-out", "\n%{http_code}", f"http://{LISTEN}{path}"
        )

    def restarts(self) -> int:
        """How often systemd has restarted it by itself."""
        return int(self.show("NRestarts"))

    def until(self, predicate: Callable[[], Any], what: str, timeout: float = 30.0) -> Any:
        """Wait for something."""
        return self.machine.wait_until(predicate, what=what, timeout=timeout)


def install_commands() -> list[str]:
    """The blocks of commands of docs/install.md under "By hand", in order: to install, and to begin."""
    text = (ROOT / "docs/install.md").read_text(encoding="utf-8")
    section = re.search(r"^## By hand$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    return re.findall(r"^```sh\n(.*?)^```$", section[1] if section else "", re.MULTILINE | re.DOTALL)
