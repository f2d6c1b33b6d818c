"""How often one client may ask: a script that runs wild must not keep the daemon from its heartbeats."""

from __future__ import annotations

from ipaddress import ip_address

from attrs import define, field

_MOST_HOSTS = 1024
"""Hosts that are remembered; [api] allow mostly names a handful."""


@define
class Rates:
    """A bucket per host, which fills by ``rate`` a second up to as much, and which each request takes one from.

    The machine's own addresses are not counted: what runs here can do worse than ask.

    Attributes:
        rate: requests a second, and so many at once after a pause.
    """

    rate: float
    _buckets: dict[str, tuple[float, float]] = field(factory=dict)

    def allows(self, host: str, now: float) -> bool:
        """Whether one more request of a host is answered.

        Args:
            host: its address.
            now: monotonic seconds.
        """
        if _is_own(host):
            return True
        # Taken out and put in again: so the first in order is the host that has been quiet for longest.
        left, then = self._buckets.pop(host, (self.rate, now))
        left = min(self.rate, left + (now - then) * self.rate)
        allowed = left >= 1
        if len(self._buckets) >= _MOST_HOSTS:
            del self._buckets[next(iter(self._buckets))]
        self._buckets[host] = (left - allowed, now)
        return allowed


def _is_own(host: str) -> bool:
    try:
        return ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False
