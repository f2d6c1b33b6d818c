"""Requests and answers for tests."""

from __future__ import annotations

from agentchan.sip.message import OptionsRequest
from agentchan.sip.uri import SipUri

REQUEST = OptionsRequest(
    uri=SipUri.parse("sip:a%40b@sip1.example.com;user=phone"),
    transport="udp",
    sent_by="192.0.2.9:40000",
    branch="z9hG4bK0123456789abcdef",
    call_id="fedcba9876543210",
    tag="00112233",
)

ANSWER = (
    b"SIP/2.0 200 OK\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.9:40000;branch=z9hG4bK0123456789abcdef;rport=40000;received=192.0.2.9\r\n"
    b"From: <sip:agentchan@192.0.2.9:40000>;tag=00112233\r\n"
    b"To: <sip:a%40b@sip1.example.com;user=phone>;tag=x\r\n"
    b"Call-ID: fedcba9876543210\r\n"
    b"CSeq: 1 OPTIONS\r\n"
    b"Server: some SIP thing (1.0)\r\n"
    b"Content-Length: 0\r\n"
    b"\r\n"
)


def reply(request: bytes, status: str = "200 OK") -> bytes:
    """The answer to any request."""
    kept = (b"Via", b"From", b"Call-ID", b"CSeq")
    lines = [line for line in request.split(b"\r\n") if line.split(b":")[0] in kept]
    return b"\r\n".join([b"SIP/2.0 " + status.encode(), *lines, b"To: <sip:x@y>;tag=z", b"Content-Length: 0", b"", b""])
