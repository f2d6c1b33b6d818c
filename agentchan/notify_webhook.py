"""Posts to the webhook of a ``[[notify]]`` entry, with the daemon's own dialer and TLS settings."""

from __future__ import annotations

from typing import Any

from attrs import frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from agentchan.ce.component_link import Dialing
from agentchan.ce.connection import Connection
from agentchan.ce.deadline import within
from agentchan.ce.dialer import DialFailed
from agentchan.ce.errors import ExchangeFailed
from agentchan.ce.service_url import ServiceUrl

_GOOD = range(200, 300)


class PostFailedError(Exception):
    """A notice did not arrive; the text says why, without the URL's path, which may be a secret."""


@frozen
class _Message:
    """What is posted."""

    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ((b"Content-Type", b"application/json; charset=utf-8"),)
    duty: str = ""


class Post:
    """One post.

    Args:
        octets: JSON.
        deadline: seconds for all of it.
    """

    def __init__(self, reactor: Any, dialer: Dialing, url: str, octets: bytes, deadline: float) -> None:
        self._reactor = reactor
        self._dialer = dialer
        self._url = url
        self._octets = octets
        self._deadline = deadline
        self._connection: Connection | None = None
        self._posting: Deferred[None] | None = None

    def begin(self) -> Deferred[None]:
        """Post; fails with PostFailedError."""
        late = PostFailedError(f"{place_of(self._url)}: no answer within {self._deadline:g} s")
        self._posting = Deferred.fromCoroutine(self._exchange())
        return within(self._reactor, self._deadline, self._posting, lambda: late).addErrback(self._failed)

    def give_up(self) -> None:
        """End it; it fails then."""
        if self._posting is not None:
            self._posting.cancel()

    async def _exchange(self) -> None:
        # Looked at here, since the dialer's reason would show all of it.
        if place_of(self._url) == _NOWHERE:
            raise PostFailedError("the entry's url cannot be dialled")
        connection = self._connection = await self._dialer.dial(
            self._url,
            connect_timeout=self._deadline,
            tls_timeout=self._deadline,
            user_timeout=self._deadline,
            on_bytes=lambda: None,
            on_lost=lambda _reason: None,
        )
        answer = await connection.exchange(_Message(self._octets))
        connection.close()
        if answer.status not in _GOOD:
            raise PostFailedError(f"{connection.url.where} answered with HTTP status {answer.status}")

    def _failed(self, failure: Failure) -> Failure:
        if self._connection is not None:
            self._connection.abort("notification given up")
        match failure.value:
            case DialFailed(reason=reason) | ExchangeFailed(reason=reason):
                return Failure(PostFailedError(reason))
            case CancelledError():
                return Failure(PostFailedError(f"{place_of(self._url)}: given up"))
        return failure


_NOWHERE = "a webhook"


def place_of(url: str) -> str:
    """Host and port of a webhook, which may be logged."""
    try:
        return ServiceUrl.parse(url).where
    except ValueError:
        return _NOWHERE
