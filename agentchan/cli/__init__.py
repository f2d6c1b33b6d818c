"""The command line: it talks to the daemon's Unix socket and imports no Twisted, so that it answers at once."""

from __future__ import annotations


def main() -> None:
    """The program ``agentchan``."""
    from agentchan.cli.program import program  # noqa: PLC0415  nothing is loaded by whoever only imports this package

    program()
