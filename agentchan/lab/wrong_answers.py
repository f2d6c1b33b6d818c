"""The answers that the rules of :mod:`agentchan.lab.misbehaviour` ask for."""

from __future__ import annotations

import re
from http import HTTPStatus

from attrs import frozen

from agentchan.lab.http_wire import HttpConnection, Sent
from agentchan.lab.misbehaviour import RESETS, Rule
from agentchan.lab.soap import CONTENT_TYPE, SoapFault, envelope, fault_envelope

TYPED = re.compile(rb"<(Generation|State|Role|Duplicate|Code|NewCallResult|GoneResult)>[^<]*<")
STATUS = (
    "<Status><Domain>lab</Domain><ServerName>ce9</ServerName><Role>Standby</Role><State>Running</State>"
    "<Generation>1</Generation><Since>2026-01-01T00:00:00Z</Since><ConnectorUrl>http://ce9/</ConnectorUrl></Status>"
)
OTHERS = {
    "WatchServerStatus": f"<GetServerStatusResponse NAMESPACE>{STATUS}</GetServerStatusResponse>",
    "GetServerStatus": f"<WatchServerStatusResponse NAMESPACE>{STATUS}</WatchServerStatusResponse>",
    "Gone": "<HeartbeatResponse NAMESPACE><Role>Active</Role><Generation>1</Generation></HeartbeatResponse>",
}
"""A valid answer, but of another operation."""
ANOTHER = "<GoneResponse NAMESPACE><State>NotReady</State><Duplicate>false</Duplicate></GoneResponse>"
HTML = b"<!DOCTYPE html><html><body><h1>It works!</h1></body></html>"


@frozen
class Answer:
    """One answer, ready to be sent."""

    status: int
    content_type: bytes
    body: bytes


def good_answer(content: str) -> Answer:
    """A good answer with this XML in the Body."""
    return Answer(HTTPStatus.OK, CONTENT_TYPE, envelope(content))


def fault_answer(fault: SoapFault) -> Answer:
    """The answer that carries a fault."""
    return Answer(HTTPStatus.INTERNAL_SERVER_ERROR, CONTENT_TYPE, fault_envelope(fault))


def canned(rule: Rule, namespace: str, operation: str) -> Answer:
    """The wrong answer of a rule that does not look at the true one."""
    if rule.kind == "oversized":
        head, tail = envelope("<!-- -->").split(b"<!-- -->")
        padding = b" " * max(0, rule.size - len(head) - len(tail))
        return Answer(HTTPStatus.OK, CONTENT_TYPE, head + padding + tail)
    other = OTHERS.get(operation, ANOTHER).replace("NAMESPACE", f'xmlns="{namespace}"')
    return {
        "http-503": Answer(HTTPStatus.SERVICE_UNAVAILABLE, b"text/plain", b"Service Unavailable"),
        "http-404": Answer(HTTPStatus.NOT_FOUND, b"text/plain", b"Not Found"),
        "http-401": Answer(HTTPStatus.UNAUTHORIZED, b"text/plain", b"Unauthorized"),
        "empty": Answer(HTTPStatus.OK, CONTENT_TYPE, b""),
        "garbage": Answer(HTTPStatus.OK, CONTENT_TYPE, b"\x00\xff\xfe not XML \x80"),
        "html": Answer(HTTPStatus.OK, b"text/html", HTML),
        "wrong-operation": good_answer(other),
    }[rule.kind]


def mangled(rule: Rule, answer: Answer, namespace: str) -> Answer:
    """The true answer, made wrong."""
    body = answer.body
    if rule.kind == "truncated":
        body = body[: len(body) * 2 // 3]
    elif rule.kind == "wrong-namespace":
        body = body.replace(namespace.encode(), b"urn:example:somewhere-else")
    elif rule.kind == "wrong-types":
        if TYPED.search(body):
            body = TYPED.sub(rb"<\1>purple<", body)
        else:  # text where only elements may be
            body = re.sub(rb"></(\w+Response)>", rb">purple</\1>", body)
    elif rule.kind == "dtd":
        body = body.replace(b"<soap:Envelope", b'<!DOCTYPE x [<!ENTITY e "boom">]><soap:Envelope', 1)
    return Answer(answer.status, answer.content_type, body)


def send(rule: Rule | None, connection: HttpConnection, answer: Answer, on_sent: Sent) -> None:
    """Send the answer, or the part of it that the rule leaves."""
    if rule is not None and rule.kind in RESETS:
        connection.abort()
    elif rule is not None and rule.kind == "close-mid-reply":
        whole = connection.head(answer.status, answer.content_type, len(answer.body)) + answer.body
        connection.answer_in_part(whole[: len(whole) - len(answer.body) // 2], on_sent)
    else:
        connection.answer(answer.status, answer.content_type, answer.body, on_sent)
