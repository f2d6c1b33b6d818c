"""SIP, SIPS and tel URIs, checked and taken apart.

The user part is kept as it was written: an escaped reserved character is not the same as the character itself (RFC
3261, 19.1.4), so to unescape it and escape it again could name somebody else.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Literal, cast
from urllib.parse import quote

import sipmessage
from attrs import frozen

from agentchan.sip.errors import UnusableUri

Transport = Literal["udp", "tcp", "tls"]

_LONGEST_URI = 400
"""Characters. It stands in a request twice, which must fit into 1300 bytes for UDP (RFC 3261, 18.1.1)."""

_PRINTABLE = re.compile(r"[\x21-\x7e]+")
_SCHEME = re.compile(r"(sips?|tel):", re.IGNORECASE)
_HEADERS = re.compile(r"\?(?:[A-Za-z0-9\-_.!~*'()\[\]/?:+$=&]|%[0-9A-Fa-f]{2})*")
_METHOD = re.compile(r";method(?:=[^;]*)?(?=;|$)", re.IGNORECASE)
_SEPARATORS = re.compile(r"[-.()]")
_HOST = re.compile(r"(\[[^\]]*\]|[^:;]*)(.*)")
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")
_STAND_IN = "host.invalid"
"""For host names: the library refuses those whose last label has a digit in it ("pbx1"), which RFC 3261, 25.1 allows,
and those with underscores, which are seen in private networks."""

_MOST_PORT = 65535
_LONGEST_NAME = 253
_TRANSPORTS = ("udp", "tcp", "tls")


@frozen
class SipUri:
    """Where an OPTIONS request goes, and to whom.

    Attributes:
        text: the Request-URI (RFC 3261, 19.1.5: without headers and method); equal texts are the same endpoint.
        secure: whether the scheme is sips.
        host: lower case, without brackets or a closing dot; what a TLS certificate must name (RFC 5922).
        port: None where it is not given.
        transport: None where the URI leaves it to DNS.
        maddr: overrides the host as the place to send to, None where it is not given.
    """

    text: str
    secure: bool
    host: str
    port: int | None = None
    transport: Transport | None = None
    maddr: str | None = None

    @property
    def place(self) -> str:
        """The name or address that is looked up (RFC 3263, 4)."""
        return self.maddr or self.host

    @classmethod
    def parse(cls, text: str) -> SipUri:
        """Take a sip or sips URI apart.

        Raises:
            UnusableUri: it is none, or none that can be probed.
        """
        _check_text(text)
        scheme, _, rest = text.partition(":")
        scheme = scheme.lower()
        user, at, after = rest.rpartition("@")
        bare, question, headers = after.partition("?")
        if question and not _HEADERS.fullmatch(f"?{headers}"):
            raise UnusableUri("the URI has a headers part that is not well-formed")
        host, rest_of_place = _split_host(bare)
        parsed = _parsed(f"{scheme}:{user}{at}{_STAND_IN if _HOST_NAME.fullmatch(host) else host}{rest_of_place}")
        if parsed.scheme not in ("sip", "sips"):
            raise UnusableUri("the URI is neither sip nor sips")
        if ":" in user:
            raise UnusableUri("the URI has a password in it (leave it out)")
        _, semicolon, parameters = bare.partition(";")
        host = _host(host)
        port = _port(parsed.port)
        shown = f"[{host}]" if ":" in host else host
        parameters = _METHOD.sub("", semicolon + parameters)
        values = {name.lower(): value for name, value in parsed.parameters.items()}
        return cls(
            text=f"{scheme}:{user}{at}{shown}{'' if port is None else f':{port}'}{parameters}",
            secure=scheme == "sips",
            host=host,
            port=port,
            transport=_transport(values.get("transport"), secure=scheme == "sips", given="transport" in values),
            maddr=_host(values["maddr"] or "") if "maddr" in values else None,
        )


def is_tel(text: str) -> bool:
    """Whether a URI claims to be a tel URI."""
    return text[:4].lower() == "tel:"


def gateway_uri(text: str, tel_gateway: str) -> SipUri:
    """The SIP URI that stands for a tel URI (RFC 3966).

    Args:
        text: the tel URI; its parameters do not go to the gateway.
        tel_gateway: a SIP URI with ``{number}`` in it.

    Raises:
        UnusableUri: the number or what becomes of it is no URI.
    """
    _check_text(text)
    parsed = _parsed(f"tel:{text[4:]}")
    number = _SEPARATORS.sub("", parsed.user or "")
    return SipUri.parse(tel_gateway.replace("{number}", quote(number, safe="+*")))


def _check_text(text: str) -> None:
    """What has to be right before a grammar sees it."""
    if len(text) > _LONGEST_URI:
        raise UnusableUri(f"the URI has {len(text)} characters (at most {_LONGEST_URI})")
    if not _PRINTABLE.fullmatch(text):
        raise UnusableUri("the URI is empty, or has blanks or characters in it that must be percent-encoded")
    if not _SCHEME.match(text):
        raise UnusableUri('the URI does not begin with "sip:", "sips:" or "tel:"')


def _parsed(text: str) -> sipmessage.URI:
    """The library's view, or our own error."""
    try:
        return sipmessage.URI.parse(text)
    except Exception as error:  # the library promises ValueError, but a parameter named "self" is a TypeError
        raise UnusableUri('the URI is not well-formed (such as "sip:sales@sip1.example.com;transport=tls")') from error


def _split_host(text: str) -> tuple[str, str]:
    """The host, and all that follows it."""
    match = _HOST.fullmatch(text)
    return (match[1], match[2]) if match else ("", text)


def _host(host: str) -> str:
    """A name or an address in the one form that is compared, looked up and verified."""
    bare = host.removeprefix("[").removesuffix("]").lower()
    if host.startswith("[") or bare.replace(".", "").isdigit():
        try:
            return str(ip_address(bare))
        except ValueError as error:
            raise UnusableUri("the URI has an address that is none") from error
    if not _HOST_NAME.fullmatch(bare) or len(bare) > _LONGEST_NAME:
        raise UnusableUri("the URI has no valid host name")
    return bare.removesuffix(".")


def _port(port: int | None) -> int | None:
    if port is not None and not 1 <= port <= _MOST_PORT:
        raise UnusableUri("the URI has no port from 1 to 65535")
    return port


def _transport(value: str | None, *, secure: bool, given: bool) -> Transport | None:
    """What ``;transport=`` says; ``tls`` is deprecated by RFC 3261 but what everybody writes."""
    if not given:
        return None
    name = (value or "").lower()
    if name not in _TRANSPORTS:
        raise UnusableUri("the URI names a transport that cannot be probed (udp, tcp and tls can)")
    if secure:
        if name == "udp":
            raise UnusableUri("a sips URI cannot be reached over UDP (leave transport out)")
        return "tls"
    return cast("Transport", name)
