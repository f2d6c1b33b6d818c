"""Whether a certificate is that of a SIP domain (RFC 5922, 7)."""

from __future__ import annotations

from ipaddress import ip_address

from cryptography import x509
from service_identity import VerificationError
from service_identity.cryptography import extract_patterns
from service_identity.hazmat import URI_ID, verify_service_identity
from twisted.python.failure import Failure

from agentchan.ce.dial_reasons import describe_loss
from agentchan.ce.service_url import ServiceUrl
from agentchan.ce.tls import TlsSettings
from agentchan.ce.tls_handshake import Handshake


class SipHandshake(Handshake):
    """A handshake whose peer may also show its SIP domain as a URI (``URI:sip:example.com``)."""

    @classmethod
    def of(cls, host: str, port: int, settings: TlsSettings) -> SipHandshake:
        """For the host of the URI that is probed, whatever server SRV has named for it."""
        try:
            literal = bool(ip_address(host))
        except ValueError:
            literal = False
        return cls(ServiceUrl(secure=True, host=host, port=port, literal=literal, target="/"), settings)

    def describe_loss(self, failure: Failure, *, unused: bool) -> str:
        """Why the connection ended after the handshake, at which TLS 1.3 servers judge the client's certificate."""
        return describe_loss(self._url, failure, certificate_missing=self.certificate_missing, unused=unused)

    def _verify_name(self, certificate: x509.Certificate) -> None:
        if not self._url.literal:
            try:
                verify_service_identity(extract_patterns(certificate), [URI_ID(f"sip:{self._url.host}")], [])
            except VerificationError:
                pass  # most certificates have host names only
            else:
                return
        super()._verify_name(certificate)
