"""What TLS needs from the disk: whom to believe, and who we are.

Reading files is this module's only business; the handshake is ``tls_handshake``. A reload builds new settings and gives
them to the dialer: connections made from then on use them, those that are open keep what they were made with.
"""

from __future__ import annotations

import stat
from datetime import datetime
from pathlib import Path

from attrs import frozen
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from OpenSSL import SSL
from OpenSSL.crypto import X509, X509StoreFlags

from agentchan.ce.openssl_errors import openssl_words

_LARGEST_FILE = 8 * 1024 * 1024
"""Bytes. Debian's whole CA bundle has 0.2 MiB; what is larger than this is some other file, given by mistake."""


class TlsSettingsError(Exception):
    """A file of the [tls] section cannot be used; the text names the file and the cause, in one line.

    Attributes:
        file: the file at fault.
    """

    def __init__(self, file: Path, cause: str) -> None:
        super().__init__(f"{file}: {cause}")
        self.file = file


@frozen
class TlsSettings:
    """How every TLS connection to CE is made.

    Attributes:
        context: OpenSSL's form of the settings; shared by connections, never changed after it was built.
        has_certificate: whether there is a client certificate to show.
        certificate_not_after: when the client certificate expires, None without one.
    """

    context: SSL.Context
    has_certificate: bool = False
    certificate_not_after: datetime | None = None

    @classmethod
    def from_files(
        cls, ca_file: Path | None = None, certificate_file: Path | None = None, key_file: Path | None = None
    ) -> TlsSettings:
        """Read the settings; blocks for as long as the disk needs.

        Args:
            ca_file: PEM certificates to believe instead of the system's store. An intermediate CA or a server's own
                certificate in it is believed by itself.
            certificate_file: the client certificate in PEM, followed by the intermediate CAs to send with it.
            key_file: its private key in PEM, not encrypted; None where ``certificate_file`` holds the key too.

        Raises:
            TlsSettingsError: a file cannot be read, is not PEM, or the key does not belong to the certificate.
        """
        context = SSL.Context(SSL.TLS_METHOD)
        context.set_min_proto_version(SSL.TLS1_2_VERSION)
        # Renegotiation would verify a second certificate behind our back; compression leaks secrets (CRIME).
        context.set_options(SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_COMPRESSION)
        # A resumed session would skip the certificate, which has to be verified at every connect.
        context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        if ca_file is None:
            context.set_default_verify_paths()
        else:
            _believe(context, ca_file)
        if certificate_file is None:
            if key_file is not None:
                raise TlsSettingsError(key_file, "is a private key without a certificate (set certificate_file)")
            return cls(context)
        not_after = _identify(context, certificate_file, key_file or certificate_file)
        return cls(context, has_certificate=True, certificate_not_after=not_after)


def _believe(context: SSL.Context, ca_file: Path) -> None:
    """Trust the certificates of a file, and no others."""
    store = context.get_cert_store()
    if store is None:
        raise TlsSettingsError(ca_file, "OpenSSL has no store to put it in")
    for certificate in _certificates(ca_file):
        store.add_cert(X509.from_cryptography(certificate))
    # Without this an intermediate CA in the file is useless unless its root is there too.
    store.set_flags(X509StoreFlags.PARTIAL_CHAIN)


def _identify(context: SSL.Context, certificate_file: Path, key_file: Path) -> datetime:
    """Show the client certificate to servers that ask for one; answers when it expires."""
    own, *intermediates = _certificates(certificate_file)
    key = _private_key(key_file)
    if own.public_key() != key.public_key():
        raise TlsSettingsError(key_file, f"the key does not belong to the first certificate in {certificate_file}")
    try:
        context.use_certificate(own)
        for certificate in intermediates:
            context.add_extra_chain_cert(certificate)
    except SSL.Error as error:
        raise TlsSettingsError(certificate_file, f"OpenSSL refuses the certificate ({openssl_words(error)})") from error
    try:
        context.use_privatekey(key)  # type: ignore[arg-type]  # kinds of key that TLS cannot use are refused here
    except (SSL.Error, TypeError) as error:
        raise TlsSettingsError(key_file, f"the key cannot be used for TLS ({openssl_words(error)})") from error
    return own.not_valid_after_utc


def _certificates(file: Path) -> list[x509.Certificate]:
    """The certificates of a PEM file, at least one."""
    content = _content(file)
    try:
        return x509.load_pem_x509_certificates(content)
    except ValueError as error:
        if b"-----BEGIN CERTIFICATE" in content:
            raise TlsSettingsError(file, f"holds a certificate that cannot be read ({error})") from error
        raise TlsSettingsError(file, "holds no certificate in PEM form") from error


def _private_key(file: Path) -> PrivateKeyTypes:
    """The private key of a PEM file."""
    content = _content(file)
    try:
        return load_pem_private_key(content, password=None)
    except TypeError as error:
        raise TlsSettingsError(file, "the private key is encrypted (store it without a password)") from error
    except ValueError as error:
        raise TlsSettingsError(file, "holds no private key in PEM form") from error


def _content(file: Path) -> bytes:
    """A file's bytes, bounded."""
    try:
        if not stat.S_ISREG(file.stat().st_mode):  # to open a pipe would wait for somebody to write into it
            raise TlsSettingsError(file, "is no regular file")
        with file.open("rb") as stream:
            content = stream.read(_LARGEST_FILE + 1)
    except OSError as error:
        raise TlsSettingsError(file, f"cannot be read ({error.strerror or error})") from error
    if len(content) > _LARGEST_FILE:
        raise TlsSettingsError(file, "is too large for a PEM file")
    return content
