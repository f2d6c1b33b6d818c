"""What a check has found, as values."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any

from attrs import frozen


class Result(Enum):
    """How a check ended."""

    PASSED = "passed"
    WARNING = "warning"
    """It works, but somebody should look at it."""
    FAILED = "failed"
    SKIPPED = "skipped"
    """It could not be looked at, or there was no need to."""


class Group(Enum):
    """What belongs together, in the order in which it is told."""

    CONFIGURATION = "Configuration"
    MACHINE = "This machine"
    COMPONENT_LINK = "Component link"
    CONNECTOR = "IVR Connector"
    ACTIVE = "Who is active"
    PROFILE = "Profile"
    ENDPOINTS = "Endpoints and the IVR"
    DAEMON = "The daemon"
    SYSTEMD = "systemd"


@frozen
class Finding:
    """One line.

    Attributes:
        check: what was looked at.
        text: what was found.
        remedy: what to do about it; a command, or a sentence; empty where nothing is to be done.
    """

    group: Group
    check: str
    result: Result
    text: str
    remedy: str = ""


@frozen
class Report:
    """All findings, in order.

    Attributes:
        seconds: what the examination took.
        faulty_configuration: whether the daemon would not start with this configuration.
    """

    findings: tuple[Finding, ...]
    seconds: float = 0.0
    faulty_configuration: bool = False

    def count(self, result: Result) -> int:
        """How many checks ended so."""
        return sum(finding.result is result for finding in self.findings)

    @property
    def healthy(self) -> bool:
        """Whether nothing failed."""
        return not self.count(Result.FAILED)

    def as_json(self) -> dict[str, Any]:
        """As ``--json`` prints it."""
        return {
            "ok": self.healthy,
            "seconds": round(self.seconds, 3),
            "counts": {result.value: self.count(result) for result in Result},
            "checks": [
                {
                    "group": finding.group.value,
                    "check": finding.check,
                    "result": finding.result.value,
                    "text": finding.text,
                    "remedy": finding.remedy or None,
                }
                for finding in self.findings
            ],
        }


def passed(group: Group, check: str, text: str) -> Finding:
    """All is well."""
    return Finding(group, check, Result.PASSED, text)


def warning(group: Group, check: str, text: str, remedy: str) -> Finding:
    """It works, but."""
    return Finding(group, check, Result.WARNING, text, remedy)


def failed(group: Group, check: str, text: str, remedy: str) -> Finding:
    """It does not work."""
    return Finding(group, check, Result.FAILED, text, remedy)


def skipped(group: Group, check: str, text: str, remedy: str = "") -> Finding:
    """It was not looked at."""
    return Finding(group, check, Result.SKIPPED, text, remedy)


def in_order(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """By groups; within each as they came."""
    groups = list(Group)
    return tuple(sorted(findings, key=lambda finding: groups.index(finding.group)))
