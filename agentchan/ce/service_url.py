"""The URL of a Component Service or an IVR Connector, taken apart once."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

import idna
from attrs import evolve, frozen

_DEFAULT_PORTS = {"http": 80, "https": 443}
_HIGHEST_PORT = 65535

_REQUEST_TARGET = re.compile(r"[\x21-\x7e]+")
"""RFC 9112, 3.2: a request target holds visible ASCII alone; anything else would break the request line."""


_LONGEST_URL = 2048
"""Characters; the Component Service names connectors, so a URL may come from a peer, and it goes into reasons."""

_CREDENTIALS = re.compile(r"//[^/?#]*@")

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_LONGEST_HOST_NAME = 253
"""RFC 1035, 2.3.4; with underscores, which names of Windows hosts sometimes have."""


@frozen
class ServiceUrl:
    """Where a service is, and what its server is called.

    Attributes:
        secure: whether TLS is spoken (https).
        host: a literal address without brackets, or a host name in its ASCII form without a closing dot.
        port: 1 to 65535.
        literal: whether ``host`` is an IPv4 or IPv6 address.
        target: path and query for the request line, at least ``/``.
        where: ``host:port`` for people, with brackets around an IPv6 address.
    """

    secure: bool
    host: str
    port: int
    literal: bool
    target: str

    @property
    def where(self) -> str:
        """``host:port``, as reasons and logs name the peer."""
        return f"{_bracketed(self.host)}:{self.port}"

    @property
    def authority(self) -> str:
        """What the Host header says (RFC 9112, 3.2): the port is left out where it is the scheme's own."""
        own = _DEFAULT_PORTS["https" if self.secure else "http"]
        return _bracketed(self.host) if self.port == own else self.where

    @property
    def text(self) -> str:
        """The URL itself."""
        return f"{'https' if self.secure else 'http'}://{self.authority}{self.target}"

    @property
    def wsdl(self) -> ServiceUrl:
        """Where SOAP servers have the service's description: ``?wsdl`` takes the place of the query."""
        return evolve(self, target=f"{self.target.partition('?')[0]}?wsdl")

    @classmethod
    def parse(cls, url: str) -> ServiceUrl:
        """Take a URL apart.

        Raises:
            ValueError: it is no URL that can be dialed; the text is one line for an operator.
        """
        parts = _split(url)
        if parts.scheme not in _DEFAULT_PORTS:
            raise ValueError(f"{url!r} is neither an http nor an https URL")
        host, literal = _host_of(url, parts)
        port = _port_of(url, parts) or _DEFAULT_PORTS[parts.scheme]
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        if not _REQUEST_TARGET.fullmatch(target):
            raise ValueError(f"{url!r} has characters in its path that must be percent-encoded")
        return cls(secure=parts.scheme == "https", host=host, port=port, literal=literal, target=target)


def _split(url: str) -> SplitResult:
    """``urlsplit``, without its silent removal of line ends and tabs."""
    if len(url) > _LONGEST_URL:
        raise ValueError(f"a URL of {len(url)} characters is too long (at most {_LONGEST_URL})")
    if _CREDENTIALS.search(url):  # first of all, so that no reason shows a password
        raise ValueError("a URL with a user name in it is not allowed (use [ce.auth])")
    if any(character in url for character in "\r\n\t"):
        raise ValueError(f"{url!r} has a control character in it")
    try:
        return urlsplit(url)
    except ValueError as error:
        raise ValueError(f"{url!r} is not a URL ({error})") from error


def _host_of(url: str, parts: SplitResult) -> tuple[str, bool]:
    """The host in the form that is dialed and verified, and whether it is an address."""
    host = (parts.hostname or "").removesuffix(".")
    if not host:
        raise ValueError(f"{url!r} names no host")
    if "%" in host:
        raise ValueError(f"{url!r}: an address with a zone cannot be dialed")
    try:
        return str(ipaddress.ip_address(host)), True
    except ValueError:
        pass
    try:
        name = host if host.isascii() else idna.encode(host, uts46=True).decode("ascii")
    except idna.IDNAError as error:
        raise ValueError(f"{url!r}: {host!r} is not a host name ({error})") from error
    if len(name) > _LONGEST_HOST_NAME or not _HOST_NAME.fullmatch(name):
        raise ValueError(f"{url!r}: {host!r} is not a host name")
    return name, False


def _port_of(url: str, parts: SplitResult) -> int | None:
    """The port that the URL names, if any."""
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port is not None and not 1 <= port <= _HIGHEST_PORT:
        raise ValueError(f"{url!r} has no port between 1 and {_HIGHEST_PORT}")
    return port


def _bracketed(host: str) -> str:
    """An IPv6 address in the brackets that keep its colons apart from the port's."""
    return f"[{host}]" if ":" in host else host
