"""Addresses: URLs, SIP and tel URIs, listening addresses, networks.

No fault repeats an address: it might have a password in it.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Any

from attrs import field, frozen

from agentchan.config.faults import WrongValueError, described
from agentchan.config.kinds import Kind, text_of

_LONGEST_URL = 2000
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)([^?#]*)(\?[^#]*)?(#.*)?")
_PATH = re.compile(r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?]|%[0-9A-Fa-f]{2})*")
_HOST_AND_PORT = re.compile(r"(\[[^\]]*\]|[^:\[\]]*)(?::([0-9]{1,5}))?")
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST_NAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*\.?")
_LOOKS_NUMERIC = re.compile(r"[0-9.]+")
_SIP = re.compile(r"(sips?):(?:([^@]*)@)?([^@;?]*)(;[^@?]*)?(\?[^@]*)?", re.IGNORECASE)
_SIP_USER = re.compile(r"(?:[A-Za-z0-9\-_.!~*'()&=+$,;?/]|%[0-9A-Fa-f]{2})+")
_SIP_REST = re.compile(r"(?:[A-Za-z0-9\-_.!~*'()&=+$;:/?\[\]]|%[0-9A-Fa-f]{2})*")
_TEL = re.compile(r"tel:\+?[0-9*#().-]*[0-9*#][0-9*#().-]*(?:;[A-Za-z0-9\-_.!~*'()&=+$;:/%]+)?", re.IGNORECASE)
_MOST_PORT = 65535
_USUAL_PORTS = {"http": 80, "https": 443}


def split_host(text: str, *, least_port: int = 1) -> tuple[str, int | None] | None:
    """Host and port of ``host``, ``host:port`` or ``[ipv6]:port``; None where it is none of them."""
    match = _HOST_AND_PORT.fullmatch(text)
    if match is None:
        return None
    host, port = match[1], None if match[2] is None else int(match[2])
    if port is not None and not least_port <= port <= _MOST_PORT:
        return None
    if host.startswith("["):
        host = host[1:-1]
        return (host, port) if _is_address(host, IPv6Address) else None
    if _LOOKS_NUMERIC.fullmatch(host):
        return (host, port) if _is_address(host, IPv4Address) else None
    return (host, port) if _HOST_NAME.fullmatch(host) else None


def _is_address(text: str, family: type[IPv4Address | IPv6Address]) -> bool:
    try:
        return isinstance(ip_address(text), family) and "%" not in text
    except ValueError:
        return False


def is_loopback(host: str) -> bool:
    """Whether the host is this machine for sure: a loopback address or ``localhost``."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost"


def url_host(url: str) -> str:
    """The host of a URL that ``Url`` has accepted, without port or brackets."""
    parts = split_host(url.split("://", 1)[1].split("/", 1)[0].split("?", 1)[0])
    return parts[0] if parts else ""


def same_url(url: str) -> tuple[str, str, int, str]:
    """What makes two URLs, both accepted by ``Url``, the same one."""
    scheme, _, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    host, port = split_host(authority) or ("", None)
    return scheme.lower(), host.lower(), port or _USUAL_PORTS[scheme.lower()], slash + path if path else ""


@frozen
class Url(Kind):
    """An http or https URL without user name, password or fragment.

    Attributes:
        query: whether it may have one. Services have none: an address pasted with ``?wsdl`` is a common slip.
    """

    query: bool = False
    title: str = "URL"

    allowed: str = field(init=False)

    @allowed.default
    def _allowed(self) -> str:
        rest = "" if self.query else ", without a query such as ?wsdl"
        return f'an http or https URL such as "https://ce1.example.com:8094/Service"{rest}'

    def _read(self, value: object, _folder: Path) -> str:
        text = text_of(value, self.allowed)
        match = _URL.fullmatch(text) if len(text) <= _LONGEST_URL else None
        wrong = "is no URL" if match is None else self._wrong(*match.groups())
        if wrong:
            raise WrongValueError.here(wrong, self.allowed)
        return text

    def _wrong(self, scheme: str, authority: str, path: str, query: str | None, fragment: str | None) -> str | None:
        checks = (
            ("@" in authority, "has a user name or a password in it; the password belongs in a file"),
            (scheme.lower() not in _USUAL_PORTS, "is neither http nor https"),
            (split_host(authority) is None, "has no valid host, or a port that is not from 1 to 65535"),
            (fragment is not None, "has a fragment (#…)"),
            (query is not None and not self.query, "has a query (?…)"),
            (not _PATH.fullmatch(path + (query or "")), "has characters that do not belong in a URL"),
        )
        return next((wrong for applies, wrong in checks if applies), None)


def _sip_fault(text: str) -> str | None:
    match = _SIP.fullmatch(text) if len(text) <= _LONGEST_URL else None
    if match is None:
        return "is no SIP URI"
    _, user, host, parameters, headers = match.groups()
    checks = (
        (user is not None and ":" in user, "has a password in it"),
        (user is not None and not _SIP_USER.fullmatch(user), "has a user part that does not belong in a SIP URI"),
        (split_host(host) is None, "has no valid host, or a port that is not from 1 to 65535"),
        (
            not _SIP_REST.fullmatch((parameters or "") + (headers or "")),
            "has characters that do not belong in a SIP URI",
        ),
    )
    return next((wrong for applies, wrong in checks if applies), None)


@frozen
class Endpoint(Kind):
    """A SIP endpoint: a sip, sips (RFC 3261) or tel (RFC 3966) URI."""

    title: str = "SIP or tel URI"
    allowed: str = 'a URI such as "sip:sales@sip1.example.com;transport=tls" or "tel:+15550100", without a password'

    def _read(self, value: object, _folder: Path) -> str:
        text = text_of(value, self.allowed)
        if not text.isascii() or not text.isprintable():
            raise WrongValueError.here("has characters that do not belong in a URI", self.allowed)
        if text.lower().startswith("tel:"):
            wrong = None if _TEL.fullmatch(text) and len(text) <= _LONGEST_URL else "is no tel URI"
        else:
            wrong = _sip_fault(text)
        if wrong:
            raise WrongValueError.here(wrong, self.allowed)
        return text


@frozen
class TelGateway(Kind):
    """A SIP URI with a place for the number of a tel URI."""

    title: str = "SIP URI with {number}"
    allowed: str = 'a SIP URI with {number} in it once, such as "sip:{number}@gw.example.com"'

    def _read(self, value: object, _folder: Path) -> str:
        text = text_of(value, self.allowed)
        wrong = _sip_fault(text.replace("{number}", "0"))
        if text.count("{number}") != 1:
            wrong = "does not have {number} in it once"
        if wrong:
            raise WrongValueError.here(wrong, self.allowed)
        return text


@frozen
class HealthTarget(Kind):
    """What is asked whether the IVR itself is alive."""

    title: str = "SIP URI, tcp:// or http URL"
    allowed: str = '"sip:ivr@127.0.0.1:5060", "tcp://127.0.0.1:5060" or "http://127.0.0.1:8080/alive"'

    def _read(self, value: object, folder: Path) -> Any:
        text = text_of(value, self.allowed)
        if text.lower().startswith(("http://", "https://")):
            return Url(query=True).read(text, folder)
        if text.lower().startswith("tcp://"):
            parts = split_host(text[len("tcp://") :])
            if parts is None or parts[1] is None:
                raise WrongValueError.here("has no valid host and port after tcp://", self.allowed)
            return text
        wrong = _sip_fault(text)
        if wrong:
            raise WrongValueError.here(wrong, self.allowed)
        return text


@frozen
class ListenAddress(Kind):
    """An IP address and a port to listen on; port 0 leaves the choice to the kernel."""

    title: str = "address:port"
    allowed: str = 'an IP address, not a name, and a port from 0 to 65535: "127.0.0.1:8093" or "[::1]:8093"'

    def _read(self, value: object, _folder: Path) -> tuple[str, int]:
        text = text_of(value, self.allowed)
        parts = split_host(text, least_port=0)
        if parts is None or parts[1] is None:
            raise WrongValueError.here(f"is {described(text)}", self.allowed)
        if not _is_address(parts[0], IPv4Address) and not _is_address(parts[0], IPv6Address):
            raise WrongValueError.here(f"is {described(text)}: a name, no address", self.allowed)
        return parts[0], parts[1]

    def _plain(self, value: tuple[str, int]) -> str:
        host, port = value
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@frozen
class Network(Kind):
    """A network, or a single address."""

    title: str = "network"
    allowed: str = 'a network such as "10.1.0.0/16", "192.0.2.7" or "::1/128"'

    def _read(self, value: object, _folder: Path) -> IPv4Network | IPv6Network:
        text = text_of(value, self.allowed)
        if "%" not in text:
            try:
                return ip_network(text)
            except ValueError as error:
                bits = ": bits are set to the right of its prefix" if "host bits" in str(error) else ""
                raise WrongValueError.here(f"is {described(text)}{bits}", self.allowed) from None
        raise WrongValueError.here(f"is {described(text)}", self.allowed)

    def _plain(self, value: IPv4Network | IPv6Network) -> str:
        return str(value)
