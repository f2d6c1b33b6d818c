"""TLS of a host's services."""

from __future__ import annotations

from pathlib import Path

from OpenSSL import crypto
from twisted.internet import ssl


def server_context(certificate: Path, key: Path, client_ca: Path | None) -> ssl.CertificateOptions:
    """The TLS settings of a host's services; with ``client_ca`` callers need a certificate of that authority."""
    own = crypto.load_certificate(crypto.FILETYPE_PEM, certificate.read_bytes())
    own_key = crypto.load_privatekey(crypto.FILETYPE_PEM, key.read_bytes())
    if client_ca is None:
        return ssl.CertificateOptions(privateKey=own_key, certificate=own)
    authority = ssl.trustRootFromCertificates([ssl.Certificate.loadPEM(client_ca.read_bytes())])
    return ssl.CertificateOptions(privateKey=own_key, certificate=own, trustRoot=authority)
