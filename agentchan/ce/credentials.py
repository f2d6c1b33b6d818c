"""How the daemon proves to CE who it is: HTTP Basic, or a WS-Security UsernameToken."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable
from datetime import UTC, datetime

from attrs import field, frozen

from agentchan.ce.messages import cleaned
from agentchan.vocabulary import Secret

_WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
_WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
_PROFILE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0"
_BASE64 = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary"


@frozen
class Authentication:
    """Who we are, and how it is said.

    Attributes:
        method: ``none``, ``basic`` or ``wsse-username`` (configuration, ``[ce.auth]``).
        digest: whether a UsernameToken has the password's digest instead of the password.
    """

    method: str = "none"
    username: str = ""
    password: Secret = field(factory=lambda: Secret(""))
    digest: bool = False

    def http_headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """Headers of each request (RFC 7617, in UTF-8)."""
        if self.method != "basic":
            return ()
        pair = base64.b64encode(f"{self.username}:{self.password.value}".encode())
        return ((b"Authorization", b"Basic " + pair),)

    def soap_header(
        self,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        nonce: Callable[[], bytes] = lambda: secrets.token_bytes(16),
    ) -> str:
        """A WS-Security header (UsernameToken Profile 1.0), empty with other methods.

        Args:
            now: the time of day.
            nonce: random bytes, used once.
        """
        if self.method != "wsse-username":
            return ""
        password, kind, proof = self.password.value, "PasswordText", ""
        if self.digest:
            created, salt = now().strftime("%Y-%m-%dT%H:%M:%SZ"), nonce()
            # SHA-1 is what the profile says; the nonce and the time keep a digest from being used again.
            mixed = hashlib.sha1(salt + created.encode() + password.encode(), usedforsecurity=False).digest()
            password, kind = base64.b64encode(mixed).decode(), "PasswordDigest"
            proof = (
                f'<wsse:Nonce EncodingType="{_BASE64}">{base64.b64encode(salt).decode()}</wsse:Nonce>'
                f"<wsu:Created>{created}</wsu:Created>"
            )
        return (
            f'<wsse:Security xmlns:wsse="{_WSSE}" xmlns:wsu="{_WSU}" s:mustUnderstand="1"><wsse:UsernameToken>'
            f"<wsse:Username>{cleaned(self.username)}</wsse:Username>"
            f'<wsse:Password Type="{_PROFILE}#{kind}">{cleaned(password)}</wsse:Password>'
            f"{proof}</wsse:UsernameToken></wsse:Security>"
        )
