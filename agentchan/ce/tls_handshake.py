"""One TLS handshake as a client: the peer's certificate is verified, and a refusal is put into words.

Twisted's own ``optionsForClientTLS`` verifies as strictly, but leaves only "certificate verify failed" behind; here the
certificate at fault and OpenSSL's error number are kept, so that an operator reads what is wrong and with whom.
"""

from __future__ import annotations

from datetime import datetime

from cryptography import x509
from OpenSSL import SSL
from OpenSSL.crypto import X509
from OpenSSL.SSL import X509VerificationCodes as Code
from service_identity import CertificateError, VerificationError
from service_identity.cryptography import verify_certificate_hostname, verify_certificate_ip_address
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.protocols.tls import TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from agentchan.ce.service_url import ServiceUrl
from agentchan.ce.tls import TlsSettings

_NAMES_SHOWN = 3
"""Names of a misnamed certificate that a reason lists; some certificates have hundreds."""

_LONGEST_NAME = 100
"""Characters of a name from a certificate that a reason shows: the peer chose them."""

_UNKNOWN_CA = frozenset(
    {
        Code.ERR_UNABLE_TO_GET_ISSUER_CERT,
        Code.ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
        Code.ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE,
        Code.ERR_SELF_SIGNED_CERT_IN_CHAIN,
        Code.ERR_CERT_UNTRUSTED,
    }
)

_OTHER_FAULTS = {
    Code.ERR_DEPTH_ZERO_SELF_SIGNED_CERT: "signed itself and is not in the CA file",
    Code.ERR_CERT_SIGNATURE_FAILURE: "has a forged or damaged signature",
    Code.ERR_CERT_REVOKED: "was revoked",
    Code.ERR_INVALID_CA: "was signed by a certificate that is no CA",
    Code.ERR_PATH_LENGTH_EXCEEDED: "has a longer chain than its CA allows",
    Code.ERR_CERT_CHAIN_TOO_LONG: "has a chain that is too long",
    Code.ERR_INVALID_PURPOSE: "is not meant for servers",
    Code.ERR_CERT_REJECTED: "is rejected for servers",
}

_EE_KEY_TOO_SMALL = 66
_CA_KEY_TOO_SMALL = 67
_CA_MD_TOO_WEAK = 68
"""X509_V_ERR numbers of OpenSSL 1.1 and later that pyOpenSSL has no names for."""

_OTHER_FAULTS |= {
    _EE_KEY_TOO_SMALL: "has a key that is too short",
    _CA_KEY_TOO_SMALL: "has a CA whose key is too short",
    _CA_MD_TOO_WEAK: "has a CA whose signature is too weak",
}

_ALERTS_AND_ERRORS = (
    ("certificate required", "wants a client certificate"),
    ("alert bad certificate", "refused our client certificate (bad certificate)"),
    ("alert unsupported certificate", "refused our client certificate (unsupported kind)"),
    ("alert certificate revoked", "refused our client certificate (revoked)"),
    ("alert certificate expired", "refused our client certificate (expired)"),
    ("alert certificate unknown", "refused our client certificate (unacceptable)"),
    ("alert unknown ca", "refused our client certificate (signed by a CA it does not know)"),
    ("alert access denied", "refused our client certificate (access denied)"),
    ("alert decrypt error", "refused our client certificate (signature)"),
    ("alert protocol version", "speaks no TLS version that is accepted here (1.2 and later)"),
    ("unsupported protocol", "speaks no TLS version that is accepted here (1.2 and later)"),
    ("alert insufficient security", "offers no cipher that both sides accept"),
    ("unrecognized name", "does not know itself by that name"),
    ("wrong version number", "does not speak TLS"),
    ("packet length too long", "does not speak TLS"),
    ("http request", "does not speak TLS"),
    ("record layer failure", "does not speak TLS"),
)
"""OpenSSL's words for what ended a handshake, and an operator's. The first that is found counts."""


@implementer(IOpenSSLClientConnectionCreator)
class Handshake:
    """What one handshake is made of and what it came to; used for one connection.

    It knows no protocol and no transport, so OpenSSL's callback, which keeps it alive, closes no reference cycle.

    Attributes:
        fault: why the peer's certificate was refused, None while it was not.
        certificate: the peer's own certificate, None until it was accepted.
    """

    def __init__(self, url: ServiceUrl, settings: TlsSettings) -> None:
        self._url = url
        self._settings = settings
        self._connection: SSL.Connection | None = None
        self.fault: str | None = None
        self.certificate: x509.Certificate | None = None

    def clientConnectionForTLS(  # noqa: N802 - Twisted's name
        self,
        tlsProtocol: TLSMemoryBIOProtocol,  # noqa: N803, ARG002 - Twisted's signature
    ) -> SSL.Connection:
        """Begin; Twisted calls it when the TCP connection is there."""
        connection = SSL.Connection(self._settings.context, None)
        if not self._url.literal:  # RFC 6066, 3: addresses are no server names
            connection.set_tlsext_host_name(self._url.host.encode("ascii"))
        connection.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, self._verify)
        self._connection = connection
        return connection

    @property
    def certificate_not_after(self) -> datetime | None:
        """When the peer's certificate expires, None until it was accepted."""
        return None if self.certificate is None else self.certificate.not_valid_after_utc

    def finished(self) -> None:
        """The handshake is over, well or not: let go of OpenSSL's connection."""
        self._connection = None

    def describe(self, failure: Failure) -> str:
        """Why the handshake failed: one line that begins with the peer's host and port."""
        if self.fault is not None:
            return f"{self._url.where}: {self.fault}"
        if not failure.check(SSL.Error):
            return f"{self._url.where} closed the connection during the TLS handshake"
        if self._wants_certificate() and "handshake failure" in openssl_words(failure):
            return f"{self._url.where} wants a client certificate"
        explained = explain_openssl(failure)
        return f"{self._url.where} {explained or f'failed the TLS handshake ({openssl_words(failure)})'}"

    def _wants_certificate(self) -> bool:
        """Whether the peer asked for a client certificate that there is none of.

        TLS 1.2 servers then end the handshake with no more than "handshake failure".
        """
        if self._settings.has_certificate or self._connection is None:
            return False
        return bool(self._connection.get_client_ca_list())

    def _verify(self, _connection: SSL.Connection, peer: X509, error: int, depth: int, ok: int) -> bool:
        """OpenSSL asks for each certificate of the chain, the peer's own (depth 0) last."""
        certificate = peer.to_cryptography()
        if not ok:
            if self.fault is None:
                self.fault = _describe_fault(certificate, error, depth)
            return False
        if depth == 0:
            try:
                self._verify_name(certificate)
            except (VerificationError, CertificateError, ValueError) as mismatch:
                self.fault = _describe_mismatch(certificate, self._url.host, mismatch)
                return False
            self.certificate = certificate
        return True

    def _verify_name(self, certificate: x509.Certificate) -> None:
        """RFC 9525: the name in the URL in use has to be among the certificate's."""
        if self._url.literal:
            verify_certificate_ip_address(certificate, self._url.host)
        else:
            verify_certificate_hostname(certificate, self._url.host)


def openssl_words(failure: Failure) -> str:
    """OpenSSL's own words about a failure, of every error that was queued."""
    arguments = failure.value.args if failure.value is not None else ()
    queue = arguments[0] if arguments and isinstance(arguments[0], (list, tuple)) else ()
    return "; ".join(str(entry[-1]) for entry in queue if entry) or "no reason given"


def explain_openssl(failure: Failure) -> str | None:
    """What an ``SSL.Error`` says of the peer, to be put after its name; None where it needs OpenSSL's own words."""
    words = openssl_words(failure)
    return next((ours for theirs, ours in _ALERTS_AND_ERRORS if theirs in words), None)


def _describe_fault(certificate: x509.Certificate, error: int, depth: int) -> str:
    """A chain that OpenSSL refuses, in words; ``depth`` 0 is the peer's own certificate."""
    what = "certificate" if depth == 0 else f"certificate of its CA ({_common_name(certificate.subject)})"
    if error == Code.ERR_CERT_HAS_EXPIRED:
        return f"{what} expired on {certificate.not_valid_after_utc:%Y-%m-%d}"
    if error == Code.ERR_CERT_NOT_YET_VALID:
        return f"{what} is not valid before {certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
    if error in _UNKNOWN_CA:
        return f"certificate is not signed by a known CA ({_common_name(certificate.issuer)})"
    return f"{what} {_OTHER_FAULTS.get(error, f'was refused (OpenSSL verification error {error})')}"


def _describe_mismatch(certificate: x509.Certificate, host: str, mismatch: Exception) -> str:
    """A certificate for somebody else, in words."""
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return f"certificate names no host in a subjectAltName ({_common_name(certificate.subject)}), not {host}"
    except ValueError:
        return f"certificate cannot be read ({_printable(str(mismatch))})"
    names = [_printable(name) for name in extension.value.get_values_for_type(x509.DNSName)]
    names += [str(address) for address in extension.value.get_values_for_type(x509.IPAddress)]
    if not names:
        return f"certificate names no host in a subjectAltName ({_common_name(certificate.subject)}), not {host}"
    shown = ", ".join(names[:_NAMES_SHOWN])
    more = len(names) - _NAMES_SHOWN
    return f"certificate is for {shown}{f' and {more} more' if more > 0 else ''}, not for {host}"


def _common_name(name: x509.Name) -> str:
    """``CN=…`` of a distinguished name, or all of it where it has none."""
    common = name.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return f"CN={_printable(str(common[0].value))}" if common else _printable(name.rfc4514_string() or "unnamed")


def _printable(text: str) -> str:
    """A text from a certificate, fit for one line of a log."""
    shown = "".join(character if character.isprintable() else "?" for character in text)
    return shown if len(shown) <= _LONGEST_NAME else f"{shown[:_LONGEST_NAME]}…"
