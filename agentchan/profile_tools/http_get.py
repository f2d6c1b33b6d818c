"""One GET over http or https, bounded, with the daemon's own verification of certificates."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from attrs import frozen
from OpenSSL import SSL
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure
from twisted.web.client import Agent, PartialDownloadError, ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import IPolicyForHTTPS, IResponse
from zope.interface import implementer

from agentchan import __version__
from agentchan.ce.deadline import within
from agentchan.ce.dial_reasons import describe_refusal
from agentchan.ce.errors import one_line
from agentchan.ce.service_url import ServiceUrl
from agentchan.ce.tls import TlsSettings
from agentchan.ce.tls_handshake import Handshake
from agentchan.vocabulary import Secret


class GetFailed(Exception):  # noqa: N818 - it names an outcome, not a bug
    """There is no answer; the text is one line for an operator that names the peer."""


@frozen
class Account:
    """Who asks (RFC 7617)."""

    username: str
    password: Secret

    @property
    def header(self) -> str:
        """What stands in Authorization."""
        pair = f"{self.username}:{self.password.value}".encode()
        return f"Basic {base64.b64encode(pair).decode()}"


@frozen
class Got:
    """An answer.

    Attributes:
        date: the peer's clock as its Date header has it; None without one.
        location: where it sends us instead; None if it does not.
    """

    status: int
    content_type: str
    date: str | None
    location: str | None
    body: bytes


def get(
    reactor: Any,
    tls: TlsSettings,
    url: ServiceUrl,
    *,
    account: Account | None = None,
    patience: float = 10.0,
    largest: int = 8 * 1024 * 1024,
) -> Deferred[Got]:
    """Ask for what is at a URL; redirections are not followed.

    Args:
        reactor: Twisted's.
        tls: whom to believe, and who we are.
        url: where.
        account: who asks; None: nobody in particular.
        patience: seconds for all of it.
        largest: bytes of the body.

    Returns:
        A Deferred of the answer, whatever its status. Its errback is GetFailed.
    """
    policy = _Policy(url, tls)
    agent = Agent(reactor, policy, connectTimeout=patience)
    asked = Deferred.fromCoroutine(_get(agent, url, account, largest))
    waited = within(reactor, patience, asked, lambda: GetFailed(f"{url.where}: no answer within {patience:g} s"))
    return waited.addErrback(policy.explain)


async def _get(agent: Agent, url: ServiceUrl, account: Account | None, largest: int) -> Got:
    headers = Headers({"User-Agent": [f"agentchan/{__version__}"]})
    if account is not None:
        headers.addRawHeader("Authorization", account.header)
    response: IResponse = await agent.request(b"GET", url.text.encode("ascii"), headers)
    body = await _body(response, url, largest)
    return Got(
        status=response.code,
        content_type=_header(response, "content-type") or "",
        date=_header(response, "date"),
        location=_header(response, "location"),
        body=body,
    )


def _header(response: IResponse, name: str) -> str | None:
    values = response.headers.getRawHeaders(name)
    return one_line(values[0]) if values else None


def _body(response: IResponse, url: ServiceUrl, largest: int) -> Deferred[bytes]:
    collected: Deferred[bytes] = Deferred(lambda _: collector.abort())
    collector = _Collector(collected, largest, lambda: GetFailed(f"{url.where} sent more than {largest} bytes"))
    response.deliverBody(collector)
    return collected


class _Collector(Protocol):
    """Collects a body, up to a limit."""

    def __init__(self, collected: Deferred[bytes], largest: int, too_much: Callable[[], Exception]) -> None:
        self._collected = collected
        self._largest = largest
        self._too_much = too_much
        self._pieces: list[bytes] = []
        self._size = 0

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """A piece."""
        self._size += len(data)
        if self._size > self._largest:
            self.abort()
            self._end(Failure(self._too_much()))
        else:
            self._pieces.append(data)

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]  # noqa: N802 - Twisted's name
        """The end."""
        if reason.check(ResponseDone, PotentialDataLoss, PartialDownloadError):
            self._end(b"".join(self._pieces))
        else:
            self._end(reason)

    def abort(self) -> None:
        """No more is wanted."""
        transport: Any = self.transport
        transport.loseConnection()

    def _end(self, result: bytes | Failure) -> None:
        if not self._collected.called:
            self._collected.callback(result)


@implementer(IPolicyForHTTPS)
class _Policy:
    """Has certificates verified as the daemon does, and says afterwards what was wrong with one."""

    def __init__(self, url: ServiceUrl, tls: TlsSettings) -> None:
        self._url = url
        self._handshake = Handshake(url, tls)

    def creatorForNetloc(self, hostname: bytes, port: int) -> IOpenSSLClientConnectionCreator:  # noqa: ARG002, N802 - Twisted's signature
        """The one handshake of the one request."""
        return self._handshake

    def explain(self, failure: Failure) -> Failure:
        """Any failure of the request in an operator's words."""
        if failure.check(GetFailed):
            return failure
        reasons: list[Any] = getattr(failure.value, "reasons", None) or [failure]
        causes = [each for each in reasons if isinstance(each, Failure)] or [failure]
        # Of several that of TLS is the cause of the others.
        cause = next((each for each in causes if each.check(SSL.Error)), causes[0])
        if self._handshake.fault is not None or cause.check(SSL.Error):
            return Failure(GetFailed(self._handshake.describe(cause)))
        if cause.check(CancelledError):
            return Failure(GetFailed(f"{self._url.where}: given up"))
        return Failure(GetFailed(describe_refusal(self._url, cause)))
