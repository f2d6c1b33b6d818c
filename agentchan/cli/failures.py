"""How a command ends when it does not end well: an exit status for scripts, cause and remedy for people."""

from __future__ import annotations

import json
from enum import IntEnum
from typing import IO, Any

import click

from agentchan.cli.words import shown


class ExitStatus(IntEnum):
    """The exit statuses of interfaces.md 4."""

    DONE = 0
    """Done, or yes."""
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
        as_json: whether the command was asked for JSON.
    """

    def __init__(
        self,
        code: str,
        message: str,
        status: ExitStatus = ExitStatus.NO,
        remedies: tuple[str, ...] = (),
        *,
        as_json: bool | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.remedies = remedies
        self.exit_code = int(status)  # type: ignore[misc]  # click reads it from the instance
        # When click shows a failure, the command's context is gone.
        context = click.get_current_context(silent=True)
        asked = context is not None and bool(context.params.get("as_json"))
        self.as_json = asked if as_json is None else as_json

    def ending(self, status: ExitStatus) -> Failure:
        """The same with another exit status."""
        return Failure(self.code, self.message, status, self.remedies, as_json=self.as_json)

    def to_json(self) -> dict[str, Any]:
        """As ``--json`` prints it."""
        return {"error": {"code": self.code, "message": self.message, "remedies": list(self.remedies)}}

    def show(self, file: IO[Any] | None = None) -> None:
        """Write it: to standard error for people, as JSON to standard output where ``--json`` was given."""
        if self.as_json:
            click.echo(json.dumps(self.to_json()))
            return
        head = click.style("agentchan:", fg="red", bold=True)
        click.echo(f"{head} {shown(self.message)}", file=file, err=file is None)
        for remedy in self.remedies:
            click.echo(f"  {shown(remedy)}", file=file, err=file is None)
