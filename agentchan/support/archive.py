"""Writes the bundle: a tar archive that only its owner may read, with a list of what is in it."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from agentchan.support.gathering import Piece

_FOLDER = "agentchan-support"

_HEAD = """\
What 'agentchan support-bundle' has gathered at {at}.

Passwords, tokens, private keys, webhooks' paths and arguments of commands are replaced by ***, telephone numbers by
their last two digits. Nobody can foresee where a site writes its secrets: look through the files before you hand them
on.

"""


def contents(pieces: Sequence[Piece], at: datetime) -> str:
    """The list of what is in the bundle."""
    widest = max((len(piece.name) for piece in pieces), default=0)
    lines = [f"{piece.name:<{widest}}  {piece.about}" for piece in pieces]
    return _HEAD.format(at=at.isoformat(timespec="seconds")) + "\n".join(lines) + "\n"


def write_archive(path: Path, pieces: Sequence[Piece], at: datetime) -> int:
    """Write the archive; returns its size in bytes.

    Args:
        path: it must not exist.
        pieces: what is in it.
        at: when they were gathered.

    Raises:
        OSError: it cannot be written, or is there already.
    """
    readme = Piece("README.txt", contents(pieces, at), "this list")
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file, tarfile.open(fileobj=file, mode="w:gz") as archive:
        for piece in (readme, *pieces):
            octets = piece.text.encode(errors="replace")
            entry = tarfile.TarInfo(f"{_FOLDER}/{piece.name}")
            entry.size, entry.mtime, entry.mode = len(octets), int(at.timestamp()), 0o600
            archive.addfile(entry, io.BytesIO(octets))
    return path.stat().st_size
