"""What the API says instead of an answer: a code for programs, a sentence for people, a status for HTTP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any


class Refused(Exception):  # noqa: N818  an answer, not a fault of ours
    """A request is answered with an error.

    Attributes:
        code: lower-case-with-hyphens, stable; programs look at it.
        message: cause and remedy, for people.
        status: the HTTP status, 400 to 599.
        details: more fields of the ``error`` object, plain JSON values.
        headers: more headers of the answer.
    """

    def __init__(
        self,
        code: str,
        message: str,
        status: int = HTTPStatus.CONFLICT,
        *,
        details: Mapping[str, Any] | None = None,
        headers: Sequence[tuple[str, str]] = (),
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = int(status)
        self.details = dict(details or {})
        self.headers = tuple(headers)

    def as_json(self) -> dict[str, Any]:
        """The body of the answer (interfaces.md 3)."""
        return {"error": {"code": self.code, "message": self.message, **self.details}}


class Malformed(Refused):
    """A request that is no request of this API: 400."""

    def __init__(self, message: str, code: str = "malformed") -> None:
        super().__init__(code, message, HTTPStatus.BAD_REQUEST)


class UnknownChannel(Refused):
    """404 for a channel that is neither configured nor known by a call or a pending signal.

    Attributes:
        channel: as it was named.
    """

    def __init__(self, channel: str) -> None:
        self.channel = channel
        super().__init__(
            "unknown-channel",
            f"there is no channel {channel!r}; 'agentchan channels' lists them, [ivr] channels and aliases name them",
            HTTPStatus.NOT_FOUND,
        )


def call_ended(call_id: str) -> Refused:
    """409 for a NewCall after its call's Gone."""
    return Refused("call-ended", f"the Gone of call {call_id!r} was already accepted", HTTPStatus.CONFLICT)


def unknown_signal(signal_id: str) -> Refused:
    """404 for a signal id that the journal does not have (any more)."""
    return Refused(
        "unknown-signal", f"there is no signal {signal_id!r}; 'agentchan signals' lists them", HTTPStatus.NOT_FOUND
    )


def journal_unavailable(cause: str) -> Refused:
    """503 for a call signal that could not be put on disk: nothing of it was accepted."""
    return Refused(
        "journal-unavailable",
        f"the journal cannot be written: {cause}; nothing was accepted, try again",
        HTTPStatus.SERVICE_UNAVAILABLE,
        headers=(("Retry-After", "1"),),
    )
