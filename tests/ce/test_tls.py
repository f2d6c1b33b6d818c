"""The files of the [tls] section: what is read from them, and what is said of bad ones."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from agentchan.ce.tls import TlsSettings, TlsSettingsError
from tests.ce.certificates import DAY, NOW, issue

CLIENT = issue("ivr", not_after=NOW + 3 * DAY)
OTHER = issue("other")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A client certificate, and files that are none."""
    CLIENT.store(tmp_path, "client")
    OTHER.store(tmp_path, "other")
    (tmp_path / "empty.pem").write_bytes(b"")
    (tmp_path / "text.pem").write_text("a letter")
    (tmp_path / "damaged.pem").write_bytes(CLIENT.certificate_pem().replace(b"MII", b"MIA", 1))
    (tmp_path / "both.pem").write_bytes(CLIENT.key_pem() + CLIENT.certificate_pem() + OTHER.certificate_pem())
    locked = CLIENT.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    (tmp_path / "locked.key").write_bytes(locked)
    (tmp_path / "folder.pem").mkdir()
    os.mkfifo(tmp_path / "pipe.pem")
    with (tmp_path / "large.pem").open("wb") as large:
        large.truncate(9 * 1024 * 1024)
    return tmp_path


def test_nothing_set() -> None:
    """The system's store, and no client certificate."""
    settings = TlsSettings.from_files()
    assert not settings.has_certificate
    assert settings.certificate_not_after is None


def test_client_certificate(folder: Path) -> None:
    """A certificate and its key, in two files or in one, and when it expires."""
    for certificate, key in (("client.pem", folder / "client.key"), ("both.pem", None)):
        settings = TlsSettings.from_files(certificate_file=folder / certificate, key_file=key)
        assert settings.has_certificate
        assert settings.certificate_not_after == NOW + 3 * DAY


def test_read_anew(folder: Path) -> None:
    """Files that were replaced give new settings; the old ones are as they were."""
    files = (None, folder / "client.pem", folder / "client.key")
    old = TlsSettings.from_files(*files)
    renewed = issue("ivr", not_after=NOW + 90 * DAY)
    renewed.store(folder, "client")
    new = TlsSettings.from_files(*files)
    assert (old.certificate_not_after, new.certificate_not_after) == (NOW + 3 * DAY, NOW + 90 * DAY)
    assert old.context is not new.context


@pytest.mark.parametrize(
    ("ca", "certificate", "key", "at_fault", "words"),
    [
        ("missing.pem", None, None, "missing.pem", "cannot be read (No such file or directory)"),
        ("client.pem/x", None, None, "client.pem/x", "cannot be read (Not a directory)"),
        ("folder.pem", None, None, "folder.pem", "is no regular file"),
        ("pipe.pem", None, None, "pipe.pem", "is no regular file"),
        ("empty.pem", None, None, "empty.pem", "holds no certificate in PEM form"),
        ("text.pem", None, None, "text.pem", "holds no certificate in PEM form"),
        ("damaged.pem", None, None, "damaged.pem", "holds a certificate that cannot be read"),
        ("large.pem", None, None, "large.pem", "too large"),
        (None, None, "client.key", "client.key", "set certificate_file"),
        (None, "client.pem", None, "client.pem", "holds no private key in PEM form"),
        (None, "client.pem", "text.pem", "text.pem", "holds no private key in PEM form"),
        (None, "client.pem", "missing.key", "missing.key", "cannot be read (No such file or directory)"),
        (None, "client.pem", "locked.key", "locked.key", "encrypted (store it without a password)"),
        (None, "client.pem", "other.key", "other.key", "does not belong to the first certificate in"),
        (None, "text.pem", "client.key", "text.pem", "holds no certificate in PEM form"),
    ],
)
def test_bad_files(  # noqa: PLR0917 - a row of the table
    folder: Path, ca: str | None, certificate: str | None, key: str | None, at_fault: str, words: str
) -> None:
    """Each file that cannot be used is named, with the cause, in one line."""
    files = [None if name is None else folder / name for name in (ca, certificate, key)]
    with pytest.raises(TlsSettingsError) as refused:
        TlsSettings.from_files(*files)
    assert refused.value.file == folder / at_fault
    assert str(refused.value).startswith(f"{folder / at_fault}: ")
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable(folder: Path) -> None:
    """A file without permission is named."""
    (folder / "client.key").chmod(0)
    with pytest.raises(TlsSettingsError, match="Permission denied"):
        TlsSettings.from_files(certificate_file=folder / "client.pem", key_file=folder / "client.key")


def test_weak_key(tmp_path: Path) -> None:
    """A key that OpenSSL finds too weak is refused in its words."""
    weak = issue("ivr", key=rsa.generate_private_key(65537, 1024))  # noqa: S505 - that is the point
    certificate, key = weak.store(tmp_path, "weak")
    with pytest.raises(TlsSettingsError, match="key too small"):
        TlsSettings.from_files(certificate_file=certificate, key_file=key)


def test_other_kinds_of_key(tmp_path: Path) -> None:
    """RSA and other curves are as good."""
    for index, key in enumerate(
        (
            rsa.generate_private_key(65537, 2048),
            ec.generate_private_key(ec.SECP384R1()),
            ed448.Ed448PrivateKey.generate(),
        )
    ):
        files = issue("ivr", key=key).store(tmp_path, f"client{index}")
        assert TlsSettings.from_files(None, *files).has_certificate
