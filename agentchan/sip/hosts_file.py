"""The addresses that this machine's hosts file gives to names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import ip_address
from itertools import islice
from pathlib import Path

import structlog
from attrs import define, field

log = structlog.get_logger("agentchan.sip")

_LOOKED_AT_EVERY = 5.0
"""Seconds between looks whether the file has changed."""

_LARGEST = 128 * 1024
"""Bytes that are read and searched: some 3,000 lines. Lists of blocked names can be much larger."""

_MOST_ADDRESSES = 16
"""Of one name."""

_MOST_KEPT = 10_000
"""Names whose addresses are remembered."""

_LINE = rb"^[ \t]*(\S+)[ \t](?:[^#\n]*[ \t])?%b\.?(?=[ \t\r\n#]|\Z)"
"""A line that has a name."""


@define
class HostsFile:
    """A hosts(5) file, read again when it has changed.

    It is searched for a name when that is asked for: to take some thousand lines apart would hold up the reactor.
    """

    path: Path
    _content: bytes = field(default=b"", init=False)
    _found: dict[str, tuple[str, ...]] = field(factory=dict, init=False)
    _looked_at: float | None = field(default=None, init=False)
    _signature: tuple[int, int] | None = field(default=None, init=False)

    def addresses(self, name: str, now: float) -> tuple[str, ...]:
        """The addresses of a name, in the order of the file; none where it is not in there.

        Args:
            name: lower case, without a closing dot.
            now: seconds of any monotonic clock.
        """
        if self._looked_at is None or now - self._looked_at >= _LOOKED_AT_EVERY:
            self._looked_at = now
            self._look()
        found = self._found.get(name)
        if found is None:
            if len(self._found) >= _MOST_KEPT:
                self._found.clear()
            found = self._found[name] = tuple(dict.fromkeys(islice(_search(self._content, name), _MOST_ADDRESSES)))
        return found

    def _look(self) -> None:
        try:
            status = self.path.stat()
            signature = (status.st_mtime_ns, status.st_size)
            if signature == self._signature:
                return
            with self.path.open("rb") as stream:
                content = stream.read(_LARGEST)
        except OSError as error:
            if self._content or self._signature is None:
                log.warning("hosts-file-unreadable", path=str(self.path), error=error.strerror)
            content, signature = b"", (0, 0)
        if signature[1] > _LARGEST:
            log.warning("hosts-file-too-large", path=str(self.path), used_bytes=_LARGEST)
        self._signature, self._content, self._found = signature, content.lower(), {}


def _search(content: bytes, name: str) -> Iterator[str]:
    """The addresses of the lines that have this name, in lower case as it is."""
    wanted = name.encode("ascii", "replace")
    if wanted not in content:
        return
    for line in re.finditer(_LINE % re.escape(wanted), content, re.MULTILINE):
        with suppress(ValueError):  # no address; the system's resolver passes over such a line too
            yield str(ip_address(line[1].decode("ascii", "replace")))
