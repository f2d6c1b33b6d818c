"""OPTIONS requests out, responses in, by the library ``sipmessage``.

The library is simple and strict. What comes from the network is bounded before it is parsed, header lines are brought
into the one form that it knows (RFC 3261, 7.3.1 allows more), and whatever it raises becomes our own error.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import sipmessage
from attrs import frozen

from agentchan.sip.errors import MalformedMessage
from agentchan.sip.uri import SipUri, Transport

LARGEST_MESSAGE = 16 * 1024
"""Bytes of a response that is read; an answer to OPTIONS with a session description has about 2 KiB."""

_MOST_LINES = 200
"""Header lines; answers have some 20."""

_LONGEST_LINE = 512
"""Bytes of a header line that matters, after unfolding. Ours have 100, and servers add an address to one; the library
takes 0.2 ms for so many."""

_STATUS_LINE = re.compile(rb"SIP/2\.0 ([1-6][0-9]{2})(?: ([^\r\n]*))?", re.IGNORECASE)
_REQUEST_LINE = re.compile(rb"[!-~]+ [!-~]+ SIP/2\.0", re.IGNORECASE)
_FOLD = re.compile(rb"\r\n[ \t]+")
_HEADER = re.compile(rb"([!-9;-~]+)[ \t]*:[ \t]*(.*)", re.DOTALL)
_NEEDED = {b"via": "Via", b"v": "Via", b"cseq": "CSeq", b"call-id": "Call-ID", b"i": "Call-ID"}
_RECEIVED = re.compile(rb";[ \t]*received[ \t]*=[^;,]*", re.IGNORECASE)
"""Not needed here, and an IPv6 address in it has no brackets (RFC 3261, 25.1), which the library does not know."""

_LONGEST_PHRASE = 80
"""Bytes of a reason phrase that are shown."""


@frozen
class OptionsRequest:
    """What identifies one OPTIONS request and its answers.

    Attributes:
        branch: of its Via, beginning with the magic cookie (RFC 3261, 8.1.1.7).
        sent_by: ``host`` or ``host:port`` of its Via.
    """

    uri: SipUri
    transport: Transport
    sent_by: str
    branch: str
    call_id: str
    tag: str
    sequence: int = 1

    def encode(self) -> bytes:
        """The message."""
        text = self.uri.text
        message = sipmessage.Request("OPTIONS", _Verbatim(scheme="sip", host="", text=text))
        header = message.headers.set
        header("Via", f"SIP/2.0/{self.transport.upper()} {self.sent_by};branch={self.branch};rport")
        header("Max-Forwards", "70")
        header("From", f"<sip:agentchan@{self.sent_by}>;tag={self.tag}")
        header("To", f"<{text}>")
        header("Call-ID", self.call_id)
        header("CSeq", f"{self.sequence} OPTIONS")
        header("Contact", f"<{self._contact}>")
        header("Accept", "application/sdp")
        header("User-Agent", "agentchan")
        header("Content-Length", "0")
        return bytes(message)

    @property
    def _contact(self) -> str:
        """Where we are; for a sips URI it has to be one too (RFC 3261, 8.1.1.8)."""
        if self.uri.secure:
            return f"sips:agentchan@{self.sent_by}"
        parameter = "" if self.transport == "udp" else f";transport={self.transport}"
        return f"sip:agentchan@{self.sent_by}{parameter}"


@dataclass(frozen=True)
class _Verbatim(sipmessage.URI):
    """A URI that is written as it was read; the library would escape the user part anew."""

    text: str = ""

    def __str__(self) -> str:
        return self.text


@frozen
class Answer:
    """A SIP response, as far as a probe needs it.

    Attributes:
        code: 100 to 699.
        phrase: the reason phrase, bounded and printable.
        branch: of its only Via.
        sent_by: ``host`` or ``host:port`` of that Via, lower case.
    """

    code: int
    phrase: str
    branch: str
    sent_by: str
    call_id: str
    sequence: int
    method: str

    @property
    def final(self) -> bool:
        """Whether it ends the transaction (RFC 3261, 7.2)."""
        return self.code >= 200  # noqa: PLR2004 - the number is the RFC's

    def mismatch(self, request: OptionsRequest) -> str | None:
        """Why this is no answer to the request, whose branch it has; None if it is one.

        RFC 3261, 17.1.3 and 18.1.2 (sent-by), 8.2.6.2 (CSeq and Call-ID are the request's own).
        """
        if (self.sequence, self.method) != (request.sequence, "OPTIONS"):
            return "an answer with another CSeq"
        if self.sent_by != request.sent_by.lower():
            return "an answer with another Via"
        if self.call_id != request.call_id:
            return "an answer with another Call-ID"
        return None


def read_answer(data: bytes) -> Answer:
    """Take a response apart.

    Raises:
        MalformedMessage: it is none, or too large to be looked at.
    """
    if len(data) > LARGEST_MESSAGE:
        raise MalformedMessage(f"a message of {len(data)} bytes")
    head, end, _ = data.partition(b"\r\n\r\n")
    if not end:
        raise MalformedMessage("a message without the empty line after its headers")
    first, *lines = _FOLD.sub(b" ", head).split(b"\r\n")
    status = _STATUS_LINE.fullmatch(first)
    if status is None:
        kind = "a request" if _REQUEST_LINE.fullmatch(first) else "a message without a SIP status line"
        raise MalformedMessage(kind)
    needed = b"\r\n".join(_needed_lines(lines))
    try:
        message = sipmessage.Message.parse(b"SIP/2.0 %s \r\n%s\r\n\r\n" % (status[1], needed))
        vias, cseq = message.via, message.cseq
    except Exception as error:  # the library promises ValueError, but raises others too
        raise MalformedMessage("a message with malformed headers") from error
    if len(vias) != 1:
        raise MalformedMessage(f"a message with {len(vias)} Via values")
    via = vias[0]
    parameters = {name.lower(): value for name, value in via.parameters.items()}
    return Answer(
        code=int(status[1]),
        phrase=_printable(status[2] or b""),
        branch=parameters.get("branch") or "",
        sent_by=(via.host if via.port is None else f"{via.host}:{via.port}").lower(),
        call_id=message.call_id,
        sequence=cseq.sequence,
        method=cseq.method,
    )


def _needed_lines(lines: list[bytes]) -> list[bytes]:
    """The header lines that matter, each there once, in the library's form.

    The others are only required to be header lines: a proxy that sends odd bytes in a Server header does answer.
    """
    if len(lines) > _MOST_LINES:
        raise MalformedMessage(f"a message with {len(lines)} header lines")
    needed: dict[str, bytes] = {}
    for line in lines:
        header = _HEADER.fullmatch(line)
        if header is None:
            raise MalformedMessage("a message with a line that is no header")
        name = _NEEDED.get(header[1].lower())
        if name is None:
            continue
        if name in needed:  # of Via too: with several it was misrouted (RFC 3261, 8.1.3.3)
            raise MalformedMessage(f"a message with several {name} headers")
        if len(line) > _LONGEST_LINE:
            raise MalformedMessage(f"a message with a header line of {len(line)} bytes")
        needed[name] = b"%s: %s" % (name.encode(), _RECEIVED.sub(b"", header[2].rstrip(b" \t")))
    for name in ("Via", "CSeq", "Call-ID"):
        if name not in needed:
            raise MalformedMessage(f"a message without {name}")
    return list(needed.values())


def _printable(phrase: bytes) -> str:
    """A reason phrase, fit for one line of a log."""
    text = phrase[:_LONGEST_PHRASE].decode("utf-8", "replace")
    return "".join(character if character.isprintable() else "?" for character in text).strip()
