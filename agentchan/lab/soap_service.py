"""One SOAP service of a host: from the HTTP request to the answer, right or wrong on purpose."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from http import HTTPStatus

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from agentchan.lab.http_wire import HttpConnection, HttpRequest
from agentchan.lab.misbehaviour import (
    FAULTS,
    MANGLED,
    Answer,
    Misbehaviour,
    Rule,
    canned,
    fault_answer,
    good_answer,
    mangled,
    send,
)
from agentchan.lab.request_log import RequestLog
from agentchan.lab.soap import BadRequest, Contract, Request, SoapFault

log = Logger()


@define(eq=False)
class SoapService:
    """Serves one contract on one path.

    Attributes:
        name: ``component`` or ``connector``.
        execute: carries out a valid request; returns the body of the answer or a Deferred of it, raises SoapFault.
        refuse: makes the service's own fault of a reason and a text, for requests that never reach ``execute``.
        refused: told of each malformed request.
        held: answers that are kept until :meth:`release`.
    """

    reactor: IReactorTime
    name: str
    path: str
    contract: Contract
    execute: Callable[[Request, HttpConnection], str | Deferred[str]]
    refuse: Callable[[str, str, Rule | None], SoapFault]
    refused: Callable[[HttpConnection, SoapFault], None]
    misbehaviour: Misbehaviour
    request_log: RequestLog
    url: str = ""
    held: list[Callable[[], None]] = field(factory=list)

    def handle(self, request: HttpRequest) -> None:
        """Answer one HTTP request."""
        if request.path != self.path:
            request.respond(HTTPStatus.NOT_FOUND, b"text/plain", f"the service is at {self.path}".encode())
        elif request.method == "GET" and request.query.lower() == "wsdl":
            request.respond(HTTPStatus.OK, b"text/xml; charset=utf-8", self.contract.wsdl(self.url))
        elif request.method != "POST":
            request.respond(HTTPStatus.METHOD_NOT_ALLOWED, b"text/plain", b"POST a SOAP request, or GET ?wsdl")
        elif request.headers.get("content-type", "").split(";")[0].strip().lower() != "text/xml":
            request.respond(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, b"text/plain", b"SOAP 1.1 is text/xml")
        else:
            self._receive(request)

    def _receive(self, request: HttpRequest) -> None:
        valid: Request | BadRequest
        try:
            valid = self.contract.read(request.body, request.headers.get("soapaction"))
            operation = valid.operation
        except BadRequest as fault:
            valid, operation = fault, ""
        connection = request.connection
        self.request_log.write("request", self.name, connection.name, connection.peer_port, operation=operation)
        delay = self.misbehaviour.delay(self.name, operation, "before")
        if delay:
            self.reactor.callLater(delay, self._carry_out, connection, valid, operation)
        else:
            self._carry_out(connection, valid, operation)

    def _carry_out(self, connection: HttpConnection, valid: Request | BadRequest, operation: str) -> None:
        rule = self.misbehaviour.take(self.name, operation)
        if rule is not None and not rule.applied:
            self._finish(connection, operation, rule, Answer(HTTPStatus.OK, b"", b""))
            return
        outcome = self._outcome(connection, valid)
        if isinstance(outcome, Deferred):
            outcome.addCallback(lambda content: self._finish(connection, operation, rule, good_answer(content)))
            outcome.addErrback(lambda failure: log.failure("a held request broke", failure))
        else:
            self._finish(connection, operation, rule, outcome)

    def _outcome(self, connection: HttpConnection, valid: Request | BadRequest) -> Answer | Deferred[str]:
        try:
            if isinstance(valid, BadRequest):
                fault = self.refuse("InvalidRequest", valid.text, None)
                fault.code = valid.code
                self.refused(connection, fault)
                return fault_answer(fault)
            outcome = self.execute(valid, connection)
        except SoapFault as fault:
            return fault_answer(fault)
        except sqlite3.OperationalError as error:
            return fault_answer(self.refuse("Unavailable", f"the domain's database: {error}", None))
        except Exception as error:  # noqa: BLE001 - a host must answer, and say in its log what broke
            log.failure("a request broke")
            return fault_answer(self.refuse("Unavailable", f"the lab itself failed: {error!r}", None))
        return good_answer(outcome) if isinstance(outcome, str) else outcome

    def _finish(self, connection: HttpConnection, operation: str, rule: Rule | None, answer: Answer) -> None:
        if rule is not None:
            answer = self._wrong(rule, operation, answer)
        delay = self.misbehaviour.delay(self.name, operation, "after")
        if rule is not None and rule.kind == "hold":
            self.held.append(lambda: self._send(connection, operation, rule, answer))
        elif delay:
            self.reactor.callLater(delay, self._send, connection, operation, rule, answer)
        else:
            self._send(connection, operation, rule, answer)

    def _wrong(self, rule: Rule, operation: str, answer: Answer) -> Answer:
        if rule.kind in FAULTS:
            return fault_answer(self.refuse(FAULTS[rule.kind], "a wrong answer, asked for by the lab", rule))
        if rule.kind in MANGLED:
            return mangled(rule, answer, self.contract.namespace)
        if rule.kind in ("reset-before", "reset-after"):
            return answer
        return canned(rule, self.contract.namespace, operation)

    def _send(self, connection: HttpConnection, operation: str, rule: Rule | None, answer: Answer) -> None:
        self.request_log.write(
            "answered",
            self.name,
            connection.name,
            connection.peer_port,
            operation=operation,
            status=answer.status,
            wrong=None if rule is None else rule.kind,
            says=_gist(answer.body),
        )
        send(rule, connection, answer)

    def release(self) -> int:
        """Send every reply that was held; returns how many."""
        held, self.held = self.held, []
        for reply in held:
            reply()
        return len(held)


def _gist(body: bytes) -> str | None:
    # The role that was said, or the fault's code: what "had been told that it is not active" is checked with.
    for mark in (b"<Code>", b"<Role>"):
        _, found, rest = body.partition(mark)
        if found:
            return rest.partition(b"<")[0].decode("ascii", "replace")
    return None
