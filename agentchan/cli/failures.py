"""How a command ends when it does not end well: an exit status for scripts, cause and remedy for people."""

from __future__ import annotations

import json
from enum import IntEnum
from typing import IO, Any

import click


class ExitStatus(IntEnum):
    """The exit statuses of interfaces.md 4."""

    DONE = 0
    NO = 1
    """No, or refused."""
    USAGE = 2
    NOT_RUNNING = 3
    UNKNOWN = 4
    CONFIGURATION = 78
    """EX_CONFIG of sysexits.h."""


class Failure(click.ClickException):
    """A command cannot do what it should.

    Attributes:
        code: lower-case-with-hyphens, for ``--json``.
        remedies: what to type or to do, a line each.
        status: the exit status.
    """

    def __init__(
        self, code: str, message: str, status: ExitStatus = ExitStatus.NO, remedies: tuple[str, ...] = ()
    ) -> None:
        super().__init__(message)
        self.code = code
        self.remedies = remedies
        self.exit_code = int(status)

    def show(self, file: IO[Any] | None = None) -> None:
        """Write it: to standard error for people, as JSON to standard output where ``--json`` was given."""
        context = click.get_current_context(silent=True)
        if context is not None and context.params.get("as_json"):
            error = {"code": self.code, "message": self.message, "remedies": list(self.remedies)}
            click.echo(json.dumps({"error": error}))
            return
        click.echo(f"{click.style('agentchan:', fg='red', bold=True)} {self.message}", file=file, err=file is None)
        for remedy in self.remedies:
            click.echo(f"  {remedy}", file=file, err=file is None)
