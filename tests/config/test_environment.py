"""The files that a configuration names."""

from __future__ import annotations

import base64
import datetime as dt
import os
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from agentchan.config import Configuration, ConfigurationError, parse, show
from tests.config.texts import MINIMAL

AUTH = '[ce.auth]\nmethod = "basic"\nusername = "ivr"\npassword_file = "password"\n'


def private_key() -> ec.EllipticCurvePrivateKey:
    """A new key."""
    return ec.generate_private_key(ec.SECP256R1())


def certificate(key: ec.EllipticCurvePrivateKey) -> bytes:
    """A certificate for the key, in PEM."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(start).not_valid_after(start + dt.timedelta(days=1))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def pem(key: ec.EllipticCurvePrivateKey, passphrase: bytes | None = None) -> bytes:
    """The key in PEM."""
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        encryption = serialization.BestAvailableEncryption(passphrase)
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


def write(path: Path, data: bytes) -> Path:
    """A file for its owner only."""
    path.write_bytes(data)
    path.chmod(0o600)
    return path


def loaded(folder: Path, text: str) -> Configuration:
    """The minimal configuration and more, in a folder."""
    return parse((MINIMAL + text).encode(), folder / "c.toml", environment=True)


def only_fault(folder: Path, text: str) -> str:
    """The one fault, without the file's name."""
    with pytest.raises(ConfigurationError) as caught:
        loaded(folder, text)
    (fault,) = caught.value.faults
    return str(fault).removeprefix(f"{folder / 'c.toml'}:")


@pytest.mark.parametrize("content", [b"geheim", b"geheim\n", b"geheim\r\n"])
def test_the_password_comes_from_its_file_and_is_never_shown(tmp_path: Path, content: bytes) -> None:
    """The line break at the end is not part of it, and neither repr nor show has it."""
    write(tmp_path / "password", content)
    configuration = loaded(tmp_path, AUTH)
    assert configuration.contents.ce_password is not None
    assert configuration.contents.ce_password.value == "geheim"
    assert "geheim" not in repr(configuration) + show(configuration)
    assert configuration.warnings == ()


def test_the_token_comes_from_its_file(tmp_path: Path) -> None:
    """The API's token is read likewise."""
    write(tmp_path / "token", b"abc\n")
    token = loaded(tmp_path, '[api]\ntoken_file = "token"').contents.api_token
    assert token is not None
    assert token.value == "abc"


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (b"", "is empty or has more than one line"),
        (b"a\nb\n", "is empty or has more than one line"),
        (b"\xff", "is not UTF-8"),
        (b"a" * 4097, "has more than 4096 bytes"),
        (None, "does not exist"),
    ],
)
def test_a_password_that_will_not_do_is_a_fault(tmp_path: Path, content: bytes | None, wrong: str) -> None:
    """The fault names the key's line, the file and what is wrong with it."""
    if content is not None:
        write(tmp_path / "password", content)
    fault = only_fault(tmp_path, AUTH)
    assert fault.startswith(f"9: ce.auth.password_file: {tmp_path / 'password'} {wrong}")


def test_files_of_faulty_keys_are_left_alone(tmp_path: Path) -> None:
    """A key that is faulty in itself is not looked up, nor a password that nothing uses."""
    assert "7: api.token_file: is the integer 1" in only_fault(tmp_path, "[api]\ntoken_file = 1")
    assert "7: ce.auth.method: " in only_fault(tmp_path, '[ce.auth]\nmethod = 1\npassword_file = "/missing"')
    assert "notify[0].events[0]" in only_fault(tmp_path, '[[notify]]\nevents = ["x"]\ncommand = ["/missing"]')
    assert "7: ce.profile: " in only_fault(tmp_path, "[ce]\nprofile = 1")
    assert loaded(tmp_path, '[ce.auth]\npassword_file = "/missing"').contents.ce_password is None


def test_a_secret_that_everybody_may_read_is_warned_about(tmp_path: Path) -> None:
    """Passwords and keys open to all users get a warning with its remedy."""
    key = private_key()
    write(tmp_path / "cert.pem", certificate(key))
    for name, data in (("password", b"geheim"), ("key.pem", pem(key))):
        write(tmp_path / name, data).chmod(0o644)
    text = AUTH + '[tls]\ncertificate_file = "cert.pem"\nkey_file = "key.pem"\n'
    warnings = [str(warning) for warning in loaded(tmp_path, text).warnings]
    assert [warning.split(": ")[1] for warning in warnings] == ["ce.auth.password_file", "tls.key_file"]
    assert warnings[0].endswith(f"(chmod o= {tmp_path / 'password'})")


def test_certificates_and_keys_are_read(tmp_path: Path) -> None:
    """Good files give no fault, and what was in them is remembered by digest."""
    key = private_key()
    write(tmp_path / "cert.pem", certificate(key))
    write(tmp_path / "key.pem", pem(key))
    pair = 'certificate_file = "cert.pem"\nkey_file = "key.pem"\n'
    configuration = loaded(tmp_path, f'[tls]\nca_file = "cert.pem"\n{pair}[api]\n{pair}')
    keys = [key for key, _ in configuration.contents.digests]
    assert keys == ["tls.ca_file", "tls.certificate_file", "tls.key_file", "api.certificate_file", "api.key_file"]
    assert configuration.warnings == ()


@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        ("ca.pem", b"nothing", "7: tls.ca_file: {} has no valid certificate"),
        ("cert.pem", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
         "8: tls.certificate_file: {} has no valid certificate"),
        ("cert.pem", None, "8: tls.certificate_file: {} does not exist"),
        ("key.pem", b"nothing", "9: tls.key_file: {} has no valid private key"),
        ("key.pem", pem(private_key(), b"pass"), "9: tls.key_file: {} is encrypted"),
        ("key.pem", pem(private_key()), "9: tls.key_file: {} does not belong to the first certificate"),
    ],
)  # fmt: skip
def test_a_pem_file_that_will_not_do_is_a_fault(tmp_path: Path, name: str, content: bytes | None, fault: str) -> None:
    """Each wrong file is one fault that says what is in it."""
    key = private_key()
    files = {"ca.pem": certificate(key), "cert.pem": certificate(key), "key.pem": pem(key), name: content}
    for each, data in files.items():
        if data is not None:
            write(tmp_path / each, data)
    text = '[tls]\nca_file = "ca.pem"\ncertificate_file = "cert.pem"\nkey_file = "key.pem"\n'
    assert only_fault(tmp_path, text).startswith(fault.format(tmp_path / name))


def test_a_certificate_of_an_unknown_kind_is_a_fault(tmp_path: Path) -> None:
    """A public key that cannot be understood does not belong to the private one."""
    key = private_key()
    der = x509.load_pem_x509_certificate(certificate(key)).public_bytes(serialization.Encoding.DER)
    elliptic = bytes.fromhex("06072a8648ce3d0201")
    assert der.count(elliptic) == 1
    foreign = base64.encodebytes(der.replace(elliptic, elliptic[:-1] + b"\x7f"))
    write(tmp_path / "cert.pem", b"-----BEGIN CERTIFICATE-----\n" + foreign + b"-----END CERTIFICATE-----\n")
    write(tmp_path / "key.pem", pem(key))
    fault = only_fault(tmp_path, '[tls]\ncertificate_file = "cert.pem"\nkey_file = "key.pem"\n')
    assert "tls.key_file: " in fault
    assert "does not belong to the first certificate" in fault


def test_a_site_profile_must_be_there(tmp_path: Path) -> None:
    """The path of a site profile that is missing is a fault; one that is there is not opened here."""
    assert only_fault(tmp_path, '[ce]\nprofile = "site/p.toml"').startswith("7: ce.profile: there is no ")
    assert only_fault(tmp_path, f'[ce]\nprofile = "/{"x" * 300}/p.toml"').startswith("7: ce.profile: there is no ")
    assert loaded(tmp_path, '[ce]\nprofile = "./"').ce.profile == str(tmp_path)


def test_a_command_must_be_a_program(tmp_path: Path) -> None:
    """What [[notify]] runs must exist and be executable; a webhook needs no file."""
    program = write(tmp_path / "program", b"#!/bin/sh\n")
    text = f'[[notify]]\nevents = ["stuck"]\ncommand = ["{program}"]\n'
    assert only_fault(tmp_path, text).startswith("8: notify[0].command[0]: is no program")
    os.chmod(program, 0o700)  # noqa: PTH101  the test says what the shell would
    assert loaded(tmp_path, text + '[[notify]]\nevents = ["stuck"]\nurl = "http://h"').warnings == ()
    program.unlink()
    assert only_fault(tmp_path, text).startswith("8: notify[0].command[0]: is no program")
