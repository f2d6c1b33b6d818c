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

from agentchan.ce.openssl_errors import WANTS_CERTIFICATE, explain_openssl, openssl_words
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
    Code.ERR_DEPTH_ZERO_SELF_SIGNED_CERT: "signed itself and is not in the CA file (add it to ca_file in [tls])",
    Code.ERR_CERT_SIGNATURE_FAILURE: (
        "has a signature that does not fit its CA (forged, or ca_file in [tls] holds an older CA of that name)"
    ),
    Code.ERR_CERT_REVOKED: "was revoked",
    Code.ERR_INVALID_CA: "was signed by a certificate that is no CA",
    Code.ERR_PATH_LENGTH_EXCEEDED: "has a longer chain than its CA allows",
    Code.ERR_CERT_CHAIN_TOO_LONG: "has a chain that is too long",
    Code.ERR_INVALID_PURPOSE: "is not meant for servers",
    Code.ERR_CERT_REJECTED: "is rejected for servers",
}

_CERTIFICATE_REQUEST = b"SSLv3/TLS read server certificate request"
"""OpenSSL's name for the state after the server's CertificateRequest, in every version of TLS."""

_EE_KEY_TOO_SMALL = 66
_CA_KEY_TOO_SMALL = 67
_CA_MD_TOO_WEAK = 68
"""X509_V_ERR numbers of OpenSSL 1.1 and later that pyOpenSSL has no names for."""

_OTHER_FAULTS |= {
    _EE_KEY_TOO_SMALL: "has a key that is too short",
    _CA_KEY_TOO_SMALL: "has a CA whose key is too short",
    _CA_MD_TOO_WEAK: "has a CA whose signature is too weak",
}


@implementer(IOpenSSLClientConnectionCreator)
class Handshake:
    """What one handshake is made of and what it came to; used for one connection.

    It knows no protocol and no transport, so OpenSSL's callback, which keeps it alive, closes no reference cycle.

    Attributes:
        certificate_missing: whether the peer asked for a client certificate and there is none.
        fault: why the peer's certificate was refused, None while it was not.
        certificate: the peer's own certificate, None until it was accepted.
    """

    def __init__(self, url: ServiceUrl, settings: TlsSettings) -> None:
        self._url = url
        self._settings = settings
        self.certificate_missing = False
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
        connection.set_info_callback(self._progress)
        return connection

    @property
    def certificate_not_after(self) -> datetime | None:
        """When the peer's certificate expires, None until it was accepted."""
        return None if self.certificate is None else self.certificate.not_valid_after_utc

    def describe(self, failure: Failure) -> str:
        """Why the handshake failed: one line that begins with the peer's host and port."""
        if self.fault is not None:
            return f"{self._url.where}: {self.fault}"
        if not failure.check(SSL.Error):
            return f"{self._url.where} closed the connection during the TLS handshake"
        words = openssl_words(failure.value)
        if self.certificate_missing and "handshake failure" in words:  # all that TLS 1.2 has for it
            return f"{self._url.where} {WANTS_CERTIFICATE}"
        explained = explain_openssl(failure.value, has_certificate=self._settings.has_certificate)
        return f"{self._url.where} {explained or f'failed the TLS handshake ({words})'}"

    def _progress(self, connection: SSL.Connection, _where: int, _result: int) -> None:
        """OpenSSL tells of each message of the handshake."""
        if not self._settings.has_certificate and connection.get_state_string() == _CERTIFICATE_REQUEST:
            self.certificate_missing = True

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


def _describe_fault(certificate: x509.Certificate, error: int, depth: int) -> str:
    """A chain that OpenSSL refuses, in words; ``depth`` 0 is the peer's own certificate."""
    what = "certificate" if depth == 0 else f"certificate of its CA ({_common_name(certificate.subject)})"
    if error == Code.ERR_CERT_HAS_EXPIRED:
        return f"{what} expired on {certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC (renew it there)"
    if error == Code.ERR_CERT_NOT_YET_VALID:
        return f"{what} is not valid before {certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC (check both clocks)"
    if error in _UNKNOWN_CA:
        return (
            f"certificate is not signed by a known CA ({_common_name(certificate.issuer)}; add it to ca_file in [tls])"
        )
    return f"{what} {_OTHER_FAULTS.get(error, f'was refused (OpenSSL verification error {error})')}"


def _describe_mismatch(certificate: x509.Certificate, host: str, mismatch: Exception) -> str:
    """A certificate for somebody else, in words."""
    names: list[str] = []
    try:
        alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        pass
    except ValueError:
        return f"certificate cannot be read ({_printable(str(mismatch))})"
    else:
        names += [_printable(name) for name in alternatives.get_values_for_type(x509.DNSName)]
        names += [str(address) for address in alternatives.get_values_for_type(x509.IPAddress)]
    if not names:
        subject = _common_name(certificate.subject)
        return f"certificate names no host in a subjectAltName ({subject}), {host} would be needed: reissue it"
    shown = ", ".join(names[:_NAMES_SHOWN])
    more = len(names) - _NAMES_SHOWN
    shown += f" and {more} more" if more > 0 else ""
    return f"certificate is for {shown}, not for {host} (use a name of the certificate in the URL, or reissue it)"


def _common_name(name: x509.Name) -> str:
    """``CN=…`` of a distinguished name, or all of it where it has none."""
    common = name.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return f"CN={_printable(str(common[0].value))}" if common else _printable(name.rfc4514_string() or "unnamed")


def _printable(text: str) -> str:
    """A text from a certificate, fit for one line of a log."""
    shown = "".join(character if character.isprintable() else "?" for character in text)
    return shown if len(shown) <= _LONGEST_NAME else f"{shown[:_LONGEST_NAME]}…"
