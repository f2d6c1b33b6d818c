"""The addresses that this machine's hosts file gives to names."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

import structlog
from attrs import define, field

log = structlog.get_logger("agentchan.sip")

_LOOKED_AT_EVERY = 5.0
"""Seconds between looks whether the file has changed."""

_LARGEST = 256 * 1024
"""Bytes that are read, which takes some milliseconds; lists of blocked names can be many megabytes."""


@define
class HostsFile:
    """A hosts(5) file, read again when it has changed."""

    path: Path
    _entries: dict[str, tuple[str, ...]] = field(factory=dict, init=False)
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
        return self._entries.get(name, ())

    def _look(self) -> None:
        try:
            status = self.path.stat()
            signature = (status.st_mtime_ns, status.st_size)
            if signature == self._signature:
                return
            with self.path.open("rb") as stream:
                content = stream.read(_LARGEST)
        except OSError as error:
            if self._entries or self._signature is None:
                log.warning("hosts-file-unreadable", path=str(self.path), error=error.strerror)
            self._entries, self._signature = {}, (0, 0)
            return
        self._signature = signature
        if status.st_size > _LARGEST:
            log.warning("hosts-file-too-large", path=str(self.path), used_bytes=_LARGEST)
        self._entries = _read(content)


def _read(content: bytes) -> dict[str, tuple[str, ...]]:
    entries: dict[str, tuple[str, ...]] = {}
    for line in content.decode("utf-8", "replace").splitlines():
        address, *names = line.partition("#")[0].split() or ("",)
        try:
            address = str(ip_address(address))
        except ValueError:
            continue
        for name in names:
            key = name.lower().removesuffix(".")
            if address not in entries.get(key, ()):
                entries[key] = (*entries.get(key, ()), address)
    return entries
