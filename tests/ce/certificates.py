"""Certificates made for a test: a CA, and whatever it or nobody signs."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from attrs import frozen
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from OpenSSL import SSL
from OpenSSL.crypto import X509

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)


@frozen
class Identity:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: Any

    def certificate_pem(self) -> bytes:
        """The certificate alone."""
        return self.certificate.public_bytes(Encoding.PEM)

    def key_pem(self) -> bytes:
        """The key alone."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def store(self, folder: Path, name: str) -> tuple[Path, Path]:
        """Write both; answers the certificate's and the key's file."""
        certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
        certificate.write_bytes(self.certificate_pem())
        key.write_bytes(self.key_pem())
        return certificate, key


def issue(
    common_name: str,
    *hosts: str,
    signer: Identity | None = None,
    authority: bool = False,
    key: Any = None,
    not_before: datetime = NOW - 30 * DAY,
    not_after: datetime = NOW + 30 * DAY,
) -> Identity:
    """A certificate for hosts (names and addresses), signed by ``signer`` or by itself."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    signing_key = key if signer is None else signer.key
    plain = isinstance(signing_key, (ec.EllipticCurvePrivateKey, rsa.RSAPrivateKey))
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if signer is None else signer.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )
    if hosts:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([_general_name(host) for host in hosts]), critical=False
        )
    return Identity(builder.sign(signing_key, hashes.SHA256() if plain else None), key)


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def server_context(
    identity: Identity,
    *chain: Identity,
    client_ca: Identity | None = None,
    names_ca: bool = True,
    highest: int | None = None,
) -> SSL.Context:
    """What a TLS server with this identity uses; with ``client_ca`` it insists on a client certificate."""
    context = SSL.Context(SSL.TLS_METHOD)
    context.use_certificate(identity.certificate)
    context.use_privatekey(identity.key)
    for link in chain:
        context.add_extra_chain_cert(link.certificate)
    if highest is not None:
        context.set_max_proto_version(highest)
    if client_ca is not None:
        store = context.get_cert_store()
        assert store is not None
        store.add_cert(X509.from_cryptography(client_ca.certificate))
        if names_ca:
            context.add_client_ca(client_ca.certificate)
        context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *arguments: bool(arguments[-1]))
    return context
