"""Certificates for tests: an authority of our own, right and wrong certificates of hosts, a client's."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from attrs import frozen
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NAMES = ("localhost", "127.0.0.1", "::1")
"""Where the lab's hosts are found."""
ELSEWHERE = ("elsewhere.example.com",)
FAULTS = ("expired", "not-yet-valid", "misnamed", "unknown-ca")
DAY = timedelta(days=1)


@frozen
class Certificates:
    """A folder made by :func:`make_folder`: where everything in it stands."""

    folder: Path

    @property
    def ca_file(self) -> Path:
        """The authority that hosts and clients are certified by."""
        return self.folder / "ca.pem"

    @property
    def of_client(self) -> tuple[Path, Path]:
        """A client's certificate and key."""
        return self.of_host("client")

    def of_host(self, name: str) -> tuple[Path, Path]:
        """A host's certificate and key."""
        return self.folder / f"{name}.pem", self.folder / f"{name}.key"


@frozen
class Issued:
    """A certificate and its key, both PEM."""

    certificate: bytes
    key: bytes

    def write(self, folder: Path, name: str) -> None:
        """Write ``name.pem`` and ``name.key``; the key is for the owner only."""
        (folder / f"{name}.pem").write_bytes(self.certificate)
        key = folder / f"{name}.key"
        key.touch(0o600)
        key.write_bytes(self.key)


@frozen
class Authority:
    """A certificate authority."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def make(cls, name: str = "The lab's authority") -> Self:
        """A new authority with a new key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.now(UTC)
        usage = x509.KeyUsage(
            digital_signature=True,
            key_cert_sign=True,
            crl_sign=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        )
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - DAY)
            .not_valid_after(now + 3650 * DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        return cls(certificate, key)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The authority that :func:`make_folder` left in ``folder``."""
        certificate = x509.load_pem_x509_certificate((folder / "ca.pem").read_bytes())
        key = serialization.load_pem_private_key((folder / "ca.key").read_bytes(), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TypeError(f"{folder / 'ca.key'} is not the lab's key")
        return cls(certificate, key)

    def issued(self) -> Issued:
        """The authority's own certificate and key as PEM."""
        return Issued(self.certificate.public_bytes(serialization.Encoding.PEM), _pem(self.key))

    def issue(
        self,
        common_name: str,
        names: Sequence[str] = NAMES,
        *,
        client: bool = False,
        valid_from: timedelta = -DAY,
        valid_until: timedelta = 365 * DAY,
    ) -> Issued:
        """A certificate for ``names`` (DNS names and IP addresses), for a server or a client; validity is from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        purpose = ExtendedKeyUsageOID.CLIENT_AUTH if client else ExtendedKeyUsageOID.SERVER_AUTH
        issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)]))
            .issuer_name(self.certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + valid_from)
            .not_valid_after(now + valid_until)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .add_extension(issuer_key, critical=False)
            .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        return Issued(certificate.public_bytes(serialization.Encoding.PEM), _pem(key))


def make_folder(
    folder: Path,
    hosts: Sequence[str] = ("ce1", "ce2"),
    *,
    names: Sequence[str] = NAMES,
    faults: Mapping[str, str] | None = None,
) -> Path:
    """Fill ``folder`` with ``ca``, one certificate for each host and ``client`` (``.pem`` and ``.key`` each).

    ``faults`` says of a host what is wrong with its certificate, one of ``FAULTS``. Returns the folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    authority = Authority.make()
    authority.issued().write(folder, "ca")
    authority.issue("ivr1", ("ivr1.example.com",), client=True).write(folder, "client")
    for host in hosts:
        reissue(folder, host, names=names, fault=(faults or {}).get(host))
    return folder


def reissue(folder: Path, host: str, *, names: Sequence[str] = NAMES, fault: str | None = None) -> None:
    """Give a host another certificate (it uses it after its next start), with or without a fault of ``FAULTS``."""
    if fault not in (None, *FAULTS):
        raise ValueError(f"{fault!r} is none of {', '.join(FAULTS)}")
    authority = Authority.make("A stranger") if fault == "unknown-ca" else Authority.load(folder)
    if fault == "expired":
        issued = authority.issue(host, names, valid_from=-30 * DAY, valid_until=-DAY)
    elif fault == "not-yet-valid":
        issued = authority.issue(host, names, valid_from=DAY)
    else:
        issued = authority.issue(host, ELSEWHERE if fault == "misnamed" else names)
    issued.write(folder, host)


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
