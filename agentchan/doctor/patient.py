"""What is examined, and with what."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from attrs import frozen

from agentchan.ce.profile import Profile
from agentchan.ce.tls import TlsSettings
from agentchan.config import Configuration


@frozen
class Patient:
    """A configuration without faults, and what it names.

    Attributes:
        socket: of the running daemon, whether there is one or not.
        environ: this process's environment.
        sign_on: whether a sign-on is tried, where no daemon runs.
    """

    configuration: Configuration
    profile: Profile
    tls: TlsSettings
    socket: Path
    environ: Mapping[str, str]
    sign_on: bool = False


def until(end: datetime, now: datetime) -> str:
    """When something ends, for people: ``2027-03-01, in 97 days``."""
    days = (end - now).days
    return f"{end:%Y-%m-%d}, in {days} days" if days >= 1 else f"{end:%Y-%m-%d %H:%M} UTC"
