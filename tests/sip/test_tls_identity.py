"""Whose certificate a SIP server shows (RFC 5922, 7)."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from service_identity import VerificationError

from agentchan.ce.tls import TlsSettings
from agentchan.sip.tls_identity import SipHandshake
from tests.ce.certificates import DAY, NOW

KEY = ec.generate_private_key(ec.SECP256R1())


def certificate(*names: x509.GeneralName) -> x509.Certificate:
    """A certificate for these names, signed by itself."""
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "example.com")])
    builder = x509.CertificateBuilder(subject, subject, KEY.public_key(), 1, NOW - DAY, NOW + DAY)
    return builder.add_extension(x509.SubjectAlternativeName(names), critical=False).sign(KEY, hashes.SHA256())


@pytest.mark.parametrize(
    ("host", "names", "accepted"),
    [
        ("example.com", [x509.UniformResourceIdentifier("sip:example.com")], True),
        ("example.com", [x509.DNSName("example.com")], True),
        ("example.com", [x509.UniformResourceIdentifier("sip:other.example"), x509.DNSName("example.com")], True),
        ("sip1.example.com", [x509.UniformResourceIdentifier("sip:example.com")], False),
        ("sip1.example.com", [x509.DNSName("*.example.com")], True),
        ("other.example", [x509.UniformResourceIdentifier("sip:example.com"), x509.DNSName("example.com")], False),
    ],
)
def test_names(host: str, names: list[x509.GeneralName], accepted: bool) -> None:
    """The URI's host has to be among its host names, or to be its SIP domain."""
    handshake = SipHandshake.of(host, 5061, TlsSettings.from_files())
    if accepted:
        handshake._verify_name(certificate(*names))
    else:
        with pytest.raises(VerificationError):
            handshake._verify_name(certificate(*names))
