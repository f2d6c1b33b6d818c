"""How a host answers slowly or wrongly on purpose."""

from __future__ import annotations

import re
from typing import Any

from attrs import define, field, frozen

from agentchan.lab.http_wire import HttpConnection
from agentchan.lab.soap import CONTENT_TYPE, SoapFault, envelope, fault_envelope

MANGLED = frozenset({"truncated", "wrong-namespace", "wrong-types", "dtd", "hold", "close-mid-reply"})
"""Ways that need the true answer: the request is carried out."""
FAULTS = {
    "not-active": "NotActive",
    "unavailable": "Unavailable",
    "unknown-session": "UnknownSession",
    "session-already-open": "SessionAlreadyOpen",
    "unknown-ivr": "UnknownIvr",
    "invalid-request": "InvalidRequest",
}
CANNED = frozenset({"http-503", "http-404", "http-401", "empty", "garbage", "html", "wrong-operation", "oversized"})
RESETS = frozenset({"reset-before", "reset-after"})
KINDS = MANGLED | CANNED | RESETS | FAULTS.keys() | {"slow"}
ANY = "*"
LARGEST_DELAY = 3600.0
OVERSIZED = 64 * 1024 * 1024
"""Bytes of an oversized answer: far more than any client should take."""


@define
class Rule:
    """One way to answer wrongly.

    Attributes:
        kind: one of ``KINDS``. ``reset-before`` resets the connection and applies nothing, ``reset-after`` applies the
            request and then resets: the reply is lost. ``hold`` applies, and keeps the reply until released.
        service: ``component``, ``connector`` or ``*``.
        operation: an operation's name or ``*``.
        times: so often, then no more; None: until reset.
        seconds: ``slow`` only: the delay.
        when: ``slow`` only: delay ``before`` or ``after`` the request is applied.
        applied: whether the request is carried out before a canned wrong answer or fault.
        size: ``oversized`` only: bytes.
        active_server: ``not-active`` only: the host to name.
    """

    kind: str
    service: str = ANY
    operation: str = ANY
    times: int | None = None
    seconds: float = 0.0
    when: str = "before"
    applied: bool = False
    size: int = OVERSIZED
    active_server: str | None = None

    def __attrs_post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind {self.kind!r} is none of {', '.join(sorted(KINDS))}")
        if self.service not in (ANY, "component", "connector"):
            raise ValueError(f"service {self.service!r} is none of component, connector, *")
        if self.when not in ("before", "after"):
            raise ValueError(f"when {self.when!r} is none of before, after")
        if not 0 <= self.seconds <= LARGEST_DELAY:
            raise ValueError(f"seconds {self.seconds!r} is not between 0 and {LARGEST_DELAY:.0f}")
        if self.times is not None and self.times < 1:
            raise ValueError(f"times {self.times!r} is not above 0")
        if self.kind in MANGLED or self.kind == "reset-after":
            self.applied = True

    def covers(self, service: str, operation: str) -> bool:
        """Whether the rule speaks about this operation."""
        return self.service in (ANY, service) and self.operation in (ANY, operation)


@define
class Misbehaviour:
    """The rules of one host; of several that cover an operation the newest counts, delays apart."""

    rules: list[Rule] = field(factory=list)

    def take(self, service: str, operation: str) -> Rule | None:
        """The wrong answer for this request, counted."""
        return self._take(service, operation, lambda rule: rule.kind != "slow")

    def delay(self, service: str, operation: str, when: str) -> float:
        """Seconds to wait before or after this request is applied."""
        rule = self._take(service, operation, lambda rule: rule.kind == "slow" and rule.when == when)
        return 0.0 if rule is None else rule.seconds

    def _take(self, service: str, operation: str, fits: Any) -> Rule | None:
        for rule in reversed(self.rules):
            if fits(rule) and rule.covers(service, operation):
                if rule.times is not None:
                    rule.times -= 1
                    if rule.times == 0:
                        self.rules.remove(rule)
                return rule
        return None


@frozen
class Answer:
    """One answer, ready to be sent."""

    status: int
    content_type: bytes
    body: bytes


def good_answer(content: str) -> Answer:
    """A good answer with this XML in the Body."""
    return Answer(200, CONTENT_TYPE, envelope(content))


def fault_answer(fault: SoapFault) -> Answer:
    """The answer that carries a fault."""
    return Answer(500, CONTENT_TYPE, fault_envelope(fault))


def canned(rule: Rule, namespace: str, operation: str) -> Answer:
    """The wrong answer of a rule that does not look at the true one."""
    html = b"<!DOCTYPE html><html><body><h1>It works!</h1></body></html>"
    other = "GoneResponse" if operation != "Gone" else "HeartbeatResponse"
    if namespace.endswith("component-service:1"):
        other = "WatchServerStatusResponse" if operation != "WatchServerStatus" else "GetServerStatusResponse"
    answers = {
        "http-503": Answer(503, b"text/plain", b"Service Unavailable"),
        "http-404": Answer(404, b"text/plain", b"Not Found"),
        "http-401": Answer(401, b"text/plain", b"Unauthorized"),
        "empty": Answer(200, CONTENT_TYPE, b""),
        "garbage": Answer(200, CONTENT_TYPE, b"\x00\xff\xfe not XML \x80"),
        "html": Answer(200, b"text/html", html),
        "wrong-operation": good_answer(_valid(other, namespace)),
    }
    if rule.kind == "oversized":
        head, tail = envelope(f"<!--{' '}-->").split(b"<!-- -->")
        padding = b" " * max(0, rule.size - len(head) - len(tail))
        return Answer(200, CONTENT_TYPE, head + padding + tail)
    return answers[rule.kind]


def _valid(element: str, namespace: str) -> str:
    status = (
        "<Status><Domain>lab</Domain><ServerName>ce9</ServerName><Role>Standby</Role><State>Running</State>"
        "<Generation>1</Generation><Since>2026-01-01T00:00:00Z</Since><ConnectorUrl>http://ce9/</ConnectorUrl></Status>"
    )
    contents = {
        "GoneResponse": "<State>NotReady</State><Duplicate>false</Duplicate>",
        "HeartbeatResponse": "<Role>Active</Role><Generation>1</Generation>",
    }
    return f'<{element} xmlns="{namespace}">{contents.get(element, status)}</{element}>'


def mangled(rule: Rule, answer: Answer, namespace: str) -> Answer:
    """The true answer, made wrong."""
    body = answer.body
    if rule.kind == "truncated":
        body = body[: len(body) * 2 // 3]
    elif rule.kind == "wrong-namespace":
        body = body.replace(namespace.encode(), b"urn:example:somewhere-else")
    elif rule.kind == "wrong-types":
        typed = re.compile(rb"<(Generation|State|Role|Duplicate|Code)>[^<]*<")
        # What has no typed element gets text where only elements may be.
        body = typed.sub(rb"<\1>purple<", body) if typed.search(body) else body.replace(b"/>", b">purple</x>")
        if body == answer.body:
            body = re.sub(rb"></(\w+Response)>", rb">purple</\1>", body)
    elif rule.kind == "dtd":
        text = body.replace(b"<soap:Envelope", b'<!DOCTYPE x [<!ENTITY e "boom">]><soap:Envelope', 1)
        body = text
    return Answer(answer.status, answer.content_type, body)


def send(rule: Rule | None, connection: HttpConnection, answer: Answer) -> None:
    """Send the answer, or the part of it that the rule leaves."""
    if rule is not None and rule.kind in RESETS:
        connection.abort()
    elif rule is not None and rule.kind == "close-mid-reply":
        whole = connection.head(answer.status, answer.content_type, len(answer.body)) + answer.body
        connection.close_after(whole[: len(whole) - len(answer.body) // 2])
    else:
        connection.answer(answer.status, answer.content_type, answer.body)
