"""https on ``listen``."""

# ruff: noqa: N802  the names of Twisted's methods

from __future__ import annotations

from pathlib import Path
from typing import Any

from OpenSSL import SSL
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.protocols.tls import TLSMemoryBIOFactory
from zope.interface import implementer

from agentchan.api.door import Door
from agentchan.api.unix_socket import DoorError
from agentchan.api.wire import DoorChannel
from agentchan.ce.openssl_errors import openssl_words
from agentchan.config.files import FileUnusableError, read_file

_LARGEST_FILE = 4 * 1024 * 1024
"""Bytes; a certificate with its chain has some thousands."""


@implementer(IOpenSSLServerConnectionCreator)
class ServerCertificate:
    """The certificate and key that ``listen`` shows: TLS 1.2 or newer.

    Args:
        certificate_file: the certificate with its chain, PEM.
        key_file: its key, PEM; None where the certificate's file has it too.

    Raises:
        DoorError: a file cannot be used.
    """

    def __init__(self, certificate_file: Path, key_file: Path | None) -> None:
        self._certificate_file = certificate_file
        self._key_file = key_file
        self._context = _context(certificate_file, key_file)

    def renew(self) -> None:
        """Read the files again, for the connections to come; those that are open stay. Blocks while it reads.

        Raises:
            DoorError: a file cannot be used; what was shown so far goes on being shown.
        """
        self._context = _context(self._certificate_file, self._key_file)

    def serverConnectionForTLS(self, protocol: Any) -> SSL.Connection:  # noqa: ARG002  Twisted's signature
        """Begin a connection."""
        return SSL.Connection(self._context, None)


class TlsDoor(TLSMemoryBIOFactory):
    """Speaks TLS, and inside it what a door speaks.

    Args:
        reactor: its clock.
        door: the door.
        certificate: what is shown to clients.
    """

    def __init__(self, reactor: Any, door: Door, certificate: ServerCertificate) -> None:
        super().__init__(certificate, isClient=False, wrappedFactory=door, clock=reactor)

    def buildProtocol(self, addr: Any) -> Any:
        """A client connects; whoever is not let in is not worth a handshake, not even to be told so."""
        channel = self.wrappedFactory.buildProtocol(addr)
        if isinstance(channel, DoorChannel):
            return self.protocol(self, channel)
        if channel is not None:
            channel.connectionLost()
        return None


def _context(certificate_file: Path, key_file: Path | None) -> SSL.Context:
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_options(SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_COMPRESSION)
    key_file = key_file or certificate_file
    file = certificate_file
    try:
        # OpenSSL does not say why it cannot read a file.
        for file in (certificate_file, key_file):
            read_file(file, _LARGEST_FILE)
        context.use_certificate_chain_file(str(certificate_file))
        context.use_privatekey_file(str(key_file))
        context.check_privatekey()
    except FileUnusableError as error:
        reason = f"{file} {error}"
    except SSL.Error as error:
        reason = openssl_words(error)
    else:
        return context
    raise DoorError(f"[api] certificate_file {certificate_file} and key_file {key_file} cannot be used: {reason}")
