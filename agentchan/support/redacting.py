"""Takes secrets and people's numbers out of what leaves the site: pure.

It does not trust names alone. What is known to be a secret (the password and the token that the configuration's files
hold) is taken out wherever it stands; besides that, what looks like one by its name, its form or its place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from attrs import frozen

from agentchan.log_formats import NUMBER_FIELDS, mask_number

HIDDEN = "***"

_SHORTEST_SECRET = 3
"""Characters: what is shorter would be found in every other word."""

_SECRET_NAME = re.compile(
    r"pass(?:word|wd|phrase)?$|pwd|secret|token$|api_?key|credential|authori[sz]ation|cookie|private|signature|pin$",
    re.IGNORECASE,
)
_PATH_NAME = re.compile(r"_file$|_path$", re.IGNORECASE)

# Every repetition is bounded: a log may hold anything, and nobody waits for a square of its length.
_PEM_KEY = re.compile(
    r"-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,20}PRIVATE KEY-----|\Z)", re.DOTALL
)
_END_OF_PEM_KEY = re.compile(r"\A[A-Za-z0-9+/=\s]*-----END [A-Z ]{0,20}PRIVATE KEY-----")
_AUTHORIZATION = re.compile(r"\b(Basic|Bearer|Digest|Negotiate)\s{1,8}[A-Za-z0-9+/=._~-]{6,}", re.IGNORECASE)
_URL_CREDENTIALS = re.compile(r"(?<=://)[^\s/?#@\"'<>]{0,300}@")
_QUERY = re.compile(
    r"(?i)([?&;][a-z0-9_.-]{0,64}(?:token|key|secret|password|passwd|pwd|sig|signature|auth|code)=)[^&\s\"'<>#]+"
)
_ASSIGNED = re.compile(
    r"(?i)(?<![a-z0-9_.-])([\"']?[a-z0-9_.-]{0,64}(?:passw(?:or)?d|passphrase|pwd|secret|api_?key|token)[\"']?"
    r"\s{0,8}[=:]\s{0,8})(\"[^\"\n]{0,4000}\"|'[^'\n]{0,4000}'|[^\s,;&\"'{}<>]+)"
)
_XML_SECRET = re.compile(
    r"(?is)(<(?:[\w.-]{1,64}:)?(?:password|passwd|pwd|secret|token|nonce|apikey)\b[^<>]{0,300}>)[^<]{0,4000}(</)"
)
_SIP_SECRET = re.compile(r"(?i)\b(sips?:[^\s@:;>\"']{1,200}):[^\s@;>\"']{1,200}@")
_NUMBER_URI = re.compile(r"(?i)\b(sips?:|tel:)(\+?[0-9().-]{6,64})")
_NUMBER_FIELD = re.compile(rf"\b({'|'.join(sorted(NUMBER_FIELDS))})=(\"[^\"]{{0,200}}\"|\S{{1,200}})")


@frozen
class Redactor:
    """Takes out what must not leave.

    Attributes:
        secrets: what is known to be one.
    """

    secrets: tuple[str, ...] = ()

    @classmethod
    def of(cls, *secrets: str | None) -> Redactor:
        """Also as they look in URLs."""
        known = {each for each in secrets if each is not None and len(each) >= _SHORTEST_SECRET}
        forms = known | {quote(each, safe="") for each in known}
        return cls(tuple(sorted(forms, key=len, reverse=True)))

    def text(self, text: str) -> str:
        """A text without them."""
        for secret in self.secrets:
            text = text.replace(secret, HIDDEN)
        text = _PEM_KEY.sub(f"-----{HIDDEN} PRIVATE KEY-----", text)
        text = _END_OF_PEM_KEY.sub(f"-----{HIDDEN} PRIVATE KEY-----", text)
        text = _URL_CREDENTIALS.sub(f"{HIDDEN}@", text)
        text = _SIP_SECRET.sub(rf"\1:{HIDDEN}@", text)
        text = _AUTHORIZATION.sub(rf"\1 {HIDDEN}", text)
        text = _QUERY.sub(rf"\1{HIDDEN}", text)
        text = _XML_SECRET.sub(rf"\1{HIDDEN}\2", text)
        text = _ASSIGNED.sub(_assigned, text)
        text = _NUMBER_FIELD.sub(lambda found: f"{found[1]}={mask_number(found[2].strip(chr(34)))}", text)
        return _NUMBER_URI.sub(lambda found: f"{found[1]}{mask_number(found[2])}", text)

    def value(self, value: Any, key: str = "") -> Any:
        """A plain value without them, whatever is in it.

        Args:
            value: as JSON or TOML has it.
            key: under which it stands.
        """
        if isinstance(value, Mapping):
            return {self.text(str(name)): self.value(each, str(name)) for name, each in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(each, key) for each in value]
        if value is None or isinstance(value, bool | int | float):
            return HIDDEN if is_secret(key) and not isinstance(value, bool) and value is not None else value
        text = str(value)
        if key in NUMBER_FIELDS:
            return mask_number(text)
        if is_secret(key) and text and not _is_template(text):
            return HIDDEN
        return self.text(text)


def is_secret(name: str) -> bool:
    """Whether what stands under a name is a secret, as names go; the path of a file with one is none."""
    last = name.rpartition("/")[2].rpartition(".")[2]
    return _SECRET_NAME.search(last) is not None and _PATH_NAME.search(last) is None


def place_only(url: str) -> str:
    """A URL without all that may be a secret in it: where it leads, and no more."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port is not None else ""
    except ValueError:
        return HIDDEN
    return f"{parts.scheme}://{parts.hostname or ''}{port}/{HIDDEN}"


def _is_template(text: str) -> bool:
    """Whether a profile fills it in: then it is what stands for a secret, and no secret."""
    return text.startswith("{") and text.endswith("}")


def _assigned(found: re.Match[str]) -> str:
    value = found[2]
    bare = value.strip("\"'")
    if not bare or _is_template(bare) or _PATH_NAME.search(found[1].rstrip(" =:\"'")):
        return found[0]
    quote_mark = value[0] if value[0] in "\"'" else ""
    return f"{found[1]}{quote_mark}{HIDDEN}{quote_mark}"
