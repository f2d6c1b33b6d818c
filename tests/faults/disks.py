"""A disk of a few megabytes, which can be filled to the last byte."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

SIZE = 4 * 1024 * 1024
"""Bytes: a journal with its log, and some thousand signals."""
PIECE = 4096


def why_not(directory: Path) -> str:
    """Why no disk can be made here; empty if one can."""
    if os.geteuid() != 0:
        return "a tmpfs is mounted by root"
    made = subprocess.run(_mount(directory), capture_output=True, text=True, check=False)
    if made.returncode != 0:
        return f"no tmpfs can be mounted: {made.stderr.strip()}"
    _unmount(directory)
    return ""


def _mount(directory: Path) -> list[str]:
    return ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=0700", "agentchan-test", str(directory)]


def _unmount(directory: Path) -> None:
    # Lazily: a daemon that is about to end may have the journal open.
    subprocess.run(["umount", "--lazy", str(directory)], check=True)


@frozen
class Disk:
    """The disk, and where it is."""

    directory: Path

    @property
    def _ballast(self) -> Path:
        return self.directory / "ballast"

    def fill(self) -> None:
        """Leave not one page."""
        with self._ballast.open("ab", buffering=0) as ballast:
            try:
                while True:
                    ballast.write(bytes(PIECE))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise

    def make_room(self) -> None:
        """Somebody has cleared up."""
        self._ballast.unlink(missing_ok=True)


@contextmanager
def mounted(directory: Path) -> Iterator[Disk]:
    """A fresh disk on a directory."""
    directory.mkdir()
    subprocess.run(_mount(directory), check=True)
    try:
        yield Disk(directory)
    finally:
        _unmount(directory)
