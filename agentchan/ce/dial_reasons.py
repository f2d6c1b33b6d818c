"""Twisted's and OpenSSL's failures of a connection in an operator's words, each one line that names the peer."""

from __future__ import annotations

import os

from OpenSSL import SSL
from twisted.internet import error as twisted_error
from twisted.python.failure import Failure

from agentchan.ce.openssl_errors import explain_openssl, openssl_words
from agentchan.ce.service_url import ServiceUrl


def describe_refusal(url: ServiceUrl, failure: Failure) -> str:
    """Why no TCP connection came about."""
    if failure.check(twisted_error.DNSLookupError, twisted_error.UnknownHostError):
        return f"{url.where}: name {url.host} does not resolve (no such name, or no name server answers)"
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


def describe_loss(url: ServiceUrl, failure: Failure, *, certificate_missing: bool, unused: bool) -> str:
    """Why an established connection has ended, where the peer or the network ended it.

    A TLS 1.3 server judges the client's certificate after the client's handshake is complete, so its refusal is told
    here.

    Args:
        url: of the connection.
        failure: Twisted's.
        certificate_missing: whether the peer asked for a client certificate and there is none.
        unused: whether the peer has never answered on it.
    """
    if failure.check(SSL.Error):
        explained = explain_openssl(failure.value, has_certificate=not certificate_missing)
        return f"{url.where} {explained or f'broke the TLS connection ({openssl_words(failure.value)})'}"
    hint = " (it had asked for a client certificate: set certificate_file in [tls])"
    if not certificate_missing or not unused:
        hint = ""
    if failure.check(twisted_error.ConnectionDone):
        return f"{url.where} closed the connection{hint}"
    if hint:
        return f"the connection to {url.where} was lost{hint}"
    return f"the connection to {url.where} was lost (reset, cut off, or not acknowledged in time)"


def _system_words(error: twisted_error.ConnectError) -> str:
    """The system's own text for an error of connect()."""
    number = error.osError
    return os.strerror(number) if isinstance(number, int) else _one_line(str(error))


def _one_line(text: str) -> str:
    """An error's text without line ends."""
    return " ".join(text.split())
