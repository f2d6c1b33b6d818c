"""https on ``listen``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from OpenSSL import SSL
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.protocols.tls import TLSMemoryBIOFactory
from zope.interface import implementer

from agentchan.api.unix_socket import DoorError


@implementer(IOpenSSLServerConnectionCreator)
class _Server:
    def __init__(self, context: SSL.Context) -> None:
        self._context = context

    def serverConnectionForTLS(self, protocol: Any) -> SSL.Connection:  # noqa: ARG002, N802  Twisted's signature
        return SSL.Connection(self._context, None)


def server_context(reactor: Any, factory: Any, certificate_file: Path, key_file: Path | None) -> Any:
    """A factory that speaks TLS (1.2 or newer) and then what ``factory`` speaks; blocks while it reads the files.

    Args:
        reactor: its clock.
        factory: what is spoken inside.
        certificate_file: the certificate with its chain, PEM.
        key_file: its key, PEM; None where the certificate's file has it too.

    Raises:
        DoorError: a file cannot be used.
    """
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_options(SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_COMPRESSION)
    try:
        context.use_certificate_chain_file(str(certificate_file))
        context.use_privatekey_file(str(key_file or certificate_file))
        context.check_privatekey()
    except (SSL.Error, OSError) as error:
        raise DoorError(
            f"[api] certificate_file {certificate_file} and key_file {key_file} cannot be used: {error or 'unreadable'}"
        ) from None
    return TLSMemoryBIOFactory(_Server(context), isClient=False, wrappedFactory=factory, clock=reactor)
