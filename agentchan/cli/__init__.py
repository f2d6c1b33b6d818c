"""The command line: it talks to the daemon's Unix socket and imports no Twisted, so that it answers at once."""

from __future__ import annotations

import sys


def main() -> None:
    """The program ``agentchan``."""
    from agentchan.cli.program import program  # noqa: PLC0415  nothing is loaded by whoever only imports this package

    for stream in (sys.stdout, sys.stderr):
        # A terminal that has no sign for a letter shows another one, and no traceback.
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")
    program()
