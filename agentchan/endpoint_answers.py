"""What the EndpointAvailable node says, and a row of ``agentchan endpoints`` (interfaces.md, 3 and 4)."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from agentchan.rfc3339 import rfc3339_of


@frozen
class EndpointAnswer:
    """The answer to one question.

    Attributes:
        available: None where nobody knows.
        uri: as it was asked.
        reason: one line that says why.
        status_code: of the newest probe, None where it brought no SIP answer.
        latency: of the newest probe, in seconds.
        checked_at: when the newest probe ended, seconds since the epoch; None before the first one.
        age: seconds since then.
    """

    available: bool | None
    uri: str
    reason: str
    status_code: int | None = None
    latency: float | None = None
    checked_at: float | None = None
    age: float | None = None

    def as_json(self) -> dict[str, Any]:
        """The fields of ``GET /v1/endpoint-available``."""
        return {
            "available": self.available,
            "uri": self.uri,
            "status_code": self.status_code,
            "latency_ms": _latency_ms(self.latency),
            "checked_at": _instant(self.checked_at),
            "age_ms": _age_ms(self.age),
            "reason": self.reason,
        }


@frozen
class EndpointRow:
    """One watched endpoint.

    Attributes:
        since: since when ``available`` is what it is, seconds since the epoch; None while it never was settled.
        configured: whether it is watched all the time.
    """

    uri: str
    available: bool | None
    reason: str
    configured: bool
    status_code: int | None = None
    latency: float | None = None
    since: float | None = None
    age: float | None = None

    def as_json(self) -> dict[str, Any]:
        """The fields of a row of ``GET /v1/endpoints``."""
        return {
            "uri": self.uri,
            "available": self.available,
            "status_code": self.status_code,
            "latency_ms": _latency_ms(self.latency),
            "since": _instant(self.since),
            "age_ms": _age_ms(self.age),
            "reason": self.reason,
            "configured": self.configured,
        }


def _latency_ms(seconds: float | None) -> float | None:
    """With one digit after the point: on the same site an answer takes less than a millisecond."""
    return None if seconds is None else round(seconds * 1000.0, 1)


def _age_ms(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000.0)


def _instant(seconds: float | None) -> str | None:
    """ISO 8601 in UTC, from seconds since the epoch."""
    if seconds is None:
        return None
    return rfc3339_of(seconds)
