"""Configurations for the doctor, and what comes of an examination."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from agentchan import configured
from agentchan.ce.profile import Profile
from agentchan.ce.profile_loader import load_profile
from agentchan.config import load
from agentchan.doctor.findings import Finding, Result
from agentchan.doctor.patient import Patient
from agentchan.lab.daemon_process import toml


@cache
def profile(name: str) -> Profile:
    """A profile, read once."""
    return load_profile(name)


def written(folder: Path, tables: Mapping[str, Mapping[str, Any]] | None = None) -> Path:
    """A configuration of three channels in a folder, with more tables."""
    whole: dict[str, dict[str, Any]] = {
        "ivr": {"name": "ivr1", "channels": ["ivr1-{1..3}"], "instance_id": "host-a"},
        "component_link": {"urls": ["http://127.0.0.1:9/C"]},
        "api": {"socket": str(folder / "a.sock")},
        "journal": {"path": str(folder / "a.sqlite3")},
    }
    for name, values in (tables or {}).items():
        whole[name] = {**whole.get(name, {}), **values}
    path = folder / "agentchan.toml"
    path.write_text(toml(whole), encoding="utf-8")
    return path


def patient(path: Path, *, sign_on: bool = False) -> Patient:
    """What is examined."""
    configuration = load(path)
    found = profile(configuration.ce.profile)
    tls = configured.tls_settings(configuration)
    return Patient(configuration, found, tls, configuration.api.socket, {}, sign_on=sign_on)


def of(findings: Any, check: str) -> list[Finding]:
    """The findings of a check."""
    return [finding for finding in findings if finding.check == check]


def one(findings: Any, check: str) -> Finding:
    """The one finding of a check."""
    (found,) = of(findings, check)
    return found


def failures(findings: Any) -> list[str]:
    """What failed."""
    return [finding.text for finding in findings if finding.result is Result.FAILED]
