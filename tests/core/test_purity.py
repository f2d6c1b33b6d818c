"""The core knows no reactor, clock, chance, file, socket or XML."""

from __future__ import annotations

import subprocess
import sys

FORBIDDEN = ("twisted", "time", "random", "os", "socket", "logging", "sqlite3", "lxml", "zeep", "structlog", "pathlib")

PROGRAM = f"""
import pkgutil, sys
# What the core may use has its own reasons to import more.
import attrs, automat, collections, datetime, enum, heapq, itertools, math, typing

for name in [*sys.modules, *{FORBIDDEN!r}]:
    if name.partition(".")[0] in {FORBIDDEN!r}:
        sys.modules[name] = None  # an import of it fails
import agentchan.core
for module in pkgutil.iter_modules(agentchan.core.__path__):
    __import__(f"agentchan.core.{{module.name}}")
print(len([name for name in sys.modules if name.startswith("agentchan.core.")]))
"""


def test_imports() -> None:
    """Every module of the core can be imported where nothing that touches the world can be."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 15
