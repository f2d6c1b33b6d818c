"""Twisted's and OpenSSL's failures of a connection in an operator's words, each one line that names the peer."""

from __future__ import annotations

from OpenSSL import SSL
from twisted.internet import error as twisted_error
from twisted.python.failure import Failure

from agentchan.ce.service_url import ServiceUrl
from agentchan.ce.tls_handshake import explain_openssl, openssl_words


def describe_refusal(url: ServiceUrl, failure: Failure) -> str:
    """Why no TCP connection came about."""
    if failure.check(twisted_error.DNSLookupError, twisted_error.UnknownHostError):
        return f"{url.where}: name {url.host} does not resolve"
    if failure.check(twisted_error.ConnectionRefusedError):
        return f"{url.where} refused the connection"
    if failure.check(twisted_error.NoRouteError):
        return f"{url.where}: no route to the host"
    if failure.check(twisted_error.TimeoutError, twisted_error.TCPTimedOutError):
        return f"{url.where} did not answer"
    error = failure.value
    if isinstance(error, twisted_error.ConnectError):
        return f"{url.where}: {_system_words(error)}"
    return f"{url.where}: {_one_line(str(error) or type(error).__name__)}"


def describe_loss(url: ServiceUrl, failure: Failure) -> str:
    """Why an established connection has ended, where the peer or the network ended it.

    A TLS 1.3 server judges the client's certificate after the client's handshake is complete, so its refusal is told
    here.
    """
    if failure.check(twisted_error.ConnectionDone):
        return f"{url.where} closed the connection"
    if failure.check(SSL.Error):
        explained = explain_openssl(failure)
        return f"{url.where} {explained or f'broke the TLS connection ({openssl_words(failure)})'}"
    return f"the connection to {url.where} was lost (reset by the peer, or no acknowledgement in time)"


def _system_words(error: twisted_error.ConnectError) -> str:
    """The system's own text for an error of connect()."""
    cause = getattr(error, "osError", None)
    text = getattr(cause, "strerror", None) if isinstance(cause, BaseException) else cause
    return _one_line(str(text or error))


def _one_line(text: str) -> str:
    """An error's text without line ends."""
    return " ".join(text.split())
