"""How the journal is, as ``status`` and ``/readyz`` show it."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from pathlib import Path

from attrs import frozen


class State(Enum):
    """Whether the journal can be written."""

    OK = "ok"
    FAILING = "failing"
    """It cannot be written, and is tried again all the time."""
    CLOSED = "closed"


@frozen
class Health:
    """The journal's state.

    Attributes:
        since: since when it is so.
        reason: what is wrong and what helps; empty while all is well.
        set_aside: where a damaged file was put in this run, None if none was. What it held is not known any more
            unless it could be rescued; somebody has to look at it.
    """

    state: State
    since: datetime
    reason: str = ""
    set_aside: Path | None = None
