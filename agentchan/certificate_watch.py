"""Looks at the certificates in use, and tells of those whose end is near: CE's, and our own.

CE's are known as they were at the last handshake; our own are read, since a reload may have renewed them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import structlog
from cryptography import x509
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.internet.threads import deferToThreadPool
from twisted.python.failure import Failure

from agentchan.config.files import FileUnusableError, read_file
from agentchan.rfc3339 import rfc3339

log = structlog.get_logger("agentchan.certificates")

LOOK_EVERY = 3600.0
"""Seconds between two looks."""

TOLD_AGAIN = 86_400.0
"""Seconds after which the same certificate is told of again."""

NEAR = timedelta(days=30)
"""Before its end a certificate is told of."""

_LARGEST_FILE = 4 * 1024 * 1024

Known = Mapping[str, datetime | None]
"""By certificate: when it expires, None where there is none, or it has not been seen yet."""


class CertificateWatch:
    """Looks again and again.

    Attributes:
        near: by certificate whose end is near, or has passed, what is to be said of it; as of the newest look.

    Args:
        reactor: Twisted's.
        wall: the time of day, seconds since the epoch.
        known: the certificates whose end is known without a look at the disk; asked at each look.
        file: the certificate that our own https door shows; asked at each look, None where it shows none.
        tell: publishes an event.
        on_seen: told of each certificate at each look (``Metrics.certificate``).
    """

    def __init__(
        self,
        reactor: Any,
        wall: Callable[[], float],
        *,
        known: Callable[[], Known],
        file: Callable[[], Path | None],
        tell: Callable[..., None],
        on_seen: Callable[[str, datetime | None], None],
    ) -> None:
        self._reactor = reactor
        self._wall = wall
        self._known = known
        self._file = file
        self._tell = tell
        self._on_seen = on_seen
        self.near: dict[str, str] = {}
        self._told_at: dict[str, float] = {}
        self._timer = LoopingCall(self.look)
        self._timer.clock = reactor

    def start(self) -> None:
        """Look now, and go on."""
        self._timer.start(LOOK_EVERY)

    def stop(self) -> None:
        """Look no more."""
        if self._timer.running:
            self._timer.stop()

    def look(self) -> Deferred[None]:
        """Look at all of them; fires when that is done."""
        return Deferred.fromCoroutine(self._look()).addErrback(self._broken)

    async def _look(self) -> None:
        ends = dict(self._known())
        path = self._file()
        ends["api"] = None
        if path is not None:
            ends["api"] = await deferToThreadPool(self._reactor, self._reactor.getThreadPool(), not_after, path)
        for name, end in ends.items():
            self._on_seen(name, end)
            if end is None or (left := end - datetime.fromtimestamp(self._wall(), UTC)) > NEAR:
                self.near.pop(name, None)
            else:
                when = f"{end:%Y-%m-%d %H:%M} UTC"
                expires = f"expires on {when}, in {left.days} days" if left > timedelta() else f"expired on {when}"
                self.near[name] = f"the certificate {_NAMES.get(name, name)} {expires}"
                self._remind(name, end, left)

    def _remind(self, name: str, end: datetime, left: timedelta) -> None:
        """Tell of it, but not at every look."""
        now = self._reactor.seconds()
        if now - self._told_at.get(name, -TOLD_AGAIN) < TOLD_AGAIN:
            return
        self._told_at[name] = now
        self._tell(
            "certificate-expiring",
            level="warning",
            certificate=name,
            not_after=rfc3339(end),
            days=left.days,
            text=f"{self.near[name]}; {_REMEDIES.get(name, _RENEW)}",
        )

    def _broken(self, failure: Failure) -> None:
        """A fault of ours must not end more than this look."""
        log.error("certificate-watch-broken", exc_info=failure.value)


_RENEW = "renew it, then: agentchan reload"
_NAMES = {
    "ivr-connector": "of the active host's IVR Connector",
    "component-service": "of a Component Service",
    "client": "that we show to CE ([tls] certificate_file)",
    "api": "of our own https door ([api] certificate_file)",
}
_REMEDIES = {
    "ivr-connector": "CE's people have to renew it there",
    "component-service": "CE's people have to renew it there",
}


def not_after(path: Path) -> datetime | None:
    """When the first certificate of a PEM file expires; None where that cannot be read. Blocks."""
    try:
        return x509.load_pem_x509_certificates(read_file(path, _LARGEST_FILE))[0].not_valid_after_utc
    except (FileUnusableError, ValueError):
        return None
