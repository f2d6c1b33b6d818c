"""Runs a command that must not outlive its parent: ``python -m agentchan.lab.leash PARENT COMMAND…``.

The kernel kills the command when the parent ends, however that happens. It is the kernel's own bond of process to
parent, which survives exec, so the command need not know of it. Linux only, as the lab is.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(parent: str, *command: str) -> None:
    """Become ``command``, bound to the life of the process ``parent``, which must be this one's parent."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(parent):  # it ended before the bond was made
        sys.exit(1)
    os.execvp(command[0], command)  # noqa: S606 - a list, no shell


if __name__ == "__main__":
    main(*sys.argv[1:])
