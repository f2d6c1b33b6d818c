"""Who may ask on ``listen``: by address when a connection comes, by token at each request."""

from __future__ import annotations

import base64
import binascii
import hmac
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from attrs import frozen

from agentchan.api.refusals import Refused
from agentchan.vocabulary import Secret

Network = IPv4Network | IPv6Network


@frozen
class Guard:
    """The checks of one door; without arguments everybody may ask, which is right for the Unix socket alone.

    Attributes:
        allow: the networks that may connect; None: no check.
        token: what must come as Bearer token or Basic password; None: no check.
    """

    allow: tuple[Network, ...] | None = None
    token: Secret | None = None

    def admits(self, host: str) -> bool:
        """Whether a peer's address may connect."""
        if self.allow is None:
            return True
        try:
            address: IPv4Address | IPv6Address = ip_address(host.partition("%")[0])
        except ValueError:
            return False
        mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
        return any((mapped or address) in network for network in self.allow)

    def check(self, authorization: bytes | None) -> None:
        """Check the Authorization header.

        Raises:
            Refused: 401, when the token is missing or another.
        """
        if self.token is None:
            return
        given = _credential(authorization)
        if given is None or not hmac.compare_digest(given, self.token.value.encode()):
            raise Refused(
                "unauthorized",
                "this door wants the token of [api] token_file, as Bearer token or Basic password",
                401,
                headers=(
                    ("WWW-Authenticate", 'Bearer realm="agentchan"'),
                    ("WWW-Authenticate", 'Basic realm="agentchan"'),
                ),
            )


def _credential(authorization: bytes | None) -> bytes | None:
    scheme, _, value = (authorization or b"").strip().partition(b" ")
    value = value.strip()
    if scheme.lower() == b"bearer":
        return value
    if scheme.lower() == b"basic":
        try:
            return base64.b64decode(value, validate=True).partition(b":")[2]
        except (binascii.Error, ValueError):
            return None
    return None
