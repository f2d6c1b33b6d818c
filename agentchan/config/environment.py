"""Whether the files that a configuration names are there, readable, and what they should be."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
from attrs import define, field
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from agentchan.config.faults import Place, Problem
from agentchan.config.files import FileUnusableError, read_file
from agentchan.config.kinds import has_control_characters
from agentchan.config.model import Configuration, Contents
from agentchan.config.rules import Sound
from agentchan.vocabulary import Secret

_LARGEST_PEM = 4 * 1024 * 1024
_LARGEST_SECRET = 4096
_OTHERS_READ = 0o004


class _UnfitError(Exception):
    """What is wrong with a file's content, and what is allowed."""


@define
class Environment:
    """Looks at the files of one configuration.

    Attributes:
        problems: faults.
        warnings: what is allowed but looks like a mistake.
        contents: what the files had in them.
    """

    problems: list[Problem] = field(factory=list)
    warnings: list[Problem] = field(factory=list)
    contents: Contents = field(factory=Contents)

    def look(self, configuration: Configuration, sound: Sound) -> None:
        """Read and check every file, as far as its key is sound."""
        auth, api, tls = configuration.ce.auth, configuration.api, configuration.tls
        if sound("ce.auth.method") and auth.method != "none":
            password = self._secret(("ce", "auth", "password_file"), auth.password_file, sound)
            self.contents = attrs.evolve(self.contents, ce_password=password)
        token = self._secret(("api", "token_file"), api.token_file, sound)
        self.contents = attrs.evolve(self.contents, api_token=token)
        self._pem(("tls", "ca_file"), tls.ca_file, sound, _certificates)
        self._pair("tls", tls.certificate_file, tls.key_file, sound)
        self._pair("api", api.certificate_file, api.key_file, sound)
        if sound("ce.profile") and "/" in configuration.ce.profile and not _mode(Path(configuration.ce.profile)):
            what = f"there is no {configuration.ce.profile}"
            self.problems.append(Problem(("ce", "profile"), what, "the path of a site profile"))
        if sound("notify"):
            for index, entry in enumerate(configuration.notify):
                if entry.command and not _is_program(entry.command[0]):
                    place = ("notify", index, "command", 0)
                    self.problems.append(Problem(place, "is no program that may be run", "an executable file"))

    def _read(self, place: Place, path: Path | None, sound: Sound, largest: int) -> bytes | None:
        if path is None or not sound(".".join(map(str, place))):
            return None
        try:
            return read_file(path, largest)
        except FileUnusableError as error:
            self.problems.append(Problem(place, f"{path} {error}", "a file that the daemon's user may read"))
            return None

    def _secret(self, place: Place, path: Path | None, sound: Sound) -> Secret | None:
        data = self._read(place, path, sound, _LARGEST_SECRET)
        if data is None or path is None:
            return None
        self._warn_of_readers(place, path)
        try:
            text = data.decode().removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError:
            self.problems.append(Problem(place, f"{path} is not UTF-8", "one line of text"))
            return None
        if not text or has_control_characters(text):
            what = f"{path} is empty or has more than one line or control characters"
            self.problems.append(Problem(place, what, "one line of text"))
            return None
        return Secret(text)

    def _warn_of_readers(self, place: Place, path: Path) -> None:
        if _mode(path) & _OTHERS_READ:
            what = f"every user of this machine may read {path}"
            self.warnings.append(Problem(place, what, f"chmod o= {path}"))

    def _pem(self, place: Place, path: Path | None, sound: Sound, parse: Callable[[bytes], Any]) -> Any | None:
        data = self._read(place, path, sound, _LARGEST_PEM)
        if data is None:
            return None
        try:
            parsed = parse(data)
        except _UnfitError as error:
            self.problems.append(Problem(place, f"{path} {error.args[0]}", error.args[1]))
            return None
        digest = (".".join(map(str, place)), hashlib.sha256(data).hexdigest())
        self.contents = attrs.evolve(self.contents, digests=(*self.contents.digests, digest))
        return parsed

    def _pair(self, section: str, certificate_file: Path | None, key_file: Path | None, sound: Sound) -> None:
        certificates = self._pem((section, "certificate_file"), certificate_file, sound, _certificates)
        place = (section, "key_file")
        key = self._pem(place, key_file, sound, _private_key)
        if key is None or key_file is None:
            return
        self._warn_of_readers(place, key_file)
        if certificates and not _belong_together(certificates[0], key):
            what = f"{key_file} does not belong to the first certificate of certificate_file"
            self.problems.append(Problem(place, what, "the key that the certificate was made for"))


def _certificates(data: bytes) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(data)
    except ValueError:
        raise _UnfitError("has no valid certificate", "certificates in PEM: -----BEGIN CERTIFICATE-----") from None


def _private_key(data: bytes) -> Any:
    try:
        return serialization.load_pem_private_key(data, password=None)
    except TypeError:
        raise _UnfitError("is encrypted", "a key without a passphrase, protected by its permissions") from None
    except Exception:  # noqa: BLE001  cryptography raises ValueError, UnsupportedAlgorithm and others by the content
        raise _UnfitError("has no valid private key", "a private key in PEM") from None


def _belong_together(certificate: x509.Certificate, key: Any) -> bool:
    try:
        return bool(certificate.public_key() == key.public_key())
    except (ValueError, UnsupportedAlgorithm):
        # A kind of key that cryptography does not know; the private key is of one that it knows.
        return False


def _mode(path: Path) -> int:
    """What kind of file it is, and its permissions; 0 where there is none, or it may not be looked for."""
    try:
        return path.stat().st_mode
    except OSError:
        return 0


def _is_program(path: str) -> bool:
    return stat.S_ISREG(_mode(Path(path))) and os.access(path, os.X_OK)
